"""Dispatch: many parcels at once, from a carrier's file or from a list; first what would happen, then it happens."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from sqlalchemy import Row, select

from mall.base.db import again, execute, transaction
from mall.base.errors import NotFound, Refusal
from mall.base.sheets import LikeAFormula, like_a_formula, read_sheet
from mall.base.text import N_

from . import life, orders, parcels
from .fulfilment import NothingToShip, NoTracking, ToBeCollected, ship
from .order_lines import OrderLine
from .orders import Order, UnderDispute, WrongState
from .parcels import AnotherParcel, Parcel, ParcelLine

MOST_ROWS = 500
LARGEST_FILE = 100_000  # Bytes.
LONGEST_CARRIER, LONGEST_TRACKING = 60, 80
# What a file calls its columns: the first of each is ours.
COLUMNS = {
    "order": ("order", "order number"),
    "carrier": ("carrier",),
    "tracking": ("tracking", "tracking number"),
    "sku": ("sku",),
    "quantity": ("quantity", "pieces"),
    "exchange": ("exchange", "exchange number"),
}

SENDS, KNOWN, WRONG = "sends", "known", "wrong"


class NoSuchOrder(Refusal):
    message = N_("There is no order with this number.")


class NoSuchSku(Refusal):
    message = N_("The order has nothing with this SKU.")


class NotSoMany(Refusal):
    message = N_("Of this SKU {left} are left to send.")


class BadCount(Refusal):
    message = N_("The quantity is a whole number from 1 up, and needs a SKU beside it.")


class TooLong(Refusal):
    message = N_("The carrier has {carrier} characters at most, the tracking number {tracking}.")


class RowsDisagree(Refusal):
    message = N_("Rows of one parcel have one carrier, and either all name a SKU or none does.")


class ExchangeNotNamed(Refusal):
    message = N_(
        "Order {number} is sent. Where this is the replacement of an exchange, write the exchange's number beside it,"
        " under exchange."
    )


class OtherRowWrong(Refusal):
    message = N_("Another row of this parcel is wrong, so it is not sent.")


class FileRow(Struct, frozen=True):
    """One row of a file, as it stands there. `exchange` is the number of the one whose replacement it sends."""

    row: int
    order: str
    carrier: str
    tracking: str
    sku: str = ""
    quantity: str = ""
    exchange: str = ""


class ToSend(Struct, frozen=True):
    """A parcel that is to leave: `pieces` are {line: n}."""

    order_id: int
    carrier: str
    tracking: str
    pieces: Mapping[int, int]


class RowPlan(Struct, frozen=True):
    """What a row does: it sends so many pieces, is known already, or is wrong and why."""

    row: FileRow
    does: str
    pieces: int = 0
    why: Refusal | None = None


class DispatchPlan(Struct, frozen=True):
    """What a file does, row by row, and the parcels it sends. Who confirms sends the `fingerprint`."""

    rows: tuple[RowPlan, ...]
    parcels: tuple[ToSend, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows send something, are known, are wrong."""
        counted = Counter(each.does for each in self.rows)
        return {kind: counted[kind] for kind in (SENDS, KNOWN, WRONG)}

    @property
    def fingerprint(self) -> str:
        """Return what tells this plan from any other."""
        parts = [(each.order_id, each.carrier, each.tracking, sorted(each.pieces.items())) for each in self.parcels]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def read_file(data: bytes) -> list[FileRow]:
    """Read a carrier's CSV file: order, carrier, tracking, and where wanted SKU and quantity, or exchange. Pure.

    Refuses: BadFile, FileTooLarge, ColumnMissing, NothingInFile.
    """
    rows = read_sheet(
        data,
        columns=COLUMNS,
        needed=("order", "carrier", "tracking"),
        most_rows=MOST_ROWS,
        most_bytes=LARGEST_FILE,
    )
    return [FileRow(number, **cells) for number, cells in rows]


def plan_dispatch(rows: Sequence[FileRow]) -> DispatchPlan:
    """Think out what rows would do, in their order: a parcel is all rows with one order and tracking number.

    Rows that name an exchange are of after-sales.
    """
    assert not any(row.exchange for row in rows)
    known = _known({number for row in rows if (number := _order_id(row.order))})
    plans: dict[int, RowPlan] = {}
    to_send: list[ToSend] = []
    groups: dict[tuple[str, str], list[FileRow]] = {}
    for row in rows:
        groups.setdefault((row.order, row.tracking), []).append(row)
    for group in groups.values():
        wrong = {row.row: why for row in group if (why := wrong_in_itself(row))}
        order = known.get(_order_id(group[0].order) or 0)
        if not wrong and order is None:
            wrong = {row.row: NoSuchOrder() for row in group}
        if not wrong and order is not None:
            try:
                pieces_of_row, pieces, does = _parcel_of(group, order)
            except _RowRefused as refused:
                wrong = {row.row: refused.why for row in group if row.row in refused.rows}
            else:
                plans |= {row.row: RowPlan(row, does, pieces_of_row[row.row]) for row in group}
                if does == SENDS:
                    to_send.append(ToSend(order.order.id, group[0].carrier, group[0].tracking, pieces))
                    order.take(pieces)
                continue
        plans |= {row.row: RowPlan(row, WRONG, why=wrong.get(row.row) or OtherRowWrong()) for row in group}
    return DispatchPlan(tuple(plans[row.row] for row in rows), tuple(to_send))


def send_all(parcels: Iterable[ToSend], *, by: str, at: datetime) -> list[tuple[ToSend, Refusal | None]]:
    """Send parcels, each in a transaction of its own. Returns each with why it was not sent, or None.

    A parcel that has left meanwhile is left as it is. Call it outside of any transaction.
    """

    def send(parcel: ToSend) -> Refusal | None:
        def unit() -> None:
            with transaction():
                ship(
                    parcel.order_id,
                    carrier=parcel.carrier,
                    tracking=parcel.tracking,
                    pieces=parcel.pieces,
                    by=by,
                    at=at,
                )

        try:
            again(unit)
        except Refusal as refusal:
            return refusal
        return None

    return [(each, send(each)) for each in parcels]


class _Known(Struct):
    """An order that a file names: its lines, what is left of each, and the parcels that have left or are planned."""

    order: Row[Any]
    lines: list[Row[Any]]
    left: dict[int, int]
    parcels: dict[str, dict[int, int]] = field(default_factory=dict)

    def take(self, pieces: Mapping[int, int]) -> None:
        """Take pieces off what is left, for the rows behind."""
        for line, count in pieces.items():
            self.left[line] -= count


class _RowRefused(Exception):
    def __init__(self, why: Refusal, rows: Iterable[FileRow]) -> None:
        self.why, self.rows = why, {row.row for row in rows}


def _order_id(number: str) -> int | None:
    try:
        return orders.id_of(number)
    except NotFound:
        return None


def _known(order_ids: set[int]) -> dict[int, _Known]:
    """Return the orders with these ids. Three statements."""
    wanted = sorted(order_ids)
    lines: dict[int, list[Row[Any]]] = {}
    for line in execute(select(OrderLine).where(OrderLine.order_id.in_(wanted)).order_by(OrderLine.line)):
        lines.setdefault(line.order_id, []).append(line)
    found = {
        order.id: _Known(order, lines.get(order.id, []), parcels.left_to_ship(lines.get(order.id, [])))
        for order in execute(select(Order).where(Order.id.in_(wanted)))
    }
    sent = (
        select(Parcel.order_id, Parcel.tracking, ParcelLine.line, ParcelLine.quantity)
        .join(ParcelLine, ParcelLine.parcel_id == Parcel.id)
        .where(Parcel.order_id.in_(wanted))
    )
    for row in execute(sent):
        found[row.order_id].parcels.setdefault(row.tracking, {})[row.line] = row.quantity
    return found


def wrong_in_itself(row: FileRow) -> Refusal | None:
    """Return what is wrong with a row whatever there is, or None. Pure."""
    if like_a_formula((row.order, row.carrier, row.tracking, row.sku, row.quantity, row.exchange)):
        return LikeAFormula()
    if not row.carrier or not row.tracking:
        return NoTracking()
    if len(row.carrier) > LONGEST_CARRIER or len(row.tracking) > LONGEST_TRACKING:
        return TooLong(carrier=LONGEST_CARRIER, tracking=LONGEST_TRACKING)
    if row.quantity and not (row.sku and _count(row.quantity)):
        return BadCount()
    return None


def _count(quantity: str) -> int:
    """Return the whole number a cell holds; 0 for none."""
    return int(quantity) if quantity.isascii() and quantity.isdigit() and len(quantity) < 6 else 0


def _parcel_of(group: Sequence[FileRow], known: _Known) -> tuple[dict[int, int], dict[int, int], str]:
    """Return ({row: pieces}, {line: pieces}, what it does) of the rows of one parcel. Raises _RowRefused."""
    if len({row.carrier for row in group}) > 1 or len({bool(row.sku) for row in group}) > 1:
        raise _RowRefused(RowsDisagree(), group)
    there = known.parcels.get(group[0].tracking)
    left = dict(known.left if there is None else there)
    if there is None and (why := _not_to_be_sent(known)):
        raise _RowRefused(why, group)
    if not group[0].sku:
        if len(group) > 1:
            raise _RowRefused(RowsDisagree(), group[1:])
        pieces = {line: count for line, count in left.items() if count}
        return {group[0].row: sum(pieces.values())}, pieces, SENDS if there is None else KNOWN
    of_row, pieces = {}, Counter[int]()
    for row in group:
        taken = _of_sku(row, known, left)
        of_row[row.row] = sum(taken.values())
        pieces.update(taken)
    if there is not None and dict(pieces) != there:
        raise _RowRefused(AnotherParcel(number=group[0].order, tracking=group[0].tracking), group)
    return of_row, dict(pieces), SENDS if there is None else KNOWN


def _of_sku(row: FileRow, known: _Known, left: dict[int, int]) -> dict[int, int]:
    """Take a row's pieces off the lines with its SKU, the first first. Raises _RowRefused."""
    lines = [line.line for line in known.lines if line.sku == row.sku and not line.digital]
    if not lines:
        raise _RowRefused(NoSuchSku(), [row])
    there = sum(left.get(line, 0) for line in lines)
    wanted = _count(row.quantity) if row.quantity else there
    if wanted > there or not there:
        raise _RowRefused(NotSoMany(left=there), [row])
    taken: dict[int, int] = {}
    for line in lines:
        if count := min(wanted, left.get(line, 0)):
            taken[line], wanted = count, wanted - count
            left[line] -= count
    return taken


def _not_to_be_sent(known: _Known) -> Refusal | None:
    order, number = known.order, orders.number_of(known.order.id)
    if order.state in (life.SHIPPED, life.COMPLETED) and any(line.exchanging for line in known.lines):
        return ExchangeNotNamed(number=number)
    if life.REFUSE in life.follows(life.PARCEL_LEAVES, order.state):
        return WrongState(number=number)
    if order.disputed_at is not None:
        return UnderDispute(number=number)
    if parcels.is_collected(order):
        return ToBeCollected(number=number)
    if not any(known.left.values()):
        return NothingToShip(number=number)
    return None
