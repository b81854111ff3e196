"""Carrying: when the shop's levels become others, every member goes on with the one that takes their level's place.

A new version lowers nobody; who has too little growth for what they are now hears of it before the review, as always.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Date, Select, and_, bindparam, func, select

from mall.base.db import execute, in_transaction
from mall.domain import ledger, programme

from .grants_carried import replace_grants, to_replace
from .growth import GrowthEvent
from .levels import CARRIED, LevelHistory, latest_steps, step_row, take_steps, window_start
from .places import place_of
from .reviews import ReviewRun

# The members of one share, by their ids: a share takes ten statements at most.
MEMBERS_AT_ONCE = 500


def is_followed(terms: programme.Programme) -> bool:
    """Tell whether a review has looked at everybody under the levels of this version, or of one with the same."""
    last = execute(select(ReviewRun.version).order_by(ReviewRun.id.desc()).limit(1)).scalar_one_or_none()
    return last is not None and programme.version(last).levels == terms.levels


def carry(*, terms: programme.Programme, after: int, at: datetime, share: int = MEMBERS_AT_ONCE) -> int | None:
    """Carry a share of the members, those with ids above `after`, over to the levels of this version.

    Who had a review keeps its day. What is granted goes on as well, under the locks of its members' purses, since
    somebody may buy, give back or withdraw one of them at the same moment. Returns where the next share begins; None
    after the last, or where nobody's level has another place. Done again, does nothing more.
    """
    assert in_transaction()
    if after == 0 and not _is_anybody_to_carry(terms=terms, at=at):
        return None
    last = after + share
    if granted := to_replace(terms=terms, after=after, last=last, at=at):
        ledger.lock_many(granted, zone=terms.zone)
        replace_grants(granted, terms=terms, at=at)
    today = terms.today(at)
    window = {"begins": window_start(today), "today": today, "version": terms.version}
    rows = execute(_IN_SHARE, {"after": after, "last": last, **window}).all()
    take_steps(
        [
            step_row(
                row.member_id,
                step=row.step + 1,
                rank=to,
                reason=CARRIED,
                growth=int(row.growth),
                terms=terms,
                at=at,
                review_on=row.review_on,
            )
            for row in rows
            if (to := _place(row, terms=terms)) != row.rank
        ]
    )
    return last if execute(_MORE, {"last": last}).first() else None


def _is_anybody_to_carry(*, terms: programme.Programme, at: datetime) -> bool:
    """Tell whether a level of anybody, reached or granted, has another place in this version."""
    level = latest_steps()
    pairs = execute(select(level.c.version, level.c.rank).where(level.c.version != terms.version).distinct()).all()
    reached = any(_place(pair, terms=terms) != pair.rank for pair in pairs)
    return reached or bool(to_replace(terms=terms, after=0, at=at))


def _place(level: Any, *, terms: programme.Programme) -> int:
    return place_of(level.rank, before=programme.version(level.version), now=terms)


def _in_share() -> Select[Any]:
    """Build the question for the levels of a share that are of other versions, with the growth that counts."""
    newest = (
        select(LevelHistory.member_id, func.max(LevelHistory.step).label("step"))
        .where(LevelHistory.member_id > bindparam("after"), LevelHistory.member_id <= bindparam("last"))
        .group_by(LevelHistory.member_id)
        .subquery("newest")
    )
    counts = and_(
        GrowthEvent.member_id == LevelHistory.member_id,
        GrowthEvent.counts_on.between(bindparam("begins", type_=Date), bindparam("today", type_=Date)),
    )
    growth = select(func.coalesce(func.sum(GrowthEvent.points), 0)).where(counts).correlate(LevelHistory)
    return (
        select(
            LevelHistory.member_id,
            LevelHistory.version,
            LevelHistory.rank,
            LevelHistory.step,
            LevelHistory.review_on,
            growth.scalar_subquery().label("growth"),
        )
        .join(newest, and_(newest.c.member_id == LevelHistory.member_id, newest.c.step == LevelHistory.step))
        .where(LevelHistory.version != bindparam("version"))
        .order_by(LevelHistory.member_id)
    )


_IN_SHARE = _in_share()
_MORE = select(LevelHistory.member_id).where(LevelHistory.member_id > bindparam("last")).limit(1)
