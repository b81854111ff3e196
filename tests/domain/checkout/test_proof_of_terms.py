"""The proof sees when the terms of an order are changed: rates, fact, its member's level, coupon and payment."""

import pytest
from sqlalchemy import text

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue
from mall.domain.checkout.proof_of_terms import terms_checks

RATES = "an order keeps the rates of the programme it was placed under"
FACTS = "a paid order is a fact of its member"
LEVELS = "who has ordered has a level"
OWNERS = "a coupon is used by its own member"
CAPTURED = "a payment brought what it asked for, unless a person accepted the difference"


def found() -> list[str]:
    with reading():
        return [check.name for check in terms_checks() if execute(check.breaks).first() is not None]


@pytest.fixture
def order(stage, mei):
    """A paid order of two mugs, with a coupon."""
    mug = stage.item(prices=(catalogue.cash_price(1_590),))
    stage.put_in(mei, mug, "cash", quantity=2)
    return stage.pay(stage.place(mei, use=[stage.coupon(mei)]))


def test_a_sound_order_has_nothing_to_show(stage, mei, order):
    stage.refund(order)

    assert found() == []


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ("UPDATE orders SET earn_points = 1000", RATES),
        ("UPDATE orders SET growth_per_cents = 1", RATES),
        ("UPDATE orders SET worth_cents = 1000", RATES),
        ("UPDATE orders SET return_window_days = 0", RATES),
        ("UPDATE orders SET currency = 'EUR'", RATES),
        ("UPDATE fact SET member_id = {other}", FACTS),
        ("DELETE FROM fact WHERE kind = 'order_paid'", FACTS),
        ("DELETE FROM level_history WHERE member_id = {mei}", LEVELS),
        ("UPDATE coupon SET member_id = {other}", OWNERS),
        ("UPDATE payment SET amount_cents = amount_cents - 1", CAPTURED),
    ],
)
def test_what_is_changed_alone_is_named(stage, mei, order, changed, broken):
    other = stage.member("tom")
    with transaction():
        for (guard,) in execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            execute(text(f'DROP TRIGGER "{guard}"'))
        execute(text(changed.format(mei=mei, other=other)))

    assert found() == [broken]
