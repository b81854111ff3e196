"""An item for Senior members says what is missing, and opens when what was bought is kept and the level is reached."""

import re
from datetime import timedelta

import pytest

from mall.domain import catalogue
from tests.browser.visitor import DESK, PHONE
from tests.stage import NOON

SENIOR = 3
DELIVERED, KEPT = NOON + timedelta(days=3), NOON + timedelta(days=17, minutes=1)


@pytest.fixture
def bought(stage):
    """Mei has 1,000 points, and has just bought a sofa for 1,600.00 that she will keep."""
    mei = stage.member("mei")
    stage.settle_down(mei)
    stage.give(mei, 1_000)
    stage.item("Tasting evening", buy_rank=SENIOR)
    stage.item("Secret tasting", see_rank=SENIOR, buy_rank=SENIOR)
    stage.put_in(mei, stage.item("Sofa", prices=(catalogue.cash_price(160_000),)), "cash")
    return stage.pay(stage.place(mei))


@pytest.mark.parametrize(
    ("size", "script"), [(PHONE, True), (DESK, True), (PHONE, False)], ids=["phone", "desk", "no_script"]
)
def test_an_item_opens_with_the_level(visit, site, stage, bought, size, script):
    mei = visit(size, script=script)
    mei.open("/items/tasting-evening")
    mei.sees("For Senior members and above", "Sign in to see how far you are")
    mei.sign_in("mei")
    mei.open("/shop")
    mei.sees_not("Secret tasting")
    mei.follow("Tasting evening")
    mei.sees("For Senior members and above", "You need 1,500 more growth. You have the points already.")
    mei.sees("Growth: 0 of 1,500")
    mei.sees_not("Put in basket")
    mei.follow("See ways to earn growth")
    mei.sees("growth to reach")

    stage.deliver(stage.ship(bought, at=DELIVERED), at=DELIVERED)
    stage.close(bought, at=KEPT)
    site.at = KEPT

    mei.open("/member")
    mei.sees(re.compile("Your level\\s+Senior"), "3,400 growth to reach VIP")
    mei.open("/shop")
    mei.follow("Secret tasting")
    mei.sees("Put in basket")
    mei.open("/items/tasting-evening")
    mei.put_in_basket()
    mei.follow("Go to checkout")
    mei.press("Redeem 800 pts")
    mei.sees("Being packed", "Tasting evening", "800 pts")
