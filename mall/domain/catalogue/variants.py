"""Variants: what can be put in the basket - a size, a colour - each with its SKU, prices and stock."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Row, String, func, select

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, Text

from .figures import MOST_ID
from .wording import words

LONGEST_SKU = 40


class Variant(db.Model):
    """One form of a product. A retired variant is no longer for sale; orders go on naming it."""

    __tablename__ = "variant"

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), index=True)
    sku: Mapped[str] = mapped_column(String(LONGEST_SKU), unique=True)
    title: Mapped[dict[str, str] | None] = mapped_column(Text)
    position: Mapped[int]
    retired_at: Mapped[datetime | None] = mapped_column(Instant)


class NoSuchVariant(NotFound):
    message = N_("There is no such variant of an item.")


class BadSku(Refusal):
    field = "sku"
    message = N_("Give the variant a SKU of 1 to {longest} letters, digits, dots, dashes or underscores.")


class SkuTaken(Refusal):
    field = "sku"
    message = N_("The SKU {sku} belongs to another variant. Choose another.")


def variant_row(variant_id: int) -> Row[Any]:
    """Return a variant's row. Raises NoSuchVariant."""
    possible = variant_id if 0 < variant_id <= MOST_ID else 0
    row = execute(select(*Variant.__table__.columns).where(Variant.id == possible)).one_or_none()
    if row is None:
        raise NoSuchVariant()
    return row


def product_of(variant_id: int) -> int:
    """Return the id of the product a variant is of, retired or not. Raises NoSuchVariant."""
    product_id: int = variant_row(variant_id).product_id
    return product_id


def variants_of(product_id: int) -> Sequence[Row[Any]]:
    """Return a product's variants that are not retired, in their order."""
    return execute(
        select(*Variant.__table__.columns)
        .where(Variant.product_id == product_id, Variant.retired_at.is_(None))
        .order_by(Variant.position, Variant.id)
    ).all()


def free_sku(sku: str, *, variant_id: int | None = None) -> str:
    """Return a SKU as it is kept, free to use for a variant. Raises BadSku, SkuTaken."""
    sku = str(sku).strip()
    if not (0 < len(sku) <= LONGEST_SKU and all(sign.isascii() and (sign.isalnum() or sign in "._-") for sign in sku)):
        raise BadSku(longest=LONGEST_SKU)
    owner = execute(select(Variant.id).where(func.lower(Variant.sku) == sku.lower())).scalar()
    if owner is not None and owner != variant_id:
        raise SkuTaken(sku=sku)
    return sku


def variant_title(title: Mapping[str, str] | None) -> dict[str, str] | None:
    """Return a variant's title as it is kept: nothing where a product has but one form."""
    return words(title, longest=80, field="title") or None


def products_with(skus: Iterable[str]) -> dict[str, int]:
    """Return the products of SKUs: {sku: product id}; unknown ones are left out."""
    rows = execute(select(Variant.sku, Variant.product_id).where(Variant.sku.in_(list(skus))))
    return {row.sku: row.product_id for row in rows}


def skus_of(product_ids: Iterable[int]) -> list[str]:
    """Return the first SKU of each product, in the order of the products."""
    first = select(func.min(Variant.id)).where(Variant.product_id.in_(list(product_ids))).group_by(Variant.product_id)
    return list(execute(select(Variant.sku).where(Variant.id.in_(first)).order_by(Variant.product_id)).scalars())
