"""Whatever has happened, the rules in force replayed give what was really issued, and a draft what it would have."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.domain import aftersales, catalogue, checkout, earning, insight, ledger, partners, people, programme
from tests import cast
from tests.stage import NOON, open_shop

MEMBERS = ("mei", "tom", "bo")
ACTS = (
    "buy",
    "buy",
    "buy_from_campaign",
    "send_back",
    "keep",
    "ride",
    "ride",
    "ride_back",
    "redeem",
    "birthday",
    "wait",
    "join",
    "leave",
)
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 9), st.integers(0, 2)), min_size=10, max_size=30)
COUPON, COUPON_CENTS = 1, 1_000
FEW_EXAMPLES = settings(
    max_examples=8,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def settings_with(figures, **changes):
    """Return the settings of a shop with packs, limits and quick growth; `figures`: {level key: {figure: value}}."""
    packs = {
        "ordinary": {"upgrade_points": 30, "birthday_points": 10},
        "senior": {"upgrade_points": 200, "birthday_points": 50, "redemptions_per_month": 2},
        "vip": {
            "upgrade_points": 500,
            "upgrade_coupon": COUPON,
            "birthday_points": 70,
            "birthday_coupon": COUPON,
            "redemptions_per_month": 4,
        },
    }
    levels = [
        level | packs.get(level["key"], {}) | figures.get(level["key"], {})
        for level in programme.default_settings(shop_name="-")["levels"]
    ]
    return {"growth_per_cents": 4, "levels": levels} | changes


class World:
    """Three members, goods in and outside of a campaign, two partners; each act is tried, and may be refused."""

    def __init__(self, figures=None, **changes):
        self.at, self.stage = NOON, open_shop(**settings_with(figures or {}, **changes))
        self.terms, self.orders, self.rides = self.stage.terms, [], []
        self.memberships = []
        assert self.stage.coupon_kind() == COUPON
        for name in MEMBERS:
            self.stage.give(self.stage.member(name), 100_000)
        self.lamp = self.stage.item(
            "Lamp", prices=(catalogue.cash_price(6_333), catalogue.points_price(900)), stock=999
        )
        self.rug = self.stage.item("Rug", prices=(catalogue.cash_price(4_777),), stock=999)
        self.plan = self.stage.membership()
        self.mat = self.stage.item("Mat", prices=(catalogue.cash_price(1_999),), stock=999)
        year = {"ends_at": NOON + timedelta(days=365), "scope": "product"}
        self.stage.campaign(scope_ids=[self.rug.product_id], cap_points=1_700, **year)
        self.stage.campaign(scope_ids=[self.mat.product_id], multiplier_percent=350, **year)
        self.partners = [
            cast.partner("Rides", partners.Rates(3, 10, with_level=True, member_day_points=1_000), at=NOON)[0],
            cast.partner("Till", partners.Rates(1, 7, with_level=True), at=NOON)[0],
            cast.partner("Shop", partners.Rates(2, 11, month_points=900), at=NOON)[0],
        ]

    def do(self, act, which, who):
        """Try an act; a refusal changes nothing. The clock goes on by ten minutes."""
        self.at += timedelta(minutes=10)
        with moved_to(self.at):
            try:
                getattr(self, act)(which, self.stage.members[MEMBERS[who]])
            except Refusal:
                return

    def buy(self, which, member_id, *items, form="cash"):
        self.empty_basket(member_id)
        for item in items or (self.lamp, self.mat):
            self.stage.put_in(member_id, item, form, quantity=1 + which, at=self.at)
        order = self.stage.place(member_id, at=self.at)
        order = order if form == "points" else self.stage.pay(order, at=self.at)
        self.orders.append(self.stage.deliver(self.stage.ship(order, at=self.at), at=self.at))

    def empty_basket(self, member_id):
        """Take out what an order that was refused has left."""
        owner = checkout.Owner(member_id=member_id)
        with transaction():
            for line in checkout.basket_of(owner).lines:
                checkout.set_line(owner, line.id, quantity=0)

    def buy_from_campaign(self, which, member_id):
        self.buy(which, member_id, self.rug)

    def join(self, _which, member_id):
        """Buy a level for a time."""
        self.empty_basket(member_id)
        self.stage.put_in(member_id, self.plan, "cash", at=self.at)
        self.memberships.append(self.stage.pay(self.stage.place(member_id, at=self.at), at=self.at))

    def leave(self, which, _member_id):
        """Give back a level that was bought, and with it what it brought."""
        if self.memberships:
            self.stage.refund(self.memberships[which % len(self.memberships)], at=self.at)

    def redeem(self, which, member_id):
        self.buy(which % 3, member_id, self.lamp, form="points")

    def send_back(self, which, _member_id):
        if self.orders:
            self.stage.refund(self.orders[which % len(self.orders)], pieces={1: 1 + which % 3}, at=self.at)

    def keep(self, which, _member_id):
        if self.orders:
            order = self.stage.order(self.orders[which % len(self.orders)])
            if order.window_closed_at is None:
                self.at = max(self.at, order.window_ends_at)
                with transaction():
                    aftersales.close_window(order.id, terms=self.terms, at=self.at)

    def ride(self, which, member_id):
        partner_id, key = self.partners[which % 3], f"ride-{len(self.rides)}"
        told = partners.Reporting(key, 301 + 477 * which, self.terms.currency, self.at)
        with reading():
            number = execute(select(people.Member.number).where(people.Member.id == member_id)).scalar_one()
        with transaction():
            partners.report(partner_id, told, member_number=number, key=key, of_body=key, terms=self.terms, at=self.at)
        self.rides.append((partner_id, told))

    def ride_back(self, which, _member_id):
        if self.rides:
            partner_id, ride = self.rides[which % len(self.rides)]
            key = f"back-{self.at.isoformat()}"
            told = partners.Reporting(key, 100 + 20 * which, self.terms.currency, self.at)
            with transaction():
                partners.refund(
                    partner_id, told, purchase=ride.reference, key=key, of_body=key, terms=self.terms, at=self.at
                )

    def birthday(self, _which, member_id):
        with transaction():
            earning.celebrate_birthday(member_id, terms=self.terms, at=self.at)

    def wait(self, which, _member_id):
        self.at += timedelta(days=which)

    def tried(self, draft):
        with reading():
            return insight.what_if(draft, days=365, terms=self.terms, at=self.at + timedelta(hours=1))

    def really_issued(self):
        """Return what the books say was issued by rules, less what was taken back of it."""
        lot, posting = ledger.Lot, ledger.Posting
        with reading():
            given = select(func.sum(lot.points)).where(lot.origin.in_(("purchase", "campaign", "task")))
            taken = select(func.sum(posting.points)).where(posting.kind == "clawback")
            return (execute(given).scalar_one() or 0) - (execute(taken).scalar_one() or 0)

    def coupons_given(self):
        """Return how many coupons the packs of levels gave that are borne out."""
        pack = earning.LevelPack
        with reading():
            undone = (
                execute(select(earning.FactRow.key).where(earning.FactRow.id.in_(earning.all_undone())))
                .scalars()
                .all()
            )
            there = ~earning.went_with_level(pack)
            rows = execute(select(pack.member_id, pack.occasion, pack.kind, pack.coupons).where(there)).all()
        stand = [row for row in rows if f"member:{row.member_id}:{row.occasion}" not in undone]
        return {
            kind: sum(row.coupons for row in stand if row.kind == kind) for kind in (earning.UPGRADE, earning.BIRTHDAY)
        }


@pytest.fixture
def worlds(make_app):
    return lambda: make_app().app_context()


@FEW_EXAMPLES
@given(steps=STEPS)
def test_the_rules_in_force_replayed_give_what_was_really_issued(worlds, steps):
    with worlds():
        world = World()
        for step in steps:
            world.do(*step)
        found = world.tried(world.terms)

        assert found.live.points == found.issued_points == world.really_issued()
        assert {kind: packs.coupon_cents for kind, packs in found.live.packs.items()} == {
            kind: COUPON_CENTS * times for kind, times in world.coupons_given().items()
        }
        assert found.live.refused_pieces == 0
        assert found.live == found.draft and found.movers == ()


def test_a_history_of_everything_is_replayed_alike_on_both_databases(either):
    world = World()
    for which, act in enumerate((*ACTS, *ACTS, "buy_from_campaign", "buy_from_campaign")):
        world.do(act, which % 10, which % 3)
        world.do(act, 9 - which % 10, 0)
    found = world.tried(world.terms)

    assert found.live.points == found.issued_points == world.really_issued()
    assert found.live == found.draft
    assert min(found.live.campaign_points, found.live.partners.points, found.live.pack_points) > 0
    assert found.live.partners.multiplier_points > 0 < found.live.packs[earning.UPGRADE].coupon_cents


def test_what_a_membership_brought_that_went_back_is_not_issued(app):
    world = World()
    world.do("join", 0, 0)
    world.do("birthday", 0, 0)
    pack = world.tried(world.terms).live.packs[earning.BIRTHDAY]
    assert (pack.points, pack.coupon_cents) == (70, COUPON_CENTS)

    world.do("leave", 0, 0)
    found = world.tried(world.terms)
    assert found.live.packs[earning.BIRTHDAY].points == 0
    assert found.live.points == found.issued_points == world.really_issued()


@FEW_EXAMPLES
@given(steps=STEPS)
def test_a_draft_replayed_gives_what_the_same_history_gives_under_it(worlds, steps):
    other = {
        "senior": {"multiplier_percent": 133, "upgrade_points": 350},
        "vip": {"multiplier_percent": 170, "birthday_points": 77, "upgrade_coupon": None},
    }
    rates = {"earn_points": 17, "worth_cents": 150}
    with worlds():
        draft_world = World(other, **rates)
        for step in steps:
            draft_world.do(*step)
        expected = draft_world.tried(draft_world.terms).live
        really = draft_world.really_issued()
    with worlds():
        world = World()
        for step in steps:
            world.do(*step)
        with transaction():
            number = programme.sketch(
                programme.settings_of(world.terms) | programme.settings_of(draft_world.terms),
                based_on=1, effective_from=world.at, by="staff:1", at=world.at, reason="Trial",
            )  # fmt: skip
        with reading():
            draft = programme.version(number)
        found = world.tried(draft)

    assert found.draft.points == really
    assert found.movers == ()
    for name in ("given", "campaign_points", "partners", "task_points", "packs", "liability_cents", "benefits_cost"):
        assert getattr(found.draft, name) == getattr(expected, name), name
