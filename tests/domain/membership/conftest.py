"""A shop in Berlin with the pyramid of five levels, and its member Mei."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from mall.base.db import transaction
from mall.base.text import say
from mall.domain import ledger, membership, people, programme

START = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def open_shop() -> Callable[..., Any]:
    """Set up a shop and register Mei, on the app whose context is open. Returns (terms, her id)."""

    def set_up(**settings: Any) -> tuple[programme.Programme, int]:
        with transaction():
            terms = programme.establish(
                programme.default_settings(shop_name="Tessera", currency="EUR", zone="Europe/Berlin") | settings,
                by="system",
                at=START,
            )
            mei = people.register(
                email=people.read_email("mei@example.com"),
                password=people.PasswordHash("-"),
                display_name="Mei",
                language="en",
                wants_news=False,
                verify_page="http://localhost/verify/",
                at=START,
            )
            assert mei is not None
            ledger.open_purse(mei, at=START)
            membership.begin(mei, terms=terms, at=START)
        return terms, mei

    return set_up


@pytest.fixture
def mei(app, open_shop):
    """Mei's id, in a shop on SQLite."""
    return open_shop()[1]


@pytest.fixture
def give_growth() -> Callable[..., Any]:
    """Give a member growth, as an order kept would; `give_growth(mei, 300, at=...)`."""
    count = 0

    def give(member_id: int, points: int, *, at: datetime = START, **values: Any) -> Any:
        nonlocal count
        count += 1
        with transaction():
            terms = programme.current(at)
            return membership.add_growth(
                member_id,
                points,
                **{
                    "source": "order",
                    "reference": f"order:{count}",
                    "counts_on": terms.today(at),
                    "version": terms.version,
                    "why": say("Order {number} kept", number=str(1000 + count)),
                    "key": f"order:{count}:growth",
                    "terms": terms,
                    "at": at,
                }
                | values,
            )

    return give
