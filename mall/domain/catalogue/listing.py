"""The store's listing: cards of what is on the shelf for a viewer, in one statement; counts to filter by, in another.

Statements are built once for each combination of filters and then only filled with values.
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    select,
    true,
    type_coerce,
    union_all,
)

from mall.base.clock import Instant
from mall.base.db import execute
from mall.base.money import half_up
from mall.base.text import Text
from mall.domain import programme

from . import search
from .categories import Category, ProductCategory
from .gates import Gate, Viewer, gate_of
from .labels import ShelfLabel
from .pictures import Picture
from .prices import FORMS
from .products import Product
from .quotas import Quota
from .shelves import in_state
from .stock import Stock, StockMove
from .variants import Variant

SORTS = ("newest", "points", "cash")
MOST_PER_PAGE = 100
FEW_LEFT = 5
_WIDE = BigInteger().with_variant(Integer(), "sqlite")
AT, RANK, READY = bindparam("at", type_=Instant), bindparam("rank", type_=_WIDE), bindparam("ready", type_=_WIDE)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody wants to see of the shelves.

    `category` is a slug; `form` one of FORMS; `sort` one of SORTS, else the best match, or the newest. Of what is
    none of these nothing is made. `above_my_level`: only what a level still opens.
    """

    words: str = ""
    category: str | None = None
    affordable: bool = False
    my_level: bool = False
    above_my_level: bool = False
    form: str | None = None
    in_stock: bool = False
    sort: str = ""


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


@dataclass(frozen=True, slots=True)
class Card:
    """What a card in the listing says. Prices are those of the option shown, per piece; `is_from`: others ask more.

    `form` is "cash" (cash_cents), "points" (points) or "mix" (points and cash_cents). `left` is what can be had.
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
    left: int
    gate: Gate

    @property
    def sold_out(self) -> bool:
        """Whether none can be had."""
        return self.left <= 0

    @property
    def few_left(self) -> bool:
        """Whether so few are left that the card says how many."""
        return 0 < self.left <= FEW_LEFT


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """A category, and how many of its products the other filters leave."""

    slug: str
    title: dict[str, str]
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """How many products each further filter would leave."""

    categories: list[CategoryCount] = field(default_factory=list)
    forms: dict[str, int] = field(default_factory=dict)
    affordable: int = 0
    my_level: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, the count of all of it, and the counts to filter by."""

    cards: list[Card]
    total: int
    page: int
    per_page: int
    facets: Facets

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-self.total // self.per_page))

    @property
    def first(self) -> int:
        """The place in the list of this page's first card."""
        return (self.page - 1) * self.per_page + 1 if self.cards else 0

    @property
    def last(self) -> int:
        """The place in the list of this page's last card."""
        return (self.page - 1) * self.per_page + len(self.cards)


def listing(
    viewer: Viewer,
    wishes: Wishes = EVERYTHING,
    *,
    terms: programme.Programme,
    at: datetime,
    page: int = 1,
    per_page: int = 24,
) -> Page:
    """Return a page of what a viewer sees, two statements. A page beyond the last is the last.

    Raises search.TooManyWords.
    """
    filters, values = _asked(viewer, wishes, at=at)
    total, facets = _facets(filters, values)
    per_page = min(max(per_page, 1), MOST_PER_PAGE)
    page = min(max(page, 1), max(1, -(-total // per_page)))
    cards = [] if not total else _cards(
        filters, values | {"limit": per_page, "offset": (page - 1) * per_page}, viewer=viewer, terms=terms, at=at
    )  # fmt: skip
    return Page(cards, total, page, per_page, facets)


def shelf(
    viewer: Viewer, wishes: Wishes = EVERYTHING, *, terms: programme.Programme, at: datetime, limit: int = 5
) -> list[Card]:
    """Return a few cards for a shelf of the home page, one statement. Raises search.TooManyWords."""
    filters, values = _asked(viewer, wishes, at=at)
    return _cards(filters, values | {"limit": limit, "offset": 0}, viewer=viewer, terms=terms, at=at)


def _asked(viewer: Viewer, wishes: Wishes, *, at: datetime) -> tuple[Filters, dict[str, Any]]:
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
    )
    values: dict[str, Any] = {"at": at, "rank": viewer.rank, "ready": viewer.ready_points or 0}
    if asked:
        values |= search.values_for(asked)
    if wishes.category:
        values["category"] = wishes.category[:80]
    return filters, values


def shelf_mark() -> tuple[int, int]:
    """Return what differs as soon as a product, price, picture or stock has changed: for who keeps a page a while."""
    row = execute(_MARK).one()
    return row.products or 0, row.moves or 0


_MARK = select(
    select(func.sum(Product.version)).scalar_subquery().label("products"),
    select(func.max(StockMove.id)).scalar_subquery().label("moves"),
)


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


def _cards(
    filters: Filters, values: dict[str, Any], *, viewer: Viewer, terms: programme.Programme, at: datetime
) -> list[Card]:
    return [_card(row, viewer=viewer, terms=terms, at=at) for row in execute(_cards_statement(filters), values)]


def _card(row: Any, *, viewer: Viewer, terms: programme.Programme, at: datetime) -> Card:
    # By position: a listing of 48 cards reads a thousand values.
    values: list[Any] = list(row[:_ON_CARD])
    full_cents, total_quota, taken, free = row[_ON_CARD : _ON_CARD + 4]
    if full_cents is not None:
        values[_CASH] = max(0, half_up(full_cents - terms.worth_of(values[_POINTS])))
    values += [free if total_quota is None else min(free, total_quota - taken), gate_of(row, viewer, at)]
    return Card(*values)


def _facets(filters: Filters, values: dict[str, Any]) -> tuple[int, Facets]:
    rows = execute(_facets_statement(filters), values).all()
    totals = next(row for row in rows if row.slug is None)
    counts = [CategoryCount(row.slug, row.title, row.products) for row in rows if row.slug is not None]
    forms = {"cash": totals.with_cash or 0, "points": totals.with_points or 0, "mix": totals.with_mix or 0}
    return totals.products or 0, Facets(counts, forms, totals.affordable or 0, totals.my_level or 0)


# In the order of Card's fields, so that a row becomes a card by position; then what its figures are worked out from.
_SAYS = (
    Product.id, Product.slug, Product.title, Product.summary, Product.kind, Product.delivery, Product.see_rank,
    Product.buy_rank, Picture.file, Picture.art, Picture.alt, ShelfLabel.form, ShelfLabel.points,
    ShelfLabel.cash_cents, ShelfLabel.old_points, ShelfLabel.old_cash_cents, ShelfLabel.is_from,
    ShelfLabel.least_points,
)  # fmt: skip
_ON_CARD, _POINTS, _CASH = len(_SAYS), _SAYS.index(ShelfLabel.points), _SAYS.index(ShelfLabel.cash_cents)
_CARD_COLUMNS = (
    *_SAYS, ShelfLabel.full_cents, Quota.total, Quota.taken, pieces_left().label("free"),
    Product.public_from, Product.redeem_from, Product.redeem_until,
)  # fmt: skip


@lru_cache(maxsize=2048)
def _cards_statement(filters: Filters) -> Any:
    """Choose the page's products first, so that only theirs are the pictures and the stock that are looked up."""
    order = _order(filters)
    page = _on_shelf(filters, Product.id, ShelfLabel.from_at, *[column for column, _ in order])
    page = page.where(*_conditions(filters).values()).limit(bindparam("limit")).offset(bindparam("offset"))
    page = page.order_by(*[column.desc() if descending else column for column, descending in order])
    chosen = page.subquery("chosen")
    sorted_by = [chosen.c[column.key].desc() if descending else chosen.c[column.key] for column, descending in order]
    label = ShelfLabel
    return (
        select(*_CARD_COLUMNS)
        .select_from(chosen)
        .join(Product, Product.id == chosen.c.id)
        .join(label, and_(label.product_id == chosen.c.id, label.from_at == chosen.c.from_at))
        .outerjoin(Picture, and_(Picture.product_id == Product.id, Picture.position == 1))
        .outerjoin(Quota, Quota.product_id == Product.id)
        .order_by(*sorted_by)
    )  # fmt: skip


@lru_cache(maxsize=2048)
def _facets_statement(filters: Filters) -> Any:
    """Count, in one pass, what all filters leave, and what each would leave in its own filter's stead."""
    wishes = _conditions(filters)

    def flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return case((condition, 1), else_=0)

    def but(*names: str) -> ColumnElement[bool]:
        return and_(true(), *[condition for name, condition in wishes.items() if name not in names])

    base = _on_shelf(
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
            *[literal(0, _WIDE).label(name) for name in further],
        )
        .outerjoin(ProductCategory, ProductCategory.category_id == Category.id)
        .outerjoin(base, base.c.id == ProductCategory.product_id)
        .group_by(Category.id)
    )  # fmt: skip
    in_all = select(
        null().label("slug"), type_coerce(null(), Text).label("title"), literal(0, _WIDE).label("position"),
        func.sum(base.c.wanted).label("products"), *[func.sum(base.c[name]).label(name) for name in further],
    )  # fmt: skip
    both: Any = union_all(per_category, in_all)
    return both.order_by(both.selected_columns.position)


def _on_shelf(filters: Filters, *columns: Any) -> Select[Any]:
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


def _conditions(filters: Filters) -> dict[str, ColumnElement[bool]]:
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
    if filters.form:
        wishes["form"] = with_form[filters.form].is_(True)
    return wishes


def _order(filters: Filters) -> list[tuple[Any, bool]]:
    """Return what a page is sorted by, as (column, descending), ending with the id, so that paging is stable."""
    last = (Product.id.label("last"), True)
    if filters.sort == "points":
        return [(_nulls_last(ShelfLabel.least_points).label("points"), False), last]
    if filters.sort == "cash":
        return [(_nulls_last(ShelfLabel.least_cash_cents).label("cash"), False), last]
    if filters.terms and not filters.sort:
        return [(search.hits(filters.terms).c.score.label("score"), True), last]
    return [(Product.listed_from.label("newest"), True), last]


def _nulls_last(column: Any) -> ColumnElement[int]:
    return func.coalesce(column, 2**53)
