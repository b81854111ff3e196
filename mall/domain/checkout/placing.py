"""Placing: a basket becomes an order. Points and goods are set aside in one short transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Row, bindparam, func, insert, literal_column, or_, select

from mall.base.db import execute
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_, Message, say
from mall.domain import catalogue, coupons, earning, ledger, membership, programme

from . import baskets, moving, orders
from .baskets import BasketNow
from .campaigns import campaign_of_line, campaigns_of, must_earn, parts_of
from .life import AWAITING, PAID, UNPAID
from .orders import Order, OrderLine
from .pricing import CODE, PricedLine, first_trouble
from .quote import Quote, QuoteChanged, QuoteLine, Taken, TooManyPoints
from .settling import after_payment, sale_of
from .totals import Priced, price


class EmptyBasket(Refusal):
    message = N_("Your basket is empty. Put something in it first.")


class NoCashier(Refusal):
    message = N_("This shop takes no payments in cash yet. Choose items for points only.")


class VerifyFirst(Refusal):
    message = N_("Confirm your e-mail address before you spend points. We can send the mail again from your profile.")


class NoAddress(Refusal):
    message = N_("Choose the address this order goes to.")


class TooManyUnpaid(Refusal):
    message = N_("You have {most} orders waiting for payment. Pay or cancel one of them first.")


class LookAgain(QuoteChanged):
    """The basket is not the one that was shown, or was already placed with other content."""


class PlacedOtherwise(Refusal):
    """The basket was placed already, and is to go elsewhere or by another delivery than is asked for now."""

    message = N_(
        "Order {number} was placed from this basket already, with another address or delivery. Nothing more was"
        " placed. Look at that order to see where it goes."
    )


def place(
    member_id: int,
    *,
    key: str,
    shown: str,
    points_offered: int,
    terms: programme.Programme,
    verified: bool,
    cashier: bool,
    address: Mapping[str, Any] | None = None,
    method_key: str | None = None,
    coupon_ids: Sequence[int] = (),
    earns_shown: int = 0,
    at: datetime,
) -> Row[Any]:
    """Set aside the points and the goods. Cash, if any, is still to come. Asked again, answers the first order.

    `key` is the basket's, `shown` the fingerprint of the quote the member agreed to, `coupon_ids` the coupons to be
    used, `earns_shown` the points the member was told to earn. Refuses: EmptyBasket, QuoteChanged, EarnsLess,
    TooManyPoints, InsufficientPoints, VerifyFirst, NoAddress, NoCashier, TooManyUnpaid, PlacedOtherwise, and whatever
    stands in a line's or a coupon's way.
    """
    purse = ledger.lock(member_id, zone=terms.zone)  # Before any INSERT that refers to it.
    basket, was_placed, unpaid, rank, mark = _look(member_id, key, at=at)
    if was_placed:
        order = placed_with(key, member_id=member_id, shown=shown)
        if asked_otherwise(order, address=address, method_key=method_key, terms=terms):
            raise PlacedOtherwise(number=orders.number_of(order.id))
        return order
    if not basket.lines:
        raise EmptyBasket()
    if basket.key != key:
        raise LookAgain()
    level = terms.level(rank)
    priced = price(
        basket,
        viewer=catalogue.Viewer(level.rank, member_id, None, level.early_access_hours),
        level=level,
        terms=terms,
        points_offered=points_offered,
        method_key=method_key,
        coupon_ids=coupon_ids,
        at=at,
    )
    _refuse_if_wrong(priced, shown=shown, points_offered=points_offered)
    _refuse_unless_ready(priced, unpaid, terms=terms, verified=verified, cashier=cashier, address=address)
    campaigns = campaigns_of(priced.quote, earning.running(mark, at=at), level=level, at=at)
    must_earn(earns_shown, priced.quote, campaigns, level=level, terms=terms)
    order = _write(priced, member_id, key=key, level=level, terms=terms, address=address, campaigns=campaigns, at=at)
    reference = orders.reference_of(order.id)
    quote = priced.quote
    if quote.points:
        pay = ledger.hold if quote.cash_cents else ledger.redeem
        pay(purse, quote.points, reference=reference, at=at, first=True)
    baskets.take_out(basket, at=at)
    if quote.coupons:
        coupons.use([each.coupon for each in quote.coupons], member_id=member_id, reference=reference, at=at)
    at_once = quote.cash_cents == 0 and not priced.ships
    # Stock last: the rows that others wait for.
    _set_aside(basket, priced, at_once=at_once, reference=reference, at=at)
    if quote.cash_cents == 0:
        paid = earning.order_paid(sale_of(order), purse=purse, terms=terms, at=at)
        return after_payment(order, paid, terms=terms, at=at, handed_over=at_once)
    return order


def _look(member_id: int, key: str, *, at: datetime) -> tuple[BasketNow, bool, int, int, int]:
    """Return the basket, whether the key has been placed already, how many orders wait, the rank, and the mark of
    the campaigns: one statement.
    """
    rows = execute(_LOOK, {"owner": member_id, "key": key, "of_member": member_id, "rank_at": at}).all()
    if not rows:
        return baskets.from_rows(rows), execute(_PLACED, {"key": key}).first() is not None, 0, 1, 0
    first = rows[0]
    return baskets.from_rows(rows), first.placed, first.unpaid, first.rank, int(first.campaign_mark)


def placed_with(key: str, *, member_id: int, shown: str) -> Row[Any]:
    """Return the order a basket key was placed as. Another's key does not exist; other content raises LookAgain."""
    order = execute(_PLACED, {"key": key}).one()
    if order.member_id != member_id:
        raise NotFound(N_("There is no such basket."))
    if order.fingerprint != shown:
        raise LookAgain()
    return order


def asked_otherwise(
    order: orders.OrderRow, *, address: Mapping[str, Any] | None, method_key: str | None, terms: programme.Programme
) -> bool:
    """Tell whether an order goes elsewhere, or by another delivery, than is asked for.

    A method that nobody knows asks for none.
    """
    if order.digital:
        return False
    method = terms.shipping_method(method_key) if method_key else None
    other_way = method is not None and method.key != order.shipping_key
    return other_way or order.address != (dict(address) if address else None)


def _refuse_if_wrong(priced: Priced, *, shown: str, points_offered: int) -> None:
    if trouble := first_trouble(priced.lines) or priced.redeemed_enough:
        raise trouble
    if points_offered > priced.quote.most_switch_points:
        raise TooManyPoints(most=priced.quote.most_switch_points)
    if priced.coupon_trouble:
        raise priced.coupon_trouble
    priced.quote.must_match(shown)


def _refuse_unless_ready(
    priced: Priced,
    unpaid: int,
    *,
    terms: programme.Programme,
    verified: bool,
    cashier: bool,
    address: Mapping[str, Any] | None,
) -> None:
    if priced.quote.points and not verified:
        raise VerifyFirst()
    if priced.ships and address is None and (priced.method is None or priced.method.kind != "pickup"):
        raise NoAddress()
    if priced.quote.cash_cents == 0:
        return
    if not cashier:
        raise NoCashier()
    if unpaid >= terms.unpaid_orders:
        raise TooManyUnpaid(most=terms.unpaid_orders)


def _write(
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
        "price_points": share.price_points,
        "switch_points": share.switch_points,
        "saved_cents": share.saved_cents,
        "waived_cents": share.waived_cents,
        "cash_cents": share.cash_cents,
        "tax_basis_points": wanted.tax_basis_points,
        "tax_cents": share.tax_cents,
    }


def _set_aside(basket: BasketNow, priced: Priced, *, at_once: bool, reference: str, at: datetime) -> None:
    of_product: dict[int, int] = {}
    for line in priced.lines:
        if line.offer is not None and line.offer.quota_left is not None:
            of_product[line.offer.product_id] = of_product.get(line.offer.product_id, 0) + line.line.quantity
    if of_product:
        catalogue.draw_quota(of_product, reference=reference, at=at)
    take = catalogue.hand_over if at_once else catalogue.reserve
    take(orders.pieces_of(basket.lines), reference=reference, at=at)


_PLACED = select(Order).where(Order.key == bindparam("key"))
_RANK = membership.rank_of(
    bindparam("of_member", type_=Order.member_id.type), at=bindparam("rank_at", type_=Order.placed_at.type)
)
_LOOK = baskets.OF_MEMBER.add_columns(
    select(Order.id).where(Order.key == bindparam("key")).exists().label("placed"),
    select(func.count())
    .select_from(Order)
    .where(Order.member_id == bindparam("of_member"), or_(*(Order.state == state for state in UNPAID)))
    .scalar_subquery()
    .label("unpaid"),
    _RANK.label("rank"),
    earning.campaign_mark().label("campaign_mark"),
)
_INSERT_ORDER = insert(Order).returning(*Order.__table__.columns)
# What is not yet true of a line is written in the statement, and not given with every line.
_NOTHING_YET = ("shipped", "refunded", "called_off", "shipping_back", "exchanging", "replaced")
_INSERT_LINES = insert(OrderLine).values(dict.fromkeys(_NOTHING_YET, literal_column("0")))
