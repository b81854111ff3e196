"""Payments at the cashier: when to ask about one, and what its answer makes of it, repeated and in any order."""

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, select, update

from mall.base.cashier import Session, SessionState
from mall.base.db import execute, in_transaction
from mall.domain import notices

from .payments import (
    CAPTURED,
    EXPIRED,
    FAILED,
    LATE,
    OPEN,
    OPENING,
    PAID,
    PROCESSING,
    UNSETTLED,
    Payment,
    PaymentRow,
    lock_payment,
)

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
ASKED_AGAIN_AFTER = {OPENING: timedelta(minutes=1), OPEN: timedelta(minutes=5), PROCESSING: timedelta(hours=1)}


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
