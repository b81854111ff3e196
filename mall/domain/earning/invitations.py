"""Invitations: a member's code, and who joined by it. What an invitation is worth comes later, and to the inviter.

Nobody invites themselves, and no ring closes: a friend is whoever joins by a code, so always came after the inviter.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Row,
    String,
    and_,
    cast,
    func,
    insert,
    literal,
    select,
)

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.tables import Mapped, aliased, mapped_column
from mall.domain import people

from .facts import FactRow, undone_of
from .tasks import TaskReward

CLEAR, SUSPECT, ACCEPTED, REJECTED = "clear", "suspect", "accepted", "rejected"
STATES = (CLEAR, SUSPECT, ACCEPTED, REJECTED)
# Rewards of these are paid.
PAYS = (CLEAR, ACCEPTED)
# Letters and figures that nobody takes for one another: 10 of them are 50 random bits.
LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
CODE_LENGTH = 10


class InvitationCode(db.Model):
    """The code in a member's invitation link."""

    __tablename__ = "invitation_code"

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(String(12), unique=True)
    made_at: Mapped[datetime] = mapped_column(Instant)


class Invitation(db.Model):
    """A friend joined by a member's code.

    `network` and `same_browser` are what was seen of the friend's browser then: a mark of its network, and whether the
    inviter had signed in with it before. `evidence` is why a person has to look at it: [{"kind", "members"}].
    """

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint("inviter_id < friend_id", name="friend_came_later"),
        CheckConstraint(f"state IN {STATES}", name="state_is_known"),
        CheckConstraint("(state IN ('accepted', 'rejected')) = (decided_at IS NOT NULL)", name="decided_by_a_person"),
        CheckConstraint("state = 'clear' OR suspected_at IS NOT NULL", name="suspected_before_decided"),
        Index(None, "inviter_id", "invited_at"),
        Index(None, "state"),
    )

    friend_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, autoincrement=False)
    inviter_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    invited_at: Mapped[datetime] = mapped_column(Instant)
    network: Mapped[str] = mapped_column(String(64))
    same_browser: Mapped[bool]
    state: Mapped[str] = mapped_column(String(10))
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    suspected_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(500))


append_only(InvitationCode)


class Inviter(Struct, frozen=True):
    """Whose code it is. Friends see the first name only."""

    member_id: int
    first_name: str
    email: str


class Invited(Struct, frozen=True):
    """By which code somebody is about to join, and what is seen of their browser."""

    code: str
    network: str = ""
    same_browser: bool = False


class Friend(Struct, frozen=True):
    """An invitation as its inviter sees it. Points and growth are what each stage has given, None: not yet.

    `ordered`: an order of theirs is paid, and neither kept yet nor given back whole.
    """

    first_name: str
    invited_at: datetime
    state: str
    verified: bool
    ordered: bool
    joined: int | None
    bought: int | None


def make_code(member_id: int, *, at: datetime) -> str:
    """Make a member's invitation code. Asked again, answers the first."""
    people.lock_member(member_id)
    if code := code_of(member_id):
        return code
    code = "".join(secrets.choice(LETTERS) for _letter in range(CODE_LENGTH))
    execute(insert(InvitationCode).values(member_id=member_id, code=code, made_at=at))
    return code


def code_of(member_id: int) -> str | None:
    """Return a member's invitation code, None where there is none yet."""
    return execute(select(InvitationCode.code).where(InvitationCode.member_id == member_id)).scalar_one_or_none()


def inviter_of(code: str) -> Inviter | None:
    """Return whose code it is; None for one that nobody has, or whose member is kept out."""
    member = people.Member
    row = execute(
        select(member.id, member.display_name, member.email)
        .join(InvitationCode, InvitationCode.member_id == member.id)
        .where(InvitationCode.code == code.strip().lower()[:CODE_LENGTH], member.deactivated_at.is_(None))
    ).one_or_none()
    return Inviter(row.id, people.first_name_of(row.display_name), row.email) if row else None


def note_invitation(friend_id: int, invited: Invited, *, at: datetime) -> int | None:
    """Note by whose code a new member has joined, in the transaction that made the member.

    Returns the inviter's id; None for a code that nobody has.
    """
    inviter = inviter_of(invited.code)
    if inviter is None or inviter.member_id >= friend_id:
        return None
    execute(
        insert(Invitation).values(
            friend_id=friend_id,
            inviter_id=inviter.member_id,
            invited_at=at,
            network=invited.network,
            same_browser=invited.same_browser,
            state=CLEAR,
            evidence=[],
            suspected_at=None,
            decided_at=None,
            decided_by=None,
            reason="",
        )
    )
    return inviter.member_id


def friends_of(inviter_id: int, *, limit: int = 100) -> list[Friend]:
    """Return whom a member has invited, the latest first. One statement."""
    friend, row = people.Member, Invitation
    paid, later = aliased(FactRow), aliased(FactRow)
    # What was kept, or went back whole, is waited for no more.
    is_over = (later.kind == "order_kept") | (later.attributes["kept_cents"].as_integer() == 0)
    over = select(later.id).where(later.reference == paid.reference, later.id > paid.id, is_over).correlate(paid)
    ordered = (
        select(paid.id)
        .where(paid.member_id == row.friend_id, paid.kind == "order_paid", ~over.exists())
        .correlate(row)
        .exists()
    )
    rows = execute(
        select(
            friend.display_name,
            friend.verified_at,
            row.invited_at,
            row.state,
            ordered.label("ordered"),
            _given(row, "joined").label("joined"),
            _given(row, "bought").label("bought"),
        )
        .join(friend, friend.id == row.friend_id)
        .where(row.inviter_id == inviter_id)
        .order_by(row.invited_at.desc(), row.friend_id.desc())
        .limit(limit)
    )
    return [
        Friend(
            first_name=people.first_name_of(each.display_name),
            invited_at=each.invited_at,
            state=each.state,
            verified=each.verified_at is not None,
            ordered=bool(each.ordered),
            joined=each.joined,
            bought=each.bought,
        )
        for each in rows
    ]


def invitations(*states: str, limit: int = 100) -> Sequence[Row[Any]]:
    """Return invitations in some states, the latest first, as the desk sees them: the columns of Invitation, and
    inviter_name, friend_name, joined, bought (the points given so far, None where nothing was).
    """
    inviter, friend, row = aliased(people.Member), aliased(people.Member), Invitation
    return execute(
        select(
            row,
            inviter.display_name.label("inviter_name"),
            friend.display_name.label("friend_name"),
            _given(row, "joined").label("joined"),
            _given(row, "bought").label("bought"),
        )
        .join(inviter, inviter.id == row.inviter_id)
        .join(friend, friend.id == row.friend_id)
        .where(row.state.in_(states))
        .order_by(func.coalesce(row.decided_at, row.suspected_at, row.invited_at).desc(), row.friend_id.desc())
        .limit(limit)
    ).all()


def key_of(friend_id: int, stage: str, *, before: int = 0) -> str:
    """Return the key of the fact that a stage of an invitation is reached: "joined", "bought"; so often `before`."""
    return f"invitation:{friend_id}:{stage}" + (f":again:{before}" if before else "")


def is_stage(fact: Any, friend_id: Any, stage: str) -> ColumnElement[bool]:
    """Return the condition that a fact says that a stage of an invitation is reached."""
    return and_(fact.reference == literal("invitation:") + cast(friend_id, String), fact.kind == f"friend_{stage}")


def _given(row: Any, stage: str) -> Any:
    """Return what a stage has given that was not undone, as a column; None where it is not reached."""
    return (
        select(func.sum(func.coalesce(TaskReward.points, 0)))
        .select_from(FactRow)
        .outerjoin(TaskReward, TaskReward.fact_id == FactRow.id)
        .where(is_stage(FactRow, row.friend_id, stage), FactRow.id.not_in(undone_of(row.inviter_id)))
        .correlate(row)
        .scalar_subquery()
    )
