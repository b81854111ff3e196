"""The return window: when it ends and nothing is open, what the order earned becomes the member's."""

from datetime import datetime

from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.base.text import N_, say
from mall.domain import checkout, earning, notices, programme

from . import returns

# The round in which return windows are closed.
CLOSING = "window.close"


def close_window(order_id: int, *, terms: programme.Programme, at: datetime) -> bool:
    """End an order's return window: unlock its points, record its growth, give its stamps. Once.

    Returns whether this call did it. Does nothing before the window's last instant, while a return is open or the bank
    decides about a dispute, or when the order was refunded meanwhile.
    """
    purse, order = checkout.lock_with_purse(order_id, zone=terms.zone)
    if checkout.life.CLOSE not in checkout.life.follows(checkout.life.WINDOW_OVER, order.state):
        return False
    if order.disputed_at is not None or order.window_ends_at > at or returns.has_open(order_id):
        return False
    if not checkout.close(order, at=at):
        return False
    lines = checkout.lines_of(order_id)
    sale = checkout.sale_of(order, kept=checkout.kept_of(lines), bought=checkout.bought_of(lines))
    earning.order_kept(sale, purse=purse, terms=terms, at=at)
    if sale.kept_cents:
        checkout.note(order_id, "kept", say(N_("Return window over; points and growth are yours")), by="system", at=at)
    return True


def close_due_windows(*, terms: programme.Programme, at: datetime, limit: int = 200) -> int:
    """Close the windows that have ended, each in a transaction of its own. Returns how many were closed or put off.

    Opens its own transactions: call it outside of any. One that cannot be closed is put off, and keeps no other
    waiting. At 0 there is nothing more to do now, whatever was found.
    """
    with reading():
        due = _due(at, limit)

    def close(order_id: int) -> bool:
        with transaction():
            return close_window(order_id, terms=terms, at=at)

    return notices.one_by_one(CLOSING, due, close, at=at).moved


def _due(at: datetime, limit: int) -> list[int]:
    return list(
        execute(
            select(checkout.Order.id)
            .where(
                checkout.Order.state == checkout.COMPLETED,
                checkout.Order.window_closed_at.is_(None),
                checkout.Order.disputed_at.is_(None),
                checkout.Order.window_ends_at <= at,
                checkout.Order.id.not_in(
                    select(returns.Return.order_id).where(returns.Return.state.in_(returns.OPEN))
                ),
                checkout.Order.id.not_in(notices.put_off(CLOSING, at=at)),
            )
            .order_by(checkout.Order.window_ends_at, checkout.Order.id)
            .limit(limit)
        ).scalars()
    )
