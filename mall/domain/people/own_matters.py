"""Own matters: who works here and buys here decides nothing about themselves."""

from sqlalchemy import select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_

from .members import Member
from .staff import Staff


class OwnMatter(Refusal):
    """Nobody who works here gives, refunds or decides anything for themselves."""

    message = N_("This is your own account or order. A colleague has to decide about it.")


def member_like_staff(staff_id: int) -> int | None:
    """Return the member with the same e-mail as someone on the staff, or None: nobody acts on their own points."""
    return execute(
        select(Member.id).join(Staff, Staff.email_key == Member.email_key).where(Staff.id == staff_id)
    ).scalar_one_or_none()


def member_behind(by: str) -> int | None:
    """Return the member that who acts, "staff:3", is as well; None for the mall itself and for members."""
    kind, _colon, number = by.partition(":")
    return member_like_staff(int(number)) if kind == "staff" else None


def not_for_oneself(member_id: int, *, by: str) -> None:
    """Keep whoever works here from deciding about their own account or order. `by` is who acts, "staff:3".

    What the mall itself and the members do is theirs to do. Raises OwnMatter.
    """
    if member_behind(by) == member_id:
        raise OwnMatter
