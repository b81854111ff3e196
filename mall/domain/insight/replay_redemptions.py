"""Redemptions of the last days against what levels allow in a month: how many pieces a version would have refused."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import func, select

from mall.base.clock import start_of
from mall.base.db import execute
from mall.domain import checkout, programme

from .replay_orders import MOVED, STEPS


class Redeemed(Struct, frozen=True):
    """Pieces of an order that were had for points, by a member of a level in a month; `replayed`: in the days asked
    for.
    """

    member_id: int
    month: date
    rank: int
    steps: int
    pieces: int
    replayed: bool = True


def refused_pieces(
    redeemed: Iterable[Redeemed], *, terms: programme.Programme, rank_of: Callable[[Redeemed], int]
) -> int:
    """Return how many pieces a programme would have refused, as they were ordered, the earliest first. Pure."""
    used: dict[tuple[int, date], int] = defaultdict(int)
    refused = 0
    for each in redeemed:
        most, whose = terms.level(rank_of(each)).redemptions_per_month, (each.member_id, each.month)
        over = 0 if most is None else min(each.pieces, max(0, used[whose] + each.pieces - most))
        used[whose] += each.pieces - over
        refused += over if each.replayed else 0
    return refused


def redeemed(since: datetime, *versions: programme.Programme, moved: dict[str, Any]) -> list[Redeemed]:
    """Return what was redeemed and kept from the month of an instant on, as it was ordered.

    Nothing is asked where no version has a limit.
    """
    if all(level.redemptions_per_month is None for terms in versions for level in terms.levels):
        return []
    terms, order, line = versions[0], checkout.Order, checkout.OrderLine
    month = terms.today(since).replace(day=1)
    rows = execute(
        select(
            order.member_id,
            order.placed_at,
            order.level_rank,
            STEPS,
            func.sum(line.quantity - line.refunded).label("pieces"),
        )
        .join_from(order, line, line.order_id == order.id)
        .outerjoin(MOVED, MOVED.c.member_id == order.member_id)
        .where(
            order.placed_at >= start_of(month, terms.zone),
            order.state.in_(checkout.SOLD),
            line.form.in_(checkout.REDEEMED),
        )
        .group_by(order.id, order.member_id, order.placed_at, order.level_rank, STEPS)
        .order_by(order.id),
        moved,
    )
    return [
        Redeemed(
            row.member_id,
            terms.today(row.placed_at).replace(day=1),
            row.level_rank,
            row.steps,
            int(row.pieces),
            replayed=row.placed_at >= since,
        )
        for row in rows
    ]
