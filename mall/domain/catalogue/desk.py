"""The operators' view: every product with its state, price, stock and level; one product whole; stock moves."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Integer,
    Row,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    type_coerce,
)

from mall.base.clock import Instant
from mall.base.db import execute
from mall.domain import programme

from . import search
from .categories import category_ids_of
from .labels import ShelfLabel
from .pictures import Picture, pictures_of
from .prices import Price, prices_of
from .product_details import KINDS
from .products import Product, product_row
from .quotas import Quota
from .shelves import in_state, missing_to_list, state_of
from .stock import Stock, StockMove
from .variants import Variant, variants_of

TABS = ("all", "listed", "draft", "scheduled", "delisted", "low_stock")
AT = bindparam("at", type_=Instant)
_WIDE = BigInteger().with_variant(Integer(), "sqlite")
DESK_SORTS = ("title", "newest", "stock", "points", "changed")


class DeskWishes(Struct, frozen=True):
    """What an operator wants to see of all products.

    Words find titles, texts and tags, and the beginning of a SKU. `tab` is one of TABS, `kind` one of KINDS, `sort`
    one of DESK_SORTS; of what is none of these nothing is made. `level` is the rank from which a product may be had
    (0: everybody).
    """

    words: str = ""
    tab: str = "all"
    kind: str | None = None
    level: int | None = None
    sort: str = ""


ALL = DeskWishes()


class DeskFilters(NamedTuple):
    """Which filters the operators' list asks for: what a statement's shape depends on."""

    terms: int
    kind: bool
    level: bool


class DeskRow(Struct, frozen=True):
    """A product in the operators' list.

    `row` has id, slug, title, kind, buy_rank, see_rank, listed_from, listed_until, redeem_from, redeem_until,
    changed_at, version, file, art, alt, total_quota, taken, on_hand, reserved, variants (how many), sku and variant_id
    (of the first), low (how many variants are low), and its label now: form, points, cash_cents, full_cents, is_from.
    """

    row: Any
    state: str

    @property
    def free(self) -> int:
        """How many pieces can be had."""
        return int(self.row.on_hand - self.row.reserved)

    @property
    def is_low(self) -> bool:
        """Whether a variant is at its low-water mark or below."""
        return bool(self.row.low)


class DeskPage(Struct, frozen=True):
    """A page of the operators' list, and how many products each tab holds for the same words."""

    rows: list[DeskRow]
    counts: dict[str, int]
    total: int
    page: int
    per_page: int

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-self.total // self.per_page))


class DeskVariant(Struct, frozen=True):
    """A variant in the editor: its row, its stored options (dated ones too), its stock row."""

    row: Any
    prices: list[Price]
    stock: Any


class DeskItem(Struct, frozen=True):
    """A product in the editor. `missing` says what it lacks to be listed."""

    product: Any
    state: str
    category_ids: list[int]
    pictures: Sequence[Any]
    variants: list[DeskVariant]
    missing: list[Any]


def office_list(
    wishes: DeskWishes = ALL, *, at: datetime, page: int = 1, per_page: int = 50, language: str = "en"
) -> DeskPage:
    """Return a page of the operators' list, two statements. Raises search.TooManyWords.

    The counts of the tabs are of what the other wishes leave.
    """
    asked = search.terms_of(wishes.words)
    kind = wishes.kind if wishes.kind in KINDS else None
    filters = DeskFilters(len(asked), kind is not None, wishes.level is not None)
    values: dict[str, Any] = {"at": at}
    if asked:
        values |= search.values_for(asked) | {"sku": escape_like(wishes.words.strip().lower()) + "%"}
    if kind is not None:
        values["kind"] = kind
    if wishes.level is not None:
        values["level"] = wishes.level
    row = execute(_counts_statement(filters), values).one()
    counts = {name: int(getattr(row, name)) for name in TABS}
    tab = wishes.tab if wishes.tab in TABS else "all"
    total, per_page = counts[tab], min(max(per_page, 1), 200)
    page = min(max(page, 1), max(1, -(-total // per_page)))
    values |= {"limit": per_page, "offset": (page - 1) * per_page}
    statement = _rows_statement(filters, tab, wishes.sort if wishes.sort in DESK_SORTS else "title", language)
    rows = [DeskRow(row, state_of(row, at)) for row in execute(statement, values)]
    return DeskPage(rows, counts, total, page, per_page)


def desk_item(product_id: int, *, terms: programme.Programme, at: datetime) -> DeskItem:
    """Return one product whole, for its editor. Raises NoSuchProduct."""
    product = product_row(product_id)
    variants = variants_of(product_id)
    ids = [variant.id for variant in variants]
    prices = prices_of(ids)
    stock = {
        row.variant_id: row
        for row in execute(
            select(Stock.variant_id, Stock.on_hand, Stock.reserved, Stock.low_water).where(Stock.variant_id.in_(ids))
        )
    }
    return DeskItem(
        product=product,
        state=state_of(product, at),
        category_ids=category_ids_of(product_id),
        pictures=pictures_of(product_id),
        variants=[DeskVariant(row, prices[row.id], stock[row.id]) for row in variants],
        missing=missing_to_list([product_id], terms=terms, at=at)[product_id],
    )


def stock_history(product_id: int, *, limit: int = 100, before_id: int | None = None) -> Sequence[Row[Any]]:
    """Return a product's stock moves, newest first, with the SKU: `before_id` continues after the last row."""
    return execute(
        select(*StockMove.__table__.columns, Variant.sku)
        .join(Variant, Variant.id == StockMove.variant_id)
        .where(Variant.product_id == product_id, *([StockMove.id < before_id] if before_id else []))
        .order_by(StockMove.id.desc())
        .limit(limit)
    ).all()


def low_stock(*, at: datetime, limit: int = 20) -> Sequence[Row[Any]]:
    """Return listed variants at their low-water mark or below, fewest first.

    Rows have product_id, variant_id, title, kind, sku, free, low_water.
    """
    free = Stock.on_hand - Stock.reserved
    return execute(
        select(
            Product.id.label("product_id"),
            Stock.variant_id,
            Product.title,
            Product.kind,
            Variant.sku,
            free.label("free"),
            Stock.low_water,
        )
        .select_from(Stock)
        .join(Variant, Variant.id == Stock.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .where(in_state("listed", at), Variant.retired_at.is_(None), free <= Stock.low_water)
        .order_by(free, Variant.id)
        .limit(limit)
    ).all()


@lru_cache(maxsize=16)
def _counts_statement(filters: DeskFilters) -> Any:
    stock = _stock_by_product()
    tabs = [func.coalesce(func.sum(case((and_(*_tab(tab, stock)), 1), else_=0)), 0).label(tab) for tab in TABS[1:]]
    return (
        select(func.count().label("all"), *tabs)
        .select_from(Product)
        .outerjoin(stock, stock.c.product_id == Product.id)
        .where(*_found(filters))
    )


@lru_cache(maxsize=1024)
def _rows_statement(filters: DeskFilters, tab: str, sort: str, language: str) -> Any:
    stock = _stock_by_product()
    label = ShelfLabel
    first = (
        select(Variant.id)
        .where(Variant.product_id == Product.id, Variant.retired_at.is_(None))
        .order_by(Variant.position, Variant.id)
        .limit(1)
        .correlate(Product)
        .scalar_subquery()
    )
    return (
        select(
            Product.id, Product.slug, Product.title, Product.kind, Product.buy_rank, Product.see_rank,
            Product.listed_from, Product.listed_until, Product.redeem_from, Product.redeem_until, Product.changed_at,
            Product.version, Picture.file, Picture.art, Picture.alt, Quota.total.label("total_quota"), Quota.taken,
            func.coalesce(stock.c.on_hand, 0).label("on_hand"), func.coalesce(stock.c.reserved, 0).label("reserved"),
            func.coalesce(stock.c.variants, 0).label("variants"), func.coalesce(stock.c.low, 0).label("low"),
            Variant.sku, Variant.id.label("variant_id"),
            label.form, label.points, label.cash_cents, label.full_cents, label.is_from,
        )
        .select_from(Product)
        .outerjoin(label, and_(label.product_id == Product.id, label.from_at <= AT, label.until_at > AT))
        .outerjoin(Picture, and_(Picture.product_id == Product.id, Picture.position == 1))
        .outerjoin(Quota, Quota.product_id == Product.id)
        .outerjoin(stock, stock.c.product_id == Product.id)
        .outerjoin(Variant, Variant.id == first)
        .where(*_found(filters), *_tab(tab, stock))
        .order_by(*_order(sort, language, stock), Product.id)
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
    )  # fmt: skip


def _tab(tab: str, stock: Any) -> list[ColumnElement[bool]]:
    if tab == "all":
        return []
    if tab == "low_stock":
        return [in_state("listed", AT), func.coalesce(stock.c.low, 0) > 0]
    return [in_state(tab, AT)]


def _order(sort: str, language: str, stock: Any) -> list[Any]:
    title = type_coerce(Product.title, JSON)
    orders: dict[str, list[Any]] = {
        "newest": [Product.id.desc()],
        "stock": [func.coalesce(stock.c.on_hand - stock.c.reserved, 0)],
        "points": [func.coalesce(ShelfLabel.least_points, 2**53)],
        "changed": [Product.changed_at.desc()],
    }
    by_title = func.lower(func.coalesce(title[language].as_string(), title["en"].as_string(), Product.slug))
    return orders.get(sort, [by_title])


def _stock_by_product() -> Any:
    low = case((Stock.on_hand - Stock.reserved <= Stock.low_water, 1), else_=0)
    return (
        select(
            Variant.product_id,
            func.sum(Stock.on_hand).label("on_hand"),
            func.sum(Stock.reserved).label("reserved"),
            func.count().label("variants"),
            func.sum(low).label("low"),
        )
        .join(Variant, Variant.id == Stock.variant_id)
        .where(Variant.retired_at.is_(None))
        .group_by(Variant.product_id)
        .subquery("stock_of_product")
    )


def _found(filters: DeskFilters) -> list[ColumnElement[bool]]:
    """Return the conditions for an operator's wishes: words by grams, or by the beginning of a SKU."""
    wanted: list[ColumnElement[bool]] = []
    if filters.terms:
        by_sku = select(Variant.product_id).where(
            func.lower(Variant.sku).like(bindparam("sku"), escape="\\"), Variant.retired_at.is_(None)
        )
        wanted.append(or_(Product.id.in_(select(search.hits(filters.terms).c.product_id)), Product.id.in_(by_sku)))
    if filters.kind:
        wanted.append(Product.kind == bindparam("kind"))
    if filters.level:
        wanted.append(Product.buy_rank == bindparam("level", type_=_WIDE))
    return wanted


def escape_like(words: str) -> str:
    """Return words in which nothing stands for anything else in LIKE."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
