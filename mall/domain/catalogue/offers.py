"""Offers: everything the quote and the basket need to know of variants, in one statement."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import and_, select

from mall.base.sql import by_ids

from .categories import ids_in, stands_in
from .figures import possible_ids
from .gates import Gate, Viewer, gate_of, may_see
from .pictures import Picture
from .positions import must_fill
from .prices import PRICE_COLUMNS, Price, PriceOption, live, price_from, standing_for
from .products import Product
from .quotas import Quota
from .stock import Stock, are_few
from .variants import Variant


class Plan(Struct, frozen=True):
    """What a membership gives: the level with a key, for so many days or months."""

    level_key: str
    length: int
    unit: str


class Offer(Struct, frozen=True):
    """A variant as it can be had at the instant `at`. `free` pieces are in stock; `prices` are all stored options.

    A product's dates and ranks stand here under the product's own names, so that gates and shelves can read them.
    """

    variant_id: int
    product_id: int
    slug: str
    kind: str
    delivery: str
    title: dict[str, str]
    variant_title: dict[str, str] | None
    sku: str
    tax_class: str
    see_rank: int
    buy_rank: int
    listed_from: datetime | None
    listed_until: datetime | None
    redeem_from: datetime | None
    redeem_until: datetime | None
    public_from: datetime | None
    limit_per_member: int | None
    limit_days: int | None
    retired_at: datetime | None
    total_quota: int | None
    taken: int | None
    free: int
    plan_level: str | None
    plan_length: int | None
    plan_unit: str | None
    file: str | None
    art: str | None
    alt: dict[str, str] | None
    stands_in: str | None
    prices: tuple[Price, ...]
    at: datetime

    @property
    def categories(self) -> frozenset[int]:
        """The ids of the categories its product stands in."""
        return ids_in(self.stands_in)

    @property
    def plan(self) -> Plan | None:
        """The level it gives for a time, where it is a membership."""
        if self.plan_level is None or self.plan_length is None or self.plan_unit is None:
            return None
        return Plan(self.plan_level, self.plan_length, self.plan_unit)

    @property
    def options(self) -> list[Price]:
        """The options that are open."""
        return live(self.prices, self.at)

    @property
    def quota_left(self) -> int | None:
        """How many all members together can still have; None: no such limit."""
        return None if self.total_quota is None else self.total_quota - (self.taken or 0)

    @property
    def left(self) -> int:
        """How many can be had: what is free, within what all members together may still have."""
        return self.free if self.quota_left is None else min(self.free, self.quota_left)

    @property
    def few_left(self) -> bool:
        """Whether there is little of it left."""
        return are_few(self.left)

    def option(self, option_id: int | None) -> Price | None:
        """Return the open option that a chosen one stands for now: itself, its sale, its like after a sale."""
        return standing_for(option_id, self.prices, self.at)

    def may_be_seen_by(self, viewer: Viewer) -> bool:
        """Tell whether it exists for a viewer."""
        return self.retired_at is None and may_see(self, viewer, at=self.at)

    def gate(self, viewer: Viewer) -> Gate:
        """Return what stands between a viewer and having it."""
        return gate_of(self, viewer, at=self.at)


def offers(variant_ids: Iterable[int], *, at: datetime) -> list[Offer]:
    """Return the offers of variants, ascending by variant, whatever their state; unknown ids give none."""
    found: dict[int, tuple[Any, list[Price]]] = {}
    for row in _offers(possible_ids(variant_ids)):
        _, prices = found.setdefault(row[0], (row, []))
        if row.option_id is not None:
            prices.append(price_from(row[_FIRST_OF_PRICE:]))
    # By position, which must_fill() keeps safe: a basket reads hundreds of values.
    return [_offer([*row[:_FIRST_OF_PRICE], tuple(prices), at]) for row, prices in found.values()]


def _offer(values: list[Any]) -> Offer:
    return Offer(*values)


_ABOUT = (
    Variant.id.label("variant_id"), Variant.product_id, Product.slug, Product.kind, Product.delivery, Product.title,
    Variant.title.label("variant_title"), Variant.sku, Product.tax_class, Product.see_rank, Product.buy_rank,
    Product.listed_from, Product.listed_until, Product.redeem_from, Product.redeem_until, Product.public_from,
    Product.limit_per_member, Product.limit_days, Variant.retired_at, Quota.total.label("total_quota"), Quota.taken,
    (Stock.on_hand - Stock.reserved).label("free"), Product.plan_level, Product.plan_length, Product.plan_unit,
    Picture.file, Picture.art, Picture.alt, stands_in(Product.id).label("stands_in"),
)  # fmt: skip
must_fill(Offer, _ABOUT, "prices", "at")
_FIRST_OF_PRICE = len(_ABOUT)
_offers = by_ids(
    select(*_ABOUT, *PRICE_COLUMNS)
    .select_from(Variant)
    .join(Product, Product.id == Variant.product_id)
    .join(Stock, Stock.variant_id == Variant.id)
    .outerjoin(Quota, Quota.product_id == Product.id)
    .outerjoin(Picture, and_(Picture.product_id == Product.id, Picture.position == 1))
    .outerjoin(PriceOption, and_(PriceOption.variant_id == Variant.id, PriceOption.withdrawn_at.is_(None)))
    .order_by(Variant.id, PriceOption.position),
    Variant.id,
)
