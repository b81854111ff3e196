"""A coupon from desk to wallet and back: made, had for points, proposed, used, given back; a code typed, too."""

import os
from pathlib import Path

import pytest

from mall.base.clock import moved_to
from mall.domain import catalogue
from tests import cast
from tests.browser.visitor import DESK
from tests.stage import NOON


@pytest.fixture(autouse=True)
def scene(stage):
    """A lamp of 60.00 and a voucher of 800 points are on the shelf; Mei has points; Ola runs the office."""
    stage.item("Desk lamp", prices=(catalogue.cash_price(6_000),))
    stage.item("Ten off, for points", prices=(catalogue.points_price(800),), kind="coupon")
    mei = stage.member("mei")
    stage.settle_down(mei)
    stage.give(mei, 1_000)
    cast.hire("ola", at=NOON)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_from_the_desk_to_the_till_and_back(visit, site, script):
    with moved_to(site.at):
        make_a_coupon(visit(DESK, script=script))
        mei = visit(script=script)
        mei.sign_in("mei")
        have_it_for_points(mei)
        use_it(mei, script=script)
        cancel(mei)
        type_a_wrong_code(mei)


def make_a_coupon(ola):
    ola.sign_in_staff("ola")
    ola.open("/office/coupons")
    ola.sees("No coupon yet")
    ola.open("/office/coupons/new")
    ola.fill_in({"Name in English": "Ten off lamps and more"})
    ola.page.get_by_label("Amount (optional)").fill("10.00")
    ola.page.get_by_label("From an amount in cash of (optional)").fill("60")
    ola.press("Make the coupon")
    ola.sees("Say until when the coupon can be used, or for how many days.")
    ola.page.get_by_label("For so many days after it was given (optional)").fill("30")
    ola.press("Make the coupon")
    ola.sees("The coupon is made.", "$10.00 off, from $60.00 in cash")
    ola.press("Let it give this coupon")
    ola.sees("Who has this item now has the coupon.", "Members have this coupon, or can have it.")
    shot(ola, "desk")
    ola.open("/office/coupons")
    ola.sees("Can be given")
    shot(ola, "list")
    ola.open("/office/coupons/members/1")
    ola.press("Give it")
    ola.sees("Say why.")
    ola.fill_in({"Reason": "A parcel that came late"})
    ola.press("Give it")
    ola.sees("The coupon is among theirs.", "by hand")
    ola.region("Coupons").locator("summary").click()
    shot(ola, "member")
    ola.region("Coupons").get_by_label("Reason").fill("The wrong member")
    ola.press("Take it back")
    ola.sees("The coupon is taken back.", "Taken back")


def have_it_for_points(mei):
    mei.open("/items/ten-off-for-points")
    mei.put_in_basket()
    mei.follow("Go to checkout")
    mei.press("Redeem 800 pts")
    mei.open("/coupons")
    mei.sees("Ten off lamps and more", "from $60.00 in cash", "Ends 1 April 2026")
    shot(mei, "wallet")


def use_it(mei, *, script):
    mei.open("/items/desk-lamp")
    mei.put_in_basket()
    mei.follow("Go to checkout")
    mei.sees("Best for you", "−$10.00", "You will earn 500 pts")
    shot(mei, "checkout")
    mei.choose("No coupon")
    if not script:
        mei.press("Update the total", within=mei.region("Coupon"))
    mei.sees("You will earn 600 pts")
    mei.choose("Ten off lamps")
    if not script:
        mei.press("Update the total", within=mei.region("Coupon"))
    mei.sees("You will earn 500 pts")
    mei.press("Pay $54.90")
    mei.press("Pay $54.90")
    mei.sees("Coupon Ten off lamps and more", "−$10.00")
    shot(mei, "order")
    mei.open("/coupons?show=used")
    mei.sees("Used on 2 March 2026", "Order 10002")


def cancel(mei):
    mei.open("/orders/10002")
    mei.follow("Cancel this order")
    mei.sees("Yours to use again, until 1 April 2026", "$54.90")
    mei.press("Cancel the order")
    mei.sees("Yours to use again, until 1 April 2026")
    mei.open("/coupons")
    mei.sees("Ten off lamps and more")


def type_a_wrong_code(mei):
    mei.fill_in({"Coupon code": "ABCD-EFGH"})
    mei.press("Add the coupon")
    mei.sees("This code gives no coupon here.")
    assert mei.page.get_by_label("Coupon code", exact=True).input_value() == "ABCD-EFGH"


def shot(visitor, name):
    if os.environ.get("SHOTS"):
        visitor.page.screenshot(path=Path(os.environ["SHOTS"]) / f"{name}.png", full_page=True)
