"""The cash side of the journal: payments received, orders paid and refunded, refunds given, fees and payouts.

A payment stands as an advance until its order is paid; a refund is owed as an advance until the cashier has given it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from mall.base.clock import day_of, end_of
from mall.base.db import execute
from mall.base.text import N_
from mall.domain import cash, cash_outs, checkout

from .happened import Happened
from .plans_side import PlanSale, by_credit, by_order, owed_at, plan_sales
from .sales_back import GOODS_TAX, sales_taken_back
from .statement import booked_by_statement, left_cashier


def cash_happenings(*, until: datetime, zone: str, currency: str) -> Iterator[Happened]:
    """Yield all that ever happened to money until an instant."""
    for row in _payments(until):
        account = account_of(row.cashier)
        yield Happened(
            day_of(row.paid_at, zone),
            0,
            N_("Payments received"),
            _number(row.reference),
            {account: row.captured_cents, "advance": -row.captured_cents},
        )
    plans = plan_sales(until=until, zone=zone)
    of_orders = by_order(plans)
    for order in _orders(until):
        of_plans = of_orders.get(order.id, 0)
        due = checkout.cash_cents_of(order) + order.accepted_difference_cents
        yield Happened(
            day_of(order.paid_at, zone),
            1,
            N_("Orders paid"),
            checkout.number_of(order.id),
            {
                "advance": due,
                "sales": -(order.goods_cents - order.goods_tax_cents - of_plans),
                "plans": -of_plans,
                "shipping": -(order.shipping_cents - order.shipping_tax_cents),
                "tax": -(order.goods_tax_cents + order.shipping_tax_cents),
                "accepted": -order.accepted_difference_cents,
            },
        )
    yield from _plans_earned(plans, until, zone)
    yield from sales_taken_back(until, zone, by_credit(plans))
    for row in _refund_moves(until):
        given = row.kind == cash.GIVEN
        cents = row.amount_cents if given else -row.amount_cents
        yield Happened(
            day_of(row.at, zone),
            4 if given else 5,
            N_("Refunds given") if given else N_("Refunds sent back by the bank"),
            _number(row.reference),
            {"advance": cents, _left_from(row): -cents},
        )
    for booked in booked_by_statement(until=until, currency=currency):
        yield Happened(
            day_of(booked.imported_at, zone),
            6 if booked.account == "fees" else 7,
            booked.name,
            booked.document,
            {booked.account: booked.cents, account_of(booked.cashier): -booked.cents},
        )
    yield from _cash_outs(until, zone)


def _cash_outs(until: datetime, zone: str) -> Iterator[Happened]:
    """Yield what became of points that members asked to have as money: owed once approved, then paid.

    What the bank sends back is the opposite of both in one: the money is there again, and none of it is owed.
    """
    for row in _approved_cash_outs(until):
        pays, document = row.gross_cents - row.fee_cents, f"cashout:{row.id}"
        yield Happened(
            day_of(row.decided_at, zone),
            8,
            N_("Points turned into cash"),
            document,
            {"cash_out_value": row.gross_cents, "cash_out_fees": -row.fee_cents, "cash_out": -pays},
        )
        if row.paid_at is not None and row.paid_at <= until:
            amounts = {"cash_out": pays, "cash_out_bank": -pays}
            yield Happened(day_of(row.paid_at, zone), 9, N_("Points to cash paid out"), document, amounts)
        if row.bounced_at is not None and row.bounced_at <= until:
            amounts = {"cash_out_bank": pays, "cash_out_fees": row.fee_cents, "cash_out_value": -row.gross_cents}
            yield Happened(
                day_of(row.bounced_at, zone), 10, N_("Points to cash sent back by the bank"), document, amounts
            )


def _plans_earned(plans: Sequence[PlanSale], until: datetime, zone: str) -> Iterator[Happened]:
    """Yield what of memberships became revenue as their days went by: with days that are over at that instant."""
    name = N_("Days of memberships that are over")
    for plan in plans:
        for day, cents in plan.bookings(_last_over(until, zone)):
            amounts = {"plans": cents, "plan_sales": -cents}
            yield Happened(day, 11, name, checkout.number_of(plan.order_id), amounts)


def cash_balances(*, until: datetime, zone: str, currency: str) -> dict[str, int]:
    """Return the money at each cashier at an instant: captured, less given back, kept as a fee or paid out.

    And what was paid out to the bank, and given back from there by hand; what is owed and was paid for points, and
    what is owed as days of memberships to come.
    """
    held: dict[str, int] = defaultdict(int)
    captured = func.sum(cash.Payment.captured_cents)
    for row in execute(
        select(cash.Payment.cashier, captured.label("cents"))
        .where(cash.Payment.paid_at <= until)
        .group_by(cash.Payment.cashier)
        .order_by(cash.Payment.cashier)
    ):
        held[account_of(row.cashier)] = int(row.cents)
    for row in _refund_moves(until):
        held[_left_from(row)] -= row.amount_cents if row.kind == cash.GIVEN else -row.amount_cents
    for (cashier, account), cents in left_cashier(until=until, currency=currency).items():
        held[account_of(cashier)] -= cents
        if account == "payouts":
            held["payouts"] += cents
    for row in _approved_cash_outs(until):
        pays = row.gross_cents - row.fee_cents
        paid = row.paid_at is not None and row.paid_at <= until
        held["cash_out"] -= 0 if paid else pays
        back = row.bounced_at is not None and row.bounced_at <= until
        held["cash_out_bank"] -= pays if paid and not back else 0
    if plans := plan_sales(until=until, zone=zone):
        held["plans"] -= owed_at(plans, over=_last_over(until, zone))
    return dict(held)


def account_of(cashier: str) -> str:
    """Return the key of a cashier's account: one below the account of all cashiers."""
    return f"cashier:{cashier}"


def _last_over(until: datetime, zone: str) -> date:
    """Return the last day that is over at an instant."""
    today = day_of(until, zone)
    return today if until >= end_of(today, zone) else today - timedelta(days=1)


def _payments(until: datetime) -> Any:
    payment = cash.Payment
    return execute(
        select(payment.cashier, payment.reference, payment.captured_cents, payment.paid_at)
        .where(payment.paid_at <= until, payment.captured_cents > 0)
        .order_by(payment.paid_at, payment.id)
    )


def _orders(until: datetime) -> Any:
    order = checkout.Order
    return execute(
        select(
            order.id,
            order.goods_cents,
            order.shipping_cents,
            order.shipping_tax_cents,
            order.accepted_difference_cents,
            order.paid_at,
            GOODS_TAX.label("goods_tax_cents"),
        )
        .where(order.paid_at <= until, checkout.cash_cents_of(order) > 0)
        .order_by(order.paid_at, order.id)
    )


def _approved_cash_outs(until: datetime) -> Any:
    request = cash_outs.CashOut
    columns = (request.id, request.gross_cents, request.fee_cents, request.decided_at, request.paid_at)
    return execute(
        select(*columns, request.bounced_at)
        .where(request.state.in_(cash_outs.ONCE_APPROVED), request.decided_at <= until)
        .order_by(request.decided_at, request.id)
    )


def _refund_moves(until: datetime) -> Any:
    """Read when the money of refunds left, and when it came back."""
    payment, refund, move = cash.Payment, cash.Refund, cash.RefundMove
    return execute(
        select(move.id, move.at, move.kind, move.way, payment.cashier, payment.reference, refund.amount_cents)
        .join(refund, refund.id == move.refund_id)
        .join(payment, payment.id == refund.payment_id)
        .where(move.at <= until, move.kind.in_((cash.GIVEN, cash.CAME_BACK)))
        .order_by(move.at, move.id)
    )


def _left_from(row: Any) -> str:
    """Return the key of the account that a refund's money left, or came back to."""
    return "bank" if row.way == cash.BY_HAND else account_of(row.cashier)


def _number(reference: str) -> str:
    order_id = checkout.order_id_of(reference)
    return checkout.number_of(order_id) if order_id is not None else reference
