"""An edge of the cash room: what goes over the network, and so opens its own short transactions around the call.

Call these outside of any transaction, from the worker or a face. The cashier is passed in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from mall.base.cashier import Cashier, CashierRefused, CashierUnreachable
from mall.base.db import in_transaction, transaction

from .inbox import note_event
from .refunds import (
    RecordedRefund,
    cashier_key,
    not_answered,
    record_refund,
    refused_refund,
    take_due_refund,
)

# The catch-up looks further back than it strictly must: the inbox knows what it has.
OVERLAP = timedelta(hours=1)


@dataclass(frozen=True)
class Sent:
    """What came of a round of sending refunds: those recorded, those refused, and whether the cashier was away."""

    recorded: tuple[RecordedRefund, ...]
    refused: tuple[Row[Any], ...]
    unreachable: bool


def send_refunds(cashier: Cashier, *, at: datetime, limit: int = 20) -> Sent:
    """Send the refunds that are due: each is taken, sent and recorded by itself. Stops when nobody answers."""
    assert not in_transaction(), "send_refunds() opens its own transactions"
    recorded: list[RecordedRefund] = []
    refused: list[Row[Any]] = []
    for _turn in range(limit):
        with transaction():
            refund = take_due_refund(cashier=cashier.name, at=at)
        if refund is None:
            break
        try:
            state = cashier.refund(refund.to_payment, refund.amount_cents, key=cashier_key(refund))
        except CashierUnreachable as fault:
            with transaction():
                not_answered(refund.id, why=fault.detail, at=at)
            return Sent(tuple(recorded), tuple(refused), unreachable=True)
        except CashierRefused as fault:
            with transaction():
                refused.append(refused_refund(refund.id, why=fault.detail, at=at))
            continue
        with transaction():
            recorded.append(record_refund(refund.id, state, at=at))
    return Sent(tuple(recorded), tuple(refused), unreachable=False)


def catch_up(cashier: Cashier, *, since: datetime, at: datetime) -> int:
    """Put into the inbox what the cashier had to tell and we did not hear. Returns how many were new.

    They are due at once: take_events() hands them out. Raises CashierUnreachable.
    """
    assert not in_transaction(), "catch_up() opens its own transactions"
    heard = 0
    for event in cashier.events_since(since - OVERLAP):
        with transaction():
            heard += note_event(event, cashier=cashier.name, at=at, due_at=at) is not None
    return heard
