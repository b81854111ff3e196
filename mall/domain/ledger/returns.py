"""Points that go back: spent points to the member (give back), earned points from the member (take back)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, or_, select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_, Message

from .accounts import CLAWBACK, DEBT, PENDING, REDEMPTION, WALLET
from .arrivals import DAYS_AFTER_RELEASE, DAYS_AFTER_RETURN, Arrival, back_into_wallet, days_from
from .expiry import expire
from .lots import Lot
from .positions import Position
from .postings import KeyReused, Line, Move, NoPoints, Posting, post, recorded
from .purses import LockedPurse
from .spending import OpenLot, lots_in


class MoreThanRedeemed(Refusal):
    """More points were to go back than were spent and are still out."""

    message = N_("{wanted} points cannot go back: {left} of those spent are still out.")


@dataclass(frozen=True)
class Spent:
    """What an order has spent of one lot and not got back."""

    lot_id: int
    points: int
    expires_at: datetime
    parent_id: int | None


def give_back(purse: LockedPurse, points: int, *, reference: str, key: str, shipped: bool, at: datetime) -> list[Line]:
    """Return spent points to the lots they came from, in reverse order of drawing. Asked again, answers the first.

    A lot past its last day gets a child of 7 days; when the goods had been shipped a child of 30 days, then also when
    fewer than 7 days are left. A child past its last day repays debt, and the rest expires. Raises NoPoints,
    MoreThanRedeemed, KeyReused.
    """
    if points < 1:
        raise NoPoints()
    move = Move(key, "give_back", purse.member_id, reference, at)
    if lines := recorded(move, points=points):
        return lines
    arrivals = [
        Arrival(spent.lot_id, REDEMPTION, returned, spent.expires_at, spent.parent_id)
        for spent, returned in last_drawn_first(spent_by(reference, member_id=purse.member_id), points)
    ]
    if shipped:
        soon = days_from(at, days=DAYS_AFTER_RELEASE, zone=purse.zone)[1]
        return post(purse, back_into_wallet(purse, move, arrivals, before=soon, days=DAYS_AFTER_RETURN))
    return post(purse, back_into_wallet(purse, move, arrivals, before=at, days=DAYS_AFTER_RELEASE))


def would_give_back(points: int, *, reference: str, member_id: int) -> dict[int, int]:
    """Return to which lots give_back() would return points now, the last drawn first: {lot id: points}.

    Raises MoreThanRedeemed.
    """
    return {spent.lot_id: part for spent, part in last_drawn_first(spent_by(reference, member_id=member_id), points)}


def spent_by(reference: str, *, member_id: int | None = None) -> list[Spent]:
    """Return what a reference has spent (of one member) and not got back, lot by lot, in the order of drawing."""
    of_member = [] if member_id is None else [Posting.member_id == member_id]
    points: dict[int, int] = defaultdict(int)
    lots: dict[int, tuple[datetime, int | None]] = {}
    for row in execute(
        select(Posting.lot_id, Posting.source, Posting.points, Lot.expires_at, Lot.parent_id)
        .join(Lot, Lot.id == Posting.lot_id)
        .where(
            Posting.reference == reference,
            or_(Posting.destination == REDEMPTION, Posting.source == REDEMPTION),
            *of_member,
        )
        .order_by(Posting.id)
    ):
        points[row.lot_id] += -row.points if row.source == REDEMPTION else row.points
        lots[row.lot_id] = (row.expires_at, row.parent_id)
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


def take_back(
    purse: LockedPurse,
    keep_points: Mapping[int, int],
    *,
    reference: str,
    key: str,
    why: Message,
    at: datetime,
) -> list[Line]:
    """Take earned points back, so that of each lot only what the kept goods give is left: {lot id: points kept}.

    Always in full: first what is on the way of these lots, then what is in the wallet of them and their children,
    then any other free points, soonest to expire; the rest becomes debt. Points held for orders are never touched.
    What has expired counts as taken. Asked again, answers the first; nothing to take writes nothing. Raises KeyReused,
    and LookupError for a lot that the member has not earned.
    """
    move = Move(key, "clawback", purse.member_id, reference, at, reason=why)
    if lines := recorded(move):
        _must_match(purse, lines, keep_points)
        return lines
    expire(purse, at=at)
    wanted = to_take(_earned_lots(purse.member_id, keep_points), keep_points)
    return post(purse, _taking(move, wanted, lots_in(purse, [PENDING, WALLET])))


def would_take_back(member_id: int, keep_points: Mapping[int, int], *, at: datetime) -> dict[int, int]:
    """Return what take_back() would take now, and change nothing: {lot id: points}, without lots that lose nothing.

    What is past its last day counts as expired, whether or not a job has run. Raises LookupError as take_back() does.
    """
    past = _past_in_wallet(member_id, keep_points, at=at)
    lots = [replace(lot, expired=lot.expired + past.get(lot.id, 0)) for lot in _earned_lots(member_id, keep_points)]
    return {lot.id: points for lot, points in to_take(lots, keep_points)}


def _must_match(purse: LockedPurse, lines: Sequence[Line], keep_points: Mapping[int, int]) -> None:
    """Raise KeyReused unless a take-back that was made is the one asked for now, judged by the books before it."""
    first_id = execute(select(func.min(Posting.id)).where(Posting.move == lines[0].move)).scalar_one()
    asked = to_take(_earned_lots(purse.member_id, keep_points, before=first_id), keep_points)
    taken: dict[int | None, int] = defaultdict(int)
    for line in lines:
        taken[line.reverses] += line.points
    if taken != {lot.earn_posting_id: points for lot, points in asked}:
        raise KeyReused()


@dataclass(frozen=True)
class EarnedLot:
    """A lot an order has earned: points, what was taken back of it, and what of it and its children has expired."""

    id: int
    earn_posting_id: int
    points: int
    taken_back: int
    expired: int


def to_take(lots: Sequence[EarnedLot], keep_points: Mapping[int, int]) -> list[tuple[EarnedLot, int]]:
    """Return how many points to take back for each lot. What has expired is gone and is not taken again. Pure."""
    wanted = [(lot, max(0, lot.points - lot.taken_back - max(keep_points[lot.id], lot.expired))) for lot in lots]
    return [(lot, points) for lot, points in wanted if points > 0]


def _taking(
    move: Move, wanted: Sequence[tuple[EarnedLot, int]], places: Mapping[str, Sequence[OpenLot]]
) -> list[Line]:
    """Choose where the points are taken from, in three rounds over what is free, then as debt. Pure."""
    free = [(place, lot) for place in (PENDING, WALLET) for lot in places[place]]
    left = {(place, lot.id): lot.points for place, lot in free}
    owed = {earned.id: points for earned, points in wanted}
    lines: list[Line] = []

    def take(earned: EarnedLot, place: str, lot: OpenLot) -> None:
        points = min(owed[earned.id], left[place, lot.id])
        if points > 0:
            owed[earned.id] -= points
            left[place, lot.id] -= points
            lines.append(
                move.line(
                    source=place,
                    destination=CLAWBACK,
                    lot_id=lot.id,
                    points=points,
                    reverses=earned.earn_posting_id,
                    empties=left[place, lot.id] == 0,
                )
            )

    for earned, _points in wanted:
        for place, lot in free:
            if earned.id in (lot.id, lot.parent_id):
                take(earned, place, lot)
    for earned, _points in wanted:
        for place, lot in free:
            if place == WALLET:
                take(earned, place, lot)
    for earned, _points in wanted:
        if owed[earned.id]:
            lines.append(
                move.line(
                    source=DEBT,
                    destination=CLAWBACK,
                    lot_id=earned.id,
                    points=owed[earned.id],
                    reverses=earned.earn_posting_id,
                )
            )
    return lines


def _earned_lots(member_id: int, lot_ids: Collection[int], *, before: int | None = None) -> list[EarnedLot]:
    """Return lots a member has earned, in the order they were; `before` a posting, as the books stood then."""
    then = [] if before is None else [Posting.id < before]
    earning = {
        row.lot_id: row
        for row in execute(
            select(Posting.id, Posting.lot_id, Posting.points).where(
                Posting.lot_id.in_(lot_ids), Posting.kind == "earn", Posting.member_id == member_id
            )
        )
    }
    if earning.keys() != set(lot_ids):
        raise LookupError("a lot that this member has not earned")
    taken = execute(
        select(Posting.reverses, func.sum(Posting.points).label("points"))
        .where(Posting.reverses.in_([row.id for row in earning.values()]), Posting.kind == "clawback", *then)
        .group_by(Posting.reverses)
    )
    taken_back = {row.reverses: int(row.points) for row in taken}
    family = func.coalesce(Lot.parent_id, Lot.id)
    gone = execute(
        select(family.label("lot_id"), func.sum(Posting.points).label("points"))
        .join(Lot, Lot.id == Posting.lot_id)
        .where(or_(Lot.id.in_(lot_ids), Lot.parent_id.in_(lot_ids)), Posting.kind == "expire", *then)
        .group_by(family)
    )
    expired = {row.lot_id: int(row.points) for row in gone}
    return [
        EarnedLot(lot_id, row.id, row.points, taken_back.get(row.id, 0), expired.get(lot_id, 0))
        for lot_id, row in sorted(earning.items())
    ]


def _past_in_wallet(member_id: int, lot_ids: Collection[int], *, at: datetime) -> dict[int, int]:
    """Return the points of lots and their children that are past their last day and not moved out yet, by lot."""
    family = func.coalesce(Lot.parent_id, Lot.id)
    rows = execute(
        select(family.label("lot_id"), func.sum(Position.points).label("points"))
        .join(Lot, Lot.id == Position.lot_id)
        .where(
            Position.member_id == member_id,
            Position.place == WALLET,
            Lot.expires_at < at,
            or_(Lot.id.in_(lot_ids), Lot.parent_id.in_(lot_ids)),
        )
        .group_by(family)
    )
    return {row.lot_id: int(row.points) for row in rows}
