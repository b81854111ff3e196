"""Holds: points set aside for an order, then captured or released, once. A points-only order redeems directly."""

from datetime import datetime

from msgspec.structs import replace
from sqlalchemy import and_, func, select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_

from .accounts import CASH_OUT, HELD, REDEMPTION, WALLET
from .arrivals import DAYS_AFTER_RELEASE, Arrival, back_into_wallet
from .lots import Lot
from .positions import Position
from .postings import Line, Move, NoPoints, Posting, recorded
from .purses import LockedPurse
from .spending import draw, spendable_lots
from .writing import post


class NothingHeld(Refusal):
    """A hold that was never made was to be captured or released."""

    message = N_("No points are held for this.")


class NothingCashedOut(Refusal):
    """Points were to come back that never left as money."""

    message = N_("No points were turned into cash for this.")


def hold(purse: LockedPurse, points: int, *, reference: str, at: datetime, first: bool = False) -> list[Line]:
    """Set a member's points aside. Asked again, answers the first hold.

    `first`: the caller has just made the reference, so there can be no earlier hold and nobody looks for one.

    Raises InsufficientPoints, NoPoints, KeyReused; the last also when the points were redeemed without a hold.
    """
    move = Move(f"{reference}:hold", "hold", purse.member_id, reference, at)
    return _spend(purse, move, points, destination=HELD, excludes=f"{reference}:end", first=first)


def redeem(purse: LockedPurse, points: int, *, reference: str, at: datetime, first: bool = False) -> list[Line]:
    """Spend points at once, without a hold, in one move. Asked again, answers the first. `first` as for hold().

    Raises InsufficientPoints, NoPoints, KeyReused; the last also while points are held for the same.
    """
    move = _end(purse, "redeem", reference=reference, at=at)
    return _spend(purse, move, points, destination=REDEMPTION, excludes=f"{reference}:hold", first=first)


def capture(purse: LockedPurse, *, reference: str, at: datetime, first: bool = False) -> list[Line]:
    """Spend what was held. Asked again, answers the first. Raises NothingHeld; KeyReused when it was released.

    `first`: the caller has locked what the hold is for and knows that it has not ended, so nobody looks again; the
    move's key stands behind that.
    """
    move = _end(purse, "redeem", reference=reference, at=at)
    if not first and (lines := recorded(move)):
        return lines
    return post(
        purse,
        [
            move.line(
                source=HELD, destination=REDEMPTION, lot_id=part.lot_id, points=part.points, empties=part.empties
            )
            for part in _held_for(purse, reference)
        ],
    )


def cash_out(purse: LockedPurse, *, reference: str, at: datetime) -> list[Line]:
    """Let what was held leave as money. Asked again, answers the first.

    Raises NothingHeld; KeyReused when it was released or captured.
    """
    move = _end(purse, "cash_out", reference=reference, at=at)
    if lines := recorded(move):
        return lines
    return post(
        purse,
        [
            move.line(source=HELD, destination=CASH_OUT, lot_id=part.lot_id, points=part.points, empties=part.empties)
            for part in _held_for(purse, reference)
        ],
    )


def undo_cash_out(purse: LockedPurse, *, reference: str, at: datetime) -> list[Line]:
    """Return what had left as money, since the bank sent it back: whole, to the lots it came from, and once.

    As goods that never came: a living lot has the last day it had, one past its last day gets a child of 7 days. The
    points repay debt first. Each line names the posting that it is the opposite of. Raises NothingCashedOut.
    """
    move = Move(f"{reference}:back", "give_back", purse.member_id, reference, at)
    if lines := recorded(move, source=CASH_OUT):
        return lines
    left = execute(
        select(Posting.id, Posting.lot_id, Posting.points, Lot.expires_at, Lot.parent_id)
        .join(Lot, Lot.id == Posting.lot_id)
        .where(
            Posting.move == f"{reference}:end",
            Posting.destination == CASH_OUT,
            Posting.member_id == purse.member_id,
        )
        .order_by(Posting.line.desc())
    ).all()
    if not left:
        raise NothingCashedOut
    opposite_of = {row.lot_id: row.id for row in left}
    arrivals = [Arrival(row.lot_id, CASH_OUT, row.points, row.expires_at, row.parent_id) for row in left]
    return post(
        purse,
        [
            replace(line, reverses=opposite_of[line.lot_id]) if line.source == CASH_OUT else line
            for line in back_into_wallet(purse, move, arrivals, before=at, days=DAYS_AFTER_RELEASE)
        ],
    )


def release(purse: LockedPurse, *, reference: str, at: datetime) -> list[Line]:
    """Give back what was held: to its own lots, or to a child of 7 days where the last day has passed meanwhile.

    Points of a child lot past its last day repay debt, and the rest expires. Asked again, answers the first. Raises
    NothingHeld; KeyReused when it was captured.
    """
    move = _end(purse, "release", reference=reference, at=at)
    if lines := recorded(move):
        return lines
    return post(purse, back_into_wallet(purse, move, _held_for(purse, reference), before=at, days=DAYS_AFTER_RELEASE))


def _end(purse: LockedPurse, kind: str, *, reference: str, at: datetime) -> Move:
    """Return the move that ends a hold. Its key is one for all ways to end it, so it ends once."""
    return Move(f"{reference}:end", kind, purse.member_id, reference, at)


def _spend(purse: LockedPurse, move: Move, points: int, *, destination: str, excludes: str, first: bool) -> list[Line]:
    # An order has one hold or one direct redemption: with both, the hold could never end.
    if points < 1:
        raise NoPoints()
    if not first and (lines := recorded(move, points=points, excludes=excludes)):
        return lines
    return post(
        purse,
        [
            move.line(source=WALLET, destination=destination, lot_id=lot.id, points=taken, empties=taken == lot.points)
            for lot, taken in draw(spendable_lots(purse, at=move.at), points)
        ],
    )


def _held_for(purse: LockedPurse, reference: str) -> list[Arrival]:
    """Return what a hold took, lot by lot: read from its postings, since two orders may hold the same lot."""
    taken = func.sum(Posting.points)
    rows = execute(
        select(Posting.lot_id, taken.label("points"), Position.points.label("all_held"), Lot.expires_at, Lot.parent_id)
        .join(Lot, Lot.id == Posting.lot_id)
        .join(
            Position,
            and_(Position.member_id == Posting.member_id, Position.place == HELD, Position.lot_id == Posting.lot_id),
        )
        .where(Posting.move == f"{reference}:hold", Posting.member_id == purse.member_id)
        .group_by(Posting.lot_id, Position.points, Lot.expires_at, Lot.parent_id)
        .order_by(func.min(Posting.line))
    ).all()
    if not rows:
        raise NothingHeld()
    return [
        Arrival(row.lot_id, HELD, int(row.points), row.expires_at, row.parent_id, empties=row.points == row.all_held)
        for row in rows
    ]
