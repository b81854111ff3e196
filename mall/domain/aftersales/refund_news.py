"""What the cashier says of a refund, by its answer, its webhook or because we asked: one way to act on it for all."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.cashier import RefundState
from mall.base.text import N_, Message, say
from mall.domain import cash, checkout, programme

from . import credits

life = checkout.life

# Of these nothing was sold: all that came goes back.
_CALLED_OFF = (checkout.CANCELLED, checkout.TIMED_OUT)

APPLIED, NO_EFFECT, _IGNORED, ALARM = cash.OUTCOMES


def told_of_refund(
    payment_id: int,
    state: RefundState,
    *,
    refund_id: int | None,
    terms: programme.Programme,
    at: datetime,
    event_id: int | None = None,
) -> tuple[str, str]:
    """Bring a refund up to date; one made at the cashier's desk, without `refund_id`, sends to review."""
    if refund_id is not None:
        ours = record_ours(payment_id, refund_id, state, terms=terms, at=at, event_id=event_id)
        if ours.fell_through:
            return ALARM, life.REFUND_FAILED
        return (APPLIED if ours.changed else NO_EFFECT), ""
    order = _locked_order(payment_id, terms=terms)
    recorded = cash.record_foreign_refund(payment_id, state, at=at)
    if recorded is not None and not recorded.changed:
        return NO_EFFECT, ""
    if recorded is not None and recorded.now == cash.VOID:
        _make_good(order, recorded.refund, state, at=at, event_id=event_id)
        return ALARM, life.REFUND_FAILED
    words = say(N_("{amount_cents} were refunded at the cashier, not here"), amount_cents=state.amount_cents)
    _follow(order, life.REFUND_SEEN, words, state, at=at, event_id=event_id)
    return ALARM, life.REFUND_SEEN


def record_ours(
    payment_id: int,
    refund_id: int,
    state: RefundState,
    *,
    terms: programme.Programme,
    at: datetime,
    event_id: int | None = None,
) -> cash.RecordedRefund:
    """Bring a refund that we know up to date; one that failed is an alarm."""
    order = _locked_order(payment_id, terms=terms)
    recorded = cash.record_refund(refund_id, state, at=at)
    if recorded.fell_through:
        words = say(N_("A refund failed at the cashier and is due again"))
        if recorded.now == cash.REFUSED:
            words = say(N_("A refund failed at the cashier again and again: decide how the money goes back"))
        _follow(order, life.REFUND_FAILED, words, state, at=at, event_id=event_id)
    return recorded


def _make_good(order: Row[Any], refund: Row[Any], state: RefundState, *, at: datetime, event_id: int | None) -> None:
    """Send what we had counted on a refund made at the cashier to bring, now that it has fallen through."""
    payment = cash.payment_now(refund.payment_id)
    left_cents = payment.captured_cents - payment.refunded_cents
    if payment.state == cash.PAID and order.state not in _CALLED_OFF:
        payments = [each for each in cash.payments_of(payment.reference) if each.state == cash.PAID]
        credited_cents = sum(note.goods_cents + note.shipping_cents for note in credits.credits_of(order.id))
        kept_cents = max(0, sum(each.captured_cents for each in payments) - credited_cents)
        left_cents = sum(each.captured_cents - each.refunded_cents for each in payments) - kept_cents
    back_cents = min(refund.amount_cents, left_cents)
    words = say(
        N_("A refund of {amount_cents} made at the cashier fell through; the money is still with the shop"),
        amount_cents=refund.amount_cents,
    )
    if back_cents > 0:
        key = f"refund:{refund.id}:instead"
        cash.ask_refund(payment.id, back_cents, key=key, reason="fell through at the cashier", at=at, first=True)
        words = say(
            N_("A refund of {amount_cents} made at the cashier fell through; {back_cents} are sent by us instead"),
            amount_cents=refund.amount_cents,
            back_cents=back_cents,
        )
    _follow(order, life.REFUND_FAILED, words, state, at=at, event_id=event_id)


def _follow(
    order: Row[Any], event: str, words: Message, state: RefundState, *, at: datetime, event_id: int | None
) -> None:
    """Do what the order table says follows from a refund."""
    does = life.follows(event, order.state)
    if life.TO_REVIEW in does:
        checkout.to_review(order, why=words, at=at)
    if life.ALARM in does:
        checkout.alarm(order, words, key=f"refund:{state.id}:{state.status}", at=at, event_id=event_id)


def _locked_order(payment_id: int, *, terms: programme.Programme) -> Row[Any]:
    """Lock the order a payment is for, its purse before it."""
    order_id = checkout.order_id_for(cash.payment_now(payment_id))
    _purse, order = checkout.lock_with_purse(order_id, zone=terms.zone)
    return order
