"""A member's history of points: one entry a move, with the balance after it, each line open to its lot and reason."""

from collections.abc import Sequence
from datetime import date, datetime

from msgspec import Struct
from sqlalchemy import bindparam, case, func, or_, select

from mall.base.db import execute
from mall.base.text import Message

from .accounts import HELD, PENDING, WALLET
from .lots import Lot
from .positions import Position
from .postings import Posting


class Entry(Struct, frozen=True):
    """One move as the member sees it: what it did to the points ready to use, and what they were after it.

    `origin` and `why` are those of its first lot.
    """

    move: str
    kind: str
    reference: str
    points: int
    pending_points: int
    balance: int
    happened_at: datetime
    reason: Message | None
    last_id: int
    origin: str
    why: Message | None


class Due(Struct, frozen=True):
    """Points of a member that share a last day or an order."""

    points: int
    lot_id: int
    expires_on: date
    expires_at: datetime
    reference: str
    why: Message | None
    made_at: datetime


def history(member_id: int, *, limit: int = 20, before: int | None = None, kinds: Sequence[str] = ()) -> list[Entry]:
    """Return a member's moves, latest first; `before` is the last_id of the entry the next page starts after.

    Points of a task are ready the moment they are earned: that they were on the way is no entry of its own.
    """
    wallet = case(
        (Posting.destination == WALLET, Posting.points), (Posting.source == WALLET, -Posting.points), else_=0
    )
    pending = case(
        (Posting.destination == PENDING, Posting.points), (Posting.source == PENDING, -Posting.points), else_=0
    )
    moves = (
        select(
            Posting.move,
            func.max(Posting.id).label("last_id"),
            func.min(Posting.id).label("first_id"),
            func.sum(wallet).label("points"),
            func.sum(pending).label("pending_points"),
        )
        .where(Posting.member_id == member_id)
        .group_by(Posting.move)
        .subquery()
    )
    running = select(moves, func.sum(moves.c.points).over(order_by=moves.c.last_id).label("balance")).subquery()
    statement = (
        select(running, Posting.kind, Posting.reference, Posting.happened_at, Posting.reason, Lot.origin, Lot.why)
        .join(Posting, Posting.id == running.c.first_id)
        .join(Lot, Lot.id == Posting.lot_id)
        .where(or_(Posting.kind != "earn", Lot.origin != "task"))
        .order_by(running.c.last_id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(running.c.last_id < before)
    if kinds:
        statement = statement.where(Posting.kind.in_(kinds))
    return [
        Entry(
            move=row.move,
            kind=row.kind,
            reference=row.reference,
            points=int(row.points),
            # Nothing came on the way by an entry, so nothing goes from there.
            pending_points=0 if row.kind == "unlock" and row.origin == "task" else int(row.pending_points),
            balance=int(row.balance),
            happened_at=row.happened_at,
            reason=row.reason,
            last_id=row.last_id,
            origin=row.origin,
            why=row.why,
        )
        for row in execute(statement)
    ]


def move_of(member_id: int, move: str) -> list:
    """Return the lines of one of a member's moves with their lots: rows of postings and lots, in order."""
    return list(
        execute(
            select(
                Posting.id,
                Posting.line,
                Posting.kind,
                Posting.source,
                Posting.destination,
                Posting.points,
                Posting.reference,
                Posting.actor,
                Posting.reason,
                Posting.happened_at,
                Lot.id.label("lot_id"),
                Lot.rule,
                Lot.origin,
                Lot.version,
                Lot.expires_on,
                Lot.points.label("lot_points"),
                Lot.reference.label("lot_reference"),
                Lot.why,
                Lot.parent_id,
            )
            .join(Lot, Lot.id == Posting.lot_id)
            .where(Posting.member_id == member_id, Posting.move == move)
            .order_by(Posting.line)
        )
    )


def expiring(member_id: int, *, at: datetime) -> list[tuple[date, int]]:
    """Return what expires when, of the points ready to use: [(last day, points)], soonest first."""
    return [(row.expires_on, int(row.points)) for row in execute(_EXPIRING, {"of_member": member_id, "at": at})]


def waiting(member_id: int) -> list[Due]:
    """Return a member's points on the way, lot by lot, oldest first."""
    return _due(member_id, PENDING)


def on_the_way(member_id: int, *, reference: str) -> int:
    """Return how many points on the way a member has of what an order or another reference gave."""
    points = (
        select(func.coalesce(func.sum(Position.points), 0))
        .join(Lot, Lot.id == Position.lot_id)
        .where(Position.member_id == member_id, Position.place == PENDING, Lot.reference == reference)
    )
    return int(execute(points).scalar_one())


def set_aside(member_id: int) -> list[tuple[str, int]]:
    """Return what open holds have taken: [(reference, points)], oldest first."""
    ended = select(Posting.reference).where(Posting.member_id == member_id, Posting.source == HELD)
    return [
        (row.reference, int(row.points))
        for row in execute(
            select(Posting.reference, func.sum(Posting.points).label("points"))
            .where(Posting.member_id == member_id, Posting.destination == HELD, Posting.reference.not_in(ended))
            .group_by(Posting.reference)
            .order_by(func.min(Posting.id))
        )
    ]


def _due(member_id: int, place: str) -> list[Due]:
    return [
        Due(row.points, row.lot_id, row.expires_on, row.expires_at, row.reference, row.why, row.made_at)
        for row in execute(
            select(
                Position.points,
                Position.lot_id,
                Lot.expires_on,
                Lot.expires_at,
                Lot.reference,
                Lot.why,
                Lot.made_at,
            )
            .join(Lot, Lot.id == Position.lot_id)
            .where(Position.member_id == member_id, Position.place == place)
            .order_by(Lot.id)
        )
    ]


_EXPIRING = (
    select(Lot.expires_on, func.sum(Position.points).label("points"))
    .join(Lot, Lot.id == Position.lot_id)
    .where(Position.member_id == bindparam("of_member"), Position.place == WALLET, Lot.expires_at >= bindparam("at"))
    .group_by(Lot.expires_on)
    .order_by(Lot.expires_on)
)
