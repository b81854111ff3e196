"""Hearing the cashier: an event of the inbox is understood, the cashier is asked how things stand, then we act.

What an event says is never believed by itself. These verbs open their own transactions: call them outside of any.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.cashier import Cashier, CashierUnreachable, SessionState
from mall.base.clock import now
from mall.base.db import again, reading, transaction
from mall.domain import cash, checkout, notices, programme

from .disputes import told_of_dispute
from .refund_news import told_of_refund

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


def _order_of(payment: Row[Any]) -> Row[Any]:
    return checkout.order_of(checkout.order_id_for(payment))
