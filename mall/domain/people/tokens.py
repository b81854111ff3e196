"""Tokens: what a link in a mail carries. Random, kept hashed, used once, for a while."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Row, String, delete, insert, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_

LASTS = {
    "verify": timedelta(days=3),
    "reset": timedelta(minutes=30),
    "change_email": timedelta(days=1),
    "staff_set_up": timedelta(days=3),
}


class DeadLink(Refusal):
    """The token is unknown, used or too old; nobody is told which."""

    message = N_("This link has been used already or is too old. Ask for a new one.")


class Token(db.Model):
    """One link. `email` is the address it was sent to, and for a change of e-mail the one to come."""

    __tablename__ = "token"
    __table_args__ = (
        CheckConstraint("purpose IN ('verify', 'reset', 'change_email', 'staff_set_up')", name="purpose_is_known"),
        CheckConstraint("(member_id IS NULL) <> (staff_id IS NULL)", name="one_person"),
        Index(None, "member_id"),
        Index(None, "staff_id"),
        Index(None, "expires_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(20))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    email: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


def new_secret() -> str:
    """Return 256 random bits, to be put in an address or a cookie."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """Return what is stored of a secret. It is random, so one round of SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def issue(purpose: str, *, email: str, at: datetime, member_id: int | None = None, staff_id: int | None = None) -> str:
    """Make a token. Returns it; it is stored nowhere. What is said of it once goes by its hash: ids come again."""
    secret = new_secret()
    execute(
        insert(Token).values(
            token_hash=hash_of(secret),
            purpose=purpose,
            member_id=member_id,
            staff_id=staff_id,
            email=email,
            created_at=at,
            expires_at=at + LASTS[purpose],
            used_at=None,
        )
    )
    return secret


def alive(purpose: str, secret: str, *, at: datetime) -> Row[Any]:
    """Return the row of a token that could be used now: id, member_id, staff_id, email. Raises DeadLink."""
    row = execute(
        select(Token.id, Token.member_id, Token.staff_id, Token.email).where(
            Token.token_hash == hash_of(secret),
            Token.purpose == purpose,
            Token.used_at.is_(None),
            Token.expires_at > at,
        )
    ).one_or_none()
    if row is None:
        raise DeadLink
    return row


def use(purpose: str, secret: str, *, at: datetime) -> Row[Any]:
    """Use a token up, and with it all others of the same purpose and person. Returns its row. Raises DeadLink."""
    row = execute(
        update(Token)
        .where(
            Token.token_hash == hash_of(secret),
            Token.purpose == purpose,
            Token.used_at.is_(None),
            Token.expires_at > at,
        )
        .values(used_at=at)
        .returning(Token.id, Token.member_id, Token.staff_id, Token.email)
    ).one_or_none()
    if row is None:
        raise DeadLink
    end_tokens(purpose, member_id=row.member_id, staff_id=row.staff_id, at=at)
    return row


def end_tokens(purpose: str, *, at: datetime, member_id: int | None = None, staff_id: int | None = None) -> None:
    """Make all unused tokens of a person for a purpose worthless."""
    whose = Token.member_id == member_id if member_id is not None else Token.staff_id == staff_id
    execute(update(Token).where(whose, Token.purpose == purpose, Token.used_at.is_(None)).values(used_at=at))


def sweep_tokens(*, before: datetime) -> int:
    """Delete tokens that expired before an instant. Returns how many."""
    return execute(delete(Token).where(Token.expires_at < before)).rowcount
