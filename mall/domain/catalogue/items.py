"""The item page: a product with its pictures, variants, options and gate, in two statements."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from msgspec import Struct
from sqlalchemy import and_, bindparam, select

from mall.base.db import execute
from mall.base.money import half_up
from mall.domain import programme

from .categories import Category, ProductCategory, ids_in, stands_in
from .figures import MOST_PIECES
from .gates import Gate, Viewer, gate_of, may_see
from .pictures import pictures_of
from .prices import CASH, MIX, PRICE_COLUMNS, Price, PriceOption, cash_part, live, points_allowed, price_from
from .products import NoSuchProduct, Product
from .quotas import Quota
from .stock import Stock, are_few
from .variants import Variant


class Choice(Struct, frozen=True):
    """One way to pay for one piece: the points it takes least and most, the step, and the cash at the least points.

    `cash_cents` belongs to `least`; `at()` gives it for other points.
    """

    price: Price
    least: int
    most: int
    step: int
    cash_cents: int
    terms: programme.Programme

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

    def share_of(self, points: int) -> int:
        """Return how much of a mix's full price so many points pay: 0 to 100 percent, half up."""
        assert self.price.full_cents is not None
        return half_up(Fraction(100 * self.terms.worth_of(points), self.price.full_cents))


class ItemVariant(Struct, frozen=True):
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

    @property
    def cheapest(self) -> Choice:
        """The choice that asks for the fewest points, else the lowest in cash. Only where there is one."""
        return cheapest_of(self.choices)


def cheapest_of(choices: Sequence[Choice]) -> Choice:
    """Return the choice a card would show: the fewest points, else the lowest in cash. Pure."""
    with_points = [choice for choice in choices if choice.form != CASH]
    if with_points:
        return min(with_points, key=lambda choice: (choice.least, choice.cash_cents))
    return min(choices, key=lambda choice: choice.cash_cents)


class Item(Struct, frozen=True):
    """All an item page says.

    `product` is the product's row with total_quota, taken, and category_slug and category_title of the first category
    it stands in (None where it stands in none); `pictures` are rows as pictures_of() gives them.
    """

    product: Any
    pictures: tuple[Any, ...]
    variants: tuple[ItemVariant, ...]
    gate: Gate

    @property
    def categories(self) -> frozenset[int]:
        """The ids of the categories it stands in."""
        return ids_in(self.product.stands_in)

    @property
    def left(self) -> int:
        """How many pieces can be had in all variants."""
        free = sum(max(variant.left, 0) for variant in self.variants)
        product = self.product
        return free if product.total_quota is None else min(free, product.total_quota - product.taken)

    @property
    def few_left(self) -> bool:
        """Whether there is little of it left."""
        return are_few(self.left)

    @property
    def cheapest(self) -> Choice | None:
        """The choice its card shows: the fewest points, else the lowest in cash; None where nothing is for sale."""
        choices = [choice for variant in self.variants for choice in variant.choices]
        return cheapest_of(choices) if choices else None

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
    rows = execute(_ITEM, {"slug": slug[:80]}).all()
    if not rows or not may_see(rows[0], viewer, at=at):
        raise NoSuchProduct()
    product = rows[0]
    return Item(
        product=product,
        pictures=tuple(pictures_of(product.id)),
        variants=tuple(_variants(rows, terms=terms, at=at)),
        gate=gate_of(product, viewer, at=at),
    )


def choices_of(prices: list[Price], *, terms: programme.Programme, at: datetime) -> tuple[Choice, ...]:
    """Return the ways to pay that are open at an instant: points only, then mixes, then cash. Pure."""
    order = {"points": 0, MIX: 1, CASH: 2}
    choices = []
    for price in sorted(live(prices, at), key=lambda price: order[price.form]):
        least, most, step = points_allowed(price)
        choices.append(Choice(price, least, most, step, cash_part(price, least, terms), terms))
    return tuple(choices)


def _variants(rows: Sequence[Any], *, terms: programme.Programme, at: datetime) -> list[ItemVariant]:
    found: dict[int, tuple[Any, list[Price]]] = {}
    for row in rows:
        if row.variant_id is not None:
            _, prices = found.setdefault(row.variant_id, (row, []))
            if row.option_id is not None:
                prices.append(price_from(row[-len(PRICE_COLUMNS) :]))
    product = rows[0]
    quota_left = MOST_PIECES if product.total_quota is None else product.total_quota - product.taken
    return [
        ItemVariant(
            id=variant_id,
            sku=row.sku,
            title=row.variant_title,
            choices=choices_of(prices, terms=terms, at=at),
            left=min(row.free, quota_left),
        )
        for variant_id, (row, prices) in found.items()
    ]


_FIRST_CATEGORY = (
    select(Category.id)
    .join(ProductCategory, ProductCategory.category_id == Category.id)
    .where(ProductCategory.product_id == Product.id)
    .order_by(Category.position, Category.id)
    .limit(1)
    .correlate(Product)
    .scalar_subquery()
)
_ITEM = (
    select(
        *Product.__table__.columns, Quota.total.label("total_quota"), Quota.taken,
        Category.slug.label("category_slug"), Category.title.label("category_title"),
        stands_in(Product.id).label("stands_in"),
        Variant.id.label("variant_id"), Variant.sku, Variant.title.label("variant_title"),
        (Stock.on_hand - Stock.reserved).label("free"),
        *PRICE_COLUMNS,
    )
    .select_from(Product)
    .outerjoin(Quota, Quota.product_id == Product.id)
    .outerjoin(Category, Category.id == _FIRST_CATEGORY)
    .outerjoin(Variant, and_(Variant.product_id == Product.id, Variant.retired_at.is_(None)))
    .outerjoin(Stock, Stock.variant_id == Variant.id)
    .outerjoin(PriceOption, and_(PriceOption.variant_id == Variant.id, PriceOption.withdrawn_at.is_(None)))
    .where(Product.slug == bindparam("slug"))
    .order_by(Variant.position, Variant.id, PriceOption.position)
)  # fmt: skip
