"""Fulfilment: goods leave, arrive, and the order completes - by an operator, by the member, or by itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update

from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.base.text import N_, Message, say
from mall.domain import audit, catalogue, notices, programme

from . import life, moving, orders, parcels
from .completing import complete
from .life import COMPLETED, PAID, SHIPPED
from .order_lines import lines_of, to_ship
from .orders import Order, UnderDispute, WrongState
from .parcels import AnotherParcel

# The round in which orders complete by themselves.
COMPLETING = "order.complete"


class NoTracking(Refusal):
    message = N_("Enter the carrier and the tracking number, so that the member can follow the parcel.")


class NothingToShip(Refusal):
    message = N_("Order {number} has nothing to ship.")


class ToBeCollected(Refusal):
    message = N_("Order {number} is collected at the counter. Say that it is ready, then that it was handed over.")


class NotToBeCollected(Refusal):
    message = N_("Order {number} is sent by parcel, so it is not collected.")


def ship(
    order_id: int,
    *,
    carrier: str,
    tracking: str,
    by: str,
    at: datetime,
    pieces: Mapping[int, int] | None = None,
) -> Row[Any]:
    """Send pieces of a paid order's lines, {line: n}, in a parcel; without `pieces` all that is left.

    With its last parcel the order is shipped. The same parcel sent again changes nothing.
    Refuses: NoTracking, NothingToShip, NothingInIt, TooManyToShip, AnotherParcel, ToBeCollected, WrongState,
    UnderDispute.
    """
    carrier, tracking = carrier.strip(), tracking.strip()
    if not carrier or not tracking:
        raise NoTracking()
    order = orders.lock_order(order_id)
    if order.state in (PAID, SHIPPED) and _sent_before(order, tracking, pieces):
        return order
    lines = _to_send(order)
    if parcels.is_collected(order):
        raise ToBeCollected(number=orders.number_of(order_id))
    inside = parcels.chosen(lines, pieces)
    parcels.write(order_id, carrier=carrier, tracking=tracking, pieces=inside, at=at)
    left = sum(parcels.left_to_ship(lines).values()) - sum(inside.values())
    count = sum(inside.values())
    if left:
        said = say(
            N_("{pieces} shipped with {carrier}, {tracking}; {left} to follow"),
            pieces=count, carrier=carrier, tracking=tracking, left=left,
        )  # fmt: skip
    else:
        said = say(N_("Shipped with {carrier}, {tracking}"), carrier=carrier, tracking=tracking)
    order = _leave(order, lines, inside, said=said, by=by, at=at)
    reference = orders.reference_of(order_id)
    audit.write(
        "order.ship",
        by=by,
        subject=reference,
        at=at,
        after={"carrier": carrier, "tracking": tracking, "pieces": count, "left": left},
    )
    notices.tell(
        order.member_id,
        "order_shipped",
        values={
            "number": orders.number_of(order_id), "carrier": carrier, "tracking": tracking, "pieces": count,
            "left": left,
        },
        key=f"{reference}:shipped:{tracking}",
        at=at,
    )  # fmt: skip
    return order


def send_once_more(
    order: orders.OrderRow,
    pieces: Mapping[int, int],
    *,
    reference: str,
    carrier: str,
    tracking: str,
    by: str,
    at: datetime,
) -> int:
    """Send pieces of a locked order's lines, {line: n}, once more: those reserved under `reference`. Returns its id.

    What is collected at the counter is handed over there and has no number. Refuses: WrongState, UnderDispute,
    NoTracking, AnotherParcel.
    """
    carrier, tracking = carrier.strip(), tracking.strip()
    number = orders.number_of(order.id)
    if order.state not in (SHIPPED, COMPLETED):
        raise WrongState(number=number)
    if order.disputed_at is not None:
        raise UnderDispute(number=number)
    if parcels.is_collected(order):
        carrier = tracking = ""
        said = say(N_("Replacement handed over at the counter"))
    elif not carrier or not tracking:
        raise NoTracking()
    else:
        said = say(N_("Replacement sent with {carrier}, {tracking}"), carrier=carrier, tracking=tracking)
    if tracking and any(each.tracking == tracking for each in parcels.parcels_of(order.id)):
        raise AnotherParcel(number=number, tracking=tracking)
    variant_of = {line.line: line.variant_id for line in lines_of(order.id)}
    of_variant: dict[int, int] = {}
    for line, count in pieces.items():
        of_variant[variant_of[line]] = of_variant.get(variant_of[line], 0) + count
    parcel_id = parcels.write(order.id, carrier=carrier, tracking=tracking, pieces=pieces, at=at, replacement=True)
    moving.count_replaced(order.id, pieces)
    moving.note(order.id, "replacement_sent", said, by=by, at=at)
    catalogue.ship(reference, of_variant, at=at, by=by)
    return parcel_id


def make_ready(order_id: int, *, by: str, at: datetime) -> Row[Any]:
    """Say that an order can be collected: its member is told to come. Said again, changes nothing.

    Refuses: NotToBeCollected, NothingToShip, WrongState, UnderDispute.
    """
    order = orders.lock_order(order_id)
    if order.ready_at is not None and order.state in (PAID, COMPLETED):
        return order
    _to_send(order)
    if not parcels.is_collected(order):
        raise NotToBeCollected(number=orders.number_of(order_id))
    execute(update(Order).where(Order.id == order_id).values(ready_at=at))
    moving.note(order_id, "ready", say(N_("Ready to be collected")), by=by, at=at)
    reference = orders.reference_of(order_id)
    audit.write("order.ready", by=by, subject=reference, at=at)
    number = orders.number_of(order_id)
    notices.tell(order.member_id, "order_ready", values={"number": number}, key=f"{reference}:ready", at=at)
    return orders.order_of(order_id)


def hand_over(order_id: int, *, by: str, at: datetime) -> Row[Any]:
    """Hand an order over at the counter: all that is left of it leaves, and it is complete. Said again, the same.

    Refuses: NotToBeCollected, NothingToShip, WrongState, UnderDispute.
    """
    order = orders.lock_order(order_id)
    if order.state == COMPLETED and _sent_before(order, "", None):
        return order
    lines = _to_send(order)
    if not parcels.is_collected(order):
        raise NotToBeCollected(number=orders.number_of(order_id))
    inside = parcels.chosen(lines, None)
    parcels.write(order_id, carrier="", tracking="", pieces=inside, at=at)
    order = _leave(order, lines, inside, said=say(N_("Handed over at the counter")), by=by, at=at)
    order = complete(order, by=by, at=at)
    reference = orders.reference_of(order_id)
    audit.write("order.hand_over", by=by, subject=reference, at=at, after={"pieces": sum(inside.values())})
    number = orders.number_of(order_id)
    notices.tell(order.member_id, "order_collected", values={"number": number}, key=f"{reference}:collected", at=at)
    return order


def _sent_before(order: Row[Any], tracking: str, pieces: Mapping[int, int] | None) -> bool:
    """Tell whether a parcel with this number has left, holding the same. Refuses: AnotherParcel."""
    known = next((each for each in parcels.parcels_of(order.id) if each.tracking == tracking), None)
    if known is None:
        return False
    if pieces is not None and {line: count for line, count in pieces.items() if count} != known.pieces:
        raise AnotherParcel(number=orders.number_of(order.id), tracking=tracking)
    return True


def _to_send(order: Row[Any]) -> list[Row[Any]]:
    """Return the lines of an order that goods may leave of. Refuses: WrongState, UnderDispute, NothingToShip."""
    number = orders.number_of(order.id)
    if life.SEND not in life.follows(life.PARCEL_LEAVES, order.state):
        raise WrongState(number=number)
    if order.disputed_at is not None:
        raise UnderDispute(number=number)
    if order.digital:
        raise NothingToShip(number=number)
    return lines_of(order.id)


def _leave(
    order: Row[Any], lines: Sequence[Row[Any]], inside: Mapping[int, int], *, said: Message, by: str, at: datetime
) -> Row[Any]:
    """Let pieces of lines, {line: n}, leave the house. What needs no parcel goes with the last; then it is shipped."""
    last = parcels.left_to_ship(lines) == dict(inside)
    leaving = {line.line: to_ship(line) for line in lines if to_ship(line)} if last else dict(inside)
    of_variant: dict[int, int] = {}
    for line in lines:
        if count := leaving.get(line.line):
            of_variant[line.variant_id] = of_variant.get(line.variant_id, 0) + count
    if last:
        order = moving.move(order, SHIPPED, kind="shipped", said=said, by=by, at=at, shipped_at=at).order
    else:
        moving.note(order.id, "shipped_part", said, by=by, at=at)
    moving.count_shipped(order.id, leaving)
    catalogue.ship(orders.reference_of(order.id), of_variant, at=at, by=by)
    return order


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
