"""Dormancy: growth of members who do nothing for long is taken off month by month, each time announced before.

Activity is what a member did and a fact keeps: an order paid, a check-in, something told of themselves; not what comes
about without them. A page that was looked at is none. It leaves no fact, so that nobody could prove later who had been
away, and the check-in that keeps all growth is one tap.

What is taken off counts on the day it is taken. Where the growth it was taken of leaves the window sooner, the night
gives back whatever would bring a member below what dormancy leaves everybody.
"""

from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    Row,
    String,
    UniqueConstraint,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal,
    select,
)

from mall.base.clock import Instant, end_of, months_later, start_of
from mall.base.db import db, execute, in_transaction
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, say
from mall.domain import ledger, membership, notices, people, programme

from .facts import BY_ITSELF, FactRow
from .levels_again import reach_again_all
from .orders import RULE
from .reported import RULE as PARTNER_RULE

NOTICE_DAYS = 14
# Growth of these rules shows that a member has bought.
BOUGHT_BY = (RULE, PARTNER_RULE)
# The members of one share, by their ids; their purses are locked where growth is taken off.
MEMBERS_AT_ONCE = 1_000


class DormancyNotice(db.Model):
    """A member was told that growth, at most so much, is taken off on a day unless they do something before.

    `active_at` is what they did last, `until` the last instant at which anything they do keeps it. What is taken off
    refers to the notice by reference_of().
    """

    __table_args__ = (
        UniqueConstraint("member_id", "deducts_on"),
        CheckConstraint("points > 0", name="something_to_lose"),
        CheckConstraint("told_on < deducts_on", name="told_before"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    active_at: Mapped[datetime] = mapped_column(Instant)
    points: Mapped[int]
    told_on: Mapped[date]
    told_at: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime] = mapped_column(Instant)
    deducts_on: Mapped[date]
    version: Mapped[int]


append_only(DormancyNotice)


class Announced(Struct, frozen=True):
    """What a member was told: the day, and the growth that goes unless they do something before."""

    deducts_on: date
    points: int


def take_off_dormant(
    *, terms: programme.Programme, after: int, at: datetime, share: int = MEMBERS_AT_ONCE
) -> int | None:
    """Do what a night brings a share of the members, those with ids above `after`.

    Takes off what was announced for today or before, gives back what would be too much by now, and announces what
    comes next. Returns where the next share begins; None after the last. Done twice, it does nothing more.
    """
    assert in_transaction()
    today = terms.today(at)
    window = {"today": today, "window_begins": membership.window_start(today)}
    whose = {"after": after, "last": after + share, **window}
    if terms.dormancy_active:
        _take_off(whose, terms=terms, at=at)
    _give_back(whose, terms=terms, at=at)
    if terms.dormancy_active:
        _announce(whose, terms=terms, at=at)
    return after + share if execute(_MORE, whose).first() else None


def announced_to(member_id: int, *, today: date) -> Announced | None:
    """Return what a member was told that still comes unless they do something, or None. One statement."""
    row = execute(ANNOUNCED, {"of_member": member_id, "today": today}).one_or_none()
    return Announced(row.deducts_on, row.points) if row else None


def reference_of(notice_id: int) -> str:
    """Return what the growth refers to that was taken off after a notice."""
    return f"dormancy:{notice_id}"


def notice_behind(reference: str) -> Row[Any]:
    """Return the notice that growth refers to which was taken off or given back."""
    return execute(select(DormancyNotice).where(DormancyNotice.id == int(reference.removeprefix("dormancy:")))).one()


def points_off(growth: int, *, percent: int, left: int) -> int:
    """Return how much of a growth is taken off: so many per cent, but never below what is left to the member. Pure."""
    return max(0, min(growth * percent // 100, growth - left))


def _take_off(whose: dict[str, Any], *, terms: programme.Programme, at: datetime) -> None:
    """Take off what was announced, no more than was said, of who has done nothing since."""
    due = whose | {"not_before": whose["today"] - timedelta(days=NOTICE_DAYS)}
    members = list(execute(_DUE_MEMBERS, due).scalars())
    if not members:
        return
    ledger.lock_many(members, zone=terms.zone)  # Whoever does something now does it before this, or after.
    changes = []
    for row in execute(_DUE, due | {"members": members}):
        told = programme.version(row.version)
        growth = int(row.growth or 0)
        off = points_off(growth, percent=told.dormancy_percent, left=told.growth_left(bought=row.bought > 0))
        if points := min(off, row.points):
            why = say(
                N_("Nothing done for {days} days: {percent} % of {growth} growth, announced on {told_on}"),
                days=(whose["today"] - told.today(row.active_at)).days,
                percent=told.dormancy_percent,
                growth=growth,
                told_on=row.told_on,
            )
            changes.append(_change(row.member_id, -points, row.id, whose["today"], row.version, why, "off"))
    membership.change_growth(changes, at=at)


def _give_back(whose: dict[str, Any], *, terms: programme.Programme, at: datetime) -> None:
    """Give back what keeps members below what dormancy leaves: what it was taken of counts no more, or is gone."""
    lacking = whose | {"left": terms.growth_left(bought=True)}
    members = list(execute(_LACKING_MEMBERS, lacking).scalars())
    if not members:
        return
    purses = ledger.lock_many(members, zone=terms.zone)
    lacks = {
        row.member_id: terms.growth_left(bought=row.bought > 0) - int(row.growth or 0)
        for row in execute(_FIGURES, whose | {"members": members})
    }
    changes = []
    for row in execute(_OFF_IN_WINDOW, whose | {"members": members}):
        if (points := min(int(row.off), lacks[row.member_id])) > 0:
            lacks[row.member_id] -= points
            why = say(
                N_("Given back: the growth that it was taken of counts no more, and nobody is brought below {left}"),
                left=terms.growth_left(bought=True) if row.bought > 0 else 0,
            )
            day = f"back:{whose['today'].isoformat()}"
            notice_id = int(row.reference.removeprefix("dormancy:"))
            changes.append(_change(row.member_id, points, notice_id, row.counts_on, terms.version, why, day))
    membership.change_growth(changes, at=at)
    # The night's review raises who fell; who never did has lost no more than what the level gave.
    reach_again_all({change.member_id for change in changes}, purses=purses, terms=terms, at=at)


def _announce(whose: dict[str, Any], *, terms: programme.Programme, at: datetime) -> None:
    """Tell who has done nothing for long, 14 days before, how much goes when."""
    today = whose["today"]
    near = today - timedelta(days=terms.dormancy_after_days - NOTICE_DAYS - 1)
    rows = execute(_DORMANT, whose | {"before": start_of(near, terms.zone)})
    told = [notice for row in rows if (notice := _notice_for(row, today=today, terms=terms, at=at)) is not None]
    if not told:
        return
    execute(insert(DormancyNotice), told)
    notices.tell_all(
        "level_dormancy",
        [
            notices.Telling(
                each["member_id"],
                f"level_dormancy:{each['member_id']}:{each['deducts_on'].isoformat()}",
                {"points": each["points"], "deducts_on": each["deducts_on"].isoformat()},
            )
            for each in told
        ],
        at=at,
    )


def _notice_for(row: Row[Any], *, today: date, terms: programme.Programme, at: datetime) -> dict[str, Any] | None:
    """Return the notice that is due to a member, or None."""
    due = terms.today(row.active_at) + timedelta(days=terms.dormancy_after_days)
    if row.told_for is not None and row.told_active_at == row.active_at:
        due = months_later(row.told_for, 1)
    points = points_off(
        int(row.growth or 0), percent=terms.dormancy_percent, left=terms.growth_left(bought=row.bought > 0)
    )
    if points == 0 or today < due - timedelta(days=NOTICE_DAYS):
        return None
    deducts_on = max(due, today + timedelta(days=NOTICE_DAYS))
    return {
        "member_id": row.member_id,
        "active_at": row.active_at,
        "points": points,
        "told_on": today,
        "told_at": at,
        "until": end_of(deducts_on - timedelta(days=1), terms.zone),
        "deducts_on": deducts_on,
        "version": terms.version,
    }


def _change(
    member_id: int, points: int, notice_id: int, counts_on: date, version: int, why: Any, what: str
) -> membership.GrowthChange:
    reference = reference_of(notice_id)
    return membership.GrowthChange(
        member_id, points, membership.DORMANCY, reference, counts_on, version, why, f"{reference}:{what}"
    )


_Event = membership.GrowthEvent
_TODAY, _BEGINS = bindparam("today", type_=Date), bindparam("window_begins", type_=Date)
_COUNTS = _Event.counts_on.between(_BEGINS, _TODAY)
_GROWTH = func.sum(case((_COUNTS, _Event.points), else_=0))
_BOUGHT = func.sum(case((_Event.source.in_(BOUGHT_BY), _Event.points), else_=0))
_OFF = func.sum(case((_COUNTS & (_Event.source == membership.DORMANCY), _Event.points), else_=0))
_MEMBERS: Any = bindparam("members", expanding=True)


def _in_share(member_id: Any) -> Any:
    return (member_id > bindparam("after")) & (member_id <= bindparam("last"))


def _figures(*of_whom: Any) -> Any:
    """Return, as columns by member: growth that counts, and growth that buying gave and left."""
    return (
        select(_Event.member_id, _GROWTH.label("growth"), _BOUGHT.label("bought"))
        .where(*of_whom)
        .group_by(_Event.member_id)
    )


def _done_since(notice: Any) -> Any:
    """Tell whether the member of a notice has done anything since."""
    return (
        select(FactRow.id)
        .where(FactRow.member_id == notice.member_id, FactRow.kind.not_in(BY_ITSELF), FactRow.at > notice.active_at)
        .correlate(notice)
        .exists()
    )


def _written(notice: Any) -> Any:
    """Tell whether the growth of a notice was taken off."""
    key = literal("dormancy:") + cast(notice.id, String) + ":off"
    return select(_Event.id).where(_Event.key == key).correlate(notice).exists()


def _last_told(members: Any) -> Any:
    """Return the id of each member's last notice."""
    return select(func.max(DormancyNotice.id).label("id")).where(members).group_by(DormancyNotice.member_id).subquery()


def _due(of_whom: Any, *columns: Any) -> Any:
    last = _last_told(of_whom)
    return (
        select(*columns)
        .select_from(DormancyNotice)
        .join(last, last.c.id == DormancyNotice.id)
        .join(people.Member, people.Member.id == DormancyNotice.member_id)
        .where(
            people.Member.deactivated_at.is_(None),  # Who was frozen cannot come by.
            DormancyNotice.deducts_on <= _TODAY,
            # Where nobody took it off in time, it is announced anew.
            DormancyNotice.deducts_on >= bindparam("not_before", type_=Date),
            ~_written(DormancyNotice),
            ~_done_since(DormancyNotice),
        )
    )


_DUE_MEMBERS = _due(_in_share(DormancyNotice.member_id), DormancyNotice.member_id).order_by(DormancyNotice.member_id)
_due_figures = _figures(_Event.member_id.in_(_MEMBERS)).subquery("figures")
_DUE = _due(
    DormancyNotice.member_id.in_(_MEMBERS),
    *DormancyNotice.__table__.columns,
    _due_figures.c.growth,
    _due_figures.c.bought,
).join(_due_figures, _due_figures.c.member_id == DormancyNotice.member_id)
_FIGURES = _figures(_Event.member_id.in_(_MEMBERS))
_LACKING_MEMBERS = (
    select(_Event.member_id)
    .where(_in_share(_Event.member_id))
    .group_by(_Event.member_id)
    .having((_OFF < 0) & (case((_BOUGHT > 0, bindparam("left")), else_=0) > _GROWTH))
    .order_by(_Event.member_id)
)
_of_member = _figures(_Event.member_id.in_(_MEMBERS)).subquery("of_member")
_OFF_IN_WINDOW = (
    select(
        _Event.member_id,
        _Event.reference,
        _Event.counts_on,
        (-func.sum(_Event.points)).label("off"),
        func.max(_of_member.c.bought).label("bought"),
    )
    .join(_of_member, _of_member.c.member_id == _Event.member_id)
    .where(_Event.source == membership.DORMANCY, _COUNTS)
    .group_by(_Event.member_id, _Event.reference, _Event.counts_on)
    .having(func.sum(_Event.points) < 0)
    .order_by(_Event.member_id, _Event.counts_on)
)


def _dormant() -> Any:
    figures = _figures(_in_share(_Event.member_id)).having(_GROWTH > 0).subquery("figures")
    done = (
        select(FactRow.member_id, func.max(FactRow.at, type_=Instant).label("at"))
        .where(_in_share(FactRow.member_id), FactRow.kind.not_in(BY_ITSELF))
        .group_by(FactRow.member_id)
        .subquery("done")
    )
    last = _last_told(_in_share(DormancyNotice.member_id))
    member = people.Member
    active_at = func.coalesce(done.c.at, member.created_at, type_=Instant)
    return (
        select(
            figures.c.member_id,
            figures.c.growth,
            figures.c.bought,
            active_at.label("active_at"),
            DormancyNotice.deducts_on.label("told_for"),
            DormancyNotice.active_at.label("told_active_at"),
        )
        .join(member, member.id == figures.c.member_id)
        .outerjoin(done, done.c.member_id == figures.c.member_id)
        .outerjoin_from(
            figures,
            DormancyNotice,
            (DormancyNotice.member_id == figures.c.member_id) & DormancyNotice.id.in_(select(last.c.id)),
        )
        .where(member.deactivated_at.is_(None), active_at < bindparam("before", type_=Instant))
        .order_by(figures.c.member_id)
    )


_DORMANT = _dormant()
_MORE = select(people.Member.id).where(people.Member.id > bindparam("last")).limit(1)
# What still comes to a member (:of_member) from a day on (:today) unless they do something.
ANNOUNCED = (
    select(DormancyNotice.deducts_on, DormancyNotice.points)
    .where(
        DormancyNotice.member_id == bindparam("of_member"),
        DormancyNotice.deducts_on > _TODAY,
        ~_done_since(DormancyNotice),
    )
    .order_by(DormancyNotice.id.desc())
    .limit(1)
)
