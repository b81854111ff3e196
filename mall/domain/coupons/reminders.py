"""Reminders: members are told a week before a coupon ends that they have not used, once for each coupon."""

from datetime import datetime, timedelta

from sqlalchemy import String, bindparam, cast, exists, literal, select

from mall.base.clock import Instant
from mall.base.db import execute, in_transaction
from mall.domain import notices

from .given import USABLE, Coupon
from .templates import CouponTemplate

BEFORE_END = timedelta(days=7)
# Who was given a coupon that ends as soon has just read when.
RESTS_AFTER_GIVING = timedelta(days=1)
COUPONS_AT_ONCE = 2_000


def tell_expiring(*, after: int, at: datetime, share: int = COUPONS_AT_ONCE) -> int | None:
    """Tell of a share of the coupons that end within a week, those with ids above `after`: two statements.

    Returns where the next share begins; None after the last.
    """
    assert in_transaction()
    rows = execute(
        _DUE, {"after": after, "at": at, "until": at + BEFORE_END, "given": at - RESTS_AFTER_GIVING, "share": share}
    ).all()
    notices.tell_all(
        "coupon_expiring",
        [
            notices.Telling(row.member_id, row.key, {"title": row.title, "ends_at": row.ends_at.isoformat()})
            for row in rows
        ],
        at=at,
    )
    return rows[-1].id if len(rows) == share else None


_KEY = literal("coupon_expiring:") + cast(Coupon.id, String)
_DUE = (
    select(Coupon.id, Coupon.member_id, Coupon.ends_at, CouponTemplate.title, _KEY.label("key"))
    .join(CouponTemplate, CouponTemplate.id == Coupon.template_id)
    .where(
        Coupon.id > bindparam("after"),
        Coupon.state == USABLE,
        Coupon.ends_at > bindparam("at", type_=Instant),
        Coupon.ends_at <= bindparam("until", type_=Instant),
        Coupon.given_at <= bindparam("given", type_=Instant),
        ~exists().where(notices.Notice.key == _KEY),
    )
    .order_by(Coupon.id)
    .limit(bindparam("share"))
)
