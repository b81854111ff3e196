"""Points that come into the wallet: debt is repaid first, and what is past its last day does not stay.

Every rise of the wallet is made of these lines, whichever verb causes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select

from mall.base.clock import day_of
from mall.base.db import execute

from .accounts import DEBT, EXPIRY, RENEWAL, WALLET
from .lots import Lot, last_day, make_lot
from .postings import Line, Move
from .purses import LockedPurse

# Points given back after their last day get so many days more, in a child of their lot.
DAYS_AFTER_RELEASE = 7
DAYS_AFTER_RETURN = 30


@dataclass(frozen=True)
class Arrival:
    """Points of one lot that come into the wallet from a place."""

    lot_id: int
    source: str
    points: int
    expires_at: datetime
    empties: bool = False


def into_wallet(purse: LockedPurse, move: Move, arrivals: Sequence[Arrival]) -> list[Line]:
    """Return the lines that bring points into the wallet, repay debt from them, and expire what is past."""
    return [arrive(move, arrival) for arrival in arrivals] + after_arrival(purse, move, arrivals)


def arrive(move: Move, arrival: Arrival) -> Line:
    """Return the line that brings points into the wallet; to be followed by after_arrival()."""
    return move.line(
        source=arrival.source,
        destination=WALLET,
        lot_id=arrival.lot_id,
        points=arrival.points,
        empties=arrival.empties,
    )


def after_arrival(purse: LockedPurse, move: Move, arrivals: Sequence[Arrival]) -> list[Line]:
    """Return the lines that follow once points are in the wallet.

    Debt is repaid by the soonest to expire. A late arrival of a lot past its last day still repays; the rest of it
    expires at once.
    """
    lines, owed = [], purse.owed
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


def renew(
    purse: LockedPurse, move: Move, *, lot_id: int, source: str, points: int, days: int, empties: bool = False
) -> tuple[list[Line], Arrival]:
    """Give points of a lot a child lot that lasts so many days more: out of the parent, into the child.

    Returns the lines, and the arrival they make, still to be followed by after_arrival().
    """
    parent = execute(select(Lot).where(Lot.id == lot_id)).one()
    assert parent.parent_id is None, "a child lot has no children"
    expiry = days_from(move.at, days=days, zone=purse.zone)
    child_id = make_lot(
        purse.member_id,
        points,
        origin="renewal",
        expiry=expiry,
        reference=move.reference,
        rule=parent.rule,
        version=parent.version,
        worth=(parent.worth_points, parent.worth_cents),
        why=parent.why,
        at=move.at,
        parent_id=lot_id,
    )
    lines = [
        move.line(source=source, destination=RENEWAL, lot_id=lot_id, points=points, empties=empties),
        move.line(source=RENEWAL, destination=WALLET, lot_id=child_id, points=points, kind="renew"),
    ]
    return lines, Arrival(child_id, RENEWAL, points, expiry[1])


def days_from(at: datetime, *, days: int, zone: str) -> tuple[date, datetime]:
    """Return the expiry that lies so many days from an instant: (last day, the instant it ends)."""
    return last_day(day_of(at, zone) + timedelta(days=days), zone)
