"""Fulfilment: goods leave, arrive, and the order completes - by an operator, by the member, or by itself."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select

from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import audit, notices, programme

from . import life, orders
from .orders import SHIPPED, Order, Parcel, UnderDispute, WrongState
from .settling import complete, send_off

# The round in which orders complete by themselves.
COMPLETING = "order.complete"


class NoTracking(Refusal):
    message = N_("Enter the carrier and the tracking number, so that the member can follow the parcel.")


class NothingToShip(Refusal):
    message = N_("Order {number} has nothing to ship.")


def ship(order_id: int, *, carrier: str, tracking: str, by: str, at: datetime) -> Row[Any]:
    """Send everything of a paid order in one parcel. Shipping it again with the same number changes nothing.

    Refuses: NoTracking, NothingToShip, WrongState, UnderDispute.
    """
    carrier, tracking = carrier.strip(), tracking.strip()
    if not carrier or not tracking:
        raise NoTracking()
    order = orders.lock_order(order_id)
    if order.state == SHIPPED and tracking in {parcel.tracking for parcel in parcels_of(order_id)}:
        return order
    if life.SEND not in life.follows(life.PARCEL_LEAVES, order.state):
        raise WrongState(number=orders.number_of(order_id))
    if order.disputed_at is not None:
        raise UnderDispute(number=orders.number_of(order_id))
    if order.digital:
        raise NothingToShip(number=orders.number_of(order_id))
    said = say(N_("Shipped with {carrier}, {tracking}"), carrier=carrier, tracking=tracking)
    moved = orders.move(order, SHIPPED, kind="shipped", said=said, by=by, at=at, shipped_at=at).order
    execute(insert(Parcel).values(order_id=order_id, carrier=carrier, tracking=tracking, shipped_at=at))
    reference = orders.reference_of(order_id)
    send_off(moved, by=by, at=at)
    audit.write("order.ship", by=by, subject=reference, at=at, after={"carrier": carrier, "tracking": tracking})
    notices.tell(
        order.member_id,
        "order_shipped",
        values={"number": orders.number_of(order_id), "carrier": carrier, "tracking": tracking},
        key=f"{reference}:shipped:{tracking}",
        at=at,
    )
    return moved


def shippable(order: Row[Any]) -> bool:
    """Tell whether an order stands where a parcel of it may leave."""
    sent = life.SEND in life.follows(life.PARCEL_LEAVES, order.state)
    return sent and not order.digital and order.disputed_at is None


def deliverable(order: Row[Any]) -> bool:
    """Tell whether an order stands where it completes when it has arrived."""
    return life.COMPLETE in life.follows(life.ARRIVED, order.state)


def deliver(order_id: int, *, by: str, at: datetime) -> Row[Any]:
    """Mark a shipped order delivered. Said again, changes nothing. Refuses: WrongState."""
    order = orders.lock_order(order_id)
    if life.REFUSE in life.follows(life.ARRIVED, order.state):
        raise WrongState(number=orders.number_of(order_id))
    if not deliverable(order):
        return order
    completed = complete(order, by=by, at=at)
    audit.write("order.deliver", by=by, subject=orders.reference_of(order_id), at=at)
    return completed


def complete_due(*, terms: programme.Programme, at: datetime, limit: int = 200) -> int:
    """Complete orders shipped so many days ago that nobody confirmed. Returns how many were completed or put off.

    Each is completed in a transaction of its own: call it outside of any. One that fails is put off. At 0 there is
    nothing more to do now, whatever was found.
    """
    with reading():
        due = list(
            execute(
                select(Order.id)
                .where(
                    Order.state == SHIPPED,
                    Order.shipped_at <= at - timedelta(days=terms.completes_after_days),
                    Order.id.not_in(notices.put_off(COMPLETING, at=at)),
                )
                .order_by(Order.id)
                .limit(limit)
            ).scalars()
        )

    def complete_one(order_id: int) -> bool:
        with transaction():
            order = orders.lock_order(order_id)
            if not deliverable(order):
                return False
            complete(order, by="system", at=at)
            return True

    return notices.one_by_one(COMPLETING, due, complete_one, at=at).moved


def parcels_of(order_id: int) -> list[Row[Any]]:
    """Return the parcels of an order, the first first."""
    return list(execute(select(Parcel).where(Parcel.order_id == order_id).order_by(Parcel.id)))
