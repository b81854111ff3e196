"""What must always be true of coupon codes: of the kind and as many as were made, and they give just that."""

from sqlalchemy import Select, String, cast, func, literal, or_, select

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import audit

from .codes import CodeBatch, CouponCode
from .given import Coupon, GivenPack

# What a coupon of a code refers to.
CODE_REFERENCE = literal("code:").concat(cast(CouponCode.id, String))


def code_checks() -> list[Check]:
    """Return the checks of coupon codes. The codes themselves nobody can read: only a hash of each is kept."""
    return [
        Check(N_("coupon codes are of the kind and as many as were made, as the audit says"), _other_than_made()),
        Check(N_("a coupon of a code is of the kind that the code was made for"), _of_another_kind()),
    ]


def _other_than_made() -> Select:
    """Find batches with more or fewer codes than were made, for more or fewer members, or of another kind."""
    entry = audit.Entry
    codes = (
        select(
            CouponCode.batch_id,
            func.count().label("codes"),
            func.min(CouponCode.each_for).label("least"),
            func.max(CouponCode.each_for).label("most"),
        )
        .group_by(CouponCode.batch_id)
        .subquery("codes_there")
    )
    said = select(entry.id).where(
        entry.act == "coupon.codes_made",
        entry.subject == literal("coupon:").concat(cast(CodeBatch.template_id, String)),
        entry.by == CodeBatch.made_by,
        entry.after["batch_id"].as_integer() == CodeBatch.id,
        entry.after["codes"].as_integer() == codes.c.codes,
        entry.after["each_for"].as_integer() == codes.c.least,
        entry.after["each_for"].as_integer() == codes.c.most,
    )
    return (
        select(CodeBatch.template_id, codes.c.codes)
        .select_from(CodeBatch)
        .outerjoin(codes, codes.c.batch_id == CodeBatch.id)
        .where(or_(CodeBatch.codes != func.coalesce(codes.c.codes, 0), ~said.correlate(CodeBatch, codes).exists()))
    )


def _of_another_kind() -> Select:
    return (
        select(Coupon.id, Coupon.member_id, Coupon.reference)
        .outerjoin(GivenPack, GivenPack.id == Coupon.pack_id)
        .outerjoin(CouponCode, Coupon.reference == CODE_REFERENCE)
        .outerjoin(CodeBatch, CodeBatch.id == CouponCode.batch_id)
        .where(
            Coupon.source == "code",
            func.coalesce(CodeBatch.template_id, -1) != func.coalesce(GivenPack.template_id, Coupon.template_id),
        )
    )
