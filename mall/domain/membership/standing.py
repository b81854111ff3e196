"""Standing: a member's level, what is missing to the next, and what it takes to keep this one."""

from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Date, RowMapping, Select, bindparam, func, select, true

from mall.base.clock import Instant
from mall.base.db import execute
from mall.domain import programme

from .grants import PAID, LevelGrant, lasts
from .growth import GrowthEvent
from .level_notices import LevelNotice
from .levels import LevelHistory, window_start
from .paid_grants import goes_on


class Standing(Struct, frozen=True):
    """Where a member stands. Growth in whole numbers.

    `level` is the higher of the one that growth has reached, `grown`, and one that is granted until `granted_until`;
    `paid` says that it was paid for.
    `missing` is the growth to the next level, 0 at the top. `keep_missing` is the growth still needed by `review_on`
    to keep `grown`: of what counts today, only what will still count then is taken off. The lowest level has no
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
    grown: programme.Level
    granted_until: date | None = None
    paid: bool = False

    @property
    def next_reach(self) -> int | None:
        """Return the growth that the next level takes, None at the top."""
        return self.next_level.reach if self.next_level else None


def standing(member_id: int, *, terms: programme.Programme, at: datetime) -> Standing:
    """Return where a member stands at an instant: one statement."""
    today = terms.today(at)
    state = state_of(member_id, today=today, at=at)
    if state is None:
        return standing_from(terms, rank=1, growth=0, growth_at_review=0, since=today, review_on=None)
    return standing_from(
        terms,
        rank=state.rank,
        growth=state.growth,
        growth_at_review=state.growth_at_review,
        since=state.began_on,
        review_on=state.decides_on or state.review_on,
        granted=state.granted,
    )


def standing_from(
    terms: programme.Programme,
    *,
    rank: int,
    growth: int,
    growth_at_review: int,
    since: date,
    review_on: date | None,
    granted: "Granted | None" = None,
) -> Standing:
    """Return the standing that figures make. Pure."""
    grown = level = terms.level(rank)
    until, paid = None, False
    if granted is not None and (lent := terms.level(granted.rank)).rank > grown.rank:
        level, since, until, paid = lent, granted.begins_on, granted.last_day, granted.paid
    above = terms.level_after(level.rank)
    return Standing(
        rank=level.rank,
        level=level,
        growth=growth,
        since=since,
        next_level=above,
        missing=max(0, above.reach - growth) if above else 0,
        keep=grown.keep,
        keep_missing=max(0, grown.keep - growth_at_review) if review_on else 0,
        review_on=review_on,
        grown=grown,
        granted_until=until,
        paid=paid,
    )


class Granted(Struct, frozen=True):
    """A level that is granted now: since which day, and up to and with which, what is paid beyond it included."""

    rank: int
    begins_on: date
    last_day: date
    paid: bool = False


class State(Struct, frozen=True):
    """A member's last step, the growth that counts today and at its review, the day named in its notice, and the
    highest level that is granted meanwhile.
    """

    history_id: int
    step: int
    rank: int
    began_on: date
    review_on: date | None
    decides_on: date | None
    growth: int
    growth_at_review: int
    granted: Granted | None = None


def state_of(member_id: int, *, today: date, at: datetime) -> State | None:
    """Return a member's state on a day, or None for somebody who has not begun. `at` is the instant of grants."""
    values = {"of_member": member_id, "today": today, "window_begins": window_start(today), "at": at}
    row = execute(_STATE, values).one_or_none()
    return None if row is None else state_in(row._mapping)


def state_in(row: RowMapping) -> State:
    """Return the state in a row of its columns."""
    granted = row.get("granted_rank")
    return State(
        **{name: row[name] for name in ("history_id", "step", "rank", "began_on", "review_on", "decides_on")},
        # PostgreSQL adds up integers to a decimal.
        growth=int(row["growth"]),
        growth_at_review=int(row["growth_at_review"]),
        granted=Granted(granted, row["granted_on"], row["granted_until"], row["granted_kind"] == PAID)
        if granted
        else None,
    )


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
    grant = (
        select(
            LevelGrant.rank,
            LevelGrant.begins_on,
            func.coalesce(_GOES_ON, LevelGrant.last_day).label("last_day"),
            LevelGrant.kind,
        )
        .where(*lasts(mine, at=bindparam("at", type_=Instant)))
        .order_by(LevelGrant.rank.desc(), LevelGrant.ends_at.desc())
        .limit(1)
        .subquery("granted")
    )
    state = select(
        last.c.id.label("history_id"),
        last.c.step,
        last.c.rank,
        last.c.began_on,
        last.c.review_on,
        LevelNotice.decides_on,
        growth_now.label("growth"),
        growth_at_review.label("growth_at_review"),
        grant.c.rank.label("granted_rank"),
        grant.c.begins_on.label("granted_on"),
        grant.c.last_day.label("granted_until"),
        grant.c.kind.label("granted_kind"),
    )
    noticed = state.outerjoin_from(last, LevelNotice, LevelNotice.history_id == last.c.id)
    return noticed.outerjoin(grant, true())


# What has been paid beyond a paid grant goes on after its last day.
_GOES_ON = goes_on(LevelGrant)
_STATE = _state()
