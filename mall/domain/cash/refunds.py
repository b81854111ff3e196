"""Refunds: money to give back. The row is committed before the cashier hears of it, and its id is the cashier's key.

So a refund asked for twice is one, and two equal partial refunds are two.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import CheckConstraint, ForeignKey, Row, String, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from mall.base.cashier import RefundState
from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import audit, notices

from .payments import CAPTURED, Payment, lock_payment, payment_now
from .refund_moves import BY_CASHIER, BY_HAND, CAME_BACK, DROPPED, GIVEN, note_move

ASKED = "asked"  # To be sent, or sent without an answer.
SENT = "sent"  # The cashier has it; the bank takes its time.
DONE = "done"
REFUSED = "refused"  # The cashier will not: a person decides.
VOID = "void"  # Made at the cashier without us, and came to nothing.
STATES = (ASKED, SENT, DONE, REFUSED, VOID)

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


@dataclass(frozen=True)
class RecordedRefund:
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
        _change(row.id, due_at=at + lease)
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
        changed = _change(
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
    changed = _change(
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
        _change(refund_id, tries=refund.tries + 1, due_at=at + _wait_after(refund.tries), note=why[:LONGEST_NOTE])


def _wait_after(tries: int) -> timedelta:
    """Return how long a refund waits for its next try, after so many before this one: each time longer. Pure."""
    return min(FIRST_WAIT * 2 ** min(tries, 20), LONGEST_WAIT)


def refused_refund(refund_id: int, *, why: str, at: datetime) -> Row[Any]:
    """Note that the cashier will not give the money back. It stays owed until a person decides."""
    refund = lock_refund(refund_id)
    if refund.state != ASKED:
        return refund
    return _change(refund_id, state=REFUSED, tries=refund.tries + 1, note=why[:LONGEST_NOTE])


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
    changed = _change(refund_id, state=ASKED, attempt=refund.attempt + 1, cashier_id=None, tries=0, due_at=at, note="")
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
    changed = _change(
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


def _change(refund_id: int, **values: Any) -> Row[Any]:
    return execute(
        update(Refund).where(Refund.id == refund_id).values(**values).returning(*Refund.__table__.columns)
    ).one()
