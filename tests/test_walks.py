"""Whatever members, partners and the desk do in whatever order, the books are sound: random walks over all verbs.

On either database: what one adds up as a whole number is a decimal on the other.
"""

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from mall.base.cashier import DisputeState
from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.domain import (
    aftersales,
    cash,
    cash_outs,
    catalogue,
    checkout,
    coupons,
    earning,
    membership,
    partners,
    people,
)
from mall.domain import programme as programmes
from mall.domain.checkout import baskets
from mall.worker import of_cash, of_members, of_orders, of_the_house
from tests import cast
from tests.domain.ledger.machine import SOAK
from tests.sound import all_sound
from tests.stage import NOON, SITE, open_shop

DAY = timedelta(days=1)
STEPS, PROVED_EVERY = 60, 6
TASKS = [
    {"key": "check_in", "points": 5, "growth": 1, "per_day": 1},
    {"key": "every_order", "points": 50, "growth": 20, "per_month": 3},
    {"key": "first_order", "points": 100, "growth": 30, "in_all": 1},
    {"key": "level_reached", "points": 200, "growth": 60},
    {"key": "friend_bought", "points": 300, "growth": 100, "least_cents": 1_000},
]
REACHES = (0, 30, 120, 300, 800)
PLAIN = programmes.default_settings(shop_name="-")["levels"]
LEVELS = [
    each | {"reach": reach, "keep": reach, "upgrade_points": reach // 10}
    for each, reach in zip(PLAIN, REACHES, strict=True)
]
NIGHT = (
    of_members.expire_points, of_members.take_off_dormant, of_members.review_levels, of_orders.complete_orders,
    of_orders.close_windows, of_members.reward_invitations, of_orders.keep_purchases, of_cash.look_after_payments,
    of_cash.send_refunds, of_the_house.look_around, of_the_house.add_up_days,
)  # fmt: skip


class Walk:
    """A shop with all there is to earn, and what may happen next. Each verb is one step; a refusal is one, too."""

    def __init__(self, seed: int) -> None:
        self.chance, self.at, self.numbers = random.Random(seed), NOON, count(1)
        self.stage = stage = open_shop(
            tasks=TASKS, levels=LEVELS, cash_out_least_points=100, validity_months=2,
            debt_cap_points=self.chance.choice([0, 100, 10_000]),
        )  # fmt: skip
        self.goods = [
            stage.mug(stock=1_000),
            stage.item("Pen", prices=(catalogue.cash_price(333), catalogue.points_price(100)), stock=1_000),
        ]
        self.goods += [self.goods[0], stage.membership()]
        ends_at = NOON + 400 * DAY
        stage.stamp_card(ends_at=ends_at)
        stage.stamp_card(counts="order", least_cents=1_000, stamps_needed=2, total_limit=6, ends_at=ends_at)
        stage.campaign(cap_points=2_000, ends_at=ends_at)
        stage.campaign(multiplier_percent=150, scope="product", scope_ids=[self.goods[1].product_id], ends_at=ends_at)
        rates = partners.Rates(earn_points=1, earn_per_cents=10, growth_per_cents=100, month_points=500)
        self.partner_id, _key = cast.partner(rates=rates, at=NOON)
        self.members = [stage.member("mei"), stage.member("tom")]
        with transaction():
            code = earning.make_code(self.members[0], at=NOON)
        with transaction():
            friend = earning.Newcomer(
                email=people.read_email("lin@example.com"), password=people.PasswordHash("-"), display_name="Lin",
                language="en", wants_news=False, verify_page="http://x/verify/", invited=earning.Invited(code),
            )  # fmt: skip
            self.members.append(earning.sign_up(friend, terms=stage.terms, at=NOON))
        stage.verify(self.members[-1])

    def step(self) -> str:
        """Do something. Returns what."""
        act = self.chance.choice(ACTS)
        try:
            with moved_to(self.at):
                act(self)
        except Refusal:
            pass
        return act.__name__

    def one_of(self, rows: Sequence[Any]) -> Any:
        if not rows:
            raise Refusal("there is none")
        return self.chance.choice(rows)

    def order(self, *states: str) -> Any:
        row = checkout.Order
        with reading():
            rows = execute(select(row.id, row.member_id, row.state).where(row.state.in_(states)).order_by(row.id))
            return self.one_of(rows.all())

    def given(self) -> dict[str, Any]:
        return {"terms": self.stage.terms, "at": self.at}

    def wait(self) -> None:
        self.at += self.chance.choice([DAY / 24, DAY, DAY, 3 * DAY, 16 * DAY])

    def gift(self) -> None:
        self.stage.give(self.one_of(self.members), self.chance.choice([10, 500, 4_000]), at=self.at)

    def buy(self) -> None:
        member_id, item = self.one_of(self.members), self.one_of(self.goods)
        with transaction():
            baskets.take_out(checkout.basket_of(checkout.Owner(member_id=member_id)), at=self.at)
        pieces = 1 if item is self.goods[-1] else self.chance.randint(1, 3)
        self.stage.put_in(member_id, item, self.one_of(sorted(item.options)), quantity=pieces, at=self.at)
        coupon = coupons.Coupon
        with reading():
            mine = execute(
                select(coupon.id).where(coupon.member_id == member_id, coupon.state == "usable").order_by(coupon.id)
            )
            use = list(mine.scalars())[: self.chance.choice([0, 1])]
        order = self.stage.place(member_id, use=use, at=self.at)
        if order.state == checkout.AWAITING and self.chance.random() < 0.8:
            self.stage.pay(order, at=self.at)

    def settle(self) -> None:
        order = self.order(checkout.AWAITING)
        if self.chance.random() < 0.5:
            self.stage.pay(order, at=self.at)
        else:
            by = f"member:{order.member_id}"
            aftersales.call_off(order.id, by=by, cashier=self.stage.cashier, terms=self.stage.terms, site=SITE)

    def send(self) -> None:
        self.stage.deliver(self.stage.ship(self.order(checkout.PAID), at=self.at), at=self.at)

    def have_kept(self) -> None:
        """Let a member buy something and keep it: by chance alone few orders come so far."""
        member_id, item = self.one_of(self.members), self.one_of(self.goods[:2])
        with transaction():
            baskets.take_out(checkout.basket_of(checkout.Owner(member_id=member_id)), at=self.at)
        self.stage.put_in(member_id, item, "cash", quantity=self.chance.randint(1, 4), at=self.at)
        order = self.stage.pay(self.stage.place(member_id, at=self.at), at=self.at)
        self.stage.deliver(self.stage.ship(order, at=self.at), at=self.at)
        self.at += 16 * DAY
        self.stage.close(order, at=self.at)

    def keep(self) -> None:
        for job in (of_orders.close_windows, of_members.reward_invitations):
            job(self.at)

    def refund(self) -> None:
        order, pieces = self.order(checkout.PAID, checkout.SHIPPED, checkout.COMPLETED), None
        if self.chance.random() < 0.7:
            with reading():
                lines = checkout.lines_of(order.id)
            pieces = {line.line: self.chance.randint(0, line.quantity - line.refunded) for line in lines}
        self.stage.refund(order, reason="damaged", pieces=pieces, restock=False, at=self.at)

    def cancel(self) -> None:
        order = self.order(checkout.PAID)
        with transaction():
            aftersales.cancel(order.id, by=f"member:{order.member_id}", **self.given())

    def give_membership_back(self) -> None:
        line, order = checkout.OrderLine, checkout.Order
        with reading():
            rows = select(line.order_id, line.line, order.member_id).join(order, order.id == line.order_id)
            rows = execute(rows.where(line.plan_days.is_not(None), line.refunded == 0).order_by(order.id)).all()
        row = self.one_of(rows)
        with transaction():
            aftersales.refund(
                row.order_id, reason=aftersales.PLAN_ENDED, restock=False, pieces={row.line: 1},
                by=f"member:{row.member_id}", **self.given(),
            )  # fmt: skip

    def dispute(self) -> None:
        paid = cash.Payment
        with reading():
            payment = self.one_of(execute(select(paid).where(paid.state == cash.PAID).order_by(paid.id)).all())
            before = execute(select(cash.Dispute).where(cash.Dispute.payment_id == payment.id)).all()
        status = self.chance.choice(["won", "lost"]) if before else "open"
        said = DisputeState(f"du_{payment.id}", status, payment.captured_cents, payment.currency, payment.cashier_id)
        with transaction():
            aftersales.told_of_dispute(payment.id, said, **self.given())

    def check_in(self) -> None:
        with transaction():
            earning.check_in(self.one_of(self.members), **self.given())

    def ride(self) -> None:
        with reading():
            number = people.member_of(self.one_of(self.members)).number
        self.tell(partners.report, "R", self.chance.choice([99, 555, 3_000]), member_number=number)

    def ride_back(self) -> None:
        with reading():
            rides = execute(select(partners.Purchase.reference).order_by(partners.Purchase.id)).scalars().all()
        self.tell(partners.refund, "B", self.chance.choice([1, 99, 444]), purchase=self.one_of(rides))

    def tell(self, verb: Callable[..., Any], kind: str, cents: int, **said: str) -> None:
        number = next(self.numbers)
        told = partners.Reporting(f"{kind}-{number}", cents, self.stage.terms.currency, self.at)
        with transaction():
            verb(self.partner_id, told, key=f"key-{number}", of_body=f"{number}", **said, **self.given())

    def ask_for_cash(self) -> None:
        with transaction():
            cash_outs.ask(
                self.one_of(self.members), self.chance.choice([100, 400]), payee="Mei",
                account="DE89370400440532013000", key=f"cash-{next(self.numbers)}", **self.given(),
            )  # fmt: skip

    def decide_about_cash(self) -> None:
        with reading():
            row = self.one_of(cash_outs.cash_outs_in(cash_outs.ASKED))
        desk = {"own_member_id": None, "by": "staff:9"} | self.given()
        with transaction():
            if self.chance.random() < 0.5:
                cash_outs.approve(row.id, other_approvers=1, **desk)
            else:
                cash_outs.decline(row.id, reason="Another's account", **desk)

    def grant(self) -> None:
        last_day = self.stage.terms.today(self.at) + self.chance.randint(1, 60) * DAY
        key = f"grant-{next(self.numbers)}"
        grant = membership.Grant(
            self.one_of(self.members), self.chance.randint(2, 5), last_day, "Sorry", "staff:1", key
        )
        with transaction():
            earning.grant_level(grant, **self.given())

    def night(self) -> None:
        for job in self.chance.sample(NIGHT, len(NIGHT)):
            job(self.at)


ACTS = (
    Walk.wait, Walk.wait, Walk.gift, Walk.buy, Walk.buy, Walk.settle, Walk.send, Walk.have_kept, Walk.have_kept,
    Walk.have_kept, Walk.keep, Walk.refund, Walk.refund, Walk.refund, Walk.cancel, Walk.give_membership_back,
    Walk.dispute, Walk.check_in, Walk.ride, Walk.ride_back, Walk.ask_for_cash, Walk.decide_about_cash, Walk.grant,
    Walk.night,
)  # fmt: skip


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_in_whatever_order_the_books_are_sound(either: Flask, seed: int) -> None:
    walk, done = Walk(seed), []
    for number in range(STEPS * SOAK):
        done.append(walk.step())
        if number % PROVED_EVERY == 0:
            assert all_sound(), done[-PROVED_EVERY:]
