"""How often a coupon may be had: one rule for the desk, codes, lists, packs and what comes by itself.

What is limited is its use. So of those a member had, the used ones and those that can still be used count; one that
ended or was taken back makes room for another. Of a kind that all together have used up none is given.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_

from .given import USABLE, Coupon
from .templates import Withdrawn
from .terms import UsedUp


class HadOften(Refusal):
    message = N_("This member has had it as often as one member may.")


def is_over(template: Any, *, at: datetime) -> bool:
    """Tell whether a template is given out no more."""
    return template.withdrawn_at is not None or (template.ends_at is not None and template.ends_at <= at)


def why_not_given_one(template: Any, *, had: int, at: datetime, pieces: int = 1) -> Refusal | None:
    """Return why a coupon, or so many, cannot be given to who has so many already, or None. Pure."""
    if is_over(template, at=at):
        return Withdrawn()
    if template.total_limit is not None and template.used + pieces > template.total_limit:
        return UsedUp()
    if template.member_limit is not None and had + pieces > template.member_limit:
        return HadOften()
    return None


def why_not_given_to(member_id: int, template: Any, *, at: datetime) -> Refusal | None:
    """Return why a member cannot be given a coupon, or None. One statement where one member may use so many only."""
    had = 0
    if template.member_limit is not None:
        had = coupons_had([member_id], [template.id], at=at).get(member_id, {}).get(template.id, 0)
    return why_not_given_one(template, had=had, at=at)


def coupons_had(member_ids: Sequence[int], template_ids: Sequence[int], *, at: datetime) -> dict[int, dict[int, int]]:
    """Return {member: {template: coupons that count}}. One statement for any number of members."""
    usable = and_(Coupon.state == USABLE, Coupon.ends_at > at)
    rows = execute(
        select(Coupon.member_id, Coupon.template_id, func.count().label("had"))
        .where(
            Coupon.member_id.in_(member_ids),
            Coupon.template_id.in_(template_ids),
            or_(usable, Coupon.used_for.is_not(None)),
        )
        .group_by(Coupon.member_id, Coupon.template_id)
    )
    had: dict[int, dict[int, int]] = {}
    for row in rows:
        had.setdefault(row.member_id, {})[row.template_id] = row.had
    return had
