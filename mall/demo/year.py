"""A year of days: members join, buy, redeem, return; parcels leave and arrive; the nights do their rounds.

Acts stand in a queue by time and put further acts in it: who pays today is shipped tomorrow. Each runs with the clock
at its own instant and goes through the same verbs as a face would call.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select

from mall import worker
from mall.base.cashier import Cashier
from mall.base.clock import end_of, moved_to, now
from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import aftersales, catalogue, checkout, earning, ledger, membership, notices, people, programme

from .cast import FAMILY_NAMES, GIVEN_NAMES, STARS, STREETS, TOWNS

MEMBERS = 300
ORDERS = 1_500
CARRIERS = ("Swift Parcel", "Northern Post")
# What looks at the whole of the books is done when the year is over, or its nights would take minutes.
ONCE_AT_THE_END = ("finance.add_up", "finance.prove")
# How often somebody looks for something to take; the last time they settle for what money buys.
LOOKS = 24
# Mails of the last days stay in the outbox, so that a visitor of the demo can read some.
MAILS_LEFT = timedelta(days=2)


@dataclass
class Shopper:
    """A member of the demo and how they shop.

    `thrift` is the share of redemptions among their orders; of so many items as `appetite` they take the dearest.
    """

    member_id: int
    name: str
    address: dict[str, str]
    thrift: float
    appetite: int = 1
    rank: int = 1


@dataclass(order=True)
class Act:
    """Something that happens at an instant; `number` keeps acts of one instant in the order they were planned."""

    at: datetime
    number: int
    do: Callable[[], None] = field(compare=False)


class Year:
    """The demo's year. `placed` counts the orders."""

    def __init__(
        self,
        *,
        terms: programme.Programme,
        cashier: Cashier,
        site: str,
        shelves: list[Any],
        chance: random.Random,
        begin: datetime,
        end: datetime,
        password: people.PasswordHash,
    ) -> None:
        self.terms, self.cashier, self.site = terms, cashier, site
        self.shelves, self.chance, self.begin, self.end, self.password = shelves, chance, begin, end, password
        self.members: list[Shopper] = []
        self.placed = 0
        self._acts: list[Act] = []
        self._planned = 0

    def live(self, *, members: int, orders: int) -> None:
        """Let the year happen."""
        self._plan_members(members, orders)
        night = self.begin.replace(hour=9, minute=30, second=0, microsecond=0)
        while night < self.end:
            self._at(night, self._night)
            night += timedelta(days=1)
        while self._acts:
            act = heapq.heappop(self._acts)
            with moved_to(act.at):
                act.do()
        with moved_to(self.end):
            self._tidy_outbox()
            self._ask_for_more()

    # Planning

    def _at(self, at: datetime, do: Callable[[], None]) -> None:
        if at < self.end:
            self._planned += 1
            heapq.heappush(self._acts, Act(at, self._planned, do))

    def _plan_members(self, members: int, orders: int) -> None:
        names = [(star.slug, star.name, star.language, star.orders) for star in STARS]
        appetites = {star.slug: star.appetite for star in STARS}
        for number in range(max(0, members - len(names))):
            given, family = self.chance.choice(GIVEN_NAMES), self.chance.choice(FAMILY_NAMES)
            names.append((f"{given}.{family}.{number}".lower(), f"{given} {family}", "en", -1))
        weights = [self.chance.paretovariate(1.1) for _name in names]
        fixed = sum(wanted for *_rest, wanted in names if wanted > 0)
        open_ended = [weight for weight, (*_rest, wanted) in zip(weights, names, strict=True) if wanted < 0]
        share = _share(open_ended, orders - fixed, most=orders // 12)
        for (slug, name, language, wanted), weight in zip(names, weights, strict=True):
            count = wanted if wanted >= 0 else min(round(weight * share), orders // 12)
            early = slug in {star.slug for star in STARS[:1] + STARS[2:]} or self.chance.random() < 0.45
            joined = self.begin + timedelta(
                days=self.chance.uniform(0, 40) if early else self.chance.uniform(20, 350),
                minutes=self.chance.randrange(600),
            )
            if slug == "tom":
                joined = self.end - timedelta(days=9)
            appetite = appetites.get(slug, 1 + min(7, round(weight / 2.5)))
            self._at(joined, partial(self._join, slug, name, language, count, appetite))

    # Acts of members

    def _join(self, slug: str, name: str, language: str, orders: int, appetite: int) -> None:
        at, street = now(), f"{self.chance.randrange(1, 90)} {self.chance.choice(STREETS)}"
        town, postcode, region = self.chance.choice(TOWNS)
        with transaction():
            member_id = people.register(
                email=people.read_email(f"{slug}@tessera.example"),
                password=self.password,
                display_name=name,
                language=language,
                wants_news=self.chance.random() < 0.4,
                verify_page="",
                at=at,
            )
            assert member_id is not None
            earning.welcome(member_id, terms=self.terms, at=at)
            people.verify(token_mailed_to(member_id), at=at)
            lines = people.AddressLines(
                recipient=name, line1=street, city=town, postcode=postcode, country="US", region=region
            )
            people.add_address(member_id, lines, at=at)
        address = {"recipient": name, "line1": street, "line2": "", "city": town, "postcode": postcode,
                   "region": region, "country": "US", "phone": ""}  # fmt: skip
        thrift = 0.1 if slug == "mei" else self.chance.uniform(0.2, 0.6)
        shopper = Shopper(member_id, slug, address, thrift, appetite)
        self.members.append(shopper)
        self._welcome_gift(shopper, at)
        for moment in sorted(self.chance.random() for _order in range(orders)):
            when = at + (self.end - at) * moment
            self._at(when, lambda: self._shop(shopper))
        if slug == "omar":
            self._plan_debt(shopper)
        if slug == "mei":
            self._at(self.end - timedelta(days=2), lambda: self._shop(shopper, form="cash", settle="paid"))
            self._at(self.end - timedelta(minutes=20), lambda: self._shop(shopper, form="mix", settle="leave"))

    def _plan_debt(self, shopper: Shopper) -> None:
        """Let a member buy something dear, spend the points it earned, and return it: what is missing is owed."""

        def buy() -> None:
            dear = next(shelf for shelf in self.shelves if shelf.goods.art.startswith("keyboard"))
            variant_id, prices = next(iter(dear.variants.items()))
            with reading():
                level = membership.standing(shopper.member_id, terms=self.terms, at=now()).level
            order = self._place(shopper, [(variant_id, prices["cash"], 0, 1)], 0, level)
            self.placed += 1
            self._settle(order, "paid")
            self._at(self.end - timedelta(days=6), lambda: self._take_back(order, "goodwill"))

        self._at(self.end - timedelta(days=70), buy)
        for days in (24, 20, 16, 12):
            self._at(self.end - timedelta(days=days), lambda: self._shop(shopper, form="points"))

    def _welcome_gift(self, shopper: Shopper, at: datetime) -> None:
        """Move the balance of the old stamp card in: points that last four months, so that some expire."""
        if shopper.name != "tom" and self.chance.random() > 0.35:
            return
        points = 300 if shopper.name == "tom" else self.chance.randrange(4, 30) * 50
        last = self.terms.today(at) + timedelta(days=120)
        with transaction():
            ledger.adjust_up(
                ledger.lock(shopper.member_id, zone=self.terms.zone),
                points,
                key=f"stamp-card:{shopper.member_id}",
                reference=f"stamp-card:{shopper.member_id}",
                expiry=(last, end_of(last, self.terms.zone)),
                version=self.terms.version,
                worth=self.terms.worth,
                why=say(N_("Moved in from the stamp card")),
                by="staff:1",
                at=at,
            )

    def _shop(self, shopper: Shopper, *, form: str | None = None, settle: str | None = None) -> None:
        """Fill a basket, place it, and go and pay; what the mall refuses is left."""
        at = now()
        with reading():
            level = membership.standing(shopper.member_id, terms=self.terms, at=at).level
            ready = ledger.spendable(shopper.member_id, at=at)
        shopper.rank = level.rank
        form = form or ("points" if ready >= 400 and self.chance.random() < shopper.thrift else "cash")
        order = None
        for tried in range(LOOKS):
            wanted = self._choose(shopper, "cash" if tried == LOOKS - 1 else form, ready)
            offered = ready // 2 if form == "cash" and ready >= 500 and self.chance.random() < 0.25 else 0
            try:
                order = self._place(shopper, wanted, offered, level) if wanted else None
            except Refusal:
                continue
            if order is not None:
                break
        if order is None:
            return
        self.placed += 1
        if order.state == checkout.AWAITING:
            self._settle(order, settle or self.chance.choices(("paid", "declined", "given up", "left", "late"),
                                                              (940, 25, 15, 15, 5))[0])  # fmt: skip
        elif order.state == checkout.PAID:
            self._plan_parcel(order)

    def _choose(self, shopper: Shopper, form: str, ready: int) -> list[tuple[int, catalogue.Price, int, int]]:
        """Choose lines: (variant_id, price, points a piece, quantity), within what the member may buy and can pay."""
        allowed = [shelf for shelf in self.shelves if shelf.goods.more.get("buy_rank", 0) <= shopper.rank]
        chosen: list[tuple[int, catalogue.Price, int, int]] = []
        budget = ready
        for _line in range(self.chance.choices((1, 2, 3), (60, 28, 12))[0]):
            looked_at = self.chance.choices(allowed, k=shopper.appetite if form == "cash" else 1)
            shelf = max(looked_at, key=lambda one: one.goods.cash)
            variant_id = self.chance.choice(list(shelf.variants))
            price = shelf.variants[variant_id].get(form)
            if price is None or any(variant_id == line[0] for line in chosen):
                continue
            each = price.points_needed or 0
            if each > budget:
                continue
            quantity = 2 if form == "cash" and self.chance.random() < 0.2 + shopper.appetite / 20 else 1
            budget -= each * quantity
            chosen.append((variant_id, price, each, quantity))
        return chosen

    def _place(self, shopper: Shopper, wanted: list[Any], offered: int, level: Any) -> Any:
        at, owner = now(), checkout.Owner(member_id=shopper.member_id)
        with transaction():
            for line in checkout.basket_of(owner).lines:
                checkout.set_line(owner, line.id, quantity=0)
            for variant_id, price, each, quantity in wanted:
                checkout.put_in(
                    owner, variant_id=variant_id, option_id=price.id or 0, points_each=each, quantity=quantity, at=at
                )
            basket = checkout.basket_of(owner)
            viewer = catalogue.Viewer(level.rank, shopper.member_id, None, level.early_access_hours)
            offered = min(
                offered,
                checkout.price(basket, viewer=viewer, level=level, terms=self.terms, at=at).quote.most_switch_points,
            )
            priced = checkout.price(
                basket, viewer=viewer, level=level, terms=self.terms, points_offered=offered, at=at
            )
            return checkout.place(
                shopper.member_id,
                key=basket.key,
                shown=priced.quote.fingerprint,
                points_offered=offered,
                terms=self.terms,
                verified=True,
                cashier=True,
                address=shopper.address,
                at=at,
            )

    def _settle(self, order: Any, ending: str) -> None:
        """Let the payment end one way: paid, declined first, given up, left to time out, or paid too late."""
        session_id = checkout.open_page(order.id, cashier=self.cashier, site=self.site).rpartition("/")[2]
        if ending == "declined":
            self.cashier.decline(session_id)  # type: ignore[attr-defined]
        if ending == "given up":
            checkout.give_up(
                order.id, by=f"member:{order.member_id}", cashier=self.cashier, terms=self.terms, site=self.site
            )
        elif ending == "late":
            self.cashier.pay_late(session_id)  # type: ignore[attr-defined]
        elif ending in ("paid", "declined"):
            self.cashier.pay(session_id)  # type: ignore[attr-defined]
        if ending in ("paid", "declined", "late"):
            order = checkout.look_at_order(order.id, cashier=self.cashier, terms=self.terms)
        if order.state == checkout.PAID:
            self._plan_parcel(order)

    # Acts of the shop

    def _plan_parcel(self, order: Any) -> None:
        if self.chance.random() < 0.015:
            self._at(now() + timedelta(hours=5), lambda: self._cancel(order))
        self._at(now() + timedelta(hours=self.chance.uniform(16, 60)), lambda: self._ship(order))

    def _cancel(self, order: Any) -> None:
        self._try(lambda: aftersales.cancel(order.id, by=f"member:{order.member_id}", terms=self.terms, at=now()))

    def _ship(self, order: Any) -> None:
        carrier = self.chance.choice(CARRIERS)
        self._try(
            lambda: checkout.ship(
                order.id, carrier=carrier, tracking=f"{carrier[0]}{order.id:07}", by="staff:1", at=now()
            )
        )
        if self.chance.random() < 0.9:
            self._at(now() + timedelta(hours=self.chance.uniform(30, 110)), lambda: self._deliver(order))

    def _deliver(self, order: Any) -> None:
        self._try(lambda: checkout.deliver(order.id, by="staff:1", at=now()))
        luck = self.chance.random()
        if luck < 0.045:
            reason = self.chance.choice(("changed_mind", "changed_mind", "damaged", "wrong_item"))
            later = timedelta(days=self.chance.uniform(1, 24))
            self._at(now() + later, lambda: self._take_back(order, reason))

    def _take_back(self, order: Any, reason: str) -> None:
        self._try(
            lambda: aftersales.refund(
                order.id, reason=reason, restock=reason != "damaged", by="staff:1", terms=self.terms, at=now()
            )
        )

    def _night(self) -> None:
        """Do the rounds of a night, and now and then what people at desks do."""
        for name, turn in worker.JOBS.items():
            if name not in ONCE_AT_THE_END:
                turn.job(now())
        if self.members and self.chance.random() < 0.12:
            self._adjust()
        if self.chance.random() < 0.4:
            self._restock()

    def _adjust(self) -> None:
        """Adjust somebody's points by hand; above the limit a colleague approves it, all but the last one."""
        at, shopper = now(), self.chance.choice(self.members)
        points = self.chance.choice((100, 200, 250, 500, 1_500, 2_500))
        reason = self.chance.choice(("goodwill", "correction", "missing_points"))
        with transaction():
            asked = ledger.ask_adjustment(
                shopper.member_id, points, reason=reason, document=f"T-{self.chance.randrange(1000, 9999)}",
                key=f"demo-{at:%Y%m%d}", own_member_id=None, terms=self.terms, by="staff:1", at=at,
            )  # fmt: skip
        if asked.request_id is not None and at < self.end - timedelta(days=12):
            with transaction():
                ledger.approve_adjustment(
                    asked.request_id, own_member_id=None, other_approvers=1, terms=self.terms, by="staff:2", at=at
                )

    def _ask_for_more(self) -> None:
        """Leave one adjustment waiting for a second person."""
        shopper = self.members[0]
        with transaction():
            ledger.ask_adjustment(
                shopper.member_id, 2_500, reason="goodwill", document="T-4711", key="demo-waiting",
                own_member_id=None, terms=self.terms, by="staff:1", at=now(),
            )  # fmt: skip

    def _restock(self) -> None:
        """Book a delivery of what runs low; the last pieces of some items are left to run out."""
        at = now()
        with reading():
            variants = [variant for shelf in self.shelves for variant in shelf.variants if shelf.goods.stock > 20]
            short = [offer for offer in catalogue.offers(variants, at=at) if offer.free < 15]
        with transaction():
            for offer in short[:12]:
                catalogue.receive(offer.variant_id, 40, by="staff:1", at=at, reason="delivery")

    def _tidy_outbox(self) -> None:
        """Count the mails of the year as sent, but for the last days'."""
        last = self.end - MAILS_LEFT
        while True:
            with transaction():
                claimed = notices.claim(at=last, limit=500)
                for notice in claimed:
                    notices.done(notice, at=last)
            if not claimed:
                return

    @staticmethod
    def _try(act: Callable[[], object]) -> None:
        """Do what somebody at a desk does; when the order has moved on meanwhile, they leave it."""
        try:
            with transaction():
                act()
        except Refusal:
            return


def token_mailed_to(member_id: int) -> str:
    """Return the token of the mail a new member was sent: the demo opens it for them."""
    notice = notices.Notice
    wanted = select(notice.details).where(notice.member_id == member_id, notice.kind == "verify_email")
    return str(execute(wanted).scalar_one()["link"])


def _share(weights: list[float], wanted: int, *, most: int) -> float:
    """Return how many orders one unit of weight gives, so that all come to about `wanted` with `most` for one."""
    share = 0.0
    for _step in range(20):
        given = sum(min(weight * share, most) for weight in weights)
        free = sum(weight for weight in weights if weight * share < most)
        if not free or given >= wanted:
            break
        share += (wanted - given) / free
    return share
