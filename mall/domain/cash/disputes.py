"""Disputes: a member's bank takes a payment back, or threatens to, until it has decided who is right."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Row,
    String,
    cast,
    insert,
    literal,
    select,
    type_coerce,
    update,
)

from mall.base.cashier import DisputeState
from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.tables import Mapped, mapped_column

from .payments import PAID, Payment, lock_payment
from .refunds import DONE, take_from, write_refund

# What every reference of a dispute begins with.
_DISPUTE = "dispute:"
# Who asked for cash that the bank took by a lost dispute.
BANK = "bank"

DISPUTED = "open"
WON = "won"
LOST = "lost"

# A dispute that has ended stays as it ended.
NEXT_DISPUTE: dict[str, set[str]] = {"": {DISPUTED, WON, LOST}, DISPUTED: {WON, LOST}, WON: set(), LOST: set()}


class Dispute(db.Model):
    """One dispute of a payment, as the cashier tells it."""

    __table_args__ = (
        CheckConstraint("amount_cents > 0", name="amount_positive"),
        CheckConstraint("state IN ('open', 'won', 'lost')", name="state_known"),
        CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="ended_has_its_time"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), index=True)
    cashier_id: Mapped[str] = mapped_column(String(200), unique=True)
    amount_cents: Mapped[int]
    reason: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(8), index=True)
    opened_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class RecordedDispute(Struct, frozen=True):
    """What became of a dispute when the cashier's word was recorded. `was` is empty when it is new."""

    dispute: Row[Any]
    was: str
    now: str

    @property
    def changed(self) -> bool:
        """Tell whether this was news."""
        return self.was != self.now


def dispute_reference(dispute: Row[Any]) -> str:
    """Return what other rooms know a dispute by: "dispute:7"."""
    return f"{_DISPUTE}{dispute.id}"


def is_of_dispute(reference: Any) -> ColumnElement[bool]:
    """Return the condition that a reference, such as a posting's, is that of a dispute."""
    return type_coerce(reference, String).startswith(_DISPUTE, autoescape=True)


def record_dispute(payment_id: int, state: DisputeState, *, at: datetime) -> RecordedDispute:
    """Write down how the cashier says a dispute stands. All may be told, repeatedly and in any order."""
    assert in_transaction(), "record_dispute() outside transaction()"
    lock_payment(payment_id)
    found = execute(select(Dispute).where(Dispute.cashier_id == state.id)).one_or_none()
    if found is None:
        made = execute(
            insert(Dispute)
            .values(
                payment_id=payment_id,
                cashier_id=state.id,
                amount_cents=state.amount_cents,
                reason=state.reason[:80],
                state=state.status,
                opened_at=at,
                ended_at=None if state.status == DISPUTED else at,
            )
            .returning(*Dispute.__table__.columns)
        ).one()
        return RecordedDispute(made, "", made.state)
    if state.status not in NEXT_DISPUTE[found.state]:
        return RecordedDispute(found, found.state, found.state)
    changed = execute(
        update(Dispute)
        .where(Dispute.id == found.id)
        .values(state=state.status, ended_at=at)
        .returning(*Dispute.__table__.columns)
    ).one()
    return RecordedDispute(changed, found.state, changed.state)


def disputes_of(reference: str) -> list[Row[Any]]:
    """Return every dispute of an order's payments, the first first."""
    return list(
        execute(
            select(*Dispute.__table__.columns)
            .join(Payment, Payment.id == Dispute.payment_id)
            .where(Payment.reference == reference)
            .order_by(Dispute.id)
        )
    )


def disputes_of_payment(payment_id: int) -> list[Row[Any]]:
    """Return every dispute of a payment, the first first."""
    return list(execute(select(Dispute).where(Dispute.payment_id == payment_id).order_by(Dispute.id)))


def has_open_dispute(member_id: int) -> bool:
    """Tell whether a bank is deciding about a payment of a member's."""
    still = select(Dispute.id).join(Payment, Payment.id == Dispute.payment_id)
    return execute(still.where(Payment.member_id == member_id, Dispute.state == DISPUTED).limit(1)).first() is not None


def left_of(payments: Iterable[Row[Any]]) -> int:
    """Return the cents of an order's payments that came when they were wanted and were not given back. Pure."""
    return sum(each.captured_cents - each.refunded_cents for each in payments if each.state == PAID)


def taken_by_bank(dispute: Row[Any], amount_cents: int, *, key: str, at: datetime, rest: bool = False) -> Row[Any]:
    """Write down cash that the bank took back by a lost dispute: given back, and nothing left for us to send.

    `amount_cents` is at most what is left of the payment. `rest` says that a part of it is written down already.
    """
    from_payment = lock_payment(dispute.payment_id)
    left = from_payment.captured_cents - from_payment.refunded_cents
    if not 0 < amount_cents <= left or not take_from(dispute.payment_id, amount_cents):
        raise ValueError(f"{amount_cents} of {left} cents cannot have been taken")
    return write_refund(
        payment_id=dispute.payment_id,
        amount_cents=amount_cents,
        key=key,
        reason="dispute lost",
        origin="cashier",
        asked_by=BANK,
        state=DONE,
        due_at=at,
        asked_at=at,
        cashier_id=None if rest else dispute.cashier_id,
        done_at=at,
    )


# A dispute's reference in SQL, to compare with what other rooms keep.
DISPUTE_REFERENCE = literal(_DISPUTE).concat(cast(Dispute.id, String))
