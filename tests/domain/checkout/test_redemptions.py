"""A level may limit how many pieces are redeemed in a month: refused at placing, given back by itself, proved."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, checkout, programme
from mall.domain.checkout.proof_of_terms import terms_checks
from tests.stage import NOON, open_shop

# The last hour of March by the shop's clock, and the first of April.
MARCH_ENDS = datetime(2026, 4, 1, 5, 30, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, 7, 30, tzinfo=UTC)
PROMISE = "nobody has redeemed more in a month than their level allowed"


def levels(*, most):
    limited = {"registered": {"redemptions_per_month": most}}
    return [level | limited.get(level["key"], {}) for level in programme.default_settings(shop_name="-")["levels"]]


@pytest.fixture
def stage(app):
    """A shop in Los Angeles whose lowest level redeems three pieces a month."""
    return open_shop(levels=levels(most=3), zone="America/Los_Angeles")


@pytest.fixture
def mei(stage):
    mei = stage.member("mei")
    stage.give(mei, 20_000)
    return mei


def redeem(stage, member_id, item, *, form="points", quantity=1, at=NOON, **placing):
    stage.put_in(member_id, item, form, quantity=quantity, at=at)
    return stage.place(member_id, at=at, **placing)


def left(stage, member_id, *, at=NOON):
    """What the quote says of the basket: (used, wanted, left)."""
    _basket, priced = stage.price(member_id, at=at)
    return priced.redemptions and (priced.redemptions.used, priced.redemptions.wanted, priced.redemptions.left)


def test_so_many_pieces_may_be_redeemed_in_a_month_and_no_more(stage, mei, mug):
    redeem(stage, mei, mug, quantity=2)
    stage.put_in(mei, mug, "points", quantity=2)

    assert left(stage, mei) == (2, 2, 1)
    with pytest.raises(
        checkout.RedeemedEnough,
        match="redeem 3 pieces a month, and 1 are left",
    ):
        stage.place(mei)
    with transaction():
        owner = checkout.Owner(member_id=mei)
        checkout.set_line(owner, checkout.basket_of(owner).lines[0].id, quantity=1)
    stage.place(mei)


def test_a_mix_counts_and_what_is_sold_for_cash_does_not(stage, mei, mug):
    order = redeem(stage, mei, mug, form="mix", quantity=3)
    stage.put_in(mei, mug, "cash", quantity=5)
    assert left(stage, mei) is None
    stage.place(mei, points=100)
    assert stage.order(order).redemptions_allowed == 3
    with pytest.raises(checkout.RedeemedEnough):
        redeem(stage, mei, mug)


def test_what_is_cancelled_or_given_back_may_be_redeemed_again(stage, mei, mug):
    unpaid = redeem(stage, mei, mug, form="mix", quantity=1)
    paid = redeem(stage, mei, mug, quantity=2)
    stage.put_in(mei, mug, "points")
    assert left(stage, mei) == (3, 1, 0)
    stage.refund(paid, pieces={1: 1})
    assert left(stage, mei) == (2, 1, 1)
    checkout.give_up(unpaid.id, by=f"member:{mei}", cashier=stage.cashier, terms=stage.terms, site="http://localhost")
    assert left(stage, mei)[0] == 1


def test_a_month_is_one_of_the_shops_clock(stage, mei, mug):
    redeem(stage, mei, mug, quantity=3, at=MARCH_ENDS)
    with pytest.raises(checkout.RedeemedEnough):
        redeem(stage, mei, mug, at=MARCH_ENDS + timedelta(minutes=20))
    stage.place(mei, at=APRIL)


def test_a_level_without_a_limit_has_none(app):
    stage = open_shop()
    mei = stage.member("mei")
    stage.give(mei, 20_000)
    order = redeem(stage, mei, stage.item(stock=50), quantity=20)
    assert (order.redeemed_in, order.redemptions_allowed) == (None, None)


def test_a_limit_of_none_lets_nothing_be_redeemed(app):
    stage = open_shop(levels=levels(most=0))
    mei = stage.member("mei")
    stage.give(mei, 20_000)
    with pytest.raises(checkout.RedeemedEnough):
        redeem(stage, mei, stage.item())


def test_visitors_and_members_without_points_in_the_basket_are_not_counted(stage, mei, mug):
    with reading():
        basket = checkout.basket_of(checkout.Owner(token="nobody"))
        level = stage.terms.level(1)
        viewer = catalogue.Viewer(1)
        priced = checkout.price(basket, viewer=viewer, level=level, terms=stage.terms, at=NOON)
    assert priced.redemptions is None


@pytest.mark.breaks_the_books
def test_the_proof_finds_who_redeemed_more(stage, mei, mug):
    redeem(stage, mei, mug, quantity=2)
    redeem(stage, mei, mug)

    def broken():
        with reading():
            return [check.name for check in terms_checks() if execute(check.breaks).first()]

    assert broken() == []
    with transaction():
        execute(text("UPDATE orders SET redemptions_allowed = 2"))
    assert broken() == [PROMISE]
