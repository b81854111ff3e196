"""Wishes: the items a member keeps in mind. One list a member, the newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Row, Select, String, cast, delete, func, literal_column, select

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import Refusal
from mall.base.sql import upsert
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import catalogue, people

MOST_WISHES = 100


class TooManyWishes(Refusal):
    message = N_("A wish list holds {most} items. Take one off first.")


class Wish(db.Model):
    """An item on a member's wish list."""

    __table_args__ = (Index(None, "product_id"),)

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, autoincrement=False)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True, autoincrement=False)
    wished_at: Mapped[datetime] = mapped_column(Instant)


def wish(member_id: int, slug: str, *, viewer: catalogue.Viewer, at: datetime) -> bool:
    """Put an item on a member's wish list. Returns False when it is there already.

    Raises NoSuchProduct, also for an item the member may not see, and TooManyWishes.
    """
    product_id = visible_product(slug, viewer=viewer, at=at)
    people.lock_member(member_id)
    there = set(execute(select(Wish.product_id).where(Wish.member_id == member_id)).scalars())
    if product_id in there:
        return False
    if len(there) >= MOST_WISHES:
        raise TooManyWishes(most=MOST_WISHES)
    into = upsert(Wish)
    execute(into.values(member_id=member_id, product_id=product_id, wished_at=at).on_conflict_do_nothing())
    return True


def take_off(member_id: int, slug: str) -> bool:
    """Take an item off a member's wish list, whether or not it can still be seen. Returns whether it was there."""
    product = select(catalogue.Product.id).where(catalogue.Product.slug == slug[:80])
    gone = delete(Wish).where(Wish.member_id == member_id, Wish.product_id.in_(product))
    return execute(gone).rowcount == 1


def wishes_of(member_id: int) -> Sequence[Row[Any]]:
    """Return the products on a member's wish list with their titles and addresses, newest wish first."""
    product = catalogue.Product
    return execute(
        select(Wish.product_id, Wish.wished_at, product.title, product.slug)
        .join(product, product.id == Wish.product_id)
        .where(Wish.member_id == member_id)
        .order_by(Wish.wished_at.desc(), Wish.product_id.desc())
    ).all()


def wished_ids(member_id: Any) -> Select[Any]:
    """Return the select of the ids of a member's wishes in one text, "3,17", to stand in another statement."""
    comma: Any = literal_column("','")  # In the statement itself: what is bound is worked out anew on every page.
    together = func.aggregate_strings(cast(Wish.product_id, String), comma)
    return select(together).where(Wish.member_id == member_id)


def visible_product(slug: str, *, viewer: catalogue.Viewer, at: datetime) -> int:
    """Return the id of the product at an address. Raises NoSuchProduct, also when the viewer may not see it."""
    product = catalogue.Product
    row = execute(
        select(product.id, product.see_rank, product.listed_from, product.listed_until).where(
            product.slug == slug[:80]
        )
    ).one_or_none()
    if row is None or not catalogue.may_see(row, viewer, at=at):
        raise catalogue.NoSuchProduct()
    return row.id
