"""Canned replies: answers the shop gives often, in every language, to be put into an answer and changed there."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, String, func, insert, select, update

from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, Text
from mall.domain import audit

MOST_REPLIES, LONGEST_REPLY_NAME = 50, 60


class TooManyReplies(Refusal):
    message = N_("There are {most} canned replies, which is the most. Change one of them.")


class EmptyReply(Refusal):
    message = N_("Write it in one language at least.")


class NoSuchReply(NotFound):
    message = N_("There is no such canned reply.")


class CannedReply(db.Model):
    """A reply the shop keeps. It is offered while it is active."""

    __tablename__ = "canned_reply"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[dict[str, str]] = mapped_column(Text)
    words: Mapped[dict[str, str]] = mapped_column(Text)
    active: Mapped[bool]
    made_by: Mapped[str] = mapped_column(String(40))


def canned_replies(*, offered: bool = False) -> Sequence[Row[Any]]:
    """Return the canned replies, the first made first; only those that are active where `offered`."""
    statement = select(CannedReply).order_by(CannedReply.id)
    return execute(statement.where(CannedReply.active) if offered else statement).all()


def canned_reply(reply_id: int) -> Row[Any]:
    """Return a canned reply. Raises NotFound."""
    row = execute(select(CannedReply).where(CannedReply.id == reply_id)).one_or_none()
    if row is None:
        raise NoSuchReply()
    return row


def make_reply(name: Mapping[str, str], words: Mapping[str, str], *, by: str, at: datetime) -> int:
    """Keep a reply. Returns its id. Refuses: EmptyReply, TooManyReplies."""
    values: dict[str, Any] = {"name": _said(name, "name"), "words": _said(words, "words")}
    if execute(select(func.count()).select_from(CannedReply)).scalar_one() >= MOST_REPLIES:
        raise TooManyReplies(most=MOST_REPLIES)
    made = insert(CannedReply).values(**values, active=True, made_by=by).returning(CannedReply.id)
    reply_id: int = execute(made).scalar_one()
    audit.write("canned_reply.made", by=by, subject=f"canned_reply:{reply_id}", at=at, after=values)
    return reply_id


def change_reply(
    reply_id: int, name: Mapping[str, str], words: Mapping[str, str], *, active: bool, by: str, at: datetime
) -> None:
    """Rename a reply, write it anew, or offer it no more. Raises NotFound; refuses: EmptyReply."""
    row = execute(select(CannedReply).where(CannedReply.id == reply_id).with_for_update()).one_or_none()
    if row is None:
        raise NoSuchReply()
    becomes = {"name": _said(name, "name"), "words": _said(words, "words"), "active": active}
    before = {key: getattr(row, key) for key in becomes}
    if becomes == before:
        return
    execute(update(CannedReply).where(CannedReply.id == reply_id).values(becomes))
    audit.write("canned_reply.changed", by=by, subject=f"canned_reply:{reply_id}", at=at, before=before, after=becomes)


def _said(text: Mapping[str, str], field: str) -> dict[str, str]:
    """Return the languages in which a text says something. Refuses: EmptyReply. Pure."""
    said = {language: words.strip() for language, words in text.items() if words.strip()}
    if not said:
        raise EmptyReply().about(f"{field}_en")
    return said
