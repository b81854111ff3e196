"""What was bought is kept, the level is reached, and its pack is there: the points, the coupon, and a notice of it."""

from datetime import timedelta

import pytest

from mall.base.db import transaction
from mall.domain import catalogue, coupons, programme
from tests.browser.visitor import DESK, PHONE
from tests.stage import NOON, Stage, open_shop

DELIVERED, KEPT = NOON + timedelta(days=3), NOON + timedelta(days=17, minutes=1)
COUPON = 1


@pytest.fixture
def stage(site) -> Stage:
    """A shop that gives 200 points and a coupon to who reaches Senior."""
    site.at = NOON
    pack = {"upgrade_points": 200, "upgrade_coupon": COUPON}
    levels = programme.default_settings(shop_name="-")["levels"]
    stage = open_shop(levels=[level | (pack if level["key"] == "senior" else {}) for level in levels])
    with transaction():
        coupons.make_template(
            key="ten", title={"en": "Ten off"}, kind="amount", amount_cents=1_000, valid_days=30, terms=stage.terms,
            by="staff:1", at=NOON,
        )  # fmt: skip
    return stage


@pytest.fixture
def bought(stage):
    """Mei has just bought a sofa for 1,600.00 that she will keep."""
    mei = stage.member("mei")
    stage.settle_down(mei)
    stage.put_in(mei, stage.item("Sofa", prices=(catalogue.cash_price(160_000),)), "cash")
    return stage.pay(stage.place(mei))


@pytest.mark.parametrize(
    ("size", "script"), [(PHONE, True), (DESK, True), (PHONE, False)], ids=["phone", "desk", "no_script"]
)
def test_the_pack_is_there_with_the_level(visit, site, stage, bought, size, script):
    mei = visit(size, script=script)
    mei.open("/levels")
    mei.sees("Levels and what they give", "200 points + Ten off", "Become a member")
    mei.sign_in("mei")
    mei.open("/member")
    mei.follow("Compare all levels")
    mei.sees("You are here:", "Registered")

    stage.deliver(stage.ship(bought, at=DELIVERED), at=DELIVERED)
    stage.close(bought, at=KEPT)
    site.at = KEPT

    mei.open("/levels")
    mei.sees("3,400 growth to reach VIP")
    mei.open("/wallet")
    mei.sees("Pack for reaching Senior", "16,200")
    mei.open("/coupons")
    mei.sees("Ten off")
    mei.open("/notices")
    mei.sees("Your pack for reaching Senior")
