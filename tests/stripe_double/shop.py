"""The mall as a shop that is paid by the double: it asks the double, and hears of it by its own hook."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from .server import Double

HOOK = "/hooks/stripe"


def shop_paid_by(double: Double, make_app: Callable[..., Flask], **settings: Any) -> Flask:
    """Build a mall whose cashier the double is."""
    app = make_app(
        CASHIER="stripe",
        STRIPE_SECRET_KEY="sk_test_double",
        STRIPE_WEBHOOK_SECRET=double.secret,
        STRIPE_API_BASE=double.address,
        **settings,
    )
    hear(double, app)
    return app


def hear(double: Double, app: Flask) -> None:
    """Let what the double tells come in by the hook of a mall in this process."""

    def post(body: bytes, headers: dict[str, str]) -> int:
        return app.test_client().post(HOOK, data=body, headers=headers).status_code

    double.outbox.post = post
