"""Refunds: money to give back. The row is committed before the cashier hears of it, and its id is the cashier's key.

So a refund asked for twice is one, and two equal partial refunds are two. What the cashier says: refund_answers.py.
"""

from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import CheckConstraint, ForeignKey, Row, String, insert, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import audit

from .payments import CAPTURED, Payment, lock_payment, payment_now
from .refund_moves import BY_HAND, GIVEN, note_move

ASKED = "asked"  # To be sent, or sent without an answer.
SENT = "sent"  # The cashier has it; the bank takes its time.
DONE = "done"
REFUSED = "refused"  # The cashier will not: a person decides.
VOID = "void"  # Made at the cashier without us, and came to nothing.
STATES = (ASKED, SENT, DONE, REFUSED, VOID)

LONGEST_NOTE = 300


class RefundTooLarge(Refusal):
    message = N_("{wanted_cents} is more than can be given back: {left_cents} are left of what was paid.")


class RefundKeyReused(Refusal):
    message = N_("This refund was already asked for, with another amount.")


class RefundNotWaiting(Refusal):
    message = N_("This refund no longer waits for a decision. Reload the page to see how it stands.")


class NoReason(Refusal):
    message = N_("Say why, or how the money was given back, so that others can follow it.")


class Refund(db.Model):
    """Money to be given back of one payment."""

    __table_args__ = (
        CheckConstraint("amount_cents > 0", name="amount_positive"),
        CheckConstraint("state IN ('asked', 'sent', 'done', 'refused', 'void')", name="state_known"),
        CheckConstraint("origin IN ('mall', 'cashier')", name="origin_known"),
        CheckConstraint("attempt > 0 AND tries >= 0", name="counts"),
        CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name="done_has_its_time"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), index=True)
    amount_cents: Mapped[int]
    key: Mapped[str] = mapped_column(String(120), unique=True)
    reason: Mapped[str] = mapped_column(String(120))
    origin: Mapped[str] = mapped_column(String(8))
    asked_by: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(16), index=True)
    attempt: Mapped[int]
    cashier_id: Mapped[str | None] = mapped_column(String(200), unique=True)
    tries: Mapped[int]
    due_at: Mapped[datetime] = mapped_column(Instant)
    note: Mapped[str] = mapped_column(String(LONGEST_NOTE))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    done_at: Mapped[datetime | None] = mapped_column(Instant)


class RefundRow(Protocol):
    """A refund as it is read: a row of refund."""

    id: int
    payment_id: int
    amount_cents: int
    key: str
    reason: str
    origin: str
    asked_by: str
    state: str
    attempt: int
    cashier_id: str | None
    tries: int
    due_at: datetime
    note: str
    asked_at: datetime
    done_at: datetime | None


def ask_refund(
    payment_id: int,
    amount_cents: int,
    *,
    key: str,
    reason: str,
    at: datetime,
    by: str = "system",
    first: bool = False,
) -> Row[Any]:
    """Decide to give money back; it is sent later, outside any transaction. Asked again, answers the first.

    `first` says that the key is known to be new. Refuses: RefundTooLarge, RefundKeyReused.
    """
    if not first:
        lock_payment(payment_id)
        found = execute(select(Refund).where(Refund.key == key)).one_or_none()
        if found is not None:
            if (found.payment_id, found.amount_cents) != (payment_id, amount_cents):
                raise RefundKeyReused()
            return found
    if amount_cents <= 0:
        raise ValueError("a refund of nothing")
    if not take_from(payment_id, amount_cents):
        payment = payment_now(payment_id)
        raise RefundTooLarge(wanted_cents=amount_cents, left_cents=payment.captured_cents - payment.refunded_cents)
    return write_refund(
        payment_id=payment_id,
        amount_cents=amount_cents,
        key=key,
        reason=reason,
        origin="mall",
        asked_by=by,
        state=ASKED,
        due_at=at,
        asked_at=at,
    )


def cashier_key(refund: RefundRow) -> str:
    """Return the key under which the cashier knows a refund. A failed one is sent anew under the next."""
    return f"refund:{refund.id}" if refund.attempt == 1 else f"refund:{refund.id}:{refund.attempt}"


def ask_again(refund_id: int, *, by: str, reason: str, at: datetime) -> Row[Any]:
    """Send a refused refund once more, under a new key. Pressed again, it is sent once. Returns the refund.

    Refuses: NoReason, RefundNotWaiting.
    """
    refund = lock_refund(refund_id)
    _insist_on_reason(reason)
    if refund.state in (ASKED, SENT) and refund.attempt > 1:
        return refund
    if refund.state != REFUSED:
        raise RefundNotWaiting()
    changed = change_refund(
        refund_id, state=ASKED, attempt=refund.attempt + 1, cashier_id=None, tries=0, due_at=at, note=""
    )
    _write_down("refund.asked_again", refund, by=by, reason=reason, at=at)
    return changed


def given_by_hand(refund_id: int, *, by: str, reason: str, at: datetime) -> Row[Any]:
    """Note that a refused refund was given back another way, such as a bank transfer: the reason says how.

    Pressed again with the same words, it is noted once. Returns the refund. Refuses: NoReason, RefundNotWaiting.
    """
    refund = lock_refund(refund_id)
    _insist_on_reason(reason)
    if refund.state == DONE and refund.cashier_id is None and refund.note == reason[:LONGEST_NOTE]:
        return refund
    if refund.state != REFUSED:
        raise RefundNotWaiting()
    # The next attempt is the one by hand: what the cashier may still say of the last one changes nothing.
    changed = change_refund(
        refund_id,
        state=DONE,
        attempt=refund.attempt + 1,
        cashier_id=None,
        done_at=at,
        note=reason[:LONGEST_NOTE],
    )
    note_move(refund_id, GIVEN, attempt=changed.attempt, at=at, way=BY_HAND)
    _write_down("refund.given_by_hand", refund, by=by, reason=reason, at=at)
    return changed


def _insist_on_reason(reason: str) -> None:
    if not reason.strip():
        raise NoReason()


def _write_down(act: str, refund: RefundRow, *, by: str, reason: str, at: datetime) -> None:
    reference = execute(select(Payment.reference).where(Payment.id == refund.payment_id)).scalar_one()
    after = {"refund": refund.id, "amount_cents": refund.amount_cents}
    audit.write(act, by=by, subject=reference, at=at, after=after, reason=reason)


def lock_refund(refund_id: int) -> Row[Any]:
    """Lock a refund until the transaction ends. Raises LookupError."""
    assert in_transaction(), "lock_refund() outside transaction()"
    row = execute(select(Refund).where(Refund.id == refund_id).with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise LookupError(f"no refund {refund_id}")
    return row


def refunds_of(reference: str) -> list[Row[Any]]:
    """Return every refund of an order's payments, the first first."""
    return list(
        execute(
            select(*Refund.__table__.columns)
            .join(Payment, Payment.id == Refund.payment_id)
            .where(Payment.reference == reference)
            .order_by(Refund.id)
        )
    )


def refunds_of_payment(payment_id: int) -> list[Row[Any]]:
    """Return every refund of a payment, the first first."""
    return list(execute(select(Refund).where(Refund.payment_id == payment_id).order_by(Refund.id)))


def take_from(payment_id: int, amount_cents: int) -> bool:
    """Count an amount as refunded, unless it is more than is left. Tells whether it was counted."""
    return (
        execute(
            update(Payment)
            .where(
                Payment.id == payment_id,
                Payment.state.in_(CAPTURED),
                Payment.refunded_cents + amount_cents <= Payment.captured_cents,
            )
            .values(refunded_cents=Payment.refunded_cents + amount_cents)
        ).rowcount
        == 1
    )


def write_refund(**values: Any) -> Row[Any]:
    """Write a refund. Returns its row."""
    refund = execute(
        insert(Refund).values(attempt=1, tries=0, note="", **values).returning(*Refund.__table__.columns)
    ).one()
    if refund.done_at is not None:
        note_move(refund.id, GIVEN, attempt=refund.attempt, at=refund.done_at)
    return refund


def change_refund(refund_id: int, **values: Any) -> Row[Any]:
    """Change columns of a locked refund. Returns its row."""
    return execute(
        update(Refund).where(Refund.id == refund_id).values(**values).returning(*Refund.__table__.columns)
    ).one()
