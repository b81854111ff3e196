"""Kept orders: mugs that a member bought and kept, and short ways to review them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import aftersales, catalogue
from tests.stage import NOON, Item, Stage

DELIVERED = NOON + timedelta(days=3)
KEPT = DELIVERED + timedelta(days=15)
WORDS = "Keeps the tea warm, and sits well in the hand."


def buy(stage: Stage, member_id: int, item: Item, *, quantity: int = 1) -> Any:
    """Let a member buy pieces of an item for points, and have them delivered."""
    stage.give(member_id, 4_000)
    stage.put_in(member_id, item, "points", quantity=quantity)
    order = stage.place(member_id)
    stage.ship(order)
    return stage.deliver(order, at=DELIVERED)


def keep(stage: Stage, member_id: int, item: Item, *, quantity: int = 1) -> Any:
    """Let a member buy pieces of an item and keep them: the return window is over."""
    order = buy(stage, member_id, item, quantity=quantity)
    assert stage.close(order, at=KEPT)
    return stage.order(order)


def picture(number: int = 1) -> catalogue.Prepared:
    """Return a picture as it is prepared; its files are not there."""
    return catalogue.Prepared(f"{number:032x}", 60, 40)


def write(stage: Stage, order: Any, *, by: int | None = None, at: Any = KEPT, **said: Any) -> aftersales.Written:
    """Let the member of an order review its first line, five stars unless told."""
    plain = {"rating": 5, "words": WORDS, "key": f"form-{at}-{said}"}
    with transaction():
        return aftersales.write_review(
            order.id, 1, member_id=by or order.member_id, terms=stage.terms, at=at, **(plain | said)
        )


def publish(stage: Stage, row: Any, *, at: Any = KEPT, own: int | None = None, revision: int | None = None) -> Any:
    """Let the desk publish a review as it stands."""
    with transaction():
        return aftersales.publish_review(
            row.id, revision=revision or row.revision, own_member_id=own, terms=stage.terms, by="staff:1", at=at
        )


def reject(row: Any, *, reason: str = "It is of another item.", at: Any = KEPT) -> Any:
    """Let the desk reject a review."""
    with transaction():
        return aftersales.reject_review(
            row.id, revision=row.revision, reason=reason, own_member_id=None, by="staff:1", at=at
        )


def take_down(stage: Stage, row: Any, *, reason: str = "The picture shows somebody else.", at: Any = KEPT) -> Any:
    """Let the desk take a review down."""
    with transaction():
        return aftersales.take_review_down(
            row.id, reason=reason, own_member_id=None, terms=stage.terms, by="staff:1", at=at
        )


def reply(row: Any, words: str, *, at: Any = KEPT) -> Any:
    """Let the desk answer a review."""
    with transaction():
        return aftersales.reply_to_review(row.id, words=words, by="staff:1", at=at)


def shown(item: Item) -> list[Any]:
    """Return the published reviews of an item."""
    with reading():
        return aftersales.published_reviews(item.product_id, limit=10, at=KEPT)


def stars(item: Item) -> tuple[int, int]:
    """Return (how many published reviews an item counts, the sum of their stars)."""
    with reading():
        product = catalogue.Product
        sums = select(product.review_count, product.review_stars).where(product.id == item.product_id)
        row = execute(sums).one()
    return row.review_count, row.review_stars
