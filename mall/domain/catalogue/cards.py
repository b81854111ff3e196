"""Cards: what the store's lists say of an item, read in one statement for a page of them."""

from datetime import datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import and_, bindparam, func, select

from mall.base.db import execute
from mall.domain import programme

from .categories import ids_in, stands_in
from .gates import Gate, Viewer, gate_of
from .labels import ShelfLabel
from .pictures import Picture
from .positions import must_fill
from .prices import mixed_cents
from .products import Product
from .quotas import Quota
from .stock import Stock, are_few
from .variants import Variant
from .wishes import Filters, conditions, on_shelf, order_of


class Card(Struct, frozen=True):
    """What a card in the listing says. Prices are those of the option shown, per piece; `is_from`: others ask more.

    `form` is "cash" (cash_cents), "points" (points) or "mix" (points and cash_cents). `left` is what can be had,
    `categories` are those it stands in.
    """

    id: int
    slug: str
    title: dict[str, str]
    summary: dict[str, str] | None
    kind: str
    delivery: str
    see_rank: int
    buy_rank: int
    file: str | None
    art: str | None
    alt: dict[str, str] | None
    form: str
    points: int | None
    cash_cents: int | None
    old_points: int | None
    old_cash_cents: int | None
    is_from: bool
    least_points: int | None
    review_count: int
    review_stars: int
    left: int
    gate: Gate
    categories: frozenset[int]

    @property
    def sold_out(self) -> bool:
        """Whether none can be had."""
        return self.left <= 0

    @property
    def few_left(self) -> bool:
        """Whether so few are left that the card says how many."""
        return are_few(self.left)


def cards_of(
    filters: Filters, values: dict[str, Any], *, viewer: Viewer, terms: programme.Programme, at: datetime
) -> list[Card]:
    """Return the cards of a page, one statement; `values` fill it, its limit and offset among them."""
    return [_card(row, viewer=viewer, terms=terms, at=at) for row in execute(statement(filters), values)]


def _card(row: Any, *, viewer: Viewer, terms: programme.Programme, at: datetime) -> Card:
    # By position: a listing of 48 cards reads a thousand values.
    values: list[Any] = list(row[:_ON_CARD])
    full_cents, total_quota, taken, free, categories = row[_ON_CARD : _ON_CARD + 5]
    if full_cents is not None:
        values[_CASH] = mixed_cents(full_cents, values[_POINTS], terms)
    values += [free if total_quota is None else min(free, total_quota - taken), gate_of(row, viewer, at=at)]
    values.append(ids_in(categories))
    return Card(*values)


def pieces_left() -> Any:
    """Return, as a column of a product's row, how many pieces are free in all its variants."""
    return (
        select(func.coalesce(func.sum(Stock.on_hand - Stock.reserved), 0))
        .select_from(Stock)
        .join(Variant, Variant.id == Stock.variant_id)
        .where(Variant.product_id == Product.id, Variant.retired_at.is_(None))
        .correlate(Product)
        .scalar_subquery()
    )


# A row becomes a card by position; the other columns are what its figures are worked out from.
_SAYS = (
    Product.id, Product.slug, Product.title, Product.summary, Product.kind, Product.delivery, Product.see_rank,
    Product.buy_rank, Picture.file, Picture.art, Picture.alt, ShelfLabel.form, ShelfLabel.points,
    ShelfLabel.cash_cents, ShelfLabel.old_points, ShelfLabel.old_cash_cents, ShelfLabel.is_from,
    ShelfLabel.least_points, Product.review_count, Product.review_stars,
)  # fmt: skip
must_fill(Card, _SAYS, "left", "gate", "categories")
_ON_CARD, _POINTS, _CASH = len(_SAYS), _SAYS.index(ShelfLabel.points), _SAYS.index(ShelfLabel.cash_cents)
COLUMNS = (
    *_SAYS, ShelfLabel.full_cents, Quota.total, Quota.taken, pieces_left().label("free"),
    stands_in(Product.id).label("categories"), Product.public_from, Product.redeem_from, Product.redeem_until,
)  # fmt: skip


@lru_cache(maxsize=2048)
def statement(filters: Filters) -> Any:
    """Choose the page's products first, so that only theirs are the pictures and the stock that are looked up."""
    order = order_of(filters)
    page = on_shelf(filters, Product.id, ShelfLabel.from_at, *[column for column, _ in order])
    page = page.where(*conditions(filters).values()).limit(bindparam("limit")).offset(bindparam("offset"))
    page = page.order_by(*[column.desc() if descending else column for column, descending in order])
    chosen = page.subquery("chosen")
    sorted_by = [chosen.c[column.key].desc() if descending else chosen.c[column.key] for column, descending in order]
    label = ShelfLabel
    return (
        select(*COLUMNS)
        .select_from(chosen)
        .join(Product, Product.id == chosen.c.id)
        .join(label, and_(label.product_id == chosen.c.id, label.from_at == chosen.c.from_at))
        .outerjoin(Picture, and_(Picture.product_id == Product.id, Picture.position == 1))
        .outerjoin(Quota, Quota.product_id == Product.id)
        .order_by(*sorted_by)
    )  # fmt: skip
