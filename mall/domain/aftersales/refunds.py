"""Refunds: cash to where it came from, points to their lots, earned points taken back - all of it, or nothing.

One function thinks, another does: the preview a person confirms is made by the code that refunds.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.cashier import Cashier
from mall.base.clock import now
from mall.base.db import again, reading, transaction
from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import audit, cash, catalogue, checkout, coupons, earning, ledger, notices, programme

# Why goods come back, and whether that is our fault, so that shipping is given back as well.
REASONS: dict[str, tuple[str, bool]] = {
    "changed_mind": (N_("Change of mind"), False),
    "damaged": (N_("Damaged"), True),
    "wrong_item": (N_("Wrong item"), True),
    "missing": (N_("Missing"), True),
    "goodwill": (N_("Goodwill"), True),
}
# Reasons that nobody chooses: these refunds follow from something else, and are made whatever state the order is in.
GIVEN_BACK = "given_back"
DISPUTE_LOST = "dispute_lost"
ALL_REASONS = REASONS | {
    GIVEN_BACK: (N_("Given back after review"), True),
    DISPUTE_LOST: (N_("The bank took the payment back"), True),
}


class NotRefundable(Refusal):
    message = N_("Order {number} cannot be refunded as it stands. Reload the page to see how it stands.")


class NotToBeCancelled(Refusal):
    message = N_("Order {number} can no longer be cancelled. Reload the page to see how it stands.")


class LookedAt(Refusal):
    message = N_("We are looking at order {number}, so it cannot be cancelled now. Nothing is lost.")


class CouponUsed(NotRefundable):
    message = N_("Order {number} gave a coupon that has been used, so it cannot be refunded.")


class AlreadyShipped(Refusal):
    message = N_("Order {number} has been shipped, so it cannot be cancelled. It can be returned.")


class RefundChanged(Refusal):
    """Between showing a refund and confirming it something happened that makes it another one."""

    message = N_(
        "The refund of order {number} has changed since it was shown. Nothing was done."
        " Look at it again, then confirm."
    )


class NoReason(Refusal):
    message = N_("Say why the order is refunded.")


@dataclass(frozen=True)
class Plan:
    """What a full refund of an order does: cash back, points back, points taken back, in cents and points.

    `gone_cents` is the part of the cash that is not there to be given: it was given back at the cashier already, or
    never came. `points_to` are the lots the spent points return to and `taken_from` those whose earned points are
    taken back,
    each as ((lot id, points), ...).
    """

    order: Row[Any]
    cash_cents: int
    shipping_cents: int
    points: int
    earned_points: int
    growth: int
    shipped: bool
    gone_cents: int = 0
    points_to: tuple[tuple[int, int], ...] = ()
    taken_from: tuple[tuple[int, int], ...] = ()

    @property
    def fingerprint(self) -> str:
        """Return what tells this refund from any other: to be sent along with the confirmation of what was shown."""
        parts = [
            self.order.id, self.order.state, self.cash_cents, self.shipping_cents, self.points, self.points_to,
            self.earned_points, self.taken_from, self.growth, self.shipped, self.gone_cents,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def plan_refund(order: Row[Any], *, reason: str, at: datetime) -> Plan:
    """Think out a full refund: everything paid, but for shipping of goods that were sent and are not our fault.

    Refuses: NotRefundable, CouponUsed, NoReason, UnderDispute.
    """
    if reason not in ALL_REASONS:
        raise NoReason()
    if not _may_be_refunded(order, reason=reason):
        raise NotRefundable(number=checkout.number_of(order.id))
    if reason != DISPUTE_LOST and order.gives_coupons and coupons.was_used(checkout.reference_of(order.id)):
        raise CouponUsed(number=checkout.number_of(order.id))
    if order.disputed_at is not None and reason != DISPUTE_LOST:
        raise checkout.UnderDispute(number=checkout.number_of(order.id))
    shipped = order.shipped_at is not None
    _words, our_fault = ALL_REASONS[reason]
    shipping_cents = order.shipping_cents if our_fault or not shipped else 0
    taken = earning.reduction(checkout.sale_of(order, kept_cents=0), at=at)
    back = {}
    if order.points:
        reference = checkout.reference_of(order.id)
        back = ledger.would_give_back(order.points, reference=reference, member_id=order.member_id)
    cash_cents = order.goods_cents + shipping_cents
    return Plan(
        order=order,
        cash_cents=cash_cents,
        gone_cents=max(0, cash_cents - cash.left_of(checkout.reference_of(order.id))) if cash_cents else 0,
        shipping_cents=shipping_cents,
        points=order.points,
        earned_points=taken.points,
        growth=taken.growth,
        shipped=shipped,
        points_to=tuple(back.items()),
        taken_from=tuple(taken.lots.items()),
    )


def refund(
    order_id: int,
    *,
    reason: str,
    restock: bool,
    by: str,
    terms: programme.Programme,
    at: datetime,
    note: str = "",
    shown: str | None = None,
) -> Plan:
    """Refund an order in full. The cash itself is sent later, by its own row.

    `restock` puts shipped goods back on the shelf; what was never shipped goes back in any case. `shown`
    is the fingerprint of the plan that was confirmed, where one was shown. Refuses: NotRefundable, NoReason,
    RefundChanged, UnderDispute.
    """
    purse, order = checkout.lock_with_purse(order_id, zone=terms.zone)
    return refund_locked(
        order,
        purse,
        reason=reason,
        restock=restock,
        by=by,
        terms=terms,
        at=at,
        note=note,
        shown=shown,
    )


def refund_locked(
    order: Row[Any],
    purse: ledger.LockedPurse,
    *,
    reason: str,
    restock: bool,
    by: str,
    terms: programme.Programme,
    at: datetime,
    note: str = "",
    before_shipping: bool = False,
    shown: str | None = None,
    lost: Row[Any] | None = None,
) -> Plan:
    """Refund an order whose purse and row are locked; `before_shipping` says to call it a cancellation.

    `lost` is the dispute by which the bank took the cash of its payment: that is not sent once more.
    """
    order_id = order.id
    plan = plan_refund(order, reason=reason, at=at)
    if shown is not None and shown != plan.fingerprint:
        raise RefundChanged(number=checkout.number_of(order_id))
    reference = checkout.reference_of(order_id)
    words, _our_fault = ALL_REASONS[reason]
    said = (
        say(N_("Refunded: {reason}"), reason=words)
        if plan.shipped or reason not in REASONS
        else say(N_("Cancelled before it was shipped; everything goes back"))
    )
    checkout.move(
        order, checkout.REFUNDED, kind="refunded", said=said, by=by, at=at, ended_at=at, state_before_review=None
    )
    if plan.points:
        ledger.give_back(
            purse, plan.points, reference=reference, key=f"{reference}:refund:give_back", shipped=plan.shipped, at=at
        )
    taken_back = 0
    if order.goods_cents:
        taken_back = earning.order_reduced(
            checkout.sale_of(order, kept_cents=0),
            key=f"{reference}:refund",
            purse=purse,
            terms=terms,
            at=at,
        ).points
    if plan.cash_cents > plan.gone_cents:
        _ask_cash(order, plan.cash_cents - plan.gone_cents, reason=reason, by=by, at=at, lost=lost)
    _take_goods_back(order, restock=restock, by=by, at=at)
    audit.write(
        "order.refund",
        by=by,
        subject=reference,
        at=at,
        after={"cash_cents": plan.cash_cents, "points": plan.points, "taken_back": taken_back},
        reason=note or reason,
    )
    notices.tell(
        order.member_id,
        "refund_done",
        values={
            "number": checkout.number_of(order_id), "total_cents": plan.cash_cents, "points": plan.points,
        },
        key=f"{reference}:refunded",
        at=at,
    )  # fmt: skip
    return plan


def call_off(order_id: int, *, by: str, cashier: Cashier | None, terms: programme.Programme, site: str) -> Row[Any]:
    """Call an order off before it leaves, wherever it stands: an unpaid one is given up, a paid one given back.

    Returns the order as it stands then: called off, now or before; or paid, where its payment had come through by
    the time its page was ended. Opens its own transactions, since the cashier may be asked.
    Refuses: what give_up() and cancel() refuse.
    """
    with reading():
        order = checkout.order_of(order_id)
    if order.state in checkout.UNPAID:
        order = checkout.give_up(order_id, by=by, cashier=cashier, terms=terms, site=site)
        if order.state == checkout.REVIEW:
            raise LookedAt(number=checkout.number_of(order_id))
        return order

    def unit() -> Row[Any]:
        with transaction():
            return cancel(order_id, by=by, terms=terms, at=now())

    return again(unit)


def cancel(order_id: int, *, by: str, terms: programme.Programme, at: datetime) -> Row[Any]:
    """Cancel a paid order before it is shipped: everything goes back, shipping too. Returns the order as it is then.

    Asked again it is the same answer, and nothing more is done.
    Refuses: AlreadyShipped, LookedAt; NotToBeCancelled, of what is not paid or is complete.
    """
    purse, order = checkout.lock_with_purse(order_id, zone=terms.zone)
    if order.state in (checkout.REFUNDED, checkout.CANCELLED, checkout.TIMED_OUT):
        return checkout.order_of(order_id)
    if order.state == checkout.REVIEW:
        raise LookedAt(number=checkout.number_of(order_id))
    if order.state != checkout.PAID:
        raise (AlreadyShipped if order.shipped_at else NotToBeCancelled)(number=checkout.number_of(order_id))
    refund_locked(order, purse, reason="changed_mind", restock=True, by=by, terms=terms, at=at, before_shipping=True)
    return checkout.order_of(order_id)


def _may_be_refunded(order: Row[Any], *, reason: str) -> bool:
    """Tell whether the order table lets an order be refunded for a reason. One that was never paid has nothing to."""
    if reason in REASONS:
        return checkout.life.REFUND in checkout.life.follows(checkout.life.REFUND_WANTED, order.state)
    return order.paid_at is not None and checkout.REFUNDED in checkout.NEXT[order.state]


def _ask_cash(
    order: Row[Any], cash_cents: int, *, reason: str, by: str, at: datetime, lost: Row[Any] | None = None
) -> None:
    """Ask for the cash back from the payments that brought it, the last first."""
    reference = checkout.reference_of(order.id)
    outstanding = cash_cents
    for payment in reversed(cash.payments_of(reference)):
        part = min(outstanding, payment.captured_cents - payment.refunded_cents)
        if part > 0 and payment.state == cash.PAID:
            key = f"{reference}:refund:cash:{payment.id}"
            if lost is not None and lost.payment_id == payment.id:
                cash.taken_by_bank(lost, part, key=key, at=at)
            else:
                cash.ask_refund(payment.id, part, key=key, reason=reason, at=at, by=by)
            outstanding -= part
    if outstanding:
        raise NotRefundable(number=checkout.number_of(order.id))


def _take_goods_back(order: Row[Any], *, restock: bool, by: str, at: datetime) -> None:
    lines = checkout.lines_of(order.id)
    reference = checkout.reference_of(order.id)
    catalogue.return_quota(reference)
    if order.shipped_at is None and not order.digital:
        catalogue.unreserve(reference, at=at, by=by)
    elif restock and not order.digital:
        catalogue.take_returned(reference, checkout.pieces_of(lines), at=at, by=by)
    checkout.count_refunded(order.id)
