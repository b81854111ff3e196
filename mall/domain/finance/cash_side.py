"""The cash side of the journal: payments received, orders paid and refunded, refunds given, fees and payouts.

A payment stands as an advance until its order is paid; a refund is owed as an advance until the cashier has given it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import func, select

from mall.base.clock import day_of, end_of
from mall.base.db import execute
from mall.base.money import part_by_quantity
from mall.base.text import N_
from mall.domain import aftersales, cash, cash_outs, checkout

from .plans_side import PlanSale, by_credit, by_order, owed_at, plan_sales
from .statement import booked_by_statement, left_cashier

# What takes a sale back: a credit note of ours, a refund made without one, one of what was in part given back before
# or never came, and a refund without a note that came to nothing.
NOTED, ASKED, NOTED_LESS, FELL_AWAY = range(4)
# A refund without a note, and the cents of its order that were refunded before and after it.
Part = tuple[Any, int, int]


class Happened(Struct, frozen=True):
    """Something that happened to money: on a day, of a kind, by a document; cents by account, debits positive."""

    day: date
    order: int
    name: str
    document: str
    amounts: Mapping[str, int]


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
    yield from _sales_taken_back(until, zone, by_credit(plans))
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


def _sales_taken_back(until: datetime, zone: str, plans: Mapping[int, tuple[int, int, int]]) -> Iterator[Happened]:
    """Yield what refunds took out of sales when they were decided, and what was put back where they fell away.

    In the order of time, since tax goes by cumulative shares: what happens later never changes a day before it. What a
    credit note says was gone is not owed once more: what had been taken out of sales for it by a refund at the cashier
    is put back, as the note says it line by line; the rest never came, and had been accepted so.
    """
    refunded: dict[int, int] = defaultdict(int)
    others: dict[int, list[Part]] = defaultdict(list)
    for at, rank, _id, row in sorted(_sold_and_refunded(until), key=lambda step: step[:3]):
        before = refunded[row.order_id]
        if rank in (NOTED, NOTED_LESS):
            amounts = {
                "sales": row.goods_cents - row.tax_cents,
                "shipping": row.shipping_cents - row.shipping_tax_cents,
                "tax": row.tax_cents + row.shipping_tax_cents,
                "advance": -(row.goods_cents + row.shipping_cents),
            }
            plan_cents, owed, earned = plans.get(row.id, (0, 0, 0))
            if plan_cents or owed:
                amounts |= {"sales": amounts["sales"] - plan_cents, "plans": owed, "plan_sales": -earned}
            answered = _answer_for(others[row.order_id], row.gone_cents, amounts)
            refunded[row.order_id] += row.goods_cents + row.shipping_cents - answered
        else:
            refunded[row.order_id] += row.amount_cents if rank == ASKED else -row.amount_cents
            amounts = unsold(row, before=before, after=refunded[row.order_id])
            if rank == ASKED:
                others[row.order_id].append((row, before, refunded[row.order_id]))
            else:
                others[row.order_id] = [part for part in others[row.order_id] if part[0].id != row.id]
        fell_away = rank == FELL_AWAY
        yield Happened(
            day_of(at, zone),
            3 if fell_away else 2,
            N_("Refunds of orders that came to nothing") if fell_away else N_("Orders refunded"),
            checkout.number_of(row.order_id),
            amounts,
        )


def _sold_and_refunded(until: datetime) -> Iterator[tuple[datetime, int, int, Any]]:
    """Yield (when, what of the four, id, row) of refunds of orders. Never before the sale itself."""
    for note in _credit_notes(until):
        yield note.at, NOTED_LESS if note.gone_cents else NOTED, note.id, note
    for row in _refunds(until):
        yield max(row.asked_at, row.paid_at), ASKED, row.id, row
        if row.dropped_at is not None:
            yield max(row.dropped_at, row.paid_at), FELL_AWAY, row.id, row


def _answer_for(others: list[Part], gone_cents: int, amounts: dict[str, int]) -> int:
    """Put back into what a credit note moves what was gone. Returns the cents of it that were refunded without one.

    Takes those off `others`, the refunds that no credit note has answered for, the last first.
    """
    left = gone_cents
    while left and others:
        row, before, after = others.pop()
        part = min(left, after - before)
        if part < after - before:
            others.append((row, before, after - part))
        for account, cents in unsold(row, before=after - part, after=after).items():
            amounts[account] = amounts.get(account, 0) - cents
        left -= part
    if left:
        amounts["accepted"] = amounts.get("accepted", 0) - left
        amounts["advance"] += left
    return gone_cents - left


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


def unsold(order: Any, *, before: int, after: int) -> dict[str, int]:
    """Return what a refund that was made at the cashier takes out of sales and tax: goods first, then shipping. Pure.

    Those made here say it themselves, line by line, in their credit notes. `before` and `after` are the cents of the
    order refunded before and after it; tax goes by cumulative shares.
    """
    goods = min(after, order.goods_cents) - min(before, order.goods_cents)
    shipping = _above(after, order.goods_cents, order.shipping_cents) - _above(
        before, order.goods_cents, order.shipping_cents
    )
    goods_tax = _share(order.goods_tax_cents, order.goods_cents, min(before, order.goods_cents), goods)
    shipped_before = _above(before, order.goods_cents, order.shipping_cents)
    shipping_tax = _share(order.shipping_tax_cents, order.shipping_cents, shipped_before, shipping)
    rest = after - before - goods - shipping
    return {
        "sales": goods - goods_tax,
        "shipping": shipping - shipping_tax,
        "tax": goods_tax + shipping_tax,
        "accepted": rest,
        "advance": before - after,
    }


def account_of(cashier: str) -> str:
    """Return the key of a cashier's account: one below the account of all cashiers."""
    return f"cashier:{cashier}"


def _last_over(until: datetime, zone: str) -> date:
    """Return the last day that is over at an instant."""
    today = day_of(until, zone)
    return today if until >= end_of(today, zone) else today - timedelta(days=1)


def _above(cents: int, floor: int, most: int) -> int:
    return min(max(cents - floor, 0), most)


def _share(tax: int, whole: int, before: int, part: int) -> int:
    return part_by_quantity(tax, of=whole, before=before, after=before + part) if whole else 0


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
            _GOODS_TAX.label("goods_tax_cents"),
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


def _credit_notes(until: datetime) -> Any:
    note = aftersales.CreditNote
    return execute(
        select(note).where(note.at <= until, note.goods_cents + note.shipping_cents > 0).order_by(note.at, note.id)
    )


def _refunds(until: datetime) -> Any:
    """Read refunds of what was sold that no credit note tells of, and when they fell away.

    Money that came late never was a sale.
    """
    payment, refund, order, move = cash.Payment, cash.Refund, checkout.Order, cash.RefundMove
    dropped = (move.refund_id == refund.id) & (move.kind == cash.DROPPED) & (move.at <= until)
    return execute(
        select(
            refund.id,
            refund.amount_cents,
            refund.asked_at,
            move.at.label("dropped_at"),
            order.id.label("order_id"),
            order.paid_at,
            order.goods_cents,
            order.shipping_cents,
            order.shipping_tax_cents,
            _GOODS_TAX.label("goods_tax_cents"),
        )
        .join(payment, payment.id == refund.payment_id)
        .join(order, payment.reference == checkout.REFERENCE)
        .outerjoin(move, dropped)
        .where(
            refund.asked_at <= until,
            order.paid_at <= until,
            payment.state == cash.PAID,
            ~aftersales.is_of_credit(refund.key),
        )
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


_GOODS_TAX = (
    select(func.coalesce(func.sum(checkout.OrderLine.tax_cents), 0))
    .where(checkout.OrderLine.order_id == checkout.Order.id)
    .correlate(checkout.Order)
    .scalar_subquery()
)
