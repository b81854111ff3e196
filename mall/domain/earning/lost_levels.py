"""Levels that were reached by what went back since: what reaching them gave is taken back; tasks.py gives it anew.

The level itself stays until its review: levels fall by the rules of levels only. Whoever has reached it by other
growth since, whenever that was, keeps what it gave.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, datetime
from itertools import accumulate
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, Select, String, and_, bindparam, cast, literal, select

from mall.base.db import execute
from mall.base.text import N_, say
from mall.domain import ledger, membership, notices, programme

from .facts import FactRow, undone_of
from .level_packs import LevelPack
from .tasks import TaskReward
from .undoing import PackBack, forgive_rest, take_pack_back, undo, would_take_pack_back, would_undo


class LostLevel(Struct, frozen=True):
    """A level that growth does not bear out any more, and what goes back of what it gave: points, and coupons that are
    not used; so many `used` ones stay used.
    """

    name: dict[str, str]
    points: int
    coupons: int
    used: int


def lose_levels(*, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> None:
    """Take back what levels gave that were reached only by growth which was taken back by now, and tell the member.

    Points spent are owed, coupons not used are revoked; those used stay used, and are said. To be called wherever
    growth was taken back: it does nothing more when it is called again.
    """
    while (reached := _reached(purse.member_id)) and (lost := _lost(reached, _growth_of(purse.member_id, reached))):
        for row in lost:
            _undo(row, purse=purse, terms=terms, at=at)


def would_lose(member_id: int, taken: Sequence[tuple[date, int]], *, at: datetime) -> tuple[LostLevel, ...]:
    """Return what lose_levels() would take back once growth was `taken`, [(day it counts on, points)]: takes nothing.

    Levels that gave nothing are left out. Two statements where the member has reached none.
    """
    reached = _reached(member_id)
    growth = [*_growth_of(member_id, reached), *(Grown(day, -points, at) for day, points in taken)]
    lost: list[LostLevel] = []
    while rows := _lost(reached, growth):
        going = {row.id for row in rows}
        reached = [row for row in reached if row.id not in going]
        rewards = would_undo(going, at=at)
        growth += [Grown(each.counts_on, -each.reward.growth, at, each.fact_id) for each in rewards if each.counts_on]
        for row in rows:
            points = sum(each.reward.points for each in rewards if each.fact_id == row.id)
            lost.append(_would_lose(row, points, at=at))
    return tuple(each for each in lost if each.points or each.coupons or each.used)


def _would_lose(row: Row[Any], points: int, *, at: datetime) -> LostLevel:
    """Return what goes back with a level for which tasks gave so many points."""
    pack = _pack_of(row)
    back = PackBack() if pack is None else would_take_pack_back(pack, at=at)
    return LostLevel(dict(_level_of(row).name), points + back.points, back.coupons, back.used)


class Grown(Struct, frozen=True):
    """Growth on the day it counts on, and the fact of a level that gave it, if one did.

    `given_back`: dormancy had taken it off, and it was not there before `at`.
    """

    counts_on: date
    points: int
    at: datetime
    fact_id: int | None = None
    given_back: bool = False


def is_merited(reach: int, day: date, at: datetime, growth: Sequence[Grown]) -> bool:
    """Tell whether growth came to so much on a day, at an instant of it, or when any came on a later one. Pure."""
    moments = [(day, at), *((each.counts_on, each.at) for each in growth if each.counts_on > day)]
    always = sorted((each.counts_on, each.points) for each in growth if not each.given_back)
    days = [counts_on for counts_on, _points in always]
    up_to = [0, *accumulate(points for _counts_on, points in always)]
    given_back = [each for each in growth if each.given_back]

    def counted(when: date, moment: datetime) -> int:
        begins = membership.window_start(when)
        there = (each.points for each in given_back if begins <= each.counts_on <= when and each.at <= moment)
        return up_to[bisect_right(days, when)] - up_to[bisect_left(days, begins)] + sum(there)

    return any(counted(when, moment) >= reach for when, moment in moments)


def _reached(member_id: int) -> list[Row[Any]]:
    """Return the facts of levels that a member has reached, the highest first."""
    fact = FactRow
    reached = execute(
        select(fact)
        .where(fact.member_id == member_id, fact.kind == "level_reached", fact.id.not_in(undone_of(member_id)))
        .order_by(fact.attributes["rank"].as_integer().desc(), fact.id)
    ).all()
    # What was reached before this was kept says no version: it stays.
    return [row for row in reached if "version" in row.attributes]


def _growth_of(member_id: int, reached: Sequence[Row[Any]]) -> list[Grown]:
    """Return a member's growth, where levels were reached by it."""
    if not reached:
        return []
    return [
        Grown(row.counts_on, row.points, row.at, row.fact_id, bool(row.given_back))
        for row in execute(_GROWTH, {"of_member": member_id})
    ]


def _lost(reached: Sequence[Row[Any]], growth: Sequence[Grown]) -> list[Row[Any]]:
    """Return which facts of levels growth does not bear out any more. Pure, but for versions of the programme."""
    return [
        row
        for row in reached
        if not is_merited(
            _level_of(row).reach,
            date.fromisoformat(row.attributes["day"]),
            row.at,
            # What a level itself has given, or one reached after it, does not bear it out.
            [each for each in growth if each.fact_id is None or each.fact_id < row.id],
        )
    ]


def _level_of(row: Row[Any]) -> programme.Level:
    """Return a level as it was when the fact of it was recorded."""
    return programme.version(row.attributes["version"]).level(row.attributes["rank"])


def _pack_of(row: Row[Any]) -> Row[Any] | None:
    """Return the pack that reaching a level brought, None where it brought none."""
    occasion = row.key.removeprefix(f"{row.reference}:")
    return execute(
        select(LevelPack).where(LevelPack.member_id == row.member_id, LevelPack.occasion == occasion)
    ).one_or_none()


def _undo(row: Row[Any], *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> None:
    level = _level_of(row)
    why = say(N_("{level} was reached by what went back since: what it gave is taken back"), level=dict(level.name))
    rewards = undo(row, "level_unreached", why=why, purse=purse, terms=terms, at=at)
    back = PackBack(sum(each.points for each in rewards))
    if (pack := _pack_of(row)) is not None:
        back = back.and_of(take_pack_back(pack, why=why, by=f"fact:{row.id}", purse=purse, at=at))
    if back:
        told = {"level": dict(level.name), "points": back.points, "coupons": back.coupons, "used": back.used}
        notices.tell(row.member_id, "level_pack_undone", values=told, key=f"{row.key}:undone:told", at=at)
    forgive_rest(f"{row.key}:undone", purse=purse, terms=terms, at=at)


def _growth() -> Select[*tuple[Any, ...]]:
    """Return a question for a member's growth: the columns of Grown."""
    event = membership.GrowthEvent
    by_a_level = and_(
        event.source == "level_reached", literal("task:") + cast(TaskReward.id, String) == event.reference
    )
    question: Select[*tuple[Any, ...]] = (
        select(
            event.counts_on,
            event.points,
            event.at,
            TaskReward.fact_id,
            and_(event.source == membership.DORMANCY, event.points > 0).label("given_back"),
        )
        .outerjoin(TaskReward, and_(by_a_level, TaskReward.member_id == event.member_id))
        .where(event.member_id == bindparam("of_member"))
    )
    return question


_GROWTH = _growth()
