"""Persons: who is behind a request, and whose e-mail and password someone gives."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from msgspec import Struct
from sqlalchemy import Select, and_, bindparam, func, or_, select, update

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import notices

from .emails import Email
from .members import Member
from .sign_ins import (
    MEMBER_IDLE,
    MEMBER_LONGEST,
    SECOND_FACTOR_WITHIN,
    SEEN_EVERY,
    STAFF_IDLE,
    STAFF_LONGEST,
    SignIn,
)
from .staff import PERMISSIONS, Staff
from .throttle import Counted, Limit, count, forgive
from .tokens import hash_of

QUARTER = timedelta(minutes=15)
# Who has never been in with this account: so often from one network, and so often from all of them together.
SIGN_IN_FROM_NETWORK = Limit("sign-in-here", 10, QUARTER)
SIGN_IN_BY_ACCOUNT = Limit("sign-in-account", 100, QUARTER)
# Who has been in with this account in this browser.
SIGN_IN_BY_BROWSER = Limit("sign-in-browser", 10, QUARTER)
SIGN_IN_BY_NETWORK = Limit("sign-in-network", 100, QUARTER)
SECOND_FACTOR = Limit("second-factor", 5, QUARTER)
PASSWORD_AGAIN = Limit("password-again", 10, QUARTER)
REGISTER_BY_NETWORK = Limit("register-network", 30, timedelta(hours=1))
RESET_BY_ACCOUNT = Limit("reset-account", 5, timedelta(hours=1))
RESET_BY_NETWORK = Limit("reset-network", 30, timedelta(hours=1))
BASKETS_BY_NETWORK = Limit("basket-network", 100, timedelta(hours=1))
VERIFY_AGAIN = Limit("verify-again", 5, timedelta(hours=1))


class AccountFrozen(Refusal):
    """A member's password was right, but they are kept out for now."""

    message = N_(
        "This account is frozen, so you cannot sign in for now. Your points and orders are kept."
        " Write to {email}, and we will look at it together."
    )
    without_address = N_(
        "This account is frozen, so you cannot sign in for now. Your points and orders are kept."
        " Ask the shop about it."
    )

    def __init__(self, *, email: str) -> None:
        super().__init__(None if email else self.without_address, email=email)


class OwnMatter(Refusal):
    """Nobody who works here gives, refunds or decides anything for themselves."""

    message = N_("This is your own account or order. A colleague has to decide about it.")


class WrongPassword(Refusal):
    """There is no such account, or this is not its password; nobody is told which."""

    message = N_("That e-mail address and password do not fit together. Check both, or set a new password.")


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


class Credentials(Struct, frozen=True):
    """What there is to compare a password with. Both are None where there is no account that may sign in.

    `frozen`: the account is there, but may not; only who knows its password is told.
    """

    person_id: int | None
    password_hash: str | None
    enrolled: bool = False
    language: str = "en"
    frozen: bool = False


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


def credentials_of_member(email: Email) -> Credentials:
    """Return what a member's password is compared with, for anyone's e-mail."""
    row = execute(
        select(Member.id, Member.password_hash, Member.language, Member.deactivated_at).where(
            Member.email_key == email.key
        )
    ).one_or_none()
    if row is None:
        return Credentials(None, None)
    return Credentials(row.id, row.password_hash, language=row.language, frozen=row.deactivated_at is not None)


def credentials_of_staff(email: Email) -> Credentials:
    """Return what the password of staff is compared with, for anyone's e-mail."""
    row = execute(
        select(Staff.id, Staff.password_hash, Staff.language, Staff.totp_confirmed_at, Staff.deactivated_at).where(
            Staff.email_key == email.key
        )
    ).one_or_none()
    if row is None or row.deactivated_at is not None or row.password_hash is None:
        return Credentials(None, None)
    return Credentials(row.id, row.password_hash, row.totp_confirmed_at is not None, row.language)


def insist_on(door: str, known: Credentials) -> None:
    """Keep a password from being changed until a sign-in by it is written, so that the change ends that one too.

    Comparing takes a while: the hash that was compared must still be theirs. Raises WrongPassword.
    """
    table: Any = Member if door == "member" else Staff
    held = execute(
        select(table.password_hash)
        .where(table.id == known.person_id, table.deactivated_at.is_(None))
        .with_for_update(read=True)
    ).scalar_one_or_none()
    if held is None or held != known.password_hash:
        raise WrongPassword


def count_sign_in(door: str, email: Email, *, network: str, at: datetime, browser: str | None = None) -> Counted:
    """Count a try to sign in, before the password is looked at.

    `browser` is the number of one that is known to the account: only its own tries count for it, so that no stranger
    can keep its owner out. All others count by network, by account and network, and by account from everywhere.

    The owner of an account is told the first time a limit of it is passed; a new password by mail opens it at once.
    `door` is "member" or "staff". Returns the count that refuses, or the last one.
    """
    account = f"{door}:{email.key}"
    if browser is not None:
        return count(SIGN_IN_BY_BROWSER, f"{account}:{browser}", at=at)
    counted = count(SIGN_IN_BY_NETWORK, network, at=at)
    if not counted.allowed:
        return counted
    for limit, subject in ((SIGN_IN_FROM_NETWORK, f"{account}:{network}"), (SIGN_IN_BY_ACCOUNT, account)):
        counted = count(limit, subject, at=at)
        if counted.just_over and door == "member":
            _tell_slowed(email, at=at)
        if not counted.allowed:
            break
    return counted


def forgive_sign_in(door: str, key: str, *, network: str | None = None, browser: str | None = None) -> None:
    """Forget the wrong tries at an account: its owner has come in, from this network, in this browser.

    `key` is the e-mail's key.
    """
    account = f"{door}:{key}"
    # In the order they are counted in, or two who come in at once wait for each other.
    if network is not None:
        forgive(SIGN_IN_FROM_NETWORK, f"{account}:{network}")
    forgive(SIGN_IN_BY_ACCOUNT, account)
    if browser is not None:
        forgive(SIGN_IN_BY_BROWSER, f"{account}:{browser}")


def _tell_slowed(email: Email, *, at: datetime) -> None:
    member = execute(select(Member.id, Member.email).where(Member.email_key == email.key)).one_or_none()
    if member is not None:
        notices.tell(
            member.id,
            "sign_in_slowed",
            to=member.email,
            values={},
            key=f"sign_in_slowed:{member.id}:{at:%Y-%m-%d}",
            at=at,
        )


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
