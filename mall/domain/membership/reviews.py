"""Reviews: up at once, down only on a review day, one step, and after 30 days' notice."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Date, Select, and_, bindparam, case, func, insert, or_, select, union

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import Message
from mall.domain import notices, programme

from .growth import GrowthEvent, write_growth
from .level_notices import NOTICE_DAYS, LevelNotice
from .levels import KEPT, LOWERED, REACHED, LevelChange, LevelHistory, latest_steps, step_row, take_steps, window_start
from .standing import State, state_in, state_of


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


def settled(terms: programme.Programme, *, rank: int, growth: int, today: date) -> int:
    """Return the rank somebody has after their next review, if the growth that counts stays as it is. Pure.

    It is what decide() says on that day, with the notice given.
    """
    decision = decide(
        terms,
        rank=rank,
        growth=growth,
        growth_at_review=growth,
        review_on=today if rank > 1 else None,
        decides_on=today if rank > 1 else None,
        today=today,
    )
    match decision:
        case Rise(reached):
            return reached
        case Fall():
            return rank - 1
    return rank


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
    state = state_of(member_id, today=terms.today(at), at=at)
    if state is None:
        return None
    (change,) = _review_all({member_id: state}, terms=terms, at=at) or (None,)
    return change


def due_in_share(*, terms: programme.Programme, after: int, at: datetime, share: int) -> tuple[list[int], int | None]:
    """Return the members of a share, those with ids above `after`, whom this day brings something, ascending.

    And where the next share begins; None after the last.
    """
    last = after + share
    states = _read_states(_IN_SHARE, {"after": after, "last": last}, terms=terms, at=at)
    due = [member_id for member_id, state in states.items() if _decide(state, terms=terms, at=at) is not None]
    return due, last if execute(_MORE, {"last": last}).first() else None


def review_many(member_ids: list[int], *, terms: programme.Programme, at: datetime) -> list[LevelChange]:
    """Do what a day brings some members, each table once. Returns the level changes; again, does nothing more."""
    return _review_all(_read_states(_OF_MEMBERS, {"members": member_ids}, terms=terms, at=at), terms=terms, at=at)


def _read_states(
    question: Select[Any], whose: dict[str, Any], *, terms: programme.Programme, at: datetime
) -> dict[int, State]:
    today = terms.today(at)
    window = {"today": today, "window_begins": window_start(today), "near": today + timedelta(days=NOTICE_DAYS)}
    rows = execute(question, whose | window | {"version": terms.version})
    return {row.member_id: state_in(row._mapping) for row in rows}


def _decide(state: State, *, terms: programme.Programme, at: datetime) -> Rise | Warn | Keep | Fall | None:
    return decide(
        terms,
        rank=terms.level(state.rank).rank,
        growth=state.growth,
        growth_at_review=state.growth_at_review,
        review_on=state.review_on,
        decides_on=state.decides_on,
        today=terms.today(at),
    )


def _review_all(states: Mapping[int, State], *, terms: programme.Programme, at: datetime) -> list[LevelChange]:
    """Decide about each member and write it, each table once. Returns the level changes."""
    steps, warned, changes = [], [], []
    for member_id, state in states.items():
        rank = terms.level(state.rank).rank
        decision = _decide(state, terms=terms, at=at)
        match decision:
            case Rise(reached):
                to_rank, reason = reached, REACHED
            case Fall():
                to_rank, reason = rank - 1, LOWERED
            case Keep():
                to_rank, reason = rank, KEPT
            case Warn():
                warned.append((member_id, state, decision))
                continue
            case None:
                continue
        step = state.step + 1
        steps.append(
            step_row(member_id, step=step, rank=to_rank, reason=reason, growth=state.growth, terms=terms, at=at)
        )
        if reason != KEPT:
            changes.append((step, LevelChange(member_id, from_rank=rank, to_rank=to_rank, growth=state.growth)))
    take_steps(steps)
    _warn(warned, terms=terms, at=at)
    for rose, kind in ((True, "level_raised"), (False, "level_lowered")):
        told = [
            notices.Telling(
                change.member_id,
                f"level:{change.member_id}:{step}",
                {"level": dict(terms.level(change.to_rank).name)},
            )
            for step, change in changes
            if change.rose == rose
        ]
        _tell(kind, told, at=at)
    return [change for _step, change in changes]


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


def _warn(warned: Sequence[tuple[int, State, Warn]], *, terms: programme.Programme, at: datetime) -> None:
    if not warned:
        return
    rows = [
        {
            "history_id": state.history_id,
            "member_id": member_id,
            "missing": warning.missing,
            "told_on": terms.today(at),
            "told_at": at,
            "decides_on": warning.decides_on,
            "counts_from": window_start(warning.decides_on),
        }
        for member_id, state, warning in warned
    ]
    execute(insert(LevelNotice), rows)
    told = [
        notices.Telling(
            member_id,
            f"level_review:{state.history_id}",
            {
                "level": dict(terms.level(state.rank).name),
                "missing": warning.missing,
                "review_on": warning.decides_on.isoformat(),
            },
        )
        for member_id, state, warning in warned
    ]
    _tell("level_review", told, at=at)


def _tell(kind: str, tellings: Sequence[notices.Telling], *, at: datetime) -> None:
    """Tell members; one alone by a mail that does not wait for those of many."""
    if len(tellings) == 1:
        (only,) = tellings
        notices.tell(only.member_id, kind, values=only.values, key=only.key, at=at)
    else:
        notices.tell_all(kind, tellings, at=at)


def _states(whose: Any) -> Select[Any]:
    """Build the question for the states of some: of who has reached more, and of whose review is near or due."""
    today, begins = bindparam("today", type_=Date), bindparam("window_begins", type_=Date)
    newest = (
        select(func.max(LevelHistory.step).label("step"), LevelHistory.member_id)
        .where(whose)
        .group_by(LevelHistory.member_id)
        .subquery("newest")
    )
    counts_from = func.coalesce(LevelNotice.counts_from, LevelHistory.counts_from)
    counts, still = GrowthEvent.counts_on >= begins, GrowthEvent.counts_on >= counts_from
    growth = func.coalesce(func.sum(case((counts, GrowthEvent.points), else_=0)), 0)
    threshold = programme.LevelThreshold
    above = and_(threshold.version == bindparam("version"), threshold.rank == LevelHistory.rank + 1)
    return (
        select(
            LevelHistory.member_id,
            LevelHistory.id.label("history_id"),
            LevelHistory.step,
            LevelHistory.rank,
            LevelHistory.began_on,
            LevelHistory.review_on,
            LevelNotice.decides_on,
            growth.label("growth"),
            func.coalesce(func.sum(case((still, GrowthEvent.points), else_=0)), 0).label("growth_at_review"),
        )
        .join(newest, and_(newest.c.member_id == LevelHistory.member_id, newest.c.step == LevelHistory.step))
        .outerjoin(LevelNotice, LevelNotice.history_id == LevelHistory.id)
        .outerjoin(threshold, above)
        .outerjoin(
            GrowthEvent,
            and_(GrowthEvent.member_id == LevelHistory.member_id, GrowthEvent.counts_on <= today),
        )
        .group_by(LevelHistory.id, LevelNotice.history_id, threshold.version, threshold.rank)
        .having(or_(LevelHistory.review_on <= bindparam("near", type_=Date), growth >= threshold.reach))
        .order_by(LevelHistory.member_id)
    )


_IN_SHARE = _states((LevelHistory.member_id > bindparam("after")) & (LevelHistory.member_id <= bindparam("last")))
_OF_MEMBERS = _states(LevelHistory.member_id.in_(bindparam("members", expanding=True)))
_MORE = select(LevelHistory.member_id).where(LevelHistory.member_id > bindparam("last")).limit(1)
