"""What a visitor put in the basket comes along: as it is to who has none, beside what is there to who has one.

What an order that was let go had in it comes back the same way.
"""

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


@pytest.mark.parametrize("lines", [1, 12])
def test_however_many_lines_come_along_it_takes_as_many_statements(stage, count_statements, lines):
    mei = checkout.Owner(member_id=stage.member("mei"))
    mug, *others = [stage.item(f"Item {number}", prices=(catalogue.points_price(800),)) for number in range(lines + 1)]
    put_in(mei, mug)
    for item in others:
        put_in(VISITOR, item)
    count_statements.clear()

    with transaction():
        checkout.merge("a-visitors-token", mei.member_id, at=NOON)

    assert len([statement for statement in count_statements if not statement.startswith("BEGIN")]) == 7
    assert len(basket_of(mei).lines) == lines + 1


def test_of_what_comes_along_only_as_much_is_taken_as_there_is_room_and_what_is_there_stays(stage):
    mei = checkout.Owner(member_id=stage.member("mei"))
    items = [stage.item(f"Item {n}", prices=(catalogue.points_price(800),)) for n in range(checkout.MOST_LINES + 1)]
    for item in items[1:]:
        put_in(VISITOR, item)
    put_in(mei, items[0])
    put_in(mei, items[1])
    put_in(mei, items[1])

    with transaction():
        checkout.merge("a-visitors-token", mei.member_id, at=NOON)

    after = {line.variant_id: line.quantity for line in basket_of(mei).lines}
    assert len(after) == checkout.MOST_LINES
    assert items[-1].variant_id not in after
    assert after[items[1].variant_id] == 2


def test_what_an_order_had_comes_back_beside_what_is_there_by_now(stage):
    mei = stage.member("mei")
    mug, card = stage.item("Mug", prices=(catalogue.cash_price(800),)), stage.item("Card")
    stage.put_in(mei, mug, "cash", quantity=3)
    order = stage.place(mei)
    put_in(checkout.Owner(member_id=mei), card)

    checkout.give_up(order.id, by=f"member:{mei}", cashier=stage.cashier, terms=stage.terms, site="http://localhost")

    back = {
        line.variant_id: (line.quantity, line.seen_cents) for line in basket_of(checkout.Owner(member_id=mei)).lines
    }
    assert back == {card.variant_id: (1, 0), mug.variant_id: (3, 800)}
