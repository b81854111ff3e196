"""Earned points that are taken back from the member, since the goods that gave them went back."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, Select, bindparam, func, or_, select

from mall.base.db import execute
from mall.base.tables import aliased
from mall.base.text import Message

from .accounts import CLAWBACK, DEBT, PENDING, WALLET
from .expiry import expire
from .lots import Lot
from .positions import Position
from .postings import KeyReused, Line, Move, Posting, recorded
from .purses import LockedPurse
from .spending import OpenLot, lots_in
from .writing import at_once, post


def take_back(
    purse: LockedPurse,
    keep_points: Mapping[int, int],
    *,
    reference: str,
    key: str,
    why: Message,
    at: datetime,
    planned: Sequence[tuple["EarnedLot", int]] | None = None,
) -> list[Line]:
    """Take earned points back, so that of each lot only what the kept goods give is left: {lot id: points kept}.

    Always in full: first what is on the way of these lots, then what is in the wallet of them and their children,
    then any other free points, soonest to expire; the rest becomes debt. Points held for orders are never touched.
    What has expired counts as taken. Asked again, answers the first; nothing to take writes nothing. `planned` is
    what to_take() has answered for a move that is known to be new, since the purse was locked. Raises KeyReused,
    and LookupError for a lot that the member has not earned.
    """
    move = Move(key, "clawback", purse.member_id, reference, at, reason=why)
    if planned is None and (lines := recorded(move)):
        _must_match(purse, lines, keep_points)
        return lines
    places = lots_in(purse, [PENDING, WALLET])
    if any(lot.expires_at < at for lot in places[WALLET]):
        with at_once(purse):
            expire(purse, at=at)
        places = lots_in(purse, [PENDING, WALLET])
    if planned is None:
        planned = to_take(_earned_lots(purse.member_id, keep_points), keep_points)
    return post(purse, _taking(move, planned, places))


def lots_earned(reference: str, *, at: datetime) -> list["EarnedLot"]:
    """Return the lots that rules gave for a reference, as to_take() wants them. One statement.

    What is past its last day counts as expired, whether or not a job has run.
    """
    return _earned_in(execute(_LOTS_EARNED, {"of_reference": reference, "at": at}))


def lots_earned_for(references: Sequence[str], *, at: datetime) -> list["EarnedLot"]:
    """Return the same for several references together. One statement, none where there are none."""
    return _earned_in(execute(_LOTS_EARNED_FOR, {"of_references": references, "at": at})) if references else []


def _earned_in(rows: Iterable[Row[Any]]) -> list["EarnedLot"]:
    return [
        EarnedLot(row.lot_id, row.id, row.points, int(row.taken_back), int(row.expired) + int(row.past), row.rule)
        for row in rows
    ]


def _must_match(purse: LockedPurse, lines: Sequence[Line], keep_points: Mapping[int, int]) -> None:
    """Raise KeyReused unless a take-back that was made is the one asked for now, judged by the books before it."""
    first_id = execute(select(func.min(Posting.id)).where(Posting.move == lines[0].move)).scalar_one()
    asked = to_take(_earned_lots(purse.member_id, keep_points, before=first_id), keep_points)
    taken: dict[int | None, int] = defaultdict(int)
    for line in lines:
        taken[line.reverses] += line.points
    if taken != {lot.earn_posting_id: points for lot, points in asked}:
        raise KeyReused()


class EarnedLot(Struct, frozen=True):
    """A lot an order has earned: points, what was taken back of it, and what of it and its children has expired.

    `rule` gave it; "" where nobody asked.
    """

    id: int
    earn_posting_id: int
    points: int
    taken_back: int
    expired: int
    rule: str = ""


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


def _one_statement(wanted: ColumnElement[bool]) -> Select[Any]:
    first, of_family = aliased(Lot), aliased(Lot)
    taken, gone = aliased(Posting), aliased(Posting)
    family = or_(of_family.id == first.id, of_family.parent_id == first.id)
    taken_back = (
        select(func.coalesce(func.sum(taken.points), 0))
        .where(taken.reverses == Posting.id, taken.kind == "clawback")
        .correlate(Posting)
        .scalar_subquery()
    )
    expired = (
        select(func.coalesce(func.sum(gone.points), 0))
        .join(of_family, of_family.id == gone.lot_id)
        .where(family, gone.kind == "expire")
        .correlate(first)
        .scalar_subquery()
    )
    past = (
        select(func.coalesce(func.sum(Position.points), 0))
        .join(of_family, of_family.id == Position.lot_id)
        .where(family, Position.place == WALLET, of_family.expires_at < bindparam("at"))
        .correlate(first)
        .scalar_subquery()
    )
    return (
        select(
            Posting.lot_id,
            Posting.id,
            Posting.points,
            first.rule,
            taken_back.label("taken_back"),
            expired.label("expired"),
            past.label("past"),
        )
        .join(first, first.id == Posting.lot_id)
        .where(wanted, Posting.kind == "earn")
        .order_by(Posting.lot_id)
    )


_LOTS_EARNED = _one_statement(Posting.reference == bindparam("of_reference"))


_LOTS_EARNED_FOR = _one_statement(Posting.reference.in_(bindparam("of_references", expanding=True)))
