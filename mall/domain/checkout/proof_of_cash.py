"""What must always be true of an order's money: what came, what was kept and what went back agree with its life."""

from typing import Any

from sqlalchemy import Integer, Select, and_, case, func, literal, or_, select

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import cash, ledger

from .life import AWAITING, CANCELLED, COMPLETED, PAID, PROCESSING, REFUNDED, REVIEW, SHIPPED, TIMED_OUT
from .order_lines import OrderLine, back_of
from .orders import REFERENCE, Order

KEPT = (PAID, SHIPPED, COMPLETED)
SOLD = (*KEPT, REFUNDED)
NEVER_SOLD = (AWAITING, PROCESSING, CANCELLED, TIMED_OUT)


def cash_checks() -> list[Check]:
    """Return the checks of an order against its payments, refunds, goods and days."""
    return [
        Check(N_("a payment is for an order that is there, and of its member"), _payments_of_orders()),
        Check(N_("points moved for an order are those of its member"), _points_of_the_member()),
        Check(N_("an order was paid in its own currency"), _currencies()),
        Check(N_("an order that was not sold keeps no money"), _nothing_kept()),
        Check(N_("the cash given back of an order is that of its refunded pieces, and of no others"), _given_back()),
        Check(N_("the tax of a line and of its delivery is what its rate makes of the price"), _taxes()),
        Check(N_("points save the cash they are worth; only what is too small to charge is waived"), _savings()),
        Check(N_("an order has the times of its state, and no others"), _times()),
        Check(N_("nothing is left to send of an order that was shipped"), _nothing_to_send()),
        Check(N_("points are on the way no longer than the return window"), _on_the_way()),
        Check(N_("points of an order are ready only once its return window is over"), _ready_too_early()),
    ]


def _payments_of_orders() -> Select:
    payment = cash.Payment
    for_orders = select(payment.reference).where(payment.reference.like("order:%"))
    lost = for_orders.except_(select(REFERENCE)).subquery()
    others = (
        select(payment.reference)
        .join_from(Order, payment, payment.reference == REFERENCE)
        .where(payment.member_id != Order.member_id)
    )
    found = others.union_all(select(*lost.columns)).subquery()
    return select(*found.columns)


def _points_of_the_member() -> Select:
    posting = ledger.Posting
    return (
        select(Order.id, Order.member_id, posting.member_id.label("points_of"))
        .join(posting, posting.reference == REFERENCE)
        .where(posting.member_id != Order.member_id)
        .distinct()
    )


def _currencies() -> Select:
    payment = cash.Payment
    # One row for each order, so that SQLite looks it up instead of scanning all orders for each payment.
    paid = (
        select(
            payment.reference,
            func.min(payment.currency).label("asked"),
            func.max(payment.currency).label("asked_too"),
            func.min(payment.captured_currency).label("came"),
            func.max(payment.captured_currency).label("came_too"),
        )
        .where(payment.state == cash.PAID)
        .group_by(payment.reference)
        .subquery()
    )
    currencies = (paid.c.asked, paid.c.asked_too, paid.c.came, paid.c.came_too)
    return (
        select(Order.id, Order.currency, *currencies)
        .join(paid, paid.c.reference == REFERENCE)
        .where(Order.state.in_(KEPT), or_(*(currency != Order.currency for currency in currencies)))
    )


def _payments() -> Any:
    """Sum what came for each order while it was wanted, and what of it went back, here or in any way."""
    payment, refund = cash.Payment, cash.Refund
    by_us = (
        select(refund.payment_id, func.sum(refund.amount_cents).label("cents"))
        .where(refund.state != cash.VOID, refund.origin == "mall")
        .group_by(refund.payment_id)
        .subquery()
    )
    return (
        select(
            payment.reference,
            func.sum(payment.captured_cents).label("came"),
            func.sum(payment.refunded_cents).label("back"),
            func.sum(func.coalesce(by_us.c.cents, 0)).label("by_us"),
        )
        .outerjoin(by_us, by_us.c.payment_id == payment.id)
        .where(payment.state == cash.PAID)
        .group_by(payment.reference)
        .subquery()
    )


def _nothing_kept() -> Select:
    paid = _payments()
    came, back = func.coalesce(paid.c.came, 0), func.coalesce(paid.c.back, 0)
    return (
        select(Order.id, Order.state, came.label("came_cents"), back.label("back_cents"))
        .outerjoin(paid, paid.c.reference == REFERENCE)
        .where(
            or_(
                and_(Order.state.in_((AWAITING, PROCESSING)), came != 0),
                and_(Order.state.in_((CANCELLED, TIMED_OUT)), came != back),
            )
        )
    )


def _given_back() -> Select:
    """Find orders of which less went back than their refunded pieces cost, or more of ours than that and delivery.

    What the cashier or the bank gave back without us only counts against less.
    """
    paid = _payments()
    of_line = back_of(OrderLine.cash_cents)
    due = (
        select(
            OrderLine.order_id,
            func.sum(of_line).label("cents"),
            func.sum(OrderLine.refunded).label("pieces"),
        )
        .group_by(OrderLine.order_id)
        .subquery()
    )
    came, back, by_us = (func.coalesce(paid.c[name], 0) for name in ("came", "back", "by_us"))
    delivery = case((due.c.pieces > 0, Order.shipping_cents), else_=0)
    least = case((came < due.c.cents, came), else_=due.c.cents)
    return (
        select(Order.id, Order.state, due.c.cents, back.label("back_cents"))
        .join(due, due.c.order_id == Order.id)
        .outerjoin(paid, paid.c.reference == REFERENCE)
        .where(Order.state.in_(SOLD), or_(back < least, by_us > due.c.cents + delivery))
    )


def _taxes() -> Select:
    """Find tax that is not inside the price, half up. Orders keep no rate of their delivery: it is only within it."""
    lines = select(OrderLine.order_id, OrderLine.line, OrderLine.tax_cents).where(
        OrderLine.tax_cents != _half_up(OrderLine.cash_cents, OrderLine.tax_basis_points)
    )
    delivery = select(Order.id, literal(0, Integer), Order.shipping_tax_cents).where(
        or_(Order.shipping_tax_cents < 0, Order.shipping_tax_cents > Order.shipping_cents)
    )
    found = lines.union_all(delivery).subquery()
    return select(*found.columns)


def _half_up(cents: Any, rate: Any) -> Any:
    whole = 10_000 + rate
    return (2 * cents * rate + whole) // (2 * whole)


def _savings() -> Select:
    lines = (
        select(
            OrderLine.order_id,
            func.sum(OrderLine.saved_cents).label("saved"),
            func.sum(OrderLine.switch_points).label("points"),
            func.sum(OrderLine.waived_cents).label("waived"),
        )
        .group_by(OrderLine.order_id)
        .subquery()
    )
    saved, worth = lines.c.saved * Order.worth_points, lines.c.points * Order.worth_cents
    due = Order.goods_cents + Order.shipping_cents
    return (
        select(Order.id, lines.c.saved.label("saved_cents"), lines.c.points)
        .join(lines, lines.c.order_id == Order.id)
        .where(
            or_(
                saved > worth,
                saved + Order.worth_points <= worth,
                and_(lines.c.waived + Order.shipping_waived_cents != 0, due != 0),
                ~(Order.shipping_cents + Order.shipping_waived_cents).in_((0, Order.shipping_list_cents)),
            )
        )
    )


def _times() -> Select:
    ended = Order.state.in_((CANCELLED, TIMED_OUT, REFUNDED))
    return select(Order.id, Order.state).where(
        or_(
            and_(Order.state.in_(SOLD), Order.paid_at.is_(None)),
            and_(Order.state.in_(NEVER_SOLD), Order.paid_at.is_not(None)),
            and_(Order.state == SHIPPED, Order.shipped_at.is_(None)),
            and_(Order.state == COMPLETED, or_(Order.completed_at.is_(None), Order.window_ends_at.is_(None))),
            ended != Order.ended_at.is_not(None),
            and_(
                Order.window_closed_at.is_not(None),
                or_(
                    Order.window_ends_at.is_(None),
                    Order.window_closed_at < Order.window_ends_at,
                    Order.state.not_in((COMPLETED, REFUNDED, REVIEW)),
                ),
            ),
        )
    )


def _nothing_to_send() -> Select:
    return (
        select(OrderLine.order_id, OrderLine.line, Order.state)
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            or_(
                and_(
                    Order.state.in_((SHIPPED, COMPLETED)), OrderLine.shipped + OrderLine.refunded < OrderLine.quantity
                ),
                and_(Order.state.in_(NEVER_SOLD), OrderLine.shipped + OrderLine.refunded != 0),
            )
        )
    )


def _on_the_way() -> Select:
    lot, position = ledger.Lot, ledger.Position
    on_the_way = (
        select(lot.reference, func.sum(position.points).label("points"))
        .join(position, position.lot_id == lot.id)
        .where(position.place == "pending")
        .group_by(lot.reference)
        .subquery()
    )
    return (
        select(Order.id, Order.state, on_the_way.c.points)
        .join(on_the_way, on_the_way.c.reference == REFERENCE)
        .where(Order.window_closed_at.is_not(None))
    )


def _ready_too_early() -> Select:
    posting = ledger.Posting
    return (
        select(Order.id, Order.state, posting.id.label("posting"))
        .join(posting, and_(posting.reference == REFERENCE, posting.kind == "unlock"))
        .where(Order.window_closed_at.is_(None))
    )
