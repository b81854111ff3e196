"""The sandbox cashier: takes no money. It behaves as Stripe does, so that the demo and the stories walk the same road.

It plays the outside world: it keeps its own tables, opens its own transactions, and may be called in none of ours.
"""

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Row, String, func, insert, select, update

from mall.base.cashier import (
    SHORTEST_SESSION_MINUTES,
    BadSignature,
    CashierRefused,
    DisputeState,
    Event,
    RefundState,
    Session,
    SessionState,
    SessionWanted,
    Taking,
)
from mall.base.clock import Instant, now
from mall.base.db import again, db, execute, in_transaction, reading, transaction
from mall.base.tables import Mapped, mapped_column

OPEN = "open"
COMPLETE = "complete"
EXPIRED = "expired"
PAID_LATE = "checkout.session.async_payment_succeeded"
SESSION_ID_PLACE = "{CHECKOUT_SESSION_ID}"


class SandboxSession(db.Model):
    """A payment page of the sandbox."""

    __table_args__ = (
        CheckConstraint("amount_cents > 0", name="amount_positive"),
        CheckConstraint("status IN ('open', 'complete', 'expired')", name="status_known"),
        CheckConstraint("status <> 'complete' OR paid_at IS NOT NULL", name="complete_is_paid"),
    )

    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    reference: Mapped[str] = mapped_column(String(60))
    amount_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    description: Mapped[str] = mapped_column(String(300))
    success_url: Mapped[str] = mapped_column(String(2000))
    cancel_url: Mapped[str] = mapped_column(String(2000))
    status: Mapped[str] = mapped_column(String(8))
    opened_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    declined_at: Mapped[datetime | None] = mapped_column(Instant)
    paid_at: Mapped[datetime | None] = mapped_column(Instant)
    payment_id: Mapped[str | None] = mapped_column(String(60), unique=True)


class SandboxRefund(db.Model):
    """Money the sandbox gave back."""

    __table_args__ = (CheckConstraint("amount_cents > 0", name="amount_positive"),)

    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sandbox_session.id"), index=True)
    amount_cents: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(Instant)


class SandboxCashier:
    """Opens payment pages at the mall's own address, and does what the buttons on them say."""

    name = "sandbox"
    live = False

    def __init__(self, *, page_address: str) -> None:
        self.page_address = page_address

    def open_session(
        self, wanted: SessionWanted, *, description: str, success_url: str, cancel_url: str, language: str = "en"
    ) -> Session:
        """Open a payment page, or answer the one opened before with the same key."""
        _insist_on_the_street()
        asked = {
            "reference": wanted.reference,
            "amount_cents": wanted.amount_cents,
            "currency": wanted.currency,
            "success_url": success_url,
            "cancel_url": cancel_url,
        }

        def unit() -> Row[Any]:
            with transaction():
                found = execute(select(SandboxSession).where(SandboxSession.key == wanted.key)).one_or_none()
                if found is not None:
                    if any(getattr(found, name) != value for name, value in asked.items()):
                        raise CashierRefused("the key was used for another session", code="idempotency")
                    return found
                if wanted.expires_at < now() + timedelta(minutes=SHORTEST_SESSION_MINUTES):
                    raise CashierRefused("a session is open for 30 minutes at least", code="expires_at")
                return execute(
                    insert(SandboxSession)
                    .values(
                        id=f"sandbox_{secrets.token_urlsafe(18)}",
                        key=wanted.key,
                        description=description[:300],
                        status=OPEN,
                        opened_at=now(),
                        expires_at=wanted.expires_at,
                        **asked,
                    )
                    .returning(*SandboxSession.__table__.columns)
                ).one()

        row = again(unit)
        return Session(row.id, f"{self.page_address}/{row.id}", row.expires_at)

    def fetch_session(self, session_id: str) -> SessionState:
        """Ask how a session stands."""
        return _state_of(self.session(session_id))

    def expire_session(self, session_id: str) -> SessionState:
        """End a session that is still open; answer how it stands then."""
        _insist_on_the_street()
        with transaction():
            _end(session_id)
        return self.fetch_session(session_id)

    def refund(self, payment_id: str, amount_cents: int, *, key: str) -> RefundState:
        """Give money back, once per key. Refuses more than was taken."""
        _insist_on_the_street()

        def unit() -> RefundState:
            with transaction():
                session = execute(
                    select(SandboxSession).where(SandboxSession.payment_id == payment_id).with_for_update()
                ).one_or_none()
                if session is None:
                    raise CashierRefused(f"no payment {payment_id}", code="resource_missing")
                found = execute(select(SandboxRefund).where(SandboxRefund.key == key)).one_or_none()
                if found is None:
                    given = execute(
                        select(func.coalesce(func.sum(SandboxRefund.amount_cents), 0)).where(
                            SandboxRefund.session_id == session.id
                        )
                    ).scalar_one()
                    if given + amount_cents > session.amount_cents:
                        raise CashierRefused("more than is left of the payment", code="amount_too_large")
                    found = execute(
                        insert(SandboxRefund)
                        .values(
                            id=f"sandbox_re_{secrets.token_urlsafe(12)}",
                            key=key,
                            session_id=session.id,
                            amount_cents=amount_cents,
                            made_at=now(),
                        )
                        .returning(*SandboxRefund.__table__.columns)
                    ).one()
                elif (found.session_id, found.amount_cents) != (session.id, amount_cents):
                    raise CashierRefused("the key was used for another refund", code="idempotency")
                return _refund_state(found, session)

        return again(unit)

    def fetch_refund(self, refund_id: str) -> RefundState:
        """Ask how a refund stands."""
        _insist_on_the_street()
        with reading():
            found = execute(select(SandboxRefund).where(SandboxRefund.id == refund_id)).one_or_none()
            if found is None:
                raise CashierRefused(f"no refund {refund_id}", code="resource_missing")
            session = execute(select(SandboxSession).where(SandboxSession.id == found.session_id)).one()
        return _refund_state(found, session)

    def fetch_dispute(self, dispute_id: str) -> DisputeState:
        """Ask how a dispute stands: nobody disputes what took no money."""
        _insist_on_the_street()
        raise CashierRefused(f"no dispute {dispute_id}", code="resource_missing")

    def events_since(self, instant: datetime) -> Iterator[Event]:
        """List the payments that came after their page was over: nobody would ask about those any more.

        The sandbox never calls by itself, it waits to be asked.
        """
        _insist_on_the_street()
        with reading():
            late = execute(
                select(SandboxSession)
                .where(SandboxSession.status == EXPIRED, SandboxSession.paid_at >= instant)
                .order_by(SandboxSession.paid_at, SandboxSession.id)
            ).all()
        return iter(
            [Event(f"evt_{row.payment_id}", PAID_LATE, {"id": row.id}, self.live, row.paid_at) for row in late]
        )

    def parse_event(self, body: bytes, signature: str) -> Event:
        """Return the event of a webhook: the sandbox sends none, so nothing is from it."""
        raise BadSignature("the sandbox sends no events")

    def takings_since(self, instant: datetime) -> Iterator[Taking]:
        """List the lines of the sandbox's books since an instant, oldest first."""
        _insist_on_the_street()
        with reading():
            paid = execute(select(SandboxSession).where(SandboxSession.paid_at >= instant)).all()
            given = execute(
                select(*SandboxRefund.__table__.columns, SandboxSession.currency)
                .join(SandboxSession, SandboxSession.id == SandboxRefund.session_id)
                .where(SandboxRefund.made_at >= instant)
            ).all()
        lines = [
            Taking(
                f"txn_{row.payment_id}",
                "charge",
                row.amount_cents,
                0,
                row.currency,
                row.payment_id,
                row.paid_at,
                available_at=row.paid_at,
            )
            for row in paid
        ] + [
            Taking(f"txn_{row.id}", "refund", -row.amount_cents, 0, row.currency, row.id, row.made_at, row.made_at)
            for row in given
        ]
        return iter(sorted(lines, key=lambda line: (line.created_at, line.id)))

    # What the buttons of its page do.

    def session(self, session_id: str) -> Row[Any]:
        """Return a session as its page shows it; one whose time is over is expired. Raises CashierRefused."""
        _insist_on_the_street()
        with reading():
            row = execute(select(SandboxSession).where(SandboxSession.id == session_id)).one_or_none()
        if row is None:
            raise CashierRefused(f"no session {session_id}", code="resource_missing")
        if row.status == OPEN and row.expires_at <= now():
            with transaction():
                _end(session_id)
            return self.session(session_id)
        return row

    def pay(self, session_id: str) -> SessionState:
        """The member pays. A session that is over stays over."""
        return self._paid(session_id, only_when=OPEN, then=COMPLETE)

    def pay_late(self, session_id: str) -> SessionState:
        """The session ends, and the money comes all the same."""
        self.expire_session(session_id)
        return self._paid(session_id, only_when=EXPIRED, then=EXPIRED)

    def decline(self, session_id: str) -> SessionState:
        """The bank says no. The session stays open for another try."""
        self.session(session_id)
        with transaction():
            execute(
                update(SandboxSession)
                .where(SandboxSession.id == session_id, SandboxSession.status == OPEN)
                .values(declined_at=now())
            )
        return self.fetch_session(session_id)

    @staticmethod
    def address_after(session: Row[Any], *, paid: bool) -> str:
        """Return where the payment page sends the member back to."""
        return (session.success_url if paid else session.cancel_url).replace(SESSION_ID_PLACE, session.id)

    def _paid(self, session_id: str, *, only_when: str, then: str) -> SessionState:
        self.session(session_id)
        with transaction():
            execute(
                update(SandboxSession)
                .where(
                    SandboxSession.id == session_id,
                    SandboxSession.status == only_when,
                    SandboxSession.paid_at.is_(None),
                )
                .values(status=then, paid_at=now(), payment_id=f"sandbox_pay_{secrets.token_urlsafe(12)}")
            )
        return self.fetch_session(session_id)


def _insist_on_the_street() -> None:
    assert not in_transaction(), "the cashier is outside: never call it in an open transaction"


def _end(session_id: str) -> None:
    execute(
        update(SandboxSession)
        .where(SandboxSession.id == session_id, SandboxSession.status == OPEN)
        .values(status=EXPIRED)
    )


def _state_of(row: Row[Any]) -> SessionState:
    return SessionState(
        id=row.id,
        status=row.status,
        paid=row.paid_at is not None,
        amount_cents=row.amount_cents,
        currency=row.currency,
        reference=row.reference,
        live=False,
        payment_id=row.payment_id,
        declined=row.declined_at is not None,
    )


def _refund_state(refund: Row[Any], session: Row[Any]) -> RefundState:
    return RefundState(
        refund.id, "succeeded", refund.amount_cents, session.currency, session.payment_id or "", refund.key
    )
