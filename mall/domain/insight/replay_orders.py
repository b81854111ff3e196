"""Orders of the last days, as the replay sees them: what was kept, at which prices, and how it was sent."""

from collections import defaultdict
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, Select, case, func, select

from mall.base.db import beside, execute, streamed
from mall.base.sql import given
from mall.domain import checkout, earning, programme

from .pyramid import kept_by_order
from .replay import Bought, GrowthByDay, Kept, Piece, Sent, growth_change
from .shop_days import ShopDays

# Whom a draft moves, and by how many levels: a question is given all of them, as `moved`, and answers by these steps.
MOVED = given("moved", member_id=BigInteger(), steps=BigInteger())
STEPS: ColumnElement[Any] = func.coalesce(MOVED.c.steps, 0).label("steps")


def order_growth(terms: programme.Programme, days: ShopDays) -> GrowthByDay:
    """Return what a version's rate changes of each member's growth of orders kept since the first of the days.

    Only orders of another rate are read: for the others nothing changes.
    """
    order = checkout.Order
    of_another_rate = _of_another_rate(terms)
    # Facts of all orders are added up only where there is anything to look for.
    if not any_of_another_rate(terms):
        return {}
    kept = kept_by_order(days.since, kind="order_kept")
    rows = streamed(
        select(kept.c.member_id, kept.c.cents, order.growth_per_cents, days.seconds_to(kept.c.at))
        .join(order, kept.c.order_id == order.id)
        .where(of_another_rate)
    )

    @lru_cache(None)
    def change_by(cents: int, growth_per_cents: int) -> int:
        rates = earning.Rates(
            multiplier_percent=100, earn_points=0, earn_per_cents=1, growth_per_cents=growth_per_cents
        )
        return growth_change([Kept(1, cents, rates, 1)], terms)

    change: dict[int, tuple[tuple[int, int], ...]] = {}
    for member_id, cents, growth_per_cents, seconds in rows:
        of_order = days.day(seconds), change_by(cents, growth_per_cents)
        change[member_id] = (*change.get(member_id, ()), of_order)
    return change


def any_of_another_rate(terms: programme.Programme) -> bool:
    """Tell whether any order gave growth at another rate than a version's."""
    return execute(select(checkout.Order.id).where(_of_another_rate(terms)).limit(1)).first() is not None


def _of_another_rate(terms: programme.Programme) -> ColumnElement[bool]:
    return checkout.Order.growth_per_cents != terms.growth_per_cents


def orders_bought(since: datetime, moved: dict[str, Any]) -> dict[int, Bought]:
    """Return all that was bought since an instant, by how many levels the draft moves who bought it: {steps: ...}."""
    found: dict[int, tuple[list[Kept], list[Piece], list[Sent]]] = defaultdict(lambda: ([], [], []))
    with beside(lambda: execute(_sent_rows(since), moved).all()) as sent_rows:
        for row in execute(_kept_rows(since), moved):
            found[row.steps][0].append(_kept(row))
        for row in execute(_piece_rows(since), moved):
            found[row.steps][1].append(_piece(row))
        for row in sent_rows():
            found[row.steps][2].append(_sent(row))
    return {steps: Bought(tuple(kept), tuple(pieces), tuple(sent)) for steps, (kept, pieces, sent) in found.items()}


def _kept_rows(since: datetime) -> Select[Any]:
    order, kept = checkout.Order, kept_by_order(since)
    same = [
        order.level_rank, order.multiplier_percent, order.earn_points, order.earn_per_cents, order.growth_per_cents,
        kept.c.cents, STEPS,
    ]  # fmt: skip
    question = select(*same, func.count().label("times")).join_from(kept, order, kept.c.order_id == order.id)
    return question.outerjoin(MOVED, MOVED.c.member_id == kept.c.member_id).group_by(*same)


def _piece_rows(since: datetime) -> Select[Any]:
    order, line = checkout.Order, checkout.OrderLine
    same = [order.level_rank, line.list_cents, line.quantity, line.form, STEPS]
    return (
        select(*same, func.sum(line.quantity - line.refunded).label("times"))
        .join_from(order, line, line.order_id == order.id)
        .outerjoin(MOVED, MOVED.c.member_id == order.member_id)
        .where(order.paid_at >= since, line.refunded < line.quantity, line.form == "cash")
        .group_by(*same)
    )


def _sent_rows(since: datetime) -> Select[Any]:
    order, line = checkout.Order, checkout.OrderLine
    for_cash = func.max(case((line.digital.is_(False) & (line.form != "points"), 1), else_=0))
    each = (
        select(
            order.member_id,
            order.level_rank,
            order.shipping_key,
            order.shipping_list_cents,
            func.sum(line.cash_cents + line.saved_cents + line.waived_cents).label("goods_cents"),
            for_cash.label("for_cash"),
        )
        .join_from(order, line, line.order_id == order.id)
        .where(order.paid_at >= since, order.shipping_list_cents > 0, order.state.not_in(checkout.OVER))
        .group_by(order.id)  # Which says all of an order.
        .subquery("sent")
    )
    same = [*(column for column in each.c if column.name != "member_id"), STEPS]
    question = select(*same, func.count().label("times")).select_from(each)
    return question.outerjoin(MOVED, MOVED.c.member_id == each.c.member_id).group_by(*same)


def _kept(row: Row[Any]) -> Kept:
    rates = earning.Rates(
        multiplier_percent=row.multiplier_percent,
        earn_points=row.earn_points,
        earn_per_cents=row.earn_per_cents,
        growth_per_cents=row.growth_per_cents,
    )
    return Kept(row.level_rank, int(row.cents), rates, row.times)


def _piece(row: Row[Any]) -> Piece:
    return Piece(row.level_rank, row.list_cents // row.quantity, row.form, int(row.times))


def _sent(row: Row[Any]) -> Sent:
    return Sent(
        row.level_rank,
        row.shipping_key or "",
        row.shipping_list_cents,
        int(row.goods_cents),
        for_points=not row.for_cash,
        times=row.times,
    )
