"""Expiry: what is in the wallet past its last day leaves it. Nothing a member sees waits for this to run."""

from datetime import datetime

from sqlalchemy import bindparam, select

from mall.base.db import execute

from .accounts import EXPIRY, WALLET
from .lots import Lot
from .positions import Position
from .postings import Line, Move, post
from .purses import LockedPurse, lock_many

MEMBERS_AT_ONCE = 1_000


def expire(purse: LockedPurse, *, at: datetime) -> list[Line]:
    """Move out of a member's wallet what is past its last day. Returns the lines written."""
    return _expire({purse.member_id: purse}, at=at)


def expire_due(*, zone: str, at: datetime, limit: int = MEMBERS_AT_ONCE) -> int:
    """Expire what is past for up to `limit` members, purses locked ascending.

    Returns the number of members touched; when it is `limit`, there may be more: call again in a new transaction.
    """
    due = list(
        execute(
            select(Position.member_id)
            .join(Lot, Lot.id == Position.lot_id)
            .where(Position.place == WALLET, Lot.expires_at < at)
            .distinct()
            .order_by(Position.member_id)
            .limit(limit)
        ).scalars()
    )
    if due:
        _expire(lock_many(due, zone=zone), at=at)
    return len(due)


def _expire(purses: dict[int, LockedPurse], *, at: datetime) -> list[Line]:
    """Write one move per lot. It counts from the lot's last instant, whenever it is written."""
    lines = [
        Move(f"lot:{row.lot_id}:expire", "expire", row.member_id, row.reference, row.expires_at).line(
            source=WALLET, destination=EXPIRY, lot_id=row.lot_id, points=row.points, empties=True
        )
        for row in execute(_PAST, {"members": list(purses), "at": at})
    ]
    return post(purses.values(), lines)


_PAST = (
    select(Position.member_id, Position.lot_id, Position.points, Lot.reference, Lot.expires_at)
    .join(Lot, Lot.id == Position.lot_id)
    .where(
        Position.member_id.in_(bindparam("members", expanding=True)),
        Position.place == WALLET,
        Lot.expires_at < bindparam("at"),
    )
    .order_by(Position.member_id, Lot.expires_at, Lot.id)
)
