"""A member exchanges one of three items; the desk takes it in and sends a new one; nothing else has moved."""

from datetime import timedelta

import pytest

from mall.domain import catalogue
from tests import cast
from tests.browser.visitor import DESK
from tests.stage import NOON

DELIVERED = NOON - timedelta(days=2)


@pytest.fixture(autouse=True)
def mug(stage):
    """Mei has had a mug, a lamp and a card, for points and cash, since two days; Ola runs the office."""
    cast.hire("ola", at=NOON)
    mei = stage.member("mei", at=DELIVERED)
    stage.settle_down(mei)
    stage.give(mei, 2_000, at=DELIVERED)
    prices = {
        "Stoneware mug": catalogue.mix_price(1_590, least=600, most=1_500, step=100),
        "Balance desk lamp": catalogue.cash_price(4_999),
        "Pressed-flower card": catalogue.points_price(300),
    }
    items = {}
    for title, price in prices.items():
        items[title] = stage.item(title, prices=(price,), at=DELIVERED)
        stage.put_in(mei, items[title], price.form, points=800 if price.form == "mix" else 0, at=DELIVERED)
    order = stage.pay(stage.place(mei, at=DELIVERED), at=DELIVERED)
    stage.ship(order, at=DELIVERED)
    stage.deliver(order, at=DELIVERED)
    return items["Stoneware mug"]


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_a_cracked_mug_is_exchanged_and_the_points_stay(visit, stage, mug, script):
    mei, ola = visit(script=script), visit(DESK, script=script)
    mei.sign_in("mei")
    mei.open("/orders/10001")
    mei.follow("Return or exchange")
    mei.page.get_by_label("Stoneware mug").fill("1")
    mei.page.get_by_role("radio", name="The same again").check()
    mei.page.get_by_label("Why does it go back?").select_option(label="I changed my mind")
    mei.press("Show what I get")
    mei.sees("Choose money back.")
    mei.page.get_by_label("Why does it go back?").select_option(label="It is damaged")
    mei.press("Show what I get")
    mei.sees("You get the same again", "Stoneware mug", "once more", "To pay")
    mei.sees_not("Cash back")
    mei.press("Ask for this exchange")
    mei.sees("Exchange, being looked at", "The new one is sent when yours has arrived.")

    ola.sign_in_staff("ola")
    ola.open("/office/aftersales")
    ola.follow("Exchange 1 of order 10001")
    ola.sees("Neither money nor points move")
    ola.press("Approve: the goods come back")
    assert stage.stock(mug) == (9, 1)
    ola.page.get_by_label("Stoneware mug").fill("0")
    ola.press("They are in")
    ola.open("/office/aftersales?queue=to_send")
    ola.follow("Exchange 1 of order 10001")
    ola.press("It is on its way")
    ola.sees("Enter the tracking number.")
    ola.fill_in({"Carrier": "Swift", "Tracking number": "SW-4711"})
    ola.press("It is on its way")
    ola.sees("The replacement is on its way.", "Exchanged", "SW-4711")
    assert stage.stock(mug) == (8, 0)

    mei.open("/orders/10001/returns/1")
    mei.sees("Exchanged", "Your replacement", "SW-4711")
    mei.open("/orders/10001")
    mei.sees("Exchange of 1 piece", "Replacement", "SW-4711", "1 sent once more", "Replacement sent with Swift")
    mei.sees_not("given back")
    mei.open("/notices")
    mei.sees("The replacement for order 10001 is on its way")
    mei.open("/wallet")
    mei.sees("900")
    mei.sees_not("+800")
