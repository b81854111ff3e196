"""The roll-up: what every whole day moved, added up once, so that no sum for finance scans the history.

Days follow one another without a gap, up to the watermark: the end of the last day rolled up. What was written after
it is read from the postings themselves, so the figures are always complete.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    Select,
    String,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    union_all,
)

from mall.base.clock import Instant, day_of, end_of
from mall.base.db import again, db, execute, take_longer, transaction
from mall.base.sql import upsert
from mall.base.tables import Mapped, mapped_column
from mall.domain import audit, ledger, programme

from .movements import INSIDE, every_leg
from .periods import end_of_day_before, settled

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class RolledDay(db.Model):
    """A whole day that was added up: the instants between which its postings were written, how many, of how many."""

    __tablename__ = "finance_day"
    __table_args__ = (CheckConstraint("ends_at >= starts_at", name="ends_after_start"),)

    day: Mapped[date] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(Instant, unique=True)
    ends_at: Mapped[datetime] = mapped_column(Instant, index=True)
    postings: Mapped[int]
    points: Mapped[int]
    rolled_at: Mapped[datetime] = mapped_column(Instant)


class DaySum(db.Model):
    """What a day's postings did to one place by one movement: points of one origin and worth, signed."""

    __tablename__ = "finance_day_sum"
    __table_args__ = (
        CheckConstraint(f"place IN {INSIDE}", name="place_known"),
        CheckConstraint("entries >= 0", name="entries_not_negative"),
    )

    day: Mapped[date] = mapped_column(ForeignKey("finance_day.day"), primary_key=True)
    movement: Mapped[str] = mapped_column(String(16), primary_key=True)
    origin: Mapped[str] = mapped_column(String(16), primary_key=True)
    place: Mapped[str] = mapped_column(String(12), primary_key=True)
    worth_points: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    worth_cents: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    points: Mapped[int]
    entries: Mapped[int]


class Sum(Struct, frozen=True):
    """Points that one movement moved at one place, of one origin and worth, in one stretch of time."""

    stretch: int
    movement: str
    origin: str
    place: str
    worth_points: int
    worth_cents: int
    points: int
    entries: int


def roll_up(terms: programme.Programme, at: datetime) -> int:
    """Add up every whole day that is settled and was not yet. Run as often as you like; returns the number of days.

    Opens its own transactions, one a day: call it outside of any.
    """
    days = 0
    while (added := again(lambda: _roll_next_day(terms.zone, at))) is not None:
        days += added
    return days


def forget_roll_up(*, since: date, at: datetime, by: str = "system") -> int:
    """Throw away what was added up of a day and of all after it; roll_up() makes it anew. Returns how many days.

    For a clock that was set forward and back: what is written while it is behind the watermark belongs to days that
    were added up without it.
    """
    execute(delete(DaySum).where(DaySum.day >= since))
    days = execute(delete(RolledDay).where(RolledDay.day >= since)).rowcount
    after = {"since": since.isoformat(), "days": days}
    audit.write("finance.sums_forgotten", by=by, subject="finance", at=at, after=after)
    return days


def watermark() -> datetime | None:
    """Return the instant up to which days are rolled up."""
    return execute(select(func.max(RolledDay.ends_at, type_=Instant))).scalar_one()


def first_posting_at() -> datetime | None:
    """Return when the ledger was first written to."""
    return execute(select(func.min(ledger.Posting.written_at, type_=Instant))).scalar_one()


def sums(*, ends: Sequence[date], zone: str, until: datetime) -> list[Sum]:
    """Add up all that was ever written until an instant, in stretches that end with the given days; one statement.

    Stretch 0 is everything up to the end of the first of these days, and so on; what lies after the last day, up to
    the instant, is one more stretch.
    """
    values: dict[str, Any] = {"until": until, "beginning": BEGINNING}
    for number, day in enumerate(ends):
        values |= {f"day_{number}": day, f"end_{number}": end_of(day, zone)}
    rows = execute(_sums_in_stretches(len(ends)), values)
    # PostgreSQL answers a sum of 64-bit integers as a numeric.
    return [
        Sum(
            stretch=row.stretch,
            movement=row.movement,
            origin=row.origin,
            place=row.place,
            worth_points=row.worth_points,
            worth_cents=row.worth_cents,
            points=int(row.points),
            entries=int(row.entries),
        )
        for row in rows
    ]


@lru_cache(maxsize=128)
def _sums_in_stretches(count: int) -> Select[Any]:
    """Build the statement of sums() for so many days: day_0, end_0 and so on, `until` and `beginning` are bound."""
    until = bindparam("until", type_=Instant)
    mark = select(func.max(RolledDay.ends_at, type_=Instant)).where(RolledDay.ends_at <= until).scalar_subquery()
    tail = every_leg(func.coalesce(mark, bindparam("beginning", type_=Instant), type_=Instant), until)
    rolled = (
        select(
            _stretch(DaySum.day, "day", Date(), count).label("stretch"),
            *(getattr(DaySum, name) for name in (*_KEY, "points", "entries")),
        )
        .join(RolledDay, RolledDay.day == DaySum.day)
        .where(RolledDay.ends_at <= until)
    )
    fresh = select(
        _stretch(tail.c.written_at, "end", Instant(), count).label("stretch"),
        *(tail.c[name] for name in (*_KEY, "points", "entries")),
    )
    both = union_all(rolled, fresh).subquery("both")
    keys = [both.c[name] for name in ("stretch", *_KEY)]
    return select(*keys, func.sum(both.c.points).label("points"), func.sum(both.c.entries).label("entries")).group_by(
        *keys
    )


def missing_from_roll_up() -> Select[Any]:
    """Find what the daily sums and the postings of the same day disagree about."""
    legs = every_leg(literal(BEGINNING, Instant), _watermark_or_beginning())
    # A lookup in the index for each leg: to join by two ends would compare each with every day.
    its_day = (
        select(RolledDay.day)
        .where(RolledDay.ends_at >= legs.c.written_at)
        .order_by(RolledDay.ends_at, RolledDay.day)
        .limit(1)
        .correlate(legs)
        .scalar_subquery()
    )
    fresh = select(its_day.label("day"), *(legs.c[name] for name in _KEY), legs.c.points, legs.c.entries)
    kept = select(DaySum.day, *(getattr(DaySum, name) for name in _KEY), -DaySum.points, -DaySum.entries)
    every = union_all(fresh, kept).subquery("every")
    keys = [every.c[name] for name in ("day", *_KEY)]
    points, entries = func.sum(every.c.points), func.sum(every.c.entries)
    return (
        select(*keys, points.label("points_missing"), entries.label("entries_missing"))
        .group_by(*keys)
        .having((points != 0) | (entries != 0))
    )


def days_that_changed() -> Select[Any]:
    """Find rolled days whose postings are no longer those that were added up."""
    written = ledger.Posting.written_at
    its_own = (written > RolledDay.starts_at) & (written <= RolledDay.ends_at)
    count = select(func.count()).where(its_own).correlate(RolledDay).scalar_subquery()
    points = (
        select(func.coalesce(func.sum(ledger.Posting.points), 0)).where(its_own).correlate(RolledDay).scalar_subquery()
    )
    return select(RolledDay.day, RolledDay.postings, count.label("postings_now")).where(
        (RolledDay.postings != count) | (RolledDay.points != points)
    )


def gaps_between_days() -> Select[Any]:
    """Find rolled days that do not begin where the day before ended."""
    follow = select(
        RolledDay.day,
        RolledDay.starts_at,
        func.lag(RolledDay.ends_at).over(order_by=RolledDay.day).label("before_ended_at"),
    ).subquery()
    return select(follow.c.day).where(
        follow.c.before_ended_at.is_not(None), follow.c.before_ended_at != follow.c.starts_at
    )


def _roll_next_day(zone: str, at: datetime) -> int | None:
    """Add up the day after the watermark. Returns 1, 0 when another worker was faster, None when it is not over."""
    with transaction():
        take_longer()
        last = execute(select(RolledDay).order_by(RolledDay.ends_at.desc(), RolledDay.day.desc()).limit(1)).first()
        if last is not None:
            day, starts_at = last.day + timedelta(days=1), last.ends_at
        elif (first := first_posting_at()) is not None:
            day = day_of(first, zone)
            starts_at = end_of_day_before(day, zone)
        else:
            return None
        # A shop that moves its clock shortens a day, but days never overlap.
        ends_at = max(end_of(day, zone), starts_at)
        if ends_at > settled(at):
            return None
        return _add_up(day, starts_at=starts_at, ends_at=ends_at, at=at)


def _add_up(day: date, *, starts_at: datetime, ends_at: datetime, at: datetime) -> int:
    bounds = {"after": starts_at, "until": ends_at}
    found = execute(_COUNT_DAY, bounds).one()
    # Two workers at once: the second waits here for the first, and then leaves the day to it.
    added = execute(
        upsert(RolledDay)
        .values(
            day=day,
            starts_at=starts_at,
            ends_at=ends_at,
            postings=found.postings,
            points=int(found.points),
            rolled_at=at,
        )
        .on_conflict_do_nothing()
        .returning(RolledDay.day)
    ).first()
    if added is None:
        return 0
    if found.postings:
        execute(_add_up_day(), bounds | {"this_day": day})
    return 1


@lru_cache(maxsize=1)
def _add_up_day() -> Any:
    """Build the statement that adds a day up."""
    legs = every_leg(bindparam("after", type_=Instant), bindparam("until", type_=Instant))
    keys = [legs.c[name] for name in _KEY]
    return insert(DaySum).from_select(
        ["day", *_KEY, "points", "entries"],
        select(bindparam("this_day", type_=Date), *keys, func.sum(legs.c.points), func.sum(legs.c.entries)).group_by(
            *keys
        ),
    )


def _stretch(column: Any, name: str, kind: Any, count: int) -> Any:
    """Number the stretch of time a day or an instant lies in, by bound ends."""
    if not count:
        return literal(0)
    ends = (bindparam(f"{name}_{number}", type_=kind) for number in range(count))
    return case(*((column <= end, number) for number, end in enumerate(ends)), else_=count)


def _watermark_or_beginning() -> Any:
    mark = select(func.max(RolledDay.ends_at, type_=Instant)).scalar_subquery()
    return func.coalesce(mark, literal(BEGINNING, Instant), type_=Instant)


_KEY = ("movement", "origin", "place", "worth_points", "worth_cents")
_COUNT_DAY = select(
    func.count().label("postings"), func.coalesce(func.sum(ledger.Posting.points), 0).label("points")
).where(
    ledger.Posting.written_at > bindparam("after", type_=Instant),
    ledger.Posting.written_at <= bindparam("until", type_=Instant),
)
