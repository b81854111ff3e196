"""Sending refunds, and asking about those the cashier has: one after the other, each in transactions of its own.

Call these outside of any transaction, from the worker. What the cashier answers is acted upon as if it had told us.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row

from mall.base.cashier import Cashier, CashierRefused, CashierUnreachable
from mall.base.db import in_transaction, transaction
from mall.domain import cash, notices, programme

from .refund_news import record_ours


class Sent(Struct, frozen=True):
    """What came of a round of sending refunds: those recorded, those refused, and whether the cashier was away.

    `put_off` are the ids of those that went wrong in another way: they are tried again later.
    """

    recorded: tuple[cash.RecordedRefund, ...]
    refused: tuple[Row[Any], ...]
    unreachable: bool
    put_off: tuple[int, ...] = ()


def send_refunds(cashier: Cashier, *, terms: programme.Programme, at: datetime, limit: int = 20) -> Sent:
    """Send the refunds that are due: each is taken, sent and recorded by itself. Stops when nobody answers."""
    recorded: list[cash.RecordedRefund] = []
    refused: list[Row[Any]] = []

    def send(refund: Row[Any]) -> bool:
        try:
            state = cashier.refund(refund.to_payment, refund.amount_cents, key=cash.cashier_key(refund))
        except CashierUnreachable as fault:
            with transaction():
                cash.not_answered(refund.id, why=fault.detail, at=at)
            return False
        except CashierRefused as fault:
            with transaction():
                left = cash.refused_refund(refund.id, why=fault.detail, at=at)
            refused.append(left)
            return True
        with transaction():
            told = record_ours(refund.payment_id, refund.id, state, terms=terms, at=at)
        recorded.append(told)
        return True

    def take() -> Row[Any] | None:
        return cash.take_due_refund(cashier=cashier.name, at=at)

    put_off, away = _each(cash.SENDING, take, send, at=at, limit=limit)
    return Sent(tuple(recorded), tuple(refused), unreachable=away, put_off=tuple(put_off))


def ask_about_refunds(
    cashier: Cashier, *, terms: programme.Programme, at: datetime, limit: int = 20
) -> list[cash.RecordedRefund]:
    """Ask about refunds the cashier has had for long, in case its word was lost. Returns those there was news of.

    Stops when nobody answers; one that cannot be asked about is put off.
    """
    news: list[cash.RecordedRefund] = []

    def ask(refund: Row[Any]) -> bool:
        try:
            state = cashier.fetch_refund(refund.cashier_id)
        except CashierUnreachable:
            return False
        with transaction():
            told = record_ours(refund.payment_id, refund.id, state, terms=terms, at=at)
        if told.changed:
            news.append(told)
        return True

    def take() -> Row[Any] | None:
        return cash.take_sent_refund(cashier=cashier.name, at=at)

    _each(cash.ASKING_ABOUT, take, ask, at=at, limit=limit)
    return news


def _each(
    round_name: str,
    take: Callable[[], Row[Any] | None],
    do: Callable[[Row[Any]], bool],
    *,
    at: datetime,
    limit: int,
) -> tuple[list[int], bool]:
    """Take refunds and do them one by one until `do` says that nobody answers: (those put off, whether so)."""
    assert not in_transaction(), "refunds are sent in transactions of their own"
    put_off: list[int] = []
    taken: dict[int, Row[Any]] = {}
    away: list[int] = []

    def one(refund_id: int) -> None:
        if not do(taken[refund_id]):
            away.append(refund_id)

    for _turn in range(limit):
        with transaction():
            refund = take()
        if refund is None:
            break
        taken[refund.id] = refund
        put_off += notices.one_by_one(round_name, [refund.id], one, at=at).put_off
        if away:
            break
    return put_off, bool(away)
