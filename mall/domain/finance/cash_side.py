"""The cash side of the journal: payments received, orders paid, orders refunded, refunds given.

A payment stands as an advance until its order is paid; a refund is owed as an advance until the cashier has given it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from mall.base.clock import day_of
from mall.base.db import execute
from mall.base.money import part_by_quantity
from mall.base.text import N_
from mall.domain import aftersales, cash, checkout


@dataclass(frozen=True)
class Happened:
    """Something that happened to money: on a day, of a kind, by a document; cents by account, debits positive."""

    day: date
    order: int
    name: str
    document: str
    amounts: Mapping[str, int]


def cash_happenings(*, until: datetime, zone: str) -> Iterator[Happened]:
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
    for order in _orders(until):
        due = checkout.cash_cents_of(order) + order.accepted_difference_cents
        yield Happened(
            day_of(order.paid_at, zone),
            1,
            N_("Orders paid"),
            checkout.number_of(order.id),
            {
                "advance": due,
                "sales": -(order.goods_cents - order.goods_tax_cents),
                "shipping": -(order.shipping_cents - order.shipping_tax_cents),
                "tax": -(order.goods_tax_cents + order.shipping_tax_cents),
                "accepted": -order.accepted_difference_cents,
            },
        )
    yield from _orders_refunded(until=until, zone=zone)
    for row in _refunds(until):
        if row.done_at is not None and row.done_at <= until:
            yield Happened(
                day_of(row.done_at, zone),
                3,
                N_("Refunds given"),
                _number(row.reference),
                {"advance": row.amount_cents, account_of(row.cashier): -row.amount_cents},
            )


def _orders_refunded(*, until: datetime, zone: str) -> Iterator[Happened]:
    """Yield what refunds took out of sales, in the order they were made: credit notes, and refunds at the cashier.

    What a credit note says was gone is not owed once more: what had been taken out of sales for it by a refund at the
    cashier is put back, as the note says it line by line; the rest never came, and had been accepted so.
    """
    made: list[tuple[datetime, int, int, Any]] = [
        (note.at, 2 if note.gone_cents else 0, note.id, note) for note in _credit_notes(until)
    ]
    made += [
        (row.asked_at, 1, row.id, row)
        for row in _refunds(until)
        if row.order_id is not None and not row.key.startswith("credit:")
    ]
    out: dict[int, int] = defaultdict(int)
    foreign: dict[int, list[tuple[Any, int, int]]] = defaultdict(list)
    for at, kind, _id, row in sorted(made, key=lambda each: each[:3]):
        before = out[row.order_id]
        if kind == 1:
            out[row.order_id] += row.amount_cents
            foreign[row.order_id].append((row, before, before + row.amount_cents))
            amounts = unsold(row, before=before, after=before + row.amount_cents)
        else:
            cents = row.goods_cents + row.shipping_cents
            amounts = {
                "sales": row.goods_cents - row.tax_cents,
                "shipping": row.shipping_cents - row.shipping_tax_cents,
                "tax": row.tax_cents + row.shipping_tax_cents,
                "advance": -cents,
            }
            back, absorbed = _absorbed(foreign[row.order_id], row.gone_cents)
            out[row.order_id] += cents - absorbed
            for account, more in back.items():
                amounts[account] = amounts.get(account, 0) + more
        yield Happened(day_of(at, zone), 2, N_("Orders refunded"), checkout.number_of(row.order_id), amounts)


def _absorbed(foreign: list[tuple[Any, int, int]], gone_cents: int) -> tuple[dict[str, int], int]:
    """Return what puts back what was gone, by account, and how much of that had been refunded at the cashier.

    Takes that much, the last first, off `foreign`: refunds made at the cashier that no credit note has answered for.
    """
    back: dict[str, int] = defaultdict(int)
    left = gone_cents
    while left and foreign:
        row, before, after = foreign.pop()
        part = min(left, after - before)
        if part < after - before:
            foreign.append((row, before, after - part))
        for account, cents in unsold(row, before=after - part, after=after).items():
            back[account] -= cents
        left -= part
    if left:  # It never came: the shop had accepted less, and now owes less.
        back["accepted"] -= left
        back["advance"] += left
    return back, gone_cents - left


def cash_balances(*, until: datetime) -> dict[str, int]:
    """Return the money at each cashier at an instant: captured less given back."""
    held: dict[str, int] = {}
    captured, given = func.sum(cash.Payment.captured_cents), func.sum(cash.Refund.amount_cents)
    for row in execute(
        select(cash.Payment.cashier, captured.label("cents"))
        .where(cash.Payment.paid_at <= until)
        .group_by(cash.Payment.cashier)
        .order_by(cash.Payment.cashier)
    ):
        held[account_of(row.cashier)] = int(row.cents)
    for row in execute(
        select(cash.Payment.cashier, given.label("cents"))
        .join(cash.Refund, cash.Refund.payment_id == cash.Payment.id)
        .where(cash.Refund.done_at <= until, cash.Refund.state == cash.DONE)
        .group_by(cash.Payment.cashier)
    ):
        held[account_of(row.cashier)] -= int(row.cents)
    return held


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


def _credit_notes(until: datetime) -> Any:
    note = aftersales.CreditNote
    return execute(
        select(note).where(note.at <= until, note.goods_cents + note.shipping_cents > 0).order_by(note.at, note.id)
    )


def _refunds(until: datetime) -> Any:
    """Read refunds; `order_id` is empty where the money was never a sale: it came late, or for nothing."""
    payment, refund, order = cash.Payment, cash.Refund, checkout.Order
    sold = (payment.reference == checkout.REFERENCE) & order.paid_at.is_not(None) & (payment.state == cash.PAID)
    return execute(
        select(
            payment.cashier,
            payment.reference,
            refund.id,
            refund.amount_cents,
            refund.key,
            refund.asked_at,
            refund.done_at,
            order.id.label("order_id"),
            order.goods_cents,
            order.shipping_cents,
            order.shipping_tax_cents,
            _GOODS_TAX.label("goods_tax_cents"),
        )
        .join(payment, payment.id == refund.payment_id)
        .outerjoin(order, sold)
        .where(refund.asked_at <= until, refund.state != cash.VOID)
        .order_by(refund.id)
    )


def _number(reference: str) -> str:
    order_id = checkout.order_id_of(reference)
    return checkout.number_of(order_id) if order_id is not None else reference


_GOODS_TAX = (
    select(func.coalesce(func.sum(checkout.OrderLine.tax_cents), 0))
    .where(checkout.OrderLine.order_id == checkout.Order.id)
    .correlate(checkout.Order)
    .scalar_subquery()
)
