"""The dashboard: the work of the day, and how the shop goes."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, func, select, type_coerce

from mall.base.clock import Instant, start_of
from mall.base.db import execute
from mall.base.sql import whole_sum
from mall.domain import approvals, catalogue, checkout, ledger, programme

from . import kept
from .cashier_desk import waiting_at_cashier
from .found import Queue
from .questions import question_queues
from .queues import queues
from .returns import return_queues

Order = checkout.Order
DAYS_DRAWN = 14


class Dashboard(Struct, frozen=True):
    """The work of the day and how the shop goes. Points and cents; `earned` and `redeemed` are by day, latest last.

    Of the orders placed today those that were paid, less what went back.
    """

    queues: dict[str, Queue]
    adjustments: Queue
    returns: dict[str, Queue]
    questions: dict[str, Queue]
    at_cashier: dict[str, Queue]
    low_stock: Sequence[Row[Any]]
    orders_today: int
    cash_today_cents: int
    points_today: int
    expiring_points: int
    days: tuple[date, ...]
    earned: tuple[int, ...]
    redeemed: tuple[int, ...]


def dashboard(*, terms: programme.Programme, at: datetime) -> Dashboard:
    """Return the dashboard's figures."""
    today = terms.today(at)
    midnight = start_of(today, terms.zone)
    since = today - timedelta(days=DAYS_DRAWN - 1)
    orders_today = execute(
        select(
            whole_sum(kept.COUNTED).label("n"),
            whole_sum(kept.CASH_CENTS).label("cents"),
            whole_sum(kept.POINTS).label("points"),
        ).where(Order.placed_at >= midnight, kept.PAID)
    ).one()
    posting = ledger.Posting
    by_day = {
        (row.happened_on, row.kind): int(row.points)
        for row in execute(
            select(posting.happened_on, posting.kind, func.sum(posting.points).label("points"))
            .where(
                # Nothing is written before it happens, so the index on the time of writing finds all there is; a day
                # more, should the shop's time zone have changed.
                posting.written_at >= start_of(since - timedelta(days=1), terms.zone),
                posting.happened_on >= since,
                posting.kind.in_(("earn", "redeem")),
            )
            .group_by(posting.happened_on, posting.kind)
        )
    }
    days = tuple(since + timedelta(days=number) for number in range(DAYS_DRAWN))
    expiring = execute(
        select(func.coalesce(func.sum(ledger.Position.points), 0))
        .join(ledger.Lot, ledger.Lot.id == ledger.Position.lot_id)
        .where(
            ledger.Position.place == "wallet",
            ledger.Lot.expires_at.between(at, at + timedelta(days=30)),
        )
    ).scalar_one()
    asked = approvals.Approval
    adjustments = execute(
        select(func.count().label("waiting"), type_coerce(func.min(asked.asked_at), Instant).label("since")).where(
            asked.kind == ledger.ADJUSTMENT_KIND, asked.decision.is_(None)
        )
    ).one()
    return Dashboard(
        queues=queues(),
        adjustments=Queue(adjustments.waiting, adjustments.since),
        returns=return_queues(),
        questions=question_queues(terms=terms, at=at),
        at_cashier=waiting_at_cashier(at=at),
        low_stock=catalogue.low_stock(at=at, limit=8),
        orders_today=orders_today.n,
        cash_today_cents=orders_today.cents,
        points_today=orders_today.points,
        expiring_points=int(expiring),
        days=days,
        earned=tuple(by_day.get((day, "earn"), 0) for day in days),
        redeemed=tuple(by_day.get((day, "redeem"), 0) for day in days),
    )
