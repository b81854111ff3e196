"""Lots: points earned together, which expire together. A lot never changes; where its points are, positions say."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, insert, select

from mall.base.clock import Instant, end_of
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import Message, Said

ORIGINS = ("purchase", "campaign", "task", "adjustment", "renewal", "import")


class Lot(db.Model):
    """Points earned together: their last day, where they came from, and the arithmetic that made them."""

    __table_args__ = (
        CheckConstraint("points > 0", name="points_positive"),
        CheckConstraint("worth_points > 0 AND worth_cents >= 0", name="worth_known"),
        CheckConstraint(
            "origin IN ('purchase', 'campaign', 'task', 'adjustment', 'renewal', 'import')", name="origin_known"
        ),
        CheckConstraint("(origin = 'renewal') = (parent_id IS NOT NULL)", name="renewal_has_parent"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("purse.member_id"), index=True)
    origin: Mapped[str] = mapped_column(String(16))
    points: Mapped[int]
    expires_on: Mapped[date]
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("lot.id"), index=True)
    reference: Mapped[str] = mapped_column(String(60))
    rule: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    worth_points: Mapped[int]
    worth_cents: Mapped[int]
    why: Mapped[Message | None] = mapped_column(Said)
    made_at: Mapped[datetime] = mapped_column(Instant)


append_only(Lot)


def last_day(day: date, zone: str) -> tuple[date, datetime]:
    """Return an expiry: a lot's last day, and the instant that day ends in the programme's zone."""
    return day, end_of(day, zone)


def make_lot(
    member_id: int,
    points: int,
    *,
    origin: str,
    expiry: tuple[date, datetime],
    reference: str,
    rule: str,
    version: int,
    worth: tuple[int, int],
    why: Message | None,
    at: datetime,
) -> int:
    """Write a lot. Returns its id.

    `expiry` is (last day, the instant it ends); `worth` is (points, cents): so many points are worth so many cents.
    """
    worth_points, worth_cents = worth
    expires_on, expires_at = expiry
    return execute(
        insert(Lot)
        .values(
            member_id=member_id,
            origin=origin,
            points=points,
            expires_on=expires_on,
            expires_at=expires_at,
            parent_id=None,
            reference=reference,
            rule=rule,
            version=version,
            worth_points=worth_points,
            worth_cents=worth_cents,
            why=why,
            made_at=at,
        )
        .returning(Lot.id)
    ).scalar_one()


def make_children(
    points: Mapping[int, int], *, expiry: tuple[date, datetime], reference: str, at: datetime
) -> dict[int, int]:
    """Write a child for each of some lots, {lot id: points}: it is worth what its parent is, and came about as it did.

    Returns {lot id: its child's id}.
    """
    if not points:
        return {}
    expires_on, expires_at = expiry
    parents = {row.id: row for row in execute(select(Lot).where(Lot.id.in_(points)))}
    assert all(parent.parent_id is None for parent in parents.values()), "a child lot has no children"
    rows = [
        {
            "member_id": parents[lot_id].member_id,
            "origin": "renewal",
            "points": renewed,
            "expires_on": expires_on,
            "expires_at": expires_at,
            "parent_id": lot_id,
            "reference": reference,
            "rule": parents[lot_id].rule,
            "version": parents[lot_id].version,
            "worth_points": parents[lot_id].worth_points,
            "worth_cents": parents[lot_id].worth_cents,
            "why": parents[lot_id].why,
            "made_at": at,
        }
        for lot_id, renewed in points.items()
    ]
    return {row.parent_id: row.id for row in execute(insert(Lot).returning(Lot.id, Lot.parent_id), rows)}
