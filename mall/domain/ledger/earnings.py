"""Earning and unlocking: a lot comes into being on the way, and later becomes ready to spend."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Row, select

from mall.base.db import execute
from mall.base.text import Message

from .accounts import ISSUANCE, PENDING
from .arrivals import Arrival, into_wallet
from .lots import Lot, make_lot
from .positions import Position
from .postings import Line, Move, NoPoints, Posting, recorded
from .purses import LockedPurse
from .writing import post


def earn(
    purse: LockedPurse,
    points: int,
    *,
    reference: str,
    rule: str,
    origin: str,
    expiry: tuple[date, datetime],
    version: int,
    worth: tuple[int, int],
    why: Message,
    at: datetime,
    by: str = "system",
    first: bool = False,
) -> int:
    """Make a lot of points that are still on the way. One per reference and rule: asked again, answers the first.

    `expiry` is (last day, the instant it ends), `worth` is (points, cents). `first`: the caller knows that the
    reference has earned nothing yet. Returns the lot's id. Raises NoPoints, KeyReused.
    """
    if points < 1:
        raise NoPoints()
    move = Move(f"{reference}:{rule}:earn", "earn", purse.member_id, reference, at, by, why)
    if not first and (lines := recorded(move, points=points)):
        return lines[0].lot_id
    lot_id = make_lot(
        purse.member_id,
        points,
        origin=origin,
        expiry=expiry,
        reference=reference,
        rule=rule,
        version=version,
        worth=worth,
        why=why,
        at=at,
    )
    post(purse, [move.line(source=ISSUANCE, destination=PENDING, lot_id=lot_id, points=points)])
    return lot_id


def unlock(purse: LockedPurse, lot_ids: Sequence[int], *, at: datetime, by: str = "system") -> list[Line]:
    """Make what is still on the way of these lots ready to spend, repaying debt first. Asked again, does nothing.

    The caller knows when: the ledger does not look at dates to unlock. Returns the lines written.
    """
    lines: list[Line] = []
    owed = purse.owed
    for lot in _waiting(purse, lot_ids):
        move = Move(f"lot:{lot.lot_id}:unlock", "unlock", purse.member_id, lot.reference, at, by)
        arrival = Arrival(lot.lot_id, PENDING, lot.points, lot.expires_at, empties=True)
        lines += into_wallet(move, [arrival], owed=owed)
        owed -= min(owed, lot.points)
    return post(purse, lines)


def earned_by(reference: str) -> list[int]:
    """Return the lots a reference has earned, in the order they were made."""
    return list(
        execute(
            select(Posting.lot_id).where(Posting.reference == reference, Posting.kind == "earn").order_by(Posting.id)
        ).scalars()
    )


def _waiting(purse: LockedPurse, lot_ids: Sequence[int]) -> Sequence[Row[tuple[int, int, datetime, str]]]:
    """Return those lots of a member that have points on the way, soonest to expire first."""
    return execute(
        select(Position.lot_id, Position.points, Lot.expires_at, Lot.reference)
        .join(Lot, Lot.id == Position.lot_id)
        .where(Position.member_id == purse.member_id, Position.place == PENDING, Position.lot_id.in_(lot_ids))
        .order_by(Lot.expires_at, Lot.id)
    ).all()
