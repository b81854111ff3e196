"""Stock: what is on hand, what of it is reserved for orders, and every move that made it so.

Nothing edits a number: each verb is a move, its row is never changed, and the counters follow by one conditional
UPDATE, rows locked ascending. What is free to be had is on hand less reserved.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    Update,
    bindparam,
    case,
    insert,
    select,
    update,
)

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import Refusal
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_

from .figures import MOST_PIECES, whole
from .variants import NoSuchVariant

LOW_WATER = 5
# So many pieces are few: whoever looks at them is told.
FEW = 5
LONGEST_REASON = 200
# What a move of n pieces does: (to what is on hand, to what is reserved).
MOVES = {
    "receive": (1, 0),
    "reserve": (0, 1),
    "unreserve": (0, -1),
    "ship": (-1, -1),
    "return": (1, 0),
    "adjust": (1, 0),
    "stocktake": (1, 0),
}

# Two moves at once, reserve and ship: what that does to the counters together.
HAND_OVER = "hand over"


class Stock(db.Model):
    """A variant's counters; at `low_water` free pieces and below, operators are told (None: never)."""

    __tablename__ = "stock"
    __table_args__ = (
        CheckConstraint("reserved >= 0", name="reserved_not_negative"),
        CheckConstraint("on_hand >= reserved", name="on_hand_covers_reserved"),
    )

    variant_id: Mapped[int] = mapped_column(ForeignKey("variant.id"), primary_key=True)
    on_hand: Mapped[int]
    reserved: Mapped[int]
    low_water: Mapped[int | None]


class StockMove(db.Model):
    """One move of one variant: what it added to the counters, for which order or reason, by whom."""

    __tablename__ = "stock_move"
    __table_args__ = (
        CheckConstraint(f"kind IN ({', '.join(repr(kind) for kind in MOVES)})", name="kind_known"),
        CheckConstraint("on_hand_change <> 0 OR reserved_change <> 0", name="moves_something"),
        Index(None, "variant_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    variant_id: Mapped[int] = mapped_column(ForeignKey("variant.id"))
    kind: Mapped[str] = mapped_column(String(12))
    on_hand_change: Mapped[int]
    reserved_change: Mapped[int]
    reference: Mapped[str] = mapped_column(String(40), index=True)
    reason: Mapped[str] = mapped_column(String(LONGEST_REASON))
    by: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(Instant)


append_only(StockMove)


class StockSpokenFor(Refusal):
    message = N_("{reserved} pieces are reserved for orders: the count cannot go below that.")


QUANTITY = N_("A quantity is a whole number from {least} to {most}.")


def free_pieces(variant_ids: Collection[int]) -> dict[int, int]:
    """Return how many pieces of each variant nobody has reserved, {variant_id: n}. One statement."""
    free = select(Stock.variant_id, (Stock.on_hand - Stock.reserved).label("free"))
    return {row.variant_id: int(row.free) for row in execute(free.where(Stock.variant_id.in_(variant_ids)))}


def are_few(left: int) -> bool:
    """Tell whether so many pieces are there, but few. Pure."""
    return 0 < left <= FEW


def open_stock(variant_id: int, *, low_water: int | None) -> None:
    """Begin a variant's counters at nothing."""
    execute(insert(Stock).values(variant_id=variant_id, on_hand=0, reserved=0, low_water=low_mark(low_water)))


def book(kind: str, variant_id: int, change: int, *, reference: str, reason: str, by: str, at: datetime) -> None:
    """Move what is on hand of a variant by some pieces, up or down. Raises StockSpokenFor, NoSuchVariant."""
    pieces = {variant_id: change}
    if not change_stock(kind, pieces):
        raise _refused(variant_id)
    write_moves(kind, pieces=pieces, reference=reference, at=at, by=by, reason=reason)


def lock_stock(variant_id: int) -> None:
    """Keep others from moving a variant's stock until the transaction ends."""
    assert in_transaction(), "stock moves outside transaction()"
    execute(select(Stock.variant_id).where(Stock.variant_id == variant_id).with_for_update())


def _refused(variant_id: int) -> Refusal:
    reserved = execute(select(Stock.reserved).where(Stock.variant_id == variant_id)).scalar_one_or_none()
    return NoSuchVariant() if reserved is None else StockSpokenFor(reserved=reserved)


def change_stock(kind: str, pieces: Mapping[int, int]) -> set[int]:
    """Move the counters of variants where they allow it, in one statement. Returns the variants that moved."""
    assert in_transaction(), "stock moves outside transaction()"
    values: dict[str, int] = {}
    for number, variant_id in enumerate(sorted(pieces)):
        if kind not in ("adjust", "stocktake"):
            whole(pieces[variant_id], QUANTITY, least=1, most=MOST_PIECES)
        values |= {f"variant_{number}": variant_id, f"pieces_{number}": pieces[variant_id]}
    return set(execute(_counters(kind, len(pieces)), values).scalars()) if pieces else set()


@lru_cache(maxsize=512)
def _counters(kind: str, count: int) -> Update:
    on_hand, reserved = (-1, 0) if kind == HAND_OVER else MOVES[kind]
    asked = [bindparam(f"variant_{number}", type_=WIDE) for number in range(count)]
    pieces: ColumnElement[int] = case(
        *[(Stock.variant_id == asked[number], bindparam(f"pieces_{number}", type_=WIDE)) for number in range(count)],
        else_=0,
    )
    values: dict[str, Any] = {}
    if on_hand:
        values["on_hand"] = Stock.on_hand + on_hand * pieces
    if reserved:
        values["reserved"] = Stock.reserved + reserved * pieces
    # The subquery takes the row locks in ascending order, whatever order the UPDATE itself would choose.
    locked = select(Stock.variant_id).where(Stock.variant_id.in_(asked)).order_by(Stock.variant_id).with_for_update()
    covered = values.get("on_hand", Stock.on_hand) >= values.get("reserved", Stock.reserved)
    return update(Stock).where(Stock.variant_id.in_(locked), covered).values(**values).returning(Stock.variant_id)


WIDE = BigInteger().with_variant(Integer(), "sqlite")


def write_moves(
    *kinds: str, pieces: Mapping[int, int], reference: str, at: datetime, by: str, reason: str = ""
) -> None:
    """Write down how pieces {variant_id: n} moved, in one statement: a row for each kind of move and variant."""
    about = {"reference": reference, "reason": reason[:LONGEST_REASON], "by": by, "at": at}
    execute(_MOVE, [move | about for kind in kinds for move in _moves(kind, pieces)])


def _moves(kind: str, pieces: Mapping[int, int]) -> list[dict[str, Any]]:
    on_hand, reserved = MOVES[kind]
    return [
        {
            "variant_id": variant_id,
            "kind": kind,
            "on_hand_change": on_hand * pieces[variant_id],
            "reserved_change": reserved * pieces[variant_id],
        }
        for variant_id in sorted(pieces)
    ]


_MOVE = insert(StockMove).inline()


def expect_all(moved: set[int], pieces: Mapping[int, int]) -> None:
    """Raise NoSuchVariant where not all variants moved, of a move that every counter allows."""
    if len(moved) < len(pieces):
        raise NoSuchVariant()


def low_mark(low_water: int | None) -> int | None:
    """Return at how many free pieces operators are told, as it is kept. Raises BadFigure."""
    return None if low_water is None else whole(low_water, QUANTITY, least=0, most=MOST_PIECES)
