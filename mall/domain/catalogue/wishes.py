"""Wishes: what somebody wants to see of the shelves, and the conditions and the order it comes to in a statement."""

from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import BigInteger, ColumnElement, Integer, Select, and_, bindparam, exists, func, select

from mall.base.clock import Instant

from . import search
from .categories import Category, ProductCategory
from .gates import Viewer
from .labels import ShelfLabel
from .prices import FORMS
from .products import Product
from .quotas import Quota
from .shelves import in_state
from .stock import Stock
from .variants import Variant

# "fit": what takes the most points first, where what can be afforded is asked for.
SORTS = ("newest", "points", "cash", "fit")
WIDE = BigInteger().with_variant(Integer(), "sqlite")
# What every statement of a listing is filled with: the instant, the viewer's level, the points they have ready.
AT, RANK, READY = bindparam("at", type_=Instant), bindparam("rank", type_=WIDE), bindparam("ready", type_=WIDE)


class Wishes(Struct, frozen=True):
    """What somebody wants to see of the shelves.

    `category` is a slug; `form` one of FORMS; `sort` one of SORTS, else the best match, or the newest. Of what is
    none of these nothing is made. `above_my_level`: only what a level still opens. `ids`: only these products; None:
    all of them.
    """

    words: str = ""
    category: str | None = None
    affordable: bool = False
    my_level: bool = False
    above_my_level: bool = False
    form: str | None = None
    in_stock: bool = False
    sort: str = ""
    ids: tuple[int, ...] | None = None


EVERYTHING = Wishes()


class Filters(NamedTuple):
    """Which filters a listing asks for: what a statement's shape depends on."""

    terms: int
    category: bool
    affordable: bool
    my_level: bool
    above_my_level: bool
    form: str
    in_stock: bool
    sort: str
    ids: bool


def asked_for(viewer: Viewer, wishes: Wishes, *, at: datetime) -> tuple[Filters, dict[str, Any]]:
    """Return the shape of the statements a viewer's wishes ask for, and the values to fill them with."""
    asked = search.terms_of(wishes.words)
    filters = Filters(
        terms=len(asked),
        category=bool(wishes.category),
        affordable=wishes.affordable,
        my_level=wishes.my_level,
        above_my_level=wishes.above_my_level,
        form=wishes.form if wishes.form in FORMS else "",
        in_stock=wishes.in_stock,
        sort=wishes.sort if wishes.sort in SORTS else "",
        ids=wishes.ids is not None,
    )
    values: dict[str, Any] = {"at": at, "rank": viewer.rank, "ready": viewer.ready_points or 0}
    if asked:
        values |= search.values_for(asked)
    if wishes.category:
        values["category"] = wishes.category[:80]
    if wishes.ids is not None:
        values["ids"] = wishes.ids
    return filters, values


def on_shelf(filters: Filters, *columns: Any) -> Select[Any]:
    """Select from what is listed for the viewer with a price at the instant, found by the words, in stock if asked."""
    label = ShelfLabel
    statement = (
        select(*columns)
        .select_from(Product)
        .join(label, and_(label.product_id == Product.id, label.from_at <= AT, label.until_at > AT))
        .where(in_state("listed", AT), Product.see_rank <= RANK)
    )
    if filters.terms:
        hits = search.hits(filters.terms)
        statement = statement.join(hits, hits.c.product_id == Product.id)
    if filters.in_stock:
        there = (
            exists()
            .where(
                Variant.product_id == Product.id,
                Variant.retired_at.is_(None),
                Stock.variant_id == Variant.id,
                Stock.on_hand > Stock.reserved,
            )
            .correlate(Product)
        )
        used_up = exists().where(Quota.product_id == Product.id, Quota.taken >= Quota.total).correlate(Product)
        statement = statement.where(there, ~used_up)
    return statement


def conditions(filters: Filters) -> dict[str, ColumnElement[bool]]:
    """Return the conditions of the filters that have counts of their own, by name."""
    label = ShelfLabel
    with_form = {"cash": label.with_cash, "points": label.with_points, "mix": label.with_mix}
    wishes: dict[str, ColumnElement[bool]] = {}
    if filters.category:
        inside = select(ProductCategory.product_id).join(Category, Category.id == ProductCategory.category_id)
        wishes["category"] = Product.id.in_(inside.where(Category.slug == bindparam("category")))
    if filters.affordable:
        wishes["affordable"] = and_(label.least_points.is_not(None), label.least_points <= READY)
    if filters.my_level:
        wishes["my_level"] = Product.buy_rank <= RANK
    if filters.above_my_level:
        wishes["above_my_level"] = Product.buy_rank > RANK
    if filters.ids:
        wishes["ids"] = Product.id.in_(bindparam("ids", expanding=True))
    if filters.form:
        wishes["form"] = with_form[filters.form].is_(True)
    return wishes


def order_of(filters: Filters) -> list[tuple[Any, bool]]:
    """Return what a page is sorted by, as (column, descending), ending with the id, so that paging is stable."""
    last = (Product.id.label("last"), True)
    if filters.sort == "points":
        return [(_nulls_last(ShelfLabel.least_points).label("points"), False), last]
    if filters.sort == "cash":
        return [(_nulls_last(ShelfLabel.least_cash_cents).label("cash"), False), last]
    if filters.sort == "fit":
        return [(func.coalesce(ShelfLabel.least_points, 0).label("fit"), True), last]
    if filters.terms and not filters.sort:
        return [(search.hits(filters.terms).c.score.label("score"), True), last]
    return [(Product.listed_from.label("newest"), True), last]


def _nulls_last(column: Any) -> ColumnElement[int]:
    return func.coalesce(column, 2**53)
