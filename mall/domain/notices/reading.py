"""What a member finds among the notices in the shop, and what they want by mail."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, String, delete, insert, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_

from .kinds import CHOICES
from .outbox import Notice


class NoSuchNotice(NotFound):
    message = N_("There is no such notice.")


class RefusedTopic(db.Model):
    """A topic a member does not want by mail. In the shop it is shown all the same."""

    __tablename__ = "refused_topic"

    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    topic: Mapped[str] = mapped_column(String(12), primary_key=True)
    refused_at: Mapped[datetime] = mapped_column(Instant)


def is_unread(member_id: Any) -> ColumnElement[bool]:
    """Return the condition for the notices a member has not read yet."""
    return (Notice.member_id == member_id) & Notice.shown_at.is_not(None) & Notice.read_at.is_(None)


def shown_to(member_id: int, *, limit: int, before: int | None = None) -> Sequence[Row[Any]]:
    """Return a member's notices, newest first; `before` asks for those older than a notice."""
    statement = select(*_SHOWN).where(Notice.member_id == member_id, Notice.shown_at.is_not(None))
    if before is not None:
        statement = statement.where(Notice.id < before)
    return execute(statement.order_by(Notice.id.desc()).limit(limit)).all()


def notice_of(member_id: int, notice_id: int) -> Row[Any]:
    """Return one of a member's notices. Raises NoSuchNotice, of another's too."""
    found = execute(
        select(*_SHOWN).where(Notice.id == notice_id, Notice.member_id == member_id, Notice.shown_at.is_not(None))
    ).one_or_none()
    if found is None:
        raise NoSuchNotice()
    return found


def mark_read(member_id: int, notice_id: int, *, at: datetime) -> None:
    """Count one of a member's notices as read; it keeps the first time."""
    execute(update(Notice).where(Notice.id == notice_id, is_unread(member_id)).values(read_at=at))


def mark_all_read(member_id: int, *, last: int, at: datetime) -> int:
    """Count as read what a member has been shown, up to the notice `last`: not what came since. Returns how many."""
    return execute(update(Notice).where(Notice.id <= last, is_unread(member_id)).values(read_at=at)).rowcount


def refused_topics(member_id: int) -> set[str]:
    """Return the topics a member does not want by mail."""
    return set(execute(select(RefusedTopic.topic).where(RefusedTopic.member_id == member_id)).scalars())


def choose_topics(member_id: int, wanted: Collection[str], *, at: datetime) -> None:
    """Let a member be mailed about these topics, of those one may do without; about the others no more."""
    unwanted = [topic for topic in CHOICES if topic not in wanted]
    execute(delete(RefusedTopic).where(RefusedTopic.member_id == member_id))
    if unwanted:
        execute(
            insert(RefusedTopic),
            [{"member_id": member_id, "topic": topic, "refused_at": at} for topic in unwanted],
        )


_SHOWN = (Notice.id, Notice.kind, Notice.details, Notice.shown_at, Notice.read_at)
