"""What must always be true of coupons that were given: by somebody, for something, to the member who has them."""

from sqlalchemy import Select, String, and_, case, cast, func, literal, or_, select

from mall.base.proof import Check
from mall.base.sql import seconds_later
from mall.base.text import N_
from mall.domain import audit

from .given import Coupon, GivenPack
from .lists import CouponList
from .templates import CouponTemplate
from .terms import PACK

LIST_REFERENCE = literal("list:").concat(cast(CouponList.id, String))
GIVEN_ACT = "coupon.given"
HOUR_SECONDS, DAY_SECONDS = 3_600, 86_400


def given_checks() -> list[Check]:
    """Return the checks of given coupons and packs against audit, lists, keys and their kinds."""
    return [
        Check(N_("a coupon that was given at the desk is in the audit, or came from a list of its kind"), _at_desk()),
        Check(N_("a coupon belongs to the member whom its key names"), _of_their_members()),
        Check(N_("a coupon can be used no earlier and no longer than its kind"), _within_their_kinds()),
        Check(N_("a coupon ends when its kind ends, or after the days its kind gives it"), _not_their_days()),
    ]


def _at_desk() -> Select:
    """Find coupons of the desk that neither a list nor an entry of the audit has; of a pack the entry names one."""
    entry, named, pack = audit.Entry, Coupon.__table__.alias("named"), GivenPack
    in_audit = (
        select(
            func.coalesce(-named.c.pack_id, named.c.id).label("piece"),
            entry.subject,
            entry.after["template_id"].as_integer().label("template_id"),
        )
        .join(named, named.c.id == entry.after["coupon_id"].as_integer())
        .where(entry.act == GIVEN_ACT)
        .subquery("in_audit")
    )
    kind = func.coalesce(pack.template_id, Coupon.template_id)
    return (
        select(Coupon.id, Coupon.member_id, Coupon.reference)
        .outerjoin(pack, pack.id == Coupon.pack_id)
        .outerjoin(CouponList, Coupon.reference == LIST_REFERENCE)
        .outerjoin(in_audit, in_audit.c.piece == func.coalesce(-Coupon.pack_id, Coupon.id))
        .where(
            Coupon.source == "operator",
            func.coalesce(CouponList.template_id, -1) != kind,
            or_(
                in_audit.c.piece.is_(None),
                in_audit.c.template_id != kind,
                in_audit.c.subject != literal("member:").concat(cast(Coupon.member_id, String)),
            ),
        )
    )


def _of_their_members() -> Select:
    """Find coupons of codes, of lists and of what was reached that are another's than their key says."""
    pack = GivenPack
    key = func.coalesce(pack.key, Coupon.key)
    member = cast(Coupon.member_id, String)
    named = Coupon.reference.concat(":").concat(member)
    reached = (
        literal("pack:")
        .concat(cast(pack.template_id, String))
        .concat(":")
        .concat(member)
        .concat(":")
        .concat(Coupon.reference)
    )
    return (
        select(Coupon.id, Coupon.member_id, key.label("key"))
        .outerjoin(pack, pack.id == Coupon.pack_id)
        .where(
            or_(
                (Coupon.source == "code") & (key != named),
                (Coupon.source == "operator") & Coupon.reference.startswith("list:") & (key != named),
                (Coupon.source == "pack") & (func.coalesce(key, "") != reached),
            )
        )
    )


def _within_their_kinds() -> Select:
    kind = CouponTemplate
    return (
        select(Coupon.id, Coupon.usable_from, Coupon.ends_at)
        .join(kind, kind.id == Coupon.template_id)
        .where(
            or_(
                Coupon.usable_from < Coupon.given_at,
                Coupon.usable_from < kind.starts_at,
                Coupon.ends_at > kind.ends_at,
                Coupon.ends_at < Coupon.given_at,
            )
        )
    )


def _not_their_days() -> Select:
    """Find coupons that end otherwise than end_for() says: after their last day, or before it and not with their kind.

    A day of the shop has an hour more or less where its clocks change.
    """
    kind = CouponTemplate
    begins = case((kind.starts_at > Coupon.given_at, kind.starts_at), else_=Coupon.given_at)
    least = seconds_later(begins, kind.valid_days * DAY_SECONDS - HOUR_SECONDS)
    most = seconds_later(begins, (kind.valid_days + 1) * DAY_SECONDS + HOUR_SECONDS)
    otherwise = Coupon.ends_at.is_distinct_from(kind.ends_at)
    return (
        select(Coupon.id, Coupon.given_at, Coupon.ends_at)
        .join(kind, kind.id == Coupon.template_id)
        .where(
            kind.kind != PACK,
            or_(
                and_(kind.valid_days.is_(None), otherwise),
                and_(kind.valid_days.is_not(None), Coupon.ends_at < least, otherwise),
                Coupon.ends_at > most,
            ),
        )
    )
