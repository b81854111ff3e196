"""The words a cashier speaks: sessions, refunds, events, and the two ways it fails.

A cashier takes money on a page of its own. The mall knows two, in mall/gateway; they have the same verbs, and the
rooms above and below them share these words.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct, field

from .errors import Refusal
from .text import N_

SHORTEST_SESSION_MINUTES = 30


class CashierUnreachable(Refusal):
    """The cashier did not answer, or cannot now. What we asked for may have happened: ask again with the same key."""

    message = N_("The payment page cannot be reached right now. Everything is kept as it is. Try again in a minute.")

    def __init__(self, detail: str = "") -> None:
        super().__init__()
        self.detail = detail


class CashierRefused(Refusal):
    """The cashier understood and said no. What was asked for has not happened."""

    message = N_("The payment service refused this. Nothing was charged. Write to us if it happens again.")

    def __init__(self, detail: str = "", *, code: str = "") -> None:
        super().__init__()
        self.detail = detail
        self.code = code


class BadSignature(Exception):
    """An event that the cashier did not sign, or signed too long ago."""


class Session(Struct, frozen=True):
    """A payment page opened for one payment."""

    id: str
    url: str
    expires_at: datetime


class SessionState(Struct, frozen=True):
    """What the cashier says of a session now. `payment_id` is the cashier's own, for refunds.

    `complete` and not paid is a slow method still under way, or, with `failed`, one that came to nothing.
    """

    id: str
    status: str  # open, complete or expired
    paid: bool
    amount_cents: int
    currency: str
    reference: str
    live: bool
    payment_id: str | None = None
    failed: bool = False
    declined: bool = False

    @property
    def late(self) -> bool:
        """The money came although the session was over."""
        return self.paid and self.status == "expired"


class RefundState(Struct, frozen=True):
    """What the cashier says of a refund now. `key` is ours, empty when we did not ask for it."""

    id: str
    status: str  # pending, succeeded, failed or canceled
    amount_cents: int
    currency: str
    payment_id: str
    key: str = ""


class DisputeState(Struct, frozen=True):
    """What the cashier says of a dispute now. `status` is open, won or lost; `reason` the bank's word for why."""

    id: str
    status: str
    amount_cents: int
    currency: str
    payment_id: str
    reason: str = ""


class Event(Struct, frozen=True):
    """Something the cashier tells us by itself. `about` holds what we keep of its object: no names, no addresses."""

    id: str
    kind: str
    about: dict[str, Any]
    live: bool
    created_at: datetime


class Taking(Struct, frozen=True):
    """A line of the cashier's own books: what came or went, what it kept for itself.

    `source` is the cashier's id of the payment, refund, dispute or payout it is of, empty when it is of none;
    `payout` that of the payout it is part of, where the cashier says.
    """

    id: str
    kind: str
    amount_cents: int
    fee_cents: int
    currency: str
    source: str
    created_at: datetime
    available_at: datetime | None = None
    payout: str = ""

    @property
    def net_cents(self) -> int:
        """What it changed at the cashier."""
        return self.amount_cents - self.fee_cents


class SessionWanted(Struct, frozen=True):
    """What a session is to be opened for. The same key answers the same session, however often it is asked."""

    key: str
    reference: str
    amount_cents: int
    currency: str
    expires_at: datetime
    metadata: dict[str, str] = field(default_factory=dict)


class Cashier(Protocol):
    """The verbs of every cashier. Each goes over the network, so none may be called in an open transaction.

    All raise CashierUnreachable or CashierRefused.
    """

    name: str
    live: bool

    def open_session(
        self, wanted: SessionWanted, *, description: str, success_url: str, cancel_url: str, language: str = "en"
    ) -> Session:
        """Open a payment page, or answer the one opened before with the same key.

        `{CHECKOUT_SESSION_ID}` in an address is replaced by the session's id.
        """

    def fetch_session(self, session_id: str) -> SessionState:
        """Ask how a session stands."""

    def expire_session(self, session_id: str) -> SessionState:
        """End a session that is still open; answer how it stands then. One that is complete stays complete."""

    def refund(self, payment_id: str, amount_cents: int, *, key: str) -> RefundState:
        """Give money back, once per key."""

    def fetch_refund(self, refund_id: str) -> RefundState:
        """Ask how a refund stands."""

    def fetch_dispute(self, dispute_id: str) -> DisputeState:
        """Ask how a dispute stands."""

    def events_since(self, instant: datetime) -> Iterator[Event]:
        """List what the cashier had to tell since an instant, oldest first."""

    def takings_since(self, instant: datetime) -> Iterator[Taking]:
        """List the lines of the cashier's books since an instant, oldest first."""

    def parse_event(self, body: bytes, signature: str) -> Event:
        """Return the event of a webhook. Raises BadSignature unless the cashier signed it, and did so lately."""
