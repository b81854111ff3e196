"""The proof of orders sees every way in which an order may disagree with itself, its points, its goods or its cash."""

import pytest
from sqlalchemy import text, update

from mall.base.db import execute, reading, transaction
from mall.domain import cash, catalogue, checkout
from tests.stage import NOON

Line, Order = checkout.OrderLine, checkout.Order


def found() -> list[str]:
    with reading():
        return [check.name for check in checkout.checks() if execute(check.breaks).first() is not None]


@pytest.fixture
def order(stage, mei):
    """A paid order of two pieces of a limited mug, for points and cash."""
    mug = stage.item(prices=(catalogue.mix_price(1_590, least=600, most=600, step=100),), total_quota=5)
    stage.give(mei, 2_000)
    stage.put_in(mei, mug, "mix", quantity=2)
    return stage.pay(stage.place(mei))


def test_sound_orders_have_nothing_to_show(stage, mei, mug, order):
    for pay in (False, True):
        stage.put_in(mei, mug, "cash")
        if pay:
            stage.pay(stage.place(mei))
        else:
            stage.place(mei)
    stage.refund(order)

    assert found() == []


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("table", "values", "broken"),
    [
        (Order, {"points": 1_199}, "an order's lines add up to what is due"),
        (Order, {"goods_cents": 1}, "an order's lines add up to what is due"),
        (Line, {"switch_points": 1}, "an order's lines add up to what is due"),
        (Line, {"unit_cents": 1}, "a line's price is that of its pieces"),
        (Line, {"unit_points": 1}, "a line's price is that of its pieces"),
        (
            Order,
            {"state": "awaiting_payment"},
            "an order's points are held while it is unpaid, redeemed once it is paid, released when it is let go",
        ),
        (
            Order,
            {"state": "cancelled"},
            "an order's points are held while it is unpaid, redeemed once it is paid, released when it is let go",
        ),
        (Order, {"shipping_cents": 0}, "a paid order's cash was captured"),
        (Order, {"accepted_difference_cents": 1}, "a paid order's cash was captured"),
        (cash.Payment, {"captured_cents": 1}, "a paid order's cash was captured"),
        (Order, {"state": "shipped"}, "what is reserved for an order agrees with its state"),
        (catalogue.Reservation, {"open": 1}, "what is reserved for an order agrees with its state"),
        (
            catalogue.QuotaDraw,
            {"quantity": 3},
            "what an order took of a total is within what it bought, and nothing once it was let go or refunded",
        ),
        (
            Order,
            {"state": "timed_out"},
            "what an order took of a total is within what it bought, and nothing once it was let go or refunded",
        ),
        (Line, {"refunded": 3}, "no more is refunded than was bought"),
    ],
)
def test_what_is_wrong_with_an_order_is_seen(order, table, values, broken):
    assert found() == []

    with transaction():
        execute(text("PRAGMA ignore_check_constraints=ON"))
        execute(update(table).values(**values))

    assert broken in found()


def test_what_one_order_took_of_a_total_comes_back_with_it(stage, mei, order):
    stage.refund(order, at=NOON)
    with reading():
        assert catalogue.offers([1], at=NOON)[0].quota_left == 5
