"""Payments: money asked for, for one order, by one attempt at the cashier. What the cashier says last is what counts.

Whether an order is paid is the order's to decide; here stands only what money came.
"""

from datetime import datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct
from sqlalchemy import CheckConstraint, ForeignKey, Row, String, UniqueConstraint, insert, select, update

from mall.base.cashier import Session, SessionState, SessionWanted
from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import notices

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

# What the cashier says -> what becomes of the payment. What is missing changes nothing: money that came stays.
NEXT: dict[str, dict[str, str]] = {
    OPENING: {
        "open": OPEN,
        "slow": PROCESSING,
        "paid": PAID,
        "late": LATE,
        "expired": EXPIRED,
        "failed": FAILED,
    },
    OPEN: {"slow": PROCESSING, "paid": PAID, "late": LATE, "expired": EXPIRED, "failed": FAILED},
    PROCESSING: {"paid": PAID, "late": LATE, "expired": EXPIRED, "failed": FAILED},
    EXPIRED: {"paid": LATE, "late": LATE},
    FAILED: {"paid": LATE, "late": LATE},
    PAID: {},
    LATE: {},
}

# The round in which the cashier is asked about payments.
ASKING = "payment.ask"
FIRST_ASKED_AFTER = timedelta(minutes=5)
ASKED_AGAIN_AFTER = {OPENING: timedelta(minutes=1), OPEN: timedelta(minutes=5), PROCESSING: timedelta(hours=1)}


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


class Recorded(Struct, frozen=True):
    """What became of a payment when the cashier's word was recorded.

    `differs` names what does not match; `declined` tells that this is the first we hear of a declined card;
    `contradicts` that the cashier now says another amount or currency than it did when the money came.
    """

    payment: Row[Any]
    was: str
    now: str
    differs: tuple[str, ...]
    declined: bool = False
    contradicts: bool = False

    @property
    def changed(self) -> bool:
        """Tell whether the payment is in another state than before."""
        return self.was != self.now


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


def opened(payment_id: int, session: Session, *, at: datetime) -> Row[Any]:
    """Store the session the cashier opened (T2). Its page is `session_url` until `expires_at`."""
    payment = lock_payment(payment_id)
    _insist_on_session(payment, session.id)
    became = NEXT[payment.state].get("open", payment.state)
    return _change(
        payment_id,
        state=became,
        session_id=session.id,
        session_url=session.url,
        expires_at=session.expires_at,
        ask_at=max(session.expires_at, at) if became == OPEN else payment.ask_at,
    )


def could_not_open(payment_id: int, *, why: str, at: datetime) -> Row[Any]:
    """Note that the cashier refused to open a session. A next attempt may begin."""
    payment = lock_payment(payment_id)
    if payment.state != OPENING:
        return payment
    return _change(payment_id, state=FAILED, note=why[:300], ended_at=at)


def record(payment_id: int, state: SessionState, *, at: datetime, seen: Row[Any] | None = None) -> Recorded:
    """Write down how the cashier says the session stands (T3). All may come, repeatedly and in any order.

    The money that came is captured as it came; `differs` tells where it is not what was asked for. `seen` is the
    payment as it was read before: if it still stands so, it is changed without being locked and read once more.
    """
    if seen is not None:
        changes = _changes(seen, state, at=at)
        if changes and (changed := _change_if_as(seen, changes)) is not None:
            return _recorded(seen, state, changed)
    payment = lock_payment(payment_id)
    changes = _changes(payment, state, at=at)
    return _recorded(payment, state, _change(payment_id, **changes) if changes else payment)


def _changes(payment: PaymentRow, state: SessionState, *, at: datetime) -> dict[str, Any]:
    """Return what the cashier's word changes of a payment: nothing where it is no news. Pure."""
    _insist_on_session(payment, state.id)
    became = NEXT[payment.state].get(said(state), payment.state)
    declined = state.declined and payment.declined_at is None
    if became == payment.state and payment.session_id is not None and not declined:
        return {}
    changes: dict[str, Any] = {"state": became, "session_id": state.id}
    if declined:
        changes["declined_at"] = at
    if became in CAPTURED and payment.state not in CAPTURED:
        changes |= {
            "captured_cents": state.amount_cents,
            "captured_currency": state.currency,
            "cashier_id": state.payment_id,
            "paid_at": at,
        }
    if became not in UNSETTLED and payment.ended_at is None:
        changes["ended_at"] = at
    if became == PROCESSING:
        changes |= {"cashier_id": state.payment_id, "ask_at": at + ASKED_AGAIN_AFTER[PROCESSING]}
    return changes


def _recorded(before: Row[Any], state: SessionState, after: Row[Any]) -> Recorded:
    declined = before.declined_at is None and after.declined_at is not None
    contradicts = (
        before.state in CAPTURED
        and state.paid
        and (before.captured_cents, before.captured_currency) != (state.amount_cents, state.currency)
    )
    return Recorded(after, before.state, after.state, differences(before, state), declined, contradicts)


def said(state: SessionState) -> str:
    """Return in one word what a session's state says. Pure."""
    if state.late:
        return "late"
    if state.paid:
        return "paid"
    if state.failed:
        return "failed"
    return {"open": "open", "complete": "slow", "expired": "expired"}[state.status]


def differences(payment: PaymentRow, state: SessionState) -> tuple[str, ...]:
    """Name what in the cashier's answer is not what we asked for: amount, currency, order, mode. Pure."""
    pairs = {
        "amount": (payment.amount_cents, state.amount_cents),
        "currency": (payment.currency, state.currency),
        "order": (payment.reference, state.reference),
        "mode": (payment.live, state.live),
    }
    return tuple(name for name, (ours, theirs) in pairs.items() if ours != theirs)


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


def take_unsettled(*, cashier: str, at: datetime, limit: int = 50) -> list[Row[Any]]:
    """Take the payments about which the cashier should be asked now. Others get them only after a while.

    One without `session_id` is asked about by opening its session again, with the same key.
    """
    assert in_transaction(), "take_unsettled() outside transaction()"
    rows = execute(
        select(Payment)
        .where(
            Payment.state.in_(UNSETTLED),
            Payment.cashier == cashier,
            Payment.ask_at <= at,
            Payment.id.not_in(notices.put_off(ASKING, at=at)),
        )
        .order_by(Payment.ask_at, Payment.id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    for state in {row.state for row in rows}:
        execute(
            update(Payment)
            .where(Payment.id.in_([row.id for row in rows if row.state == state]))
            .values(ask_at=at + ASKED_AGAIN_AFTER[state])
        )
    return list(rows)


def _insist_on_session(payment: PaymentRow, session_id: str) -> None:
    if payment.session_id not in (None, session_id):
        raise ValueError(f"payment {payment.id} has session {payment.session_id}, not {session_id}")


def _change(payment_id: int, **values: Any) -> Row[Any]:
    return execute(
        update(Payment).where(Payment.id == payment_id).values(**values).returning(*Payment.__table__.columns)
    ).one()


def _change_if_as(seen: Row[Any], values: dict[str, Any]) -> Row[Any] | None:
    """Change a payment if all that decides over it is as it was seen. Returns None, and changes nothing, otherwise."""
    as_seen = [
        getattr(Payment, name).is_not_distinct_from(getattr(seen, name))
        for name in ("state", "session_id", "declined_at", "ended_at")
    ]
    return execute(
        update(Payment).where(Payment.id == seen.id, *as_seen).values(**values).returning(*Payment.__table__.columns)
    ).one_or_none()
