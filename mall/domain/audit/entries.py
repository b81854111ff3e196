"""Entries: one row an act, written with the act and never changed."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Index, Row, String, insert, select

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import Message

LONGEST_REASON = 1_000


class Entry(db.Model):
    """An act of a person or of the mall itself.

    `subject` is what it was done to ("product:7", "order:12"); `by` who did it ("staff:3", "member:9", "system").
    `by_one_person` marks an act that would need two people, done when only one could do it.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "subject", "id"), Index(None, "by", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    act: Mapped[str] = mapped_column(String(60))
    by: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime] = mapped_column(Instant)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    reason: Mapped[str] = mapped_column(String(LONGEST_REASON))
    by_one_person: Mapped[bool]


append_only(Entry)


def write(
    act: str,
    *,
    by: str,
    subject: str,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    by_one_person: bool = False,
) -> int:
    """Write an entry. Where both `before` and `after` are given, only what differs is kept. Returns its id."""
    if before is not None and after is not None:
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        before = {name: value for name, value in before.items() if name in changed}
        after = {name: value for name, value in after.items() if name in changed}
    row = _row(
        act, by=by, subject=subject, at=at, before=before, after=after, reason=reason, by_one_person=by_one_person
    )
    return execute(_WRITE, row).scalar_one()


def write_many(act: str, done: Sequence[Mapping[str, Any]], *, at: datetime) -> None:
    """Write an entry for each of many that were done at once, in one statement: by, subject, before, after, reason."""
    if done:
        execute(insert(Entry), [_row(act, at=at, **each) for each in done])


def _row(
    act: str,
    *,
    by: str,
    subject: str,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    by_one_person: bool = False,
) -> dict[str, Any]:
    return {
        "act": act,
        "by": by,
        "subject": subject,
        "at": at,
        "before": plain(before),
        "after": plain(after),
        "reason": reason[:LONGEST_REASON],
        "by_one_person": by_one_person,
    }


def entries(
    *,
    subject: str | None = None,
    by: str | None = None,
    act: str | None = None,
    by_one_person: bool | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> Sequence[Row[Any]]:
    """Return the newest entries first: id, act, by, subject, at, before, after, reason, by_one_person.

    `before_id` continues a list after its last row.
    """
    wanted = [
        column == value
        for column, value in (
            (Entry.subject, subject),
            (Entry.by, by),
            (Entry.act, act),
            (Entry.by_one_person, by_one_person),
        )
        if value is not None
    ]
    if before_id is not None:
        wanted.append(Entry.id < before_id)
    return execute(select(Entry).where(*wanted).order_by(Entry.id.desc()).limit(limit)).all()


def plain(value: Any) -> Any:
    """Return a value as JSON can keep it: days and instants as ISO text, sentences as text and values."""
    if isinstance(value, Message):
        return {"text": value.text, "values": plain(value.values)}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    return value.isoformat() if isinstance(value, date | datetime) else value


_WRITE = insert(Entry).returning(Entry.id)
