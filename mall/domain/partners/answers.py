"""Answers: what a partner was told for a key of its own choosing, so that a request sent twice has one effect."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import JSON, ForeignKey, String, delete, insert, select

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_

LONGEST_KEY = 120
ANSWERS_KEPT = timedelta(days=30)


class KeyOfOther(Refusal):
    message = N_("This Idempotency-Key was used for another request. Choose a new one for each request.")


class Answer(db.Model):
    """What a partner was told when something was done for a key. A refusal is not kept: nothing was done."""

    __tablename__ = "partner_answer"

    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"), primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(LONGEST_KEY), primary_key=True)
    body_hash: Mapped[str] = mapped_column(String(64))
    answer: Mapped[dict[str, Any]] = mapped_column(JSON)
    at: Mapped[datetime] = mapped_column(Instant, index=True)


class Given(Struct, frozen=True):
    """An answer, and whether it was given before."""

    answer: dict[str, Any]
    again: bool = False


def body_hash(act: str, body: bytes) -> str:
    """Return what is kept of a request: the same only for the same act with the same body, byte by byte."""
    return hashlib.sha256(act.encode() + b"\0" + body).hexdigest()


def earlier_answer(partner_id: int, key: str, *, of_body: str) -> Given | None:
    """Return what was answered for a key, or None. Raises KeyOfOther where it was for another body."""
    row = execute(
        select(Answer.body_hash, Answer.answer).where(Answer.partner_id == partner_id, Answer.key == key)
    ).one_or_none()
    if row is None:
        return None
    if row.body_hash != of_body:
        raise KeyOfOther
    return Given(row.answer, again=True)


def keep_answer(partner_id: int, key: str, answer: dict[str, Any], *, of_body: str, at: datetime) -> Given:
    """Keep an answer in the transaction that did what it says. Returns it."""
    execute(insert(Answer).values(partner_id=partner_id, key=key, body_hash=of_body, answer=answer, at=at))
    return Given(answer)


def forget_answers(*, at: datetime) -> int:
    """Delete answers nobody will ask for again. Returns how many."""
    return execute(delete(Answer).where(Answer.at < at - ANSWERS_KEPT)).rowcount
