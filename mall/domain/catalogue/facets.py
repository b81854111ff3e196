"""Facets: how many items each further filter would leave, counted in one pass."""

from functools import lru_cache
from typing import Any

from msgspec import Struct, field
from sqlalchemy import ColumnElement, and_, case, func, literal, null, select, true, type_coerce, union_all

from mall.base.db import execute
from mall.base.text import Text

from .categories import Category, ProductCategory
from .labels import ShelfLabel
from .products import Product
from .wishes import RANK, READY, WIDE, Filters, conditions, on_shelf


class CategoryCount(Struct, frozen=True):
    """A category, and how many of its products the other filters leave."""

    slug: str
    title: dict[str, str]
    count: int


class Facets(Struct, frozen=True):
    """How many products each further filter would leave."""

    categories: list[CategoryCount] = field(default_factory=list)
    forms: dict[str, int] = field(default_factory=dict)
    affordable: int = 0
    my_level: int = 0


def facets_of(filters: Filters, values: dict[str, Any]) -> tuple[int, Facets]:
    """Return how many items all filters leave, and the counts of each further one."""
    rows = execute(statement(filters), values).all()
    totals = next(row for row in rows if row.slug is None)
    counts = [CategoryCount(row.slug, row.title, row.products) for row in rows if row.slug is not None]
    forms = {"cash": totals.with_cash or 0, "points": totals.with_points or 0, "mix": totals.with_mix or 0}
    return totals.products or 0, Facets(counts, forms, totals.affordable or 0, totals.my_level or 0)


@lru_cache(maxsize=2048)
def statement(filters: Filters) -> Any:
    """Count, in one pass, what all filters leave, and what each would leave in its own filter's stead."""
    wishes = conditions(filters)

    def flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return case((condition, 1), else_=0)

    def but(*names: str) -> ColumnElement[bool]:
        return and_(true(), *[condition for name, condition in wishes.items() if name not in names])

    base = on_shelf(
        filters,
        Product.id,
        flag(but()).label("wanted"),
        flag(but("category")).label("wanted_elsewhere"),
        flag(and_(but("form"), ShelfLabel.with_cash)).label("with_cash"),
        flag(and_(but("form"), ShelfLabel.with_points)).label("with_points"),
        flag(and_(but("form"), ShelfLabel.with_mix)).label("with_mix"),
        flag(and_(but("affordable"), ShelfLabel.least_points <= READY)).label("affordable"),
        flag(and_(but("my_level"), Product.buy_rank <= RANK)).label("my_level"),
    ).cte("base")
    further = ("with_cash", "with_points", "with_mix", "affordable", "my_level")
    per_category = (
        select(
            Category.slug, Category.title, Category.position,
            func.sum(func.coalesce(base.c.wanted_elsewhere, 0)).label("products"),
            *[literal(0, WIDE).label(name) for name in further],
        )
        .outerjoin(ProductCategory, ProductCategory.category_id == Category.id)
        .outerjoin(base, base.c.id == ProductCategory.product_id)
        .group_by(Category.id)
    )  # fmt: skip
    in_all = select(
        null().label("slug"), type_coerce(null(), Text).label("title"), literal(0, WIDE).label("position"),
        func.sum(base.c.wanted).label("products"), *[func.sum(base.c[name]).label(name) for name in further],
    )  # fmt: skip
    both: Any = union_all(per_category, in_all)
    return both.order_by(both.selected_columns.position)
