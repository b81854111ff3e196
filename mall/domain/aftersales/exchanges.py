"""Exchanges: the other wish of a return, the same again. A new piece is set aside, the goods come back, it is sent.

The new piece is of the very variant that was bought: the order's line stays as it was agreed, to the cent and the
point, and so do its receipt and everything that was earned. Neither money nor points nor growth move.

Stock moves under the exchange's own reference: what is set aside, what of the goods goes on the shelf, what is sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, String, bindparam, cast, literal, select, type_coerce

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import catalogue, checkout

from .returns import (
    CLOSE,
    FOR_EXCHANGE,
    OPEN,
    TO_SEND,
    Return,
    ReturnLine,
    move,
    pieces_of,
    return_of,
)

_RETURN = "return:"


class NoneLeft(Refusal):
    message = N_(
        "Of {title} {left} are free, so it cannot be exchanged now. Offer the money back instead, or wait for more."
    )


class OpenExchange(Struct, frozen=True):
    """An exchange that has not come to its end: `pieces` are {line: n}."""

    id: int
    state: str
    pieces: Mapping[int, int]


def reference_of(return_id: int) -> str:
    """Return what other rooms know a return by: "return:7"."""
    return f"{_RETURN}{return_id}"


def hold_still(row: Row[Any]) -> None:
    """Lock the order of an exchange, so that nothing is refunded or sent while it moves. A return for money moves by
    one conditional UPDATE and needs none.
    """
    if row.wish == FOR_EXCHANGE:
        checkout.lock_order(row.order_id)


def is_of_return(reference: Any) -> ColumnElement[bool]:
    """Return the condition that a reference is of a return."""
    return type_coerce(reference, String).startswith(_RETURN, autoescape=True)


def set_aside(row: Row[Any], *, by: str, at: datetime) -> None:
    """Reserve the new pieces of an exchange. Refuses: NoneLeft, which must end the transaction."""
    try:
        catalogue.reserve(_wanted(row, pieces_of(row.id)), reference=reference_of(row.id), at=at, by=by)
    except catalogue.OutOfStock as short:
        raise NoneLeft(title=short.title, left=short.left) from short


def let_go(row: Row[Any], *, by: str, at: datetime) -> None:
    """Let the pieces of an exchange that comes to nothing be, and free what is reserved for it. Else does nothing."""
    if row.wish == FOR_EXCHANGE:
        count(row.order_id, pieces_of(row.id), less=True)
        free(row, by=by, at=at)


def count(order_id: int, pieces: Mapping[int, int], *, less: bool = False) -> None:
    """Count pieces of lines, {line: n}, as being exchanged, or no more. From then on the table itself keeps them."""
    checkout.count_exchanging(order_id, {line: -n for line, n in pieces.items()} if less else pieces)


def free(row: Row[Any], *, by: str, at: datetime) -> None:
    """Free what is still reserved for an exchange."""
    catalogue.unreserve(reference_of(row.id), at=at, by=by)


def shelve(row: Row[Any], pieces: Mapping[int, int], *, by: str, at: datetime) -> None:
    """Put pieces of lines, {line: n}, that came back in an exchange on the shelf."""
    if back := _wanted(row, pieces):
        catalogue.take_returned(reference_of(row.id), back, at=at, by=by)


def of_variants(lines: Sequence[checkout.LineRow], pieces: Mapping[int, int]) -> dict[int, int]:
    """Return pieces of lines, {line: n}, as pieces of the variants that were bought, {variant_id: n}. Pure."""
    found: dict[int, int] = {}
    for line in lines:
        if count := pieces.get(line.line):
            found[line.variant_id] = found.get(line.variant_id, 0) + count
    return found


def _wanted(row: Row[Any], pieces: Mapping[int, int]) -> dict[int, int]:
    return of_variants(checkout.lines_of(row.order_id), pieces)


def open_exchanges(order_id: int) -> list[OpenExchange]:
    """Return the exchanges of an order that have not come to their end, the first first. One statement."""
    pieces: dict[tuple[int, str], dict[int, int]] = {}
    for row in execute(_OPEN_OF, {"of_order": order_id}):
        pieces.setdefault((row.id, row.state), {})[row.line] = row.quantity
    return [OpenExchange(id_, state, of) for (id_, state), of in pieces.items()]


def overtaken_by(left: dict[int, int], exchanges: Sequence[OpenExchange]) -> tuple[OpenExchange, ...]:
    """Return the exchanges for which a refund leaves no pieces: of each line it leaves so many, {line: n}.

    What is refunded is first what no exchange is about; of several exchanges the last asked for goes first.
    """
    overtaken = []
    for each in exchanges:
        if all(left.get(line, 0) >= count for line, count in each.pieces.items()):
            for line, count in each.pieces.items():
                left[line] -= count
        else:
            overtaken.append(each)
    return tuple(overtaken)


def close(exchange: OpenExchange, *, by: str, at: datetime) -> None:
    """Close an exchange whose pieces are refunded otherwise, and free what was set aside.

    Its order is locked, and its pieces do not count as being exchanged any more.
    """
    row, moved = move(exchange.id, CLOSE, by=by, answer=return_of(exchange.id).answer, at=at)
    if moved:
        free(row, by=by, at=at)
        checkout.note(
            row.order_id, "exchange_closed", say(N_("Exchange closed: its pieces were refunded")), by=by, at=at
        )


def to_be_packed(order_id: int) -> list[OpenExchange]:
    """Return the exchanges of an order whose new pieces are to be sent."""
    return [each for each in open_exchanges(order_id) if each.state in TO_SEND]


def sum_of(exchanges: Iterable[OpenExchange]) -> dict[int, int]:
    """Return the pieces that exchanges are about together, {line: n}. Pure."""
    pieces: dict[int, int] = {}
    for each in exchanges:
        for line, count in each.pieces.items():
            pieces[line] = pieces.get(line, 0) + count
    return pieces


_OPEN_OF = (
    select(Return.id, Return.state, ReturnLine.line, ReturnLine.quantity)
    .join(ReturnLine, ReturnLine.return_id == Return.id)
    .where(Return.order_id == bindparam("of_order"), Return.wish == FOR_EXCHANGE, Return.state.in_(OPEN))
    .order_by(Return.id, ReturnLine.line)
)

# An exchange's reference in SQL, to compare with what other rooms keep.
RETURN_REFERENCE = literal(_RETURN).concat(cast(Return.id, String))
