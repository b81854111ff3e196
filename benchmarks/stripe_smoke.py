"""Try our Stripe cashier in the test mode of Stripe itself: STRIPE_SECRET_KEY=sk_test_... python THIS_FILE

It opens and ends a payment page, takes a payment with the test card, gives it back in parts, and says at each step
whether Stripe did what our double in tests/ does. Needs the network; takes no money. Exit status 1: Stripe differs.
"""

import os
import secrets
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import stripe

from mall.base.cashier import CashierRefused, SessionState, SessionWanted
from mall.base.clock import now
from mall.gateway import StripeCashier

TEST_KEYS = ("sk_test_", "rk_test_")


def steps(cashier: StripeCashier, client: stripe.StripeClient) -> list[tuple[str, Callable[[], Any]]]:
    """Return what is tried, in order: a sentence, and a call that is true when the sentence is."""
    run = secrets.token_hex(6)
    until = now().replace(microsecond=0) + timedelta(minutes=35)
    began = now() - timedelta(minutes=5)
    known: dict[str, str] = {}

    def wanted(minutes: int = 35, key: str = "session") -> SessionWanted:
        expires_at = until + timedelta(minutes=minutes - 35)
        return SessionWanted(f"smoke:{run}:{key}", f"smoke:{run}", 690, "USD", expires_at, {"payment": "1"})

    def open_page(**changes: Any) -> str:
        return cashier.open_session(
            wanted(**changes),
            description=f"Smoke test {run}",
            success_url="https://example.com/paid?session={CHECKOUT_SESSION_ID}",
            cancel_url="https://example.com/",
        ).id

    def opened() -> bool:
        known["session"] = open_page()
        state = cashier.fetch_session(known["session"])
        expected = SessionState(
            known["session"],
            "open",
            paid=False,
            amount_cents=690,
            currency="USD",
            reference=f"smoke:{run}",
            live=False,
        )
        return state == expected

    def ended() -> bool:
        return cashier.expire_session(known["session"]).status == "expired"

    def taken() -> bool:
        params: Any = {
            "amount": 690,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
        intent = client.v1.payment_intents.create(params)
        known["payment"] = intent.id
        return bool(intent.status == "succeeded")

    def give_back(amount_cents: int, key: str) -> str:
        return cashier.refund(known["payment"], amount_cents, key=f"smoke:{run}:{key}").id

    return [
        ("A page is opened for what was asked", opened),
        ("The same key answers the same page", lambda: open_page() == known["session"]),
        ("A page for less than 30 minutes is refused", lambda: refused(lambda: open_page(minutes=20, key="short"))),
        ("A page can be ended", ended),
        ("A page that has ended stays so when ended again", ended),
        ("The test card pays", taken),
        ("A part is given back once per key", lambda: give_back(200, "1") == give_back(200, "1")),
        ("Two equal parts are two", lambda: give_back(200, "1") != give_back(200, "2")),
        ("More than is left is refused", lambda: refused(lambda: give_back(291, "3"))),
        ("The rest is given back", lambda: bool(give_back(290, "4"))),
        ("Nothing is left", lambda: refused(lambda: give_back(1, "5"))),
        ("A key used otherwise is refused", lambda: refused(lambda: give_back(199, "1"))),
        ("What was told can be listed", lambda: any(each.about for each in cashier.events_since(began))),
        ("The books can be listed", lambda: any(each.amount_cents for each in cashier.takings_since(began))),
    ]


def refused(call: Callable[[], Any]) -> bool:
    """Tell whether the cashier says no."""
    try:
        call()
    except CashierRefused:
        return True
    return False


def main() -> int:
    """Run every step and say how it went."""
    key, base = os.environ.get("STRIPE_SECRET_KEY", ""), os.environ.get("STRIPE_API_BASE", "")
    if not key.startswith(TEST_KEYS):
        print("Set STRIPE_SECRET_KEY to a test key (sk_test_...). A live key is not used here.", file=sys.stderr)
        return 2
    cashier = StripeCashier(key, webhook_secret="not used", api_base=base)
    client = stripe.StripeClient(key, base_addresses={"api": base} if base else None)
    differs = 0
    for sentence, holds in steps(cashier, client):
        ok = holds()
        differs += not ok
        print(f"{'ok     ' if ok else 'DIFFERS'} {sentence}")
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
