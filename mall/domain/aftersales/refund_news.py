"""What the cashier says of a refund, by its answer, its webhook or because we asked: one way to act on it for all."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.cashier import RefundState
from mall.base.text import N_, Message, say
from mall.domain import cash, checkout, programme

from . import credits

life = checkout.life

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
        _give_instead(order, recorded.refund, at=at)
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


def _give_instead(order: Row[Any], fell_away: Row[Any], *, at: datetime) -> None:
    """Give back by ourselves what a credit note counted as gone, when that came to nothing."""
    reference = checkout.reference_of(order.id)
    gone = sum(note.gone_cents for note in credits.credits_of(order.id))
    never_came = max(-order.accepted_difference_cents, 0)
    without_note = sum(
        each.amount_cents
        for each in cash.refunds_of(reference)
        if each.state != cash.VOID and not each.key.startswith("credit:") and each.payment_id == fell_away.payment_id
    )
    owed = min(gone - never_came - without_note, fell_away.amount_cents)
    if owed > 0:
        key = f"refund:{fell_away.id}:instead"
        cash.ask_refund(fell_away.payment_id, owed, key=key, reason="came to nothing at the cashier", at=at)


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
