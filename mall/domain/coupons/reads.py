"""What a member's coupons are: those that can be used now and what they cover, all there were, those an order gave."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, case, func, select

from mall.base.db import execute
from mall.base.tables import aliased
from mall.domain import catalogue

from .given import MOST_ID, REVOKED, USABLE, Coupon, NoSuchCoupon
from .templates import CouponScope, CouponTemplate
from .terms import GIFT, Ready

MOST_AT_CHECKOUT = 50


def ready(
    member_id: int, *, product_ids: Collection[int], at: datetime, ids: Collection[int] | None = None
) -> list[Ready]:
    """Return a member's coupons that have neither been used nor ended, soonest to end first, with what they cover.

    `ids` asks for some of them only. One statement.
    """
    statement = _ready(product_ids).where(Coupon.member_id == member_id, Coupon.state == USABLE, Coupon.ends_at > at)
    if ids is not None:
        statement = statement.where(Coupon.id.in_(sorted(id_ for id_ in set(ids) if 0 < id_ <= MOST_ID)))
    found: dict[int, tuple[Row[Any], set[int]]] = {}
    for row in execute(statement.order_by(Coupon.ends_at, Coupon.id)):
        if row.id not in found and len(found) == MOST_AT_CHECKOUT:
            break
        _row, covers = found.setdefault(row.id, (row, set()))
        if row.covered is not None:
            covers.add(row.covered)
    return [_as_ready(row, covers) for row, covers in found.values()]


def coupons_of(member_id: int, *, limit: int = 100) -> list[Row[Any]]:
    """Return a member's coupons with the terms of their templates: those that end last first."""
    return list(
        execute(
            select(Coupon, *_TERMS)
            .join(CouponTemplate, CouponTemplate.id == Coupon.template_id)
            .where(Coupon.member_id == member_id)
            .order_by(Coupon.ends_at.desc(), Coupon.id.desc())
            .limit(limit)
        )
    )


def given_for(reference: str) -> list[Row[Any]]:
    """Return what an order gave and was not taken back, by kind of coupon: `pieces`, of them `usable`, and when the
    first ends.
    """
    unused = Coupon.state == USABLE
    return list(
        execute(
            select(
                CouponTemplate.id,
                CouponTemplate.title,
                func.count().label("pieces"),
                func.sum(case((unused, 1), else_=0)).label("usable"),
                func.min(Coupon.ends_at).label("ends_at"),
            )
            .join(CouponTemplate, CouponTemplate.id == Coupon.template_id)
            .where(Coupon.reference == reference, Coupon.state != REVOKED)
            .group_by(CouponTemplate.id, CouponTemplate.title)
            .order_by(CouponTemplate.id)
        )
    )


def gift_of(coupon_id: int, *, member_id: int, at: datetime) -> int:
    """Return the product that a member's coupon gives. Raises NoSuchCoupon where it gives none, or not now."""
    statement = (
        select(CouponScope.product_id)
        .join(CouponTemplate, CouponTemplate.id == CouponScope.template_id)
        .join(Coupon, Coupon.template_id == CouponTemplate.id)
        .where(
            Coupon.id == (coupon_id if 0 < coupon_id <= MOST_ID else 0),
            Coupon.member_id == member_id,
            Coupon.state == USABLE,
            Coupon.usable_from <= at,
            Coupon.ends_at > at,
            CouponTemplate.kind == GIFT,
        )
    )
    product_id = execute(statement).scalar_one_or_none()
    if product_id is None:
        raise NoSuchCoupon()
    return product_id


def _as_ready(row: Row[Any], covers: set[int]) -> Ready:
    return Ready(
        id=row.id,
        template_id=row.template_id,
        title=row.title,
        kind=row.kind,
        usable_from=row.usable_from,
        ends_at=row.ends_at,
        amount_cents=row.amount_cents or 0,
        percent=row.percent or 0,
        cap_cents=row.cap_cents,
        threshold_cents=row.threshold_cents,
        covers=None if row.scope == "all" else frozenset(covers),
        stackable=row.stackable,
        min_rank=row.min_rank,
        member_left=None if row.member_limit is None else row.member_limit - row.member_used,
        total_left=None if row.total_limit is None else row.total_limit - row.used,
    )


def _ready(product_ids: Collection[int]) -> Any:
    """Return the select of coupons with their terms: a row for each product asked about that is in scope, or one."""
    in_category = and_(
        catalogue.ProductCategory.category_id == CouponScope.category_id,
        catalogue.ProductCategory.product_id.in_(sorted(product_ids)),
    )
    covered = func.coalesce(CouponScope.product_id, catalogue.ProductCategory.product_id)
    return (
        select(
            Coupon.id,
            Coupon.usable_from,
            Coupon.ends_at,
            CouponTemplate.id.label("template_id"),
            CouponTemplate.used,
            _member_used(),
            covered.label("covered"),
            *_TERMS,
        )
        .join(CouponTemplate, CouponTemplate.id == Coupon.template_id)
        .outerjoin(CouponScope, CouponScope.template_id == CouponTemplate.id)
        .outerjoin(catalogue.ProductCategory, in_category)
    )


def _member_used() -> Any:
    """Return how often the member of a coupon has used its template, as a column."""
    other = aliased(Coupon)
    return (
        select(func.count())
        .select_from(other)
        .where(
            other.template_id == Coupon.template_id, other.member_id == Coupon.member_id, other.used_for.is_not(None)
        )
        .scalar_subquery()
        .label("member_used")
    )


_TERMS = (
    CouponTemplate.title, CouponTemplate.kind, CouponTemplate.amount_cents, CouponTemplate.percent,
    CouponTemplate.cap_cents, CouponTemplate.threshold_cents, CouponTemplate.scope, CouponTemplate.stackable,
    CouponTemplate.min_rank, CouponTemplate.member_limit, CouponTemplate.total_limit,
)  # fmt: skip
