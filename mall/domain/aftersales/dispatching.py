"""Dispatching: a carrier's file may hold the replacements of exchanges, too; first what would happen, then it does."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, select

from mall.base.db import again, execute, transaction
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.domain import checkout

from .replacing import send_replacement
from .returns import FOR_EXCHANGE, SEND, TO_SEND, Return, ReturnLine, done_already


class NoSuchExchange(Refusal):
    message = N_("Order {number} has no exchange of this number.")


class NotToBeSent(Refusal):
    message = N_("The replacement of exchange {id} is not to be sent now. Its page says how it stands.")


class SentOtherwise(Refusal):
    message = N_("The replacement of exchange {id} was sent already, with another tracking number.")


class FetchedAtCounter(Refusal):
    message = N_("The replacement of exchange {id} is collected at the counter. Hand it over on the exchange's page.")


class SentWhole(Refusal):
    message = N_("A replacement is sent whole, in one parcel: give it one row, and leave SKU and quantity empty.")


class ToReplace(Struct, frozen=True):
    """The replacement of an exchange that is to leave."""

    return_id: int
    order_id: int
    carrier: str
    tracking: str


class FilePlan(Struct, frozen=True):
    """What a carrier's file does, row by row, and what it sends. Who confirms sends the `fingerprint`."""

    dispatch: checkout.DispatchPlan
    replacements: tuple[ToReplace, ...]

    @property
    def rows(self) -> tuple[checkout.RowPlan, ...]:
        """What each row does, in their order."""
        return self.dispatch.rows

    @property
    def counts(self) -> dict[str, int]:
        """How many rows send something, are known, are wrong."""
        return self.dispatch.counts

    @property
    def sent(self) -> int:
        """How many parcels the file sends."""
        return len(self.dispatch.parcels) + len(self.replacements)

    @property
    def fingerprint(self) -> str:
        """Return what tells this plan from any other."""
        parts = [(each.return_id, each.carrier, each.tracking) for each in self.replacements]
        return hashlib.sha256(f"{self.dispatch.fingerprint}:{parts!r}".encode()).hexdigest()[:32]


def plan_file(rows: Sequence[checkout.FileRow]) -> FilePlan:
    """Think out what the rows of a carrier's file would do: those that name an exchange send its replacement."""
    dispatch = checkout.plan_dispatch([row for row in rows if not row.exchange])
    plans = {plan.row.row: plan for plan in dispatch.rows}
    named = [row for row in rows if row.exchange]
    known = _known({id_ for row in named if (id_ := _number(row.exchange))})
    taken = {(each.order_id, each.tracking) for each in dispatch.parcels} | _numbers_taken(known.values())
    rows_of = Counter(_named(row) for row in named)
    replacements = []
    for row in named:
        exchange = known.get(_number(row.exchange))
        why = checkout.wrong_in_itself(row) or _wrong(row, exchange, taken=taken, rows=rows_of[_named(row)])
        if why is not None or exchange is None:
            plans[row.row] = checkout.RowPlan(row, checkout.WRONG, why=why)
        elif done_already(exchange.row, SEND):
            plans[row.row] = checkout.RowPlan(row, checkout.KNOWN, exchange.pieces)
        else:
            plans[row.row] = checkout.RowPlan(row, checkout.SENDS, exchange.pieces)
            replacements.append(ToReplace(exchange.row.id, exchange.row.order_id, row.carrier, row.tracking))
            taken.add((exchange.row.order_id, row.tracking))
    merged = checkout.DispatchPlan(tuple(plans[row.row] for row in rows), dispatch.parcels)
    return FilePlan(merged, tuple(replacements))


def send_file(plan: FilePlan, *, by: str, at: datetime) -> list[tuple[int, Refusal | None]]:
    """Send what a file sends, each parcel in a transaction of its own. Call it outside of any transaction.

    Returns the order of each with why it was not sent, or None.
    """

    def send(each: ToReplace) -> Refusal | None:
        def unit() -> None:
            with transaction():
                send_replacement(each.return_id, carrier=each.carrier, tracking=each.tracking, by=by, at=at)

        try:
            again(unit)
        except Refusal as refusal:
            return refusal
        return None

    sent = [(parcel.order_id, why) for parcel, why in checkout.send_all(plan.dispatch.parcels, by=by, at=at)]
    return sent + [(each.order_id, send(each)) for each in plan.replacements]


class _Known(Struct, frozen=True):
    """An exchange that a file names: its order, how many pieces it is about, the number its parcel left with."""

    row: Row[Any]
    order: Row[Any]
    pieces: int
    tracking: str | None


def _known(return_ids: set[int]) -> Mapping[int, _Known]:
    """Return the exchanges with these ids. Four statements."""
    wanted = sorted(return_ids)
    rows = execute(select(Return).where(Return.id.in_(wanted), Return.wish == FOR_EXCHANGE)).all()
    of_orders = select(checkout.Order).where(checkout.Order.id.in_({row.order_id for row in rows}))
    orders = {order.id: order for order in execute(of_orders)}
    parcel = checkout.Parcel
    of_parcels = select(parcel.id, parcel.tracking).where(parcel.id.in_({row.parcel_id for row in rows}))
    tracking: dict[int | None, str] = {each.id: each.tracking for each in execute(of_parcels)}
    pieces: dict[int, int] = {}
    for line in execute(select(ReturnLine).where(ReturnLine.return_id.in_([row.id for row in rows]))):
        pieces[line.return_id] = pieces.get(line.return_id, 0) + line.quantity
    return {
        row.id: _Known(row, orders[row.order_id], pieces.get(row.id, 0), tracking.get(row.parcel_id)) for row in rows
    }


def _numbers_taken(known: Iterable[_Known]) -> set[tuple[int, str]]:
    """Return the tracking numbers that the orders of exchanges have already, {(order, number)}. One statement."""
    parcel = checkout.Parcel
    of_orders = sorted({each.order.id for each in known})
    rows = execute(select(parcel.order_id, parcel.tracking).where(parcel.order_id.in_(of_orders)))
    return {(row.order_id, row.tracking) for row in rows}


def _number(text: str) -> int:
    """Return the whole number a cell holds; 0 for none that an exchange could have."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _named(row: checkout.FileRow) -> tuple[int | None, int]:
    """Return the order and the exchange that a row names."""
    return _order_id(row.order), _number(row.exchange)


def _order_id(number: str) -> int | None:
    try:
        return checkout.id_of(number)
    except NotFound:
        return None


def _wrong(
    row: checkout.FileRow,
    exchange: _Known | None,
    *,
    taken: set[tuple[int, str]],
    rows: int,
) -> Refusal | None:
    """Return why a row does not send the replacement of an exchange, or None. So many rows name it."""
    order_id = _order_id(row.order)
    if order_id is None:
        return checkout.NoSuchOrder()
    if exchange is None or exchange.row.order_id != order_id:
        return NoSuchExchange(number=row.order)
    id_ = exchange.row.id
    if row.sku or rows > 1:
        return SentWhole()
    if done_already(exchange.row, SEND):
        return None if exchange.tracking == row.tracking else SentOtherwise(id=id_)
    if exchange.row.state not in TO_SEND:
        return NotToBeSent(id=id_)
    if exchange.order.state not in (checkout.SHIPPED, checkout.COMPLETED):
        return checkout.WrongState(number=row.order)
    if exchange.order.disputed_at is not None:
        return checkout.UnderDispute(number=row.order)
    if checkout.is_collected(exchange.order):
        return FetchedAtCounter(id=id_)
    if (order_id, row.tracking) in taken:
        return checkout.AnotherParcel(number=row.order, tracking=row.tracking)
    return None
