"""What invitations must have been paid by now: what was due a day before the last round, and what a stage is worth.

A round is known by its job, as long as that is kept. What has become due since may wait for the next ones, and so may
what waits for its turn after a setback.
"""

from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    Subquery,
    and_,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)

from mall.base.db import dialect
from mall.base.proof import Check
from mall.base.sql import each_in, higher_of, named_in, seconds_later
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import audit, notices, people, programme

from .facts import FactRow
from .invitation_rewards import LEAST_CENTS
from .invitations import ACCEPTED, CLEAR, Invitation
from .proof_of_invitations import STAGES
from .proof_of_undoing import undone
from .tasks import TaskReward

# The job that gives what is due, and how long what is due may take.
ROUND, MINUTE_SECONDS, DAY_SECONDS = "invitations.reward", 60, 86_400
# By so much the day of a shop may differ from the day it is elsewhere; and the longest month.
DAYS_APART, MONTH_DAYS = 2, 31


def reward_due_checks() -> list[Check]:
    """Return the checks of what invitations are worth and was never given."""
    return [
        Check(N_("as of the last round invitations are rewarded a day after what they are for"), _never_reached()),
        Check(N_("a stage of an invitation was paid what its task says, unless a cap was reached"), _never_paid()),
    ]


def _never_reached() -> Select[*tuple[Any, ...]]:
    """Find invitations whose friend confirmed the e-mail, or keeps an order, without the fact that rewards it."""
    row, friend, inviter = Invitation, aliased(people.Member), aliased(people.Member)
    rounds, version, approval = _rounds(), programme.ProgrammeVersion, programme.ProgrammeApproval
    held = (
        select(func.max(approval.version)).where(approval.effective_from <= rounds.c.last_at).correlate(rounds)
    ).scalar_subquery()
    begun = select(approval.version).where(
        approval.version == version.id, approval.effective_from <= rounds.c.passed_at
    )
    two = [and_(each.deactivated_at.is_(None), ~_unfrozen_since(each, rounds).exists()) for each in (friend, inviter)]
    return (
        select(row.friend_id, row.inviter_id)
        .select_from(row)
        .join(friend, friend.id == row.friend_id)
        .join(inviter, inviter.id == row.inviter_id)
        .join(rounds, true())
        .join(version, version.id == held)
        .where(
            begun.correlate(version, rounds).exists(),
            or_(row.state == CLEAR, and_(row.state == ACCEPTED, row.decided_at < rounds.c.passed_at)),
            friend.verified_at < rounds.c.passed_at,
            *two,
            or_(~_reached("joined"), and_(_kept(version, rounds).exists(), ~_reached("bought"))),
        )
    )


def _rounds() -> Subquery:
    """Return when the last round that was done began, and the last one that began a day before."""
    job = notices.Notice
    done = (job.kind == ROUND, job.sent_at.is_not(None))
    last = select(job.written_at.label("last_at")).where(*done).order_by(job.id.desc()).limit(1).subquery("last")
    before = select(func.max(job.written_at)).where(
        *done, job.written_at <= seconds_later(last.c.last_at, literal(-DAY_SECONDS))
    )
    return select(last.c.last_at, before.correlate(last).scalar_subquery().label("passed_at")).subquery("rounds")


def _unfrozen_since(member: Any, rounds: Subquery) -> Select[*tuple[Any, ...]]:
    entry = audit.Entry
    return (
        select(entry.id)
        .where(
            entry.subject == literal("member:") + cast(member.id, String),
            entry.act == "member.unfrozen",
            entry.at >= rounds.c.passed_at,
        )
        .correlate(member, rounds)
    )


def _reached(stage: str) -> ColumnElement[bool]:
    fact = aliased(FactRow)
    return (
        select(fact.id)
        .where(
            fact.reference == literal("invitation:") + cast(Invitation.friend_id, String),
            fact.kind == f"friend_{stage}",
            ~undone(fact.id),
        )
        .correlate(Invitation)
        .exists()
    )


def _kept(version: Any, rounds: Subquery) -> Select[*tuple[Any, ...]]:
    """Select the orders that a friend keeps since before, and still keeps as much of as the task asks for."""
    kept, since, task = aliased(FactRow), aliased(FactRow), each_in(version.settings["tasks"], "each_task")
    # No bound value: SQLAlchemy leaves them in a CAST for SQLite, also where it was told to write them out.
    said = cast(named_in(task.c.value, literal_column("'least_cents'")), Integer)
    asked = (
        select(func.max(said))
        .select_from(task)
        .where(named_in(task.c.value, literal("key")) == "friend_bought")
        .correlate(version)
        .scalar_subquery()
    )
    least = higher_of(func.coalesce(asked, 0), LEAST_CENTS)
    less = select(since.id).where(
        since.reference == kept.reference,
        since.kind == "order_reduced",
        since.id > kept.id,
        since.attributes["kept_cents"].as_integer() < least,
    )
    return (
        select(kept.id)
        .where(
            kept.member_id == Invitation.friend_id,
            kept.kind == "order_kept",
            kept.at < rounds.c.passed_at,
            kept.attributes["kept_cents"].as_integer() >= least,
            ~less.correlate(kept, version).exists(),
        )
        .correlate(Invitation, version, rounds)
    )


def _never_paid() -> Select[*tuple[Any, ...]]:
    """Find stages that were reached while their task was paid to everybody, without its reward.

    In doubt it was not: near the task's first or last day, or where a cap may have been reached by what was undone.
    """
    fact, version, approval, reward = FactRow, programme.ProgrammeVersion, programme.ProgrammeApproval, TaskReward
    before = seconds_later(fact.at, literal(-MINUTE_SECONDS))
    newest, then = (
        select(func.max(approval.version)).where(approval.effective_from <= at).correlate(fact).scalar_subquery()
        for at in (fact.at, before)
    )
    task = each_in(version.settings["tasks"], "each_task")

    def said(name: str, kind: Any = Integer) -> Any:
        # No bound value: SQLAlchemy leaves them in a CAST for SQLite, also where it was told to write them out.
        return cast(named_in(task.c.value, literal_column(f"'{name}'")), kind)

    def open_within(cap: str, days: int | None) -> ColumnElement[bool]:
        mine = [reward.member_id == fact.member_id, reward.task == fact.kind, reward.at <= fact.at]
        if days is not None:
            mine.append(reward.at > seconds_later(fact.at, literal(-days * DAY_SECONDS)))
        paid = select(func.count(reward.id)).where(*mine).correlate(fact).scalar_subquery()
        return or_(said(cap).is_(None), paid < said(cap))

    rewarded = select(reward.id).where(reward.fact_id == fact.id, reward.task == fact.kind).correlate(fact)
    return (
        select(fact.id, fact.member_id, fact.reference)
        .select_from(fact)
        .join(version, and_(version.id == newest, version.id == then))
        .join(task, named_in(task.c.value, literal("key")) == fact.kind)
        .where(
            fact.kind.in_(STAGES),
            said("active", Boolean),
            func.coalesce(said("from_rank"), 1) == 1,
            or_(said("begins_on", String).is_(None), said("begins_on", String) < _day_of(fact.at, -DAYS_APART)),
            or_(said("ends_on", String).is_(None), said("ends_on", String) > _day_of(fact.at, DAYS_APART)),
            or_(
                fact.kind == "friend_joined",
                fact.attributes["kept_cents"].as_integer() >= func.coalesce(said("least_cents"), 0),
            ),
            open_within("per_day", 1 + DAYS_APART),
            open_within("per_month", MONTH_DAYS + DAYS_APART),
            open_within("in_all", None),
            ~rewarded.exists(),
        )
    )


def _day_of(instant: Any, days: int) -> ColumnElement[str]:
    """Return the day that lies so many days after an instant, as text."""
    if dialect() == "sqlite":
        return func.date(instant, f"{days} days", type_=String)
    return cast(cast(instant, Date) + days, String)
