"""Freezing: what is left of earned points is set aside while a bank decides about the payment that earned them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select

from mall.base.db import execute

from .accounts import HELD, WALLET
from .holds import NothingHeld, release
from .lots import Lot
from .positions import Position
from .postings import Line, Move, recorded
from .purses import LockedPurse
from .writing import post


def freeze(purse: LockedPurse, lot_ids: Sequence[int], *, reference: str, at: datetime) -> list[Line]:
    """Set aside what the wallet still has of lots and their children. What is on the way stays where it is.

    Asked again, answers the first; nothing left in the wallet writes nothing. It ends as a hold does, once: thaw().
    """
    move = Move(f"{reference}:hold", "hold", purse.member_id, reference, at)
    if lines := recorded(move):
        return lines
    found = execute(
        select(Position.lot_id, Position.points)
        .join(Lot, Lot.id == Position.lot_id)
        .where(
            Position.member_id == purse.member_id,
            Position.place == WALLET,
            or_(Lot.id.in_(lot_ids), Lot.parent_id.in_(lot_ids)),
            Lot.expires_at >= at,
        )
        .order_by(Lot.expires_at, Lot.id)
    )
    lines = [
        move.line(source=WALLET, destination=HELD, lot_id=row.lot_id, points=row.points, empties=True) for row in found
    ]
    return post(purse, lines) if lines else []


def thaw(purse: LockedPurse, *, reference: str, at: datetime) -> list[Line]:
    """Give back what was frozen, as a release does. Nothing frozen writes nothing; asked again, answers the first."""
    try:
        return release(purse, reference=reference, at=at)
    except NothingHeld:
        return []
