"""The strip above every page: points ready, level, basket, coupons, and which programme is in force - at once."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, func, literal, select

from mall.base.clock import Instant
from mall.base.db import execute
from mall.domain import checkout, coupons, ledger, membership, programme


@dataclass(frozen=True)
class Strip:
    """What the frame of a page shows of a visitor. `version` is the programme's, None before the shop is set up."""

    version: int | None
    ready_points: int
    rank: int
    basket_count: int
    coupon_count: int


def strip(*, member_id: int | None, basket_token: str | None, at: datetime) -> Strip:
    """Return the strip for a member, or for a visitor by the token of the basket. One statement."""
    values = {"at": at, "member_id": member_id, "token": basket_token}
    question = _question(member=member_id is not None, basket=bool(basket_token))
    row = execute(question, {name: value for name, value in values.items() if value}).one()
    return Strip(row.version, int(row.ready), row.rank, int(row.pieces), int(row.coupons))


@lru_cache
def _question(*, member: bool, basket: bool) -> Select[Any]:
    """Build the strip's statement: it stands on every page, so it is built once for each kind of visitor."""
    position, lot, history = ledger.Position, ledger.Lot, membership.LevelHistory
    owned, line = checkout.Basket, checkout.BasketLine
    at: Any = bindparam("at", type_=Instant)
    member_id = bindparam("member_id", type_=history.member_id.type)
    ready = (
        select(func.coalesce(func.sum(position.points), 0))
        .join(lot, lot.id == position.lot_id)
        .where(position.member_id == member_id, position.place == "wallet", lot.expires_at >= at)
        .scalar_subquery()
    )
    rank = (
        select(history.rank)
        .where(history.member_id == member_id)
        .order_by(history.step.desc())
        .limit(1)
        .scalar_subquery()
    )
    pieces = (
        select(func.coalesce(func.sum(line.quantity), 0))
        .join(owned, owned.id == line.basket_id)
        .where(owned.member_id == member_id if member else owned.token == bindparam("token"))
        .scalar_subquery()
    )
    coupon = coupons.Coupon
    usable = (
        select(func.count())
        .where(coupon.member_id == member_id, coupon.state == coupons.USABLE, coupon.ends_at > at)
        .scalar_subquery()
    )
    return select(
        programme.in_force(at).scalar_subquery().label("version"),
        (ready if member else literal(0)).label("ready"),
        (func.coalesce(rank, 1) if member else literal(0)).label("rank"),
        (pieces if member or basket else literal(0)).label("pieces"),
        (usable if member else literal(0)).label("coupons"),
    )
