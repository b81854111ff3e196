"""A shop that has been set up."""

from datetime import UTC, datetime

import pytest

from mall.base.db import transaction
from mall.domain import programme

JANUARY = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def settings():
    """The settings of a new shop, to change and to draft."""
    return programme.default_settings(
        shop_name={"en": "Tessera", "zh": "方寸"},
        currency="EUR",
        zone="Europe/Berlin",
        support_email="hello@shop.test",
    )


@pytest.fixture
def shop(app, settings):
    """A shop set up in January."""
    with transaction():
        return programme.establish(settings, by="system", at=JANUARY)
