"""What must always be true of coupons: uses stay within limits, and are counted right."""

from sqlalchemy import String, cast, func, literal, or_, select

from mall.base.proof import Check
from mall.base.text import N_

from .codes import CouponCode
from .given import Coupon
from .templates import CouponTemplate

CODE_REFERENCE = literal("code:").concat(cast(CouponCode.id, String))


def checks() -> list[Check]:
    """Return the coupons' invariants (8 of the ledger's list)."""
    uses = (
        select(Coupon.template_id, func.count().label("uses"))
        .where(Coupon.used_for.is_not(None))
        .group_by(Coupon.template_id)
        .subquery("live_uses")
    )
    taken = (
        select(Coupon.reference, func.count().label("coupons"))
        .where(Coupon.source == "code")
        .group_by(Coupon.reference)
        .subquery("taken_by_code")
    )
    counted = func.coalesce(uses.c.uses, 0)
    return [
        Check(
            N_("a coupon's total is the count of its live uses, and within its limit"),
            select(CouponTemplate.id)
            .outerjoin(uses, uses.c.template_id == CouponTemplate.id)
            .where(
                CouponTemplate.total_limit.is_not(None),
                or_(CouponTemplate.used != counted, counted > CouponTemplate.total_limit),
            ),
        ),
        Check(
            N_("no member uses a coupon more often than one member may"),
            select(Coupon.template_id, Coupon.member_id)
            .join(CouponTemplate, CouponTemplate.id == Coupon.template_id)
            .where(Coupon.used_for.is_not(None))
            .group_by(Coupon.template_id, Coupon.member_id, CouponTemplate.member_limit)
            .having(func.count() > CouponTemplate.member_limit),
        ),
        Check(
            N_("a coupon code was taken as often as it gave a coupon"),
            select(CouponCode.id)
            .outerjoin(taken, taken.c.reference == CODE_REFERENCE)
            .where(CouponCode.taken != func.coalesce(taken.c.coupons, 0)),
        ),
        Check(
            N_("a coupon was used while it could be"),
            select(Coupon.id).where(or_(Coupon.used_at >= Coupon.ends_at, Coupon.used_at < Coupon.usable_from)),
        ),
    ]
