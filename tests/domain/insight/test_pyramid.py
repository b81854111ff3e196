"""The pyramid counts members, growth and kept cash by level, and says what share of the revenue the top brings."""

from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.base.text import say
from mall.domain import catalogue, insight, membership, people
from mall.domain.insight.pyramid import Course, Pyramid
from tests.conftest import noted_statements
from tests.stage import NOON, open_shop


@pytest.fixture
def stage(either):
    with moved_to(NOON):
        yield open_shop()


def grow(stage, member_id, points, *, at=NOON, key="a"):
    """Give growth, as a rule does."""
    with transaction():
        membership.add_growth(
            member_id, points, source="test", reference=f"test:{key}", counts_on=stage.terms.today(at),
            version=stage.terms.version, why=say("A test"), key=f"test:{member_id}:{key}", terms=stage.terms, at=at,
        )  # fmt: skip


def seen(stage, at=NOON):
    with reading():
        return insight.pyramid(terms=stage.terms, at=at)


def test_members_growth_and_kept_cash_stand_by_level(stage):
    mei, tom, _bo = (stage.member(name) for name in ("mei", "tom", "bo"))
    mugs = stage.item(prices=(catalogue.cash_price(1_590),))
    grow(stage, mei, 6_000)
    grow(stage, tom, 2)
    stage.put_in(mei, mugs, "cash", quantity=2)
    order = stage.pay(stage.place(mei))
    # As VIP she has 5 % off: 15.11 a piece.
    assert [(c.rank, c.members, c.growth, c.revenue_cents) for c in seen(stage).courses] == [
        (1, 1, 0, 0), (2, 1, 2, 0), (3, 0, 0, 0), (4, 1, 6_000, 3_022), (5, 0, 0, 0),
    ]  # fmt: skip

    stage.refund(order, pieces={1: 1})
    assert seen(stage).from_rank(4) == Course(4, 1, 6_000, 1_511)
    # 365 days on the order and the growth no longer count; her level stands until its review.
    assert seen(stage, NOON + timedelta(days=366)).from_rank(4) == Course(4, 1, 0, 0)


def test_who_has_left_or_is_kept_out_is_not_counted(stage):
    mei = stage.member("mei")
    stage.member("tom")
    with transaction():
        people.freeze_member(mei, own_member_id=None, by="staff:1", reason="A test", at=NOON)

    assert seen(stage).members == 1


def test_the_top_fifth_is_the_largest_set_of_top_levels_that_holds_at_most_a_fifth():
    def of(*members):
        return Pyramid(tuple(Course(rank, n, 0, n) for rank, n in enumerate(members, start=1)))

    assert of(70, 10, 15, 4, 1).top_fifth() == Course(3, 20, 0, 20)
    assert of(69, 10, 16, 4, 1).top_fifth() == Course(4, 5, 0, 5)
    assert of(10, 0, 0).top_fifth() is None
    assert of(0, 0).top_fifth() is None


def test_it_is_one_statement(stage):
    with noted_statements() as statements:
        seen(stage)
    assert len(statements) == 1
