"""Campaigns of the last days: what they added to orders, and what they would add at another rate, within their caps.

An order stays in the campaigns of its placing. What would have been bought in one that was used up, had it lasted
longer, nobody knows.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, Select, Subquery, func, select

from mall.base.db import execute
from mall.domain import checkout, earning, ledger, programme


class InCampaign(Struct, frozen=True):
    """Orders of which so much cash is in a campaign: paid and kept, at a rate of their own.

    Of those in a campaign with a cap each stands alone, with what it was given then.
    """

    multiplier_percent: int
    cents: int
    kept_cents: int
    earn_points: int
    earn_per_cents: int
    times: int = 1
    campaign_id: int = 0
    given_points: int = 0

    @property
    def rates(self) -> earning.Rates:
        """Return the rates of placing, as far as a campaign looks at them."""
        return earning.Rates(100, self.earn_points, self.earn_per_cents, growth_per_cents=1)

    def points(self, cents: int, rates: earning.Rates) -> int:
        """Return the points that a campaign adds for so much cash at these rates, before its cap."""
        return rates.added(cents, multiplier_percent=self.multiplier_percent)


class InCampaigns(Struct, frozen=True):
    """All that was in campaigns: those without a cap, and those with one as they drew on it.

    `left` is what caps had left when the days began: {campaign id: points}.
    """

    free: tuple[InCampaign, ...] = ()
    capped: tuple[InCampaign, ...] = ()
    left: Mapping[int, int] = {}

    @property
    def issued_points(self) -> int:
        """Return the points that campaigns really gave, for what is kept."""
        free = sum(each.points(each.kept_cents, each.rates) * each.times for each in self.free)
        return free + sum(min(each.given_points, each.points(each.kept_cents, each.rates)) for each in self.capped)

    def points_under(self, terms: programme.Programme) -> int:
        """Return the points they give for what is kept at a programme's rate. A cap is drawn on when an order is paid,
        and what goes back opens none again. Pure.
        """
        rates = earning.rates_for(terms.level(1), terms)
        points = sum(each.points(each.kept_cents, rates) * each.times for each in self.free)
        left = dict(self.left)
        for each in self.capped:
            drawn = min(each.points(each.cents, rates), left[each.campaign_id])
            left[each.campaign_id] -= drawn
            points += min(drawn, each.points(each.kept_cents, rates))
        return points


def in_campaigns(since: datetime) -> InCampaigns:
    """Return what was in campaigns of the orders paid since an instant. One statement where there was never one."""
    if execute(select(earning.CampaignRow.id).limit(1)).first() is None:
        return InCampaigns()
    part = _parts(since)
    free = tuple(_row(row, times=row.times) for row in execute(_free(part)))
    capped = tuple(
        _row(row, campaign_id=row.campaign_id, given_points=row.given_points or 0) for row in execute(_capped(part))
    )
    drawn: dict[int, int] = {}
    for each in capped:
        drawn[each.campaign_id] = drawn.get(each.campaign_id, 0) + each.given_points
    campaign = earning.CampaignRow
    rows = execute(select(campaign.id, campaign.cap_points, campaign.issued_points).where(campaign.id.in_(drawn)))
    left = {row.id: row.cap_points - row.issued_points + drawn[row.id] for row in rows}
    return InCampaigns(free, capped, left)


def _row(row: Row[Any], **more: int) -> InCampaign:
    return InCampaign(
        row.multiplier_percent, int(row.cents), int(row.kept_cents), row.earn_points, row.earn_per_cents, **more
    )


def _parts(since: datetime) -> Subquery:
    """Return the part of each order in each campaign: id, reference, campaign_id, rate, paid_at, cents, kept_cents."""
    order, line = checkout.Order, checkout.OrderLine
    whose = [order.id, line.campaign_id, order.earn_points, order.earn_per_cents, order.paid_at]
    return (
        select(
            *whose,
            checkout.REFERENCE.label("reference"),
            func.sum(line.cash_cents).label("cents"),
            func.sum(line.cash_cents - line.cash_cents * line.refunded // line.quantity).label("kept_cents"),
        )
        .join_from(order, line, line.order_id == order.id)
        .where(order.paid_at >= since, line.campaign_id.is_not(None))
        .group_by(*whose)
        .subquery("part")
    )


def _free(part: Subquery) -> Select[Any]:
    campaign = earning.CampaignRow
    same = [
        campaign.multiplier_percent, part.c.cents, part.c.kept_cents, part.c.earn_points, part.c.earn_per_cents,
    ]  # fmt: skip
    return (
        select(*same, func.count().label("times"))
        .join_from(part, campaign, campaign.id == part.c.campaign_id)
        .where(campaign.cap_points.is_(None))
        .group_by(*same)
    )


def _capped(part: Subquery) -> Select[Any]:
    """Return a question for those in campaigns with a cap, as they drew: who got nothing came when all was given."""
    campaign, lot = earning.CampaignRow, ledger.Lot
    of_order = lot.reference == part.c.reference
    return (
        select(
            part.c.campaign_id,
            campaign.multiplier_percent,
            part.c.cents,
            part.c.kept_cents,
            part.c.earn_points,
            part.c.earn_per_cents,
            lot.points.label("given_points"),
        )
        .join_from(part, campaign, campaign.id == part.c.campaign_id)
        .outerjoin(lot, of_order & (lot.rule == earning.campaign_rule(campaign.id)) & lot.parent_id.is_(None))
        .where(campaign.cap_points.is_not(None))
        .order_by(lot.id.is_(None), lot.id, part.c.paid_at, part.c.id)
    )
