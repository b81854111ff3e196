"""A shop in Berlin, Mei with an empty purse, and the sale of an order."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from mall.base.db import transaction
from mall.domain import earning, people, programme

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def open_shop() -> Callable[..., int]:
    """Set up a shop and welcome Mei, on the app whose context is open. Returns her id."""

    def set_up(**settings: Any) -> int:
        with transaction():
            terms = programme.establish(
                programme.default_settings(shop_name="Tessera", currency="EUR", zone="Europe/Berlin") | settings,
                by="system",
                at=NOON,
            )
            mei = people.register(
                email=people.read_email("mei@example.com"),
                password=people.PasswordHash("-"),
                display_name="Mei",
                language="en",
                wants_news=False,
                verify_page="http://localhost/verify-email/",
                at=NOON,
            )
            assert mei is not None
            earning.welcome(mei, terms=terms, at=NOON)
        return mei

    return set_up


@pytest.fixture
def mei(app, open_shop):
    """Mei's id, in a shop on SQLite."""
    return open_shop()


@pytest.fixture
def sale_of() -> Callable[..., earning.Sale]:
    """Make the sale of a member's order: `sale_of(mei, 12_345)` kept cents, order 7 unless said otherwise."""

    def make(member_id: int, kept_cents: int, *, order: int = 7, multiplier: int = 100, **values: Any) -> earning.Sale:
        return earning.Sale(
            **{
                "order_id": order,
                "reference": f"order:{order}",
                "number": str(1_000 + order),
                "member_id": member_id,
                "placed_at": NOON,
                "version": 1,
                "rates": earning.Rates(multiplier, earn_points=10, earn_per_cents=100, growth_per_cents=100),
                "kept_cents": kept_cents,
            }
            | values
        )

    return make
