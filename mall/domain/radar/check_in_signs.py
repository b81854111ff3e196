"""Signs among check-ins: many members of one network within a minute, and one member always at the same second."""

from collections import defaultdict, deque
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Select, case, extract, func, select

from mall.base.db import execute
from mall.base.sql import seconds_later
from mall.domain import earning

from .signs import MOST_ABOUT, Limits, Sign, found, strength

BURST_SECONDS = 60
CLOCKWORK_DAYS = 10
# Times of day no further apart are one.
SAME_TIME_SECONDS, DAY_SECONDS = 60, 86_400


def bursts(limits: Limits, *, since: datetime) -> list[Sign]:
    """Many members checked in from one network within a minute. One statement."""
    least = limits.check_in_members
    with_whom: dict[int, Sequence[int]] = {}
    together: dict[int, int] = defaultdict(int)
    days: dict[int, set[str]] = defaultdict(set)
    rows = execute(_in_full_minutes(least, since=since))
    for (_network, day), visits in groupby(rows, key=lambda row: (row.network, row.day)):
        times, visitors = zip(*((row.at, row.member_id) for row in visits), strict=True)
        for member_id, (first, last) in zip(visitors, minutes(times), strict=True):
            days[member_id].add(day.isoformat())
            if last - first + 1 > together[member_id]:
                together[member_id] = last - first + 1
                near = visitors[first : min(last, first + MOST_ABOUT) + 1]
                with_whom[member_id] = [other for other in near if other != member_id]
    return [
        Sign(
            member_id,
            "burst",
            strength(together[member_id], least),
            (
                found(
                    "burst",
                    (f"member:{other}" for other in others),
                    keys=days[member_id],
                    members=together[member_id],
                    days=len(days[member_id]),
                ),
            ),
        )
        for member_id, others in with_whom.items()
    ]


def _in_full_minutes(least: int, *, since: datetime) -> Select[*tuple[Any, ...]]:
    """Ask for the check-ins within a minute in which there are so many from one network: network, day, at, member_id.

    The database looks through the days, and returns these alone.
    """
    seen = earning.CheckInNetwork
    nth = func.lead(seen.at, least - 1).over(partition_by=(seen.network, seen.day), order_by=(seen.at, seen.member_id))
    visits = (
        select(
            seen.network,
            seen.day,
            seen.member_id,
            seen.at,
            case((nth <= seconds_later(seen.at, BURST_SECONDS), seen.at)).label("begins"),
        )
        .where(seen.at >= since)
        .subquery("visits")
    )
    order = (visits.c.at, visits.c.member_id)
    began = func.max(visits.c.begins).over(partition_by=(visits.c.network, visits.c.day), order_by=order)
    close = select(visits, began.label("began")).subquery("close")
    return (
        select(close.c.network, close.c.day, close.c.at, close.c.member_id)
        .where(close.c.at <= seconds_later(close.c.began, BURST_SECONDS))
        .order_by(close.c.network, close.c.day, close.c.at, close.c.member_id)
    )


def minutes(instants: Sequence[datetime]) -> list[tuple[int, int]]:
    """Return for each of some ascending instants the fullest minute it is in: the places of the first and the last.

    Pure. Of minutes that are equally full the earliest.
    """
    span, last, ends = timedelta(seconds=BURST_SECONDS), 0, []
    for first, instant in enumerate(instants):
        while last + 1 < len(instants) and instants[last + 1] - instant <= span:
            last += 1
        ends.append(last)
        last = max(last, first + 1)
    fullest = []
    # Places where a minute begins that may still be the fullest, the fullest first.
    begun: deque[int] = deque()
    for place in range(len(instants)):
        while begun and ends[begun[-1]] - begun[-1] < ends[place] - place:
            begun.pop()
        begun.append(place)
        while ends[begun[0]] < place:
            begun.popleft()
        fullest.append((begun[0], ends[begun[0]]))
    return fullest


def clockwork(limits: Limits, *, since: datetime) -> list[Sign]:
    """All check-ins of a member at the same second, day after day, as a program would. One statement.

    The key is that second. The earliest of the window moves with the window: as_known() holds it to the one known.
    """
    check_in = earning.CheckIn
    second = (
        extract("hour", check_in.at) * 3_600 + extract("minute", check_in.at) * 60 + extract("second", check_in.at)
    )
    spread = func.max(second) - func.min(second)
    rows = execute(
        select(check_in.member_id, func.count().label("days"), func.min(second).label("second"))
        .where(check_in.at >= since)
        .group_by(check_in.member_id)
        .having(func.count() >= CLOCKWORK_DAYS, spread <= limits.check_in_seconds)
    )
    return [
        Sign(
            row.member_id,
            "clockwork",
            strength(row.days, CLOCKWORK_DAYS),
            (found("clockwork", (), keys=[str(int(row.second))], days=row.days, within=limits.check_in_seconds),),
        )
        for row in rows
    ]


def as_known(sign: Sign, keys: Collection[str]) -> Sign:
    """Return a sign of a time of day under the key by which that time is known, where it is. Pure.

    The days looked at move on with every night, and the earliest second among them with the days.
    """
    if sign.kind != "clockwork":
        return sign
    [evidence] = sign.evidence
    [second] = map(int, evidence["keys"])
    for key in keys:
        known = int(key.rpartition(":")[2])
        apart = abs(second - known)
        if min(apart, DAY_SECONDS - apart) <= SAME_TIME_SECONDS:
            return replace(sign, evidence=(evidence | {"keys": [str(known)]},))
    return sign
