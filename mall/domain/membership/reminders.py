"""Reminders: members are told 14 and 3 days before a level ends that was granted by hand, or that they paid for.

Each once for the day it ends on. What goes on, since more was paid or granted, is not announced; it is when its own
end comes near.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, select

from mall.base.clock import Instant, end_of
from mall.base.db import execute, in_transaction
from mall.base.tables import aliased
from mall.domain import notices, programme

from .grants import PAID, LevelGrant, not_ended

# The last first: who is three days from the end is told of that, and not of the fourteen.
DAYS_BEFORE_END = (3, 14)
# The members of one share, by their ids: a share takes three statements.
MEMBERS_AT_ONCE = 5_000


def tell_ending(*, after: int, terms: programme.Programme, at: datetime, share: int = MEMBERS_AT_ONCE) -> int | None:
    """Tell a share of the members, those with ids above `after`, of granted levels that end soon.

    Who was granted one for so few days has just read when it ends. Returns where the next share begins; None after
    the last.
    """
    assert in_transaction()
    last, today = after + share, terms.today(at)
    until = end_of(today + timedelta(days=max(DAYS_BEFORE_END)), terms.zone)
    rows = execute(_ENDING, {"after": after, "last": last, "now": at, "until": until}).all()
    tellings = []
    for row in rows:
        left = (row.last_day - today).days
        days = next(days for days in DAYS_BEFORE_END if left <= days)
        if (row.last_day - row.begins_on).days < days:
            continue
        level = terms.level(row.rank)
        key = f"level_ending:{row.member_id}:{level.key}:{row.last_day.isoformat()}:{days}"
        values = {"level": dict(level.name), "last_day": row.last_day.isoformat(), "paid": row.kind == PAID}
        tellings.append(notices.Telling(row.member_id, key, values))
    # Two that end on one day are one level that ends.
    notices.tell_all("level_ending", list({each.key: each for each in tellings}.values()), at=at)
    return last if execute(_MORE, {"last": last}).first() else None


def _ending() -> Select[Any]:
    longer = aliased(LevelGrant)
    goes_on = (
        select(longer.id)
        .where(
            longer.member_id == LevelGrant.member_id,
            longer.rank >= LevelGrant.rank,
            longer.ends_at > LevelGrant.ends_at,
            not_ended(longer),
        )
        .correlate(LevelGrant)
        .exists()
    )
    return (
        select(LevelGrant)
        .where(
            LevelGrant.member_id > bindparam("after"),
            LevelGrant.member_id <= bindparam("last"),
            LevelGrant.ends_at > bindparam("now", type_=Instant),
            LevelGrant.ends_at <= bindparam("until", type_=Instant),
            not_ended(),
            ~goes_on,
        )
        .order_by(LevelGrant.member_id, LevelGrant.id)
    )


_ENDING = _ending()
_MORE = select(LevelGrant.member_id).where(LevelGrant.member_id > bindparam("last")).limit(1)
