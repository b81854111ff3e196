"""Levels of members: a history of steps, each with its reason; the last one is the member's level."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Row,
    ScalarSelect,
    String,
    Subquery,
    UniqueConstraint,
    false,
    func,
    insert,
    literal_column,
    select,
    true,
)

from mall.base.clock import Instant, months_later
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.sql import higher_of
from mall.base.tables import Mapped, aliased, mapped_column
from mall.domain import programme

from .grants import PAID, LevelGrant, lasted, lasts

WINDOW_DAYS = 365
REVIEW_MONTHS = 12

REGISTERED = "registered"
REACHED = "reached"
KEPT = "kept"
LOWERED = "lowered"
# The shop's levels have become others; the member's is the one that takes its place.
CARRIED = "carried"


class LevelHistory(db.Model):
    """A step in a member's life with us: the level that began, why, and the day it will be looked at again.

    `growth` is what counted at that moment. Growth that counts at the review is that of `counts_from` and later.
    """

    __tablename__ = "level_history"
    __table_args__ = (
        # Two who take a step at once: one of them finds the other's.
        UniqueConstraint("member_id", "step"),
        CheckConstraint("reason IN ('registered', 'reached', 'kept', 'lowered', 'carried')", name="reason_known"),
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
    take_steps([step_row(member_id, step=step, rank=rank, reason=reason, growth=growth, terms=terms, at=at)])


def take_steps(rows: list[dict[str, Any]]) -> None:
    """Write the next steps of many members, as step_row() makes them, in one statement."""
    if rows:
        execute(insert(LevelHistory), rows)


def step_row(
    member_id: int,
    *,
    step: int,
    rank: int,
    reason: str,
    growth: int,
    terms: programme.Programme,
    at: datetime,
    review_on: date | None = None,
) -> dict[str, Any]:
    """Return a step as it is written. Its review is 12 months on, or on the day given; the lowest level has none."""
    today = terms.today(at)
    review = (review_on or months_later(today, REVIEW_MONTHS)) if rank > 1 else None
    return {
        "member_id": member_id,
        "step": step,
        "rank": rank,
        "reason": reason,
        "growth": growth,
        "version": terms.version,
        "began_on": today,
        "began_at": at,
        "review_on": review,
        "counts_from": window_start(review) if review else None,
    }


def window_start(day: date) -> date:
    """Return the first of the 365 days that count on a day; the last is the day itself."""
    return day - timedelta(days=WINDOW_DAYS - 1)


def rank_of(member_id: Any, *, at: Any) -> ColumnElement[Any]:
    """Return a member's rank at an instant as a column for others' statements; 1 for somebody who has not begun.

    It is the higher of the level that growth reached and one that is granted. `member_id` and `at` are columns or
    bound values; `member_id` says whose.
    """
    granted = select(func.max(LevelGrant.rank)).where(*lasts(member_id, at=at))
    both = (growth_rank_of(member_id), _of_the_outer(granted, member_id))
    return higher_of(*(func.coalesce(each, literal_column("1")) for each in both))


class RankHeld(Struct, frozen=True):
    """A rank. Where it was paid for: by what, and the rank that growth or a grant by hand gives `otherwise`."""

    rank: int
    otherwise: int
    paid_by: str | None = None


def rank_held(member_id: int, *, at: datetime) -> RankHeld:
    """Return the rank a member has at an instant, and what paid for it. One statement."""
    by_hand = select(func.max(LevelGrant.rank)).where(*lasts(member_id, at=at), LevelGrant.kind != PAID)
    unpaid = (func.coalesce(each, 1) for each in (growth_rank_of(member_id), by_hand.scalar_subquery()))
    paid = (
        select(LevelGrant.rank, LevelGrant.reference)
        .where(*lasts(member_id, at=at), LevelGrant.kind == PAID)
        .order_by(LevelGrant.rank.desc(), LevelGrant.ends_at.desc())
        .limit(1)
        .subquery("paid")
    )
    own = select(higher_of(*unpaid).label("rank")).subquery("own")
    row = execute(
        select(own.c.rank, paid.c.rank.label("paid"), paid.c.reference).select_from(own).outerjoin(paid, true())
    ).one()
    if (row.paid or 0) <= row.rank:
        return RankHeld(row.rank, row.rank)
    return RankHeld(row.paid, row.rank, row.reference)


def rank_then(member_id: Any, *, at: Any, risen: bool = True, but: Any = false()) -> ColumnElement[Any]:
    """Return a member's rank at an instant that is over, as a column: what rank_of() said then.

    Whoever rose or fell at that very instant had done so, unless `risen` is False. `but` is a condition on which a
    grant is not looked at.
    """
    begun = LevelHistory.began_at <= at if risen else LevelHistory.began_at < at
    steps = select(LevelHistory.rank).where(LevelHistory.member_id == member_id, begun)
    granted = select(func.max(LevelGrant.rank)).where(*lasted(member_id, at=at), ~but)
    both = (steps.order_by(LevelHistory.step.desc()).limit(1), granted)
    return higher_of(*(func.coalesce(_of_the_outer(each, member_id), literal_column("1")) for each in both))


def growth_rank_of(member_id: Any) -> ScalarSelect[Any]:
    """Return the rank that growth has reached, as a column: what reviews decide about."""
    steps = select(LevelHistory.rank).where(LevelHistory.member_id == member_id).order_by(LevelHistory.step.desc())
    return _of_the_outer(steps.limit(1), member_id)


def _of_the_outer(query: Any, member_id: Any) -> ScalarSelect[Any]:
    """Let a question about the member of a row stand in a statement that has this row."""
    table = getattr(member_id, "table", None)
    subquery: ScalarSelect[Any] = (query if table is None else query.correlate(table)).scalar_subquery()
    return subquery


def latest_steps() -> Subquery:
    """Return every member's level as a subquery: the columns of LevelHistory, one row a member."""
    later = aliased(LevelHistory)
    newer = select(later.step).where(later.member_id == LevelHistory.member_id, later.step > LevelHistory.step)
    return select(LevelHistory).where(~newer.correlate(LevelHistory).exists()).subquery("level")


def history_of(member_id: int) -> Sequence[Row[Any]]:
    """Return a member's steps, newest first: the columns of LevelHistory."""
    return execute(
        select(LevelHistory).where(LevelHistory.member_id == member_id).order_by(LevelHistory.step.desc())
    ).all()
