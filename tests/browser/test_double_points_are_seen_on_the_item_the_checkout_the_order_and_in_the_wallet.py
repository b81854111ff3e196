"""A member buys on a double points Saturday, and reads of it on every page up to why the points are what they are."""

import pytest

from mall.domain import catalogue
from tests.browser.visitor import DESK, PHONE


@pytest.mark.parametrize(
    ("size", "script"), [(PHONE, True), (DESK, True), (PHONE, False)], ids=["phone", "desk", "no_script"]
)
def test_a_double_points_saturday(visit, stage, size, script):
    stage.settle_down(stage.member("mei"))
    stage.item("Stoneware mug", prices=(catalogue.cash_price(1_590),))
    stage.campaign(cap_points=5_000)
    mei = visit(size, script=script)
    mei.sign_in("mei")

    mei.open("/items/stoneware-mug")
    mei.sees("Double points Saturday", "double points on what you pay in cash", "Earns 318 pts")
    mei.put_in_basket()
    mei.follow("Go to checkout")
    mei.sees(
        "318 pts and 15 growth", "159 of these points come from it, as far as its 5,000 points reach when you pay."
    )
    mei.press("Pay $20.80")
    mei.press("Pay $20.80")

    mei.sees("Double points Saturday", "double points on $15.90", "318 pts, 15 growth")
    mei.open("/wallet")
    mei.follow("Double points Saturday, on the way")
    mei.sees("$15.90 kept × 10 points per $1.00 × 100 % more = 159 points")
