"""A sale is a dated price with the old one struck through; one that ends before the order is placed is not charged."""

from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.domain import catalogue
from tests.stage import NOON
from tests.web.store.till import words

END = NOON + timedelta(hours=1)


@pytest.fixture
def lamp(stage):
    """A lamp for 60.00, and for 45.00 until one o'clock; a print for 800 points, and for 500 until then."""
    sale = catalogue.cash_price(4_500, old_cash_cents=6_000, ends_at=END)
    return stage.item("Lamp", prices=(catalogue.cash_price(6_000), sale))


@pytest.fixture
def print_(stage):
    """A print for 800 points, and for 500 until one o'clock."""
    sale = catalogue.points_price(500, old_points=800, ends_at=END)
    return stage.item("Print", prices=(catalogue.points_price(800), sale))


def test_the_old_price_is_struck_through_on_card_item_page_and_basket(till, lamp, print_):
    for page in ("/shop", "/items/lamp"):
        assert "$45.00 was $60.00" in words(till.browser.get(page).text)
    assert "500 pts was 800 pts" in words(till.browser.get("/items/print").text)

    till.put_in(lamp, "cash", quantity=2)
    till.put_in(print_)

    basket = words(till.basket())
    assert "$90.00 was $120.00" in basket and "500 pts was 800 pts" in basket


def test_a_sale_that_ends_between_the_total_and_the_button_is_refused_with_the_new_total(till, lamp):
    till.put_in(lamp, "cash")
    form = till.form()
    assert "Pay $49.90" in words(till.checkout())

    with moved_to(END):
        refused = till.browser.post("/checkout", data=form)
        assert refused.status_code == 422
        page = words(refused.text)
        assert "The total has changed since you saw it. Nothing was taken." in page
        assert "Pay $64.90" in page and "The price has changed since you put it in. It was $45.00" in page
        assert till.orders() == []

        assert till.place().status_code == 303

    [order] = till.orders()
    assert order.goods_cents == 6_000


def test_a_sale_is_over_by_the_shops_clock_whatever_the_form_says(till, lamp):
    till.put_in(lamp, "cash")
    form = till.form()

    with moved_to(END):
        assert till.browser.post("/checkout", data=form | {"price": "4500", "at": NOON.isoformat()}).status_code == 422
