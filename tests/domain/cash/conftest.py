"""A member who pays, and short ways to bring a payment where a test begins.

Payments here are for a "shop:7" that no room knows: the proof of orders has nothing to say of them.
"""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import insert

from mall.base.cashier import RefundState, Session, SessionState
from mall.base.db import execute, transaction
from mall.domain import cash, people
from tests.conftest import NOON

UNTIL = NOON + timedelta(minutes=35)


def join(number: str = "M-0001") -> int:
    """Make a member. Returns the id."""
    with transaction():
        return execute(
            insert(people.Member)
            .values(
                number=number,
                email=f"{number}@example.com",
                email_key=f"{number}@example.com",
                password_hash="-",
                display_name="Mei",
                phone="",
                language="en",
                created_at=NOON,
            )
            .returning(people.Member.id)
        ).scalar_one()


@pytest.fixture
def mei(app: Flask) -> int:
    """A member on SQLite."""
    return join()


def begin(member_id, *, reference="shop:7", amount_cents=690, at: datetime = NOON, cashier="stripe"):
    """Begin a payment in a transaction of its own."""
    with transaction():
        return cash.begin(
            reference,
            member_id=member_id,
            amount_cents=amount_cents,
            currency="USD",
            cashier=cashier,
            live=False,
            expires_at=at + timedelta(minutes=35),
            at=at,
        )


def open_for(payment, *, session_id="cs_1", at: datetime = NOON):
    """Store an opened session in a transaction of its own."""
    with transaction():
        return cash.opened(payment.id, Session(session_id, f"https://pay.example/{session_id}", UNTIL), at=at)


def state(session_id="cs_1", status="complete", *, paid=True, **changes) -> SessionState:
    """What the cashier says: by default that all is paid as asked."""
    given = {
        "id": session_id,
        "status": status,
        "paid": paid,
        "amount_cents": 690,
        "currency": "USD",
        "reference": "shop:7",
        "live": False,
        "payment_id": "pi_1" if paid else None,
    }
    return SessionState(**(given | changes))


def record(payment, said: SessionState, *, at: datetime = NOON):
    """Record the cashier's word in a transaction of its own."""
    with transaction():
        return cash.record(payment.id, said, at=at)


def paid_payment(member_id, *, reference="shop:7", amount_cents=690, session_id="cs_1", pay_id="pi_1"):
    """Bring a payment to paid."""
    payment = open_for(begin(member_id, reference=reference, amount_cents=amount_cents), session_id=session_id)
    said = state(session_id, amount_cents=amount_cents, reference=reference, payment_id=pay_id)
    return record(payment, said).payment


def ask(payment, amount_cents, *, key="return:1", at: datetime = NOON):
    """Ask for a refund in a transaction of its own."""
    with transaction():
        return cash.ask_refund(payment.id, amount_cents, key=key, reason="returned", at=at)


def refund_state(refund, status="succeeded", *, cashier_id="re_1") -> RefundState:
    """What the cashier says of a refund of ours."""
    return RefundState(cashier_id, status, refund.amount_cents, "USD", "pi_1", cash.cashier_key(refund))
