"""An edge of the cash room: an event says that something happened, and the cashier is asked what.

An event's own word about money is never believed: it may be old, out of order, or about something changed since.
"""

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Row
from sqlalchemy.exc import StatementError

from mall.base.cashier import Cashier, CashierRefused, DisputeState, RefundState, SessionState
from mall.base.db import in_transaction, reading, transaction

from .inbox import (
    DECLINED,
    DISPUTE_CLOSED,
    DISPUTE_OPENED,
    REFUND,
    SESSION,
    Meaning,
    event_now,
    meaning_of,
    note_event,
)
from .payments import payment_now

# A refund or a dispute may be heard of before the payment: for so long it is not taken for somebody else's.
PATIENCE = timedelta(hours=24)
# The catch-up looks further back than it strictly must: the inbox knows what it has.
OVERLAP = timedelta(hours=1)
OF_A_PAYMENT = (REFUND, DISPUTE_OPENED, DISPUTE_CLOSED)


class Told(Struct, frozen=True):
    """An event, what it is about, and how that stands at the cashier now.

    `unknown` is the cashier's reason when it knows nothing of it; then no state is given. `too_early`: it is of a
    payment that we may not have heard of yet; postpone() the event.
    """

    event: Row[Any]
    meaning: Meaning
    session: SessionState | None = None
    refund: RefundState | None = None
    dispute: DisputeState | None = None
    unknown: str = ""
    too_early: bool = False


def listen(event_id: int, *, cashier: Cashier, at: datetime) -> Told:
    """Ask the cashier how the thing stands that an event is about. What is none of ours is not asked about.

    Call it outside of any transaction. Raises CashierUnreachable: postpone() the event.
    """
    assert not in_transaction(), "listen() goes over the network"
    with reading():
        event = event_now(event_id)
        meaning = meaning_of(event)
        session_id = meaning.session_id
        if meaning.kind == DECLINED and meaning.payment_id is not None:
            session_id = payment_now(meaning.payment_id).session_id
    if meaning.kind in OF_A_PAYMENT and meaning.payment_id is None:
        return Told(event, meaning, too_early=at < event.received_at + PATIENCE)
    try:
        if meaning.kind in (SESSION, DECLINED) and meaning.payment_id is not None and session_id:
            return Told(event, meaning, session=cashier.fetch_session(session_id))
        if meaning.kind == REFUND and meaning.cashier_refund_id:
            return Told(event, meaning, refund=cashier.fetch_refund(meaning.cashier_refund_id))
        if meaning.kind in (DISPUTE_OPENED, DISPUTE_CLOSED) and meaning.cashier_dispute_id:
            return Told(event, meaning, dispute=cashier.fetch_dispute(meaning.cashier_dispute_id))
    except CashierRefused as refusal:
        return Told(event, meaning, unknown=refusal.detail)
    return Told(event, meaning)


def catch_up(cashier: Cashier, *, since: datetime, at: datetime) -> int:
    """Put into the inbox what the cashier had to tell and we did not hear. Returns how many were new.

    They are due at once: take_events() hands them out. Raises CashierUnreachable; and an ExceptionGroup once all that
    could be stored are, when some could not.
    """
    assert not in_transaction(), "catch_up() opens its own transactions"
    heard, faults = 0, []
    for event in cashier.events_since(since - OVERLAP):
        try:
            with transaction():
                heard += note_event(event, cashier=cashier.name, at=at, due_at=at) is not None
        except StatementError as fault:  # Too long, or not to be written: those behind it must not wait for it.
            fault.add_note(f"event {event.id}")
            faults.append(fault)
    if faults:
        raise ExceptionGroup(f"{len(faults)} events could not be stored", faults)
    return heard
