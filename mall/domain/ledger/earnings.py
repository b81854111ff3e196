"""Earning and unlocking: a lot comes into being on the way, and later becomes ready to spend."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select

from mall.base.db import execute
from mall.base.text import Message

from .accounts import ISSUANCE, PENDING
from .arrivals import Arrival, into_wallet
from .lots import make_lot
from .postings import Line, Move, NoPoints, Posting, post, recorded
from .purses import LockedPurse
from .spending import lots_in


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
) -> int:
    """Make a lot of points that are still on the way. One per reference and rule: asked again, answers the first.

    `expiry` is (last day, the instant it ends), `worth` is (points, cents). Returns the lot's id. Raises NoPoints,
    KeyReused.
    """
    if points < 1:
        raise NoPoints()
    move = Move(f"{reference}:{rule}:earn", "earn", purse.member_id, reference, at, by, why)
    if lines := recorded(move, points=points):
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
    wanted = set(lot_ids)
    waiting = [lot for lot in lots_in(purse, [PENDING])[PENDING] if lot.id in wanted]
    if not waiting:
        return []
    references = _references([lot.id for lot in waiting])
    lines: list[Line] = []
    for lot in waiting:
        move = Move(f"lot:{lot.id}:unlock", "unlock", purse.member_id, references[lot.id], at, by)
        arrival = Arrival(lot.id, PENDING, lot.points, lot.expires_at, empties=True)
        lines += post(purse, into_wallet(purse, move, [arrival]))
    return lines


def earned_by(reference: str) -> list[int]:
    """Return the lots a reference has earned, in the order they were made."""
    return list(
        execute(
            select(Posting.lot_id).where(Posting.reference == reference, Posting.kind == "earn").order_by(Posting.id)
        ).scalars()
    )


def _references(lot_ids: Sequence[int]) -> dict[int, str]:
    rows = execute(
        select(Posting.lot_id, Posting.reference).where(Posting.lot_id.in_(lot_ids), Posting.kind == "earn")
    )
    return {row.lot_id: row.reference for row in rows}
