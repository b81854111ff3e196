"""Credentials: what a password is compared with when somebody comes in, and how often it may be tried from where."""

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import notices

from .emails import Email
from .members import Member
from .staff import Staff
from .throttle import Counted, Limit, count, forgive

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
# Each sends a mail to whatever address was typed.
EMAIL_CHANGE = Limit("email-change", 5, timedelta(hours=1))


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


class WrongPassword(Refusal):
    """There is no such account, or this is not its password; nobody is told which."""

    message = N_("That e-mail address and password do not fit together. Check both, or set a new password.")


class Credentials(Struct, frozen=True):
    """What there is to compare a password with. Both are None where there is no account that may sign in.

    `frozen`: the account is there, but may not; only who knows its password is told.
    """

    person_id: int | None
    password_hash: str | None
    enrolled: bool = False
    language: str = "en"
    frozen: bool = False


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


def insist_on(door: str, known: Credentials, *, to_change: bool = False) -> None:
    """Keep a password from being changed until what it lets somebody do is written, so that the change comes after it.

    Comparing takes a while: the hash that was compared must still be theirs. `to_change`: their row is written next.
    Raises WrongPassword.
    """
    table: Any = Member if door == "member" else Staff
    held = execute(
        select(table.password_hash)
        .where(table.id == known.person_id, table.deactivated_at.is_(None))
        .with_for_update(read=not to_change, key_share=to_change)
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
