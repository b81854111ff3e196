"""Levels that were reached by what went back since: what reaching them gave is taken back, or given anew.

The level itself stays until its review: levels fall by the rules of levels only. Whoever has reached it by other
growth since, whenever that was, keeps what it gave.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, String, and_, bindparam, cast, literal, select

from mall.base.db import execute
from mall.base.text import N_, say
from mall.domain import coupons, ledger, membership, notices, programme

from .facts import Fact, FactRow, undone_of
from .level_packs import REACHED, LevelPack
from .level_packs import reference_of as reference_of_pack
from .tasks import TaskReward, reach
from .undoing import forgive_rest, take_lots_back, undo


def lose_levels(*, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> None:
    """Take back what levels gave that were reached only by growth which was taken back by now, and tell the member.

    Points spent are owed, coupons not used are revoked; those used stay used, and are said. To be called wherever
    growth was taken back: it does nothing more when it is called again.
    """
    while lost := _lost(purse.member_id):
        for row in lost:
            _undo(row, purse=purse, terms=terms, at=at)


def reach_again(*, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> None:
    """Give anew what was taken back with levels that a member who never fell reaches again by growth. One statement
    where nothing was ever taken back.
    """
    lost = _undone(purse.member_id)
    if not lost:
        return
    now = membership.standing(purse.member_id, terms=terms, at=at)
    for rank in sorted(lost):
        if rank <= now.grown.rank and now.growth >= terms.level(rank).reach:
            reach(rank, purse=purse, terms=terms, at=at)


def is_merited(reach: int, since: date, growth: Sequence[tuple[date, int]]) -> bool:
    """Tell whether growth, [(day it counts on, points)], came to so much on a day or on any later one. Pure."""
    days = [since, *(day for day, _points in growth if day > since)]
    return any(
        sum(points for counts_on, points in growth if membership.window_start(day) <= counts_on <= day) >= reach
        for day in days
    )


def _lost(member_id: int) -> list[Row[Any]]:
    """Return the facts of levels, the highest first, that growth does not bear out any more."""
    fact = FactRow
    reached = execute(
        select(fact)
        .where(fact.member_id == member_id, fact.kind == "level_reached", fact.id.not_in(undone_of(member_id)))
        .order_by(fact.attributes["rank"].as_integer().desc(), fact.id)
    ).all()
    # What was reached before this was kept says no version: it stays.
    reached = [row for row in reached if "version" in row.attributes]
    if not reached:
        return []
    growth = execute(_GROWTH, {"of_member": member_id}).all()
    return [
        row
        for row in reached
        if not is_merited(
            programme.version(row.attributes["version"]).level(row.attributes["rank"]).reach,
            date.fromisoformat(row.attributes["day"]),
            # What a level itself has given, or one reached after it, does not bear it out.
            [(each.counts_on, each.points) for each in growth if each.fact_id is None or each.fact_id < row.id],
        )
    ]


def _undo(row: Row[Any], *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> None:
    fact = Fact(row.kind, row.member_id, row.key, row.at, row.reference, attributes=row.attributes)
    level = programme.version(row.attributes["version"]).level(row.attributes["rank"])
    why = say(N_("{level} was reached by what went back since: what it gave is taken back"), level=dict(level.name))
    rewards = undo(fact, row.id, "level_unreached", why=why, purse=purse, terms=terms, at=at) or []
    points, voided, used = sum(each.points for each in rewards), 0, 0
    occasion = row.key.removeprefix(f"{row.reference}:")
    pack = execute(
        select(LevelPack).where(LevelPack.member_id == row.member_id, LevelPack.occasion == occasion)
    ).one_or_none()
    if pack is not None:
        if pack.points:
            points += take_lots_back(reference_of_pack(pack.id), why=why, purse=purse, at=at)
        if pack.coupons:
            voided, used = coupons.void_given_for(
                f"{REACHED}{occasion}", member_id=row.member_id, by=f"fact:{row.id}", at=at
            )
    if points or voided or used:
        told = {"level": dict(level.name), "points": points, "coupons": voided, "used": used}
        notices.tell(row.member_id, "level_pack_undone", values=told, key=f"{row.key}:undone:told", at=at)
    forgive_rest(f"{row.key}:undone", purse=purse, terms=terms, at=at)


def _growth() -> Select[*tuple[Any, ...]]:
    """Return a question for a member's growth: counts_on, points, and the fact of a level that gave it, if one did."""
    event = membership.GrowthEvent
    by_a_level = and_(
        event.source == "level_reached", literal("task:") + cast(TaskReward.id, String) == event.reference
    )
    question: Select[*tuple[Any, ...]] = (
        select(event.counts_on, event.points, TaskReward.fact_id)
        .outerjoin(TaskReward, and_(by_a_level, TaskReward.member_id == event.member_id))
        .where(
            event.member_id == bindparam("of_member"),
            # What dormancy gives back later was not there when a level was reached.
            (event.source != membership.DORMANCY) | (event.points < 0),
        )
    )
    return question


_GROWTH = _growth()


def _undone(member_id: int) -> set[int]:
    """Return the ranks of levels whose fact was undone and has no other. One statement where none was."""
    fact = FactRow
    undone = execute(
        select(fact.id, fact.attributes["rank"].as_integer().label("rank")).where(fact.id.in_(undone_of(member_id)))
    ).all()
    ranks = {row.rank for row in undone if row.rank}
    if not ranks:
        return set()
    standing = execute(
        select(fact.attributes["rank"].as_integer()).where(
            fact.member_id == member_id, fact.kind == "level_reached", fact.id.not_in([row.id for row in undone])
        )
    ).scalars()
    return ranks - set(standing)
