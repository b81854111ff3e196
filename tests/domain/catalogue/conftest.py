"""The catalogue's cast: a shop's terms, and a few ways to put things on its shelves quickly."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from mall.base.db import transaction
from mall.domain import catalogue, programme

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OPERATOR = "staff:1"
Make = Callable[..., tuple[int, int]]


@pytest.fixture
def terms(app: Flask) -> programme.Programme:
    """A new shop's programme: 100 points are worth 1.00."""
    settings = programme.default_settings(shop_name="Tessera")
    with transaction():
        return programme.establish(settings, by="system", at=NOON)


@pytest.fixture
def make(app: Flask, terms: programme.Programme) -> Make:
    """Put a product with one variant on the shelf; returns (product_id, variant_id)."""
    return maker(terms)


def maker(terms: programme.Programme) -> Make:
    """Return make() for a shop with these terms."""
    made = []

    def make(
        title: str | dict[str, str] = "Mug",
        *,
        prices: tuple[catalogue.Price, ...] = (catalogue.points_price(800),),
        stock: int = 10,
        at: datetime = NOON,
        listed: bool = True,
        **details: Any,
    ) -> tuple[int, int]:
        made.append(title)
        titles = {"en": title} if isinstance(title, str) else title
        with transaction():
            product_id = catalogue.create_product(title=titles, terms=terms, by=OPERATOR, at=at, **details)
            variant_id = catalogue.add_variant(
                product_id, sku=f"SKU-{len(made)}", prices=prices, terms=terms, by=OPERATOR, at=at
            )
            if stock:
                catalogue.receive(variant_id, stock, by=OPERATOR, at=at)
            if listed:
                catalogue.list_products([product_id], terms=terms, by=OPERATOR, at=at)
        return product_id, variant_id

    return make
