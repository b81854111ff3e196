"""Whatever becomes of orders, a coupon is used by one that stands, or by none; totals and limits always hold."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.domain import catalogue, checkout, coupons
from tests.stage import NOON, SITE, open_shop

ACTS = ("place", "place_stacked", "pay", "give_up", "time_out", "ship", "refund", "give", "revoke")
MEMBERS = ("mei", "tom")


class World:
    """Two members, a few kinds of coupon, a clock; each act is tried, and may be refused."""

    def __init__(self):
        self.stage, self.at, self.orders = open_shop(), NOON, []
        for name in MEMBERS:
            self.stage.member(name)
        self.lamp = self.stage.item("Lamp", prices=(catalogue.cash_price(6_000),), stock=1_000)
        self.kinds = [
            self.stage.coupon_kind(total_limit=2),
            self.stage.coupon_kind(kind="percent", percent=15, cap_cents=700, member_limit=1, stackable=True),
            self.stage.coupon_kind(kind="shipping", stackable=True),
            self.stage.coupon_kind(valid_days=1),
        ]

    def do(self, act, which, who):
        """Try an act; a refusal changes nothing. The clock goes on by ten minutes."""
        self.at += timedelta(minutes=10)
        with moved_to(self.at):
            try:
                getattr(self, act)(which, self.stage.members[MEMBERS[who]])
            except Refusal:
                return

    def usable(self, member_id):
        with reading():
            return [each.id for each in coupons.ready(member_id, product_ids=[self.lamp.product_id], at=self.at)]

    def give(self, which, member_id):
        self.stage.coupon(member_id, of=self.kinds[which % len(self.kinds)], at=self.at)

    def revoke(self, which, member_id):
        if ids := self.usable(member_id):
            with transaction():
                coupons.revoke(
                    ids[which % len(ids)], member_id=member_id, terms=self.stage.terms, by="staff:1", at=self.at,
                    reason="A mistake",
                )  # fmt: skip

    def place(self, which, member_id, count=1):
        ids = self.usable(member_id)
        use = [ids[(which + step) % len(ids)] for step in range(count)] if ids else []
        self.stage.put_in(member_id, self.lamp, "cash", at=self.at)
        self.orders.append(self.stage.place(member_id, use=use, at=self.at))

    def place_stacked(self, which, member_id):
        self.place(which, member_id, count=2)

    def order(self, which):
        return self.orders[which % len(self.orders)] if self.orders else None

    def pay(self, which, _member_id):
        if (order := self.order(which)) and self.stage.order(order).state == checkout.AWAITING:
            self.stage.pay(order, at=self.at)

    def give_up(self, which, _member_id):
        if order := self.order(which):
            checkout.give_up(order.id, by="member", cashier=self.stage.cashier, terms=self.stage.terms, site=SITE)

    def time_out(self, _which, _member_id):
        self.at += timedelta(hours=2)
        with moved_to(self.at):
            checkout.sweep(cashier=self.stage.cashier, terms=self.stage.terms, site=SITE)

    def ship(self, which, _member_id):
        if order := self.order(which):
            self.stage.ship(order, at=self.at)

    def refund(self, which, _member_id):
        if order := self.order(which):
            self.stage.refund(order, at=self.at)

    def must_hold(self):
        with reading():
            for check in coupons.checks() + checkout.checks():
                assert execute(check.breaks).first() is None, check.name


@pytest.fixture
def worlds(make_app):
    return lambda: make_app().app_context()


@settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 9), st.integers(0, 1)), min_size=8, max_size=25))
def test_any_history_keeps_the_promises(worlds, steps):
    with worlds():
        world = World()
        for member in (0, 1):
            for kind in range(len(world.kinds)):
                world.do("give", kind, member)
        for act, which, who in steps:
            world.do(act, which, who)
            world.must_hold()
