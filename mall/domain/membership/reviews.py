"""Reviews: up at once, down only on a review day, one step, and after 30 days' notice."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from msgspec import Struct
from sqlalchemy import func, insert, select, union

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import Message
from mall.domain import notices, programme

from .growth import GrowthEvent, write_growth
from .level_notices import NOTICE_DAYS, LevelNotice
from .levels import KEPT, LOWERED, REACHED, LevelChange, latest_steps, take_step, window_start
from .standing import state_of


class ReviewRun(db.Model):
    """A night's review of all members, under a version: from it on, nobody stands below what they have reached."""

    id: Mapped[int] = mapped_column(primary_key=True)
    ran_on: Mapped[date]
    ran_at: Mapped[datetime] = mapped_column(Instant)
    counts_from: Mapped[date]
    version: Mapped[int]


append_only(ReviewRun)


class Rise(Struct, frozen=True):
    """The member has reached a higher level."""

    rank: int


class Warn(Struct, frozen=True):
    """The member is to be told what is missing, and that the level will be decided on a day."""

    missing: int
    decides_on: date


class Keep(Struct, frozen=True):
    """The member keeps the level for another 12 months."""


class Fall(Struct, frozen=True):
    """The member goes one step down."""


def decide(
    terms: programme.Programme,
    *,
    rank: int,
    growth: int,
    growth_at_review: int,
    review_on: date | None,
    decides_on: date | None,
    today: date,
) -> Rise | Warn | Keep | Fall | None:
    """Say what a day brings a member. Pure.

    `growth` counts today, `growth_at_review` is what of it will still count on the review day; `decides_on` is the day
    named in the notice, None when none was given. Nobody falls without a notice 30 days old: where it was missed, it
    is given now and the review waits.
    """
    reached = terms.level_reached(growth).rank
    if reached > rank:
        return Rise(reached)
    if review_on is None:
        return None
    keep = terms.level(rank).keep
    in_notice_days = today + timedelta(days=NOTICE_DAYS)
    if today >= review_on and growth >= keep:
        return Keep()
    if decides_on is not None:
        return Fall() if today >= decides_on else None
    if today >= review_on:
        return Warn(keep - growth, in_notice_days)
    if in_notice_days >= review_on and growth_at_review < keep:
        return Warn(keep - growth_at_review, max(review_on, in_notice_days))
    return None


def add_growth(
    member_id: int,
    points: int,
    *,
    source: str,
    reference: str,
    counts_on: date,
    version: int,
    why: Message,
    key: str,
    terms: programme.Programme,
    at: datetime,
) -> LevelChange | None:
    """Give growth, or take it back (negative), once per key. Up at once; what is taken back lowers nobody at once.

    `version` is that of the rule, `terms` the programme now. Returns the level change, if there is one.
    """
    written = write_growth(
        member_id,
        points,
        source=source,
        reference=reference,
        counts_on=counts_on,
        version=version,
        why=why,
        key=key,
        at=at,
    )
    return review(member_id, terms=terms, at=at) if written and points > 0 else None


def review(member_id: int, *, terms: programme.Programme, at: datetime) -> LevelChange | None:
    """Do what a day brings a member. Returns the level change, if there is one. Asked again, does nothing more."""
    today = terms.today(at)
    state = state_of(member_id, today=today)
    if state is None:
        return None
    rank = terms.level(state.rank).rank
    decision = decide(
        terms,
        rank=rank,
        growth=state.growth,
        growth_at_review=state.growth_at_review,
        review_on=state.review_on,
        decides_on=state.decides_on,
        today=today,
    )
    match decision:
        case Rise(reached):
            to_rank, reason = reached, REACHED
        case Fall():
            to_rank, reason = rank - 1, LOWERED
        case Keep():
            to_rank, reason = rank, KEPT
        case Warn(missing, decides_on):
            _warn(member_id, state.history_id, rank, missing, decides_on, terms=terms, at=at)
            return None
        case None:
            return None
    take_step(member_id, step=state.step + 1, rank=to_rank, reason=reason, growth=state.growth, terms=terms, at=at)
    if reason == KEPT:
        return None
    notices.tell(
        member_id,
        "level_raised" if reason == REACHED else "level_lowered",
        values={"level": dict(terms.level(to_rank).name)},
        key=f"level:{member_id}:{state.step + 1}",
        at=at,
    )
    return LevelChange(member_id, from_rank=rank, to_rank=to_rank, growth=state.growth)


def to_review(*, terms: programme.Programme, at: datetime) -> Sequence[int]:
    """Return the members a night's review has to look at: who has reached more, and whose review is near or due."""
    today = terms.today(at)
    level = latest_steps()
    growth = (
        select(GrowthEvent.member_id, func.sum(GrowthEvent.points).label("points"))
        .where(GrowthEvent.counts_on.between(window_start(today), today))
        .group_by(GrowthEvent.member_id)
        .subquery()
    )
    threshold = programme.LevelThreshold
    risen = (
        select(level.c.member_id)
        .join(growth, growth.c.member_id == level.c.member_id)
        .join(
            threshold,
            (threshold.version == terms.version) & (threshold.rank > level.c.rank),
        )
        .where(threshold.reach <= growth.c.points)
    )
    near = select(level.c.member_id).where(level.c.review_on <= today + timedelta(days=NOTICE_DAYS))
    both = union(risen, near).subquery()
    return list(execute(select(both.c.member_id).order_by(both.c.member_id)).scalars())


def note_review(*, terms: programme.Programme, at: datetime) -> None:
    """Note that the night's review has looked at everybody it had to."""
    today = terms.today(at)
    execute(insert(ReviewRun).values(ran_on=today, ran_at=at, counts_from=window_start(today), version=terms.version))


def _warn(
    member_id: int,
    history_id: int,
    rank: int,
    missing: int,
    decides_on: date,
    *,
    terms: programme.Programme,
    at: datetime,
) -> None:
    execute(
        insert(LevelNotice).values(
            history_id=history_id,
            member_id=member_id,
            missing=missing,
            told_on=terms.today(at),
            told_at=at,
            decides_on=decides_on,
            counts_from=window_start(decides_on),
        )
    )
    notices.tell(
        member_id,
        "level_review",
        values={"level": dict(terms.level(rank).name), "missing": missing, "review_on": decides_on.isoformat()},
        key=f"level_review:{history_id}",
        at=at,
    )
