"""Carrying: when the shop's levels become others, every member goes on with the one that takes their level's place.

A new version lowers nobody; who has too little growth for what they are now hears of it before the review, as always.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Date, Select, and_, bindparam, func, select

from mall.base.db import execute
from mall.domain import ledger, programme

from .grants_carried import replace_grants, to_replace
from .growth import GrowthEvent
from .levels import CARRIED, latest_steps, step_row, take_steps, window_start
from .places import place_of
from .reviews import ReviewRun

AT_ONCE = 1_000


def is_followed(terms: programme.Programme) -> bool:
    """Tell whether a review has looked at everybody under the levels of this version, or of one with the same."""
    last = execute(select(ReviewRun.version).order_by(ReviewRun.id.desc()).limit(1)).scalar_one_or_none()
    return last is not None and programme.version(last).levels == terms.levels


def carry(*, terms: programme.Programme, at: datetime, limit: int = AT_ONCE) -> int:
    """Carry up to `limit` members over to the levels of this version. Returns how many; where any, call again.

    Who had a review keeps its day. What is granted goes on as well, under the locks of its members' purses, since
    somebody may buy, give back or withdraw one of them at the same moment.
    """

    def place(version: int, rank: int) -> int:
        return place_of(rank, before=programme.version(version), now=terms)

    granted = to_replace(terms=terms, at=at, limit=limit)
    if granted:
        ledger.lock_many(granted, zone=terms.zone)
        replace_grants(granted, terms=terms, at=at)
        return len(granted)
    level = latest_steps()
    pairs = execute(
        select(level.c.version, level.c.rank)
        .where(level.c.version != terms.version)
        .distinct()
        .order_by(level.c.version, level.c.rank)
    ).all()
    moves = {(pair.version, pair.rank): to for pair in pairs if (to := place(pair.version, pair.rank)) != pair.rank}
    done = 0
    for (version, rank), to in moves.items():
        done += _carry(version, rank, to, terms=terms, at=at, limit=limit - done)
        if done >= limit:
            break
    return done


def _carry(version: int, rank: int, to: int, *, terms: programme.Programme, at: datetime, limit: int) -> int:
    today = terms.today(at)
    rows = execute(
        _ON, {"version": version, "rank": rank, "most": limit, "begins": window_start(today), "today": today}
    ).all()
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
        ]
    )
    return len(rows)


def _on() -> Select[Any]:
    level = latest_steps()
    counts = and_(
        GrowthEvent.member_id == level.c.member_id,
        GrowthEvent.counts_on.between(bindparam("begins", type_=Date), bindparam("today", type_=Date)),
    )
    growth = select(func.coalesce(func.sum(GrowthEvent.points), 0)).where(counts).correlate(level).scalar_subquery()
    return (
        select(level.c.member_id, level.c.step, level.c.review_on, growth.label("growth"))
        .where(level.c.version == bindparam("version"), level.c.rank == bindparam("rank"))
        .order_by(level.c.member_id)
        .limit(bindparam("most"))
    )


_ON = _on()
