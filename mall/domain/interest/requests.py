"""Back-in-stock requests: who waits for a variant that is sold out, and is told when it can be had again.

At a time as many members are told as there are pieces, first who asked first. Nothing is set aside for them; they have
a day's start, after which the next are told as far as there are pieces still.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Row, and_, bindparam, func, or_, select, text, update

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import NotFound, Refusal
from mall.base.sql import upsert
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import catalogue, notices, people

# How long those who were told have before others are.
A_START = timedelta(days=1)
MOST_WAITING = 50
TOLD_AT_ONCE = 500
_WAITING = "told_at IS NULL AND withdrawn_at IS NULL"


class TooManyRequests(Refusal):
    message = N_("You wait for {most} items already. Withdraw one of them first.")


class NothingToWaitFor(Refusal):
    message = N_("This is in stock: there is no need to wait for it.")


class NoSuchRequest(NotFound):
    message = N_("You do not wait for this item.")


class StockRequest(db.Model):
    """A member waits for a variant: until told, or until they withdraw."""

    __tablename__ = "stock_request"
    __table_args__ = (
        CheckConstraint("told_at IS NULL OR withdrawn_at IS NULL", name="one_ending"),
        Index(
            "ix_stock_request_waiting",
            "variant_id",
            "member_id",
            unique=True,
            sqlite_where=text(_WAITING),
            postgresql_where=text(_WAITING),
        ),
        Index(None, "member_id"),
        Index(None, "variant_id", "told_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    variant_id: Mapped[int] = mapped_column(ForeignKey("variant.id"))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    told_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)


def ask_for_stock(member_id: int, item: catalogue.Item, *, variant_id: int | None, at: datetime) -> bool:
    """Let a member wait for a variant of an item they were shown. Returns False when they wait for it already.

    Raises NoSuchVariant, NothingToWaitFor, TooManyRequests.
    """
    variant = next((each for each in item.variants if each.id == variant_id), None)
    if variant is None:
        raise catalogue.NoSuchVariant()
    if not variant.sold_out:
        raise NothingToWaitFor()
    people.lock_member(member_id)
    if len(waits_for(member_id)) >= MOST_WAITING:
        raise TooManyRequests(most=MOST_WAITING)
    into = upsert(StockRequest)
    written = into.values(member_id=member_id, variant_id=variant_id, asked_at=at).on_conflict_do_nothing(
        index_elements=[StockRequest.variant_id, StockRequest.member_id], index_where=text(_WAITING)
    )
    return execute(written.returning(StockRequest.id)).first() is not None


def withdraw(member_id: int, variant_id: int, *, at: datetime) -> None:
    """Let a member wait for a variant no longer. Raises NoSuchRequest."""
    gone = execute(
        update(StockRequest)
        .where(StockRequest.member_id == member_id, StockRequest.variant_id == variant_id, _is_waiting)
        .values(withdrawn_at=at)
    ).rowcount
    if not gone:
        raise NoSuchRequest()


def waits_for(member_id: int) -> set[int]:
    """Return the variants a member waits for."""
    mine = select(StockRequest.variant_id).where(StockRequest.member_id == member_id, _is_waiting)
    return set(execute(mine).scalars())


def waiting_for(member_id: int) -> Sequence[Row[Any]]:
    """Return what a member waits for, with its titles, longest first."""
    product, variant = catalogue.Product, catalogue.Variant
    return execute(
        select(
            StockRequest.variant_id,
            StockRequest.asked_at,
            product.id.label("product_id"),
            product.title,
            product.slug,
            variant.title.label("variant_title"),
        )
        .join(variant, variant.id == StockRequest.variant_id)
        .join(product, product.id == variant.product_id)
        .where(StockRequest.member_id == member_id, _is_waiting)
        .order_by(StockRequest.asked_at, StockRequest.id)
    ).all()


def waiting_counts(variant_ids: Collection[int]) -> dict[int, int]:
    """Return how many members wait for each of some variants: {variant_id: n}; those nobody waits for are left out."""
    if not variant_ids:
        return {}
    counted = (
        select(StockRequest.variant_id, func.count().label("members"))
        .where(StockRequest.variant_id.in_(list(variant_ids)), _is_waiting)
        .group_by(StockRequest.variant_id)
    )
    return {row.variant_id: row.members for row in execute(counted)}


def tell_back_in_stock(*, at: datetime, limit: int = TOLD_AT_ONCE) -> int:
    """Tell those who wait for what can be had again, in the order they asked, as many as there are pieces.

    Who was told within the last day counts as having one of the pieces. Returns how many were told. Three statements
    for any number.
    """
    assert in_transaction()
    chosen = execute(_CHOSEN, {"at": at, "since": at - A_START, "limit": limit}).all()
    if not chosen:
        return 0
    mine = set(
        execute(
            update(StockRequest)
            .where(StockRequest.id.in_([row.id for row in chosen]), _is_waiting)
            .values(told_at=at)
            .returning(StockRequest.id)
        ).scalars()
    )
    tellings = [
        notices.Telling(
            row.member_id,
            f"back_in_stock:{row.id}",
            {"title": row.title, "variant_title": row.variant_title, "slug": row.slug},
        )
        for row in chosen
        if row.id in mine
    ]
    notices.tell_all("back_in_stock", tellings, at=at)
    return len(tellings)


def _chosen() -> Any:
    """Build the statement that finds whom to tell: the place in its variant's queue is within the pieces there are."""
    product, variant, stock, quota = catalogue.Product, catalogue.Variant, catalogue.Stock, catalogue.Quota
    at: Any = bindparam("at", type_=Instant)
    place = func.row_number().over(
        partition_by=StockRequest.variant_id, order_by=(StockRequest.asked_at, StockRequest.id)
    )
    queue = select(StockRequest.id, place.label("place")).where(_is_waiting).subquery("queue")
    told = (
        select(StockRequest.variant_id, func.count().label("members"))
        .where(StockRequest.told_at > bindparam("since", type_=Instant))
        .group_by(StockRequest.variant_id)
        .subquery("told")
    )
    free = stock.on_hand - stock.reserved - func.coalesce(told.c.members, 0)
    return (
        select(
            StockRequest.id, StockRequest.member_id, product.title, product.slug, variant.title.label("variant_title")
        )
        .join(queue, queue.c.id == StockRequest.id)
        .join(variant, variant.id == StockRequest.variant_id)
        .join(product, product.id == variant.product_id)
        .join(stock, stock.variant_id == variant.id)
        .outerjoin(quota, quota.product_id == product.id)
        .outerjoin(told, told.c.variant_id == StockRequest.variant_id)
        .where(
            variant.retired_at.is_(None),
            product.listed_from <= at,
            or_(product.listed_until.is_(None), product.listed_until > at),
            or_(product.redeem_until.is_(None), product.redeem_until > at),
            or_(quota.product_id.is_(None), quota.taken < quota.total),
            queue.c.place <= free,
        )
        .order_by(StockRequest.asked_at, StockRequest.id)
        .limit(bindparam("limit"))
    )


_is_waiting = and_(StockRequest.told_at.is_(None), StockRequest.withdrawn_at.is_(None))
_CHOSEN = _chosen()
