"""A receipt prints the order of calculation, component by component, and tax by rate; the desk shows the same."""

import pytest

from mall.base.db import reading
from mall.domain import catalogue, checkout, programme
from tests.cast import hire, sign_in_staff
from tests.stage import NOON, open_shop
from tests.web.store.till import words

TAXES = {
    "standard": {"name": {"en": "Standard rate"}, "rates": [["2000-01-01", 1_900]]},
    "reduced": {"name": {"en": "Reduced rate"}, "rates": [["2000-01-01", 700]]},
}


@pytest.fixture
def stage(app):
    """A shop with two rates of tax, whose members all have a discount of 5 %."""
    settings = {"tax_classes": TAXES}
    levels = programme.default_settings(shop_name="Tessera")["levels"]
    return open_shop(levels=[level | {"discount_percent": 5} for level in levels], **settings)


@pytest.fixture
def order(till, stage, mei):
    """One order with every component: discount, coupon, points both ways, delivery, two rates of tax."""
    stage.give(mei, 5_000)
    stage.coupon(mei, title={"en": "Ten off"})
    till.put_in(stage.item("Lamp", prices=(catalogue.cash_price(4_000),)), "cash")
    till.put_in(stage.item("Book", prices=(catalogue.cash_price(1_000),), tax_class="reduced"), "cash", quantity=2)
    till.put_in(stage.item("Card", prices=(catalogue.points_price(800),)))
    till.place(points=1_000)
    [order] = till.orders()
    return stage.pay(order)


CALCULATION = (
    "Items, in cash $60.00 Items, in points 800 pts Level discount −$3.00 Coupon Ten off −$10.00"
    " Paid with points 1,000 pts −$10.00 Delivery $4.90 Points 1,800 pts Cash $41.90"
)
TAXED = "Tax inside items, 7 % of $12.34 $0.81 Tax inside items, 19 % of $24.66 $3.94 Tax inside delivery $0.78"


def test_the_receipt_and_the_order_page_print_every_component_in_order(till, order):
    receipt = words(till.browser.get(f"/orders/{checkout.number_of(order.id)}/receipt").text)

    for page in (receipt, words(till.page_of(order))):
        assert f"{CALCULATION} {TAXED}" in page


def test_each_line_of_the_receipt_says_its_share_of_every_component(till, order):
    page = words(till.browser.get(f"/orders/{checkout.number_of(order.id)}/receipt").text)

    headings = "Item Quantity Points Price Level discount Coupon Paid with points Cash Tax inside"
    assert headings in page
    with reading():
        lines = checkout.lines_of(order.id)
    for line in lines:
        parts = line.level_discount_cents + line.coupon_cents + line.saved_cents
        assert line.list_cents - parts == line.cash_cents
    assert "1 – $40.00 −$2.00 −$6.67 −$6.67 667 pts $24.66 $3.94" in page
    assert "2 – $20.00 −$1.00 −$3.33 −$3.33 333 pts $12.34 $0.81" in page
    assert "1 800 $0.00 – – – $0.00 $0.00" in page


def test_the_desk_shows_the_same_calculation(app, order):
    browser = app.test_client()
    sign_in_staff(browser, hire("ola", at=NOON))

    page = words(browser.get(f"/office/orders/{checkout.number_of(order.id)}").text)

    assert f"How it was calculated {CALCULATION} {TAXED}" in page


def test_components_that_are_not_there_have_no_column_and_no_row(till, stage, mei, mug):
    till.put_in(mug, "cash")
    till.place()
    [order] = till.orders()
    stage.pay(order)

    page = words(till.browser.get(f"/orders/{checkout.number_of(order.id)}/receipt").text)

    assert "Waived" not in page and "Coupon" not in page and "Paid with points" not in page
