"""Memberships on the shelf: which levels can be bought for a time, for the page that compares levels."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, literal, select

from mall.base.clock import Instant
from mall.base.db import execute

from .gates import Viewer, gate_of, may_see
from .products import MEMBERSHIP, Product
from .shelves import in_state


def memberships(viewer: Viewer, *, at: datetime) -> Sequence[Row[Any]]:
    """Return the memberships that a viewer can have now, the shortest first: rows of products. One statement."""
    return [
        row
        for row in execute(_LISTED, {"now": at})
        if may_see(row, viewer, at=at) and gate_of(row, viewer, at=at).is_open
    ]


_LISTED = (
    select(Product)
    .where(
        Product.kind == literal(MEMBERSHIP),
        Product.plan_level.is_not(None),
        in_state("listed", bindparam("now", type_=Instant)),
    )
    .order_by(Product.plan_unit, Product.plan_length, Product.id)
)
