"""The inbox: what the cashier told us by itself. Stored first, then acted upon; each event has one outcome."""

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import JSON, CheckConstraint, ForeignKey, Row, String, UniqueConstraint, delete, select, update

from mall.base.cashier import Event
from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.sql import upsert
from mall.base.tables import Mapped, mapped_column
from mall.domain import notices

from .payments import Payment
from .refunds import Refund

# The round in which events are acted upon.
HEARING = "event.hear"

# applied: it changed something. no_effect: we knew. ignored: none of ours. alarm: a person must look.
OUTCOMES = ("applied", "no_effect", "ignored", "alarm")
LEASE = timedelta(minutes=1)
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
KEPT = timedelta(days=90)

SESSION = "session"
REFUND = "refund"
DISPUTE_OPENED = "dispute_opened"
DISPUTE_CLOSED = "dispute_closed"
DECLINED = "declined"

# The cashier's word for an event -> what it is about.
MEANINGS = {
    "checkout.session.completed": SESSION,
    "checkout.session.async_payment_succeeded": SESSION,
    "checkout.session.async_payment_failed": SESSION,
    "checkout.session.expired": SESSION,
    "payment_intent.payment_failed": DECLINED,
    "refund.created": REFUND,
    "refund.updated": REFUND,
    "refund.failed": REFUND,
    "charge.dispute.created": DISPUTE_OPENED,
    "charge.dispute.closed": DISPUTE_CLOSED,
}


class CashierEvent(db.Model):
    """One event of the cashier, and what came of it."""

    __table_args__ = (
        UniqueConstraint("cashier", "event_id"),
        CheckConstraint("outcome IN ('applied', 'no_effect', 'ignored', 'alarm')", name="outcome_known"),
        CheckConstraint("(outcome IS NULL) = (processed_at IS NULL)", name="outcome_has_its_time"),
        CheckConstraint("looked_at IS NULL OR outcome = 'alarm'", name="only_alarms_are_looked_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    cashier: Mapped[str] = mapped_column(String(16))
    event_id: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(80))
    live: Mapped[bool]
    about: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant)
    received_at: Mapped[datetime] = mapped_column(Instant, index=True)
    due_at: Mapped[datetime] = mapped_column(Instant)
    tries: Mapped[int]
    outcome: Mapped[str | None] = mapped_column(String(16), index=True)
    note: Mapped[str] = mapped_column(String(300))
    processed_at: Mapped[datetime | None] = mapped_column(Instant)
    # Known once it was acted upon; none for what is not about a payment of ours.
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"), index=True)
    looked_at: Mapped[datetime | None] = mapped_column(Instant)
    looked_by: Mapped[str | None] = mapped_column(String(40))


class Meaning(Struct, frozen=True):
    """What an event is about, in our terms. Ids are ours; None where it is none of ours, or not yet known.

    kind: session, refund, dispute_opened, dispute_closed, declined, or "" for what we do not act upon.
    """

    kind: str
    payment_id: int | None = None
    refund_id: int | None = None
    session_id: str | None = None
    cashier_refund_id: str | None = None
    cashier_dispute_id: str | None = None


def note_event(event: Event, *, cashier: str, at: datetime, due_at: datetime | None = None) -> int | None:
    """Store an event. Returns its row's id, or None when we have it already.

    It is leased to the caller for a minute, unless `due_at` says when it may be taken.
    """
    assert in_transaction(), "note_event() outside transaction()"
    return execute(
        upsert(CashierEvent)
        .values(
            cashier=cashier,
            event_id=event.id,
            kind=event.kind,
            live=event.live,
            about=event.about,
            created_at=event.created_at,
            received_at=at,
            due_at=due_at or at + LEASE,
            tries=0,
            note="",
        )
        .on_conflict_do_nothing()
        .returning(CashierEvent.id)
    ).scalar_one_or_none()


def events_of(payment_id: int) -> list[Row[Any]]:
    """Return what the cashier told us of a payment and was acted upon, the first first."""
    return list(
        execute(
            select(CashierEvent)
            .where(CashierEvent.payment_id == payment_id)
            .order_by(CashierEvent.created_at, CashierEvent.id)
        )
    )


def event_now(event_id: int) -> Row[Any]:
    """Read an event by its row's id."""
    return execute(select(CashierEvent).where(CashierEvent.id == event_id)).one()


def take_events(*, cashier: str, at: datetime, limit: int = 50) -> list[Row[Any]]:
    """Take events that have no outcome yet, oldest first. Others get them only when the lease is over."""
    assert in_transaction(), "take_events() outside transaction()"
    rows = execute(
        select(CashierEvent)
        .where(
            CashierEvent.outcome.is_(None),
            CashierEvent.cashier == cashier,
            CashierEvent.due_at <= at,
            CashierEvent.id.not_in(notices.put_off(HEARING, at=at)),
        )
        .order_by(CashierEvent.created_at, CashierEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if rows:
        execute(update(CashierEvent).where(CashierEvent.id.in_([row.id for row in rows])).values(due_at=at + LEASE))
    return list(rows)


def conclude(event_id: int, outcome: str, *, note: str = "", at: datetime, payment_id: int | None = None) -> bool:
    """Give an event its outcome, in the transaction that acted upon it. False when another has done so: undo.

    `payment_id` is the payment it was about.
    """
    assert in_transaction(), "conclude() outside transaction()"
    return (
        execute(
            update(CashierEvent)
            .where(CashierEvent.id == event_id, CashierEvent.outcome.is_(None))
            .values(outcome=outcome, note=note[:300], processed_at=at, payment_id=payment_id)
        ).rowcount
        == 1
    )


def postpone(event_id: int, *, why: str, at: datetime) -> None:
    """Try an event again after a while, each time longer: the cashier did not answer."""
    assert in_transaction(), "postpone() outside transaction()"
    tries = execute(
        update(CashierEvent)
        .where(CashierEvent.id == event_id, CashierEvent.outcome.is_(None))
        .values(tries=CashierEvent.tries + 1, note=why[:300])
        .returning(CashierEvent.tries)
    ).scalar_one_or_none()
    if tries is not None:
        wait = min(FIRST_WAIT * 2 ** min(tries - 1, 20), LONGEST_WAIT)
        execute(update(CashierEvent).where(CashierEvent.id == event_id).values(due_at=at + wait))


def looked_at(event_id: int, *, by: str, at: datetime) -> bool:
    """Note that a person has looked at an alarm."""
    assert in_transaction(), "looked_at() outside transaction()"
    return (
        execute(
            update(CashierEvent)
            .where(CashierEvent.id == event_id, CashierEvent.outcome == "alarm", CashierEvent.looked_at.is_(None))
            .values(looked_at=at, looked_by=by)
        ).rowcount
        == 1
    )


def forget_events(*, at: datetime) -> int:
    """Delete events older than 90 days that have their outcome and need nobody. Returns how many."""
    assert in_transaction(), "forget_events() outside transaction()"
    return execute(
        delete(CashierEvent).where(
            CashierEvent.received_at < at - KEPT,
            CashierEvent.outcome.is_not(None),
            (CashierEvent.outcome != "alarm") | CashierEvent.looked_at.is_not(None),
        )
    ).rowcount


def meaning_of(event: Row[Any]) -> Meaning:
    """Tell what an event is about, in our terms. Reads; changes nothing."""
    kind = MEANINGS.get(event.kind, "")
    about = event.about
    if kind == SESSION:
        return Meaning(kind, _payment_by_session(event), session_id=about.get("id"))
    if kind == DECLINED:
        return Meaning(kind, _payment_by_own_id(event))
    if kind == REFUND:
        refund_id = _refund_of(about)
        return Meaning(kind, _payment_by_cashier_id(event), refund_id, cashier_refund_id=about.get("id"))
    if kind:
        return Meaning(kind, _payment_by_cashier_id(event), cashier_dispute_id=about.get("id"))
    return Meaning("")


def _payment_by_session(event: Row[Any]) -> int | None:
    found = execute(
        select(Payment.id).where(Payment.cashier == event.cashier, Payment.session_id == event.about.get("id"))
    ).scalar_one_or_none()
    return found or _payment_by_own_id(event)


def _payment_by_own_id(event: Row[Any]) -> int | None:
    """Find the payment by the id we gave the cashier: where its answer to us was lost, there is no other way."""
    own_id = (event.about.get("metadata") or {}).get("payment", "")
    if not (isinstance(own_id, str) and own_id.isascii() and own_id.isdigit() and len(own_id) <= 18):
        return None
    # The reference must agree: a session of another shop on the same account may carry the same number.
    reference = event.about.get("client_reference_id") or (event.about.get("metadata") or {}).get("reference")
    return execute(
        select(Payment.id).where(
            Payment.id == int(own_id), Payment.cashier == event.cashier, Payment.reference == reference
        )
    ).scalar_one_or_none()


def _payment_by_cashier_id(event: Row[Any]) -> int | None:
    cashier_id = event.about.get("payment_intent")
    if not cashier_id:
        return None
    return execute(
        select(Payment.id).where(Payment.cashier == event.cashier, Payment.cashier_id == cashier_id)
    ).scalar_one_or_none()


def _refund_of(about: dict[str, Any]) -> int | None:
    found = execute(select(Refund.id).where(Refund.cashier_id == about.get("id"))).scalar_one_or_none()
    if found is not None:
        return found
    word, _, number = (about.get("metadata") or {}).get("refund", "").partition(":")
    own_id = number.partition(":")[0]
    if word != "refund" or not (own_id.isascii() and own_id.isdigit() and len(own_id) <= 18):
        return None
    return execute(
        select(Refund.id)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.id == int(own_id), Payment.cashier_id == about.get("payment_intent"))
    ).scalar_one_or_none()
