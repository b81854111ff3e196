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
    with transaction():
        [another] = coupons.give(
            [coupons.Giving(1, "more")], member_id=mei, source="operator", reference="coupon:1",
            zone=stage.terms.zone, at=NOON,
        )  # fmt: skip
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


# Packs.


@pytest.fixture
def given_pack(stage, mei):
    """Mei's pack of two coupons of one kind and one of another, of which one may be given in all."""
    ten, five, other = stage.coupon_kind(), stage.coupon_kind(), stage.coupon_kind()
    with transaction():
        pack = coupons.make_pack(
            key="p", title={"en": "Welcome"}, parts={ten: 2, five: 1}, total_limit=1, by="staff:1", at=NOON
        )
        coupons.give_pack(pack, mei, reference="level:3", terms=stage.terms, at=NOON)
    assert broken() == []
    return pack, other


WHOLE = "a pack that was given has exactly its coupons, all of them its member's"
OF_MEMBERS = "a coupon belongs to the member whom its key names"


@pytest.mark.parametrize("change", ["one less", "another kind", "a pack itself", "for something else"])
def test_a_given_pack_that_is_not_whole(given_pack, change):
    pack, other = given_pack
    coupon = coupons.Coupon
    one = update(coupon).where(coupon.id == 1)
    write(
        {
            "one less": one.values(pack_id=None),
            "another kind": one.values(template_id=other),
            "a pack itself": one.values(template_id=pack, pack_id=None),
            "for something else": one.values(reference="level:4"),
        }[change]
    )

    assert broken() == [WHOLE, *([OF_MEMBERS] if change == "for something else" else [])]


def test_a_given_pack_of_another_member(stage, given_pack):
    write(update(coupons.Coupon).where(coupons.Coupon.id == 1).values(member_id=stage.member("tom")))

    assert broken() == [WHOLE, OF_MEMBERS]


def test_packs_that_are_counted_wrong(given_pack):
    pack, _other = given_pack
    write(update(coupons.CouponTemplate).where(coupons.CouponTemplate.id == pack).values(used=0))

    assert broken() == ["packs are counted as they were given, within the limit of each"]


def test_a_reminder_that_nobody_got(stage, mei):
    coupon = stage.coupon(mei)
    write(update(coupons.Coupon).where(coupons.Coupon.id == coupon).values(reminded_at=NOON))

    assert broken() == ["whoever counts as reminded of a coupon has a notice that says so"]
