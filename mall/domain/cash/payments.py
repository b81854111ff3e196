"""Payments: money asked for, for one order, by one attempt at the cashier.

Whether an order is paid is the order's to decide; here stands only what money came.
"""

from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import CheckConstraint, ForeignKey, Row, String, UniqueConstraint, insert, select

from mall.base.cashier import SessionWanted
from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_

OPENING = "opening"  # Committed, so that we know of it; the session may or may not exist.
OPEN = "open"  # The member can pay.
PROCESSING = "processing"  # A slow method is under way.
PAID = "paid"  # The money came while it was wanted.
LATE = "late"  # The money came after the session was over.
EXPIRED = "expired"
FAILED = "failed"
STATES = (OPENING, OPEN, PROCESSING, PAID, LATE, EXPIRED, FAILED)
CAPTURED = (PAID, LATE)
UNSETTLED = (OPENING, OPEN, PROCESSING)


FIRST_ASKED_AFTER = timedelta(minutes=5)


class AlreadyPaid(Refusal):
    message = N_("This order is already paid.")


class PaymentUnderWay(Refusal):
    message = N_("A payment for this order is still under way. Wait until it is confirmed or fails.")


class Payment(db.Model):
    """One attempt to be paid for one order."""

    __table_args__ = (
        UniqueConstraint("reference", "attempt"),
        UniqueConstraint("cashier", "session_id"),
        UniqueConstraint("cashier", "cashier_id"),
        CheckConstraint("attempt > 0", name="attempt_counts_from_one"),
        CheckConstraint("amount_cents > 0", name="amount_positive"),
        CheckConstraint("cashier IN ('sandbox', 'stripe')", name="cashier_known"),
        CheckConstraint(
            "state IN ('opening', 'open', 'processing', 'paid', 'late', 'expired', 'failed')", name="state_known"
        ),
        CheckConstraint("refunded_cents >= 0 AND refunded_cents <= captured_cents", name="refunded_within_captured"),
        CheckConstraint("state IN ('paid', 'late') OR captured_cents = 0", name="captured_only_when_paid"),
        CheckConstraint("(state IN ('paid', 'late')) = (paid_at IS NOT NULL)", name="paid_has_its_time"),
        CheckConstraint("state <> 'open' OR session_id IS NOT NULL", name="open_has_its_session"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    reference: Mapped[str] = mapped_column(String(60))
    attempt: Mapped[int]
    amount_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    cashier: Mapped[str] = mapped_column(String(16))
    live: Mapped[bool]
    state: Mapped[str] = mapped_column(String(16), index=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    session_id: Mapped[str | None] = mapped_column(String(200))
    session_url: Mapped[str | None] = mapped_column(String(2000))
    cashier_id: Mapped[str | None] = mapped_column(String(200))
    captured_cents: Mapped[int]
    captured_currency: Mapped[str | None] = mapped_column(String(3))
    refunded_cents: Mapped[int]
    note: Mapped[str] = mapped_column(String(300))
    begun_at: Mapped[datetime] = mapped_column(Instant)
    ask_at: Mapped[datetime] = mapped_column(Instant)
    declined_at: Mapped[datetime | None] = mapped_column(Instant)
    paid_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class PaymentRow(Protocol):
    """A payment as it is read: a row of payment, perhaps with more beside."""

    id: int
    member_id: int
    reference: str
    attempt: int
    amount_cents: int
    currency: str
    cashier: str
    live: bool
    state: str
    expires_at: datetime
    session_id: str | None
    session_url: str | None
    cashier_id: str | None
    captured_cents: int
    captured_currency: str | None
    refunded_cents: int
    note: str
    begun_at: datetime
    ask_at: datetime
    declined_at: datetime | None
    paid_at: datetime | None
    ended_at: datetime | None


def begin(
    reference: str,
    *,
    member_id: int,
    amount_cents: int,
    currency: str,
    cashier: str,
    live: bool,
    expires_at: datetime,
    at: datetime,
) -> Row[Any]:
    """Note that a payment is about to be asked for (T1). Asked again while it is unanswered or open, answers the same.

    A next attempt begins only after the cashier has said that the one before is over. Refuses: AlreadyPaid,
    PaymentUnderWay.
    """
    assert in_transaction(), "begin() outside transaction()"
    last = execute(
        select(Payment)
        .where(Payment.reference == reference)
        .order_by(Payment.attempt.desc())
        .limit(1)
        .with_for_update(key_share=True)
    ).one_or_none()
    if last is not None:
        if last.state == PAID:
            raise AlreadyPaid()
        if last.state == PROCESSING or (last.state in UNSETTLED and last.cashier != cashier):
            raise PaymentUnderWay()
        if last.state in UNSETTLED:
            assert (last.amount_cents, last.currency) == (amount_cents, currency), "an order's amount does not change"
            return last
    return execute(
        insert(Payment)
        .values(
            member_id=member_id,
            reference=reference,
            attempt=1 if last is None else last.attempt + 1,
            amount_cents=amount_cents,
            currency=currency,
            cashier=cashier,
            live=live,
            state=OPENING,
            expires_at=expires_at,
            captured_cents=0,
            refunded_cents=0,
            note="",
            begun_at=at,
            ask_at=at + FIRST_ASKED_AFTER,
        )
        .returning(*Payment.__table__.columns)
    ).one()


def wanted(payment: PaymentRow) -> SessionWanted:
    """Return what to ask the cashier for. The key makes the same question, asked again, answer the same session."""
    return SessionWanted(
        key=f"{payment.reference}:session:{payment.attempt}",
        reference=payment.reference,
        amount_cents=payment.amount_cents,
        currency=payment.currency,
        expires_at=payment.expires_at,
        metadata={"payment": str(payment.id), "attempt": str(payment.attempt)},
    )


def lock_payment(payment_id: int) -> Row[Any]:
    """Lock a payment until the transaction ends, after the purse and the order. Raises LookupError."""
    assert in_transaction(), "lock_payment() outside transaction()"
    row = execute(select(Payment).where(Payment.id == payment_id).with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise LookupError(f"no payment {payment_id}")
    return row


def payment_now(payment_id: int) -> Row[Any]:
    """Read a payment. Raises LookupError."""
    row = execute(select(Payment).where(Payment.id == payment_id)).one_or_none()
    if row is None:
        raise LookupError(f"no payment {payment_id}")
    return row


def payments_of(reference: str) -> list[Row[Any]]:
    """Return every attempt to be paid for an order, the first first."""
    return list(execute(select(Payment).where(Payment.reference == reference).order_by(Payment.attempt)))
