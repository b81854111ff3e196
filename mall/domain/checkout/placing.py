"""Placing: a basket becomes an order. Points and goods are set aside in one short transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, or_, select

from mall.base.db import execute
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.domain import catalogue, coupons, earning, ledger, membership, programme

from . import baskets, orders
from .baskets import BasketNow
from .campaigns import campaigns_of, must_earn
from .given import after_payment
from .life import UNPAID
from .order_lines import pieces_of
from .orders import Order
from .pricing import first_trouble
from .quote import QuoteChanged, TooManyPoints
from .sales import sale_of
from .totals import Priced, price
from .writing import write_order


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
    order = write_order(
        priced, member_id, key=key, level=level, terms=terms, address=address, campaigns=campaigns, at=at
    )
    at_once = priced.quote.cash_cents == 0 and not priced.ships
    _set_aside(order, basket, priced, purse=purse, at_once=at_once, at=at)
    if priced.quote.cash_cents:
        return order
    paid = earning.order_paid(sale_of(order), purse=purse, terms=terms, at=at)
    return after_payment(order, paid, terms=terms, at=at, handed_over=at_once)


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


def _set_aside(
    order: Row[Any], basket: BasketNow, priced: Priced, *, purse: ledger.LockedPurse, at_once: bool, at: datetime
) -> None:
    """Set aside the points, the coupons and the goods of an order; where nothing is due the points are spent, and
    what needs no parcel is handed over `at_once`. Stock last: the rows that others wait for.
    """
    reference, quote = orders.reference_of(order.id), priced.quote
    if quote.points:
        pay = ledger.hold if quote.cash_cents else ledger.redeem
        pay(purse, quote.points, reference=reference, at=at, first=True)
    baskets.take_out(basket, at=at)
    if quote.coupons:
        coupons.use([each.coupon for each in quote.coupons], member_id=order.member_id, reference=reference, at=at)
    if quotas := _of_quotas(priced):
        catalogue.draw_quota(quotas, reference=reference, at=at)
    take = catalogue.hand_over if at_once else catalogue.reserve
    take(pieces_of(basket.lines), reference=reference, at=at)


def _of_quotas(priced: Priced) -> dict[int, int]:
    """Return how many pieces count against quotas, {product id: n}."""
    pieces: dict[int, int] = {}
    for line in priced.lines:
        if line.offer is not None and line.offer.quota_left is not None:
            pieces[line.offer.product_id] = pieces.get(line.offer.product_id, 0) + line.line.quantity
    return pieces


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
