"""Asking the cashier anew, at a person's wish: how a payment stands, its refunds and its disputes."""

from collections.abc import Callable
from functools import partial
from typing import Any

from mall.base.cashier import Cashier
from mall.base.clock import now
from mall.base.db import again, in_transaction, reading, transaction
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import audit, cash, checkout, programme

from .disputes import told_of_dispute
from .refund_news import told_of_refund


class OtherCashier(Refusal):
    message = N_("This payment was made at another cashier than the shop uses now, so it cannot be asked about.")


class NothingToAsk(Refusal):
    message = N_("The cashier does not know this payment yet. It is asked about by itself within minutes.")


def recheck(payment_id: int, *, by: str, cashier: Cashier, terms: programme.Programme) -> None:
    """Ask the cashier how a payment, its refunds and its disputes stand, and act on it. Call it outside of any.

    Refuses: OtherCashier, NothingToAsk; CashierUnreachable, CashierRefused.
    """
    assert not in_transaction(), "recheck() goes over the network"
    with reading():
        payment = cash.payment_now(payment_id)
        refunds, disputes = cash.refunds_of_payment(payment_id), cash.disputes_of_payment(payment_id)
    if payment.cashier != cashier.name:
        raise OtherCashier()
    if payment.session_id is None:
        raise NothingToAsk()
    checkout.look(payment, cashier=cashier, terms=terms)
    for refund in refunds:
        if refund.cashier_id is None or refund.asked_by == cash.BANK:
            continue
        state = cashier.fetch_refund(refund.cashier_id)
        _act(partial(told_of_refund, payment_id, state, refund_id=refund.id, terms=terms, at=now()))
    for dispute in disputes:
        standing = cashier.fetch_dispute(dispute.cashier_id)
        _act(partial(told_of_dispute, payment_id, standing, terms=terms, at=now()))
    _act(partial(audit.write, "payment.rechecked", by=by, subject=payment.reference, at=now()))


def _act(verb: Callable[[], Any]) -> None:
    def unit() -> None:
        with transaction():
            verb()

    again(unit)
