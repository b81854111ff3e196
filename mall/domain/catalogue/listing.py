"""The store's listing: cards of what is on the shelf for a viewer, in one statement; counts to filter by, in another.

Statements are built once for each combination of filters and then only filled with values.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, func, select

from mall.domain import programme

from .cards import Card, cards_of
from .facets import Facets, facets_of
from .gates import Viewer
from .products import Product
from .stock import StockMove
from .wishes import EVERYTHING, Wishes, asked_for

MOST_PER_PAGE = 100


class Page(Struct, frozen=True):
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
    filters, values = asked_for(viewer, wishes, at=at)
    total, facets = facets_of(filters, values)
    per_page = min(max(per_page, 1), MOST_PER_PAGE)
    page = min(max(page, 1), max(1, -(-total // per_page)))
    cards = [] if not total else cards_of(
        filters, values | {"limit": per_page, "offset": (page - 1) * per_page}, viewer=viewer, terms=terms, at=at
    )  # fmt: skip
    return Page(cards, total, page, per_page, facets)


def shelf(
    viewer: Viewer, wishes: Wishes = EVERYTHING, *, terms: programme.Programme, at: datetime, limit: int = 5
) -> list[Card]:
    """Return a few cards for a shelf of the home page, one statement. Raises search.TooManyWords."""
    filters, values = asked_for(viewer, wishes, at=at)
    return cards_of(filters, values | {"limit": limit, "offset": 0}, viewer=viewer, terms=terms, at=at)


def shelf_mark() -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Return two columns, `changes` and `moves`, one of which differs as soon as a product, price, picture or stock
    has changed: for who keeps a page a while.
    """
    return (
        select(func.sum(Product.version)).scalar_subquery().label("changes"),
        select(func.max(StockMove.id)).scalar_subquery().label("moves"),
    )
