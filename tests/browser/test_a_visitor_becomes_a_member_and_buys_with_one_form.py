"""Who comes by puts something in the basket; one short form at checkout makes a member and places the order."""

from datetime import timedelta

import pytest

from mall.domain import catalogue
from tests.browser.visitor import DESK, PHONE
from tests.stage import NOON, PASSWORD, open_shop


@pytest.fixture
def shop(site):
    """A shop with a mug of 15.90, which comes by parcel for 4.90 or is fetched for nothing."""
    parcel = {"key": "parcel", "name": {"en": "Parcel"}, "price_cents": 490, "free_from_cents": None, "kind": "parcel"}
    pickup = {"key": "shop", "name": {"en": "Pick up"}, "price_cents": 0, "free_from_cents": None, "kind": "pickup"}
    site.at = NOON
    shop = open_shop(NOON - timedelta(days=90), shipping_methods=[parcel, pickup])
    shop.item("Stoneware mug", prices=(catalogue.cash_price(1_590),))
    return shop


@pytest.fixture(params=[(PHONE, True), (DESK, True), (PHONE, False)], ids=["phone", "desk", "no_script"])
def zoe(request, shop, visit):
    """Zoe, who is no member, at the checkout with a mug in her basket."""
    zoe = visit(request.param[0], script=request.param[1])
    zoe.open("/items/stoneware-mug")
    zoe.put_in_basket()
    zoe.follow("Go to checkout")
    zoe.sees("Become a member and pay $20.80", "You will earn 159 pts")
    return zoe


def tell_who(zoe):
    zoe.fill_in({"E-mail": "zoe@example.com", "Name": "Zoe Ward", "Password": PASSWORD})


def tell_where(zoe):
    zoe.fill_in({"Street and number": "18 Juniper Lane", "Postcode": "97201", "Town or city": "Portland"})
    zoe.page.get_by_label("Country").select_option("US")


def test_one_form_and_it_is_bought(zoe):
    tell_who(zoe)
    tell_where(zoe)
    zoe.press("Become a member and pay $20.80")
    zoe.press("Pay $20.80")

    zoe.sees("Order 10001", "Paid", "18 Juniper Lane", "Zoe Ward")
    zoe.open("/account")
    zoe.sees("zoe@example.com")


def test_what_is_forgotten_is_told_and_the_rest_stays(zoe):
    tell_who(zoe)
    zoe.press("Become a member and pay $20.80")
    zoe.sees("Enter street and number.", "Choose the country.")

    zoe.fill_in({"Password": PASSWORD})
    tell_where(zoe)
    zoe.press("Become a member and pay $20.80")

    zoe.sees("Pay $20.80", "Sandbox")


def test_what_is_fetched_needs_no_address(zoe):
    zoe.fill_in({"Street and number": "Half a street"})
    zoe.choose("Pick up")
    if not zoe.has_script:
        zoe.press("Update the total")
    zoe.sees("Become a member and pay $15.90")
    zoe.sees_not("Street and number")

    tell_who(zoe)
    zoe.press("Become a member and pay $15.90")

    zoe.sees("Pay $15.90", "Sandbox")


def test_a_member_who_forgot_to_sign_in_is_told_and_the_basket_comes_along(shop, zoe):
    shop.settle_down(shop.member("zoe"))
    zoe.fill_in({"E-mail": "zoe@example.com", "Name": "Zoe", "Password": "another long password"})
    tell_where(zoe)
    zoe.press("Become a member and pay $20.80")
    zoe.sees("There is an account with this e-mail address. Sign in, and your basket comes along.")

    zoe.follow("Sign in")
    zoe.fill_in({"Password": PASSWORD})
    zoe.press("Sign in", within=zoe.page.get_by_role("main"))
    zoe.press("Pay $20.80")

    zoe.sees("Pay $20.80", "Sandbox")
