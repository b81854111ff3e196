"""A member pays for a mug partly with points and partly with cash, at the sandbox's payment page."""

import re

import pytest

from mall.domain import catalogue


@pytest.fixture(autouse=True)
def scene(stage):
    """Mei has an address and 1,000 points; a mug is on the shelf."""
    mei = stage.member("mei")
    stage.settle_down(mei)
    stage.give(mei, 1_000)
    stage.item(
        "Stoneware mug",
        prices=(catalogue.cash_price(1_590), catalogue.mix_price(1_590, least=600, most=1_500, step=100)),
    )


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_points_and_cash_pay_for_one_order(visit, script):
    mei = visit(script=script)
    mei.sign_in("mei")
    mei.open("/shop")
    mei.follow("Stoneware mug")

    mei.choose("Points \\+ cash")
    mei.set_points(800)
    mei.sees("800", "7.90")
    mei.put_in_basket()

    mei.follow("Go to checkout")
    mei.sees("1,000 − 800 = 200 left", "4.90")
    mei.press("Redeem 800 pts and pay $12.80")

    mei.sees("Pay $12.80", "Sandbox")
    mei.press("Pay $12.80")

    assert re.search(r"/orders/[^/]+$", mei.page.url)
    mei.sees("Paid", "800 pts", "$12.80")
    mei.open("/wallet")
    mei.sees("200", "−800")
