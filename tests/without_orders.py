"""The cash room by itself: refunds of payments that are for no order are sent as after-sales sends those that are."""

from dataclasses import dataclass, field

from mall.base.cashier import CashierRefused, CashierUnreachable
from mall.base.db import transaction
from mall.domain import cash


@dataclass
class Sent:
    """What came of a round."""

    recorded: list = field(default_factory=list)
    refused: list = field(default_factory=list)
    unreachable: bool = False


def send_refunds(cashier, *, at) -> Sent:
    """Send the refunds that are due, each by itself, until nobody answers."""
    sent = Sent()
    while True:
        with transaction():
            refund = cash.take_due_refund(cashier=cashier.name, at=at)
        if refund is None:
            return sent
        try:
            state = cashier.refund(refund.to_payment, refund.amount_cents, key=cash.cashier_key(refund))
        except CashierUnreachable as fault:
            with transaction():
                cash.not_answered(refund.id, why=fault.detail, at=at)
            sent.unreachable = True
            return sent
        except CashierRefused as fault:
            with transaction():
                sent.refused.append(cash.refused_refund(refund.id, why=fault.detail, at=at))
            continue
        with transaction():
            sent.recorded.append(cash.record_refund(refund.id, state, at=at))
