"""Stamp cards: so many purchases that are kept fill a card, and a full card is a coupon. "Buy ten, get one free."

A purchase counts when its order was placed while the card ran, is paid for in cash, and is kept: its return window is
over. What each purchase is - an order, or a piece - the card says: "the tenth coffee is free" means pieces, "after ten
visits" means orders. What is had for points alone, or given by a coupon, gives no stamp: else a gift would pay for the
next one.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, String, case, func, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.tables import Mapped, mapped_column
from mall.base.text import Text
from mall.domain import catalogue

from .drafts import DRAFT, checks

ORDER, PIECE = "order", "piece"
COUNTS = (ORDER, PIECE)
LEAST_STAMPS, MOST_STAMPS = 2, 50


class StampCardRow(db.Model):
    """A stamp card as the desk keeps it. `stamps_needed` purchases of orders placed from `starts_at` to `ends_at` (or
    `ended_at`) fill one, which gives a coupon of the template.

    `counts` says what one purchase is; `least_cents` is the cash it takes. `member_limit` bounds how many cards one
    member fills, `total_limit` how many all do; `filled` counts the full ones of those that have a total, and of no
    others: it would be one row for the shop. One that is void since goods went back stays counted. `version` grows
    with every change, and when the total is reached. Its figures stay once it has begun.
    """

    __tablename__ = "stamp_card"
    __table_args__ = (
        *checks(),
        CheckConstraint(f"counts IN {COUNTS}", name="counts_known"),
        CheckConstraint(f"stamps_needed BETWEEN {LEAST_STAMPS} AND {MOST_STAMPS}", name="stamps_within"),
        CheckConstraint("least_cents >= 0", name="least_not_negative"),
        CheckConstraint("member_limit > 0", name="member_limit_positive"),
        CheckConstraint("total_limit > 0", name="total_limit_positive"),
        CheckConstraint("filled >= 0", name="filled_not_negative"),
        CheckConstraint("total_limit IS NULL OR filled <= total_limit", name="filled_within_total"),
        CheckConstraint("total_limit IS NOT NULL OR filled = 0", name="filled_counts_a_total"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[dict[str, str]] = mapped_column(Text)
    starts_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    stamps_needed: Mapped[int]
    counts: Mapped[str] = mapped_column(String(5))
    least_cents: Mapped[int]
    template_id: Mapped[int] = mapped_column(ForeignKey("coupon_template.id"), index=True)
    member_limit: Mapped[int | None]
    total_limit: Mapped[int | None]
    filled: Mapped[int]
    min_rank: Mapped[int]
    scope: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10), index=True)
    version: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(Instant)
    approved_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class StampScope(db.Model):
    """One category or product that a stamp card is for."""

    __tablename__ = "stamp_scope"
    __table_args__ = (CheckConstraint("(category_id IS NULL) <> (product_id IS NULL)", name="names_one_thing"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    card_id: Mapped[int] = mapped_column(ForeignKey("stamp_card.id"), index=True)
    category_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"))


class Bought(Struct, frozen=True):
    """A line of an order as stamp cards see it: `paid` are the pieces it was paid for in cash, so many cents for each;
    of its pieces so many are kept, and so much of its cash.
    """

    line: int
    product_id: int
    paid: int
    cents_each: int
    kept: int
    kept_cents: int

    @property
    def pieces(self) -> int:
        """The pieces that are kept and paid for."""
        return min(self.paid, self.kept)


class StampCard(Struct, frozen=True):
    """A stamp card as purchases are held against it."""

    id: int
    title: dict[str, str]
    stamps_needed: int
    counts: str
    least_cents: int
    template_id: int
    member_limit: int | None
    total_limit: int | None
    scope: str = "all"
    scope_ids: frozenset[int] = frozenset()

    def is_about(self, product_id: int, categories: Collection[int]) -> bool:
        """Tell whether it is about a product, which stands in these categories."""
        if self.scope == "product":
            return product_id in self.scope_ids
        return self.scope == "all" or not self.scope_ids.isdisjoint(categories)

    def stamps_for(self, lines: Iterable[Bought]) -> int:
        """Return the stamps that what is kept of such lines of one order gives. Pure."""
        if self.counts == ORDER:
            cents = sum(line.kept_cents for line in lines)
            return int(cents >= max(1, self.least_cents))
        return sum(line.pieces for line in lines if line.cents_each >= max(1, self.least_cents))


def ends_of(row: Any = StampCardRow) -> ColumnElement[datetime]:
    """Return the column that says when a card ends: early, if it was ended before its time."""
    return case((row.ended_at < row.ends_at, row.ended_at), else_=row.ends_at)


def cards_at(placed_at: datetime, *, rank: int) -> list[StampCard]:
    """Return the cards that ran when an order was placed, for its level. One statement."""
    row, scope = StampCardRow, StampScope
    found: dict[int, tuple[Any, set[int]]] = {}
    for each in execute(
        select(row, func.coalesce(scope.category_id, scope.product_id).label("of_id"))
        .outerjoin(scope, scope.card_id == row.id)
        .where(row.state != DRAFT, row.starts_at <= placed_at, ends_of() > placed_at, row.min_rank <= rank)
        .order_by(row.id)
    ):
        _row, ids = found.setdefault(each.id, (each, set()))
        if each.of_id is not None:
            ids.add(each.of_id)
    return [as_card(each, scope=each.scope, scope_ids=frozenset(ids)) for each, ids in found.values()]


def as_card(row: Any, **more: Any) -> StampCard:
    """Return a row of stamp_card as purchases are held against it."""
    return StampCard(
        id=row.id,
        title=row.title,
        stamps_needed=row.stamps_needed,
        counts=row.counts,
        least_cents=row.least_cents,
        template_id=row.template_id,
        member_limit=row.member_limit,
        total_limit=row.total_limit,
        **more,
    )


def lines_for(
    cards: Iterable[StampCard], lines: Collection[Bought], *, of: Mapping[int, Collection[int]] | None = None
) -> dict[int, list[Bought]]:
    """Return which lines of an order count for each card, {card id: [line]}: those of its scope, with cash kept.

    `of` are the categories each product stands in, where they are at hand; else one statement, where one of the cards
    is about categories.
    """
    cards, lines = list(cards), [line for line in lines if line.kept_cents > 0 and line.pieces > 0]
    if not cards or not lines:
        return {}
    if of is None:
        by_category = any(card.scope == "category" for card in cards)
        of = catalogue.categories_of({line.product_id for line in lines}) if by_category else {}
    return {
        card.id: [line for line in lines if card.is_about(line.product_id, of.get(line.product_id, ()))]
        for card in cards
    }


def count_filled(card: StampCard, cards: int) -> int:
    """Count cards as filled. Returns how many of them the total leaves room for: all, what is left, or none.

    One conditional UPDATE; two statements more only where it does not reach. One without a total has always room. The
    purse is locked, and the order where there is one; the stock comes after.
    """
    if card.total_limit is None or _count(card.id, cards):
        return cards
    # Not the whole row: others have written stamps that refer to it, and wait for it too.
    left: int = execute(
        select(StampCardRow.total_limit - StampCardRow.filled)
        .where(StampCardRow.id == card.id)
        .with_for_update(key_share=True)
    ).scalar_one()
    if left:
        assert left < cards and _count(card.id, left), "a locked counter moved"
    return left


def _count(card_id: int, cards: int) -> bool:
    row = StampCardRow
    filled = row.filled + cards
    counted = update(row).where(row.id == card_id, filled <= row.total_limit)
    last = case((filled == row.total_limit, 1), else_=0)
    return execute(counted.values(filled=filled, version=row.version + last)).rowcount == 1
