"""What a level allows to redeem in a month is said in the basket and at checkout, before it is refused."""

import pytest

from mall.domain import programme
from tests.stage import open_shop
from tests.web.store.till import fields_of, words


@pytest.fixture
def stage(app):
    levels = programme.default_settings(shop_name="-")["levels"]
    return open_shop(levels=[level | {"redemptions_per_month": 2} for level in levels])


def test_the_basket_and_the_checkout_say_how_many_are_left(till, stage, mei, gift):
    stage.give(mei, 5_000)
    till.put_in(gift)
    said = "Your level redeems 2 pieces a month: with this basket 1. From 1 April 2026 on they count anew."
    assert said in words(till.basket())
    assert said in words(till.checkout())
    assert till.place().status_code == 303


def test_beyond_it_both_say_what_to_do_and_nothing_is_placed(till, stage, mei, gift):
    stage.give(mei, 5_000)
    till.put_in(gift, quantity=2)
    form = fields_of(till.checkout(), "order")
    till.put_in(gift)
    said = "With your level you can redeem 2 pieces a month, and 2 are left. Take fewer pieces for points"
    assert said in words(till.basket())
    page = words(till.checkout())
    assert said in page and "Change the basket first" in page

    assert till.browser.post("/checkout", data=form).status_code == 422
    assert till.orders() == []


def test_cash_is_not_limited(till, stage, mei, mug):
    till.put_in(mug, "cash", quantity=5)
    assert "pieces a month" not in words(till.basket())
    assert till.place().status_code == 303
