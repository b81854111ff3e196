"""Reservations: pieces set aside for an order until they leave or are freed. The orders' side of the stock."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    bindparam,
    case,
    insert,
    select,
    update,
)

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_

from .figures import MOST_PIECES, whole
from .products import Product
from .stock import HAND_OVER, QUANTITY, WIDE, Stock, change_stock, expect_all, write_moves
from .variants import NoSuchVariant, Variant


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


def reserve(pieces: Mapping[int, int], *, reference: str, at: datetime, by: str = "system") -> None:
    """Set pieces {variant_id: n} aside for an order: all lines or none. Raises OutOfStock for the first that is short.

    The refusal must end the transaction.
    """
    moved = change_stock("reserve", pieces)
    if len(moved) < len(pieces):
        raise _shortage({variant_id: n for variant_id, n in pieces.items() if variant_id not in moved})
    execute(_RESERVE, _reservations(pieces, still_open=True, reference=reference, at=at))
    write_moves("reserve", pieces=pieces, reference=reference, at=at, by=by)


def hand_over(pieces: Mapping[int, int], *, reference: str, at: datetime, by: str = "system") -> None:
    """Let pieces {variant_id: n} of an order leave as it is placed: reserved and shipped in one go, all or none.

    Raises OutOfStock for the first that is short; the refusal must end the transaction.
    """
    moved = change_stock(HAND_OVER, pieces)
    if len(moved) < len(pieces):
        raise _shortage({variant_id: n for variant_id, n in pieces.items() if variant_id not in moved})
    execute(_RESERVE, _reservations(pieces, still_open=False, reference=reference, at=at))
    write_moves("reserve", "ship", pieces=pieces, reference=reference, at=at, by=by)


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
    change_stock("unreserve", pieces)
    write_moves("unreserve", pieces=pieces, reference=reference, at=at, by=by)
    return dict(pieces)


def ship(reference: str, pieces: Mapping[int, int], *, at: datetime, by: str = "system") -> None:
    """Let reserved pieces {variant_id: n} of an order leave the house. Raises NotReserved."""
    _close(reference, pieces)
    change_stock("ship", pieces)
    write_moves("ship", pieces=pieces, reference=reference, at=at, by=by)


def take_returned(reference: str, pieces: Mapping[int, int], *, at: datetime, by: str = "system") -> None:
    """Put pieces of an order that came back on the shelf again."""
    expect_all(change_stock("return", pieces), pieces)
    write_moves("return", pieces=pieces, reference=reference, at=at, by=by)


def _close(reference: str, pieces: Mapping[int, int]) -> None:
    """Take pieces off an order's reservation. Raises NotReserved."""
    assert in_transaction(), "stock moves outside transaction()"
    for quantity in pieces.values():
        whole(quantity, QUANTITY, least=1, most=MOST_PIECES)
    of_variant: ColumnElement[int] = case(
        *[(Reservation.variant_id == id_, bindparam(None, n, type_=WIDE)) for id_, n in sorted(pieces.items())],
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


_RESERVE = insert(Reservation).inline()


def _shortage(short: Mapping[int, int]) -> Refusal:
    row = execute(
        select(Stock.variant_id, Product.title, Variant.sku, (Stock.on_hand - Stock.reserved).label("left"))
        .join(Variant, Variant.id == Stock.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .where(Stock.variant_id.in_(sorted(short)))
        .order_by(Stock.variant_id)
    ).first()
    return OutOfStock(row.variant_id, title=row.title, sku=row.sku, left=row.left) if row else NoSuchVariant()
