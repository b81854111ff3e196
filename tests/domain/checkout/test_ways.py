"""Every way to deliver costs what the total with it charges: by the same coupons, points and level."""

import pytest

from mall.base.db import reading
from mall.domain import catalogue, checkout, membership
from tests.stage import NOON, open_shop

METHODS = [
    {"key": "parcel", "name": {"en": "Parcel"}, "price_cents": 490, "free_from_cents": 5_000, "kind": "parcel"},
    {"key": "express", "name": {"en": "Express"}, "price_cents": 990, "free_from_cents": None, "kind": "parcel"},
    {"key": "pickup", "name": {"en": "At the shop"}, "price_cents": 0, "free_from_cents": None, "kind": "pickup"},
]


@pytest.fixture
def stage(app):
    """A shop with three ways to deliver, one of them free from 50.00."""
    return open_shop(shipping_methods=METHODS)


@pytest.fixture
def lamp(stage):
    """A lamp for 59.90 in cash: delivery is free from 50.00."""
    return stage.item("Lamp", prices=(catalogue.cash_price(5_990),))


def look(stage, member_id, *, ready=0, points=0, method="parcel", use=None):
    with reading():
        level = membership.standing(member_id, terms=stage.terms, at=NOON).level
        return checkout.price_as_far_as(
            ready, checkout.basket_of(checkout.Owner(member_id=member_id)),
            viewer=catalogue.Viewer(level.rank, member_id, None, level.early_access_hours), level=level,
            terms=stage.terms, points_offered=points, method_key=method, coupon_ids=use, propose=True, at=NOON,
        )  # fmt: skip


def ways_must_be_totals(stage, member_id, **choices):
    """Look once by each method: what a way says is what the total with that method charges for delivery."""
    seen = look(stage, member_id, **choices)
    assert len(seen.ways) == len(stage.terms.shipping_methods) > 1
    for way in seen.ways:
        q = look(stage, member_id, **choices, method=way.method.key).quote
        assert way.cents == q.shipping_cents + q.shipping_waived_cents
        assert way.free_by == q.shipping_free_by


def cents_of(seen):
    return {way.method.key: way.cents for way in seen.ways}


def test_without_a_coupon_delivery_is_free_from_its_amount(stage, mei, lamp):
    stage.put_in(mei, lamp, "cash")

    assert cents_of(look(stage, mei))["parcel"] == 0
    ways_must_be_totals(stage, mei, use=())


def test_a_coupon_that_takes_goods_below_the_amount_shows_delivery_at_its_price(stage, mei, lamp):
    ten_off = stage.coupon(mei)
    stage.put_in(mei, lamp, "cash")

    seen = look(stage, mei, use=[ten_off])

    assert (seen.quote.goods_cents, seen.quote.shipping_cents) == (4_990, 490)
    assert cents_of(seen)["parcel"] == 490
    ways_must_be_totals(stage, mei, use=[ten_off])


def test_with_a_coupon_for_free_delivery_every_way_that_has_a_price_is_free(stage, mei):
    free = stage.coupon(mei, title={"en": "Free delivery"}, kind="shipping", amount_cents=None)
    stage.put_in(mei, stage.item("Mug", prices=(catalogue.cash_price(1_590),)), "cash")

    seen = look(stage, mei, use=[free])

    assert set(cents_of(seen).values()) == {0}
    assert {way.method.key: way.free_by for way in seen.ways}["parcel"] == "coupon"


def test_points_at_the_switch_change_no_way_to_deliver(stage, mei, lamp):
    stage.give(mei, 2_000)
    stage.put_in(mei, lamp, "cash")

    ways_must_be_totals(stage, mei, ready=2_000, points=2_000, use=())


def test_a_small_amount_that_is_waived_leaves_the_price_of_delivery_as_the_total_prints_it(stage, mei):
    ten_off = stage.coupon(mei)
    stage.put_in(mei, stage.item("Mug", prices=(catalogue.cash_price(1_020),), delivery="digital"), "cash")

    ways_must_be_totals(stage, mei, use=[ten_off])


# As far as it goes.


def test_the_switch_takes_no_more_points_than_are_ready_beside_the_items(stage, mei, lamp):
    stage.put_in(mei, lamp, "cash")
    stage.put_in(mei, stage.item("Seeds", prices=(catalogue.points_price(450),)))

    seen = look(stage, mei, ready=1_000, points=2_000, use=())

    assert (seen.quote.switch_points, seen.quote.points) == (550, 1_000)


def test_of_coupons_that_cannot_go_together_the_first_is_used(stage, mei, lamp):
    one, other = stage.coupon(mei), stage.coupon(mei, amount_cents=500)
    stage.put_in(mei, lamp, "cash")

    seen = look(stage, mei, use=[other, one])

    assert [each.coupon.id for each in seen.quote.coupons] == [other]
    assert seen.coupon_trouble is None


def test_looking_again_with_less_asks_the_database_nothing_more(stage, mei, lamp, count_statements):
    stage.put_in(mei, lamp, "cash")
    coupons = [stage.coupon(mei), stage.coupon(mei, amount_cents=500)]

    def statements(**choices):
        count_statements.clear()
        look(stage, mei, **choices)
        return len(count_statements)

    assert statements(use=coupons, ready=100, points=2_000) == statements(use=())
