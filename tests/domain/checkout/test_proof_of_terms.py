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
VERSION = "an order was placed under a version that was approved"
TAXED = "a line is taxed at a rate that its programme has"
GIVES = "a paid order gives what its rates make of its cash"
BROUGHT = "what an order brought, growth or a coupon, is of its member"
ACCEPTED = "a difference was accepted by a person"
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
        ("UPDATE orders SET earn_points = 1000", [RATES, GIVES]),
        ("UPDATE orders SET growth_per_cents = 1", [RATES, GIVES]),
        ("UPDATE orders SET multiplier_percent = 500", GIVES),
        ("DELETE FROM programme_approval", VERSION),
        ("UPDATE order_line SET tax_basis_points = 7, tax_cents = 1", TAXED),
        ("UPDATE order_line SET tax_basis_points = tax_basis_points * 10 + 1", TAXED),
        ("UPDATE orders SET accepted_difference_cents = -100", ACCEPTED),
        (
            "INSERT INTO growth_event (member_id, points, source, reference, counts_on, version, why, key, at) SELECT"
            " {other}, 5, 'task', 'order:' || id, '2026-03-02', 1, '{{}}', 'x', placed_at FROM orders",
            BROUGHT,
        ),
        (
            "INSERT INTO coupon (member_id, template_id, source, reference, key, given_at, usable_from, ends_at,"
            " state) SELECT {other}, template_id, 'points', 'order:1', 'x', given_at, given_at, ends_at, 'usable'"
            " FROM coupon",
            BROUGHT,
        ),
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

    assert found() == (broken if isinstance(broken, list) else [broken])
