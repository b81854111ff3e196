"""The proof of coupons finds a counter that lies, a limit that was passed, a code taken too often, a use too late."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from mall.base.db import execute, reading, transaction
from mall.domain import checkout, coupons
from tests.stage import NOON

pytestmark = pytest.mark.breaks_the_books


def broken():
    with reading():
        return [check.name for check in coupons.checks() + checkout.checks() if execute(check.breaks).first()]


def write(statement):
    with transaction():
        execute(statement)


@pytest.fixture
def used(stage, mei, lamp):
    """Mei's order with a coupon of which one may be used in all, and one by each member."""
    coupon = stage.coupon(mei, total_limit=1, member_limit=1)
    stage.put_in(mei, lamp, "cash")
    order = stage.place(mei, use=[coupon])
    assert broken() == []
    return coupon, order


def test_a_counter_that_lies(used):
    write(update(coupons.CouponTemplate).values(used=0))

    assert broken() == ["a coupon's total is the count of its live uses, and within its limit"]


def test_a_member_beyond_the_limit(stage, mei, used):
    another = stage.coupon(mei, of=1)
    write(
        update(coupons.Coupon)
        .where(coupons.Coupon.id == another)
        .values(state="used", used_for="order:99", used_at=NOON)
    )

    assert "no member uses a coupon more often than one member may" in broken()
    assert "the coupons used for an order are those it names, while it stands" in broken()


def test_a_code_taken_too_often(stage, used):
    kind = stage.coupon_kind()
    with transaction():
        coupons.make_codes(kind, count=1, each_for=5, key="k", by="staff:1", at=NOON)
    write(update(coupons.CouponCode).values(taken=1))

    assert broken() == ["a coupon code was taken as often as it gave a coupon"]


def test_a_use_too_late(used):
    write(update(coupons.Coupon).values(used_at=NOON + timedelta(days=99)))

    assert broken() == ["a coupon was used while it could be"]


def test_a_coupon_whose_order_is_over(stage, used):
    coupon, order = used
    write(
        update(coupons.Coupon).where(coupons.Coupon.id == coupon).values(state="usable", used_for=None, used_at=None)
    )

    assert "the coupons used for an order are those it names, while it stands" in broken()


def test_a_coupon_kept_though_its_piece_went_back(stage, mei):
    voucher = stage.item("Voucher", kind="coupon")
    kind = stage.coupon_kind()
    with transaction():
        coupons.sell(kind, voucher.product_id, by="staff:1", at=NOON)
    stage.give(mei, 800)
    stage.put_in(mei, voucher)
    stage.place(mei)
    assert broken() == []

    write(update(checkout.OrderLine).values(refunded=1))

    assert "a paid order gave the coupons that were bought with it, one that is over none" in broken()
