"""Refunds: cash to where it came from, points to their lots, earned points taken back - all of a plan, or nothing.

One function thinks (planning.py), another does: the preview a person confirms is made by the code that refunds.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import audit, cash, catalogue, checkout, coupons, earning, ledger, notices, people, programme

from . import credits, memberships, returns
from .exchanges import close, count, sum_of
from .planning import NotRefundable, plan_refund
from .plans import Plan
from .reasons import ALL_REASONS, PLAN_ENDED, REASONS
from .unshowing import take_reviews_back


class RefundChanged(Refusal):
    """Between showing a refund and confirming it something happened that makes it another one."""

    message = N_(
        "The refund of order {number} has changed since it was shown. Nothing was done."
        " Look at it again, then confirm."
    )


class MoreThanReturned(Refusal):
    message = N_("More pieces were to go back on the shelf than were sent.")


def refund(
    order_id: int,
    *,
    reason: str,
    restock: bool | Mapping[int, int],
    by: str,
    terms: programme.Programme,
    at: datetime,
    pieces: Mapping[int, int] | None = None,
    note: str = "",
    shown: str | None = None,
) -> Plan | None:
    """Refund so many pieces of an order's lines, {line: n}; without `pieces` all that is left. Returns what was done.

    The cash itself is sent later, by its own row. When all that was left is refunded open returns end. `restock`
    says of which lines how many of the sent pieces are put on the shelf again, or of all (True) or none; what never
    left is freed in any case. `shown` is the fingerprint of the plan that was confirmed, where one was shown:
    confirmed again, it does nothing more and returns None. Refuses: RefundChanged, MoreThanReturned, OwnMatter, and
    what plan_refund() refuses.
    """
    purse, order = checkout.lock_with_purse(order_id, zone=terms.zone)
    people.not_for_oneself(order.member_id, by=by)
    lines = checkout.lines_of(order.id)
    try:
        plan = plan_refund(order, reason=reason, at=at, zone=terms.zone, pieces=pieces, lines=lines)
    except Refusal:
        if shown is not None and credits.credited_with(shown, order_id=order.id):
            return None
        raise
    if shown is not None and shown != plan.fingerprint:
        if credits.credited_with(shown, order_id=order.id):
            return None
        raise RefundChanged(number=checkout.number_of(order.id))
    _carry_out(plan, lines, restock=restock, purse=purse, by=by, terms=terms, at=at, note=note)
    if plan.takes_all:
        returns.end_with_order(order.id, by=by, at=at)
    return plan


def refund_locked(
    order: checkout.OrderRow,
    purse: ledger.LockedPurse,
    *,
    reason: str,
    restock: bool | Mapping[int, int],
    by: str,
    terms: programme.Programme,
    at: datetime,
    pieces: Mapping[int, int] | None = None,
    note: str = "",
    lost: Row[Any] | None = None,
    instead_of: int | None = None,
) -> tuple[Plan, int]:
    """Refund pieces of an order whose purse and row are locked. Returns what was done, and its credit note's id.

    `lost` is the dispute by which the bank took the cash of its payment: that is not sent once more. `instead_of` is
    the exchange that is refunded after all. Refuses what refund() refuses, but RefundChanged.
    """
    lines = checkout.lines_of(order.id)
    plan = plan_refund(order, reason=reason, at=at, zone=terms.zone, pieces=pieces, lines=lines, instead_of=instead_of)
    credit_id = _carry_out(plan, lines, restock=restock, purse=purse, by=by, terms=terms, at=at, note=note, lost=lost)
    return plan, credit_id


def _carry_out(
    plan: Plan,
    lines: list[Row[Any]],
    *,
    restock: bool | Mapping[int, int],
    purse: ledger.LockedPurse,
    by: str,
    terms: programme.Programme,
    at: datetime,
    note: str,
    lost: Row[Any] | None = None,
) -> int:
    """Do all that a plan says. Returns the id of its credit note."""
    order = plan.order
    shelved = _shelved(plan, restock) | {each.line.line: each.codes_free for each in plan.lines if each.codes_free}
    credit_id = _write(plan, shelved, note=note, by=by, at=at)
    credit = credits.reference_of(credit_id)
    if plan.ended:
        count(order.id, sum_of(plan.ended), less=True)
    checkout.count_refunded(
        order.id,
        [
            checkout.Refunded(each.line.line, each.quantity, each.unsent, carried, each.used_days)
            for each, carried in zip(plan.lines, plan.shipping_pieces, strict=True)
        ],
    )
    _move_points(plan, credit, purse=purse, terms=terms, at=at)
    back_cents = _ask_cash(plan, credit, by=by, at=at, lost=lost) if plan.cash_cents > plan.gone_cents else 0
    earning.take_stamps(plan.stamps, plan.sale.reference, key=credit, member_id=order.member_id, at=at)
    take_reviews_back(plan.reviews, purse=purse, terms=terms, by=by, at=at)
    coupons.net({each.coupon_id: each.points for each in plan.netted}, reference=credit)
    if paid_levels := memberships.references_of(order, [each.line for each in plan.lines]):
        earning.end_paid_levels(paid_levels, purse=purse, by=by, terms=terms, at=at)
    for exchange in plan.overtaken:
        close(exchange, by=by, at=at)
    _take_goods_back(plan, shelved, by=by, at=at)
    _say(plan, credit, back_cents=back_cents, note=note, by=by, at=at)
    _move_order(plan, lines, by=by, at=at)
    return credit_id


def _shelved(plan: Plan, restock: bool | Mapping[int, int]) -> dict[int, int]:
    """Return how many pieces of each line go back on the shelf, {line: n}."""
    if isinstance(restock, bool):
        return {each.line.line: each.to_come for each in plan.lines if each.to_come} if restock else {}
    to_come = {each.line.line: each.to_come for each in plan.lines}
    if any(not 0 <= quantity <= to_come.get(line, 0) for line, quantity in restock.items()):
        raise MoreThanReturned()
    return {line: quantity for line, quantity in restock.items() if quantity}


def _write(plan: Plan, shelved: Mapping[int, int], *, note: str, by: str, at: datetime) -> int:
    """Write the credit note of a plan. Returns its id."""
    return credits.write(
        {
            "order_id": plan.order.id,
            "key": plan.fingerprint,
            "reason": plan.reason,
            "note": note[: credits.LONGEST_NOTE],
            "goods_cents": plan.goods_cents,
            "tax_cents": plan.tax_cents,
            "shipping_cents": plan.shipping_cents,
            "shipping_tax_cents": plan.shipping_tax_cents,
            "gone_cents": plan.gone_cents,
            "points": plan.line_points,
            "earned_points": plan.earned_points,
            "growth": plan.growth,
            "by": by,
            "at": at,
        },
        [
            {
                "line": each.line.line,
                "quantity": each.quantity,
                "called_off": each.unsent,
                "restocked": shelved.get(each.line.line, 0),
                "cash_cents": each.cash_cents,
                "points": each.points,
                "tax_cents": each.tax_cents,
            }
            for each in plan.lines
        ],
    )


def _move_points(
    plan: Plan, credit: str, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime
) -> None:
    """Take earned points back and give spent ones back, written together: what is owed is repaid by what comes."""
    sale = plan.sale
    with ledger.one_write(purse):
        if plan.was_cents != sale.kept_cents:
            earning.order_reduced(
                sale, key=credit, purse=purse, terms=terms, at=at, was_cents=plan.was_cents, planned=plan.taken
            )
        if plan.points:
            ledger.give_back(
                purse,
                plan.points,
                reference=sale.reference,
                key=f"{credit}:give_back",
                shipped=plan.shipped,
                at=at,
                planned=plan.returning,
            )
    if plan.was_cents != sale.kept_cents:
        earning.order_unkept(sale, taken=plan.taken, purse=purse, terms=terms, at=at)
        earning.forgive_above_cap(sale, key=credit, purse=purse, terms=terms, at=at)


def _ask_cash(plan: Plan, credit: str, *, by: str, at: datetime, lost: Row[Any] | None = None) -> int:
    """Ask for the cash back from the payments that brought it, the last first.

    Returns the cents that were asked for: not what the bank took by itself.
    """
    asked_cents = 0
    outstanding = plan.cash_cents - plan.gone_cents
    for payment in reversed(plan.payments):
        part = min(outstanding, payment.captured_cents - payment.refunded_cents)
        if part > 0 and payment.state == cash.PAID:
            key = f"{credit}:cash:{payment.id}"
            if lost is not None and lost.payment_id == payment.id:
                cash.taken_by_bank(lost, part, key=key, at=at)
            else:
                cash.ask_refund(payment.id, part, key=key, reason=plan.reason, at=at, by=by, first=True)
                asked_cents += part
            outstanding -= part
    if outstanding:
        raise NotRefundable(number=checkout.number_of(plan.order.id))
    return asked_cents


def _take_goods_back(plan: Plan, shelved: Mapping[int, int], *, by: str, at: datetime) -> None:
    """Free what was never sent or seen, put on the shelf what came back sound, let it be had again by who may."""
    reference = checkout.reference_of(plan.order.id)
    of_product: dict[int, int] = {}
    freed: dict[int, int] = {}
    back: dict[int, int] = {}
    codes: dict[int, tuple[int, int]] = {}
    for each in plan.lines:
        line = each.line
        of_product[line.product_id] = of_product.get(line.product_id, 0) + each.quantity
        if each.unsent:
            freed[line.variant_id] = freed.get(line.variant_id, 0) + each.unsent
        if quantity := shelved.get(line.line):
            back[line.variant_id] = back.get(line.variant_id, 0) + quantity
        if line.codes:
            codes[line.line] = (each.codes_free, each.codes_void)
    if codes:
        catalogue.take_codes_back(reference, codes)
    catalogue.return_quota(reference, of_product)
    if freed:
        catalogue.unreserve(reference, freed, at=at, by=by)
    if back:
        catalogue.take_returned(reference, back, at=at, by=by)


def _say(plan: Plan, credit: str, *, back_cents: int, note: str, by: str, at: datetime) -> None:
    """Write a refund to the audit log, and tell the member of it."""
    order = plan.order
    audit.write(
        "order.refund",
        by=by,
        subject=checkout.reference_of(order.id),
        at=at,
        after={
            "cash_cents": plan.cash_cents,
            "points": plan.points,
            "taken_back": plan.earned_points,
            "pieces": plan.pieces,
        },
        reason=note or plan.reason,
    )
    notices.tell(
        order.member_id,
        "refund_done",
        values={
            "number": checkout.number_of(order.id), "points": plan.points, "back_cents": back_cents,
            "gone_cents": plan.cash_cents - back_cents,
        },
        key=f"{credit}:refunded",
        at=at,
    )  # fmt: skip


def _move_order(plan: Plan, lines: Sequence[checkout.LineRow], *, by: str, at: datetime) -> None:
    """Put a refund on the order's timeline; move the order where all of it, or all that was to be sent, is back."""
    order = plan.order
    words, _our_fault = ALL_REASONS[plan.reason]
    if plan.whole:
        said = say(N_("Refunded: {reason}"), reason=words)
        if plan.reason in REASONS and not checkout.has_left(lines):
            said = say(N_("Cancelled before it was shipped; everything goes back"))
        checkout.move(
            order, checkout.REFUNDED, kind="refunded", said=said, by=by, at=at, ended_at=at, state_before_review=None
        )
        return
    if plan.reason == PLAN_ENDED:
        days = sum(each.line.plan_days or 0 for each in plan.lines)
        left = sum(each.days_left for each in plan.lines)
        said = say(N_("Membership given back: {left} of {days} days are refunded"), left=left, days=days)
        checkout.note(order.id, "refunded_part", said, by=by, at=at)
        return
    said = say(N_("{pieces} refunded in part: {reason}"), pieces=plan.pieces, reason=words)
    checkout.note(order.id, "refunded_part", said, by=by, at=at)
    if order.state == checkout.REVIEW and plan.takes_all:  # What stays paid, such as days of a membership, is kept.
        said = say(N_("Looked at; all that was left is given back"))
        assert order.state_before_review is not None, "an order that was paid came into review from some state"
        order = checkout.move(
            order, order.state_before_review, kind="accepted", said=said, by=by, at=at, state_before_review=None
        ).order
    if order.state != checkout.PAID:
        return
    called_off = {each.line.line: each.unsent for each in plan.lines}
    left = sum(checkout.to_ship(line) - called_off.get(line.line, 0) for line in lines if not line.digital)
    if not left and any(each.unsent for each in plan.lines):
        checkout.nothing_left_to_ship(order, by=by, at=at)
