"""An edge of the cash room: what goes over the network, and so opens its own short transactions around the call.

Call these outside of any transaction, from the worker or a face. The cashier is passed in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import StatementError

from mall.base.cashier import Cashier, CashierRefused, CashierUnreachable, RefundState
from mall.base.db import in_transaction, transaction
from mall.domain import notices

from .inbox import note_event
from .refunds import (
    ASKING_ABOUT,
    SENDING,
    RecordedRefund,
    cashier_key,
    not_answered,
    record_refund,
    refused_refund,
    take_due_refund,
    take_sent_refund,
)

# The catch-up looks further back than it strictly must: the inbox knows what it has.
OVERLAP = timedelta(hours=1)


@dataclass(frozen=True)
class Sent:
    """What came of a round of sending refunds: those recorded, those refused, and whether the cashier was away.

    `put_off` are the ids of those that went wrong in another way: they are tried again later.
    """

    recorded: tuple[RecordedRefund, ...]
    refused: tuple[Row[Any], ...]
    unreachable: bool
    put_off: tuple[int, ...] = ()


def send_refunds(cashier: Cashier, *, at: datetime, limit: int = 20) -> Sent:
    """Send the refunds that are due: each is taken, sent and recorded by itself. Stops when nobody answers."""
    assert not in_transaction(), "send_refunds() opens its own transactions"
    recorded: list[RecordedRefund] = []
    refused: list[Row[Any]] = []
    put_off: list[int] = []
    taken: dict[int, Row[Any]] = {}
    away: list[int] = []

    def send(refund_id: int) -> None:
        refund = taken[refund_id]
        try:
            state = cashier.refund(refund.to_payment, refund.amount_cents, key=cashier_key(refund))
        except CashierUnreachable as fault:
            with transaction():
                not_answered(refund.id, why=fault.detail, at=at)
            away.append(refund.id)
            return
        except CashierRefused as fault:
            with transaction():
                refused.append(refused_refund(refund.id, why=fault.detail, at=at))
            return
        with transaction():
            recorded.append(record_refund(refund.id, state, at=at))

    for _turn in range(limit):
        with transaction():
            refund = take_due_refund(cashier=cashier.name, at=at)
        if refund is None:
            break
        taken[refund.id] = refund
        put_off += notices.one_by_one(SENDING, [refund.id], send, at=at).put_off
        if away:
            break
    return Sent(tuple(recorded), tuple(refused), unreachable=bool(away), put_off=tuple(put_off))


def ask_about_refunds(
    cashier: Cashier,
    *,
    at: datetime,
    limit: int = 20,
    record: Callable[[Row[Any], RefundState], RecordedRefund] | None = None,
) -> list[RecordedRefund]:
    """Ask about refunds the cashier has had for long, in case its word was lost. Returns those there was news of.

    `record` writes down what is said of one, inside a transaction, where more follows than record_refund() does.
    Stops when nobody answers; one that cannot be asked about is put off.
    """
    assert not in_transaction(), "ask_about_refunds() opens its own transactions"
    news: list[RecordedRefund] = []
    away: list[int] = []
    taken: dict[int, Row[Any]] = {}

    def ask(refund_id: int) -> None:
        try:
            state = cashier.fetch_refund(taken[refund_id].cashier_id)
        except CashierUnreachable:
            away.append(refund_id)
            return
        with transaction():
            if record is None:
                recorded = record_refund(refund_id, state, at=at)
            else:
                recorded = record(taken[refund_id], state)
        if recorded.changed:
            news.append(recorded)

    for _turn in range(limit):
        with transaction():
            refund = take_sent_refund(cashier=cashier.name, at=at)
        if refund is None:
            break
        taken[refund.id] = refund
        notices.one_by_one(ASKING_ABOUT, [refund.id], ask, at=at)
        if away:
            break
    return news


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
