"""What must always be true of coupons: uses stay within limits, and are counted right; packs are given whole."""

from sqlalchemy import Select, and_, exists, func, or_, select, union_all

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import notices

from .codes import CouponCode
from .given import Coupon, GivenPack
from .proof_of_codes import CODE_REFERENCE, code_checks
from .proof_of_given import given_checks
from .templates import CouponTemplate, PackPart
from .terms import PACK


def checks() -> list[Check]:
    """Return the coupons' invariants (8 of the ledger's list)."""
    uses = (
        select(Coupon.template_id, func.count().label("uses"))
        .where(Coupon.used_for.is_not(None))
        .group_by(Coupon.template_id)
        .subquery("live_uses")
    )
    taken = (
        select(
            Coupon.reference,
            func.count(func.distinct(func.coalesce(-Coupon.pack_id, Coupon.id))).label("coupons"),
        )
        .where(Coupon.source == "code")
        .group_by(Coupon.reference)
        .subquery("taken_by_code")
    )
    counted = func.coalesce(uses.c.uses, 0)
    told = exists().where(notices.Notice.member_id == Coupon.member_id, notices.Notice.kind == "coupon_expiring")
    return [
        Check(
            N_("a coupon's total is the count of its live uses, and within its limit"),
            select(CouponTemplate.id)
            .outerjoin(uses, uses.c.template_id == CouponTemplate.id)
            .where(
                CouponTemplate.total_limit.is_not(None),
                CouponTemplate.kind != PACK,
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
            N_("whoever counts as reminded of a coupon has a notice that says so"),
            select(Coupon.id).where(Coupon.reminded_at.is_not(None), ~told),
        ),
        Check(
            N_("a coupon was used while it could be"),
            select(Coupon.id).where(or_(Coupon.used_at >= Coupon.ends_at, Coupon.used_at < Coupon.usable_from)),
        ),
        Check(N_("a pack that was given has exactly its coupons, all of them its member's"), _packs_are_whole()),
        Check(N_("packs are counted as they were given, within the limit of each"), _packs_are_counted()),
        *given_checks(),
        *code_checks(),
    ]


def _packs_are_whole() -> Select:
    """Find given packs with fewer or more coupons of a kind than the pack has, or others, and packs as coupons."""
    inside = (
        select(Coupon.pack_id, Coupon.template_id, func.count().label("pieces"))
        .where(Coupon.pack_id.is_not(None))
        .group_by(Coupon.pack_id, Coupon.template_id)
        .subquery("in_packs")
    )
    of_parts = (
        select(GivenPack.id)
        .outerjoin(PackPart, PackPart.pack_id == GivenPack.template_id)
        .outerjoin(inside, and_(inside.c.pack_id == GivenPack.id, inside.c.template_id == PackPart.template_id))
        .where(func.coalesce(inside.c.pieces, 0) != func.coalesce(PackPart.pieces, -1))
    )
    of_coupons = (
        select(Coupon.pack_id)
        .join(GivenPack, GivenPack.id == Coupon.pack_id)
        .outerjoin(
            PackPart, and_(PackPart.pack_id == GivenPack.template_id, PackPart.template_id == Coupon.template_id)
        )
        .where(
            or_(
                PackPart.pack_id.is_(None),
                Coupon.member_id != GivenPack.member_id,
                Coupon.reference != GivenPack.reference,
                Coupon.source != GivenPack.source,
            )
        )
    )
    of_packs = (
        select(Coupon.id)
        .join(CouponTemplate, CouponTemplate.id == Coupon.template_id)
        .where(CouponTemplate.kind == PACK)
    )
    return select(union_all(of_parts, of_coupons, of_packs).subquery("broken_packs"))


def _packs_are_counted() -> Select:
    given = (
        select(GivenPack.template_id, func.count().label("packs"))
        .group_by(GivenPack.template_id)
        .subquery("packs_given")
    )
    counted = func.coalesce(given.c.packs, 0)
    return (
        select(CouponTemplate.id)
        .outerjoin(given, given.c.template_id == CouponTemplate.id)
        .where(
            CouponTemplate.kind == PACK,
            CouponTemplate.total_limit.is_not(None),
            or_(CouponTemplate.used != counted, counted > CouponTemplate.total_limit),
        )
    )
