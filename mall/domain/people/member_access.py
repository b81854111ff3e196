"""How a member comes in is changed: the password, by hand or by a link in a mail, and the e-mail address."""

from datetime import datetime

from sqlalchemy import select, update

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import audit, notices

from . import tokens
from .emails import Email, read_email
from .members import Member, member_of
from .passwords import PasswordHash
from .sign_ins import end_sign_ins


class EmailTaken(Refusal):
    """Another member has this e-mail. Only ever said to someone who reads mail sent there."""

    message = N_("Another account uses this e-mail address. Sign in there, or use another address.")


def change_password(member_id: int, password: PasswordHash, *, at: datetime) -> None:
    """Set a member's new password and end every sign-in; the face opens a fresh one. The owner is told."""
    member = execute(
        update(Member)
        .where(Member.id == member_id)
        .values(password_hash=password)
        .returning(Member.email, Member.display_name)
    ).one()
    end_sign_ins(member_id=member_id, at=at)
    tokens.end_tokens("reset", member_id=member_id, at=at)
    tokens.end_tokens("change_email", member_id=member_id, at=at)  # Whoever knew the old password may have asked.
    notices.tell(
        member_id,
        "password_changed",
        to=member.email,
        values={"name": member.display_name},
        key=f"password_changed:{member_id}:{at.isoformat()}",
        at=at,
    )
    audit.write("member.password_changed", by=f"member:{member_id}", subject=f"member:{member_id}", at=at)


def keep_rehashed(member_id: int, password: PasswordHash, *, instead_of: str) -> bool:
    """Keep the same password hashed with the parameters now in force; one that was changed meanwhile stays.

    Returns whether it is kept.
    """
    kept = execute(
        update(Member).where(Member.id == member_id, Member.password_hash == instead_of).values(password_hash=password)
    )
    return kept.rowcount == 1


def ask_reset(email: Email, *, page: str, at: datetime) -> None:
    """Mail the member with this e-mail the link that sets a new password. An unknown e-mail gets nothing."""
    member = execute(
        select(Member.id, Member.email, Member.display_name).where(
            Member.email_key == email.key, Member.deactivated_at.is_(None)
        )
    ).one_or_none()
    if member is None:
        return
    # To the address on file, never to a spelling of it that someone typed.
    token = tokens.issue("reset", member_id=member.id, email=member.email, at=at)
    notices.tell(
        member.id,
        "reset_password",
        to=member.email,
        values={"name": member.display_name, "link": page + token},
        key=f"reset_password:{tokens.hash_of(token)}",
        at=at,
    )


def reset_password(token: str, password: PasswordHash, *, at: datetime) -> int:
    """Set a new password by the link in a mail, which proves the e-mail too. Returns the member's id.

    Raises DeadLink. Every sign-in ends.
    """
    used = tokens.use("reset", token, at=at)
    member = execute(
        select(Member.id, Member.email, Member.verified_at, Member.deactivated_at).where(Member.id == used.member_id)
    ).one()
    if member.deactivated_at is not None or member.email != used.email:
        raise tokens.DeadLink
    if member.verified_at is None:
        execute(update(Member).where(Member.id == member.id).values(verified_at=at))
    change_password(member.id, password, at=at)
    return member.id


def ask_email_change(member_id: int, email: Email, *, page: str, at: datetime) -> None:
    """Mail the link that confirms a new e-mail to it, and a notice to the old one.

    The face has asked for the password. An address that another member has gets the same note as at registering;
    the member sees no difference.
    """
    member = member_of(member_id)
    owner = execute(select(Member.id, Member.email).where(Member.email_key == email.key)).one_or_none()
    token = tokens.issue("change_email", member_id=member_id, email=email.address, at=at)
    if owner is not None and owner.id != member_id:
        notices.tell(
            owner.id, "email_known", to=owner.email, values={}, key=f"email_known:{owner.id}:{at:%Y-%m-%d}", at=at
        )
    else:
        notices.tell(
            member_id,
            "confirm_email",
            to=email.address,
            values={"name": member.display_name, "link": page + token},
            key=f"confirm_email:{tokens.hash_of(token)}",
            at=at,
        )
    notices.tell(
        member_id,
        "email_changing",
        to=member.email,
        values={"name": member.display_name, "email": email.address},
        key=f"email_changing:{tokens.hash_of(token)}",
        at=at,
    )


def change_email(token: str, *, at: datetime) -> int:
    """Give a member the e-mail a link was sent to; that verifies it. Returns the member's id.

    Raises DeadLink, EmailTaken.
    """
    used = tokens.use("change_email", token, at=at)
    email = read_email(used.email)
    member = execute(select(Member).where(Member.id == used.member_id).with_for_update(key_share=True)).one()
    if member.deactivated_at is not None:
        raise tokens.DeadLink
    taken = select(Member.id).where(Member.email_key == email.key, Member.id != member.id)
    if execute(taken).one_or_none() is not None:
        raise EmailTaken
    execute(
        update(Member)
        .where(Member.id == member.id)
        .values(email=email.address, email_key=email.key, verified_at=member.verified_at or at)
    )
    for purpose in ("verify", "reset"):
        tokens.end_tokens(purpose, member_id=member.id, at=at)
    audit.write(
        "member.email_changed",
        by=f"member:{member.id}",
        subject=f"member:{member.id}",
        at=at,
        before={"email": member.email},
        after={"email": email.address},
    )
    return member.id
