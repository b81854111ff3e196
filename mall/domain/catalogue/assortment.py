"""The assortment: verbs that add, change and retire variants and set what they cost."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import audit, programme, repeats

from .labels import relabel
from .prices import POINTS, Price, UnsoundPrice, set_prices
from .product_details import faults_of, refused
from .products import Product, create_product, touch
from .stock import LOW_WATER, Stock, open_stock
from .stock_desk import StockIsCodes, receive
from .variants import Variant, free_sku, variant_row, variant_title, variants_of

MOST_VARIANTS = 50


class TooManyVariants(Refusal):
    message = N_("Use {most} variants at most for one item.")


class VariantInUse(Refusal):
    message = N_("Orders still wait for {reserved} pieces of this variant. Ship or cancel them first.")


_MADE = N_(
    "This form was sent before: it has made the item “{title}”. Nothing more was done. Change that one, or send this"
    " form again for another."
)


def make_item(
    *, first: Mapping[str, Any], key: str, terms: programme.Programme, by: str, at: datetime, **details: Any
) -> int:
    """Write down a new product with its first variant, as a draft. Returns its id; its key again: the first one's.

    `first` is what add_variant() takes, `details` what create_product() takes. Raises what these two raise, and
    repeats.SentOtherwise for another with the same key.
    """
    if (made := made_with(key, first=first, by=by, **details)) is not None:
        return made
    product_id = create_product(terms=terms, by=by, at=at, **details)
    add_variant(product_id, terms=terms, by=by, at=at, **first)
    done = say(_MADE, title=dict(details["title"]))
    repeats.keep(_sent(key, first=first, by=by, **details), done=done, at=at, answer=product_id)
    return product_id


def made_with(key: str, *, first: Mapping[str, Any], by: str, **details: Any) -> int | None:
    """Return the id of the item that this form has made before, or None. Raises repeats.SentOtherwise."""
    return repeats.answer_to(_sent(key, first=first, by=by, **details))


def _sent(key: str, *, first: Mapping[str, Any], by: str, **details: Any) -> repeats.Sent:
    return repeats.Sent("item", key, by, {"first": first, "details": details})


def faults_of_item(*, first: Mapping[str, Any], terms: programme.Programme, **details: Any) -> list[Refusal]:
    """Return everything that keeps make_item() from making this, each about its field; prices are not looked at."""
    faults = [*faults_of(details, terms), *refused(free_sku, first["sku"])]
    if details.get("kind") == "code" and first.get("on_hand"):
        faults.append(StockIsCodes().about("on_hand"))
    return faults


def add_variant(
    product_id: int,
    *,
    sku: str,
    title: Mapping[str, str] | None = None,
    prices: Sequence[Price] = (),
    on_hand: int = 0,
    low_water: int | None = LOW_WATER,
    terms: programme.Programme,
    by: str,
    at: datetime,
) -> int:
    """Give a product another variant, with so many pieces received. Returns its id.

    Raises NoSuchProduct, BadSku, SkuTaken, TooManyVariants, UnsoundPrice, BadFigure, StockIsCodes.
    """
    touch(product_id, at=at)
    if len(variants_of(product_id)) >= MOST_VARIANTS:
        raise TooManyVariants(most=MOST_VARIANTS)
    last = execute(select(func.max(Variant.position)).where(Variant.product_id == product_id)).scalar_one() or 0
    values = {"sku": free_sku(sku), "title": variant_title(title)}
    variant_id = execute(
        insert(Variant)
        .values(product_id=product_id, **values, position=last + 1, retired_at=None)
        .returning(Variant.id)
    ).scalar_one()
    open_stock(variant_id, low_water=low_water)
    audit.write(
        "variant.added", by=by, subject=f"product:{product_id}", at=at, after=values | {"variant_id": variant_id}
    )
    if prices:
        set_price_options(variant_id, prices, terms=terms, by=by, at=at)
    if on_hand:
        try:
            receive(variant_id, on_hand, by=by, at=at)
        except StockIsCodes as refusal:
            raise refusal.about("on_hand") from None
    return variant_id


def revise_variant(
    variant_id: int,
    *,
    sku: str,
    title: Mapping[str, str] | None,
    prices: Sequence[Price],
    terms: programme.Programme,
    by: str,
    at: datetime,
) -> None:
    """Change all of a variant: SKU, title and price options. Raises what edit_variant() and set_price_options() do."""
    edit_variant(variant_id, sku=sku, title=title, by=by, at=at)
    set_price_options(variant_id, prices, terms=terms, by=by, at=at)


def edit_variant(variant_id: int, *, sku: str, title: Mapping[str, str] | None, by: str, at: datetime) -> None:
    """Change a variant's SKU and title. Raises NoSuchVariant, BadSku, SkuTaken."""
    row = variant_row(variant_id)
    touch(row.product_id, at=at)
    values: dict[str, Any] = {"sku": free_sku(sku, variant_id=variant_id), "title": variant_title(title)}
    execute(update(Variant).where(Variant.id == variant_id).values(**values))
    audit.write(
        "variant.changed", by=by, subject=f"product:{row.product_id}", at=at,
        before={"sku": row.sku, "title": row.title}, after=values,
    )  # fmt: skip


def retire_variant(variant_id: int, *, by: str, at: datetime) -> None:
    """Take a variant out of the shop for good; asked again, does nothing. Raises NoSuchVariant, VariantInUse."""
    row = variant_row(variant_id)
    if row.retired_at is not None:
        return
    touch(row.product_id, at=at)
    if reserved := execute(select(Stock.reserved).where(Stock.variant_id == variant_id)).scalar_one():
        raise VariantInUse(reserved=reserved)
    execute(update(Variant).where(Variant.id == variant_id, Variant.retired_at.is_(None)).values(retired_at=at))
    relabel(row.product_id)
    audit.write("variant.retired", by=by, subject=f"product:{row.product_id}", at=at, after={"sku": row.sku})


def set_price_options(
    variant_id: int, prices: Sequence[Price], *, terms: programme.Programme, by: str, at: datetime
) -> None:
    """Let a variant have exactly these price options, in this order. Orders placed before keep their own figures.

    Raises NoSuchVariant, UnsoundPrice, BadFigure.
    """
    row = variant_row(variant_id)
    touch(row.product_id, at=at)
    kind = execute(select(Product.kind).where(Product.id == row.product_id)).scalar_one()
    if kind == "gift" and any(price.form != POINTS for price in prices):
        raise UnsoundPrice(N_("A gift is had for points only. Give it a price in points.")).about("prices")
    before, after = set_prices(variant_id, prices, terms=terms, at=at)
    relabel(row.product_id)
    audit.write(
        "variant.priced", by=by, subject=f"product:{row.product_id}", at=at,
        before={"sku": row.sku, "prices": before}, after={"sku": row.sku, "prices": after},
    )  # fmt: skip
