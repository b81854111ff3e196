"""Growth: events that are only added to. What counts is the sum of the last 365 days."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import CheckConstraint, ForeignKey, Index, Row, String, bindparam, func, insert, select

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import Message, Said

# The source of what is taken off members who do nothing for long.
DORMANCY = "dormancy"


class GrowthEvent(db.Model):
    """Growth given, or taken back (negative), for a reason, under a version of the programme.

    It counts for 365 days from `counts_on`. What is taken back counts on the day of what it takes back, so that both
    leave the window together.
    """

    __table_args__ = (
        CheckConstraint("points <> 0", name="points_not_zero"),
        Index(None, "member_id", "counts_on"),
        Index(None, "reference"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    points: Mapped[int]
    source: Mapped[str] = mapped_column(String(40))
    reference: Mapped[str] = mapped_column(String(60))
    counts_on: Mapped[date]
    version: Mapped[int]
    why: Mapped[Message] = mapped_column(Said)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    at: Mapped[datetime] = mapped_column(Instant)


append_only(GrowthEvent)


def write_growth(
    member_id: int,
    points: int,
    *,
    source: str,
    reference: str,
    counts_on: date,
    version: int,
    why: Message,
    key: str,
    at: datetime,
) -> bool:
    """Write growth, once per key. Returns False when it was written before."""
    columns = {
        "member_id": member_id,
        "points": points,
        "source": source,
        "reference": reference,
        "counts_on": counts_on,
        "version": version,
        "why": why,
        "key": key,
        "at": at,
    }
    return execute(_WRITE, columns).first() is not None


class GrowthChange(Struct, frozen=True):
    """Growth of one of many members: what write_growth() takes for one."""

    member_id: int
    points: int
    source: str
    reference: str
    counts_on: date
    version: int
    why: Message
    key: str


def change_growth(changes: Sequence[GrowthChange], *, at: datetime) -> None:
    """Change the growth of many members in one statement; none has been written before. No level changes by it.

    Who may rise by it does so at the night's review.
    """
    if changes:
        execute(_WRITE_MANY, [{name: getattr(each, name) for name in _CHANGE} | {"at": at} for each in changes])


def growth_of(reference: str) -> tuple[int, date | None]:
    """Return the growth a reference has given so far, take-backs taken off, and the day it counts on."""
    row = execute(_OF_REFERENCE, {"of_reference": reference}).one()
    return int(row.points), row.counts_on


def growth_entries(member_id: int, *, limit: int = 20, before_id: int | None = None) -> Sequence[Row[Any]]:
    """Return a member's growth events, newest first: id, points, source, reference, counts_on, version, why, at."""
    query = select(GrowthEvent).where(GrowthEvent.member_id == member_id)
    if before_id is not None:
        query = query.where(GrowthEvent.id < before_id)
    return execute(query.order_by(GrowthEvent.id.desc()).limit(limit)).all()


def growth_event(event_id: int, *, member_id: int) -> Row[Any] | None:
    """Return one of a member's growth events; None where it is another's or nobody's."""
    mine = select(GrowthEvent).where(GrowthEvent.id == event_id, GrowthEvent.member_id == member_id)
    return execute(mine).one_or_none()


_COLUMNS = [column for column in GrowthEvent.__table__.columns if column.name != "id"]
# Not ON CONFLICT DO NOTHING: the guard of an append-only table would refuse it.
_WRITE = (
    insert(GrowthEvent)
    .from_select(
        [column.name for column in _COLUMNS],
        select(*(bindparam(column.name, type_=column.type) for column in _COLUMNS)).where(
            ~select(GrowthEvent.id)
            .where(GrowthEvent.key == bindparam("key", type_=GrowthEvent.__table__.c.key.type))
            .exists()
        ),
    )
    .returning(GrowthEvent.id)
)
_CHANGE = GrowthChange.__struct_fields__
_WRITE_MANY = insert(GrowthEvent)
_OF_REFERENCE = select(
    func.coalesce(func.sum(GrowthEvent.points), 0).label("points"),
    func.min(GrowthEvent.counts_on).label("counts_on"),
).where(GrowthEvent.reference == bindparam("of_reference"))
