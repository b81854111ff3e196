"""Levels of members: a history of steps, each with its reason; the last one is the member's level."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Row,
    ScalarSelect,
    String,
    Subquery,
    UniqueConstraint,
    func,
    insert,
    select,
)

from mall.base.clock import Instant, months_later
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.domain import programme

WINDOW_DAYS = 365
REVIEW_MONTHS = 12

REGISTERED = "registered"
REACHED = "reached"
KEPT = "kept"
LOWERED = "lowered"


class LevelHistory(db.Model):
    """A step in a member's life with us: the level that began, why, and the day it will be looked at again.

    `growth` is what counted at that moment. Growth that counts at the review is that of `counts_from` and later.
    """

    __tablename__ = "level_history"
    __table_args__ = (
        # Two who take a step at once: one of them finds the other's.
        UniqueConstraint("member_id", "step"),
        CheckConstraint("reason IN ('registered', 'reached', 'kept', 'lowered')", name="reason_known"),
        CheckConstraint("rank > 0 AND step > 0", name="rank_positive"),
        CheckConstraint("(review_on IS NULL) = (rank = 1)", name="all_but_the_lowest_are_reviewed"),
        CheckConstraint("(review_on IS NULL) = (counts_from IS NULL)", name="review_has_its_window"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    step: Mapped[int]
    rank: Mapped[int]
    reason: Mapped[str] = mapped_column(String(12))
    growth: Mapped[int]
    version: Mapped[int]
    began_on: Mapped[date]
    began_at: Mapped[datetime] = mapped_column(Instant)
    review_on: Mapped[date | None]
    counts_from: Mapped[date | None]


append_only(LevelHistory)


class LevelChange(Struct, frozen=True):
    """A member's level rose or fell."""

    member_id: int
    from_rank: int
    to_rank: int
    growth: int

    @property
    def rose(self) -> bool:
        """Tell whether it is a step up."""
        return self.to_rank > self.from_rank


def begin(member_id: int, *, terms: programme.Programme, at: datetime) -> None:
    """Put a new member on the lowest level."""
    take_step(member_id, step=1, rank=1, reason=REGISTERED, growth=0, terms=terms, at=at)


def take_step(
    member_id: int, *, step: int, rank: int, reason: str, growth: int, terms: programme.Programme, at: datetime
) -> None:
    """Write a member's next step; the review of its level is 12 months on."""
    today = terms.today(at)
    review_on = months_later(today, REVIEW_MONTHS) if rank > 1 else None
    execute(
        insert(LevelHistory).values(
            member_id=member_id,
            step=step,
            rank=rank,
            reason=reason,
            growth=growth,
            version=terms.version,
            began_on=today,
            began_at=at,
            review_on=review_on,
            counts_from=window_start(review_on) if review_on else None,
        )
    )


def window_start(day: date) -> date:
    """Return the first of the 365 days that count on a day; the last is the day itself."""
    return day - timedelta(days=WINDOW_DAYS - 1)


def rank_of(member_id: Any) -> ScalarSelect[Any]:
    """Return a member's rank as a column for others' statements, None for somebody who has not begun.

    `member_id` is the column or the bound value that says whose.
    """
    steps = select(LevelHistory.rank).where(LevelHistory.member_id == member_id).order_by(LevelHistory.step.desc())
    return steps.limit(1).scalar_subquery()


def latest_steps() -> Subquery:
    """Return every member's level as a subquery: the columns of LevelHistory, one row a member."""
    last = select(LevelHistory.member_id, func.max(LevelHistory.step).label("step")).group_by(LevelHistory.member_id)
    newest = last.subquery()
    return (
        select(LevelHistory)
        .join(newest, (newest.c.member_id == LevelHistory.member_id) & (newest.c.step == LevelHistory.step))
        .subquery("level")
    )


def history_of(member_id: int) -> Sequence[Row[Any]]:
    """Return a member's steps, newest first: the columns of LevelHistory."""
    return execute(
        select(LevelHistory).where(LevelHistory.member_id == member_id).order_by(LevelHistory.step.desc())
    ).all()
