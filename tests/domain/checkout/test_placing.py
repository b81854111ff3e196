"""Placing sets points and goods aside once, at the price that was shown - or says why not, and changes nothing."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mall.base.db import reading, transaction
from mall.base.errors import NotFound
from mall.domain import catalogue, checkout, ledger
from tests.stage import ADDRESS, NOON


def test_an_order_for_points_only_is_paid_at_once_and_meets_no_cashier(stage, mei, mug):
    stage.give(mei, 2_000)
    stage.put_in(mei, mug, "points")

    order = stage.place(mei, cashier=False)

    assert (order.state, order.points, checkout.cash_cents_of(order)) == ("paid", 1_590, 0)
    assert stage.balances(mei).ready == 410
    assert stage.stock(mug) == (10, 1)
    with reading():
        assert checkout.basket_of(checkout.Owner(member_id=mei)).lines == ()


def test_a_mixed_order_holds_its_points_until_it_is_paid(stage, mei, mug):
    stage.give(mei, 2_000)
    stage.put_in(mei, mug, "mix", points=900)

    order = stage.place(mei)

    assert (order.state, order.points, order.goods_cents, order.shipping_cents) == (
        "awaiting_payment",
        900,
        690,
        stage.terms.shipping_methods[0].price_cents,
    )
    assert (stage.balances(mei).ready, stage.balances(mei).held) == (1_100, 900)

    paid = stage.pay(order)

    assert paid.state == "paid"
    assert stage.balances(mei) == ledger.Balances(ready=1_100, pending=69, held=0, owed=0)


def test_points_at_the_switch_are_shared_over_the_lines_bought_with_cash(stage, mei, mug):
    stage.give(mei, 2_000)
    tea = stage.item("Spring sencha", prices=(catalogue.cash_price(1_000),))
    stage.put_in(mei, mug, "cash")
    stage.put_in(mei, tea, "cash")

    order = stage.place(mei, points=1_000)

    with reading():
        lines = checkout.lines_of(order.id)
    assert [(line.switch_points, line.saved_cents, line.cash_cents) for line in lines] == [
        (614, 614, 976),
        (386, 386, 614),
    ]


def test_the_same_key_places_one_order(stage, mei, mug):
    stage.give(mei, 5_000)
    stage.put_in(mei, mug, "points")
    basket, priced = stage.price(mei)
    again = {"key": basket.key, "shown": priced.quote.fingerprint}

    first = stage.place(mei, **again)
    second = stage.place(mei, **again)

    assert first.id == second.id
    assert stage.balances(mei).ready == 5_000 - 1_590


def test_a_used_key_with_other_content_is_refused_with_the_new_quote(stage, mei, mug):
    stage.give(mei, 5_000)
    stage.put_in(mei, mug, "points")
    basket, _priced = stage.price(mei)
    stage.place(mei)
    stage.put_in(mei, mug, "points", quantity=2)
    _basket, priced = stage.price(mei)

    with pytest.raises(checkout.QuoteChanged):
        stage.place(mei, key=basket.key, shown=priced.quote.fingerprint)


@pytest.mark.parametrize("otherwise", ["address", "delivery"])
def test_a_used_key_with_another_address_or_delivery_is_refused(stage, mei, mug, otherwise):
    (post,) = stage.terms.shipping_methods
    stage.terms = replace(stage.terms, shipping_methods=(post, replace(post, key="express")))
    stage.put_in(mei, mug, "cash")
    basket, priced = stage.price(mei)
    again = {"key": basket.key, "shown": priced.quote.fingerprint}
    first = stage.place(mei, **again)
    elsewhere = {"address": ADDRESS | {"line1": "2 Elm Row"}}
    change = {"address": elsewhere, "delivery": {"method_key": "express"}}[otherwise]

    with pytest.raises(checkout.PlacedOtherwise, match=f"Order {checkout.number_of(first.id)} was placed"):
        stage.place(mei, **again, **change)

    assert stage.place(mei, **again, method_key=first.shipping_key).id == first.id
    assert stage.order(first).address == ADDRESS


def test_a_delivery_nobody_knows_is_no_other_one(stage, mei, mug):
    stage.put_in(mei, mug, "cash")
    basket, priced = stage.price(mei)
    again = {"key": basket.key, "shown": priced.quote.fingerprint, "method_key": "pigeon"}

    assert stage.place(mei, **again).id == stage.place(mei, **again).id


def test_another_members_key_is_not_there(stage, mei, mug):
    stage.give(mei, 2_000)
    stage.put_in(mei, mug, "points")
    basket, priced = stage.price(mei)
    stage.place(mei)
    tom = stage.member("tom")

    with pytest.raises(NotFound):
        stage.place(tom, key=basket.key, shown=priced.quote.fingerprint)


def test_a_price_that_changed_since_it_was_shown_is_refused(stage, mei, mug):
    stage.give(mei, 2_000)
    stage.put_in(mei, mug, "points")
    basket, priced = stage.price(mei)
    with transaction():
        dearer = [catalogue.points_price(1_600, id=mug.options["points"])]
        catalogue.set_price_options(mug.variant_id, dearer, terms=stage.terms, by="staff:1", at=NOON)

    with pytest.raises(checkout.QuoteChanged):
        stage.place(mei, key=basket.key, shown=priced.quote.fingerprint)

    assert stage.balances(mei).ready == 2_000
    assert stage.stock(mug) == (10, 0)


def test_too_few_points_are_refused_and_nothing_is_set_aside(stage, mei, mug):
    stage.give(mei, 1_000)
    stage.put_in(mei, mug, "points")

    with pytest.raises(ledger.InsufficientPoints, match="needs 1590 points; 1000 are available"):
        stage.place(mei)

    assert stage.stock(mug) == (10, 0)
    with reading():
        assert len(checkout.basket_of(checkout.Owner(member_id=mei)).lines) == 1


def test_more_than_is_in_stock_is_refused(stage, mei, mug):
    stage.put_in(mei, mug, "cash", quantity=11)

    with pytest.raises(catalogue.OutOfStock, match="Only 10"):
        stage.place(mei)


def test_a_limit_per_member_counts_earlier_orders(stage, mei):
    rare = stage.item("Teapot", prices=(catalogue.points_price(100),), limit_per_member=2)
    stage.give(mei, 1_000)
    stage.put_in(mei, rare, quantity=2)
    stage.place(mei)
    stage.put_in(mei, rare)

    with pytest.raises(checkout.LimitReached, match="you can have 0 more"):
        stage.place(mei)


def test_an_item_for_a_higher_level_is_refused(stage, mei):
    gated = stage.item("Headphones", prices=(catalogue.points_price(100),), buy_rank=4)
    stage.give(mei, 1_000)
    stage.put_in(mei, gated)

    with pytest.raises(checkout.LevelTooLow):
        stage.place(mei)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"verified": False}, checkout.VerifyFirst),
        ({"address": None}, checkout.NoAddress),
        ({"cashier": False}, checkout.NoCashier),
        ({"points_offered": 99_999}, checkout.TooManyPoints),
        ({"shown": "something else"}, checkout.QuoteChanged),
        ({"key": "something else"}, checkout.QuoteChanged),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_taken(stage, mei, mug, changes, refusal):
    stage.give(mei, 2_000)
    stage.put_in(mei, mug, "mix", points=900)

    with pytest.raises(refusal):
        stage.place(mei, **changes)

    assert stage.balances(mei).ready == 2_000


def test_an_empty_basket_is_refused(stage, mei):
    with pytest.raises(checkout.EmptyBasket):
        stage.place(mei)


def test_only_so_many_orders_may_wait_for_payment(stage, mei, mug):
    for _order in range(stage.terms.unpaid_orders):
        stage.put_in(mei, mug, "cash")
        stage.place(mei)
    stage.put_in(mei, mug, "cash")

    with pytest.raises(checkout.TooManyUnpaid):
        stage.place(mei)


def test_digital_goods_for_points_are_complete_at_once(stage, mei):
    voucher = stage.item("Coffee voucher", prices=(catalogue.points_price(450),), kind="code", delivery="digital")
    stage.give(mei, 500)
    stage.put_in(mei, voucher)

    order = stage.place(mei, address=None)

    assert stage.order(order).state == "completed"
    assert stage.stock(voucher) == (9, 0)


def test_the_level_of_placing_stays_with_the_order(stage, mei, mug):
    stage.put_in(mei, mug, "cash")

    order = stage.place(mei)

    assert (order.level_rank, order.multiplier_percent, order.version) == (1, 100, stage.terms.version)
    assert order.pay_until == NOON + timedelta(minutes=35)
