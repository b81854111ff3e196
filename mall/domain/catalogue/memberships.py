"""Memberships on the shelf: which levels can be bought for a time, for the page that compares levels."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, literal, select

from mall.base.clock import Instant
from mall.base.db import execute

from .gates import Viewer, gate_of, may_see
from .labels import ShelfLabel
from .product_details import MEMBERSHIP
from .products import Product
from .shelves import in_state


def memberships(viewer: Viewer, *, at: datetime) -> Sequence[Row[Any]]:
    """Return the memberships that a viewer can have now, the shortest first. One statement.

    Rows of products with what their shelf label says of the price: form, points, cash_cents, full_cents,
    with_cash, with_mix, least_cash_cents. What has no price now is left out.
    """
    return [
        row
        for row in execute(_LISTED, {"now": at})
        if may_see(row, viewer, at=at) and gate_of(row, viewer, at=at).is_open
    ]


_NOW: Any = bindparam("now", type_=Instant)
_LABEL = ShelfLabel
_LISTED = (
    select(
        Product,
        _LABEL.form,
        _LABEL.points,
        _LABEL.cash_cents,
        _LABEL.full_cents,
        _LABEL.with_cash,
        _LABEL.with_mix,
        _LABEL.least_cash_cents,
    )
    .join(_LABEL, and_(_LABEL.product_id == Product.id, _LABEL.from_at <= _NOW, _LABEL.until_at > _NOW))
    .where(Product.kind == literal(MEMBERSHIP), Product.plan_level.is_not(None), in_state("listed", _NOW))
    .order_by(Product.plan_unit, Product.plan_length, Product.id)
)
