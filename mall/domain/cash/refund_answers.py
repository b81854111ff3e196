"""Refunds at the cashier: taken to be sent or asked about, one at a time; what the cashier answers is written down."""

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, select, update

from mall.base.cashier import RefundState
from mall.base.db import execute, in_transaction
from mall.domain import notices

from .payments import Payment, lock_payment
from .refund_moves import BY_CASHIER, BY_HAND, CAME_BACK, DROPPED, GIVEN, note_move
from .refunds import (
    ASKED,
    DONE,
    LONGEST_NOTE,
    REFUSED,
    SENT,
    VOID,
    Refund,
    RefundRow,
    cashier_key,
    change_refund,
    lock_refund,
    take_from,
    write_refund,
)

# What the cashier says -> what becomes of a refund of ours. A failed one is due again under a new key, ever later.
NEXT: dict[str, dict[str, str]] = {
    ASKED: {"pending": SENT, "succeeded": DONE, "failed": ASKED, "canceled": REFUSED},
    SENT: {"succeeded": DONE, "failed": ASKED, "canceled": REFUSED},
    DONE: {"failed": ASKED},
    REFUSED: {"pending": SENT, "succeeded": DONE},
    VOID: {},
}
# One made at the cashier's own desk is not ours to send again.
NEXT_FOREIGN: dict[str, dict[str, str]] = {
    SENT: {"succeeded": DONE, "failed": VOID, "canceled": VOID},
    DONE: {"failed": VOID, "canceled": VOID},
    VOID: {},
}

# The round in which refunds are sent.
SENDING = "refund.send"
# The round in which the cashier is asked about those it has.
ASKING_ABOUT = "refund.ask"
LEASE = timedelta(minutes=2)
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
# By then it has waited for half a day in all. One that fails once more waits for a person.
MOST_TRIES = 9
# What the cashier has and the bank takes its time with is asked about so often, in case no word of it comes.
ASKED_ABOUT_AFTER = timedelta(hours=12)


class RecordedRefund(Struct, frozen=True):
    """What became of a refund when the cashier's word was recorded.

    `fell_through`: it failed, and is due again or, after many tries, for a person to decide.
    """

    refund: Row[Any]
    was: str
    now: str
    fell_through: bool = False

    @property
    def changed(self) -> bool:
        """Tell whether this was news."""
        return self.was != self.now or self.fell_through


def take_due_refund(*, cashier: str, at: datetime) -> Row[Any] | None:
    """Take the refund that is due longest; others get it only when the lease is over. With `to_payment`, where from.

    Returns the refund's columns and `to_payment`, the cashier's id of the payment.
    """
    return _take(ASKED, SENDING, cashier=cashier, lease=LEASE, at=at)


def take_sent_refund(*, cashier: str, at: datetime) -> Row[Any] | None:
    """Take a refund that has been under way at the cashier for long; others get it after as long again.

    Returns the same columns as `take_due_refund`.
    """
    return _take(SENT, ASKING_ABOUT, cashier=cashier, lease=ASKED_ABOUT_AFTER, at=at)


def _take(state: str, job: str, *, cashier: str, lease: timedelta, at: datetime) -> Row[Any] | None:
    """Take the refund in a state that is due longest and not put off by the job; others wait for the lease."""
    assert in_transaction(), "taking a refund outside transaction()"
    row = execute(
        select(*Refund.__table__.columns, Payment.cashier_id.label("to_payment"))
        .join(Payment, Payment.id == Refund.payment_id)
        .where(
            Refund.state == state,
            Refund.due_at <= at,
            Payment.cashier == cashier,
            Refund.id.not_in(notices.put_off(job, at=at)),
        )
        .order_by(Refund.due_at, Refund.id)
        .limit(1)
        .with_for_update(of=Refund, skip_locked=True)
    ).one_or_none()
    if row is not None:
        change_refund(row.id, due_at=at + lease)
    return row


def record_refund(refund_id: int, state: RefundState, *, at: datetime) -> RecordedRefund:
    """Write down what the cashier says of a refund. Word of an earlier, failed attempt changes nothing."""
    refund = lock_refund(refund_id)
    ours = refund.origin == "mall"
    if ours and state.key and state.key != cashier_key(refund):
        return RecordedRefund(refund, refund.state, refund.state)
    became = (NEXT if ours else NEXT_FOREIGN)[refund.state].get(state.status)
    if became is None:
        return RecordedRefund(refund, refund.state, refund.state)
    _note_money(refund, became, at=at)
    if became == ASKED:
        became = REFUSED if refund.tries >= MOST_TRIES else ASKED
        changed = change_refund(
            refund_id,
            state=became,
            attempt=refund.attempt + 1,
            cashier_id=None,
            tries=refund.tries + 1,
            due_at=at + _wait_after(refund.tries),
            done_at=None,
            note=f"{state.id} failed at the cashier",
        )
        return RecordedRefund(changed, refund.state, became, fell_through=True)
    if became == VOID:
        execute(
            update(Payment)
            .where(Payment.id == refund.payment_id)
            .values(refunded_cents=Payment.refunded_cents - refund.amount_cents)
        )
    changed = change_refund(
        refund_id,
        state=became,
        cashier_id=state.id,
        done_at=at if became == DONE else None,
        due_at=at + ASKED_ABOUT_AFTER if became == SENT else refund.due_at,
    )
    return RecordedRefund(changed, refund.state, became)


def _note_money(refund: RefundRow, became: str, *, at: datetime) -> None:
    """Write down what the money of a refund does as the refund moves to another state."""
    if became == DONE:
        note_move(refund.id, GIVEN, attempt=refund.attempt, at=at)
    elif refund.state == DONE:
        way = BY_HAND if refund.cashier_id is None else BY_CASHIER
        note_move(refund.id, CAME_BACK, attempt=refund.attempt, at=at, way=way)
    if became == VOID:
        note_move(refund.id, DROPPED, attempt=refund.attempt, at=at)


def record_foreign_refund(payment_id: int, state: RefundState, *, at: datetime) -> RecordedRefund | None:
    """Write down a refund that was made at the cashier and that we did not ask for. Seen again, brings it up to date.

    None when it is more than what is left, which only a person can sort out.
    """
    lock_payment(payment_id)
    found = execute(select(Refund).where(Refund.cashier_id == state.id)).one_or_none()
    if found is not None:
        return record_refund(found.id, state, at=at)
    if state.status in ("failed", "canceled") or not take_from(payment_id, state.amount_cents):
        return None
    became = DONE if state.status == "succeeded" else SENT
    refund = write_refund(
        payment_id=payment_id,
        amount_cents=state.amount_cents,
        key=f"cashier:{state.id}",
        reason="made at the cashier",
        origin="cashier",
        asked_by="cashier",
        state=became,
        due_at=at,
        asked_at=at,
        cashier_id=state.id,
        done_at=at if became == DONE else None,
    )
    return RecordedRefund(refund, "", became)


def not_answered(refund_id: int, *, why: str, at: datetime) -> None:
    """Note that the cashier could not be reached; try again after a while, each time longer."""
    refund = lock_refund(refund_id)
    if refund.state == ASKED:
        change_refund(
            refund_id, tries=refund.tries + 1, due_at=at + _wait_after(refund.tries), note=why[:LONGEST_NOTE]
        )


def _wait_after(tries: int) -> timedelta:
    """Return how long a refund waits for its next try, after so many before this one: each time longer. Pure."""
    return min(FIRST_WAIT * 2 ** min(tries, 20), LONGEST_WAIT)


def refused_refund(refund_id: int, *, why: str, at: datetime) -> Row[Any]:
    """Note that the cashier will not give the money back. It stays owed until a person decides."""
    refund = lock_refund(refund_id)
    if refund.state != ASKED:
        return refund
    return change_refund(refund_id, state=REFUSED, tries=refund.tries + 1, note=why[:LONGEST_NOTE])
