"""Hearing the cashier: an event of the inbox is understood, the cashier is asked how things stand, then we act.

What an event says is never believed by itself. These verbs open their own transactions: call them outside of any.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.cashier import Cashier, CashierUnreachable, RefundState, SessionState
from mall.base.clock import now
from mall.base.db import again, reading, transaction
from mall.base.text import N_, say
from mall.domain import cash, notices, programme

from . import orders
from .orders import AWAITING, REVIEW
from .settling import alarm, settle

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
            if not cash.conclude(event_id, outcome, note=note, at=at):
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
        return _about_session(told.meaning, told.session, terms=terms, at=at)
    if told.refund is not None and told.meaning.payment_id is not None:
        return _about_refund(told, told.refund, terms=terms, at=at)
    if told.meaning.kind in (cash.DISPUTE_OPENED, cash.DISPUTE_CLOSED) and told.meaning.payment_id is not None:
        return _dispute(told.meaning, told.event, at=at)
    return IGNORED, "none of ours"


def _about_session(
    meaning: cash.Meaning, state: SessionState, *, terms: programme.Programme, at: datetime
) -> tuple[str, str]:
    payment = cash.payment_now(meaning.payment_id or 0)
    was = (payment.state, payment.declined_at, _order_of(payment).state)
    settle(payment, state, terms=terms, at=at)
    payment = cash.payment_now(payment.id)
    became = (payment.state, payment.declined_at, _order_of(payment).state)
    return (APPLIED if became != was else NO_EFFECT), ""


def _about_refund(told: cash.Told, state: RefundState, *, terms: programme.Programme, at: datetime) -> tuple[str, str]:
    """Bring a refund up to date; one that was made at the cashier's desk sends its order to review."""
    payment = cash.payment_now(told.meaning.payment_id or 0)
    _purse, order = orders.lock_with_purse(_order_of(payment).id, zone=terms.zone)
    recorded = cash.record_told_refund(told, at=at)
    if recorded is not None and not recorded.changed:
        return NO_EFFECT, ""
    if told.meaning.refund_id is not None and recorded is not None:
        if recorded.fell_through:
            alarm(order, say(N_("A refund failed at the cashier and is due again")), at=at)
            return ALARM, "refund failed"
        return APPLIED, ""
    words = say(N_("{amount_cents} were refunded at the cashier, not here"), amount_cents=state.amount_cents)
    if REVIEW in orders.NEXT[order.state] and order.state != AWAITING:
        orders.to_review(order, why=words, at=at)
    alarm(order, words, at=at)
    return ALARM, "refund not asked for"


def _dispute(meaning: cash.Meaning, event: Row[Any], *, at: datetime) -> tuple[str, str]:
    opened = meaning.kind == cash.DISPUTE_OPENED
    words = say(N_("The bank disputes this payment")) if opened else say(N_("A dispute of this payment has ended"))
    alarm(_order_of(cash.payment_now(meaning.payment_id or 0)), words, at=at)
    return ALARM, event.kind


def _order_of(payment: Row[Any]) -> Row[Any]:
    order_id = orders.order_id_of(payment.reference)
    assert order_id is not None, "a payment is for an order"
    return orders.order_now(order_id)
