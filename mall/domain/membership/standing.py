"""Standing: a member's level, what is missing to the next, and what it takes to keep this one."""

from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Date, Select, bindparam, func, select

from mall.base.db import execute
from mall.domain import programme

from .growth import GrowthEvent
from .level_notices import LevelNotice
from .levels import LevelHistory, window_start


class Standing(Struct, frozen=True):
    """Where a member stands. Growth in whole numbers.

    `missing` is the growth to the next level, 0 at the top. `keep_missing` is the growth still needed by `review_on`
    to keep this level: of what counts today, only what will still count then is taken off. The lowest level has no
    review.
    """

    rank: int
    level: programme.Level
    growth: int
    since: date
    next_level: programme.Level | None
    missing: int
    keep: int
    keep_missing: int
    review_on: date | None

    @property
    def next_reach(self) -> int | None:
        """Return the growth that the next level takes, None at the top."""
        return self.next_level.reach if self.next_level else None


def standing(member_id: int, *, terms: programme.Programme, at: datetime) -> Standing:
    """Return where a member stands at an instant: one statement."""
    today = terms.today(at)
    state = state_of(member_id, today=today)
    if state is None:
        return standing_from(terms, rank=1, growth=0, growth_at_review=0, since=today, review_on=None)
    return standing_from(
        terms,
        rank=state.rank,
        growth=state.growth,
        growth_at_review=state.growth_at_review,
        since=state.began_on,
        review_on=state.decides_on or state.review_on,
    )


def standing_from(
    terms: programme.Programme, *, rank: int, growth: int, growth_at_review: int, since: date, review_on: date | None
) -> Standing:
    """Return the standing that figures make. Pure."""
    level = terms.level(rank)
    above = terms.level_after(level.rank)
    return Standing(
        rank=level.rank,
        level=level,
        growth=growth,
        since=since,
        next_level=above,
        missing=max(0, above.reach - growth) if above else 0,
        keep=level.keep,
        keep_missing=max(0, level.keep - growth_at_review) if review_on else 0,
        review_on=review_on,
    )


class State(Struct, frozen=True):
    """A member's last step, the growth that counts today and at its review, and the day named in its notice."""

    history_id: int
    step: int
    rank: int
    began_on: date
    review_on: date | None
    decides_on: date | None
    growth: int
    growth_at_review: int


def state_of(member_id: int, *, today: date) -> State | None:
    """Return a member's state on a day, or None for somebody who has not begun."""
    row = execute(_STATE, {"of_member": member_id, "today": today, "window_begins": window_start(today)}).one_or_none()
    if row is None:
        return None
    # PostgreSQL adds up integers to a decimal.
    whole = {"growth": int(row.growth), "growth_at_review": int(row.growth_at_review)}
    return State(**dict(row._mapping) | whole)


def _state() -> Select[Any]:
    mine = bindparam("of_member", type_=LevelHistory.__table__.c.member_id.type)
    today, begins = bindparam("today", type_=Date), bindparam("window_begins", type_=Date)
    last = (
        select(LevelHistory)
        .where(LevelHistory.member_id == mine)
        .order_by(LevelHistory.step.desc())
        .limit(1)
        .subquery("last")
    )
    counts_from = func.coalesce(LevelNotice.counts_from, last.c.counts_from)
    growth = func.coalesce(func.sum(GrowthEvent.points), 0)
    of_mine = GrowthEvent.member_id == mine
    growth_at_review = (
        select(growth)
        .where(of_mine, GrowthEvent.counts_on >= counts_from, GrowthEvent.counts_on <= today)
        .correlate(last, LevelNotice)
        .scalar_subquery()
    )
    growth_now = select(growth).where(of_mine, GrowthEvent.counts_on.between(begins, today)).scalar_subquery()
    return select(
        last.c.id.label("history_id"),
        last.c.step,
        last.c.rank,
        last.c.began_on,
        last.c.review_on,
        LevelNotice.decides_on,
        growth_now.label("growth"),
        growth_at_review.label("growth_at_review"),
    ).outerjoin_from(last, LevelNotice, LevelNotice.history_id == last.c.id)


_STATE = _state()
