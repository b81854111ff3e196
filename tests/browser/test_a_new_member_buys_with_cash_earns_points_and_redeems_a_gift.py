"""From nobody to a gift: register, verify by the mail, buy with cash, the points unlock, a gift for points only."""

import re
from datetime import timedelta
from threading import Event

import pytest

from mall import worker
from mall.base.clock import moved_to
from mall.domain import catalogue
from tests import cast
from tests.browser.visitor import DESK
from tests.stage import NOON

PASSWORD = "seven blue kettles"


@pytest.fixture
def work(site):
    """Let the worker do, once, what is due at the instant the clock stands at."""

    def once() -> None:
        with moved_to(site.at):
            worker.work(Event(), once=True)

    return once


@pytest.fixture(autouse=True)
def scene(stage):
    """A mug of 15.90 and a card of 150 points are on the shelf; Ola runs the office."""
    stage.item("Stoneware mug", prices=(catalogue.cash_price(1_590),))
    stage.item("Pressed-flower card", prices=(catalogue.points_price(150),), kind="gift")
    cast.hire("ola", at=NOON)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_from_nobody_to_a_gift(visit, site, work, script):
    mei = visit(script=script)
    register(mei)
    work()
    verify_by_the_mail(mei)
    buy_with_cash(mei)
    mei.open("/wallet")
    mei.sees("Ready to use 40 pts", "On the way", "159 pts", "14 days after delivery")

    site.at = NOON + timedelta(days=3)
    ship_and_deliver(visit(DESK, script=script))
    mei.open("/wallet")
    mei.sees("159 pts", "19 March 2026")

    site.at = NOON + timedelta(days=17, minutes=20)
    work()
    mei.open("/wallet")
    mei.sees("Ready to use 199 pts", "On the way 0 pts")
    mei.follow("Ready to use", within=mei.region("History"))
    mei.sees("15.90", "programme version 1")

    redeem_a_gift(mei)
    mei.open("/wallet")
    mei.sees("Ready to use 49 pts", "−150")


def register(mei):
    mei.open("/")
    mei.follow("Sign in", within=mei.page.get_by_role("banner"))
    mei.follow("Become a member", within=mei.page.get_by_role("main").locator("form"))
    mei.fill_in({"E-mail": "mei@example.com", "Name": "Mei", "Password": PASSWORD})
    mei.press("Become a member")
    mei.sees("We have sent you a mail")


def verify_by_the_mail(mei):
    mei.open("/outbox/")
    mei.follow(re.compile("[Vv]erify|address"))
    mei.follow(re.compile("verify-email"))
    mei.press("Verify my address")
    mei.fill_in({"E-mail": "mei@example.com", "Password": PASSWORD})
    mei.press("Sign in", within=mei.page.get_by_role("main"))
    mei.sees("Verified")


def buy_with_cash(mei):
    mei.open("/items/stoneware-mug")
    mei.sees("Earns 159 pts")
    mei.put_in_basket()
    mei.follow("Go to checkout")
    mei.follow("Add an address first")
    mei.fill_in({"Full name": "Chen Meilin", "Street and number": "18 Juniper Lane"})
    mei.fill_in({"Postcode": "97201", "Town or city": "Portland"})
    mei.page.get_by_label("Country").select_option("US")
    mei.press("Save the address")
    mei.sees("18 Juniper Lane", "159 pts and 15 growth")
    mei.press("Pay $20.80")
    mei.press("Pay $20.80")
    mei.sees("Being packed", "Paid")


def ship_and_deliver(ola):
    ola.sign_in_staff("ola", by_hand=True)
    ola.open("/office/orders")
    ola.follow("Ship order 10001")
    ola.fill_in({"Carrier": "Swift", "Tracking number": "SW-77"})
    ola.press("Send order 10001")
    ola.sees("is on its way")
    ola.press("It was delivered")
    ola.sees("Order 10001 is delivered.")


def redeem_a_gift(mei):
    mei.open("/shop")
    mei.follow("Pressed-flower card")
    mei.sees("After this you will have 49 pts")
    mei.put_in_basket()
    mei.follow("Go to checkout")
    mei.sees("199 − 150 = 49 left")
    mei.press("Redeem 150 pts")
    mei.sees("Order 10002", "150 pts", "$0.00")
