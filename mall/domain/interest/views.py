"""Views: the items a member looked at last. One row for each item, touched at most once in five minutes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, bindparam, delete, select, tuple_

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.sql import each_dialect, upsert
from mall.base.tables import Mapped, mapped_column
from mall.domain import catalogue

SEEN_AGAIN_AFTER = timedelta(minutes=5)
ON_A_SHELF = 6
VIEWS_KEPT = timedelta(days=180)


class ItemView(db.Model):
    """When a member last looked at an item."""

    __tablename__ = "item_view"
    __table_args__ = (Index(None, "member_id", "seen_at"),)

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, autoincrement=False)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True, autoincrement=False)
    seen_at: Mapped[datetime] = mapped_column(Instant)


def note_view(member_id: int, product_id: int, *, at: datetime) -> bool:
    """Note that a member looked at an item. Within five minutes of the last time it writes nothing, and says False."""
    values = {"member_id": member_id, "product_id": product_id, "seen_at": at, "rested": at - SEEN_AGAIN_AFTER}
    return execute(_note(), values).first() is not None


def bring_views(member_id: int, seen: Mapping[int, datetime], *, at: datetime) -> None:
    """Bring what a visitor looked at before signing in among the member's own: {product_id: when}."""
    known = select(catalogue.Product.id).where(catalogue.Product.id.in_(list(seen)))
    there = set(execute(known).scalars())
    for product_id, seen_at in sorted(each for each in seen.items() if each[0] in there):
        note_view(member_id, product_id, at=min(seen_at, at))


def forget_views(*, before: datetime, limit: int = 10_000) -> int:
    """Delete what was last looked at before an instant. Returns how many."""
    old = select(ItemView.member_id, ItemView.product_id).where(ItemView.seen_at < before).limit(limit)
    mine = tuple_(ItemView.member_id, ItemView.product_id)
    return execute(delete(ItemView).where(mine.in_(old))).rowcount


def seen_lately(member_id: int, *, limit: int = ON_A_SHELF) -> dict[int, datetime]:
    """Return the items a member looked at last, newest first: {product_id: when}."""
    rows = execute(_SEEN, {"of_member": member_id, "limit": limit})
    return {row.product_id: row.seen_at for row in rows}


_SEEN = (
    select(ItemView.product_id, ItemView.seen_at)
    .where(ItemView.member_id == bindparam("of_member"))
    .order_by(ItemView.seen_at.desc(), ItemView.product_id)
    .limit(bindparam("limit"))
)


@each_dialect
def _note() -> Any:
    written = upsert(ItemView).values(
        member_id=bindparam("member_id"), product_id=bindparam("product_id"), seen_at=bindparam("seen_at")
    )
    return written.on_conflict_do_update(
        index_elements=[ItemView.member_id, ItemView.product_id],
        set_={"seen_at": written.excluded.seen_at},
        where=ItemView.seen_at <= bindparam("rested", type_=Instant),
    ).returning(ItemView.product_id)
