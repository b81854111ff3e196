"""An operator sends two of three mugs, then the third; their member reads of each parcel what is in it."""

import pytest

from mall.domain import catalogue
from tests import cast
from tests.browser.visitor import DESK
from tests.stage import NOON


@pytest.fixture(autouse=True)
def scene(stage):
    """Mei has paid for three mugs and a lamp; Ola runs the office."""
    cast.hire("ola", at=NOON)
    mei = stage.member("mei")
    for title, quantity in (("Stoneware mug", 3), ("Balance desk lamp", 1)):
        stage.put_in(mei, stage.item(title, prices=(catalogue.cash_price(1_590),)), "cash", quantity=quantity)
    stage.pay(stage.place(mei))


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_two_mugs_leave_then_the_rest(visit, script):
    mei, ola = visit(script=script), visit(DESK, script=script)
    ola.sign_in_staff("ola")
    ola.open("/office/orders/10001")
    ola.follow("Packing slip")
    ola.sees("Packing slip, order 10001", "Stoneware mug", "Balance desk lamp")
    ola.open("/office/orders/10001")
    ola.fill_in({"Stoneware mug": "2", "Balance desk lamp": "0", "Carrier": "Swift", "Tracking number": "SW-1"})
    ola.press("Send order 10001")
    ola.sees("A parcel of order 10001 is on its way.", "Ship the rest", "2 × Stoneware mug", "2 sent")

    mei.sign_in("mei")
    mei.open("/orders/10001")
    mei.sees("A part of it is on its way", "SW-1", "2 × Stoneware mug", "Still to come", "1 × Balance desk lamp")

    ola.fill_in({"Carrier": "Swift", "Tracking number": "SW-2"})
    ola.press("Send order 10001")
    ola.sees("Order 10001 is on its way.", "With the carrier")

    mei.open("/orders/10001")
    mei.sees("It is on its way", "SW-1", "SW-2", "It has arrived")
    mei.sees_not("Still to come")
    mei.press("It has arrived")
    mei.follow("Receipt")
    mei.sees("Parcels", "SW-2")
