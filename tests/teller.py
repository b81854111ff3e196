"""A teller: a cashier in this process that keeps Stripe's books without a network between, and fails when told to."""

from datetime import UTC, datetime

from mall.base.cashier import (
    CashierRefused,
    CashierUnreachable,
    DisputeState,
    Event,
    RefundState,
    Session,
    SessionState,
)
from mall.gateway.stripe_cashier import CAME_TO_NOTHING, DISPUTE_ENDS, KEPT
from tests.stripe_double.books import Books


class Teller:
    """Answers from the books as the Stripe cashier does; `away` of the next questions get no answer."""

    name = "stripe"
    live = False

    def __init__(self) -> None:
        self.books = Books()
        self.told: list[Event] = []
        self.books.tell = lambda event: self.told.append(event_of(event))
        self.away = 0
        self._sessions: dict[str, str] = {}

    def _ask(self) -> None:
        if self.away:
            self.away -= 1
            raise CashierUnreachable("told to be away")

    def open_session(self, wanted, *, description, success_url, cancel_url, language="en") -> Session:
        """Open a page, once per key."""
        self._ask()
        if wanted.key not in self._sessions:
            made = self.books.create_session(
                {
                    "mode": "payment", "success_url": success_url, "cancel_url": cancel_url,
                    "line_items": [{"quantity": 1, "price_data": {
                        "currency": wanted.currency.lower(), "unit_amount": wanted.amount_cents,
                        "product_data": {"name": description},
                    }}],
                    "client_reference_id": wanted.reference,
                    "metadata": wanted.metadata | {"reference": wanted.reference},
                    "payment_intent_data": {"metadata": wanted.metadata | {"reference": wanted.reference}},
                    "expires_at": int(wanted.expires_at.timestamp()),
                },
                address="https://pay.example",
            )  # fmt: skip
            self._sessions[wanted.key] = made["id"]
        session = self.books.sessions[self._sessions[wanted.key]]
        return Session(session["id"], session["url"], datetime.fromtimestamp(session["expires_at"], UTC))

    def fetch_session(self, session_id: str) -> SessionState:
        """Ask how a session stands."""
        self._ask()
        session = self.books.session(session_id)
        intent = self.books.intents.get(session["payment_intent"] or "", {})
        paid = session["payment_status"] == "paid"
        return SessionState(
            id=session_id,
            status=session["status"],
            paid=paid,
            amount_cents=session["amount_total"],
            currency=session["currency"].upper(),
            reference=session["client_reference_id"],
            live=False,
            payment_id=session["payment_intent"],
            failed=session["status"] == "complete" and not paid and intent.get("status") in CAME_TO_NOTHING,
            declined=intent.get("last_payment_error") is not None,
        )

    def expire_session(self, session_id: str) -> SessionState:
        """End a session that is open."""
        if self.books.session(session_id)["status"] == "open":
            self.books.expire(session_id)
        return self.fetch_session(session_id)

    def fetch_refund(self, refund_id: str) -> RefundState:
        """Ask how a refund stands."""
        self._ask()
        refund = self.books.refund(refund_id)
        return RefundState(
            refund_id, refund["status"], refund["amount"], refund["currency"].upper(), refund["payment_intent"],
            refund["metadata"].get("refund", ""),
        )  # fmt: skip

    def fetch_dispute(self, dispute_id: str) -> DisputeState:
        """Ask how a dispute stands."""
        self._ask()
        found = self.books.dispute_now(dispute_id)
        return DisputeState(
            dispute_id, DISPUTE_ENDS.get(found["status"], "open"), found["amount"], found["currency"].upper(),
            found["payment_intent"], found["reason"],
        )  # fmt: skip

    def refund(self, payment_id: str, amount_cents: int, *, key: str) -> RefundState:
        """No history here gives money back by us."""
        raise CashierRefused("not asked for here")

    def events_since(self, instant: datetime):
        """List all that was told."""
        return iter(self.told)


def event_of(event) -> Event:
    """Return one of the books' events as the mall takes it in."""
    about = event["data"]["object"]
    kept = {name: about[name] for name in KEPT if name in about}
    return Event(event["id"], event["type"], kept, False, datetime.fromtimestamp(event["created"], UTC))
