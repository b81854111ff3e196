"""Dormancy of the last days: what its nights would have taken off and given back under a version's rule.

Only who was away for long, or had something taken off that still counts, is looked at. Where a draft changes nothing
that dormancy goes by, what was really taken off stands.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from msgspec import Struct
from sqlalchemy import BigInteger, Select, Subquery, case, func, literal, select, union_all

from mall.base.clock import Instant
from mall.base.db import execute, streamed
from mall.base.sql import as_given, given, seconds_later
from mall.domain import earning, membership, people, programme

from .dormant import FOREVER, Away, Dormancy, Growth, Past
from .replay import GrowthByDay
from .shop_days import ShopDays

DAY_SECONDS = 86_400
_OTHER, _BOUGHT, _DORMANCY = range(3)
_LOOKED_AT = given("looked_at", member_id=BigInteger())


class Lost(Struct, frozen=True):
    """What dormancy took off in the days replayed of growth that counts now, less what it gave back: `growth`.

    `changes` is what that is more or less, for each member, than was really taken off: {member_id: growth}.
    """

    growth: int
    changes: Mapping[int, int]


def goes_by_the_same(terms: programme.Programme, draft: programme.Programme) -> bool:
    """Tell whether two versions say the same of dormancy itself."""
    return Dormancy.of(terms) == Dormancy.of(draft)


def really_lost(days: ShopDays) -> Lost:
    """Return what dormancy really took off, for where nothing that it goes by is another."""
    event = membership.GrowthEvent
    total = select(func.coalesce(func.sum(event.points), 0)).where(
        event.source == membership.DORMANCY,
        event.at >= days.since,
        days.number_of(event.counts_on) > days.last - membership.WINDOW_DAYS,
    )
    return Lost(-int(execute(total).scalar_one()), {})


def dormancy_replayed(
    terms: programme.Programme,
    draft: programme.Programme,
    *,
    orders: tuple[GrowthByDay, GrowthByDay],
    tasks: GrowthByDay,
    away: Mapping[int, Sequence[Away]],
    days: ShopDays,
) -> tuple[Lost, Lost]:
    """Return what dormancy, replayed, takes off of members' growth: in force, and by the draft.

    `orders` is what each version changes of the growth of orders, `tasks` what the draft changes of that of tasks;
    each counts from its own day on. `away` is away_under() both.
    """
    rules = Dormancy.of(terms), Dormancy.of(draft)
    found: tuple[dict[int, int], dict[int, int]] = {}, {}
    growth_lost = [0, 0]
    for member_id, growth in _growth_of({*away, *_had_taken_off(days)}, days):
        past, really = _past(away.get(member_id, ()), growth, days)
        more = [_seen(changed.get(member_id, ()), bought=True) for changed in orders]
        more[1] += _seen(tasks.get(member_id, ()), bought=False)
        for place, rule in enumerate(rules):
            changed = past.and_growth(more[place]).changed_by(rule, first=days.first)
            growth_lost[place] -= changed
            if changed != really:
                found[place][member_id] = changed - really
    return Lost(growth_lost[0], found[0]), Lost(growth_lost[1], found[1])


def _seen(changes: Iterable[tuple[int, int]], *, bought: bool) -> list[Growth]:
    return [(day + 1, day, points, bought) for day, points in changes]


def _past(away: Sequence[Away], rows: Iterable[tuple[int, int, int, int, int]], days: ShopDays) -> tuple[Past, int]:
    """Return the past of a member, and what dormancy has really changed since of the growth that counts now."""
    growth: list[Growth] = []
    taken: dict[int, int] = defaultdict(int)
    really = 0
    for _member_id, seconds, counts_on, points, kind in rows:
        written_on = days.day(seconds)
        if kind != _DORMANCY:
            growth.append((written_on + 1, counts_on, points, kind == _BOUGHT))
        elif written_on < days.first:
            growth.append((written_on + 1, counts_on, points, False))
            taken[counts_on] -= points
        elif counts_on > days.last - membership.WINDOW_DAYS:
            really += points
    return Past(away, growth, taken, last=days.last), really


def away_under(terms: programme.Programme, draft: programme.Programme, days: ShopDays) -> dict[int, tuple[Away, ...]]:
    """Return when members were away for as long as one of two versions asks: {member_id: ((day, day), ...)}."""
    rules = [rule for rule in (Dormancy.of(terms), Dormancy.of(draft)) if rule.active]
    if not rules:
        return {}
    shortest = min(rule.after_days for rule in rules)
    away: dict[int, tuple[Away, ...]] = {}
    for member_id, did, did_again in streamed(_times_away(shortest, days)):
        again = FOREVER if did_again is None else days.day(did_again)
        away[member_id] = (*away.get(member_id, ()), (days.day(did), again))
    return away


def _times_away(shortest_days: int, days: ShopDays) -> Select[Any]:
    each = _done(days)
    again = func.lead(each.c.at, type_=Instant).over(partition_by=each.c.member_id, order_by=each.c.at).label("again")
    time = select(each.c.member_id, each.c.at, again).subquery("time")
    # A day of the shop may be an hour shorter, and none is over when it begins.
    too_late = seconds_later(time.c.at, DAY_SECONDS * (shortest_days - 2))
    return (
        select(time.c.member_id, days.seconds_to(time.c.at), days.seconds_to(time.c.again))
        .where(func.coalesce(time.c.again, literal(days.at, Instant), type_=Instant) >= too_late)
        .order_by(time.c.member_id, time.c.at)
    )


def _done(days: ShopDays) -> Subquery:
    """Return what members did in the days replayed, and the last before; at least that they joined."""
    fact, member = earning.FactRow, people.Member
    did = fact.kind.not_in(earning.BY_ITSELF)
    last_before = (
        select(
            member.id.label("member_id"),
            func.coalesce(func.max(fact.at), member.created_at, type_=Instant).label("at"),
        )
        .join_from(member, fact, (fact.member_id == member.id) & did & (fact.at < days.since), isouter=True)
        .where(member.created_at < days.since, member.deactivated_at.is_(None))
        .group_by(member.id)
    )
    joined = select(member.id, member.created_at).where(
        member.created_at >= days.since, member.deactivated_at.is_(None)
    )
    since = select(fact.member_id, fact.at).where(did, fact.at >= days.since)
    return union_all(last_before, joined, since).subquery("done")


def _had_taken_off(days: ShopDays) -> set[int]:
    """Return the members of whom dormancy took off what still counts, or did when the days began."""
    event = membership.GrowthEvent
    begins = days.first - membership.WINDOW_DAYS
    rows = execute(
        select(event.member_id)
        .distinct()
        .where(event.source == membership.DORMANCY, days.number_of(event.counts_on) > begins)
    )
    return set(rows.scalars())


def _growth_of(member_ids: set[int], days: ShopDays) -> Iterator[tuple[int, Iterator[tuple[int, int, int, int, int]]]]:
    """Return the growth events of members: [(member_id, [(member_id, seconds, counts_on, points, kind)])]."""
    if not member_ids:
        return iter(())
    event = membership.GrowthEvent
    kind = case(
        (event.source == membership.DORMANCY, _DORMANCY), (event.source.in_(earning.BOUGHT_BY), _BOUGHT), else_=_OTHER
    )
    rows = streamed(
        select(event.member_id, days.seconds_to(event.at), days.number_of(event.counts_on), event.points, kind)
        .join(_LOOKED_AT, _LOOKED_AT.c.member_id == event.member_id)
        .order_by(event.member_id, event.id),
        {"looked_at": as_given([[each] for each in sorted(member_ids)])},
    )
    return groupby(rows, itemgetter(0))
