"""Grants: a level that is given for a time, by hand or by a paid plan; growth goes on underneath.

While a grant lasts, its member's rank is the higher of the two. It ends with the last instant of its last day whether
or not a job has run; the night writes down that it has ended, and tells the member.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import CheckConstraint, ForeignKey, Index, Row, String, insert, select, true

from mall.base.clock import Instant, end_of, start_of
from mall.base.db import db, execute, in_transaction
from mall.base.errors import Refusal
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, say
from mall.domain import audit, notices, programme, repeats

MANUAL, PAID = "manual", "paid"
OVER, WITHDRAWN, REPLACED = "over", "withdrawn", "replaced"
LONGEST_DAYS = 366


class NoSuchLevel(Refusal):
    message = N_("Choose a level above the lowest.")


class GrantTooLong(Refusal):
    message = N_("A level is granted until a day from {first} to {last}.")


class LevelGrant(db.Model):
    """A level given to a member for a time, and why. `reference` says what paid for it, for a paid plan."""

    __table_args__ = (
        CheckConstraint("kind IN ('manual', 'paid')", name="kind_known"),
        CheckConstraint("rank > 1", name="above_the_lowest"),
        CheckConstraint("ends_at > begins_at", name="ends_after_it_begins"),
        CheckConstraint("kind <> 'manual' OR reason <> ''", name="by_hand_for_a_reason"),
        Index(None, "member_id", "ends_at"),
        Index(None, "ends_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    rank: Mapped[int]
    kind: Mapped[str] = mapped_column(String(8))
    begins_on: Mapped[date]
    begins_at: Mapped[datetime] = mapped_column(Instant)
    last_day: Mapped[date]
    ends_at: Mapped[datetime] = mapped_column(Instant)
    reason: Mapped[str] = mapped_column(String(500))
    reference: Mapped[str] = mapped_column(String(60))
    by: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    key: Mapped[str] = mapped_column(String(120), unique=True)


class LevelGrantEnd(db.Model):
    """A grant has ended: its time was over, somebody withdrew it and said why, or one of a newer version with other
    levels has taken its place.
    """

    __table_args__ = (
        CheckConstraint("how IN ('over', 'withdrawn', 'replaced')", name="how_known"),
        CheckConstraint("how <> 'withdrawn' OR reason <> ''", name="withdrawn_for_a_reason"),
    )

    grant_id: Mapped[int] = mapped_column(ForeignKey("level_grant.id"), primary_key=True, autoincrement=False)
    how: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(500))
    by: Mapped[str] = mapped_column(String(40))
    ended_at: Mapped[datetime] = mapped_column(Instant)


for _table in (LevelGrant, LevelGrantEnd):
    append_only(_table)


class Grant(Struct, frozen=True):
    """A level to be given: which, up to and with which day, why, and by whom. `key` makes it once.

    It begins at once, or with `first_day`, where that is still to come.
    """

    member_id: int
    rank: int
    last_day: date
    reason: str
    by: str
    key: str
    kind: str = MANUAL
    reference: str = ""
    first_day: date | None = None


_GRANTED = N_(
    "This form was sent before: it has granted {level} until {last_on}. Nothing more was done. Send the form again"
    " to grant this one, too, or end that one early."
)


def write_grant(grant: Grant, *, terms: programme.Programme, at: datetime) -> int:
    """Give a level for a time, and tell the member. Asked again, answers the first grant.

    The member's purse is locked. Raises NoSuchLevel, GrantTooLong, and repeats.SentOtherwise for another by hand.
    """
    assert in_transaction()
    says = {name: getattr(grant, name) for name in ("member_id", "rank", "last_day", "reason")}
    sent = repeats.Sent("level_grant", grant.key, grant.by, says)
    if (known := execute(select(LevelGrant.id).where(LevelGrant.key == grant.key)).scalar_one_or_none()) is not None:
        repeats.refuse_other(sent)
        return int(known)
    today = grant.first_day or terms.today(at)
    if grant.kind == MANUAL and not 1 < grant.rank <= len(terms.levels):
        raise NoSuchLevel
    refuse_length(grant.last_day, today=today)
    values = {name: getattr(grant, name) for name in Grant.__struct_fields__ if name != "first_day"} | {
        "begins_on": today,
        "begins_at": max(at, start_of(today, terms.zone)),
        "ends_at": end_of(grant.last_day, terms.zone),
        "version": terms.version,
    }
    grant_id = int(execute(insert(LevelGrant).values(values).returning(LevelGrant.id)).scalar_one())
    level = dict(terms.level(grant.rank).name)
    if grant.kind == MANUAL:
        audit_grants([values | {"id": grant_id}], at=at)
        repeats.keep(sent, done=say(_GRANTED, level=level, last_on=grant.last_day), at=at)
    notices.tell(
        grant.member_id,
        "level_granted",
        values={"level": level, "last_day": grant.last_day.isoformat()},
        key=f"level_granted:{grant_id}",
        at=at,
    )
    return grant_id


def refuse_length(last_day: date, *, today: date) -> None:
    """Raise GrantTooLong for a last day that is over, or too far away, for a level that begins today."""
    latest = today + timedelta(days=LONGEST_DAYS)
    if not today <= last_day <= latest:
        raise GrantTooLong(first=today, last=latest).about("last_day")


def grants_of(member_id: int) -> Sequence[Row[Any]]:
    """Return a member's grants, newest first: the columns of LevelGrant, and how, why, by whom and when it ended."""
    end = LevelGrantEnd
    return execute(
        select(
            LevelGrant,
            end.how,
            end.reason.label("end_reason"),
            end.by.label("ended_by"),
            end.ended_at,
        )
        .outerjoin(end, end.grant_id == LevelGrant.id)
        .where(LevelGrant.member_id == member_id)
        .order_by(LevelGrant.id.desc())
    ).all()


def lasts(member_id: Any, *, at: Any) -> list[Any]:
    """Return the conditions on which a grant of a member, or of any (None), gives its level at an instant."""
    return [
        LevelGrant.member_id == member_id if member_id is not None else true(),
        LevelGrant.begins_at <= at,
        LevelGrant.ends_at >= at,
        not_ended(),
    ]


def lasted(member_id: Any, *, at: Any) -> list[Any]:
    """Return the conditions on which a grant of a member gave its level at an instant that is over."""
    ended = select(LevelGrantEnd.grant_id).where(LevelGrantEnd.grant_id == LevelGrant.id, LevelGrantEnd.ended_at <= at)
    return [
        LevelGrant.member_id == member_id,
        LevelGrant.begins_at <= at,
        LevelGrant.ends_at >= at,
        ~ended.correlate_except(LevelGrantEnd).exists(),
    ]


def not_ended(grant: Any = LevelGrant) -> Any:
    """Return the condition that nothing has ended a grant, nor written down that its time is over."""
    ended = select(LevelGrantEnd.grant_id).where(LevelGrantEnd.grant_id == grant.id)
    return ~ended.correlate(grant).exists()


def audit_grants(granted: Sequence[Mapping[str, Any]], *, at: datetime) -> None:
    """Write to the audit log that levels were granted by hand: the columns of LevelGrant of each."""
    audit.write_many(
        "level.granted",
        [
            {
                "by": each["by"],
                "subject": f"member:{each['member_id']}",
                "after": {"grant": each["id"], "rank": each["rank"], "last_day": each["last_day"].isoformat()},
                "reason": each["reason"],
            }
            for each in granted
        ],
        at=at,
    )
