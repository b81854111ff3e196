"""Stock: what is on hand, what of it is reserved for orders, and every move that made it so.

Nothing edits a number: each verb is a move, its row is never changed, and the counters follow by one conditional
UPDATE, rows locked ascending. What is free to be had is on hand less reserved.
"""

from collections.abc import Mapping
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
from sqlalchemy.orm import Mapped, mapped_column

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import Refusal
from mall.base.guard import append_only
from mall.base.text import N_
from mall.domain import audit

from .figures import MOST_PIECES, whole
from .products import Product
from .variants import NoSuchVariant, Variant

LOW_WATER = 5
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


class Reservation(db.Model):
    """Pieces set aside for an order; `open` are those neither shipped nor freed."""

    __tablename__ = "reservation"
    __table_args__ = (
        CheckConstraint("open >= 0 AND open <= quantity", name="open_within_quantity"),
        Index(None, "variant_id"),
    )

    reference: Mapped[str] = mapped_column(String(40), primary_key=True)
    variant_id: Mapped[int] = mapped_column(ForeignKey("variant.id"), primary_key=True)
    quantity: Mapped[int]
    open: Mapped[int]
    reserved_at: Mapped[datetime] = mapped_column(Instant)


class OutOfStock(Refusal):
    """Fewer pieces are free than asked for. Carries variant_id, title (by language), sku and left."""

    message = N_("Only {left} of {title} are left. Lower the quantity or remove it.")
    none_left = N_("{title} is sold out. Remove it to go on.")

    def __init__(self, variant_id: int, *, title: dict[str, str], sku: str, left: int) -> None:
        super().__init__(self.message if left > 0 else self.none_left, title=title, left=max(left, 0), sku=sku)
        self.variant_id, self.title, self.sku, self.left = variant_id, title, sku, max(left, 0)


class NotReserved(Refusal):
    message = N_("That many pieces are not reserved for this order.")


class StockIsCodes(Refusal):
    """A piece of such an item is a code, so its stock changes with its pool only."""

    message = N_("The stock of this item is its codes. Upload codes, or withdraw some, on its page of codes.")


class StockSpokenFor(Refusal):
    message = N_("{reserved} pieces are reserved for orders: the count cannot go below that.")


QUANTITY = N_("A quantity is a whole number from {least} to {most}.")


def open_stock(variant_id: int, *, low_water: int | None) -> None:
    """Begin a variant's counters at nothing."""
    execute(insert(Stock).values(variant_id=variant_id, on_hand=0, reserved=0, low_water=_low_water(low_water)))


def reserve(pieces: Mapping[int, int], *, reference: str, at: datetime, by: str = "system") -> None:
    """Set pieces {variant_id: n} aside for an order: all lines or none. Raises OutOfStock for the first that is short.

    The refusal must end the transaction.
    """
    moved = _change("reserve", pieces)
    if len(moved) < len(pieces):
        raise _shortage({variant_id: n for variant_id, n in pieces.items() if variant_id not in moved})
    execute(_RESERVE, _reservations(pieces, still_open=True, reference=reference, at=at))
    _write("reserve", pieces, reference=reference, at=at, by=by)


def hand_over(pieces: Mapping[int, int], *, reference: str, at: datetime, by: str = "system") -> None:
    """Let pieces {variant_id: n} of an order leave as it is placed: reserved and shipped in one go, all or none.

    Raises OutOfStock for the first that is short; the refusal must end the transaction.
    """
    moved = _change(HAND_OVER, pieces)
    if len(moved) < len(pieces):
        raise _shortage({variant_id: n for variant_id, n in pieces.items() if variant_id not in moved})
    execute(_RESERVE, _reservations(pieces, still_open=False, reference=reference, at=at))
    moves = [*_moves("reserve", pieces), *_moves("ship", pieces)]
    execute(_MOVE, [move | {"reference": reference, "reason": "", "by": by, "at": at} for move in moves])


def unreserve(
    reference: str, pieces: Mapping[int, int] | None = None, *, at: datetime, by: str = "system"
) -> dict[int, int]:
    """Free what an order still has reserved: all of it, or so many pieces. Returns what was freed, {variant_id: n}.

    Asked again, frees nothing. Raises NotReserved when more is to be freed than is open.
    """
    assert in_transaction()
    if pieces is None:
        still_open = (
            select(Reservation.variant_id, Reservation.open)
            .where(Reservation.reference == reference, Reservation.open > 0)
            .order_by(Reservation.variant_id)
            .with_for_update()
        )
        pieces = {row.variant_id: row.open for row in execute(still_open)}
    if not pieces:
        return {}
    _close(reference, pieces)
    _change("unreserve", pieces)
    _write("unreserve", pieces, reference=reference, at=at, by=by)
    return dict(pieces)


def ship(reference: str, pieces: Mapping[int, int], *, at: datetime, by: str = "system") -> None:
    """Let reserved pieces {variant_id: n} of an order leave the house. Raises NotReserved."""
    _close(reference, pieces)
    _change("ship", pieces)
    _write("ship", pieces, reference=reference, at=at, by=by)


def take_returned(reference: str, pieces: Mapping[int, int], *, at: datetime, by: str = "system") -> None:
    """Put pieces of an order that came back on the shelf again."""
    _expect_all(_change("return", pieces), pieces)
    _write("return", pieces, reference=reference, at=at, by=by)


def receive(variant_id: int, quantity: int, *, by: str, at: datetime, reason: str = "", key: str = "") -> None:
    """Book pieces that arrived; asked again with the same key, books nothing more.

    Raises NoSuchVariant, BadFigure, StockIsCodes.
    """
    _refuse_codes(variant_id)
    pieces = {variant_id: quantity}
    if key and _moved_before("receive", variant_id, reference=key):
        return
    _expect_all(_change("receive", pieces), pieces)
    _write("receive", pieces, reference=key, at=at, by=by, reason=reason)
    _note("stock.received", variant_id, quantity, by=by, at=at, reason=reason)


def adjust(variant_id: int, change: int, *, reason: str, by: str, at: datetime, key: str = "") -> None:
    """Correct what is on hand by some pieces up or down, for a reason; asked again with the same key, does nothing.

    Raises StockSpokenFor, NoSuchVariant, StockIsCodes.
    """
    _refuse_codes(variant_id)
    if not reason.strip():
        raise Refusal(N_("Say why the stock is corrected."))
    whole(abs(change) if isinstance(change, int) else change, QUANTITY, least=1, most=MOST_PIECES)
    if key and _moved_before("adjust", variant_id, reference=key):
        return
    _correct("adjust", variant_id, change, reason=reason, by=by, at=at, reference=key)


def set_on_hand(variant_id: int, count: int, *, by: str, at: datetime, reason: str = "") -> int:
    """Take stock: what was counted is on hand now; the difference is the move. Returns it.

    Raises StockSpokenFor, NoSuchVariant, BadFigure, StockIsCodes.
    """
    _refuse_codes(variant_id)
    whole(count, QUANTITY, least=0, most=MOST_PIECES)
    assert in_transaction()
    known = execute(select(Stock.on_hand).where(Stock.variant_id == variant_id).with_for_update()).scalar_one_or_none()
    if known is None:
        raise NoSuchVariant()
    if count != known:
        _correct("stocktake", variant_id, count - known, reason=reason, by=by, at=at)
    return count - known


def set_low_water(variant_id: int, low_water: int | None, *, by: str, at: datetime) -> None:
    """Say at how many free pieces operators are told; None: never. Raises NoSuchVariant, BadFigure."""
    row = execute(
        update(Stock)
        .where(Stock.variant_id == variant_id)
        .values(low_water=_low_water(low_water))
        .returning(Stock.variant_id)
    ).one_or_none()
    if row is None:
        raise NoSuchVariant()
    _note("stock.low_water", variant_id, low_water, by=by, at=at, reason="")


def book(kind: str, variant_id: int, change: int, *, reference: str, reason: str, by: str, at: datetime) -> None:
    """Move what is on hand of a variant with its pool of codes. Raises StockSpokenFor, NoSuchVariant."""
    pieces = {variant_id: change}
    if not _change(kind, pieces):
        raise _refused(variant_id)
    _write(kind, pieces, reference=reference, at=at, by=by, reason=reason)


def lock_stock(variant_id: int) -> None:
    """Keep others from moving a variant's stock until the transaction ends."""
    assert in_transaction(), "stock moves outside transaction()"
    execute(select(Stock.variant_id).where(Stock.variant_id == variant_id).with_for_update())


def _refuse_codes(variant_id: int) -> None:
    kind = select(Product.kind).join(Variant, Variant.product_id == Product.id).where(Variant.id == variant_id)
    if execute(kind).scalar_one_or_none() == "code":
        raise StockIsCodes()


def _moved_before(kind: str, variant_id: int, *, reference: str) -> bool:
    """Tell whether a move of this reference was made, once nobody else can be making it."""
    lock_stock(variant_id)
    made = select(StockMove.id).where(
        StockMove.reference == reference, StockMove.kind == kind, StockMove.variant_id == variant_id
    )
    return execute(made.limit(1)).first() is not None


def _correct(
    kind: str, variant_id: int, change: int, *, reason: str, by: str, at: datetime, reference: str = ""
) -> None:
    book(kind, variant_id, change, reference=reference, reason=reason, by=by, at=at)
    _note(f"stock.{kind}", variant_id, change, by=by, at=at, reason=reason)


def _refused(variant_id: int) -> Refusal:
    reserved = execute(select(Stock.reserved).where(Stock.variant_id == variant_id)).scalar_one_or_none()
    return NoSuchVariant() if reserved is None else StockSpokenFor(reserved=reserved)


def _change(kind: str, pieces: Mapping[int, int]) -> set[int]:
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
    asked = [bindparam(f"variant_{number}", type_=_WIDE) for number in range(count)]
    pieces: ColumnElement[int] = case(
        *[(Stock.variant_id == asked[number], bindparam(f"pieces_{number}", type_=_WIDE)) for number in range(count)],
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


_WIDE = BigInteger().with_variant(Integer(), "sqlite")


def _close(reference: str, pieces: Mapping[int, int]) -> None:
    """Take pieces off an order's reservation. Raises NotReserved."""
    assert in_transaction(), "stock moves outside transaction()"
    for quantity in pieces.values():
        whole(quantity, QUANTITY, least=1, most=MOST_PIECES)
    of_variant: ColumnElement[int] = case(
        *[(Reservation.variant_id == id_, bindparam(None, n, type_=_WIDE)) for id_, n in sorted(pieces.items())],
        else_=0,
    )
    closed = execute(
        update(Reservation)
        .where(
            Reservation.reference == reference,
            Reservation.variant_id.in_(sorted(pieces)),
            Reservation.open >= of_variant,
        )
        .values(open=Reservation.open - of_variant)
        .returning(Reservation.variant_id)
    ).all()
    if len(closed) < len(pieces):
        raise NotReserved()


def _write(kind: str, pieces: Mapping[int, int], *, reference: str, at: datetime, by: str, reason: str = "") -> None:
    about = {"reference": reference, "reason": reason[:LONGEST_REASON], "by": by, "at": at}
    execute(_MOVE, [move | about for move in _moves(kind, pieces)])


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


def _reservations(
    pieces: Mapping[int, int], *, still_open: bool, reference: str, at: datetime
) -> list[dict[str, Any]]:
    return [
        {
            "reference": reference,
            "variant_id": variant_id,
            "quantity": pieces[variant_id],
            "open": pieces[variant_id] if still_open else 0,
            "reserved_at": at,
        }
        for variant_id in sorted(pieces)
    ]


_RESERVE, _MOVE = insert(Reservation).inline(), insert(StockMove).inline()


def _shortage(short: Mapping[int, int]) -> Refusal:
    row = execute(
        select(Stock.variant_id, Product.title, Variant.sku, (Stock.on_hand - Stock.reserved).label("left"))
        .join(Variant, Variant.id == Stock.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .where(Stock.variant_id.in_(sorted(short)))
        .order_by(Stock.variant_id)
    ).first()
    return OutOfStock(row.variant_id, title=row.title, sku=row.sku, left=row.left) if row else NoSuchVariant()


def _expect_all(moved: set[int], pieces: Mapping[int, int]) -> None:
    if len(moved) < len(pieces):
        raise NoSuchVariant()


def _note(act: str, variant_id: int, change: int | None, *, by: str, at: datetime, reason: str) -> None:
    row = execute(select(Variant.product_id, Variant.sku).where(Variant.id == variant_id)).one()
    audit.write(
        act, by=by, subject=f"product:{row.product_id}", at=at, after={"sku": row.sku, "pieces": change},
        reason=reason,
    )  # fmt: skip


def _low_water(low_water: int | None) -> int | None:
    return None if low_water is None else whole(low_water, QUANTITY, least=0, most=MOST_PIECES)
