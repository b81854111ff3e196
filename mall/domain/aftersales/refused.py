"""Refunds the cashier refused: a person decides whether they are sent again or were given by hand. Never one's own."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from mall.base.db import execute
from mall.domain import cash, people


def send_again(refund_id: int, *, by: str, reason: str, at: datetime) -> Row[Any]:
    """Send a refused refund once more. Refuses what cash.ask_again() refuses, and OwnMatter."""
    _insist_on_another(refund_id, by=by)
    return cash.ask_again(refund_id, by=by, reason=reason, at=at)


def given_by_hand(refund_id: int, *, by: str, reason: str, at: datetime) -> Row[Any]:
    """Note that a refused refund was given back another way. Refuses what cash.given_by_hand() does, and OwnMatter."""
    _insist_on_another(refund_id, by=by)
    return cash.given_by_hand(refund_id, by=by, reason=reason, at=at)


def _insist_on_another(refund_id: int, *, by: str) -> None:
    whose = (
        select(cash.Payment.member_id)
        .join(cash.Refund, cash.Refund.payment_id == cash.Payment.id)
        .where(cash.Refund.id == refund_id)
    )
    people.not_for_oneself(execute(whose).scalar_one(), by=by)
