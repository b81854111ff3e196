"""Adjustments: points given or taken by hand, with a reason, and the forgiving of debt above the cap."""

from datetime import date, datetime

from mall.base.text import N_, Message, say

from .accounts import ADJUSTMENT, WALLET
from .arrivals import Arrival, into_wallet
from .lots import make_lot
from .postings import Line, Move, NoPoints, recorded
from .purses import LockedPurse
from .spending import draw, spendable_lots
from .writing import post


def adjust_up(
    purse: LockedPurse,
    points: int,
    *,
    key: str,
    reference: str,
    expiry: tuple[date, datetime],
    version: int,
    worth: tuple[int, int],
    why: Message,
    by: str,
    at: datetime,
) -> list[Line]:
    """Give points by hand: a new lot with a last day, which repays debt first. Asked again, answers the first.

    Raises NoPoints, KeyReused.
    """
    if points < 1:
        raise NoPoints()
    move = Move(key, "adjust", purse.member_id, reference, at, by, why)
    if lines := recorded(move, points=points, source=ADJUSTMENT):
        return lines
    lot_id = make_lot(
        purse.member_id,
        points,
        origin="adjustment",
        expiry=expiry,
        reference=reference,
        rule="adjustment",
        version=version,
        worth=worth,
        why=why,
        at=at,
    )
    return post(purse, into_wallet(move, [Arrival(lot_id, ADJUSTMENT, points, expiry[1])], owed=purse.owed))


def adjust_down(
    purse: LockedPurse, points: int, *, key: str, reference: str, why: Message, by: str, at: datetime
) -> list[Line]:
    """Take points by hand, drawn like a spend; never into debt. Asked again, answers the first.

    Raises InsufficientPoints, NoPoints, KeyReused.
    """
    if points < 1:
        raise NoPoints()
    move = Move(key, "adjust", purse.member_id, reference, at, by, why)
    if lines := recorded(move, points=points, source=WALLET):
        return lines
    return post(
        purse,
        [
            move.line(source=WALLET, destination=ADJUSTMENT, lot_id=lot.id, points=taken, empties=taken == lot.points)
            for lot, taken in draw(spendable_lots(purse, at=at), points)
        ],
    )


def forgive(
    purse: LockedPurse,
    *,
    cap_points: int,
    key: str,
    reference: str,
    expiry: tuple[date, datetime],
    version: int,
    worth: tuple[int, int],
    at: datetime,
) -> list[Line]:
    """Forgive what a member owes above the debt cap: an adjustment up that at once repays. Listed for finance."""
    excess = purse.owed - cap_points
    if excess <= 0:
        return []
    return adjust_up(
        purse,
        excess,
        key=key,
        reference=reference,
        expiry=expiry,
        version=version,
        worth=worth,
        why=say(N_("Debt above the cap of {cap} points is forgiven"), cap=cap_points),
        by="system",
        at=at,
    )
