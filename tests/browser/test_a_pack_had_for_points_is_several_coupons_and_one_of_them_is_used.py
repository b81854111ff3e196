"""A pack from the shop to the till: its page says what is in it, points buy all of it, checkout takes one of them."""

import pytest
from playwright.sync_api import expect

from mall.base.clock import moved_to
from mall.base.db import transaction
from mall.domain import catalogue, coupons
from tests.stage import NOON


@pytest.fixture(autouse=True)
def scene(stage):
    """A pack of two coupons of 10.00 and one delivery stands for 700 points beside a lamp of 60.00. Mei has 1,000."""
    ten = stage.coupon_kind(title={"en": "Ten off lamps"}, threshold_cents=5_000)
    parcel = stage.coupon_kind(title={"en": "A parcel for nothing"}, kind="shipping", amount_cents=None)
    voucher = stage.item("Lamp lover's pack", prices=(catalogue.points_price(700),), kind="coupon", delivery="digital")
    with transaction():
        pack = coupons.make_pack(
            key="lamps", title={"en": "Lamp lover's pack"}, parts={ten: 2, parcel: 1}, by="staff:1", at=NOON
        )
        coupons.sell(pack, voucher.product_id, by="staff:1", at=NOON)
    stage.item("Desk lamp", prices=(catalogue.cash_price(6_000),))
    mei = stage.member("mei")
    stage.settle_down(mei)
    stage.give(mei, 1_000)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_a_pack_is_had_and_one_of_its_coupons_used(visit, site, script):
    with moved_to(site.at):
        mei = visit(script=script)
        mei.sign_in("mei")
        have_the_pack(mei)
        use_one(mei, script=script)
        see_what_is_left(mei)


def have_the_pack(mei):
    mei.open("/coupons")
    mei.sees("No coupon to use", "More coupons", "2 × Ten off lamps, 1 × A parcel for nothing", "700")
    mei.follow("Lamp lover's pack")
    mei.sees("2 × Ten off lamps")
    mei.put_in_basket()
    mei.follow("Go to checkout")
    mei.press("Redeem 700 pts")
    mei.open("/coupons")
    mei.sees("A parcel for nothing", "from $50.00 in cash", "Ends 1 April 2026")
    expect(cards(mei)).to_have_count(3)
    mei.open("/notices")
    mei.sees_not("Coupons for you")


def use_one(mei, *, script):
    mei.open("/items/desk-lamp")
    mei.put_in_basket()
    mei.follow("Go to checkout")
    mei.sees("Best for you", "−$10.00")
    tens = mei.region("Coupon").get_by_role("radio", name="Ten off lamps")
    expect(tens).to_have_count(2)
    take(mei, mei.region("Coupon").get_by_role("radio", name="A parcel for nothing"), script=script)
    mei.sees("with your coupon", "Pay $60.00")
    take(mei, tens.last, script=script)
    mei.press("Pay $54.90")
    mei.press("Pay $54.90")
    mei.sees("Coupon Ten off lamps", "−$10.00")


def take(mei, coupon, *, script):
    if script:
        with mei.page.expect_response(lambda answer: answer.request.method == "POST"):
            coupon.check()
    else:
        coupon.check()
        mei.press("Update the total", within=mei.region("Coupon"))


def see_what_is_left(mei):
    mei.open("/coupons")
    expect(cards(mei)).to_have_count(2)
    mei.sees("Ten off lamps", "A parcel for nothing")
    mei.open("/coupons?show=used")
    mei.sees("Used on 2 March 2026", "Order 10002")
    expect(cards(mei)).to_have_count(1)


def cards(mei):
    return mei.region("Coupons").get_by_role("listitem").filter(has=mei.page.locator(".coupon"))
