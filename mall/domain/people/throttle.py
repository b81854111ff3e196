"""Throttle: how often something may be tried, counted before it is tried.

Counting happens in a transaction of its own, so that fifty parallel tries are fifty counts, whatever becomes of them.
Nobody is locked out for good: every count ends with its window.
"""

import hashlib
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from msgspec import Struct
from sqlalchemy import BigInteger, Index, String, case, delete, or_, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import Refusal
from mall.base.sql import upsert
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_


class TooManyTries(Refusal):
    """It was tried too often. `minutes`: when it may be tried again. Faces answer 429."""

    message = N_("That was tried too often. Wait {minutes} minutes, then try again.")


class Throttle(db.Model):
    """How often a key was counted in its present window. The key is a hash: it names no person."""

    __tablename__ = "throttle"
    __table_args__ = (Index(None, "ends_at"),)

    key: Mapped[str] = mapped_column(String(90), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    ends_at: Mapped[datetime] = mapped_column(Instant)


class Limit(Struct, frozen=True):
    """So many tries in so long, for one purpose."""

    purpose: str
    tries: int
    window: timedelta


class Counted(Struct, frozen=True):
    """What a count came to. `just_over` is true for the first try beyond the limit only."""

    allowed: bool
    just_over: bool
    ends_at: datetime

    def refusal(self, at: datetime) -> TooManyTries:
        """Return the refusal that says how long to wait."""
        return TooManyTries(minutes=max(1, -(-int((self.ends_at - at).total_seconds()) // 60)))


def count(limit: Limit, subject: str, *, at: datetime) -> Counted:
    """Count one try. One statement."""
    # One that would end later than it could was counted by a clock that was ahead.
    over = or_(Throttle.ends_at <= at, Throttle.ends_at > at + 2 * limit.window)
    ends_at = at + limit.window
    statement = upsert(Throttle).values(key=key_of(limit, subject), count=1, ends_at=ends_at)
    row = execute(
        statement.on_conflict_do_update(
            index_elements=[Throttle.key],
            set_={
                "count": case((over, 1), else_=Throttle.count + 1),
                "ends_at": case((over, statement.excluded.ends_at), else_=Throttle.ends_at),
            },
        ).returning(Throttle.count.label("tries"), Throttle.ends_at)
    ).one()
    return Counted(allowed=row.tries <= limit.tries, just_over=row.tries == limit.tries + 1, ends_at=row.ends_at)


def forgive(limit: Limit, subject: str) -> None:
    """Forget the tries of a subject: it has shown to be the right person."""
    execute(delete(Throttle).where(Throttle.key == key_of(limit, subject)))


def take_off(limit: Limit, subject: str) -> None:
    """Take one try off a count: it was right, so that only wrong ones are counted."""
    execute(
        update(Throttle)
        .where(Throttle.key == key_of(limit, subject), Throttle.count > 0)
        .values(count=Throttle.count - 1)
    )


def key_of(limit: Limit, subject: str) -> str:
    """Return the key of a purpose and subject."""
    return f"{limit.purpose}:{hashlib.sha256(subject.encode()).hexdigest()}"


def network_of(address: str | None) -> str:
    """Return whom an address stands for: itself, or for IPv6 the /64 a household is given."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(parsed.exploded[:19])
    return str(parsed)


def sweep_throttle(*, at: datetime) -> int:
    """Delete counts whose window is over. Returns how many."""
    return execute(delete(Throttle).where(Throttle.ends_at <= at)).rowcount
