"""Building the demo: the shop, its shelves and staff, then a year of days."""

import json
import random
import time
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct

from mall import worker
from mall.base.cashier import Cashier
from mall.base.clock import moved_to, now
from mall.base.db import transaction
from mall.domain import catalogue, finance, people, programme

from . import cashing, facets, memberships, rides
from .campaigns import plan_campaigns
from .cast import PASSWORD, STAFF, STARS
from .codes import look_at_codes, stock_up
from .consulting import consult
from .coupons import give_coupons
from .goods import CATEGORIES, PACK, PLAN, SHELVES, VOUCHER, Goods
from .interests import show_interest
from .invitations import share_items
from .levels import grant_levels
from .queue import Queue
from .stamps import plan_stamp_card
from .statement import read_statement
from .story import Story
from .year import MEMBERS, ORDERS, live

CAST_FILE = "demo-cast.json"
DAYS = 365
OPERATOR = "staff:1"
FINANCE = "staff:3"
ADMIN, SECOND_ADMIN = "staff:4", "staff:5"


class Built(Struct, frozen=True):
    """What was built, and in how many seconds."""

    members: int
    orders: int
    items: int
    seconds: float


# What levels give to who reaches them and on birthdays, and how much the lower ones may redeem in a month.
PACKS = {
    "registered": {"redemptions_per_month": 10},
    "ordinary": {"redemptions_per_month": 20},
    "senior": {"upgrade_points": 200, "birthday_points": 50},
    "vip": {"upgrade_points": 500, "birthday_points": 100},
    "svip": {"upgrade_points": 1_500, "birthday_points": 300},
}
PICKUP = {
    "key": "pickup",
    "name": {"en": "Collect at 12 Kiln Street", "zh": "到店自提"},
    "price_cents": 0,
    "free_from_cents": None,
    "kind": "pickup",
}


def build(
    *,
    cashier: Cashier,
    site: str,
    instance: Path,
    end: datetime | None = None,
    seed: int = 7,
    members: int = MEMBERS,
    orders: int = ORDERS,
) -> Built:
    """Build the demo into an empty database. `end` is the instant its history ends, now unless given."""
    started = time.perf_counter()
    end = end or now()
    begin = end - timedelta(days=DAYS)
    opening = begin - timedelta(days=40)
    chance = random.Random(seed)
    with moved_to(opening):
        settings = programme.default_settings(
            shop_name={"en": "Tessera", "zh": "嵌片集"},
            currency="USD",
            zone="America/Los_Angeles",
            support_email="hello@tessera.example",
            legal_name="Tessera Trading Co.",
            address="12 Kiln Street, Portland, OR 97209",
            tax_number="93-1234567",
        )
        settings["shipping_methods"].append(PICKUP)
        settings["levels"] = [level | PACKS.get(level["key"], {}) for level in settings["levels"]]
        settings |= cashing.SETTINGS
        for task in settings["tasks"]:
            task["active"] = task["active"] or task["key"] == "bind_account"
        with transaction():
            terms = programme.establish(settings, by="system", at=opening)
        password = people.password_hash(PASSWORD)
        hire(password, at=opening)
        rides.open_partner(by=ADMIN, approver=SECOND_ADMIN, at=opening)
        categories = open_categories(opening)
        stocked = [
            shelve(goods, categories, number, terms=terms, at=opening) for number, goods in enumerate(SHELVES, start=1)
        ]
        plan_campaigns(begin=begin, end=end, tea=categories["tea"], terms=terms, at=opening)
        plan_stamp_card(end=end, tea=categories["tea"], terms=terms, at=opening)
    story = Story(
        terms=terms,
        cashier=cashier,
        site=site,
        shelves=stocked,
        chance=chance,
        begin=begin,
        end=end,
        password=password,
        queue=Queue(end),
    )
    live(story, members=members, orders=orders)
    look_at_codes()
    with moved_to(end - timedelta(days=7)):
        stocked.append(shelve(PLAN, categories, len(stocked) + 1, terms=terms, at=now()))
    memberships.sell(story, stocked[-1].variants)
    with moved_to(end):
        vary_shelves(stocked, terms=terms, at=end)
        for coupon_item in (PACK, VOUCHER):
            stocked.append(shelve(coupon_item, categories, len(stocked) + 1, terms=terms, at=end))
        give_coupons(
            {shopper.name: shopper.member_id for shopper in story.members},
            tea=categories["tea"],
            candle=next(shelf.product_id for shelf in stocked if shelf.goods.art.startswith("candle-ivory")),
            voucher=stocked[-1].product_id,
            pack=stocked[-2].product_id,
            terms=terms,
            by=OPERATOR,
            at=end,
        )
        show_interest(
            {shopper.name: shopper.member_id for shopper in story.members},
            {shelf.goods.art.removesuffix(".svg"): shelf.product_id for shelf in stocked},
            terms=terms,
            by=OPERATOR,
            at=end,
        )
        worker.reward_invitations(end)
        grant_levels(
            next(shopper.member_id for shopper in story.members if shopper.name == "wei"),
            min(shopper.member_id for shopper in story.members),
            terms=terms,
            by=OPERATOR,
            at=end,
        )
        consult(
            {shopper.name: shopper.member_id for shopper in story.members},
            [shelf.product_id for shelf in stocked[:3]],
            terms=terms,
            by=OPERATOR,
            at=end,
        )
        facets.ask(story.members, terms=terms, by=OPERATOR, at=end)
        share_items(story, [shelf.product_id for shelf in stocked[:2]], at=end)
        try_levels(terms, by=ADMIN, at=end)
        worker.tell_of_points(end)
        worker.tell_of_coupons(end)
        worker.look_around(end)
        read_statement(cashier, terms=terms, by=FINANCE, at=end)
        finance.roll_up(terms, at=end)
        finance.run_proof(by="system", at=end)
    write_cast(instance)
    return Built(len(story.members), story.placed, len(stocked), time.perf_counter() - started)


def try_levels(terms: programme.Programme, *, by: str, at: datetime) -> None:
    """Leave a draft of levels to be tried: Senior nearer, VIP kept by less, and SVIP dearer."""
    settings = programme.settings_of(terms)
    figures: dict[str, dict[str, int]] = {
        "senior": {"reach": 1_000, "keep": 900},
        "vip": {"keep": 4_000, "multiplier_percent": 160},
        "svip": {"reach": 18_000, "keep": 18_000},
    }
    settings["levels"] = [level | figures.get(level["key"], {}) for level in settings["levels"]]
    with transaction():
        programme.sketch(
            settings,
            based_on=terms.version,
            effective_from=at,
            by=by,
            at=at,
            reason="More Seniors, and VIP is kept more easily",
        )


def hire(password: people.PasswordHash, *, at: datetime) -> None:
    """Add the staff, with the demo's password set by their one-time links."""
    for colleague in STAFF:
        with transaction():
            _staff_id, token = people.add_staff(
                people.read_email(f"{colleague.slug}@tessera.example"),
                name=colleague.name,
                roles=colleague.roles,
                by="system",
                at=at,
            )
            people.set_staff_password(token, password, at=at)


def open_categories(at: datetime) -> dict[str, int]:
    """Open the categories. Returns {key: id}."""
    with transaction():
        return {
            key: catalogue.create_category({"en": english, "zh": chinese}, slug=key, by=OPERATOR, at=at)
            for key, (english, chinese) in CATEGORIES.items()
        }


class OnShelf(Struct, frozen=True):
    """An item of the demo as the year buys it: variants, and price options by form: {variant_id: {form: Price}}."""

    goods: Goods
    product_id: int
    variants: dict[int, dict[str, catalogue.Price]]


def shelve(
    goods: Goods, categories: dict[str, int], number: int, *, terms: programme.Programme, at: datetime
) -> OnShelf:
    """Put an item on the shelf: words, picture, prices, stock."""
    english, chinese = goods.title
    prices = prices_of(goods)
    with transaction():
        product_id = catalogue.create_product(
            title={"en": english, "zh": chinese},
            summary={"en": goods.summary[0], "zh": goods.summary[1]},
            description={"en": f"<p>{goods.summary[0]}</p>", "zh": f"<p>{goods.summary[1]}</p>"},
            kind=goods.kind,
            delivery=goods.delivery,
            categories=[categories[goods.category]],
            terms=terms,
            by=OPERATOR,
            at=at,
            **goods.more,
        )
        catalogue.add_art(product_id, goods.art, alt={"en": english, "zh": chinese}, by=OPERATOR, at=at)
        variants = []
        for place, title in enumerate(goods.variants or (None,), start=1):
            variant_id = catalogue.add_variant(
                product_id,
                sku=f"TS-{number:03}{f'-{place}' if title else ''}",
                title={"en": title[0], "zh": title[1]} if title else None,
                prices=prices,
                terms=terms,
                by=OPERATOR,
                at=at,
            )
            if goods.stock:
                stock_up(variant_id, goods.kind, goods.stock * 2, by=OPERATOR, at=at, note=f"DN-{number:03}")
            variants.append(variant_id)
        catalogue.list_products([product_id], terms=terms, by=OPERATOR, at=at)
        offers = catalogue.offers(variants, at=at)
    options = {offer.variant_id: {price.form: price for price in offer.options} for offer in offers}
    return OnShelf(goods, product_id, options)


def vary_shelves(stocked: list[OnShelf], *, terms: programme.Programme, at: datetime) -> None:
    """Take two items off the shelf, let one come in a week, and leave one a draft, so that the desk shows them all."""
    with transaction():
        catalogue.delist_products([stocked[11].product_id, stocked[23].product_id], by=OPERATOR, at=at)
        catalogue.create_product(
            title={"en": "Winter candle", "zh": "冬日蜡烛"}, kind="gift", terms=terms, by=OPERATOR, at=at
        )
        catalogue.schedule(
            [stocked[30].product_id], listed_from=at + timedelta(days=7), terms=terms, by=OPERATOR, at=at
        )


def prices_of(goods: Goods) -> list[catalogue.Price]:
    """Return the price options of an item."""
    prices = []
    if goods.points:
        prices.append(catalogue.points_price(goods.points))
    if goods.mix:
        full, least, most, step = goods.mix
        prices.append(catalogue.mix_price(full, least=least, most=most, step=step))
    if goods.cash:
        prices.append(catalogue.cash_price(goods.cash, old_cash_cents=goods.was or None))
    return prices


def write_cast(instance: Path) -> None:
    """Write who may be signed in as with one click, beside the database."""
    people_here = [
        {"door": "staff", "email": f"{each.slug}@tessera.example", "name": each.name, "blurb": each.blurb}
        for each in STAFF
    ] + [
        {"door": "member", "email": f"{each.slug}@tessera.example", "name": each.name, "blurb": each.blurb}
        for each in STARS
    ]
    (instance / CAST_FILE).write_text(json.dumps(people_here, ensure_ascii=False, indent=1), encoding="utf-8")
