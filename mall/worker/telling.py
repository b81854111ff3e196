"""Jobs that tell members what is near: points, coupons and levels that end, campaigns to come, stock that is back."""

from datetime import datetime

from mall.base.db import transaction
from mall.domain import coupons, earning, interest, ledger, membership

from .many import in_shares, terms_at


def tell_of_points(at: datetime) -> None:
    """Tell members of points that expire within 30 and within 7 days, many members at a time."""
    today = terms_at(at).today(at)
    in_shares(lambda after: ledger.tell_expiring(today=today, after=after, at=at))


def tell_of_coupons(at: datetime) -> None:
    """Tell members of coupons that end soon, many members at a time."""
    zone = terms_at(at).zone
    in_shares(lambda after: coupons.tell_expiring(after=after, zone=zone, at=at))


def tell_of_campaigns(at: datetime) -> None:
    """Tell members of campaigns to come, where their level hears of them earlier, many members at a time."""
    terms = terms_at(at)
    in_shares(lambda after: earning.announce_campaigns(terms=terms, after=after, at=at))


def tell_of_levels(at: datetime) -> None:
    """Tell members of granted and paid levels that end soon, many members at a time."""
    terms = terms_at(at)
    in_shares(lambda after: membership.tell_ending(after=after, terms=terms, at=at))


def tell_of_stock(at: datetime) -> None:
    """Tell members who wait for it of what is in stock again."""
    with transaction():
        interest.tell_back_in_stock(at=at)
