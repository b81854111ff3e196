"""Expiry: what is in the wallet past its last day leaves it. Nothing a member sees waits for this to run."""

from datetime import datetime

from sqlalchemy import Subquery, bindparam, func, select

from mall.base.db import execute
from mall.base.tables import aliased

from .accounts import EXPIRY, WALLET
from .lots import Lot
from .positions import Position
from .postings import Line, Move, Posting
from .purses import LockedPurse, lock_many
from .writing import post

# The members of one share, by their ids. Their purses are locked until all are done: well under a second, also in
# the one night of a year in which every lot of theirs ends.
MEMBERS_AT_ONCE = 200


def expire(purse: LockedPurse, *, at: datetime) -> list[Line]:
    """Move out of a member's wallet what is past its last day. Returns the lines written."""
    return _expire({purse.member_id: purse}, at=at)


def expire_due(*, zone: str, after: int, at: datetime, share: int = MEMBERS_AT_ONCE) -> int | None:
    """Expire what is past of a share of the members, those with ids above `after`, purses locked ascending.

    Returns where the next share begins; None after the last. Done twice, it does nothing more.
    """
    last = after + share
    due = list(execute(_DUE_IN_SHARE, {"after": after, "last": last, "at": at}).scalars())
    if due:
        _expire(lock_many(due, zone=zone), at=at)
    return last if execute(_MORE, {"last": last}).first() else None


def expired_of(rule: str) -> Subquery:
    """Return, to be joined, the points that expired of what a rule gave, and of lots that came of it: (reference,
    points).
    """
    first = aliased(Lot)
    return (
        select(first.reference, func.sum(Posting.points).label("points"))
        .select_from(Posting)
        .join(Lot, Lot.id == Posting.lot_id)
        .join(first, first.id == func.coalesce(Lot.parent_id, Lot.id))
        .where(Posting.kind == "expire", first.rule == rule)
        .group_by(first.reference)
        .subquery("expired")
    )


def due_to_expire(*, at: datetime) -> list[int]:
    """Return the members with points in the wallet that are past their last day, ascending."""
    return list(execute(_DUE, {"at": at}).scalars())


def _expire(purses: dict[int, LockedPurse], *, at: datetime) -> list[Line]:
    """Write one move per lot. It counts from the lot's last instant, whenever it is written."""
    lines = [
        Move(_key(row.lot_id, times=row.times), "expire", row.member_id, row.reference, row.expires_at).line(
            source=WALLET, destination=EXPIRY, lot_id=row.lot_id, points=row.points, empties=True
        )
        for row in execute(_PAST, {"members": list(purses), "at": at})
    ]
    return post(purses.values(), lines)


def _key(lot_id: int, *, times: int) -> str:
    """Return the key of a lot's expiry.

    A lot can expire twice: a release that was timed before midnight, and written after the nightly job, brings points
    back to it.
    """
    return f"lot:{lot_id}:expire:{times + 1}" if times else f"lot:{lot_id}:expire"


_DUE = (
    select(Position.member_id)
    .join(Lot, Lot.id == Position.lot_id)
    .where(Position.place == WALLET, Lot.expires_at < bindparam("at"))
    .distinct()
    .order_by(Position.member_id)
)
_DUE_IN_SHARE = _DUE.where(Position.member_id > bindparam("after"), Position.member_id <= bindparam("last"))
_MORE = select(Position.member_id).where(Position.member_id > bindparam("last")).limit(1)
_TIMES = (
    select(func.count())
    .where(Posting.lot_id == Position.lot_id, Posting.kind == "expire", Posting.move.like("lot:%:expire%"))
    .correlate(Position)
    .scalar_subquery()
)
_PAST = (
    select(
        Position.member_id,
        Position.lot_id,
        Position.points,
        Lot.reference,
        Lot.expires_at,
        _TIMES.label("times"),
    )
    .join(Lot, Lot.id == Position.lot_id)
    .where(
        Position.member_id.in_(bindparam("members", expanding=True)),
        Position.place == WALLET,
        Lot.expires_at < bindparam("at"),
    )
    .order_by(Position.member_id, Lot.expires_at, Lot.id)
)
