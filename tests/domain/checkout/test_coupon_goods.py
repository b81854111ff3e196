"""An item of the kind "coupon" gives the coupon it gave when its order was placed, whatever it gives by now."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, checkout, coupons
from tests.stage import NOON


def sell(kind, voucher):
    with transaction():
        coupons.sell(kind, voucher.product_id, by="staff:1", at=NOON)


@pytest.fixture
def voucher(stage):
    """An item for 5.00 that gives ten off."""
    voucher = stage.item("Voucher", prices=(catalogue.cash_price(500),), kind="coupon", delivery="digital")
    sell(stage.coupon_kind(), voucher)
    return voucher


def titles_of(member_id):
    with reading():
        return [row.title["en"] for row in coupons.coupons_of(member_id)]


def test_an_item_that_gives_another_coupon_by_now_gives_the_one_that_was_ordered(stage, mei, voucher):
    stage.put_in(mei, voucher, "cash")
    order = stage.place(mei)
    sell(stage.coupon_kind(title={"en": "One off"}, amount_cents=100), voucher)

    stage.pay(order)

    assert titles_of(mei) == ["Ten off"]


def test_who_orders_afterwards_has_the_other(stage, mei, voucher):
    sell(stage.coupon_kind(title={"en": "One off"}, amount_cents=100), voucher)
    stage.put_in(mei, voucher, "cash")

    stage.pay(stage.place(mei))

    assert titles_of(mei) == ["One off"]


def test_who_was_shown_the_one_does_not_get_the_other(stage, mei, voucher):
    stage.put_in(mei, voucher, "cash")
    _basket, priced = stage.price(mei)
    sell(stage.coupon_kind(title={"en": "One off"}, amount_cents=100), voucher)

    with pytest.raises(checkout.QuoteChanged):
        stage.place(mei, shown=priced.quote.fingerprint)


def test_what_was_ordered_keeps_its_worth_though_no_item_gives_it_any_more(stage, mei):
    voucher = stage.item("Voucher", prices=(catalogue.cash_price(500),), kind="coupon", delivery="digital")
    kind = stage.coupon_kind()
    sell(kind, voucher)
    stage.put_in(mei, voucher, "cash")
    order = stage.place(mei)
    sell(stage.coupon_kind(title={"en": "One off"}, amount_cents=100), voucher)

    for change in ({"amount_cents": 1}, {"member_limit": 1}, {"total_limit": 1}):
        with pytest.raises(coupons.AlreadyGiven), transaction():
            coupons.edit_template(kind, seen_version=1, terms=stage.terms, by="staff:1", at=NOON, **change)
    with transaction():
        coupons.withdraw_template(kind, by="staff:1", at=NOON)
    stage.pay(order)

    with reading():
        [mine] = coupons.ready(mei, product_ids=[], at=NOON + timedelta(hours=1))
    assert mine.amount_cents == 1_000


def test_a_line_says_which_coupon_its_pieces_give_and_other_lines_none(stage, mei, voucher):
    stage.give(mei, 800)
    stage.put_in(mei, voucher, "cash")
    stage.put_in(mei, stage.item())
    order = stage.place(mei)

    with reading():
        assert [line.template_id for line in checkout.lines_of(order.id)] == [1, None]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize("change", [{"template_id": 2}, {"template_id": None}])
def test_the_proof_finds_an_order_that_gave_another_coupon_than_its_line_says(stage, mei, voucher, change):
    stage.coupon_kind()
    stage.put_in(mei, voucher, "cash")
    stage.pay(stage.place(mei))

    with transaction():
        execute(update(checkout.OrderLine).values(**change))

    with reading():
        broken = [check.name for check in checkout.checks() if execute(check.breaks).first()]
    assert broken == ["a paid order gave the coupons that were bought with it, one that is over none"]
