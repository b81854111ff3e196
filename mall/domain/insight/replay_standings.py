"""Standings: on which level a version leaves everybody after their next review, and whom a draft moves."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from msgspec import Struct
from sqlalchemy import func, select

from mall.base.clock import start_of
from mall.base.db import execute
from mall.domain import membership, people, programme

from .pyramid import growth_by_member, revenue_by_member
from .replay import GrowthByDay, Settling
from .replay_dormancy import Lost, dormancy_replayed
from .replay_orders import order_growth
from .replay_packs import Climb
from .shop_days import ShopDays

# Where somebody stands: rank, growth, cents of revenue.
Standing = tuple[int, int, int]


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
    """Everybody now, in force and by the draft: [(rank, growth, cents of revenue)]; whom the draft moves.

    `climbs` and `draft_climbs` are those whom each brings higher than they stand. `places` are the levels of the
    draft that take the place of those in force: {rank: rank}. The lost growth is what dormancy took off.
    """

    places: Mapping[int, int]
    now: Sequence[Standing]
    live: Sequence[Standing]
    draft: Sequence[Standing]
    movers: tuple[Mover, ...]
    climbs: Sequence[Climb]
    draft_climbs: Sequence[Climb]
    lost_growth: int
    draft_lost_growth: int


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
    of_orders = order_growth(terms, days), order_growth(draft, days)
    lost = dormancy_replayed(terms, draft, orders=of_orders, tasks=of_tasks, days=days)
    live_growth, draft_growth = (_sums(*each) for each in zip(of_orders, lost, strict=True))
    for member_id, changes in of_tasks.items():
        draft_growth[member_id] += sum(growth for _day, growth in changes)
    places = places_of(terms, draft)
    in_force, in_draft = Settling(terms, today), Settling(draft, today)
    now: list[Standing] = []
    by_live: list[Standing] = []
    by_draft: list[Standing] = []
    climbs: list[Climb] = []
    draft_climbs: list[Climb] = []
    movers: list[Mover] = []
    for each in _members(today, start_of(membership.window_start(today), terms.zone)):
        live = each.growth + live_growth.get(each.member_id, 0)
        drafted = each.growth + draft_growth.get(each.member_id, 0)
        now_rank = terms.level(each.rank).rank
        place = places[now_rank]
        live_rank, draft_rank = in_force.rank(now_rank, live), in_draft.rank(place, drafted)
        now.append((now_rank, each.growth, each.cents))
        by_live.append((live_rank, live, each.cents))
        by_draft.append((draft_rank, drafted, each.cents))
        if live_rank > now_rank:
            climbs.append(Climb(each.member_id, from_rank=now_rank, to_rank=live_rank))
        if draft_rank > place:
            draft_climbs.append(Climb(each.member_id, from_rank=place, to_rank=draft_rank))
        if steps := draft_rank - places[live_rank]:
            movers.append(
                Mover(
                    each.member_id, now_rank=now_rank, live_rank=live_rank, draft_rank=draft_rank, live_growth=live,
                    draft_growth=drafted, steps=steps,
                )
            )  # fmt: skip
    movers.sort(key=lambda each: (each.steps, -each.draft_growth, each.member_id))
    return Standings(
        places=places, now=now, live=by_live, draft=by_draft, movers=tuple(movers), climbs=climbs,
        draft_climbs=draft_climbs, lost_growth=lost[0].growth, draft_lost_growth=lost[1].growth,
    )  # fmt: skip


def _sums(of_orders: GrowthByDay, lost: Lost) -> dict[int, int]:
    """Return what orders and dormancy together change of members' growth: {member_id: growth}."""
    growth = defaultdict(int, lost.changes)
    for member_id, changes in of_orders.items():
        growth[member_id] += sum(change for _day, change in changes)
    return growth


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
