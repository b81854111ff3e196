"""Stripe: hosted Checkout Sessions, refunds and signed events, by the official client.

Sources: Stripe's reference for Checkout Sessions, Refunds, Events, Balance Transactions, idempotent requests, and
webhook signatures. The client's version fixes the API version.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

import stripe

from mall.base.cashier import (
    BadSignature,
    CashierRefused,
    CashierUnreachable,
    DisputeState,
    Event,
    RefundState,
    Session,
    SessionState,
    SessionWanted,
    Taking,
)
from mall.base.db import in_transaction

LIVE_KEYS = ("sk_live_", "rk_live_")
LOCALES = {"en": "en", "zh": "zh"}
# Seconds to connect, and to wait for an answer.
TIMEOUT = (3, 10)
RETRIES = 1
PAGE = 100

# The events we ask to be told, and the nightly catch-up lists.
EVENTS = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.payment_failed",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.closed",
]
# What we keep of an event's object. Names, addresses, cards and e-mail are not among it.
KEPT = (
    "id",
    "object",
    "status",
    "payment_status",
    "amount",
    "amount_total",
    "currency",
    "client_reference_id",
    "payment_intent",
    "charge",
    "reason",
    "failure_reason",
    "livemode",
    "created",
    "expires_at",
    "metadata",
)
# A payment intent in one of these after its session is complete: the slow method came to nothing.
CAME_TO_NOTHING = ("requires_payment_method", "canceled")

# Every other status is of a dispute, or an inquiry, that has not ended.
DISPUTE_ENDS = {"won": "won", "warning_closed": "won", "prevented": "won", "lost": "lost"}

T = TypeVar("T")

# Nothing about this machine is sent along.
stripe.enable_telemetry = False


class StripeCashier:
    """Takes real money, or with a test key none."""

    name = "stripe"

    def __init__(
        self,
        secret_key: str,
        *,
        webhook_secret: str,
        tolerance_seconds: int = 300,
        api_base: str = "",
        timeout: tuple[int, int] = TIMEOUT,
        retries: int = RETRIES,
    ) -> None:
        if not webhook_secret or tolerance_seconds <= 0:
            raise ValueError("a webhook secret, and a tolerance above 0 seconds")
        self.live = secret_key.startswith(LIVE_KEYS)
        self._webhook_secret = webhook_secret
        self._tolerance_seconds = tolerance_seconds
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base} if api_base else None,
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=timeout),
        )

    def open_session(
        self, wanted: SessionWanted, *, description: str, success_url: str, cancel_url: str, language: str = "en"
    ) -> Session:
        """Open a hosted payment page, or answer the one opened before with the same key."""
        metadata = wanted.metadata | {"reference": wanted.reference}
        price = {
            "currency": wanted.currency.lower(),
            "unit_amount": wanted.amount_cents,
            "product_data": {"name": description},
        }
        params: Any = {
            "mode": "payment",
            "line_items": [{"quantity": 1, "price_data": price}],
            "client_reference_id": wanted.reference,
            "metadata": metadata,
            "payment_intent_data": {"metadata": metadata, "description": description},
            "success_url": success_url,
            "cancel_url": cancel_url,
            "expires_at": int(wanted.expires_at.timestamp()),
            "locale": LOCALES.get(language, "auto"),
            "submit_type": "pay",
            # The amount that comes must be the amount that was asked for, in the same currency.
            "adaptive_pricing": {"enabled": False},
        }
        session = _asked(lambda: self._client.v1.checkout.sessions.create(params, {"idempotency_key": wanted.key}))
        return Session(session.id, session.url or "", _instant(session.expires_at))

    def fetch_session(self, session_id: str) -> SessionState:
        """Ask how a session stands."""
        return self._state(
            _asked(lambda: self._client.v1.checkout.sessions.retrieve(session_id, {"expand": ["payment_intent"]}))
        )

    def expire_session(self, session_id: str) -> SessionState:
        """End a session that is still open; answer how it stands then. One that is complete stays complete."""
        try:
            _asked(lambda: self._client.v1.checkout.sessions.expire(session_id))
        except CashierRefused as refusal:
            if refusal.code == "resource_missing":
                raise
            # Not open any more: complete, or expired before.
        return self.fetch_session(session_id)

    def refund(self, payment_id: str, amount_cents: int, *, key: str) -> RefundState:
        """Give money back, once per key."""
        params: Any = {"payment_intent": payment_id, "amount": amount_cents, "metadata": {"refund": key}}
        return _refund_state(_asked(lambda: self._client.v1.refunds.create(params, {"idempotency_key": key})))

    def fetch_refund(self, refund_id: str) -> RefundState:
        """Ask how a refund stands."""
        return _refund_state(_asked(lambda: self._client.v1.refunds.retrieve(refund_id)))

    def fetch_dispute(self, dispute_id: str) -> DisputeState:
        """Ask how a dispute stands. An inquiry that was closed without a dispute is won."""
        dispute = _asked(lambda: self._client.v1.disputes.retrieve(dispute_id))
        return DisputeState(
            id=dispute.id,
            status=DISPUTE_ENDS.get(dispute.status, "open"),
            amount_cents=dispute.amount,
            currency=dispute.currency.upper(),
            payment_id=_id_of(dispute.payment_intent) or "",
            reason=dispute.reason,
        )

    def events_since(self, instant: datetime) -> Iterator[Event]:
        """List what Stripe had to tell since an instant, oldest first. It keeps events for 30 days."""
        params: Any = {"created": {"gte": int(instant.timestamp())}, "types": EVENTS, "limit": PAGE}
        found = _asked(lambda: list(self._client.v1.events.list(params).auto_paging_iter()))
        return iter([_event(each.to_dict()) for each in reversed(found)])

    def takings_since(self, instant: datetime) -> Iterator[Taking]:
        """List the lines of Stripe's books since an instant, oldest first.

        A line names the charge; its payment is known by asking for the charge along with it.
        """
        params: Any = {"created": {"gte": int(instant.timestamp())}, "limit": PAGE, "expand": ["data.source"]}
        found = _asked(lambda: list(self._client.v1.balance_transactions.list(params).auto_paging_iter()))
        return iter(
            [
                Taking(
                    id=each.id,
                    kind=each.type,
                    amount_cents=each.amount,
                    fee_cents=each.fee,
                    currency=each.currency.upper(),
                    source=_what_of(each.source),
                    created_at=_instant(each.created),
                    available_at=_instant(each.available_on),
                    payout=(_id_of(each.source) or "") if each.type.startswith("payout") else "",
                )
                for each in reversed(found)
            ]
        )

    def parse_event(self, body: bytes, signature: str) -> Event:
        """Return the event in a webhook's body. Raises BadSignature unless Stripe signed it, and did so lately."""
        try:
            stripe.WebhookSignature.verify_header(body, signature, self._webhook_secret, self._tolerance_seconds)
            return _event(json.loads(body))
        except (stripe.SignatureVerificationError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadSignature(type(error).__name__) from error

    def _state(self, session: Any) -> SessionState:
        intent = session.payment_intent
        expanded = intent is not None and not isinstance(intent, str)
        status = session.status or "open"
        paid = session.payment_status == "paid"
        return SessionState(
            id=session.id,
            status=status,
            paid=paid,
            amount_cents=session.amount_total or 0,
            currency=(session.currency or "").upper(),
            reference=session.client_reference_id or "",
            live=session.livemode,
            payment_id=_id_of(intent),
            failed=status == "complete" and not paid and expanded and intent.status in CAME_TO_NOTHING,
            declined=expanded and getattr(intent, "last_payment_error", None) is not None,
        )


def _asked(call: Callable[[], T]) -> T:
    """Make a call; answer Stripe's many errors with our two. What may have happened all the same is unreachable."""
    assert not in_transaction(), "the cashier is outside: never call it in an open transaction"
    try:
        return call()
    except (stripe.InvalidRequestError, stripe.CardError, stripe.IdempotencyError) as error:
        if error.http_status == 409 or error.code in ("lock_timeout", "idempotency_key_in_use", "rate_limit"):
            raise CashierUnreachable(_detail(error)) from error
        raise CashierRefused(_detail(error), code=error.code or "") from error
    except stripe.StripeError as error:
        # No answer, 409, 429, 5xx; and a key that is not accepted: our own settings, to be mended, not a no.
        raise CashierUnreachable(_detail(error)) from error


def _detail(error: stripe.StripeError) -> str:
    """Say what went wrong, for the log and for staff; never for a member."""
    words = " ".join((error.user_message or "").split())
    return f"{type(error).__name__} {error.http_status or ''} {error.code or ''} {words}"[:300]


def _event(values: dict[str, Any]) -> Event:
    about = values["data"]["object"]
    return Event(
        id=str(values["id"]),
        kind=str(values["type"]),
        about={
            name: _id_of(about[name]) if name in ("payment_intent", "charge") else about[name]
            for name in KEPT
            if name in about
        },
        live=bool(values["livemode"]),
        created_at=_instant(values["created"]),
    )


def _refund_state(refund: Any) -> RefundState:
    metadata = refund.metadata.to_dict() if refund.metadata else {}
    return RefundState(
        id=refund.id,
        status={"requires_action": "pending"}.get(refund.status, refund.status),
        amount_cents=refund.amount,
        currency=refund.currency.upper(),
        payment_id=_id_of(refund.payment_intent) or "",
        key=metadata.get("refund", ""),
    )


def _what_of(source: Any) -> str:
    """Return what a line of the books is of: a charge stands for its payment, all else for itself."""
    if source is not None and not isinstance(source, str) and source.object == "charge" and source.payment_intent:
        return _id_of(source.payment_intent) or ""
    return _id_of(source) or ""


def _id_of(thing: Any) -> str | None:
    """Return the id of what Stripe gives either as an id or whole."""
    if thing is None or isinstance(thing, str):
        return thing
    return thing["id"] if isinstance(thing, dict) else thing.id


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
