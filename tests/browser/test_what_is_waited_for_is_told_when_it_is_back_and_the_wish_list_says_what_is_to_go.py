"""A member wishes for one item and waits for another: the list says what is to go, the bell when it is back."""

import pytest

from mall import worker
from mall.base.db import transaction
from mall.domain import catalogue
from tests.browser.visitor import DESK, PHONE
from tests.stage import NOON


@pytest.fixture
def shelf(stage):
    """Mei has 700 points; a card for 800 is on the shelf, a gift for 600, and a lamp for 500 that is sold out."""
    mei = stage.member("mei")
    stage.give(mei, 700)
    stage.item("Pressed-flower card")
    stage.item("Field notes", prices=(catalogue.points_price(600),))
    return stage.item("Lamp", prices=(catalogue.points_price(500),), stock=0)


@pytest.mark.parametrize(
    ("size", "script"), [(PHONE, True), (DESK, True), (PHONE, False)], ids=["phone", "desk", "no_script"]
)
def test_wishing_and_waiting(visit, site, stage, shelf, size, script):
    mei = visit(size, script=script)
    mei.sign_in("mei")
    mei.open("/shop")
    mei.press("On my wish list: Pressed-flower card")
    mei.sees("It is on your wish list.")
    mei.follow("Field notes")
    mei.press("Put on my wish list")
    mei.open("/wishes")
    mei.sees("100 points to go", "Within reach of your points")
    mei.press("Move to basket Field notes")
    mei.sees("It is in your basket.")
    mei.sees_not("Within reach of your points")

    mei.open("/items/lamp")
    mei.press("Tell me when it is back")
    mei.sees("You are told when it is back")
    with transaction():
        catalogue.receive(shelf.variant_id, 1, by="staff:1", at=NOON)
    worker.tell_of_stock(NOON)

    mei.open("/")
    mei.follow("Notices, 1 unread", within=mei.page.get_by_role("banner"))
    mei.follow("Back in stock: Lamp")
    mei.sees("You asked us to tell you.")
    mei.follow("See the item")
    mei.sees("Put in basket", "Looked at lately")
    mei.open("/notices")
    mei.sees_not("New")
    mei.open("/wallet")
    mei.sees("What they could get you now")
