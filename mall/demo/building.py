"""Building the demo: the shop, its shelves and staff, then a year of days."""

import json
import random
import time
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct

from mall.base.cashier import Cashier
from mall.base.clock import moved_to, now
from mall.base.db import transaction
from mall.domain import catalogue, finance, people, programme

from . import memberships, rides
from .campaigns import plan_campaigns
from .cast import ADMIN, FINANCE, OPERATOR, PASSWORD, SECOND_ADMIN, STAFF, STARS
from .codes import look_at_codes, stock_up
from .goods import CATEGORIES, PACK, PLAN, SHELVES, VOUCHER, Goods
from .last_day import spend_last_day
from .opening import hire, open_shop
from .queue import Queue
from .stamps import plan_stamp_card
from .statement import read_statement
from .story import Story
from .year import MEMBERS, ORDERS, live

CAST_FILE = "demo-cast.json"
DAYS = 365


class Built(Struct, frozen=True):
    """What was built, and in how many seconds."""

    members: int
    orders: int
    items: int
    seconds: float


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
        terms = open_shop(opening)
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
        spend_last_day(story, stocked, tea=categories["tea"])
        read_statement(cashier, terms=terms, by=FINANCE, at=end)
        finance.roll_up(terms, at=end)
        finance.run_proof(by="system", at=end)
    write_cast(instance)
    return Built(len(story.members), story.placed, len(stocked), time.perf_counter() - started)


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
