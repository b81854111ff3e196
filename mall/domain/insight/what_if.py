"""The rule sandbox: the last days replayed under a draft, beside the version in force. It writes nothing."""

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, select

from mall.base.clock import start_of
from mall.base.db import execute
from mall.base.money import half_up
from mall.base.sql import as_given
from mall.domain import people, programme

from .pyramid import Pyramid
from .replay import Bought, Given, given_for, placed, really_issued
from .replay_campaigns import InCampaigns, in_campaigns
from .replay_orders import orders_bought
from .replay_packs import Packs, climbers, gives_packs, occasions, packs_given, packs_under, worths_of
from .replay_partners import AtPartners, PartnerPoints, at_partners
from .replay_redemptions import Redeemed, redeemed, refused_pieces
from .replay_standings import Left, Mover, Standings, places_of, standings
from .replay_tasks import tasks_replayed
from .shop_days import ShopDays

SPANS = (30, 90, 365)
YEAR = 365


class Side(Struct, frozen=True):
    """What one version does: whom it leaves on which level, and what it gives in the days replayed.

    `refused_pieces` were had for points, and are more than its levels allow in a month. `lost_growth` was taken off
    members who did nothing.
    """

    terms: programme.Programme
    pyramid: Pyramid
    given: Given
    campaign_points: int
    partners: PartnerPoints
    task_points: int
    packs: Mapping[str, Packs]
    refused_pieces: int
    lost_growth: int

    @property
    def pack_points(self) -> int:
        """Return the points of packs."""
        return sum(each.points for each in self.packs.values())

    @property
    def points(self) -> int:
        """Return the points issued: for orders and what campaigns add, at partners, for tasks and in packs."""
        return self.given.points + self.campaign_points + self.partners.points + self.task_points + self.pack_points

    @property
    def multiplier_points(self) -> int:
        """Return those of the points that levels' multipliers give, for orders and at partners."""
        return self.given.multiplier_points + self.partners.multiplier_points

    @property
    def liability_cents(self) -> int:
        """Return what these points add to the liability, at the version's worth."""
        return half_up(self.terms.worth_of(self.points))

    @property
    def multiplier_cost(self) -> Fraction:
        """Return what the points of levels' multipliers are worth, in cents, unrounded."""
        return self.terms.worth_of(self.multiplier_points)

    def pack_cost(self, kind: str) -> Fraction:
        """Return what packs of a kind are worth, in cents, unrounded: their points, and their coupons at face."""
        return self.terms.worth_of(self.packs[kind].points) + self.packs[kind].coupon_cents

    @property
    def benefits_cost(self) -> Fraction:
        """Return what the levels' benefits cost, in cents, unrounded: multipliers, discount, delivery, packs."""
        packs = sum((self.pack_cost(kind) for kind in self.packs), start=Fraction(0))
        return self.multiplier_cost + self.given.discount_cents + self.given.shipping_cents + packs

    @property
    def unpriced_coupons(self) -> int:
        """Return how many coupons its packs gave that say no amount, and are not among what they cost."""
        return sum(each.unpriced for each in self.packs.values())


class Lately(Struct, frozen=True):
    """What was bought in the days replayed, in campaigns and at partners too, and what was had for points.

    `bought` is by how many levels the draft moves who bought it.
    """

    bought: Mapping[int, Bought]
    campaigns: InCampaigns
    partners: AtPartners
    redeemed: Sequence[Redeemed]

    @property
    def issued_points(self) -> int:
        """Return the points really issued for it, each under the rates of its own day."""
        for_orders = sum(really_issued(theirs.kept) for theirs in self.bought.values())
        return for_orders + self.campaigns.issued_points + self.partners.issued_points

    def side(
        self,
        terms: programme.Programme,
        *,
        rank_of: Callable[[Any], int],
        left: Left,
        given: Given,
        task_points: int,
        packs: Mapping[str, Packs],
    ) -> Side:
        """Return what a version does with it. `rank_of` says on which of its levels who bought something stands."""
        return Side(
            terms=terms,
            pyramid=left.pyramid,
            given=given,
            campaign_points=self.campaigns.points_under(terms),
            partners=self.partners.points_under(terms, rank_of=rank_of),
            task_points=task_points,
            packs=packs,
            refused_pieces=refused_pieces(self.redeemed, terms=terms, rank_of=rank_of),
            lost_growth=left.lost_growth,
        )


class WhatIf(Struct, frozen=True):
    """A draft beside the version in force, over so many days up to an instant."""

    days: int
    live: Side
    draft: Side
    now: Pyramid
    issued_points: int
    movers: tuple[Mover, ...]

    def moves(self) -> list[tuple[int, int, int]]:
        """Return how many members go from which level to which: [(rank in force, rank in the draft, members)]."""
        counted = Counter((each.live_rank, each.draft_rank) for each in self.movers)
        return [(*pair, n) for pair, n in sorted(counted.items(), reverse=True)]

    def a_year(self, cents: int | Fraction) -> int:
        """Return what so much in the days replayed is in a year, rounded half up."""
        return half_up(Fraction(cents) * YEAR / self.days)


def what_if(draft: programme.Programme, *, days: int, terms: programme.Programme, at: datetime) -> WhatIf:
    """Replay the last days under a draft and under the version in force.

    Levels are those after everybody's next review, if the growth that counts stays as it is: up at once, down by one
    step and not before 30 days' notice. Cash is what was really kept: what people would have bought otherwise nobody
    knows.
    """
    since = start_of(terms.today(at) - timedelta(days=days - 1), terms.zone)
    with _nothing_collected():
        return _replayed(draft, days, terms=terms, since=since, at=at)


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Let the garbage collector rest: it would go through hundreds of thousands of rows that stay, again and again."""
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_at_work:
            gc.enable()


def _replayed(
    draft: programme.Programme, days: int, *, terms: programme.Programme, since: datetime, at: datetime
) -> WhatIf:
    tasks = tasks_replayed(draft, terms=terms, places=places_of(terms, draft), since=since)
    stand = standings(draft, terms=terms, of_tasks=tasks.growth, days=ShopDays(since, at, zone=terms.zone))
    places = stand.places
    moved = {"moved": as_given([(each.member_id, each.steps) for each in stand.movers])}
    packs = _packs(stand, terms=terms, draft=draft, moved=moved, since=since, at=at)
    lately = Lately(
        bought=orders_bought(since, moved),
        campaigns=in_campaigns(since),
        partners=at_partners(since, terms=terms, moved=moved),
        redeemed=redeemed(since, terms, draft, moved=moved),
    )
    given, drafted = Given(), Given()
    for steps, theirs in lately.bought.items():
        given = given.and_of(given_for(theirs, terms=terms, at=at))
        drafted = drafted.and_of(given_for(theirs.on(places, steps), terms=draft, at=at))
    return WhatIf(
        days=days,
        live=lately.side(
            terms, rank_of=lambda each: each.rank, left=stand.live, given=given, task_points=tasks.points,
            packs=packs[0],
        ),
        draft=lately.side(
            draft, rank_of=lambda each: placed(each.rank, places, each.steps), left=stand.draft, given=drafted,
            task_points=tasks.draft_points, packs=packs[1],
        ),
        now=stand.now,
        issued_points=lately.issued_points + tasks.points + packs_given(since),
        movers=stand.movers,
    )  # fmt: skip


def _packs(
    stand: Standings,
    *,
    terms: programme.Programme,
    draft: programme.Programme,
    moved: dict[str, Any],
    since: datetime,
    at: datetime,
) -> tuple[dict[str, Packs], dict[str, Packs]]:
    """Return what packs give in force and by the draft. Where neither has any, nothing is asked."""
    if not gives_packs(terms) and not gives_packs(draft):
        return packs_under(terms, [], at=at), packs_under(draft, [], at=at)
    found, worths = occasions(since, moved), worths_of(terms, draft)
    known = climbers((*stand.live.climbs, *stand.draft.climbs), since=since, first_day=terms.today(since))
    same = {rank: rank for rank in stand.places}
    unmoved = [each.unmoved for each in found]
    lowered = {each.member_id: each.draft_rank for each in stand.movers if not each.rises}
    return (
        packs_under(terms, unmoved, worths, places=same, climbs=stand.live.climbs, climbers=known, at=at),
        packs_under(
            draft, found, worths, places=stand.places, lowered=lowered, climbs=stand.draft.climbs, climbers=known,
            at=at,
        ),
    )  # fmt: skip


def names_of(movers: Sequence[Mover]) -> dict[int, Row[Any]]:
    """Return who members are: {id: number, display_name}."""
    member = people.Member
    rows = execute(
        select(member.id, member.number, member.display_name).where(member.id.in_([each.member_id for each in movers]))
    )
    return {row.id: row for row in rows}
