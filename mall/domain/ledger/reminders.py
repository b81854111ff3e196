"""Reminders: members are told 30 and 7 days before points expire, once for each day on which some do."""

from datetime import date, datetime, timedelta

from sqlalchemy import String, bindparam, case, cast, exists, func, literal, select

from mall.base.clock import Instant
from mall.base.db import execute, in_transaction
from mall.domain import notices

from .accounts import WALLET
from .lots import Lot
from .positions import Position

# How many days before; the nearer one takes the place of the other where both are due.
FAR_DAYS, NEAR_DAYS = 30, 7
# The members of one share, by their ids: a share takes two statements.
MEMBERS_AT_ONCE = 5_000


def tell_expiring(*, today: date, after: int, at: datetime, share: int = MEMBERS_AT_ONCE) -> int | None:
    """Tell a share of the members, those with ids above `after`, of points that expire soon.

    Only of what is ready to use; what was told before is not told again. Returns where the next share begins; None
    after the last.
    """
    assert in_transaction()
    last = after + share
    rows = execute(
        _DUE, {"today": today, "near": today + timedelta(days=NEAR_DAYS), "far": today + timedelta(days=FAR_DAYS),
               "after": after, "last": last, "at": at},
    )  # fmt: skip
    notices.tell_all(
        "points_expiring",
        [
            notices.Telling(
                row.member_id, row.key, {"points": int(row.points), "expires_on": row.expires_on.isoformat()}
            )
            for row in rows
        ],
        at=at,
    )
    return last if execute(_MORE, {"last": last}).first() else None


_FAR = bindparam("far", type_=Lot.expires_on.type)
_NEAR = bindparam("near", type_=Lot.expires_on.type)
_STAGE = case((Lot.expires_on <= _NEAR, str(NEAR_DAYS)), else_=str(FAR_DAYS))
_KEY = (
    literal("points_expiring:")
    + _STAGE
    + literal(":")
    + cast(Position.member_id, String)
    + literal(":")
    + cast(Lot.expires_on, String)
)
_DUE = (
    select(Position.member_id, Lot.expires_on, func.sum(Position.points).label("points"), _KEY.label("key"))
    .join(Lot, Lot.id == Position.lot_id)
    .where(
        Position.place == WALLET,
        Position.member_id > bindparam("after"),
        Position.member_id <= bindparam("last"),
        Lot.expires_on >= bindparam("today", type_=Lot.expires_on.type),
        Lot.expires_on <= _FAR,
        Lot.expires_at >= bindparam("at", type_=Instant),
        ~exists().where(notices.Notice.key == _KEY),
    )
    .group_by(Position.member_id, Lot.expires_on)
    .order_by(Position.member_id, Lot.expires_on)
)
_MORE = select(Position.member_id).where(Position.member_id > bindparam("last")).limit(1)
