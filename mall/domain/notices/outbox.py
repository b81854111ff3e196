"""The outbox: mails and jobs waiting for a worker. Written once per key, tried until done, one worker at a time.

What concerns a member is a notice in the shop as well: the same row, shown until and after it was read.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import JSON, CheckConstraint, Index, String, delete, func, select, text, true, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.sql import each_dialect, upsert
from mall.base.tables import Mapped, mapped_column

from .kinds import KINDS, NOT_SHOWN, SECRET_KINDS, misfits

MAIL = "mail"
# Mails that go to many at once: they wait until no other mail and no job is due.
BULK = "bulk"
JOB = "job"

# How long a worker may take for one notice before another may try it.
LEASE = timedelta(minutes=5)
# A job may look through the whole shop.
JOB_LEASE = timedelta(hours=1)
MOST_TRIES = 12
LONGEST_WAIT = timedelta(hours=6)
LONGEST_ERROR = 500
_OPEN = "sent_at IS NULL AND given_up_at IS NULL"
_UNREAD = "shown_at IS NOT NULL AND read_at IS NULL"


class Notice(db.Model):
    """A mail to a member or an address, or a job. While a worker has it, `next_try_at` is the end of its lease.

    `shown_at`: from when a member finds it among the notices in the shop. `sent_at`: it is mailed, or need not be.
    """

    __table_args__ = (
        CheckConstraint("channel IN ('mail', 'bulk', 'job')", name="channel_known"),
        CheckConstraint("channel = 'job' OR member_id IS NOT NULL OR to_address IS NOT NULL", name="mail_has_reader"),
        CheckConstraint("sent_at IS NULL OR given_up_at IS NULL", name="one_ending"),
        CheckConstraint("shown_at IS NULL OR member_id IS NOT NULL", name="shown_to_somebody"),
        CheckConstraint("read_at IS NULL OR shown_at IS NOT NULL", name="read_when_shown"),
        Index("ix_notice_open", "channel", "next_try_at", sqlite_where=text(_OPEN), postgresql_where=text(_OPEN)),
        Index("ix_notice_unread", "member_id", sqlite_where=text(_UNREAD), postgresql_where=text(_UNREAD)),
        Index(None, "member_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(8))
    kind: Mapped[str] = mapped_column(String(60))
    key: Mapped[str] = mapped_column(String(120), unique=True)
    member_id: Mapped[int | None]
    to_address: Mapped[str | None] = mapped_column(String(254))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    written_at: Mapped[datetime] = mapped_column(Instant)
    next_try_at: Mapped[datetime] = mapped_column(Instant)
    tries: Mapped[int]
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    given_up_at: Mapped[datetime | None] = mapped_column(Instant)
    last_error: Mapped[str | None] = mapped_column(String(LONGEST_ERROR))
    shown_at: Mapped[datetime | None] = mapped_column(Instant)
    read_at: Mapped[datetime | None] = mapped_column(Instant)


class Claimed(Struct, frozen=True):
    """A notice that is one worker's until its lease ends. `tries` counts this one."""

    id: int
    channel: str
    kind: str
    key: str
    member_id: int | None
    to_address: str | None
    details: dict[str, Any]
    written_at: datetime
    tries: int


class Telling(Struct, frozen=True):
    """One of many notices of a kind: to whom, with which values, and the key under which it is told once."""

    member_id: int
    key: str
    values: Mapping[str, Any]


def tell(
    member_id: int | None, kind: str, *, to: str | None = None, values: Mapping[str, Any], key: str, at: datetime
) -> bool:
    """Tell a member, by mail and in the shop, or an address by mail. Returns False when this key was told before.

    The mail is in the member's language; `to` overrides the member's address (a new one to be confirmed, say).
    """
    assert kind in KINDS, f"no mail is called {kind}"
    assert not (wrong := misfits(kind, values)), f"{kind} is told with other values than its letter has: {wrong}"
    return _write(MAIL, kind, member_id=member_id, to=to, details=values, key=key, at=at)


def tell_all(kind: str, tellings: Sequence[Telling], *, at: datetime) -> None:
    """Tell many members, each once per key, in one statement. Their mails go after those that somebody waits for."""
    assert all(not misfits(kind, telling.values) for telling in tellings), f"{kind} is told with other values"
    if tellings:
        execute(
            _write_all(),
            [
                _row(BULK, kind, member_id=each.member_id, to=None, details=each.values, key=each.key, at=at)
                for each in tellings
            ],
        )


def later(job: str, values: Mapping[str, Any], *, key: str, at: datetime) -> bool:
    """Write a job, to be done from `at` on. Returns False when one with this key was written before."""
    return _write(JOB, job, member_id=None, to=None, details=values, key=key, at=at)


def is_due(channel: str, *, at: datetime) -> bool:
    """Tell whether there is anything to claim of a channel."""
    return execute(select(Notice.id).where(_due(at), Notice.channel == channel).limit(1)).first() is not None


def claim(*, at: datetime, limit: int = 20, lease: timedelta = LEASE, channel: str | None = None) -> list[Claimed]:
    """Take what is due, of one channel or of both, longest due first. Returns them in the order they were written.

    Each is this worker's until the lease ends; others pass it over. To be committed before anything is sent, and
    renewed before each is. A worker that dies leaves its notices to the next, after the lease.
    """
    wanted = execute(
        select(Notice.id)
        .where(_due(at), Notice.channel == channel if channel else true())
        .order_by(Notice.next_try_at, Notice.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).scalars()
    rows = execute(
        update(Notice)
        .where(Notice.id.in_(list(wanted)))
        .values(next_try_at=at + lease, tries=Notice.tries + 1)
        .returning(*(getattr(Notice, name) for name in Claimed.__struct_fields__))
    )
    return sorted((Claimed(**row._mapping) for row in rows), key=lambda notice: notice.id)


def renew(notice: Claimed, *, at: datetime) -> bool:
    """Begin the lease of a claimed notice anew, just before it is done. Returns False when it is no longer ours.

    What was claimed with it may have taken so long that another worker has claimed it since, or has done it.
    """
    lease = JOB_LEASE if notice.channel == JOB else LEASE
    renewed = execute(
        update(Notice)
        .where(Notice.id == notice.id, Notice.tries == notice.tries, _is_open)
        .values(next_try_at=at + lease)
    )
    return renewed.rowcount == 1


def done(notice: Claimed, *, at: datetime) -> None:
    """Mark a notice as sent or done. What opens an account is wiped from it."""
    values: dict[str, Any] = {"sent_at": at, "last_error": None}
    if notice.kind in SECRET_KINDS:
        values["details"] = {}
    execute(update(Notice).where(Notice.id == notice.id, _is_open).values(values))


def failed(notice: Claimed, error: str, *, at: datetime) -> bool:
    """Put a notice back, to be tried again after a while. Returns False when it is given up.

    A worker that outlived its lease changes nothing: the notice is another's by then.
    """
    keeps = notice.tries < MOST_TRIES
    values: dict[str, Any] = {"last_error": error[:LONGEST_ERROR]}
    values |= {"next_try_at": at + wait_after(notice.tries)} if keeps else {"given_up_at": at}
    execute(update(Notice).where(Notice.id == notice.id, Notice.tries == notice.tries, _is_open).values(values))
    return keeps


def wait_after(tries: int) -> timedelta:
    """Return how long to wait after so many tries: 1, 2, 4, 8 minutes and so on, at most 6 hours."""
    return min(timedelta(minutes=2 ** (tries - 1)), LONGEST_WAIT)


def forget(*, before: datetime, limit: int = 10_000) -> int:
    """Delete jobs done before an instant, but for the last of a kind; mails stay, so that none is sent twice.

    Returns how many.
    """
    last = select(func.max(Notice.id)).where(Notice.channel == JOB, Notice.sent_at.is_not(None)).group_by(Notice.kind)
    old = select(Notice.id).where(Notice.channel == JOB, Notice.sent_at < before, Notice.id.not_in(last)).limit(limit)
    return execute(delete(Notice).where(Notice.id.in_(old))).rowcount


def last_done(job: str) -> datetime | None:
    """Return when the job last done was written, or None when it never was."""
    return execute(
        select(Notice.written_at)
        .where(Notice.channel == JOB, Notice.kind == job, Notice.sent_at.is_not(None))
        .order_by(Notice.id.desc())
        .limit(1)
    ).scalar_one_or_none()


def _write(
    channel: str,
    kind: str,
    *,
    member_id: int | None,
    to: str | None,
    details: Mapping[str, Any],
    key: str,
    at: datetime,
) -> bool:
    row = _row(channel, kind, member_id=member_id, to=to, details=details, key=key, at=at)
    return execute(_write_one(), row).first() is not None


def _row(
    channel: str,
    kind: str,
    *,
    member_id: int | None,
    to: str | None,
    details: Mapping[str, Any],
    key: str,
    at: datetime,
) -> dict[str, Any]:
    return {
        "channel": channel,
        "kind": kind,
        "key": key,
        "member_id": member_id,
        "to_address": to,
        "details": dict(details),
        "written_at": at,
        "next_try_at": at,
        "tries": 0,
        "shown_at": None if channel == JOB or member_id is None or kind in NOT_SHOWN else at,
    }


def _due(at: datetime):
    return _is_open & (Notice.next_try_at <= at)


@each_dialect
def _write_all() -> Any:
    return upsert(Notice).on_conflict_do_nothing(index_elements=[Notice.key])


@each_dialect
def _write_one() -> Any:
    return _write_all().returning(Notice.id)


_is_open = Notice.sent_at.is_(None) & Notice.given_up_at.is_(None)
