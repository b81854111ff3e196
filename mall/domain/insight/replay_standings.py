"""Standings: on which level a version leaves everybody after their next review, and whom a draft moves."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from msgspec import Struct
from sqlalchemy import func, select

from mall.base.clock import start_of
from mall.base.db import beside, execute
from mall.domain import membership, people, programme

from .pyramid import Course, Pyramid, growth_by_member, pyramid_of, revenue_by_member
from .replay import GrowthByDay, Settling
from .replay_dormancy import Lost, away_under, dormancy_replayed, goes_by_the_same, really_lost
from .replay_orders import any_of_another_rate, order_growth
from .replay_packs import Climb
from .shop_days import ShopDays


class Mover(Struct, frozen=True, gc=False):
    """A member whom the draft leaves elsewhere than the version in force: ranks and growth under each.

    `steps` is by how many levels of the draft, above 0 where they would stand higher: the level that takes the place
    of theirs counts as the same.
    """

    member_id: int
    now_rank: int
    live_rank: int
    draft_rank: int
    live_growth: int
    draft_growth: int
    steps: int

    @property
    def rises(self) -> bool:
        """Tell whether the draft leaves them higher."""
        return self.steps > 0


class Standings(Struct, frozen=True):
    """Everybody now, in force and by the draft, and whom the draft moves.

    `places` are the levels of the draft that take the place of those in force: {rank: rank}.
    """

    places: Mapping[int, int]
    now: Pyramid
    live: "Left"
    draft: "Left"
    movers: tuple[Mover, ...]


class Left(Struct, frozen=True):
    """How a version leaves everybody: the pyramid, whom it brings higher than they stand, the growth that dormancy
    takes off.
    """

    pyramid: Pyramid
    climbs: Sequence[Climb]
    lost_growth: int


class Member(Struct, frozen=True, gc=False):
    """A member who may come in: the level that growth reached, the growth that counts, and the cash they brought."""

    member_id: int
    rank: int
    growth: int
    cents: int


def places_of(terms: programme.Programme, draft: programme.Programme) -> dict[int, int]:
    """Return the level of a draft that takes the place of each level in force: {rank: rank}."""
    return {level.rank: membership.place_of(level.rank, before=terms, now=draft) for level in terms.levels}


def standings(
    draft: programme.Programme,
    *,
    terms: programme.Programme,
    of_tasks: GrowthByDay,
    days: ShopDays,
) -> Standings:
    """Return where a draft and the version in force leave everybody, with the growth each gives for the days replayed.

    `of_tasks` is what the draft's tasks change of members' growth.
    """
    today = date.fromordinal(days.last)
    revenue_since = start_of(membership.window_start(today), terms.zone)
    places = places_of(terms, draft)
    now, movers = _Crowd(), []
    with beside(lambda: _members(today, revenue_since)) as members:
        live_changes, draft_changes = _changes(terms, draft, of_tasks, days)
        in_force, by_draft = _Leaving(terms, live_changes, today), _Leaving(draft, draft_changes, today)
        for each in members():
            now_rank = terms.level(each.rank).rank
            now.take_in(now_rank, each.growth, each.cents)
            live_rank, live_growth = in_force.leave(each, now_rank)
            draft_rank, draft_growth = by_draft.leave(each, places[now_rank])
            if steps := draft_rank - places[live_rank]:
                movers.append(
                    Mover(
                        each.member_id, now_rank=now_rank, live_rank=live_rank, draft_rank=draft_rank,
                        live_growth=live_growth, draft_growth=draft_growth, steps=steps,
                    )
                )  # fmt: skip
    movers.sort(key=lambda each: (each.steps, -each.draft_growth, each.member_id))
    return Standings(places, now.pyramid(terms), in_force.left(), by_draft.left(), tuple(movers))


class _Crowd:
    """Members by level: how many, their growth, and the cash they brought."""

    def __init__(self) -> None:
        self.sums: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])

    def take_in(self, rank: int, growth: int, cents: int) -> None:
        """Count a member in."""
        row = self.sums[rank]
        row[0] += 1
        row[1] += growth
        row[2] += cents

    def pyramid(self, terms: programme.Programme) -> Pyramid:
        """Return the pyramid that they make."""
        return pyramid_of(terms, (Course(rank, *row) for rank, row in self.sums.items()))


class _Leaving:
    """A version at work: it leaves one member after the other where their next review brings them."""

    def __init__(self, terms: programme.Programme, changes: "_Changes", today: date) -> None:
        self.terms, self.changes = terms, changes
        self.settling = Settling(terms, today)
        self.crowd = _Crowd()
        self.climbs: list[Climb] = []

    def leave(self, each: "Member", from_rank: int) -> tuple[int, int]:
        """Return the rank and the growth of a member who stands on a level of this version."""
        growth = each.growth + self.changes.growth.get(each.member_id, 0)
        rank = self.settling.rank(from_rank, growth)
        self.crowd.take_in(rank, growth, each.cents)
        if rank > from_rank:
            self.climbs.append(Climb(each.member_id, from_rank=from_rank, to_rank=rank))
        return rank, growth

    def left(self) -> Left:
        """Return what came of all of them."""
        return Left(self.crowd.pyramid(self.terms), self.climbs, self.changes.lost_growth)


class _Changes(Struct, frozen=True):
    """What a version changes of members' growth: {member_id: growth}; and what dormancy takes off under it."""

    growth: Mapping[int, int]
    lost_growth: int


def _changes(
    terms: programme.Programme, draft: programme.Programme, of_tasks: GrowthByDay, days: ShopDays
) -> tuple[_Changes, _Changes]:
    """Return what the version in force and a draft change of growth, by orders, tasks and what dormancy takes."""
    another_rate = any_of_another_rate(terms) or any_of_another_rate(draft)
    if goes_by_the_same(terms, draft) and not (another_rate or of_tasks):
        none = _Changes({}, really_lost(days).growth)
        return none, none
    with beside(lambda: away_under(terms, draft, days)) as away:
        of_orders = order_growth(terms, days), order_growth(draft, days)
        lost = dormancy_replayed(terms, draft, orders=of_orders, tasks=of_tasks, away=away(), days=days)
    return _together(lost[0], of_orders[0]), _together(lost[1], of_orders[1], of_tasks)


def _together(lost: Lost, *changed: GrowthByDay) -> _Changes:
    growth = defaultdict(int, lost.changes)
    for by_day in changed:
        for member_id, changes in by_day.items():
            growth[member_id] += sum(change for _day, change in changes)
    return _Changes(growth, lost.growth)


def _members(today: date, revenue_since: datetime) -> list[Member]:
    level, growth, revenue = membership.latest_steps(), growth_by_member(today), revenue_by_member(revenue_since)
    rows = execute(
        select(
            level.c.member_id,
            level.c.rank,
            func.coalesce(growth.c.growth, 0).label("growth"),
            func.coalesce(revenue.c.cents, 0).label("cents"),
        )
        .join_from(level, people.Member, people.Member.id == level.c.member_id)
        .outerjoin(growth, growth.c.member_id == level.c.member_id)
        .outerjoin(revenue, revenue.c.member_id == level.c.member_id)
        .where(people.Member.deactivated_at.is_(None))
    )
    return [Member(row.member_id, row.rank, int(row.growth), int(row.cents)) for row in rows.all()]
