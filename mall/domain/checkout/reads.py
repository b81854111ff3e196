"""Orders to look at: a member's list, the operators' queue, one order with everything on its page."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, func, select

from mall.base.db import execute
from mall.domain import cash

from . import order_lines, orders
from .life import AWAITING, REVIEW, UNPAID
from .order_lines import OrderLine
from .orders import Order, OrderEvent
from .parcels import Sent, is_collected, parcels_of


class OrderPage(Struct, frozen=True):
    """Everything an order's page shows; `collected` if it is fetched at the counter."""

    order: Row[Any]
    number: str
    lines: list[Row[Any]]
    events: list[Row[Any]]
    parcels: list[Sent]
    payments: list[Row[Any]]
    refunds: list[Row[Any]]
    collected: bool


class Sums(Struct, frozen=True):
    """What an order comes to, in the order of calculation: points and cents.

    list - level discount - coupon - saved by points + delivery - waived = cash; price points + switch points = points.
    Tax is inside the cash.
    """

    list_cents: int
    price_points: int
    level_discount_cents: int
    coupon_cents: int
    switch_points: int
    saved_cents: int
    delivery_list_cents: int
    delivery_cents: int
    waived_cents: int
    points: int
    cash_cents: int
    tax_cents: int


def placed_as(key: str, *, member_id: int) -> Row[Any] | None:
    """Return the order that a basket's key was placed as by a member, or None."""
    return execute(select(Order).where(Order.key == key, Order.member_id == member_id)).one_or_none()


def awaiting_payment(member_id: int) -> list[Row[Any]]:
    """Return a member's orders that wait for their payment, latest first: id, points, cash_cents, pay_until."""
    return list(
        execute(
            select(Order.id, Order.points, orders.cash_cents_of(Order).label("cash_cents"), Order.pay_until)
            .where(Order.member_id == member_id, Order.state == AWAITING)
            .order_by(Order.id.desc())
        )
    )


def is_waiting(member_id: int, *, since: datetime, but: int) -> bool:
    """Tell whether a member has placed an order since an instant that may still come to be paid, but for one.

    One statement.
    """
    mine = (Order.member_id == member_id, Order.id != but, Order.placed_at >= since)
    return execute(select(Order.id).where(*mine, Order.state.in_((*UNPAID, REVIEW))).limit(1)).first() is not None


def order_page(number: str, *, member_id: int | None = None) -> OrderPage:
    """Return everything an order's page shows; with `member_id`, only if it is that member's. Raises NotFound."""
    order = orders.order_of(orders.id_of(number), member_id=member_id)
    reference = orders.reference_of(order.id)
    return OrderPage(
        order=order,
        number=number,
        lines=order_lines.lines_of(order.id),
        events=list(execute(select(OrderEvent).where(OrderEvent.order_id == order.id).order_by(OrderEvent.id))),
        parcels=parcels_of(order.id),
        payments=cash.payments_of(reference),
        refunds=cash.refunds_of(reference),
        collected=is_collected(order),
    )


def orders_of(member_id: int, *, page: int = 1, per_page: int = 10) -> tuple[list[Row[Any]], int]:
    """Return (a page of a member's orders, how many there are): latest first, each with its first line.

    `has_left` tells of each whether anything of it has.
    """
    first = OrderLine.line == 1
    more = select(func.count()).where(OrderLine.order_id == Order.id).correlate(Order).scalar_subquery()
    left = (
        select(OrderLine.line).where(OrderLine.order_id == Order.id, OrderLine.shipped > 0).correlate(Order).exists()
    )
    rows = execute(
        select(
            Order,
            orders.cash_cents_of(Order).label("cash_cents"),
            OrderLine.title,
            OrderLine.file,
            OrderLine.art,
            more.label("line_count"),
            left.label("has_left"),
        )
        .join(OrderLine, (OrderLine.order_id == Order.id) & first)
        .where(Order.member_id == member_id)
        .order_by(Order.id.desc())
        .limit(per_page)
        .offset((page - 1) * per_page)
    ).all()
    total = execute(select(func.count()).select_from(Order).where(Order.member_id == member_id)).scalar_one()
    return list(rows), total


def taken_off_by(references: Collection[str]) -> dict[int, int]:
    """Return what coupons took off the orders they were used for, in cents: {coupon id: cents}."""
    ids = {order_id for reference in references if (order_id := orders.order_id_of(reference)) is not None}
    rows = execute(select(Order.coupons).where(Order.id.in_(ids))).scalars()
    return {coupon["id"]: coupon["cents"] for used in rows for coupon in used or ()}


def windows_of(references: list[str]) -> dict[str, Row[Any]]:
    """Return where the orders of references stand, with the days agreed for their return windows.

    {reference: row of id, state, digital, return_window_days, window_ends_at}.
    """
    ids = [order_id for reference in references if (order_id := orders.order_id_of(reference)) is not None]
    if not ids:
        return {}
    asked = (Order.id, Order.state, Order.digital, Order.return_window_days, Order.window_ends_at)
    rows = execute(select(*asked).where(Order.id.in_(ids)))
    return {orders.reference_of(row.id): row for row in rows}


def sums_of(seen: OrderPage) -> Sums:
    """Return what an order's lines come to, component by component."""

    def total(name: str) -> int:
        return sum(getattr(line, name) for line in seen.lines)

    order = seen.order
    return Sums(
        list_cents=total("list_cents"),
        price_points=total("price_points"),
        level_discount_cents=total("level_discount_cents"),
        coupon_cents=total("coupon_cents"),
        switch_points=total("switch_points"),
        saved_cents=total("saved_cents"),
        delivery_list_cents=order.shipping_list_cents,
        delivery_cents=order.shipping_cents + order.shipping_waived_cents,
        waived_cents=total("waived_cents") + order.shipping_waived_cents,
        points=order.points,
        cash_cents=orders.cash_cents_of(order),
        tax_cents=total("tax_cents") + order.shipping_tax_cents,
    )


def taxes_of(seen: OrderPage) -> list[tuple[int, int, int]]:
    """Return the tax inside an order's cash by rate: [(basis points, cash in cents, tax in cents)], lowest first."""
    by_rate: dict[int, list[int]] = {}
    for line in seen.lines:
        sums = by_rate.setdefault(line.tax_basis_points, [0, 0])
        sums[0] += line.cash_cents
        sums[1] += line.tax_cents
    return [(rate, cents, tax) for rate, (cents, tax) in sorted(by_rate.items()) if tax]
