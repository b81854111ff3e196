"""Campaigns on a quote: which line is in which, and what the order will earn with them. Nothing here gives points."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from mall.base.text import N_
from mall.domain import earning, programme

from .quote import Quote, QuoteChanged, QuoteLine


class EarnsLess(QuoteChanged):
    """The order would earn fewer points than the member saw: a campaign was used up or ended in between."""

    message = N_(
        "This order would earn {points} points now, fewer than the {shown} you saw: a campaign has ended or has given"
        " all its points. Nothing was taken. Look at the total, then confirm it."
    )


class Added(Struct, frozen=True):
    """What a campaign adds to what an order placed until `ends_at` will earn, as far as its `cap_points` reach."""

    title: dict[str, str]
    multiplier_percent: int
    points: int
    ends_at: datetime
    cap_points: int | None


class WillEarn(Struct, frozen=True):
    """What an order will earn: all points, growth, and what of the points its campaigns add."""

    points: int
    growth: int
    added: tuple[Added, ...] = ()


def campaigns_of(
    quote: Quote, running: Sequence[earning.Campaign], *, level: programme.Level, at: datetime
) -> dict[int, earning.Campaign]:
    """Return the best campaign for each product of a quote that is paid in cash: {product id: campaign}. Pure."""
    paid = {
        line.wanted.product_id: line.wanted.categories
        for line in quote.lines
        if line.cash_cents and line.wanted.plan is None
    }
    return earning.best_of(running, paid, rank=level.rank, at=at)


def campaign_of_line(line: QuoteLine, campaigns: Mapping[int, earning.Campaign]) -> int | None:
    """Return the campaign a line is in, or None: what is had for points alone, or is a membership, earns nothing."""
    campaign = campaigns.get(line.wanted.product_id) if line.cash_cents and line.wanted.plan is None else None
    return campaign.id if campaign else None


def parts_of(quote: Quote, campaigns: Mapping[int, earning.Campaign]) -> list[dict[str, Any]]:
    """Return the campaigns of a quote as an order keeps them, ascending: figures of now, cash of their lines."""
    cents: dict[int, int] = {}
    for line in quote.lines:
        if (campaign_id := campaign_of_line(line, campaigns)) is not None:
            cents[campaign_id] = cents.get(campaign_id, 0) + line.cash_cents
    by_id = {campaign.id: campaign for campaign in campaigns.values()}
    return [
        {
            "id": campaign_id,
            "title": by_id[campaign_id].title,
            "multiplier_percent": by_id[campaign_id].multiplier_percent,
            "cap_points": by_id[campaign_id].cap_points,
            "cents": cents[campaign_id],
        }
        for campaign_id in sorted(cents)
    ]


def will_earn(
    quote: Quote,
    running: Sequence[earning.Campaign],
    *,
    level: programme.Level,
    terms: programme.Programme,
    at: datetime,
) -> WillEarn:
    """Return what an order of a quote, placed now, will earn. Pure."""
    return earned_in(quote, campaigns_of(quote, running, level=level, at=at), level=level, terms=terms)


def must_earn(
    shown: int,
    quote: Quote,
    campaigns: Mapping[int, earning.Campaign],
    *,
    level: programme.Level,
    terms: programme.Programme,
) -> None:
    """Raise EarnsLess where a quote in its campaigns earns fewer points than were shown. Pure."""
    points = earned_in(quote, campaigns, level=level, terms=terms).points
    if points < shown:
        raise EarnsLess(points=points, shown=shown)


def earned_in(
    quote: Quote,
    campaigns: Mapping[int, earning.Campaign],
    *,
    level: programme.Level,
    terms: programme.Programme,
) -> WillEarn:
    """Return what an order of a quote earns, its products being in these campaigns. Pure."""
    rates = earning.rates_for(level, terms)
    earned = rates.earned(quote.earning_cents)
    ends_at = {campaign.id: campaign.ends_at for campaign in campaigns.values()}
    added = [
        Added(
            title=each["title"],
            multiplier_percent=each["multiplier_percent"],
            points=rates.added(each["cents"], multiplier_percent=each["multiplier_percent"]),
            ends_at=ends_at[each["id"]],
            cap_points=each["cap_points"],
        )
        for each in parts_of(quote, campaigns)
    ]
    added = [each for each in added if each.points]
    return WillEarn(earned.points + sum(each.points for each in added), earned.growth, tuple(added))
