"""Which lots pay: soonest to expire first, and never one whose last day is over."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import bindparam, select

from mall.base.db import execute

from .accounts import WALLET
from .lots import Lot
from .positions import Position
from .postings import InsufficientPoints
from .purses import LockedPurse


class OpenLot(Struct, frozen=True):
    """Points of one lot in one place, free to be moved."""

    id: int
    points: int
    expires_at: datetime
    parent_id: int | None = None


def draw(lots: Iterable[OpenLot], points: int) -> list[tuple[OpenLot, int]]:
    """Choose which lots pay: soonest to expire first. Pure.

    Returns [(lot, points taken)]; raises InsufficientPoints.
    """
    drawn, outstanding = [], points
    for lot in sorted(lots, key=lambda lot: (lot.expires_at, lot.id)):
        taken = min(lot.points, outstanding)
        if taken > 0:
            drawn.append((lot, taken))
            outstanding -= taken
    if outstanding > 0:
        raise InsufficientPoints(wanted=points, available=points - outstanding)
    return drawn


def spendable_lots(purse: LockedPurse, *, at: datetime) -> list[OpenLot]:
    """Return the lots a member can spend, soonest to expire first."""
    return [
        OpenLot(row.lot_id, row.points, row.expires_at, row.parent_id)
        for row in execute(_SPENDABLE, {"of_member": purse.member_id, "at": at})
    ]


def lots_in(purse: LockedPurse, places: Sequence[str]) -> dict[str, list[OpenLot]]:
    """Return every open lot of a member by place, past ones included."""
    found: dict[str, list[OpenLot]] = {place: [] for place in places}
    for row in execute(
        select(Position.place, Position.lot_id, Position.points, Lot.expires_at, Lot.parent_id)
        .join(Lot, Lot.id == Position.lot_id)
        .where(Position.member_id == purse.member_id, Position.place.in_(places))
        .order_by(Lot.expires_at, Lot.id)
    ):
        found[row.place].append(OpenLot(row.lot_id, row.points, row.expires_at, row.parent_id))
    return found


_SPENDABLE = (
    select(Position.lot_id, Position.points, Lot.expires_at, Lot.parent_id)
    .join(Lot, Lot.id == Position.lot_id)
    .where(Position.member_id == bindparam("of_member"), Position.place == WALLET, Lot.expires_at >= bindparam("at"))
    .order_by(Lot.expires_at, Lot.id)
)
