"""The stage: a shop that is set up, and short ways to bring members, items and orders onto it - all by real verbs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import select

from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import (
    aftersales,
    catalogue,
    checkout,
    coupons,
    earning,
    ledger,
    membership,
    notices,
    people,
    programme,
)
from mall.gateway import SandboxCashier
from tests.cast import note_adjustment

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
SITE = "http://localhost"
HOME = ("Chen Meilin", "18 Juniper Lane", "Portland", "97201", "US")
ADDRESS = {
    "recipient": "Chen Meilin", "line1": "18 Juniper Lane", "line2": "", "postcode": "97201", "city": "Portland",
    "region": "OR", "country": "US", "phone": "",
}  # fmt: skip


@dataclass
class Stage:
    """A shop at work. Its verbs open their own transactions; times are `at`, noon of 2 March 2026 unless told."""

    terms: programme.Programme
    made: int = 0
    members: dict[str, int] = field(default_factory=dict)

    @property
    def cashier(self) -> SandboxCashier:
        """The sandbox cashier of the app."""
        return current_app.extensions["cashier"]

    def member(self, name: str, *, verified: bool = True, at: datetime = NOON) -> int:
        """Register a member `name`@example.com with PASSWORD; returns the id."""
        address = people.read_email(f"{name}@example.com")
        hashed = people.password_hash(PASSWORD)
        with transaction():
            member_id = people.register(
                email=address, password=hashed, display_name=name.title(), language="en", wants_news=False,
                verify_page=f"{SITE}/verify/", at=at,
            )  # fmt: skip
            assert member_id is not None
            earning.welcome(member_id, terms=self.terms, at=at)
        if verified:
            self.verify(member_id, at=at)
        self.members[name] = member_id
        return member_id

    def verify(self, member_id: int, *, at: datetime = NOON) -> None:
        """Follow the link of the mail that a new member was sent."""
        with reading():
            values = execute(
                select(notices.Notice.details).where(
                    notices.Notice.member_id == member_id, notices.Notice.kind == "verify_email"
                )
            ).scalar_one()
        token = next(str(value) for value in values.values() if "/verify/" in str(value)).rpartition("/")[2]
        with transaction():
            people.verify(token, at=at)

    def item(
        self,
        title: str = "Stoneware mugs",
        *,
        prices: tuple[catalogue.Price, ...] = (catalogue.points_price(800),),
        stock: int = 10,
        at: datetime = NOON,
        **details: Any,
    ) -> "Item":
        """Put an item on the shelf."""
        self.made += 1
        with transaction():
            product_id = catalogue.create_product(
                title={"en": title}, terms=self.terms, by="staff:1", at=at, **details
            )
            variant_id = catalogue.add_variant(
                product_id, sku=f"SKU-{self.made}", prices=prices, terms=self.terms, by="staff:1", at=at
            )
            if details.get("kind") == "code":
                if stock:
                    new = [f"CODE-{self.made:04}-{number:04}" for number in range(stock)]
                    catalogue.upload_codes(variant_id, new, by="staff:1", at=at)
            elif stock:
                catalogue.receive(variant_id, stock, by="staff:1", at=at)
            catalogue.list_products([product_id], terms=self.terms, by="staff:1", at=at)
        with reading():
            options = {option.form: option.id for option in catalogue.offers([variant_id], at=at)[0].prices}
        return Item(product_id, variant_id, options)

    def mug(self, **details: Any) -> "Item":
        """Put mugs on the shelf: 15.90 in cash, 1,590 points, or 600 to 1,500 points and the rest in cash."""
        prices = (
            catalogue.cash_price(1_590),
            catalogue.points_price(1_590),
            catalogue.mix_price(1_590, least=600, most=1_500, step=100),
        )
        return self.item(prices=prices, **details)

    def membership(self, level: str = "vip", *, length: int = 30, unit: str = "days", **details: Any) -> "Item":
        """Sell a level for a time: VIP for 30 days at 30.00, 3,000 points or a mix of both, unless told otherwise."""
        prices = (
            catalogue.cash_price(3_000),
            catalogue.points_price(3_000),
            catalogue.mix_price(3_000, least=1_000, most=2_000, step=100),
        )
        plan = {"kind": "membership", "plan_level": level, "plan_length": length, "plan_unit": unit}
        return self.item("Membership", **({"prices": prices} | plan | details))

    def give(self, member_id: int, points: int, *, at: datetime = NOON) -> None:
        """Give a member points that are ready to use."""
        self.made += 1
        with transaction():
            ledger.adjust_up(
                ledger.lock(member_id, zone=self.terms.zone), points, key=f"gift:{self.made}", reference="gift",
                expiry=self.terms.expiry_of(self.terms.today(at)), version=self.terms.version, worth=self.terms.worth,
                why=say("A gift"), by="staff:1", at=at,
            )  # fmt: skip
            note_adjustment(member_id, points, at=at)

    def settle_down(self, member_id: int, *, at: datetime = NOON) -> None:
        """Give a member an address."""
        with transaction():
            people.add_address(member_id, people.AddressLines(*HOME), at=at)

    def put_in(
        self, member_id: int, item: "Item", form: str = "points", *, points: int = 0, quantity: int = 1,
        at: datetime = NOON,
    ) -> None:  # fmt: skip
        """Put pieces of an item in a member's basket, by one of its prices."""
        with transaction():
            offer = catalogue.offers([item.variant_id], at=at)[0]
            option = offer.option(item.options[form])
            assert option is not None
            each = points or catalogue.points_allowed(option)[0]
            checkout.put_in(
                checkout.Owner(member_id=member_id), variant_id=item.variant_id, option_id=item.options[form],
                points_each=each, quantity=quantity, at=at,
            )  # fmt: skip

    def coupon_kind(self, *, at: datetime = NOON, **details: Any) -> int:
        """Make a kind of coupon: 10.00 off for 30 days, unless told otherwise; returns the template's id."""
        self.made += 1
        plain = {"title": {"en": "Ten off"}, "kind": "amount", "amount_cents": 1_000, "valid_days": 30}
        with transaction():
            return coupons.make_template(
                key=f"kind-{self.made}", terms=self.terms, by="staff:1", at=at, **(plain | details)
            )

    def coupon(self, member_id: int, *, of: int | None = None, at: datetime = NOON, **details: Any) -> int:
        """Give a member a coupon, of a new kind unless told which; returns its id."""
        template_id = of or self.coupon_kind(at=at, **details)
        self.made += 1
        with transaction():
            [coupon_id] = coupons.give_by_hand(
                template_id, member_id, key=f"gift-{self.made}", terms=self.terms, by="staff:1", at=at
            )
        return coupon_id

    def campaign(self, *, approved: bool = True, at: datetime = NOON, **details: Any) -> int:
        """Make a campaign, double points for everything for two days unless told otherwise; returns its id."""
        self.made += 1
        plain = {
            "title": {"en": "Double points Saturday", "zh": "周六双倍积分"}, "starts_at": at,
            "ends_at": at + timedelta(days=2), "multiplier_percent": 200, "min_rank": 0, "scope": "all",
            "cap_points": None,
        }  # fmt: skip
        with transaction():
            campaign_id = earning.make_campaign(
                key=f"campaign-{self.made}", terms=self.terms, by="staff:1", at=at, reason="Spring",
                **(plain | details),
            )  # fmt: skip
        if approved:
            self.approve_campaign(campaign_id, at=at)
        return campaign_id

    def approve_campaign(self, campaign_id: int, *, at: datetime = NOON) -> None:
        """Let another person approve a campaign as it stands."""
        with reading():
            seen_version = earning.campaign_of(campaign_id).version
        with transaction():
            earning.approve_campaign(campaign_id, seen_version=seen_version, by="staff:2", at=at, other_approvers=1)

    def stamp_card(self, *, approved: bool = True, at: datetime = NOON, **details: Any) -> int:
        """Make a stamp card, for 30 days three pieces give 10.00 off unless told otherwise; returns its id."""
        self.made += 1
        plain = {
            "title": {"en": "Buy three", "zh": "买三赠一"}, "starts_at": at, "ends_at": at + timedelta(days=30),
            "stamps_needed": 3, "counts": "piece", "min_rank": 0, "scope": "all",
        }  # fmt: skip
        details.setdefault("template_id", 0) or details.update(template_id=self.coupon_kind(at=at))
        with transaction():
            card_id = earning.make_stamp_card(
                key=f"card-{self.made}", terms=self.terms, by="staff:1", at=at, reason="Spring", **(plain | details)
            )
        if approved:
            self.approve_stamp_card(card_id, at=at)
        return card_id

    def approve_stamp_card(self, card_id: int, *, at: datetime = NOON) -> None:
        """Let another person approve a stamp card as it stands."""
        with reading():
            seen_version = earning.stamp_card_of(card_id).version
        with transaction():
            earning.approve_stamp_card(card_id, seen_version=seen_version, by="staff:2", at=at, other_approvers=1)

    def coupon_state(self, coupon_id: int) -> str:
        """Return the state a coupon is kept in."""
        with reading():
            return execute(select(coupons.Coupon.state).where(coupons.Coupon.id == coupon_id)).scalar_one()

    def price(
        self, member_id: int, *, points: int = 0, use: Sequence[int] = (), propose: bool = False, at: datetime = NOON
    ) -> tuple[Any, checkout.Priced]:
        """Return a member's basket and what it costs, with these coupons."""
        with reading():
            from_level = self.level_of(member_id, at=at)
            basket = checkout.basket_of(checkout.Owner(member_id=member_id))
            viewer = catalogue.Viewer(from_level.rank, member_id, None, from_level.early_access_hours)
            return basket, checkout.price(
                basket, viewer=viewer, level=from_level, terms=self.terms, points_offered=points, coupon_ids=use,
                propose=propose, at=at,
            )  # fmt: skip

    def level_of(self, member_id: int, *, at: datetime = NOON) -> programme.Level:
        """Return a member's level."""
        with reading():
            return membership.standing(member_id, terms=self.terms, at=at).level

    def place(
        self, member_id: int, *, points: int = 0, use: Sequence[int] = (), at: datetime = NOON, **changes: Any
    ) -> Any:
        """Place a member's basket as it was just shown; returns the order. `changes` replaces arguments."""
        basket, priced = self.price(member_id, points=points, use=use, at=at)
        arguments = {
            "key": basket.key, "shown": priced.quote.fingerprint, "points_offered": points, "terms": self.terms,
            "verified": True, "cashier": True, "address": ADDRESS, "coupon_ids": use, "at": at,
        } | changes  # fmt: skip
        with transaction():
            return checkout.place(member_id, **arguments)

    def open_page(self, order: Any, *, at: datetime = NOON) -> str:
        """Open the payment page of an order; returns the id of its session."""
        with moved_to(at):
            return checkout.open_page(order.id, cashier=self.cashier, site=SITE).rpartition("/")[2]

    def pay(self, order: Any, *, at: datetime = NOON) -> Any:
        """Pay an order at the sandbox and come back; returns the order."""
        with moved_to(at):
            self.cashier.pay(self.open_page(order, at=at))
            return checkout.look_at_order(order.id, cashier=self.cashier, terms=self.terms)

    def ship(self, order: Any, *, at: datetime = NOON) -> Any:
        """Send an order on its way."""
        with transaction():
            return checkout.ship(order.id, carrier="Swift", tracking=f"T{order.id}", by="staff:1", at=at)

    def deliver(self, order: Any, *, at: datetime = NOON) -> Any:
        """Mark an order delivered."""
        with transaction():
            return checkout.deliver(order.id, by="staff:1", at=at)

    def close(self, order: Any, *, at: datetime) -> bool:
        """Let the return window of an order end."""
        with transaction():
            return aftersales.close_window(order.id, terms=self.terms, at=at)

    def refund(
        self, order: Any, *, reason: str = "changed_mind", pieces: dict[int, int] | None = None,
        restock: bool | dict[int, int] = True, at: datetime = NOON,
    ) -> aftersales.Plan:  # fmt: skip
        """Refund so many pieces of an order's lines, {line: n}, or all that is left."""
        with transaction():
            plan = aftersales.refund(
                order.id, reason=reason, restock=restock, pieces=pieces, by="staff:1", terms=self.terms, at=at
            )
        assert plan is not None
        return plan

    def balances(self, member_id: int, *, at: datetime = NOON) -> ledger.Balances:
        """Return what a member has."""
        with reading():
            return ledger.balances(member_id, at=at)

    def order(self, order: Any) -> Any:
        """Return an order as it stands now."""
        with reading():
            return checkout.order_of(order.id)

    def stock(self, item: "Item") -> tuple[int, int]:
        """Return (on hand, reserved) of an item."""
        with reading():
            row = execute(
                select(catalogue.Stock.on_hand, catalogue.Stock.reserved).where(
                    catalogue.Stock.variant_id == item.variant_id
                )
            ).one()
        return row.on_hand, row.reserved


@dataclass(frozen=True)
class Item:
    """Something on the shelf, and the ids of its prices by form."""

    product_id: int
    variant_id: int
    options: dict[str, int]


def open_shop(at: datetime = NOON, **settings: Any) -> Stage:
    """Set a shop up with the default programme; `settings` replaces some of it."""
    values = programme.default_settings(shop_name="Tessera") | settings
    with transaction():
        return Stage(programme.establish(values, by="system", at=at))
