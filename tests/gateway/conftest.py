"""The two cashiers, each with the hands that press the buttons of its page."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from mall.base.cashier import Cashier, SessionWanted
from mall.base.clock import now
from mall.gateway import SandboxCashier, StripeCashier
from tests.stripe_double import Double, running


@dataclass
class Counter:
    """A cashier, and what a customer can do on its page."""

    cashier: Cashier
    hands: Any

    def open(self, *, key="order:7:session:1", amount_cents=690, minutes=35, reference="order:7"):
        """Open a page for an order."""
        # Cut to seconds: Stripe keeps no more, and asked again the question must be the same.
        until = now().replace(microsecond=0) + timedelta(minutes=minutes)
        wanted = SessionWanted(key, reference, amount_cents, "USD", until, {"payment": "1", "attempt": "1"})
        return self.cashier.open_session(
            wanted,
            description="Order 7",
            success_url="http://localhost/orders/7/paid?session={CHECKOUT_SESSION_ID}",
            cancel_url="http://localhost/orders/7",
        )

    def paid(self, **values):
        """Open a page and pay on it. Returns the session's state."""
        session = self.open(**values)
        self.hands.pay(session.id)
        return self.cashier.fetch_session(session.id)


def stripe_at(double: Double, **changes) -> StripeCashier:
    """A Stripe cashier that talks to the double, and is patient with a busy machine."""
    given = {"webhook_secret": double.secret, "api_base": double.address, "timeout": (30, 30), "retries": 0}
    return StripeCashier("sk_test_double", **(given | changes))


@pytest.fixture
def double():
    with running() as double:
        yield double


@pytest.fixture
def sandbox(app):
    cashier = SandboxCashier(page_address="http://localhost/sandbox")
    return Counter(cashier, cashier)


@pytest.fixture
def stripe(app, double):
    return Counter(stripe_at(double), double.books)


@pytest.fixture(params=["sandbox", "stripe"])
def counter(request):
    """Each cashier in turn: the test holds for both."""
    return request.getfixturevalue(request.param)
