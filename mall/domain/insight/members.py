"""Members as the desk sees them: a list with what each has and is worth, and one member's portrait."""

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, case, func, or_, select

from mall.base.db import execute
from mall.base.sql import whole_sum
from mall.domain import catalogue, checkout, ledger, membership, people

from . import kept
from .found import Found

Order = checkout.Order


def members(*, at: datetime, words: str = "", rank: int | None = None, page: int = 1, per_page: int = 25) -> Found:
    """Return a page of members, newest first: level, points ready, on the way, owed, orders and cash spent.

    Orders and cash are those that are kept. `words` finds a member by name, e-mail or number.
    """
    member = people.Member
    level = membership.rank_of(member.id, at=at)
    wanted: list[ColumnElement[bool]] = []
    if words:
        like = f"%{catalogue.escape_like(words)}%"
        wanted.append(
            or_(
                member.display_name.ilike(like, escape="\\"),
                member.email.ilike(like, escape="\\"),
                member.number == people.plain_number(words),
            )
        )
    if rank is not None:
        wanted.append(level == rank)
    paid = and_(Order.member_id == member.id, kept.PAID)
    orders = select(whole_sum(kept.COUNTED)).where(paid).correlate(member).scalar_subquery()
    spent = select(whole_sum(kept.GOODS_CENTS)).where(paid).correlate(member).scalar_subquery()
    rows = execute(
        select(
            member.id,
            member.number,
            member.display_name,
            member.email,
            member.verified_at,
            member.created_at,
            member.deactivated_at,
            level.label("rank"),
            ready_points(at).label("ready"),
            ledger.Purse.pending,
            (-ledger.Purse.debt).label("owed"),
            orders.label("orders"),
            spent.label("spent_cents"),
        )
        .join(ledger.Purse, ledger.Purse.member_id == member.id)
        .where(*wanted)
        .order_by(member.id.desc())
        .limit(per_page)
        .offset((page - 1) * per_page)
    ).all()
    total = execute(select(func.count()).select_from(member).where(*wanted)).scalar_one()
    return Found(rows, total)


class Portrait(Struct, frozen=True):
    """What the shop knows of how a member shops: orders, cash, points, when.

    Orders, cents and points are those that are kept; `refunded` orders are those of which nothing is.
    """

    orders: int
    spent_cents: int
    redeemed_points: int
    first_at: datetime | None
    last_at: datetime | None
    refunded: int


def portrait(member_id: int) -> Portrait:
    """Return a member's portrait. One statement."""
    row = execute(
        select(
            _of_paid(kept.COUNTED).label("orders"),
            _of_paid(kept.GOODS_CENTS).label("spent"),
            _of_paid(kept.POINTS).label("points"),
            func.min(Order.placed_at).label("first_at"),
            func.max(Order.placed_at).label("last_at"),
            whole_sum(case((Order.state == checkout.REFUNDED, 1), else_=0)).label("refunded"),
        ).where(Order.member_id == member_id)
    ).one()
    return Portrait(row.orders, row.spent, row.points, row.first_at, row.last_at, row.refunded)


def _of_paid(amount: Any) -> ColumnElement[int]:
    return whole_sum(case((kept.PAID, amount), else_=0))


def ready_points(at: datetime) -> Any:
    """Return, as a column of a member's row, the points they could spend at an instant."""
    position, lot = ledger.Position, ledger.Lot
    return (
        select(func.coalesce(func.sum(position.points), 0))
        .join(lot, lot.id == position.lot_id)
        .where(position.member_id == people.Member.id, position.place == "wallet", lot.expires_at >= at)
        .correlate(people.Member)
        .scalar_subquery()
    )
