"""Parcels: what left the house for an order, in which of them, and who carries it. What is collected is one too."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from sqlalchemy import CheckConstraint, ForeignKey, Index, Row, String, insert, select, text

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import Refusal
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import programme

from . import order_lines

PICKUP = "pickup"
_HAS_NUMBER = "tracking <> ''"


class NothingInIt(Refusal):
    message = N_("Choose at least one piece that is in the parcel.")


class TooManyToShip(Refusal):
    """More pieces were to leave than are left to send of a line. Carries the line's number."""

    message = N_("Of {title} {left} are left to send. Lower the number.")

    def __init__(self, line: int, *, title: Mapping[str, str], left: int) -> None:
        super().__init__(title=dict(title), left=left)
        self.line = line


class AnotherParcel(Refusal):
    field = "tracking"
    message = N_("A parcel of order {number} has the tracking number {tracking} already, with other items in it.")


class Parcel(db.Model):
    """A parcel that left: who carries it, and the number to follow it by. Both are empty where it was collected.

    A `replacement` holds pieces that are sent once more, in exchange for some that came back or never arrived.
    """

    __tablename__ = "parcel"
    __table_args__ = (
        Index(
            "uq_parcel_tracking_in_order",
            "order_id",
            "tracking",
            unique=True,
            sqlite_where=text(_HAS_NUMBER),
            postgresql_where=text(_HAS_NUMBER),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    carrier: Mapped[str] = mapped_column(String(60))
    tracking: Mapped[str] = mapped_column(String(80), index=True)
    shipped_at: Mapped[datetime] = mapped_column(Instant)
    replacement: Mapped[bool]


class ParcelLine(db.Model):
    """So many pieces of one line of its order are in a parcel."""

    __tablename__ = "parcel_line"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    parcel_id: Mapped[int] = mapped_column(ForeignKey("parcel.id"), primary_key=True, autoincrement=False)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    quantity: Mapped[int]


append_only(ParcelLine)


class Sent(Struct, frozen=True):
    """A parcel as it is shown: `pieces` are {line: n}."""

    carrier: str
    tracking: str
    shipped_at: datetime
    replacement: bool
    pieces: dict[int, int] = field(default_factory=dict)

    @property
    def collected(self) -> bool:
        """Tell whether it was handed over at the counter."""
        return not self.tracking


def parcels_of(order_id: int) -> list[Sent]:
    """Return the parcels of an order with what is in each, the first first. One statement."""
    rows = execute(
        select(
            Parcel.id,
            Parcel.carrier,
            Parcel.tracking,
            Parcel.shipped_at,
            Parcel.replacement,
            ParcelLine.line,
            ParcelLine.quantity,
        )
        .outerjoin(ParcelLine, ParcelLine.parcel_id == Parcel.id)
        .where(Parcel.order_id == order_id)
        .order_by(Parcel.id, ParcelLine.line)
    )
    found: dict[int, Sent] = {}
    for row in rows:
        sent = found.setdefault(row.id, Sent(row.carrier, row.tracking, row.shipped_at, row.replacement))
        if row.line is not None:
            sent.pieces[row.line] = row.quantity
    return list(found.values())


def parcel_of(parcel_id: int) -> Row[Any]:
    """Return a parcel."""
    return execute(select(Parcel).where(Parcel.id == parcel_id)).one()


def write(
    order_id: int,
    *,
    carrier: str,
    tracking: str,
    pieces: Mapping[int, int],
    at: datetime,
    replacement: bool = False,
) -> int:
    """Write a parcel down with what is in it, {line: n}. Returns its id."""
    parcel_id: int = execute(
        insert(Parcel)
        .values(order_id=order_id, carrier=carrier, tracking=tracking, shipped_at=at, replacement=replacement)
        .returning(Parcel.id)
    ).scalar_one()
    execute(
        insert(ParcelLine).inline(),
        [{"parcel_id": parcel_id, "line": line, "quantity": count} for line, count in sorted(pieces.items())],
    )
    return parcel_id


def left_to_ship(lines: Sequence[Any]) -> dict[int, int]:
    """Return how many pieces of each line have yet to leave in a parcel, {line: n}. Digital ones need none."""
    return {line.line: left for line in lines if not line.digital and (left := order_lines.to_ship(line))}


def chosen(lines: Sequence[Any], pieces: Mapping[int, int] | None) -> dict[int, int]:
    """Return what a parcel holds, {line: n}: the pieces asked for, or all that is left. Pure.

    Refuses: NothingInIt, TooManyToShip.
    """
    left = left_to_ship(lines)
    if pieces is None:
        return left
    by_number = {line.line: line for line in lines}
    wanted = {line: count for line, count in pieces.items() if count}
    if not wanted or not wanted.keys() <= by_number.keys() or any(count < 0 for count in wanted.values()):
        raise NothingInIt()
    for number, count in wanted.items():
        if count > left.get(number, 0):
            raise TooManyToShip(number, title=by_number[number].title, left=left.get(number, 0))
    return wanted


def part_sent(lines: Sequence[Any]) -> bool:
    """Tell whether something of an order's lines has left in a parcel."""
    return any(line.shipped and not line.digital for line in lines)


def is_collected(order: Any) -> bool:
    """Tell whether an order is fetched at the counter, by the delivery it was placed with."""
    if order.shipping_key is None:
        return False
    method = programme.version(order.version).shipping_method(order.shipping_key)
    return method is not None and method.kind == PICKUP
