"""What refunds take out of sales in the journal, and what is put back where they come to nothing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from mall.base.clock import day_of
from mall.base.db import execute
from mall.base.money import part_by_quantity
from mall.base.text import N_
from mall.domain import aftersales, cash, checkout

from .happened import Happened

# What takes a sale back: a credit note of ours, a refund made without one, one of what was in part given back before
# or never came, and a refund without a note that came to nothing.
NOTED, ASKED, NOTED_LESS, FELL_AWAY = range(4)
# A refund without a note, and the cents of its order that were refunded before and after it.
Part = tuple[Any, int, int]


def sales_taken_back(until: datetime, zone: str, plans: Mapping[int, tuple[int, int, int]]) -> Iterator[Happened]:
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


def _above(cents: int, floor: int, most: int) -> int:
    return min(max(cents - floor, 0), most)


def _share(tax: int, whole: int, before: int, part: int) -> int:
    return part_by_quantity(tax, of=whole, before=before, after=before + part) if whole else 0


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
            GOODS_TAX.label("goods_tax_cents"),
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


GOODS_TAX = (
    select(func.coalesce(func.sum(checkout.OrderLine.tax_cents), 0))
    .where(checkout.OrderLine.order_id == checkout.Order.id)
    .correlate(checkout.Order)
    .scalar_subquery()
)
