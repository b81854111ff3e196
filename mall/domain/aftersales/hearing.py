"""Hearing the cashier: an event of the inbox is understood, the cashier is asked how things stand, then we act.

What an event says is never believed by itself. These verbs open their own transactions: call them outside of any.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.cashier import Cashier, CashierUnreachable, RefundState, SessionState
from mall.base.clock import now
from mall.base.db import again, reading, transaction
from mall.base.text import N_, Message, say
from mall.domain import cash, checkout, notices, programme

from .disputes import told_of_dispute

life = checkout.life

APPLIED, NO_EFFECT, IGNORED, ALARM = cash.OUTCOMES


class HeardAlready(Exception):
    """Another worker has acted on this event meanwhile: what we did is undone."""


def hear(event_id: int, *, cashier: Cashier, terms: programme.Programme) -> None:
    """Act on one event of the inbox and give it its outcome. When the cashier is away it is tried again later."""
    with reading():
        event = cash.event_now(event_id)
    if event.outcome is not None:
        return
    try:
        told = cash.listen(event_id, cashier=cashier, at=now())
    except CashierUnreachable as fault:
        return _later(event_id, why=fault.detail)
    if told.too_early:
        return _later(event_id, why="the payment is not known yet")

    def unit() -> None:
        at = now()
        with transaction():
            outcome, note = _act(told, terms=terms, at=at)
            if not cash.conclude(event_id, outcome, note=note, at=at, payment_id=told.meaning.payment_id):
                raise HeardAlready()

    try:
        again(unit)
    except HeardAlready:
        return


def hear_all(*, cashier: Cashier, terms: programme.Programme, limit: int = 50) -> int:
    """Act on the events of the inbox that nobody has acted on yet. Returns how many.

    One that cannot be acted upon is put off, and keeps no other waiting.
    """
    at = now()
    with transaction():
        events = [event.id for event in cash.take_events(cashier=cashier.name, at=at, limit=limit)]

    def act(event_id: int) -> None:
        hear(event_id, cashier=cashier, terms=terms)

    return notices.one_by_one(cash.HEARING, events, act, at=at).done


def _later(event_id: int, *, why: str) -> None:
    with transaction():
        cash.postpone(event_id, why=why, at=now())


def _act(told: cash.Told, *, terms: programme.Programme, at: datetime) -> tuple[str, str]:
    """Do what follows from what the cashier told, inside the transaction that concludes it: (outcome, note)."""
    if told.unknown:
        return ALARM, told.unknown
    if told.session is not None:
        assert told.meaning.payment_id is not None, "only the sessions of our payments are asked about"
        return _about_session(told.meaning.payment_id, told.session, terms=terms, at=at)
    if told.refund is not None and told.meaning.payment_id is not None:
        return told_of_refund(
            told.meaning.payment_id,
            told.refund,
            refund_id=told.meaning.refund_id,
            terms=terms,
            at=at,
            event_id=told.event.id,
        )
    if told.dispute is not None and told.meaning.payment_id is not None:
        news, alarming = told_of_dispute(
            told.meaning.payment_id, told.dispute, terms=terms, at=at, event_id=told.event.id
        )
        return (ALARM if alarming else APPLIED if news else NO_EFFECT), told.dispute.status
    return IGNORED, "none of ours"


def _about_session(
    payment_id: int, state: SessionState, *, terms: programme.Programme, at: datetime
) -> tuple[str, str]:
    payment = cash.payment_now(payment_id)
    was = (payment.state, payment.declined_at, _order_of(payment).state)
    checkout.settle(payment, state, terms=terms, at=at)
    payment = cash.payment_now(payment.id)
    became = (payment.state, payment.declined_at, _order_of(payment).state)
    return (APPLIED if became != was else NO_EFFECT), ""


def told_of_refund(
    payment_id: int,
    state: RefundState,
    *,
    refund_id: int | None,
    terms: programme.Programme,
    at: datetime,
    event_id: int | None = None,
) -> tuple[str, str]:
    """Bring a refund up to date; one that was made at the cashier's desk, without `refund_id`, sends to review."""
    if refund_id is not None:
        ours = _record_ours(payment_id, refund_id, state, terms=terms, at=at, event_id=event_id)
        if ours.fell_through:
            return ALARM, life.REFUND_FAILED
        return (APPLIED if ours.changed else NO_EFFECT), ""
    _purse, order = checkout.lock_with_purse(checkout.order_id_for(cash.payment_now(payment_id)), zone=terms.zone)
    recorded = cash.record_foreign_refund(payment_id, state, at=at)
    if recorded is not None and not recorded.changed:
        return NO_EFFECT, ""
    words = say(N_("{amount_cents} were refunded at the cashier, not here"), amount_cents=state.amount_cents)
    _follow(order, life.REFUND_SEEN, words, state, at=at, event_id=event_id)
    return ALARM, life.REFUND_SEEN


def ask_about_refunds(
    cashier: Cashier, *, terms: programme.Programme, at: datetime, limit: int = 20
) -> list[cash.RecordedRefund]:
    """Ask about refunds the cashier has had for long, and act on it as if it had told us. Call it outside of any.

    Returns those there was news of.
    """

    def record(refund: Row[Any], state: RefundState) -> cash.RecordedRefund:
        return _record_ours(refund.payment_id, refund.id, state, terms=terms, at=at)

    return cash.ask_about_refunds(cashier, at=at, limit=limit, record=record)


def _record_ours(
    payment_id: int,
    refund_id: int,
    state: RefundState,
    *,
    terms: programme.Programme,
    at: datetime,
    event_id: int | None = None,
) -> cash.RecordedRefund:
    """Bring a refund that we know up to date; one that failed is an alarm."""
    _purse, order = checkout.lock_with_purse(checkout.order_id_for(cash.payment_now(payment_id)), zone=terms.zone)
    recorded = cash.record_refund(refund_id, state, at=at)
    if recorded.fell_through:
        words = say(N_("A refund failed at the cashier and is due again"))
        _follow(order, life.REFUND_FAILED, words, state, at=at, event_id=event_id)
    return recorded


def _follow(
    order: Row[Any], event: str, words: Message, state: RefundState, *, at: datetime, event_id: int | None
) -> None:
    """Do what the order table says follows from a refund."""
    does = life.follows(event, order.state)
    if life.TO_REVIEW in does:
        checkout.to_review(order, why=words, at=at)
    if life.ALARM in does:
        checkout.alarm(order, words, key=f"refund:{state.id}:{state.status}", at=at, event_id=event_id)


def _order_of(payment: Row[Any]) -> Row[Any]:
    return checkout.order_of(checkout.order_id_for(payment))
