"""Bindings: which account at a partner's is a member's. The partner invites, the member agrees; either way it is one.

An invitation is a link that the partner shows to whoever has signed in there. It is random, kept hashed, and used once
by a member who has signed in here and agrees.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import CheckConstraint, ForeignKey, Index, Row, String, delete, insert, select, text, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import audit, earning, ledger, people, programme

from .accounts import Partner, run_by

LONGEST_ACCOUNT = 80
LASTS = timedelta(minutes=30)


class AlreadyBound(Refusal):
    message = N_("This account is bound to a member already.")


class BoundElsewhere(Refusal):
    message = N_("You have bound another account at {partner}. Unbind it first, then open a new link.")


class RunsPartner(Refusal):
    """Who looks after a partner at the desk earns nothing by it."""

    message = N_("You look after {partner} at the desk here, so nothing bought there earns you points.")


class Invitation(db.Model):
    """A link by which a member may bind an account."""

    __tablename__ = "partner_invitation"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"))
    account: Mapped[str] = mapped_column(String(LONGEST_ACCOUNT))
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class Binding(db.Model):
    """An account at a partner's that a member has bound; over when it has ended."""

    __tablename__ = "partner_binding"
    __table_args__ = (
        CheckConstraint("ended_at >= bound_at", name="ends_after_it_began"),
        Index(
            "uq_partner_binding_account",
            "partner_id",
            "account",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "uq_partner_binding_member",
            "partner_id",
            "member_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "member_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"))
    account: Mapped[str] = mapped_column(String(LONGEST_ACCOUNT))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    bound_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class Invited(Struct, frozen=True):
    """What an invitation is about."""

    partner_id: int
    partner: str
    account: str


def invite(partner_id: int, account: str, *, at: datetime) -> tuple[str, datetime]:
    """Make a link for an account; one made before for it is void. Returns its secret and when it ends.

    Raises AlreadyBound.
    """
    if bound_member(partner_id, account) is not None:
        raise AlreadyBound
    token = secrets.token_urlsafe(32)
    execute(delete(Invitation).where(Invitation.partner_id == partner_id, Invitation.account == account))
    execute(
        insert(Invitation).values(
            token_hash=people.hash_of(token), partner_id=partner_id, account=account, expires_at=at + LASTS
        )
    )
    return token, at + LASTS


def invitation(token: str, *, at: datetime) -> Invited:
    """Return what a link is about. Raises people.DeadLink for one that is unknown, used or too old."""
    row = execute(
        select(Partner.id, Partner.name, Invitation.account)
        .join(Partner, Partner.id == Invitation.partner_id)
        .where(Invitation.token_hash == people.hash_of(token), Invitation.expires_at > at)
    ).one_or_none()
    if row is None:
        raise people.DeadLink
    return Invited(row.id, row.name, row.account)


def bind(
    member_id: int, token: str, *, terms: programme.Programme, at: datetime
) -> tuple[Invited, tuple[earning.Reward, ...]]:
    """Bind the account a link is about to a member, who agreed; the link is used up. Returns it and what it gave.

    Raises people.DeadLink, RunsPartner, AlreadyBound, BoundElsewhere.
    """
    ledger.lock(member_id, zone=terms.zone)  # Before any INSERT that refers to the member.
    invited = invitation(token, at=at)
    used = execute(delete(Invitation).where(Invitation.token_hash == people.hash_of(token)))
    if used.rowcount == 0:
        raise people.DeadLink
    if run_by(invited.partner_id, member_id):
        raise RunsPartner(partner=invited.partner)
    if bound_member(invited.partner_id, invited.account) is not None:
        raise AlreadyBound
    if _account_of(invited.partner_id, member_id) is not None:
        raise BoundElsewhere(partner=invited.partner)
    execute(
        insert(Binding).values(
            partner_id=invited.partner_id,
            account=invited.account,
            member_id=member_id,
            bound_at=at,
            ended_at=None,
        )
    )
    _note("partner.account_bound", member_id, invited.partner, invited.account, at=at)
    return invited, earning.told(member_id, earning.ACCOUNT_BOUND, terms=terms, at=at)


def unbind(member_id: int, binding_id: int, *, at: datetime) -> None:
    """End a member's binding: what is bought with the account earns nothing from now on. Once, however often.

    Raises NotFound.
    """
    mine = (Binding.id == binding_id, Binding.member_id == member_id)
    row = execute(
        select(Partner.name, Binding.account).join(Partner, Partner.id == Binding.partner_id).where(*mine)
    ).one_or_none()
    if row is None:
        raise NotFound
    if execute(update(Binding).where(*mine, Binding.ended_at.is_(None)).values(ended_at=at)).rowcount:
        _note("partner.account_unbound", member_id, row.name, row.account, at=at)


def bindings_of(member_id: int) -> Sequence[Row[Any]]:
    """Return the accounts a member has bound: id, partner, account, bound_at."""
    return execute(
        select(Binding.id, Partner.name.label("partner"), Binding.account, Binding.bound_at)
        .join(Partner, Partner.id == Binding.partner_id)
        .where(Binding.member_id == member_id, Binding.ended_at.is_(None))
        .order_by(Partner.name)
    ).all()


def bound_member(partner_id: int, account: str) -> int | None:
    """Return the member who has bound an account, or None."""
    return execute(
        select(Binding.member_id).where(
            Binding.partner_id == partner_id, Binding.account == account, Binding.ended_at.is_(None)
        )
    ).scalar_one_or_none()


def forget_invitations(*, at: datetime) -> int:
    """Delete links that have ended. Returns how many."""
    return execute(delete(Invitation).where(Invitation.expires_at <= at)).rowcount


def _account_of(partner_id: int, member_id: int) -> str | None:
    return execute(
        select(Binding.account).where(
            Binding.partner_id == partner_id, Binding.member_id == member_id, Binding.ended_at.is_(None)
        )
    ).scalar_one_or_none()


def _note(act: str, member_id: int, partner: str, account: str, *, at: datetime) -> None:
    member = f"member:{member_id}"
    audit.write(act, by=member, subject=member, at=at, after={"partner": partner, "account": account})
