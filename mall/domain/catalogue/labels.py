"""Shelf labels: what a product's card says about its price, for each stretch of time.

Price options have dates, so the best of them changes by itself. Whoever changes options has the labels of all
stretches written anew; the listing then finds the one row that holds at its instant, and no job has to run.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import ForeignKey, String, delete, insert, select

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.tables import Mapped, mapped_column

from .prices import CASH, MIX, POINTS, Price, live, prices_of
from .variants import Variant

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)


class ShelfLabel(db.Model):
    """The price on a product's card from an instant until another.

    `least_points` is the least that opens any of its options with points, `least_cash_cents` its lowest cash price.
    The other figures are those of the option shown; `is_from` says that others ask for more.
    """

    __tablename__ = "shelf_label"

    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True)
    from_at: Mapped[datetime] = mapped_column(Instant, primary_key=True)
    until_at: Mapped[datetime] = mapped_column(Instant)
    with_cash: Mapped[bool]
    with_points: Mapped[bool]
    with_mix: Mapped[bool]
    least_points: Mapped[int | None]
    least_cash_cents: Mapped[int | None]
    form: Mapped[str] = mapped_column(String(10))
    points: Mapped[int | None]
    cash_cents: Mapped[int | None]
    full_cents: Mapped[int | None]
    old_points: Mapped[int | None]
    old_cash_cents: Mapped[int | None]
    is_from: Mapped[bool]


class Label(Struct, frozen=True):
    """A shelf label as a value: see ShelfLabel."""

    from_at: datetime
    until_at: datetime
    with_cash: bool
    with_points: bool
    with_mix: bool
    least_points: int | None
    least_cash_cents: int | None
    form: str
    points: int | None
    cash_cents: int | None
    full_cents: int | None
    old_points: int | None
    old_cash_cents: int | None
    is_from: bool


def labels_for(variants: Sequence[Sequence[Price]]) -> list[Label]:
    """Return the labels of a product from the options of its variants, one for each stretch with a price. Pure."""
    dates = {date for prices in variants for price in prices for date in (price.starts_at, price.ends_at) if date}
    turns = [BEGINNING, *sorted(date for date in dates if BEGINNING < date < FOREVER), FOREVER]
    labels = []
    for from_at, until_at in pairwise(turns):
        open_then = [live(prices, from_at) for prices in variants]
        if any(open_then):
            labels.append(_label([prices for prices in open_then if prices], from_at, until_at))
    return labels


def shown(prices: Sequence[Price]) -> Price:
    """Choose the option a card shows: the one that asks for the fewest points, else the lowest in cash. Pure."""
    with_points = [price for price in prices if price.points_needed is not None]
    if with_points:
        return min(with_points, key=lambda price: (price.points_needed or 0, price.full_cents or 0))
    return min(prices, key=lambda price: price.cash_cents or 0)


def relabel(product_id: int) -> None:
    """Write a product's labels anew, after its options or variants changed."""
    variant_ids = (
        execute(
            select(Variant.id)
            .where(Variant.product_id == product_id, Variant.retired_at.is_(None))
            .order_by(Variant.id)
        )
        .scalars()
        .all()
    )
    labels = labels_for(list(prices_of(variant_ids).values()))
    execute(delete(ShelfLabel).where(ShelfLabel.product_id == product_id))
    if labels:
        execute(insert(ShelfLabel), [asdict(label) | {"product_id": product_id} for label in labels])


def _label(variants: Sequence[Sequence[Price]], from_at: datetime, until_at: datetime) -> Label:
    prices = [price for each in variants for price in each]
    forms = {price.form for price in prices}
    best = shown(prices)
    per_variant = {_shown_figures(shown(each)) for each in variants}
    return Label(
        from_at=from_at,
        until_at=until_at,
        with_cash=CASH in forms,
        with_points=POINTS in forms,
        with_mix=MIX in forms,
        least_points=min((price.points_needed for price in prices if price.points_needed is not None), default=None),
        least_cash_cents=min((price.cash_cents for price in prices if price.cash_cents is not None), default=None),
        form=best.form,
        points=best.points_needed,
        cash_cents=best.cash_cents,
        full_cents=best.full_cents,
        old_points=best.old_points,
        old_cash_cents=best.old_cash_cents,
        is_from=len(per_variant) > 1 or not best.is_fixed,
    )


def _shown_figures(price: Price) -> tuple[Any, ...]:
    return price.form, price.points_needed, price.cash_cents, price.full_cents
