"""A level that is reached again only by growth that dormancy gives back gives all of it again in that night, once."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, earning, membership, programme
from tests.stage import NOON, open_shop

DAY = timedelta(days=1)
# 90 days after they were last there, and 14 days before that.
TAKEN = NOON + 90 * DAY
REACH = 100


@pytest.fixture
def stage(either):
    levels = programme.default_settings(shop_name="-")["levels"]
    packs = {"ordinary": {"reach": REACH, "keep": REACH, "upgrade_points": 50, "upgrade_coupon": 1}}
    stage = open_shop(tasks=[], levels=[each | packs.get(each["key"], {}) for each in levels])
    assert stage.coupon_kind() == 1
    return stage


@pytest.fixture
def mei(stage):
    return stage.member("mei")


def keep(stage, member_id, pieces, *, at):
    """Let a member buy pieces for 10.00 each, and keep them: 10 growth for each."""
    stage.put_in(member_id, stage.item(prices=(catalogue.cash_price(1_000),), stock=50), "cash", quantity=pieces)
    order = stage.pay(stage.place(member_id, at=at), at=at)
    stage.ship(order, at=at)
    stage.deliver(order, at=at)
    assert stage.close(order, at=at + 15 * DAY)
    return order


def nights(stage, begin, end):
    while begin <= end:
        with transaction():
            assert earning.take_off_dormant(terms=stage.terms, after=0, at=begin) is None
        begin += DAY


def growth(stage, member_id, at):
    with reading():
        return membership.standing(member_id, terms=stage.terms, at=at).growth


def packs(member_id):
    pack = earning.LevelPack
    with reading():
        return [(row.occasion, row.points, row.coupons) for row in execute(
            select(pack).where(pack.member_id == member_id).order_by(pack.id)
        )]  # fmt: skip


@pytest.fixture
def lost(stage, mei):
    """Let Mei reach Ordinary, lose growth by dormancy, then what she had reached it by: 3 growth lack to her."""
    first = keep(stage, mei, 13, at=NOON)
    nights(stage, TAKEN - 14 * DAY, TAKEN)
    assert growth(stage, mei, TAKEN) == 117
    keep(stage, mei, 2, at=TAKEN + DAY)
    assert packs(mei) == [("level:2", 50, 1)]
    back = TAKEN + 17 * DAY
    stage.refund(first, reason="damaged", pieces={1: 4}, at=back)
    assert (growth(stage, mei, back), stage.level_of(mei, at=back).rank) == (97, 2)
    return first, back


def test_what_was_taken_back_with_a_level_is_given_anew_in_the_night_that_gives_growth_back_once(stage, mei, lost):
    _first, back = lost
    for _twice in range(2):
        nights(stage, back + DAY, back + DAY)
        with transaction():
            earning.review_share(terms=stage.terms, after=0, at=back + DAY)
        assert growth(stage, mei, back + DAY) == REACH
        assert packs(mei) == [("level:2", 50, 1), ("level:2:again:1", 50, 1)]
    nights(stage, back + 2 * DAY, back + 3 * DAY)
    assert len(packs(mei)) == 2


def test_where_what_is_given_back_does_not_reach_the_level_nothing_is_given_anew(stage, mei, lost):
    first, back = lost
    stage.refund(first, reason="damaged", pieces={1: 2}, at=back)
    nights(stage, back + DAY, back + DAY)
    assert growth(stage, mei, back + DAY) == 90
    assert packs(mei) == [("level:2", 50, 1)]
