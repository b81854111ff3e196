"""Points that come into the wallet: debt is repaid first, and what is past its last day does not stay.

Every rise of the wallet is made of these lines, whichever verb causes it.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from msgspec import Struct

from mall.base.clock import day_of

from .accounts import DEBT, EXPIRY, RENEWAL, WALLET
from .lots import last_day, make_children
from .postings import Line, Move
from .purses import LockedPurse

# Points given back after their last day get so many days more, in a child of their lot.
DAYS_AFTER_RELEASE = 7
DAYS_AFTER_RETURN = 30


class Arrival(Struct, frozen=True):
    """Points of one lot that come into the wallet from a place."""

    lot_id: int
    source: str
    points: int
    expires_at: datetime
    parent_id: int | None = None
    empties: bool = False


def into_wallet(move: Move, arrivals: Sequence[Arrival], *, owed: int) -> list[Line]:
    """Return the lines that bring points into the wallet, repay debt from them, and expire what is past."""
    lines = [
        move.line(
            source=arrival.source,
            destination=WALLET,
            lot_id=arrival.lot_id,
            points=arrival.points,
            empties=arrival.empties,
        )
        for arrival in arrivals
    ]
    return lines + _after_arrival(move, arrivals, owed=owed)


def back_into_wallet(
    purse: LockedPurse, move: Move, arrivals: Sequence[Arrival], *, before: datetime, days: int
) -> list[Line]:
    """Return the lines that bring points back to their lots; each lot comes once.

    A lot that ends before an instant gets a child that lasts so many days from now: out of the parent, into the
    child. Its child is written at once.
    """
    ending = {arrival.lot_id: arrival.points for arrival in arrivals if gets_child(arrival, before=before)}
    expiry = days_from(move.at, days=days, zone=purse.zone)
    children = make_children(ending, expiry=expiry, reference=move.reference, at=move.at)
    lines, arrived = [], []
    for arrival in arrivals:
        child_id = children.get(arrival.lot_id)
        lines.append(
            move.line(
                source=arrival.source,
                destination=RENEWAL if child_id else WALLET,
                lot_id=arrival.lot_id,
                points=arrival.points,
                empties=arrival.empties,
            )
        )
        if child_id:
            lines.append(
                move.line(source=RENEWAL, destination=WALLET, lot_id=child_id, points=arrival.points, kind="renew")
            )
            arrived.append(Arrival(child_id, RENEWAL, arrival.points, expiry[1]))
        else:
            arrived.append(arrival)
    return lines + _after_arrival(move, arrived, owed=purse.owed)


def gets_child(arrival: Arrival, *, before: datetime) -> bool:
    """Tell whether points come back into a child of their lot. A child has no children. Pure."""
    return arrival.parent_id is None and arrival.expires_at < before


def days_from(at: datetime, *, days: int, zone: str) -> tuple[date, datetime]:
    """Return the expiry that lies so many days from an instant: (last day, the instant it ends)."""
    return last_day(day_of(at, zone) + timedelta(days=days), zone)


def _after_arrival(move: Move, arrivals: Sequence[Arrival], *, owed: int) -> list[Line]:
    """Return the lines that follow once points are in the wallet.

    Debt is repaid by the soonest to expire. A late arrival of a lot past its last day still repays; the rest of it
    expires as it arrives, not before.
    """
    lines = []
    for arrival in sorted(arrivals, key=lambda arrival: (arrival.expires_at, arrival.lot_id)):
        repaid = min(owed, arrival.points)
        if repaid:
            owed -= repaid
            lines.append(
                move.line(source=WALLET, destination=DEBT, lot_id=arrival.lot_id, points=repaid, kind="repay")
            )
        rest = arrival.points - repaid
        if rest and arrival.expires_at < move.at:
            lines.append(
                move.line(source=WALLET, destination=EXPIRY, lot_id=arrival.lot_id, points=rest, kind="expire")
            )
    return lines
