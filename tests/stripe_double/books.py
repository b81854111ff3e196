"""What the double knows: sessions, payments, refunds, disputes, events, its own books. No HTTP here."""

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

LEAST_CENTS = 50
SHORTEST_SECONDS = 30 * 60
LONGEST_SECONDS = 24 * 60 * 60


class Fault(Exception):
    """What the API answers when it says no."""

    def __init__(self, status: int, kind: str, message: str, *, code: str | None = None, param: str | None = None):
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, "code": code, "param": param}}


class Books:
    """The state of the double. Every change tells an event to `tell`."""

    def __init__(self, *, live: bool = False) -> None:
        self.live = live
        self.lock = threading.RLock()
        self.sessions: dict[str, dict[str, Any]] = {}
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.disputes: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.takings: list[dict[str, Any]] = []
        self.tell: Callable[[dict[str, Any]], None] = lambda event: None
        self.ahead_seconds = 0
        self._numbers = itertools.count(1)

    def now(self) -> int:
        """The double's clock, in seconds; `ahead_seconds` moves it."""
        return int(time.time()) + self.ahead_seconds

    # Sessions

    def create_session(self, params: dict[str, Any], *, address: str) -> dict[str, Any]:
        """Open a hosted page. Refuses what Stripe refuses."""
        if params.get("mode") != "payment" or not params.get("success_url"):
            raise Fault(400, "invalid_request_error", "mode=payment and success_url are needed", param="mode")
        items = params.get("line_items") or []
        if not items:
            raise Fault(400, "invalid_request_error", "line_items are required in payment mode", param="line_items")
        prices = [item.get("price_data") for item in items]
        if any(not price or "unit_amount" not in price or "product_data" not in price for price in prices):
            raise Fault(
                400, "invalid_request_error", "price_data with unit_amount and product_data", param="line_items"
            )
        currencies = {price["currency"] for price in prices}
        total = sum(item.get("quantity", 1) * item["price_data"]["unit_amount"] for item in items)
        if len(currencies) != 1:
            raise Fault(400, "invalid_request_error", "one currency", param="line_items")
        if total < LEAST_CENTS:
            raise Fault(400, "invalid_request_error", "The amount is too small", code="amount_too_small")
        expires_at = params.get("expires_at", self.now() + LONGEST_SECONDS)
        if not self.now() + SHORTEST_SECONDS <= expires_at <= self.now() + LONGEST_SECONDS:
            raise Fault(
                400, "invalid_request_error", "expires_at is 30 minutes to 24 hours from now", param="expires_at"
            )
        with self.lock:
            session_id = self._id("cs_test" if not self.live else "cs_live")
            session = {
                "id": session_id,
                "object": "checkout.session",
                "status": "open",
                "payment_status": "unpaid",
                "mode": "payment",
                "amount_total": total,
                "amount_subtotal": total,
                "currency": currencies.pop(),
                "client_reference_id": params.get("client_reference_id"),
                "customer_details": {"email": "mei@example.com", "name": "Mei Lin"},
                "metadata": params.get("metadata", {}),
                "payment_intent": None,
                "payment_intent_data": params.get("payment_intent_data", {}),
                "success_url": params["success_url"],
                "cancel_url": params.get("cancel_url"),
                "expires_at": expires_at,
                "created": self.now(),
                "livemode": self.live,
                "url": f"{address}/pay/{session_id}",
            }
            self.sessions[session_id] = session
            return self.session(session_id)

    def session(self, session_id: str, *, expand: list[str] | None = None) -> dict[str, Any]:
        """Answer a session as the API does; one whose time is over expires first."""
        with self.lock:
            if session_id not in self.sessions:
                raise Fault(
                    404, "invalid_request_error", f"No such checkout.session: '{session_id}'", code="resource_missing"
                )
            session = self.sessions[session_id]
            if session["status"] == "open" and session["expires_at"] <= self.now():
                self._expire(session)
            answer = {name: value for name, value in session.items() if name != "payment_intent_data"}
            if answer["status"] != "open":
                answer["url"] = None
            if expand and "payment_intent" in expand and answer["payment_intent"]:
                answer["payment_intent"] = dict(self.intents[answer["payment_intent"]])
            return answer

    def expire(self, session_id: str) -> dict[str, Any]:
        """End an open session; refuses any other."""
        with self.lock:
            if self.session(session_id)["status"] != "open":
                raise Fault(
                    400, "invalid_request_error", 'Only Checkout Sessions with a status in ["open"] can be expired.'
                )
            self._expire(self.sessions[session_id])
            return self.session(session_id)

    # What happens on the hosted page

    def pay(self, session_id: str) -> None:
        """The customer pays by card, at once."""
        with self.lock:
            session = self._open(session_id)
            intent = self._intent_of(session, status="succeeded")
            session |= {"status": "complete", "payment_status": "paid"}
            self._took(intent)
            self._event("checkout.session.completed", self.session(session_id))

    def decline(self, session_id: str) -> None:
        """The bank says no; the page stays open."""
        with self.lock:
            session = self._open(session_id)
            intent = self._intent_of(session, status="requires_payment_method")
            intent["last_payment_error"] = {"code": "card_declined", "type": "card_error"}
            self._event("payment_intent.payment_failed", dict(intent))

    def pay_slowly(self, session_id: str) -> None:
        """The customer uses a method that is confirmed days later."""
        with self.lock:
            session = self._open(session_id)
            self._intent_of(session, status="processing")
            session |= {"status": "complete"}
            self._event("checkout.session.completed", self.session(session_id))

    def slow_payment_ends(self, session_id: str, *, well: bool) -> None:
        """The slow method is confirmed, or comes to nothing."""
        with self.lock:
            session = self.sessions[session_id]
            intent = self.intents[session["payment_intent"]]
            if well:
                intent["status"] = "succeeded"
                session["payment_status"] = "paid"
                self._took(intent)
            else:
                intent["status"] = "requires_payment_method"
                intent["last_payment_error"] = {"code": "payment_intent_payment_attempt_failed"}
            kind = "async_payment_succeeded" if well else "async_payment_failed"
            self._event(f"checkout.session.{kind}", self.session(session_id))

    def create_intent(self, params: dict[str, Any]) -> dict[str, Any]:
        """Take a payment without a page, by Stripe's card for tests."""
        if not params.get("confirm") or params.get("payment_method") != "pm_card_visa":
            raise Fault(400, "invalid_request_error", "confirm=true and payment_method=pm_card_visa")
        with self.lock:
            session = {
                "payment_intent": None,
                "amount_total": params["amount"],
                "currency": params["currency"],
                "payment_intent_data": {"metadata": params.get("metadata", {})},
            }
            intent = self._intent_of(session, status="succeeded")
            self._took(intent)
            return dict(intent)

    # Refunds

    def create_refund(self, params: dict[str, Any]) -> dict[str, Any]:
        """Give money back of a payment; refuses more than is left."""
        with self.lock:
            intent = self.intents.get(params.get("payment_intent", ""))
            if intent is None:
                raise Fault(404, "invalid_request_error", "No such payment_intent", code="resource_missing")
            if intent["status"] != "succeeded":
                raise Fault(400, "invalid_request_error", "This PaymentIntent does not have a successful charge")
            if intent["disputed"]:
                raise Fault(400, "invalid_request_error", "The charge is disputed", code="charge_disputed")
            left = intent["amount"] - sum(
                refund["amount"]
                for refund in self.refunds.values()
                if refund["payment_intent"] == intent["id"] and refund["status"] not in ("failed", "canceled")
            )
            amount = params.get("amount", left)
            if left == 0:
                raise Fault(
                    400, "invalid_request_error", "Charge has already been refunded.", code="charge_already_refunded"
                )
            if not 0 < amount <= left:
                raise Fault(
                    400, "invalid_request_error", f"Refund amount ({amount}) is greater than {left}", param="amount"
                )
            refund = {
                "id": self._id("re"),
                "object": "refund",
                "amount": amount,
                "currency": intent["currency"],
                "payment_intent": intent["id"],
                "charge": intent["latest_charge"],
                "metadata": params.get("metadata", {}),
                "reason": params.get("reason"),
                "status": "succeeded",
                "created": self.now(),
            }
            self.refunds[refund["id"]] = refund
            self._line("refund", -amount, refund["id"], refund["currency"])
            self._event("refund.created", dict(refund))
            return dict(refund)

    def refund(self, refund_id: str) -> dict[str, Any]:
        """Answer a refund."""
        if refund_id not in self.refunds:
            raise Fault(404, "invalid_request_error", "No such refund", code="resource_missing")
        return dict(self.refunds[refund_id])

    def refund_falls_through(self, refund_id: str) -> None:
        """The customer's bank sends the money back."""
        with self.lock:
            refund = self.refunds[refund_id]
            refund["status"] = "failed"
            refund["failure_reason"] = "expired_or_canceled_card"
            self._line("refund_failure", refund["amount"], refund_id, refund["currency"])
            self._event("refund.failed", dict(refund))

    # Disputes

    def dispute(self, intent_id: str, *, amount: int | None = None) -> dict[str, Any]:
        """The customer disputes the charge at the bank."""
        with self.lock:
            intent = self.intents[intent_id]
            intent["disputed"] = True
            dispute = {
                "id": self._id("du"),
                "object": "dispute",
                "amount": amount or intent["amount"],
                "currency": intent["currency"],
                "charge": intent["latest_charge"],
                "payment_intent": intent_id,
                "reason": "product_not_received",
                "status": "needs_response",
                "metadata": {},
                "created": self.now(),
            }
            self.disputes[dispute["id"]] = dispute
            self._line("adjustment", -dispute["amount"], dispute["id"], intent["currency"])
            self._event("charge.dispute.created", dict(dispute))
            return dict(dispute)

    def dispute_now(self, dispute_id: str) -> dict[str, Any]:
        """Answer a dispute."""
        if dispute_id not in self.disputes:
            raise Fault(404, "invalid_request_error", "No such dispute", code="resource_missing")
        return dict(self.disputes[dispute_id])

    def close_dispute(self, dispute_id: str, *, won: bool) -> None:
        """The bank decides."""
        with self.lock:
            dispute = self.disputes[dispute_id]
            dispute["status"] = "won" if won else "lost"
            if won:
                self.intents[dispute["payment_intent"]]["disputed"] = False
                self._line("adjustment", dispute["amount"], dispute_id, dispute["currency"])
            self._event("charge.dispute.closed", dict(dispute))

    def intent_of(self, session_id: str) -> str:
        """Return the id of a session's payment."""
        return self.sessions[session_id]["payment_intent"]

    # Within

    def _open(self, session_id: str) -> dict[str, Any]:
        if self.session(session_id)["status"] != "open":
            raise Fault(400, "invalid_request_error", "This page is no longer open")
        return self.sessions[session_id]

    def _expire(self, session: dict[str, Any]) -> None:
        session["status"] = "expired"
        self._event("checkout.session.expired", self.session(session["id"]))

    def _intent_of(self, session: dict[str, Any], *, status: str) -> dict[str, Any]:
        intent_id = session["payment_intent"] or self._id("pi")
        intent = self.intents.setdefault(
            intent_id,
            {
                "id": intent_id,
                "object": "payment_intent",
                "amount": session["amount_total"],
                "currency": session["currency"],
                "metadata": session["payment_intent_data"].get("metadata", {}),
                "description": session["payment_intent_data"].get("description"),
                "latest_charge": self._id("ch"),
                "last_payment_error": None,
                "disputed": False,
                "livemode": self.live,
                "created": self.now(),
            },
        )
        intent["status"] = status
        if status == "succeeded":
            intent["last_payment_error"] = None
        session["payment_intent"] = intent_id
        return intent

    def _took(self, intent: dict[str, Any]) -> None:
        self._line("charge", intent["amount"], intent["latest_charge"], intent["currency"], fee=intent["amount"] // 50)

    def _line(self, kind: str, amount: int, source: str, currency: str, *, fee: int = 0) -> None:
        self.takings.append(
            {
                "id": self._id("txn"),
                "object": "balance_transaction",
                "type": kind,
                "amount": amount,
                "fee": fee,
                "net": amount - fee,
                "currency": currency,
                "source": source or None,
                "created": self.now(),
                "available_on": self.now(),
            }
        )

    def pay_out(self, amount: int, *, fee: int = 0) -> str:
        """Pay out to the merchant's bank. Returns the payout's id."""
        payout_id = self._id("po")
        self._line("payout", -amount, payout_id, "usd", fee=fee)
        return payout_id

    def charge_a_fee(self, amount: int) -> None:
        """Take something for itself, such as for a month."""
        self._line("stripe_fee", -amount, "", "usd")

    def taking(self, line: dict[str, Any], *, expand: list[str]) -> dict[str, Any]:
        """Return a line of the books, its source whole where that is asked for."""
        source = line["source"]
        if "data.source" not in expand or source is None:
            return line
        charges = {intent["latest_charge"]: intent_id for intent_id, intent in self.intents.items()}
        if source in charges:
            return line | {"source": {"id": source, "object": "charge", "payment_intent": charges[source]}}
        kind = {"re": "refund", "du": "dispute", "po": "payout"}.get(source.partition("_")[0], "other")
        return line | {"source": {"id": source, "object": kind}}

    def _event(self, kind: str, thing: dict[str, Any]) -> None:
        event = {
            "id": self._id("evt"),
            "object": "event",
            "api_version": "double",
            "created": self.now(),
            "type": kind,
            "livemode": self.live,
            "data": {"object": thing},
        }
        self.events.append(event)
        self.tell(event)

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):08d}"
