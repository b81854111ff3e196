"""The item page: a product with its pictures, variants, options and gate, in three statements."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, select

from mall.base.db import execute
from mall.domain import programme

from .categories import Category, ProductCategory
from .gates import Gate, Viewer, gate_of, may_see
from .pictures import pictures_of
from .prices import CASH, MIX, PRICE_COLUMNS, Price, PriceOption, cash_part, live, points_allowed, price_from
from .products import NoSuchProduct, Product
from .quotas import Quota
from .stock import Stock
from .variants import Variant


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to pay for one piece: the points it takes least and most, the step, and the cash at the least points.

    `cash_cents` belongs to `least`; `at()` gives it for other points.
    """

    price: Price
    least: int
    most: int
    step: int
    cash_cents: int
    terms: programme.Programme = field(repr=False)

    @property
    def id(self) -> int:
        """The price option's id, as the basket names it."""
        assert self.price.id is not None
        return self.price.id

    @property
    def form(self) -> str:
        """One of FORMS."""
        return self.price.form

    def nearest(self, points: int) -> int:
        """Return the points a piece may take that are nearest to a wish, rounded down to the step."""
        return min(max(points - points % self.step, self.least), self.most)

    def at(self, points: int) -> int:
        """Return the cents due for one piece at so many points. Raises BadMix."""
        return cash_part(self.price, points, self.terms)


@dataclass(frozen=True, slots=True)
class ItemVariant:
    """A variant on the item page: its title (None where there is but one), the ways to pay, and what is left."""

    id: int
    sku: str
    title: dict[str, str] | None
    choices: tuple[Choice, ...]
    left: int

    @property
    def sold_out(self) -> bool:
        """Whether none can be had."""
        return self.left <= 0


@dataclass(frozen=True, slots=True)
class Item:
    """All an item page says. `product` is the product's row, `pictures` rows as pictures_of() gives them."""

    product: Any
    categories: tuple[Any, ...]
    pictures: tuple[Any, ...]
    variants: tuple[ItemVariant, ...]
    gate: Gate

    @property
    def left(self) -> int:
        """How many pieces can be had in all variants."""
        free = sum(max(variant.left, 0) for variant in self.variants)
        product = self.product
        return free if product.total_quota is None else min(free, product.total_quota - product.taken)

    @property
    def cheapest(self) -> Choice | None:
        """The choice its card shows: the fewest points, else the lowest in cash; None where nothing is for sale."""
        choices = [choice for variant in self.variants for choice in variant.choices]
        with_points = [choice for choice in choices if choice.form != CASH]
        if with_points:
            return min(with_points, key=lambda choice: (choice.least, choice.cash_cents))
        return min(choices, key=lambda choice: choice.cash_cents, default=None)

    @property
    def least_points(self) -> int | None:
        """The fewest points that open one of its choices; None where none takes points."""
        return min(
            (choice.least for variant in self.variants for choice in variant.choices if choice.form != CASH),
            default=None,
        )

    def variant(self, variant_id: int | None) -> ItemVariant | None:
        """Return a variant by id; else the first that is not sold out; else the first; None where there is none."""
        chosen = [variant for variant in self.variants if variant.id == variant_id]
        there = [variant for variant in self.variants if not variant.sold_out]
        return next(iter(chosen or there or self.variants), None)


def item(slug: str, viewer: Viewer, *, terms: programme.Programme, at: datetime) -> Item:
    """Return what a viewer sees at an item's address. Raises NoSuchProduct, also when it is not for him to see."""
    rows = execute(_PRODUCT, {"slug": slug[:80]}).all()
    if not rows or not may_see(rows[0], viewer, at):
        raise NoSuchProduct()
    product = rows[0]
    return Item(
        product=product,
        categories=tuple(row for row in rows if row.category_slug is not None),
        pictures=tuple(pictures_of(product.id)),
        variants=tuple(_variants(product, terms=terms, at=at)),
        gate=gate_of(product, viewer, at),
    )


def choices_of(prices: list[Price], *, terms: programme.Programme, at: datetime) -> tuple[Choice, ...]:
    """Return the ways to pay that are open at an instant: points only, then mixes, then cash. Pure."""
    order = {"points": 0, MIX: 1, CASH: 2}
    choices = []
    for price in sorted(live(prices, at), key=lambda price: order[price.form]):
        least, most, step = points_allowed(price)
        choices.append(Choice(price, least, most, step, cash_part(price, least, terms), terms))
    return tuple(choices)


def _variants(product: Any, *, terms: programme.Programme, at: datetime) -> list[ItemVariant]:
    rows = execute(_VARIANTS, {"product_id": product.id}).all()
    prices: dict[int, list[Price]] = {}
    for row in rows:
        known = prices.setdefault(row.variant_id, [])
        if row.form is not None:
            known.append(price_from(row[4:]))
    quota_left = None if product.total_quota is None else product.total_quota - product.taken
    seen = {row.variant_id: row for row in rows}
    return [
        ItemVariant(
            variant_id, row.sku, row.title, choices_of(prices[variant_id], terms=terms, at=at),
            left=row.free if quota_left is None else min(row.free, quota_left),
        )
        for variant_id, row in seen.items()
    ]  # fmt: skip


_PRODUCT = (
    select(
        *Product.__table__.columns, Quota.total.label("total_quota"), Quota.taken,
        Category.slug.label("category_slug"), Category.title.label("category_title"),
    )
    .select_from(Product)
    .outerjoin(Quota, Quota.product_id == Product.id)
    .outerjoin(ProductCategory, ProductCategory.product_id == Product.id)
    .outerjoin(Category, Category.id == ProductCategory.category_id)
    .where(Product.slug == bindparam("slug"))
    .order_by(Category.position)
)  # fmt: skip
_VARIANTS = (
    select(
        Variant.id.label("variant_id"), Variant.sku, Variant.title, (Stock.on_hand - Stock.reserved).label("free"),
        *PRICE_COLUMNS,
    )
    .join(Stock, Stock.variant_id == Variant.id)
    .outerjoin(PriceOption, and_(PriceOption.variant_id == Variant.id, PriceOption.withdrawn_at.is_(None)))
    .where(Variant.product_id == bindparam("product_id"), Variant.retired_at.is_(None))
    .order_by(Variant.position, Variant.id, PriceOption.position)
)  # fmt: skip
