"""Templates to look at: the desk's list, with how many coupons were given and used."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, func, select

from mall.base.db import execute

from .given import REVOKED, USED, Coupon, GivenPack
from .templates import CouponTemplate


def templates(*, page: int = 1, per_page: int = 25) -> tuple[list[Row[Any]], int]:
    """Return (a page of the templates, how many there are): latest first, each with `given` and `live_uses`.

    Of a pack they are the packs given, and the coupons of those that are used.
    """
    counted = (
        select(
            Coupon.template_id,
            func.sum(case((Coupon.state != REVOKED, 1), else_=0)).label("given"),
            func.sum(case((Coupon.state == USED, 1), else_=0)).label("live_uses"),
        )
        .group_by(Coupon.template_id)
        .subquery("counted")
    )
    packs = (
        select(
            GivenPack.template_id,
            func.count(func.distinct(GivenPack.id)).label("given"),
            func.sum(case((Coupon.state == USED, 1), else_=0)).label("live_uses"),
        )
        .join(Coupon, Coupon.pack_id == GivenPack.id)
        .group_by(GivenPack.template_id)
        .subquery("packs")
    )
    rows = execute(
        select(
            *CouponTemplate.__table__.columns,
            func.coalesce(counted.c.given, packs.c.given, 0).label("given"),
            func.coalesce(counted.c.live_uses, packs.c.live_uses, 0).label("live_uses"),
        )
        .outerjoin(packs, packs.c.template_id == CouponTemplate.id)
        .outerjoin(counted, counted.c.template_id == CouponTemplate.id)
        .order_by(CouponTemplate.id.desc())
        .limit(per_page)
        .offset((page - 1) * per_page)
    ).all()
    total = execute(select(func.count()).select_from(CouponTemplate)).scalar_one()
    return list(rows), total


def given_and_used(template_id: int) -> tuple[int, int]:
    """Return how many coupons of a template were given, and how many are used; of a pack, packs and their coupons."""
    of_packs = execute(
        select(
            func.count(func.distinct(GivenPack.id)).label("given"),
            func.coalesce(func.sum(case((Coupon.state == USED, 1), else_=0)), 0).label("used"),
        )
        .join(Coupon, Coupon.pack_id == GivenPack.id)
        .where(GivenPack.template_id == template_id)
    ).one()
    if of_packs.given:
        return int(of_packs.given), int(of_packs.used)
    row = execute(
        select(
            func.coalesce(func.sum(case((Coupon.state != REVOKED, 1), else_=0)), 0).label("given"),
            func.coalesce(func.sum(case((Coupon.state == USED, 1), else_=0)), 0).label("used"),
        ).where(Coupon.template_id == template_id)
    ).one()
    return int(row.given), int(row.used)


def state_of(template: Any, at: datetime) -> str:
    """Return where a template stands: "withdrawn", "over", "planned" or "open"."""
    if template.withdrawn_at is not None:
        return "withdrawn"
    if template.ends_at is not None and template.ends_at <= at:
        return "over"
    return "planned" if template.starts_at is not None and template.starts_at > at else "open"
