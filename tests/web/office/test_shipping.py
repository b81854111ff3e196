"""The desk sees the ways of delivery in force: what each costs, from which amount each level has it free."""

import pytest

from mall.domain import programme
from tests.stage import open_shop
from tests.web.store.till import words

PICKUP = {"key": "pickup", "name": {"en": "Counter"}, "price_cents": 0, "free_from_cents": None, "kind": "pickup"}


@pytest.fixture
def stage(app):
    parcel = {"key": "p", "name": {"en": "By Swift"}, "price_cents": 490, "free_from_cents": 8_000, "kind": "parcel"}
    levels = programme.default_settings(shop_name="Tessera")["levels"]
    levels[2]["free_shipping_from_cents"] = 3_000
    levels[0]["free_shipping_from_cents"] = None
    return open_shop(shipping_methods=[parcel, PICKUP], levels=levels)


def test_each_way_has_its_price_and_each_level_its_amount(desk):
    said = words(desk.get("/office/shipping").text)

    assert "By Swift" in said and "$4.90" in said and "Counter" in said and "Free" in said
    assert "Registered $80.00" in said and "Senior $30.00" in said
    assert "version 1 of the programme" in said
