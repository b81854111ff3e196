"""Writing: an order, its lines and the first entry of its timeline, with all that was agreed when it was placed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Row, insert, literal_column

from mall.base.db import execute
from mall.base.text import N_, Message, say
from mall.domain import earning, programme

from . import moving
from .campaigns import campaign_of_line, parts_of
from .life import AWAITING, PAID
from .order_lines import OrderLine
from .orders import Order
from .pricing import CODE, PricedLine
from .quote import Quote, QuoteLine, Taken
from .totals import Priced


def write_order(
    priced: Priced,
    member_id: int,
    *,
    key: str,
    level: programme.Level,
    terms: programme.Programme,
    address: Mapping[str, Any] | None,
    campaigns: Mapping[int, earning.Campaign],
    at: datetime,
) -> Row[Any]:
    """Write the order, its lines and the first entry of its timeline."""
    due = priced.quote.cash_cents > 0
    order = execute(
        _INSERT_ORDER,
        {
            "member_id": member_id,
            "key": key,
            "state": AWAITING if due else PAID,
            "placed_at": at,
            "pay_until": at + timedelta(minutes=terms.pay_within_minutes),
            "paid_at": None if due else at,
            **_agreed(priced.quote),
            "redeemed_in": priced.redemptions.month if priced.redemptions else None,
            "redemptions_allowed": priced.redemptions.most if priced.redemptions else None,
            **_rates(level, terms),
            **_delivery(priced, address),
            "campaigns": parts_of(priced.quote, campaigns) or None,
        },
    ).one()
    execute(_INSERT_LINES, _lines(order.id, priced, campaigns))
    said = _placed_words(priced.quote)
    moving.note(order.id, "placed", said, by=f"member:{member_id}", at=at)
    return order


def _placed_words(quote: Quote) -> Message:
    if quote.cash_cents:
        return say(N_("Order placed"))
    return say(N_("Order placed and paid with points")) if quote.points else say(N_("Order placed; nothing to pay"))


def _agreed(quote: Quote) -> dict[str, Any]:
    """Return the columns of an order that say what was agreed."""
    return {
        "fingerprint": quote.fingerprint,
        "points": quote.points,
        "goods_cents": quote.goods_cents,
        "plan_cents": quote.plan_cents,
        "shipping_cents": quote.shipping_cents,
        "shipping_list_cents": quote.shipping_list_cents,
        "shipping_waived_cents": quote.shipping_waived_cents,
        "shipping_tax_cents": quote.shipping_tax_cents,
        "accepted_difference_cents": 0,
        "coupon_count": len(quote.coupons),
        "coupons": [_used(each) for each in quote.coupons] or None,
    }


def _used(taken: Taken) -> dict[str, Any]:
    """Return a coupon as an order keeps it."""
    return {
        "id": taken.coupon.id,
        "title": taken.coupon.title,
        "kind": taken.coupon.kind,
        "cents": taken.cents,
        "ends_at": taken.coupon.ends_at.isoformat(),
    }


def _rates(level: programme.Level, terms: programme.Programme) -> dict[str, Any]:
    """Return the columns of an order that keep the level and the rates of its placing."""
    return {
        "currency": terms.currency,
        "version": terms.version,
        "level_rank": level.rank,
        **asdict(earning.rates_for(level, terms)),
        "worth_points": terms.worth_points,
        "worth_cents": terms.worth_cents,
        "return_window_days": terms.return_window_days,
    }


def _delivery(priced: Priced, address: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the columns of an order that say how it reaches the member."""
    return {
        "digital": not priced.ships,
        "gives_coupons": priced.gives_coupons,
        "gives_codes": priced.gives_codes,
        "shipping_key": priced.method.key if priced.method and priced.ships else None,
        "address": dict(address) if address and priced.ships else None,
    }


def _lines(order_id: int, priced: Priced, campaigns: Mapping[int, earning.Campaign]) -> list[dict[str, Any]]:
    """Return the rows of an order's lines: each what it is, its share of every component, the campaign it is in."""
    pairs = zip((line for line in priced.lines if line.wanted), priced.quote.lines, strict=True)
    return [
        {
            "order_id": order_id,
            "line": number,
            **_bought(line),
            **_share(share),
            "campaign_id": campaign_of_line(share, campaigns),
        }
        for number, (line, share) in enumerate(pairs, start=1)
    ]


def _bought(line: PricedLine) -> dict[str, Any]:
    assert line.price is not None and line.offer is not None  # A line that is wanted has both.
    return {
        "option_id": line.price.id,
        "title": line.offer.title,
        "variant_title": line.offer.variant_title,
        "sku": line.offer.sku,
        "slug": line.offer.slug,
        "file": line.offer.file,
        "art": line.offer.art,
        "codes": line.offer.kind == CODE,
    }


def _share(share: QuoteLine) -> dict[str, Any]:
    wanted = share.wanted
    return {
        "product_id": wanted.product_id,
        "variant_id": wanted.variant_id,
        "points_each": wanted.unit_points,
        "digital": wanted.digital,
        "template_id": wanted.template_id,
        "plan_rank": wanted.plan.rank if wanted.plan else None,
        "plan_length": wanted.plan.length if wanted.plan else None,
        "plan_unit": wanted.plan.unit if wanted.plan else None,
        "form": wanted.form,
        "quantity": wanted.quantity,
        "unit_cents": share.unit_cents,
        "unit_points": wanted.unit_points,
        "list_cents": share.list_cents,
        "level_discount_cents": share.level_discount_cents,
        "coupon_cents": share.coupon_cents,
        "gift_pieces": share.gift_pieces,
        "price_points": share.price_points,
        "switch_points": share.switch_points,
        "saved_cents": share.saved_cents,
        "waived_cents": share.waived_cents,
        "cash_cents": share.cash_cents,
        "tax_basis_points": wanted.tax_basis_points,
        "tax_cents": share.tax_cents,
    }


_INSERT_ORDER = insert(Order).returning(*Order.__table__.columns)
# What is not yet true of a line is written in the statement, and not given with every line.
_NOTHING_YET = ("shipped", "refunded", "called_off", "shipping_back", "exchanging", "replaced")
_INSERT_LINES = insert(OrderLine).values(dict.fromkeys(_NOTHING_YET, literal_column("0")))
