"""Persons: who is behind a request."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from msgspec import Struct
from sqlalchemy import Select, and_, bindparam, func, or_, select, update

from mall.base.db import execute

from .members import Member
from .sign_ins import MEMBER_IDLE, MEMBER_LONGEST, SECOND_FACTOR_WITHIN, SEEN_EVERY, STAFF_IDLE, STAFF_LONGEST, SignIn
from .staff import PERMISSIONS, Staff
from .tokens import hash_of


class Person(Struct, frozen=True):
    """Who is behind a request: a member at the store's door, staff at the other. Handed to flask-login as it is."""

    kind: str  # "member" | "staff"
    id: int
    name: str
    language: str
    verified: bool
    roles: frozenset[str]
    sign_in_id: int
    seen_at: datetime
    number: str = ""
    is_authenticated: ClassVar[bool] = True
    is_active: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False

    @property
    def actor(self) -> str:
        """The person as the `by` of a verb: "member:7", "staff:3"."""
        return f"{self.kind}:{self.id}"

    def may(self, permission: str) -> bool:
        """Tell whether this person has a permission: "operate", "finance" or "admin"."""
        return bool(PERMISSIONS[permission] & self.roles)

    def get_id(self) -> str:
        """Return what flask-login calls this person by."""
        return self.actor


class HalfIn(Struct, frozen=True):
    """Staff whose password was right and whose second factor is to come."""

    sign_in_id: int
    staff_id: int
    enrolled: bool


def person_select() -> Select[*tuple[Any, ...]]:
    """Return the one statement that finds who holds a token (bind `token_hash`)."""
    return (
        select(
            SignIn.id.label("sign_in_id"),
            SignIn.created_at,
            SignIn.passed_at,
            SignIn.last_seen_at,
            Member.id.label("member_id"),
            Member.number,
            Member.display_name,
            Member.verified_at,
            Staff.id.label("staff_id"),
            Staff.name.label("staff_name"),
            Staff.roles,
            Staff.totp_confirmed_at,
            func.coalesce(Member.language, Staff.language).label("language"),
        )
        .outerjoin(Member, and_(Member.id == SignIn.member_id, Member.deactivated_at.is_(None)))
        .outerjoin(Staff, and_(Staff.id == SignIn.staff_id, Staff.deactivated_at.is_(None)))
        .where(
            SignIn.token_hash == bindparam("token_hash"),
            SignIn.ended_at.is_(None),
            or_(Member.id.is_not(None), Staff.id.is_not(None)),
        )
    )


def member_select() -> Select[*tuple[Any, ...]]:
    """Return the statement that finds the member who holds a token (bind `token_hash`): all the store needs."""
    return (
        select(
            SignIn.id.label("sign_in_id"),
            SignIn.created_at,
            SignIn.last_seen_at,
            Member.id.label("member_id"),
            Member.number,
            Member.display_name,
            Member.verified_at,
            Member.language,
        )
        .join(Member, and_(Member.id == SignIn.member_id, Member.deactivated_at.is_(None)))
        .where(SignIn.token_hash == bindparam("token_hash"), SignIn.ended_at.is_(None), SignIn.passed_at.is_not(None))
    )


_PERSON = person_select()


def person_of(token: str, *, at: datetime) -> Person | None:
    """Return who holds a sign-in, or None: ended, too old, unfinished, or the person may no longer come in."""
    row = execute(_PERSON, {"token_hash": hash_of(token)}).one_or_none()
    return None if row is None else person_from(row._mapping, at=at)


def person_from(row: Mapping[Any, Any], *, at: datetime) -> Person | None:
    """Read a Person from a row of `person_select()`, None when its sign-in is not, or no longer, good."""
    if row["passed_at"] is None:
        return None
    if row["member_id"] is not None:
        return member_from(row, at=at)
    if at - row["last_seen_at"] > STAFF_IDLE or at - row["created_at"] > STAFF_LONGEST:
        return None
    return Person(
        kind="staff",
        id=row["staff_id"],
        name=row["staff_name"],
        language=row["language"],
        verified=True,
        roles=frozenset(row["roles"]),
        sign_in_id=row["sign_in_id"],
        seen_at=row["last_seen_at"],
    )


def member_from(row: Mapping[Any, Any], *, at: datetime) -> Person | None:
    """Read a Person from a row of `member_select()`, None when its sign-in is no longer good."""
    if at - row["last_seen_at"] > MEMBER_IDLE or at - row["created_at"] > MEMBER_LONGEST:
        return None
    return Person(
        kind="member",
        id=row["member_id"],
        name=row["display_name"],
        language=row["language"],
        verified=row["verified_at"] is not None,
        roles=frozenset(),
        sign_in_id=row["sign_in_id"],
        seen_at=row["last_seen_at"],
        number=row["number"],
    )


def half_in(token: str, *, at: datetime) -> HalfIn | None:
    """Return the staff whose second factor this token waits for, or None."""
    row = execute(_PERSON, {"token_hash": hash_of(token)}).one_or_none()
    if row is None or row.staff_id is None or row.passed_at is not None:
        return None
    if at - row.created_at > SECOND_FACTOR_WITHIN:
        return None
    return HalfIn(sign_in_id=row.sign_in_id, staff_id=row.staff_id, enrolled=row.totp_confirmed_at is not None)


def to_be_noted(person: Person, *, at: datetime) -> bool:
    """Tell whether it is time to note that a person was here: at most once in five minutes."""
    return at - person.seen_at >= SEEN_EVERY


def note_seen(person: Person, *, at: datetime) -> None:
    """Note that a person was here."""
    changed = execute(
        update(SignIn)
        .where(SignIn.id == person.sign_in_id, SignIn.last_seen_at <= at - SEEN_EVERY)
        .values(last_seen_at=at)
    )
    if changed.rowcount:
        table: Any = Member if person.kind == "member" else Staff
        execute(update(table).where(table.id == person.id).values(last_seen_at=at))
