"""Disputes: while the bank decides, nothing is sent or given back, and what the order earned is frozen.

Won, all goes on as before. Lost, the bank has given the money back: the order is refunded in full without the cashier.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.cashier import DisputeState
from mall.base.text import N_, Message, say
from mall.domain import cash, checkout, ledger, programme

from . import returns, reviews
from .reasons import DISPUTE_LOST
from .refunds import refund_locked

life = checkout.life


def told_of_dispute(
    payment_id: int,
    state: DisputeState,
    *,
    terms: programme.Programme,
    at: datetime,
    event_id: int | None = None,
) -> tuple[bool, bool]:
    """Do what follows from how the cashier says a dispute stands: (whether it was news, whether it is an alarm)."""
    payment = cash.payment_now(payment_id)
    purse, order = checkout.lock_with_purse(checkout.order_id_for(payment), zone=terms.zone)
    recorded = cash.record_dispute(payment_id, state, at=at)
    if not recorded.changed:
        return False, False
    event = {
        cash.DISPUTED: life.DISPUTE_OPENED,
        cash.WON: life.DISPUTE_WON,
        cash.LOST: life.DISPUTE_LOST,
    }[recorded.now]
    does, dispute = life.follows(event, order.state), recorded.dispute
    if payment.state == cash.LATE:  # It pays for nothing and goes back by itself: the order is not what is disputed.
        does = frozenset({life.ALARM})
    checkout.note(order.id, "dispute", WORDS[event], by="cashier", at=at)
    if life.FLAG in does:
        checkout.flag_dispute(order, at)
    if life.FREEZE in does:
        ledger.freeze(purse, _earned(order), reference=cash.dispute_reference(dispute), at=at)
    if life.UNFLAG in does and not _others_open(order, dispute):
        checkout.flag_dispute(order, None)
    if life.THAW in does:
        ledger.thaw(purse, reference=cash.dispute_reference(dispute), at=at)
    if life.LOSE in does:
        _lose(checkout.order_of(order.id), dispute, purse=purse, terms=terms, at=at)
    if life.ALARM in does:
        key = f"{cash.dispute_reference(dispute)}:{recorded.now}"
        checkout.alarm(order, WORDS[event], key=key, at=at, event_id=event_id)
    return True, life.ALARM in does


def _lose(
    order: checkout.OrderRow, dispute: Row[Any], *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime
) -> None:
    """Let an order go whose money the bank took. Where it took less than was left, a person decides about the rest."""
    payment = cash.payment_now(dispute.payment_id)
    left = payment.captured_cents - payment.refunded_cents
    if dispute.amount_cents < left:
        cash.taken_by_bank(dispute, dispute.amount_cents, key=f"{cash.dispute_reference(dispute)}:cash", at=at)
        if order.state != checkout.REVIEW:
            checkout.to_review(order, why=LOST_IN_PART, at=at)
    elif order.paid_at is not None and _nothing_left(order):  # Such as of a membership that was given back in part.
        _take_rest(dispute, at=at)
    elif order.paid_at is not None:
        refund_locked(order, purse, reason=DISPUTE_LOST, restock=False, by="cashier", terms=terms, at=at, lost=dispute)
        _take_rest(dispute, at=at)
        returns.end_with_order(order.id, by="cashier", at=at)
    else:
        reviews.call_off(reviews.review_of(order), purse, by="cashier", at=at, lost=dispute)


def _nothing_left(order: checkout.OrderRow) -> bool:
    return all(line.refunded == line.quantity for line in checkout.lines_of(order.id))


def _take_rest(dispute: Row[Any], *, at: datetime) -> None:
    """Write down what the bank took beyond what the order gives back, such as delivery kept of an earlier return."""
    payment = cash.payment_now(dispute.payment_id)
    left = payment.captured_cents - payment.refunded_cents
    if left:
        begun = any(refund.cashier_id == dispute.cashier_id for refund in cash.refunds_of_payment(payment.id))
        cash.taken_by_bank(dispute, left, key=f"{cash.dispute_reference(dispute)}:rest", at=at, rest=begun)


def _earned(order: checkout.OrderRow) -> list[int]:
    """Return the lots that an order has earned."""
    return ledger.earned_by(checkout.reference_of(order.id))


def _others_open(order: checkout.OrderRow, dispute: Row[Any]) -> bool:
    return any(
        other.state == cash.DISPUTED and other.id != dispute.id
        for other in cash.disputes_of(checkout.reference_of(order.id))
    )


WORDS: dict[str, Message] = {
    life.DISPUTE_OPENED: say(N_("The bank disputes the payment: answer at the cashier before its deadline")),
    life.DISPUTE_WON: say(N_("The dispute is won; all goes on as before")),
    life.DISPUTE_LOST: say(N_("The dispute is lost: the bank has given the money back")),
}
LOST_IN_PART = say(N_("The bank took a part of the payment back"))
