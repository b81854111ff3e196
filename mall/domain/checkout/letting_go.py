"""Letting go: an unpaid order's time is over, or it is given up. What was set aside for it is released."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.text import N_, Message, say
from mall.domain import catalogue, ledger, notices

from . import baskets, moving, orders
from .life import CANCELLED, TIMED_OUT
from .order_lines import lines_of


def time_out(order: orders.OrderRow, *, purse: ledger.LockedPurse, at: datetime, back_cents: int = 0) -> Row[Any]:
    """Let an unpaid order go because its time is over. `back_cents` came too late and go back: the member is told."""
    said = say(N_("Not paid in time; points and items were released"))
    return _let_go(order, TIMED_OUT, said=said, by="system", purse=purse, at=at, back_cents=back_cents)


def call_off(
    order: orders.OrderRow,
    *,
    by: str,
    purse: ledger.LockedPurse,
    at: datetime,
    said: Message | None = None,
    back_cents: int = 0,
    gone_cents: int = 0,
    **changes: Any,
) -> Row[Any]:
    """Let an unpaid order go because it was given up. Only after the cashier says nothing can be paid.

    Where money came all the same the member is told of it: `back_cents` that the caller gives back, `gone_cents` that
    have gone back before, or by the bank.
    """
    said = said or say(N_("Cancelled before payment; points and items were released"))
    return _let_go(
        order, CANCELLED, said=said, by=by, purse=purse, at=at, back_cents=back_cents, gone_cents=gone_cents, **changes
    )


def _let_go(
    order: orders.OrderRow,
    state: str,
    *,
    said: Message,
    by: str,
    purse: ledger.LockedPurse,
    at: datetime,
    back_cents: int = 0,
    gone_cents: int = 0,
    **changes: Any,
) -> Row[Any]:
    reference = orders.reference_of(order.id)
    moved = moving.move(order, state, kind=state, said=said, by=by, at=at, ended_at=at, **changes).order
    if order.points:
        ledger.release(purse, reference=reference, at=at)
    lines = lines_of(order.id)
    catalogue.return_quota(reference)
    catalogue.unreserve(reference, at=at, by=by)
    baskets.take_in_again(order.member_id, lines, at=at)
    values = {"number": orders.number_of(order.id), "points": order.points, "back_cents": back_cents}
    notices.tell(
        order.member_id,
        "order_timed_out" if state == TIMED_OUT else "order_cancelled",
        values=values if state == TIMED_OUT else values | {"gone_cents": gone_cents},
        key=f"order:{order.id}:{state}",
        at=at,
    )
    return moved
