"""Reviews of what goes back: only what is kept is shown, so a review goes down with the last piece it is of.

Where its member keeps the same item of another order, whose days for returning it were over when it was written, it
stays, and is of that one from then on.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, and_, or_, select, update

from mall.base.db import execute, in_transaction
from mall.domain import checkout, earning, ledger, programme

from .moderating import take_unkept_down
from .product_reviews import PUBLISHED, ProductReview

Line, Order = checkout.OrderLine, checkout.Order


class ReviewBack(Struct, frozen=True):
    """A published review of which all pieces go back: the points and growth that go with it, [(day it counts on,
    growth)]. `other` is the line that it is of from then on, where it stays: then nothing goes.
    """

    review_id: int
    title: dict[str, str]
    points: int = 0
    grown: tuple[tuple[date, int], ...] = ()
    other: tuple[int, int] | None = None

    @property
    def growth(self) -> int:
        """All growth that goes with it."""
        return sum(growth for _day, growth in self.grown)


def reviews_back(order: checkout.OrderRow, lines: Collection[int], *, at: datetime) -> tuple[ReviewBack, ...]:
    """Return the published reviews of an order's lines that all go back. It takes nothing itself.

    One statement where there is none.
    """
    rows = execute(
        select(ProductReview, Line.title)
        .join(Line, and_(Line.order_id == ProductReview.order_id, Line.line == ProductReview.line))
        .where(
            ProductReview.order_id == order.id,
            ProductReview.line.in_(sorted(lines)),
            ProductReview.state == PUBLISHED,
        )
        .order_by(ProductReview.id)
    ).all()
    return tuple(_back(row, lines, at=at) for row in rows)


def take_reviews_back(
    backs: Sequence[ReviewBack], *, purse: ledger.LockedPurse, terms: programme.Programme, by: str, at: datetime
) -> None:
    """Show no longer what reviews_back() has found while the purse was locked, and take back what it had brought."""
    assert in_transaction()
    for back in backs:
        if back.other is None:
            take_unkept_down(back.review_id, purse=purse, terms=terms, by=by, at=at)
        else:
            order_id, line = back.other
            execute(
                update(ProductReview).where(ProductReview.id == back.review_id).values(order_id=order_id, line=line)
            )


def unkept_reviews() -> list[tuple[int, int]]:
    """Return published reviews of what went back before reviews went along, [(review, member)]."""
    return [
        (row.id, row.member_id)
        for row in execute(
            select(ProductReview.id, ProductReview.member_id)
            .join(Line, and_(Line.order_id == ProductReview.order_id, Line.line == ProductReview.line))
            .where(ProductReview.state == PUBLISHED, Line.refunded >= Line.quantity)
            .order_by(ProductReview.member_id, ProductReview.id)
        )
    ]


def take_unkept_review_back(review_id: int, member_id: int, *, terms: programme.Programme, at: datetime) -> None:
    """Show no longer a review of what went back before reviews went along. Done again, changes nothing."""
    purse = ledger.lock(member_id, zone=terms.zone)
    if (review_id, member_id) not in unkept_reviews():
        return
    of = execute(select(ProductReview.order_id, ProductReview.line).where(ProductReview.id == review_id)).one()
    backs = reviews_back(checkout.order_of(of.order_id), [of.line], at=at)
    take_reviews_back(backs, purse=purse, terms=terms, by="system", at=at)


def _back(review: Row[Any], lines: Collection[int], *, at: datetime) -> ReviewBack:
    other = execute(
        select(Line.order_id, Line.line)
        .join(Order, Order.id == Line.order_id)
        .where(
            Order.member_id == review.member_id,
            Line.product_id == review.product_id,
            Line.refunded < Line.quantity,
            Order.window_closed_at <= review.written_at,
            or_(Line.order_id != review.order_id, Line.line.not_in(sorted(lines))),
        )
        .order_by(Order.window_closed_at.desc(), Line.order_id.desc(), Line.line)
        .limit(1)
    ).one_or_none()
    if other is not None:
        return ReviewBack(review.id, dict(review.title), other=(other.order_id, other.line))
    gone = earning.review_would_go(review.member_id, review_id=review.id, at=at)
    return ReviewBack(
        review.id,
        dict(review.title),
        points=sum(each.reward.points for each in gone),
        grown=tuple((each.counts_on, each.reward.growth) for each in gone if each.counts_on is not None),
    )
