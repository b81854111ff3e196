"""Hearing the cashier: an event of the inbox is understood, the cashier is asked how things stand, then we act.

What an event says is never believed by itself. These verbs open their own transactions: call them outside of any.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.cashier import Cashier, CashierRefused, CashierUnreachable
from mall.base.clock import now
from mall.base.db import again, reading, transaction
from mall.base.text import N_, say
from mall.domain import cash, ledger
from mall.domain.programme import Programme

from . import orders
from .orders import AWAITING, REVIEW, UNPAID
from .settling import DECLINED, alarm, settle

APPLIED, NO_EFFECT, IGNORED, ALARM = cash.OUTCOMES
# What acts on an event inside the transaction that concludes it; returns (outcome, note).
Act = Callable[[datetime], tuple[str, str]]


def hear(event_id: int, *, cashier: Cashier, terms: Programme) -> None:
    """Act on one event of the inbox and give it its outcome. When the cashier is away it is tried again later."""
    with reading():
        event = cash.event_now(event_id)
        meaning = cash.meaning_of(event)
    if event.outcome is not None:
        return
    try:
        act = _understand(event, meaning, cashier=cashier, terms=terms)
    except (CashierUnreachable, CashierRefused) as fault:
        with transaction():
            cash.postpone(event_id, why=fault.detail, at=now())
        return

    def unit() -> None:
        at = now()
        with transaction():
            outcome, note = act(at)
            cash.conclude(event_id, outcome, note=note, at=at)

    again(unit)


def hear_all(*, cashier: Cashier, terms: Programme, limit: int = 50) -> int:
    """Act on the events of the inbox that nobody has acted on yet. Returns how many."""
    with transaction():
        events = cash.take_events(cashier=cashier.name, at=now(), limit=limit)
    for event in events:
        hear(event.id, cashier=cashier, terms=terms)
    return len(events)


def _understand(event: Row[Any], meaning: cash.Meaning, *, cashier: Cashier, terms: Programme) -> Act:
    """Ask the cashier what there is to ask, and return what to do in the transaction."""
    if not meaning.kind or (meaning.payment_id is None and meaning.refund_id is None):
        return lambda _at: (IGNORED, "none of ours")
    if meaning.kind == cash.SESSION:
        state = cashier.fetch_session(str(meaning.session_id))
        return lambda at: _about_session(meaning, state, terms=terms, at=at)
    if meaning.kind == cash.REFUND:
        refund = cashier.fetch_refund(str(meaning.cashier_refund_id))
        return lambda at: _about_refund(meaning, refund, terms=terms, at=at)
    if meaning.kind == cash.DECLINED:
        return lambda at: _declined(meaning, at=at)
    return lambda at: _dispute(meaning, event, at=at)


def _about_session(meaning: cash.Meaning, state: Any, *, terms: Programme, at: datetime) -> tuple[str, str]:
    payment = cash.payment_now(meaning.payment_id or 0)
    was = (payment.state, _order_of(payment).state)
    settle(payment, state, terms=terms, at=at)
    became = (cash.payment_now(payment.id).state, _order_of(payment).state)
    return (APPLIED if became != was else NO_EFFECT), ""


def _about_refund(meaning: cash.Meaning, state: Any, *, terms: Programme, at: datetime) -> tuple[str, str]:
    """Bring a refund up to date; one that was made at the cashier's desk sends its order to review."""
    if meaning.refund_id is not None:
        recorded = cash.record_refund(meaning.refund_id, state, at=at)
        if recorded.fell_through:
            payment = cash.payment_now(recorded.refund.payment_id)
            alarm(_order_of(payment), say(N_("A refund failed at the cashier and is due again")), at=at)
            return ALARM, "refund failed"
        return (APPLIED if recorded.changed else NO_EFFECT), ""
    payment = cash.payment_now(meaning.payment_id or 0)
    ledger.lock(payment.member_id, zone=terms.zone)
    order = orders.lock_order(_order_of(payment).id)
    foreign = cash.record_foreign_refund(payment.id, state, at=at)
    if foreign is not None and not foreign.changed:
        return NO_EFFECT, ""
    words = say(N_("{amount_cents} were refunded at the cashier, not here"), amount_cents=state.amount_cents)
    if REVIEW in orders.NEXT[order.state] and order.state != AWAITING:
        orders.to_review(order, why=words, at=at)
    alarm(order, words, at=at)
    return ALARM, "refund not asked for"


def _declined(meaning: cash.Meaning, *, at: datetime) -> tuple[str, str]:
    order = _order_of(cash.payment_now(meaning.payment_id or 0))
    if order.state not in UNPAID:
        return NO_EFFECT, ""
    orders.note(order.id, "declined", DECLINED, by="cashier", at=at)
    return APPLIED, ""


def _dispute(meaning: cash.Meaning, event: Row[Any], *, at: datetime) -> tuple[str, str]:
    opened = meaning.kind == cash.DISPUTE_OPENED
    words = say(N_("The bank disputes this payment")) if opened else say(N_("A dispute of this payment has ended"))
    alarm(_order_of(cash.payment_now(meaning.payment_id or 0)), words, at=at)
    return ALARM, event.kind


def _order_of(payment: Row[Any]) -> Row[Any]:
    order_id = orders.order_id_of(payment.reference)
    assert order_id is not None, "a payment is for an order"
    return orders.order_now(order_id)
