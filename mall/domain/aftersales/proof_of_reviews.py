"""What must always be true of reviews: each is of something its member kept, and the stars of an item are theirs."""

from sqlalchemy import Select, String, and_, case, cast, func, literal, or_, select, union_all

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import catalogue, checkout, earning

from .credits import CreditLine, CreditNote
from .product_reviews import PUBLISHED, ProductReview

Order, Line = checkout.Order, checkout.OrderLine


def reviews_checks() -> list[Check]:
    """Return the checks of reviews against orders, refunds, items and what tasks paid."""
    return [
        Check(N_("a review is of what its member bought, and was written after the return window"), _of_lines()),
        Check(N_("no review was published first when all of it had been refunded"), _refunded_before()),
        Check(N_("a review that is shown is of something that is kept"), _shown_unkept()),
        Check(N_("the stars of an item are those of its published reviews"), _stars_agree()),
        Check(N_("a review counts as published, for tasks, as soon as it was, and for its member"), _recorded()),
        Check(N_("a review counts for tasks once while it is shown, and no more when it was taken down"), _standing()),
    ]


def _of_lines() -> Select:
    return (
        select(ProductReview.id)
        .outerjoin(Order, Order.id == ProductReview.order_id)
        .outerjoin(Line, and_(Line.order_id == ProductReview.order_id, Line.line == ProductReview.line))
        .where(
            or_(
                Line.line.is_(None),
                Order.member_id != ProductReview.member_id,
                Line.product_id != ProductReview.product_id,
                Order.window_closed_at.is_(None),
                Order.window_closed_at > ProductReview.written_at,
            )
        )
    )


def _refunded_before() -> Select:
    before = (
        select(func.coalesce(func.sum(CreditLine.quantity), 0))
        .join(CreditNote, CreditNote.id == CreditLine.credit_id)
        .where(
            CreditNote.order_id == ProductReview.order_id,
            CreditLine.line == ProductReview.line,
            CreditNote.at < ProductReview.published_at,
        )
        .correlate(ProductReview)
        .scalar_subquery()
    )
    return (
        select(ProductReview.id)
        .join(Line, and_(Line.order_id == ProductReview.order_id, Line.line == ProductReview.line))
        .where(ProductReview.published_at.is_not(None), before >= Line.quantity)
    )


def _shown_unkept() -> Select:
    return (
        select(ProductReview.id, ProductReview.member_id)
        .join(Line, and_(Line.order_id == ProductReview.order_id, Line.line == ProductReview.line))
        .where(ProductReview.state == PUBLISHED, Line.refunded >= Line.quantity)
    )


def _stars_agree() -> Select:
    product = catalogue.Product
    said = (
        select(ProductReview.product_id, func.count().label("n"), func.sum(ProductReview.rating).label("stars"))
        .where(ProductReview.state == PUBLISHED)
        .group_by(ProductReview.product_id)
        .subquery("published_reviews")
    )
    return (
        select(product.id)
        .outerjoin(said, said.c.product_id == product.id)
        .where(
            or_(
                product.review_count != func.coalesce(said.c.n, 0),
                product.review_stars != func.coalesce(said.c.stars, 0),
            )
        )
    )


def _recorded() -> Select:
    """Find facts of reviews that were never published, or of another member, and published ones without a fact.

    A review that was taken down has a fact for each time that it was published.
    """
    fact = earning.FactRow
    of_review = literal("review:").concat(cast(ProductReview.id, String))
    key = of_review.concat(":published")
    same = and_(fact.reference == of_review, or_(fact.key == key, fact.key.like(key.concat(":again:%"))))
    never = (
        select(fact.id)
        .outerjoin(ProductReview, same)
        .where(
            fact.kind == earning.REVIEW_PUBLISHED,
            or_(
                ProductReview.published_at.is_(None),
                ProductReview.member_id != fact.member_id,
            ),
        )
    )
    unheard = (
        select(ProductReview.id)
        .outerjoin(fact, and_(fact.kind == earning.REVIEW_PUBLISHED, same))
        .where(ProductReview.published_at.is_not(None), fact.id.is_(None))
    )
    return select(union_all(never, unheard).subquery("recorded_otherwise"))


def _standing() -> Select:
    """Find reviews that count as published though they are not shown, or more than once, or not though they are."""
    fact, review = earning.FactRow, ProductReview
    counts = (
        select(func.count())
        .where(
            fact.kind == earning.REVIEW_PUBLISHED,
            fact.reference == literal("review:").concat(cast(review.id, String)),
            fact.member_id == review.member_id,
            ~earning.undone(fact.id),
        )
        .correlate(review)
        .scalar_subquery()
    )
    return select(review.id, review.state).where(
        review.published_at.is_not(None), counts != case((review.state == PUBLISHED, 1), else_=0)
    )
