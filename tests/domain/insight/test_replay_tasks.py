"""Tasks replayed by the rules that paid them: the level of then, what was undone later, what is kept of an order."""

from datetime import date, timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import transaction
from mall.domain import catalogue, earning, membership, people, programme
from tests.domain.aftersales.test_memberships import buy, give_back
from tests.domain.insight.test_what_if import drafted, tried
from tests.stage import NOON, open_shop

DAY = timedelta(days=1)
LATER = NOON + 40 * DAY
TENFOLD = 10


@pytest.fixture
def shop(either):
    """Open a shop of some tasks: shop(check_in={"from_rank": 3})."""

    def opened(**figures):
        tasks = [{"key": key, "points": 10, "growth": 0} | theirs for key, theirs in figures.items()]
        return open_shop(tasks=tasks)

    with moved_to(NOON):
        yield opened


def points_of(stage, draft):
    found = tried(stage, draft, at=LATER)
    return found.live.task_points, found.draft.task_points


def tenfold(stage):
    """Return a draft in which every task gives ten times as much: it pays for the same."""
    settings = programme.settings_of(stage.terms)
    return drafted(stage, tasks=[task | {"points": task["points"] * TENFOLD} for task in settings["tasks"]])


def keep(stage, member_id, item, *, quantity=1, at=NOON):
    stage.put_in(member_id, item, "cash", quantity=quantity, at=at)
    order = stage.deliver(stage.ship(stage.pay(stage.place(member_id, at=at), at=at), at=at), at=at)
    assert stage.close(order, at=at + 15 * DAY)
    return stage.order(order)


def check_in(stage, member_id, *, at):
    with transaction():
        earning.check_in(member_id, terms=stage.terms, at=at)


def test_who_was_given_a_level_is_paid_what_asks_for_it(shop):
    stage = shop(check_in={"from_rank": 3})
    mei, tom = stage.member("mei"), stage.member("tom")
    given = membership.Grant(mei, 3, date(2026, 3, 10), "A friend", "staff:1", "once")
    with transaction():
        earning.grant_level(given, terms=stage.terms, at=NOON)
    for at in (NOON + DAY, NOON + 20 * DAY):
        check_in(stage, mei, at=at)
        check_in(stage, tom, at=at)

    assert points_of(stage, tenfold(stage)) == (10, 100)


def test_what_a_level_brought_that_was_paid_for_and_given_back_is_not_paid(shop):
    stage = shop(birthday={"from_rank": 3})
    mei = stage.member("mei")
    with transaction():
        people.save_profile(
            mei, display_name="Mei", birthday=date(1990, 3, 11), phone="", language="en", wants_news=False,
            at=NOON - 400 * DAY,
        )  # fmt: skip
    order = buy(stage, mei, stage.membership(length=12, unit="months"), at=NOON)
    with transaction():
        earning.celebrate_birthday(mei, terms=stage.terms, at=NOON + 9 * DAY)
    assert points_of(stage, tenfold(stage)) == (10, 100)

    give_back(stage, order, mei, at=NOON + 10 * DAY)

    assert points_of(stage, tenfold(stage)) == (0, 0)


def test_an_order_that_raises_its_member_is_kept_on_the_level_before(shop):
    stage = shop(every_order={"from_rank": 2})
    mei = stage.member("mei")
    mugs = stage.item(prices=(catalogue.cash_price(60_000),), stock=50)
    keep(stage, mei, mugs)
    assert stage.level_of(mei, at=LATER).rank >= 2

    assert points_of(stage, tenfold(stage)) == (0, 0)


def test_an_order_of_which_too_little_is_kept_later_pays_nothing_and_the_next_pays(shop):
    stage = shop(first_order={"least_cents": 2_000, "in_all": 1})
    mei = stage.member("mei")
    mugs = stage.item(prices=(catalogue.cash_price(1_590),), stock=50)
    first = keep(stage, mei, mugs, quantity=2)
    keep(stage, mei, mugs, quantity=3, at=NOON + DAY)
    stage.refund(first, pieces={1: 1}, at=NOON + 17 * DAY)
    assert points_of(stage, tenfold(stage)) == (0, 0), "the second came while the first still counted"

    keep(stage, mei, mugs, quantity=2, at=NOON + 20 * DAY)

    assert points_of(stage, tenfold(stage)) == (10, 100)
    cheaper = [task | {"least_cents": 1_000} for task in programme.settings_of(stage.terms)["tasks"]]
    assert points_of(stage, drafted(stage, tasks=cheaper)) == (10, 10), "by the draft the first stays"


def test_what_was_undone_took_its_place_under_a_cap_until_then(shop):
    stage = shop(every_order={"in_all": 1})
    mei = stage.member("mei")
    mugs = stage.item(prices=(catalogue.cash_price(1_590),), stock=50)
    first = keep(stage, mei, mugs)
    keep(stage, mei, mugs, at=NOON + DAY)
    stage.refund(first, at=NOON + 17 * DAY)

    assert points_of(stage, tenfold(stage)) == (0, 0)


def test_levels_of_a_draft_are_asked_by_what_takes_their_place(shop):
    stage = shop(check_in={"from_rank": 3})
    mei = stage.member("mei")
    given = membership.Grant(mei, 3, date(2026, 6, 30), "A friend", "staff:1", "once")
    with transaction():
        earning.grant_level(given, terms=stage.terms, at=NOON)
    check_in(stage, mei, at=NOON + DAY)
    settings = programme.settings_of(stage.terms)
    fewer = [level for level in settings["levels"] if level["key"] != "ordinary"]
    fewer = [level | {"rank": rank} for rank, level in enumerate(fewer, start=1)]
    third_now = settings["levels"][2]["key"]
    place = next(rank for rank, level in enumerate(fewer, start=1) if level["key"] == third_now)
    asks = [task | {"points": 100, "from_rank": place} for task in settings["tasks"]]

    assert points_of(stage, drafted(stage, steps=fewer, tasks=asks)) == (10, 100)
    higher = [task | {"points": 100, "from_rank": place + 1} for task in settings["tasks"]]
    assert points_of(stage, drafted(stage, steps=fewer, tasks=higher)) == (10, 0)
