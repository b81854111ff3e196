"""Dormancy replayed takes off and gives back what the nights really did, and by a draft what they would have."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from mall.base.clock import moved_to, start_of
from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import catalogue, earning, insight, ledger, membership, people, programme
from mall.domain.insight.dormant import Dormancy, Past
from mall.domain.insight.replay_dormancy import away_under, dormancy_replayed
from mall.domain.insight.replay_orders import order_growth
from mall.domain.insight.shop_days import ShopDays
from tests.stage import NOON, open_shop

ZONE = "Europe/Berlin"
BEGIN = datetime(2026, 1, 3, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MEMBERS = ("mei", "tom")
RATES = earning.Rates(100, earn_points=10, earn_per_cents=100, growth_per_cents=100)
RULES = {"dormancy_after_days": 40, "dormancy_percent": 30}

ACTS = ("buy", "buy", "come_by", "grow", "give_back", "wait", "wait", "wait")
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(1, 60), st.integers(0, 1)), min_size=4, max_size=10)
FEW_EXAMPLES = settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def drafted(terms, *, at, **changes):
    with transaction():
        number = programme.sketch(
            programme.settings_of(terms) | changes, based_on=1, effective_from=at, by="staff:1", at=at, reason="Trial"
        )
    with reading():
        return programme.version(number)


class Shop:
    """Two members and the nights over them, under a rule of dormancy. Each day begins with its night."""

    def __init__(self, **changes):
        with transaction():
            self.terms = programme.establish(
                programme.default_settings(shop_name="Tessera", zone=ZONE) | RULES | changes, by="system", at=BEGIN
            )
            self.members = []
            for name in MEMBERS:
                member_id = people.register(
                    email=people.read_email(f"{name}@example.com"), password=people.PasswordHash("-"),
                    display_name=name, language="en", wants_news=False, verify_page="http://localhost/v/", at=BEGIN,
                )  # fmt: skip
                earning.welcome(member_id, terms=self.terms, at=BEGIN)
                self.members.append(member_id)
        self.at, self.orders = BEGIN, {}

    def go_on(self, days):
        for _day in range(days):
            self.at += DAY
            night = self.at - timedelta(hours=11, minutes=55)
            with transaction():
                earning.take_off_dormant(terms=self.terms, after=0, at=night)

    def do(self, act, number, who):
        getattr(self, act)(number, self.members[who])

    def wait(self, number, _member_id):
        self.go_on(number)

    def sale(self, order, member_id, kept_cents):
        return earning.Sale(
            order_id=order, reference=f"order:{order}", number=str(1_000 + order), member_id=member_id,
            placed_at=self.at, version=1, rates=RATES, kept_cents=kept_cents,
        )  # fmt: skip

    def buy(self, number, member_id):
        order = len(self.orders) + 1
        self.orders[order] = member_id
        sale = self.sale(order, member_id, number * 1_700)
        with transaction():
            purse = ledger.lock(member_id, zone=ZONE)
            earning.order_paid(sale, purse=purse, terms=self.terms, at=self.at)
            earning.order_kept(sale, purse=purse, terms=self.terms, at=self.at)

    def give_back(self, number, _member_id):
        if self.orders:
            order = 1 + number % len(self.orders)
            member_id = self.orders[order]
            with transaction():
                purse = ledger.lock(member_id, zone=ZONE)
                earning.order_reduced(
                    self.sale(order, member_id, 0), key=f"back:{order}:{self.at.isoformat()}", purse=purse,
                    terms=self.terms, at=self.at,
                )  # fmt: skip

    def come_by(self, _number, member_id):
        with transaction():
            earning.check_in(member_id, terms=self.terms, at=self.at)

    def grow(self, number, member_id):
        """Let growth come about without the member, once a day."""
        day = self.terms.today(self.at)
        with transaction():
            membership.add_growth(
                member_id, number * 7, source="test", reference=f"test:{day}:{number}", counts_on=day, version=1,
                why=say("A test"), key=f"test:{member_id}:{day}:{number}", terms=self.terms, at=self.at,
            )  # fmt: skip

    def growth(self):
        """Return what counts now: {member_id: growth}."""
        with reading():
            return {
                member_id: membership.standing(member_id, terms=self.terms, at=self.at).growth
                for member_id in self.members
            }

    def taken_off(self):
        event = membership.GrowthEvent
        with reading():
            off = select(func.sum(event.points)).where(event.source == membership.DORMANCY, event.points < 0)
            return -(execute(off).scalar_one() or 0)

    def draft(self, **changes):
        return drafted(self.terms, at=self.at, **changes)

    def replayed(self, draft, *, days=365):
        """Return the growth of members under the rules in force and a draft's: what counts, dormancy replayed."""
        since = start_of(self.terms.today(self.at) - timedelta(days=days - 1), ZONE)
        shop_days = ShopDays(since, self.at, zone=ZONE)
        with reading():
            orders = order_growth(self.terms, shop_days), order_growth(draft, shop_days)
            away = away_under(self.terms, draft, shop_days)
            found = dormancy_replayed(self.terms, draft, orders=orders, tasks={}, away=away, days=shop_days)
        now = self.growth()
        return tuple(
            {
                member_id: growth + changes.get(member_id, 0) + sum(change for _day, change in of.get(member_id, ()))
                for member_id, growth in now.items()
            }
            for changes, of in zip((each.changes for each in found), orders, strict=True)
        )


def lived(steps, **changes):
    shop = Shop(**changes)
    for step in steps:
        shop.do(*step)
    shop.go_on(1)
    return shop


@pytest.fixture
def shops(make_app):
    return lambda: make_app().app_context()


@FEW_EXAMPLES
@given(steps=STEPS)
def test_the_rule_in_force_replayed_leaves_the_growth_that_its_nights_left(shops, steps):
    with shops():
        shop = lived(steps)
        in_force, _draft = shop.replayed(shop.draft(dormancy_percent=31))

        assert in_force == shop.growth()


@FEW_EXAMPLES
@given(steps=STEPS, days=st.integers(7, 200))
def test_only_the_nights_of_the_days_asked_for_are_replayed_and_those_before_stand(shops, steps, days):
    with shops():
        shop = lived(steps)
        in_force, _draft = shop.replayed(shop.draft(dormancy_active=False), days=days)

        assert in_force == shop.growth()


@pytest.mark.parametrize(
    "other",
    [
        {"dormancy_percent": 80},
        {"dormancy_after_days": 65, "dormancy_percent": 10},
        {"dormancy_after_days": 30},
        {"dormancy_active": False},
    ],
)
@FEW_EXAMPLES
@given(steps=STEPS)
def test_a_draft_replayed_leaves_the_growth_that_the_same_history_leaves_under_it(shops, other, steps):
    with shops():
        expected = lived(steps, **other).growth()
    with shops():
        shop = lived(steps)
        _in_force, by_draft = shop.replayed(shop.draft(**other))

        assert by_draft == expected


AWAY = [("buy", 50, 0), ("buy", 9, 1), ("wait", 60, 0), ("wait", 60, 0)]


def test_it_is_the_same_on_both_databases(either):
    shop = lived(AWAY)
    in_force, harder = shop.replayed(shop.draft(dormancy_percent=60))
    _same, never = shop.replayed(shop.draft(dormancy_active=False))
    before = {member_id: growth for member_id, growth in zip(shop.members, (850, 153), strict=True)}

    assert shop.taken_off() > 0
    assert in_force == shop.growth()
    assert never == before
    # Of 850 in May and June and July 60 % each: 510, 204, 81; of 153: 91, 37, 15.
    assert harder == {shop.members[0]: 850 - 510 - 204 - 81, shop.members[1]: 153 - 91 - 37 - 15}


def test_a_draft_of_twice_the_growth_loses_its_share_of_twice_as_much(app):
    with moved_to(NOON):
        stage = open_shop(**RULES)
        mei = stage.member("mei")
        stage.put_in(mei, stage.item(prices=(catalogue.cash_price(85_000),)), "cash")
        order = stage.deliver(stage.ship(stage.pay(stage.place(mei))))
        assert stage.close(order, at=NOON + 20 * DAY)
        draft = drafted(stage.terms, at=NOON, growth_per_cents=50)
    # Bought on the first day: 40 days later, and a month after that.
    at = NOON + 75 * DAY
    for day in range(1, 76):
        with transaction():
            earning.take_off_dormant(terms=stage.terms, after=0, at=NOON + day * DAY - timedelta(hours=11))
    with reading():
        found = insight.what_if(draft, days=90, terms=stage.terms, at=at)

    assert (found.live.lost_growth, found.live.pyramid.growth) == (255 + 178, 850 - 255 - 178)
    assert found.now.growth == found.live.pyramid.growth
    assert (found.draft.lost_growth, found.draft.pyramid.growth) == (510 + 357, 1_700 - 510 - 357)


def test_where_nothing_that_dormancy_goes_by_is_another_what_was_really_taken_off_stands(app):
    shop = lived(AWAY)
    draft = shop.draft(earn_points=20)
    with reading():
        found = insight.what_if(draft, days=365, terms=shop.terms, at=shop.at)

    assert found.live.lost_growth == found.draft.lost_growth == shop.taken_off() > 0
    assert found.movers == () and found.draft.pyramid == found.live.pyramid == found.now


def test_the_sandbox_shows_who_stands_lower_by_a_harder_dormancy(app):
    shop = lived([("buy", 60, 0), ("buy", 60, 0), ("wait", 60, 0), ("wait", 50, 0)], dormancy_percent=5)
    draft = shop.draft(dormancy_percent=90)
    with reading():
        found = insight.what_if(draft, days=90, terms=shop.terms, at=shop.at)

    in_force, by_draft = shop.replayed(draft, days=90)
    assert found.live.pyramid.growth == sum(in_force.values()) == sum(shop.growth().values())
    assert found.draft.pyramid.growth == sum(by_draft.values()) < found.live.pyramid.growth
    assert found.draft.lost_growth - found.live.lost_growth == sum(in_force.values()) - sum(by_draft.values())
    assert [(each.member_id, each.rises) for each in found.movers] == [(shop.members[0], False)]


def test_growth_that_comes_by_itself_is_announced_when_it_comes_and_taken_14_days_later():
    rule = Dormancy(active=True, after_days=90, percent=10, left=0)
    first = date(2026, 3, 1).toordinal()

    def changed_by(last):
        # Away for a year; a hundred of growth on the tenth day, which the eleventh night sees.
        past = Past([(first - 365, first + 1_000)], [(first + 11, first + 10, 100, False)], {}, last=last)
        return past.changed_by(rule, first=first)

    assert changed_by(first + 24) == 0
    assert changed_by(first + 25) == -10


def test_who_does_something_on_the_day_itself_comes_too_late_and_the_day_before_in_time():
    rule = Dormancy(active=True, after_days=90, percent=10, left=0)
    bought = [(1_001, 1_000, 100, True)]

    assert Past([(1_000, 1_090)], bought, {}, last=1_100).changed_by(rule, first=1_001) == -10
    assert Past([(1_000, 1_089)], bought, {}, last=1_100).changed_by(rule, first=1_001) == 0
