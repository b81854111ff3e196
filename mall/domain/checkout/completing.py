"""Completing: the last of an order has left or arrived; its return window begins, and closes once."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, update

from mall.base.db import execute
from mall.base.text import N_, say
from mall.domain import catalogue

from . import moving, orders, parcels
from .life import COMPLETED, SHIPPED
from .order_lines import OrderLine, lines_of, to_ship
from .orders import Order


def send_off(order: orders.OrderRow, *, by: str, at: datetime) -> None:
    """Let everything of an order leave the house: its lines count as shipped, its stock as gone."""
    pieces: dict[int, int] = {}
    for line in lines_of(order.id):
        if left := to_ship(line):
            pieces[line.variant_id] = pieces.get(line.variant_id, 0) + left
    execute(ALL_SHIPPED, {"of_order": order.id})
    if pieces:
        catalogue.ship(orders.reference_of(order.id), pieces, at=at, by=by)


def nothing_left_to_ship(order: orders.OrderRow, *, by: str, at: datetime) -> Row[Any]:
    """Let a paid order be where it is when all that was still to be sent was called off.

    With parcels on their way it is shipped, since the last of them; what is left of any other needs no parcel.
    """
    send_off(order, by=by, at=at)
    if sent := parcels.parcels_of(order.id):
        said = say(N_("Nothing is left to send"))
        return moving.move(
            order, SHIPPED, kind="shipped", said=said, by=by, at=at, shipped_at=sent[-1].shipped_at
        ).order
    return complete(order, by=by, at=at)


def complete(order: orders.OrderRow, *, by: str, at: datetime) -> Row[Any]:
    """Mark an order delivered: its return window begins. Digital goods have none."""
    days = orders.window_days_of(order)
    said = say(N_("Delivered"))
    return moving.move(
        order,
        COMPLETED,
        kind="completed",
        said=said,
        by=by,
        at=at,
        completed_at=at,
        window_ends_at=at + timedelta(days=days),
    ).order


def close(order: orders.OrderRow, *, at: datetime) -> bool:
    """Mark an order's return window closed, once. Returns whether this call did it."""
    return (
        execute(
            update(Order).where(Order.id == order.id, Order.window_closed_at.is_(None)).values(window_closed_at=at)
        ).rowcount
        == 1
    )


ALL_SHIPPED = (
    update(OrderLine)
    .where(OrderLine.order_id == bindparam("of_order"))
    .values(shipped=OrderLine.quantity - OrderLine.called_off)
)
