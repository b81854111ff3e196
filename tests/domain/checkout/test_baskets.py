"""What a visitor put in the basket comes along: as it is to who has none, beside what is there to who has one."""

from datetime import timedelta

import pytest

from mall.base.db import reading, transaction
from mall.domain import catalogue, checkout
from tests.stage import NOON, open_shop

VISITOR = checkout.Owner(token="a-visitors-token")


@pytest.fixture
def stage(app):
    return open_shop()


def put_in(owner, item, *, at=NOON):
    with transaction():
        checkout.put_in(
            owner, variant_id=item.variant_id, option_id=item.options["points"], points_each=800, quantity=1,
            seen_cents=0, seen_points=800, at=at,
        )  # fmt: skip


def basket_of(owner):
    with reading():
        return checkout.basket_of(owner)


def test_who_has_no_basket_takes_over_the_visitors_with_its_key(stage):
    mei = checkout.Owner(member_id=stage.member("mei"))
    put_in(VISITOR, stage.item("Mug", prices=(catalogue.points_price(800),)))
    before = basket_of(VISITOR)

    with transaction():
        checkout.merge("a-visitors-token", mei.member_id, at=NOON)

    assert basket_of(mei) == before
    assert basket_of(VISITOR).id is None


def test_a_visitors_basket_is_forgotten_sixty_days_after_something_was_put_in(either):
    stage = open_shop()
    mug, card = stage.item("Mug", prices=(catalogue.points_price(800),)), stage.item("Card")
    mei, other = checkout.Owner(member_id=stage.member("mei")), checkout.Owner(token="another")
    put_in(mei, mug)
    put_in(VISITOR, mug)
    put_in(other, mug)
    put_in(other, card, at=NOON + timedelta(days=1))

    with transaction():
        assert checkout.forget_baskets(at=NOON + timedelta(days=60)) == 0
        assert checkout.forget_baskets(at=NOON + timedelta(days=60, seconds=1)) == 1

    assert basket_of(VISITOR).id is None
    assert len(basket_of(other).lines) == 2
    assert len(basket_of(mei).lines) == 1


def test_who_has_a_basket_keeps_its_key_and_finds_the_lines_of_both_in_it(stage):
    mei = checkout.Owner(member_id=stage.member("mei"))
    put_in(mei, stage.item("Mug", prices=(catalogue.points_price(800),)))
    put_in(VISITOR, stage.item("Card", prices=(catalogue.points_price(800),)))
    before = basket_of(mei)

    with transaction():
        checkout.merge("a-visitors-token", mei.member_id, at=NOON)

    after = basket_of(mei)
    assert (after.id, after.key, len(after.lines)) == (before.id, before.key, 2)
    assert basket_of(VISITOR).id is None
