"""Spent points that go back to the member: to the lots they came from, with days enough to use them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from msgspec import Struct
from sqlalchemy import or_, select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_

from .accounts import REDEMPTION
from .arrivals import DAYS_AFTER_RELEASE, DAYS_AFTER_RETURN, Arrival, back_into_wallet, days_from, gets_child
from .lots import Lot
from .postings import Line, Move, NoPoints, Posting, recorded
from .purses import LockedPurse
from .writing import post


class MoreThanRedeemed(Refusal):
    """More points were to go back than were spent and are still out."""

    message = N_("{wanted} points cannot go back: {left} of those spent are still out.")


class Spent(Struct, frozen=True):
    """What an order has spent of one lot and not got back."""

    lot_id: int
    points: int
    expires_at: datetime
    parent_id: int | None
    expires_on: date


class Returning(Struct, frozen=True):
    """Points that go back to one lot, and the last day they have then. `expired`: that day is over already."""

    spent: Spent
    points: int
    expires_on: date
    expired: bool

    @property
    def lot_id(self) -> int:
        """The lot they were drawn from."""
        return self.spent.lot_id


def give_back(
    purse: LockedPurse,
    points: int,
    *,
    reference: str,
    key: str,
    shipped: bool,
    at: datetime,
    planned: Sequence[Returning] | None = None,
) -> list[Line]:
    """Return spent points to the lots they came from, in reverse order of drawing. Asked again, answers the first.

    A lot past its last day gets a child of 7 days; when the goods had been shipped a child of 30 days, then also when
    fewer than 7 days are left. A child past its last day repays debt, and the rest expires. `planned` is what
    would_give_back() has answered for a move that is known to be new, since the purse was locked. Raises NoPoints,
    MoreThanRedeemed, KeyReused.
    """
    if points < 1:
        raise NoPoints()
    move = Move(key, "give_back", purse.member_id, reference, at)
    if planned is None:
        if lines := recorded(move, points=points):
            return lines
        planned = would_give_back(
            points, reference=reference, member_id=purse.member_id, shipped=shipped, at=at, zone=purse.zone
        )
    arrivals = [
        Arrival(each.lot_id, REDEMPTION, each.points, each.spent.expires_at, each.spent.parent_id) for each in planned
    ]
    before, days = _renewal(shipped, at=at, zone=purse.zone)
    return post(purse, back_into_wallet(purse, move, arrivals, before=before, days=days))


def would_give_back(
    points: int, *, reference: str, member_id: int, shipped: bool, at: datetime, zone: str
) -> list[Returning]:
    """Return to which lots give_back() would return points now, the last drawn first, with the last day they get.

    Raises MoreThanRedeemed.
    """
    before, days = _renewal(shipped, at=at, zone=zone)
    renewed_until = days_from(at, days=days, zone=zone)[0]
    returning = []
    for spent, part in last_drawn_first(spent_by(reference, member_id=member_id), points):
        renewed = gets_child(Arrival(spent.lot_id, REDEMPTION, part, spent.expires_at, spent.parent_id), before=before)
        returning.append(
            Returning(
                spent,
                part,
                expires_on=renewed_until if renewed else spent.expires_on,
                expired=not renewed and spent.expires_at < at,
            )
        )
    return returning


def _renewal(shipped: bool, *, at: datetime, zone: str) -> tuple[datetime, int]:
    """Return which lots get a child when points come back: (those that end before an instant, for so many days)."""
    if shipped:
        return days_from(at, days=DAYS_AFTER_RELEASE, zone=zone)[1], DAYS_AFTER_RETURN
    return at, DAYS_AFTER_RELEASE


def spent_by(reference: str, *, member_id: int | None = None) -> list[Spent]:
    """Return what a reference has spent (of one member) and not got back, lot by lot, in the order of drawing."""
    of_member = [] if member_id is None else [Posting.member_id == member_id]
    points: dict[int, int] = defaultdict(int)
    lots: dict[int, tuple[datetime, int | None, date]] = {}
    for row in execute(
        select(Posting.lot_id, Posting.source, Posting.points, Lot.expires_on, Lot.expires_at, Lot.parent_id)
        .join(Lot, Lot.id == Posting.lot_id)
        .where(
            Posting.reference == reference,
            or_(Posting.destination == REDEMPTION, Posting.source == REDEMPTION),
            *of_member,
        )
        .order_by(Posting.id)
    ):
        points[row.lot_id] += -row.points if row.source == REDEMPTION else row.points
        lots[row.lot_id] = (row.expires_at, row.parent_id, row.expires_on)
    return [Spent(lot_id, left, *lots[lot_id]) for lot_id, left in points.items()]


def last_drawn_first(spent: Sequence[Spent], points: int) -> list[tuple[Spent, int]]:
    """Choose what goes back: the lot drawn last first, at most what each gave. Pure.

    Returns [(spent, points)]; raises MoreThanRedeemed.
    """
    back, outstanding = [], points
    for part in reversed(spent):
        taken = min(part.points, outstanding)
        if taken > 0:
            back.append((part, taken))
            outstanding -= taken
    if outstanding > 0:
        raise MoreThanRedeemed(wanted=points, left=points - outstanding)
    return back
