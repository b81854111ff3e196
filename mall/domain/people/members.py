"""Members: who shops here. Registering, proving an e-mail, the profile, leaving."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, Date, Index, Row, String, insert, or_, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import audit, notices

from . import tokens
from .emails import BadEmail, Email, read_email
from .member_numbers import new_number, plain_number
from .passwords import PasswordHash
from .sign_ins import end_sign_ins

LANGUAGES = ("en", "zh")
BIRTHDAY_RESTS = timedelta(days=365)
NAMED_AT_ONCE = 1_000
EARLIEST_BIRTHDAY = date(1900, 1, 1)


class BirthdayRests(Refusal):
    """The birthday was changed less than 365 days ago."""

    message = N_("A birthday can be changed once in 365 days. Yours can be changed again on {change_on}.")


class OwnAccount(Refusal):
    """Whoever works here and buys here is another's to freeze."""

    message = N_("This is your own account as a member, so it is for a colleague to freeze or unfreeze.")


class Member(db.Model):
    """A member. `email_key` is the same for every spelling of one address; `number` is said at a till."""

    __tablename__ = "member"
    __table_args__ = (
        CheckConstraint("language IN ('en', 'zh')", name="language_is_known"),
        Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(12), unique=True)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    display_name: Mapped[str] = mapped_column(String(80))
    birthday: Mapped[date | None] = mapped_column(Date)
    birthday_changed_at: Mapped[datetime | None] = mapped_column(Instant)
    phone: Mapped[str] = mapped_column(String(30))
    language: Mapped[str] = mapped_column(String(5))
    marketing_consent_at: Mapped[datetime | None] = mapped_column(Instant)
    verified_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_seen_at: Mapped[datetime | None] = mapped_column(Instant)
    deactivated_at: Mapped[datetime | None] = mapped_column(Instant)


def register(
    *,
    email: Email,
    password: PasswordHash,
    display_name: str,
    language: str,
    wants_news: bool,
    verify_page: str,
    at: datetime,
) -> int | None:
    """Make a member and mail the link that verifies the e-mail. Returns the member's id.

    A known e-mail makes nobody: its owner is told, at most once a day, and None is returned; the visitor must see the
    same page. `verify_page` is the address the token is appended to.
    """
    if owner := execute(select(Member.id, Member.email).where(Member.email_key == email.key)).one_or_none():
        notices.tell(
            owner.id,
            "email_known",
            to=owner.email,
            values={},
            key=f"email_known:{owner.id}:{at:%Y-%m-%d}",
            at=at,
        )
        return None
    member_id = execute(
        insert(Member)
        .values(
            number=new_number(),
            email=email.address,
            email_key=email.key,
            password_hash=password,
            display_name=display_name,
            birthday=None,
            birthday_changed_at=None,
            phone="",
            language=language,
            marketing_consent_at=at if wants_news else None,
            verified_at=None,
            created_at=at,
            last_seen_at=None,
            deactivated_at=None,
        )
        .returning(Member.id)
    ).scalar_one()
    ask_to_verify(member_id, page=verify_page, at=at)
    return member_id


def ask_to_verify(member_id: int, *, page: str, at: datetime) -> None:
    """Mail a member the link that verifies the e-mail. Does nothing when it is verified already."""
    member = member_of(member_id)
    if member.verified_at is not None:
        return
    token = tokens.issue("verify", member_id=member_id, email=member.email, at=at)
    notices.tell(
        member_id,
        "verify_email",
        to=member.email,
        values={"name": member.display_name, "link": page + token},
        key=f"verify_email:{tokens.hash_of(token)}",
        at=at,
    )


def verify(token: str, *, at: datetime) -> int | None:
    """Mark the e-mail a link was sent to as verified. Returns the member's id, None when it was verified before.

    Raises DeadLink, also when the member has another e-mail by now.
    """
    used = tokens.use("verify", token, at=at)
    member = execute(
        select(Member.id, Member.email, Member.verified_at)
        .where(Member.id == used.member_id)
        .with_for_update(key_share=True)
    ).one()
    if member.email != used.email:
        raise tokens.DeadLink
    if member.verified_at is not None:
        return None
    execute(update(Member).where(Member.id == member.id).values(verified_at=at))
    return member.id


def member_of(member_id: int) -> Row[Any]:
    """Return a member's row. Raises NotFound."""
    row = execute(select(Member).where(Member.id == member_id)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such member."))
    return row


def lock_member(member_id: int) -> None:
    """Keep others from doing for a member what is counted first, until the transaction ends."""
    assert in_transaction(), "lock_member() outside transaction()"
    execute(select(Member.id).where(Member.id == member_id).with_for_update(key_share=True))


def names_of(member_ids: Collection[int]) -> dict[int, str]:
    """Return what members are called, {id: name}."""
    rows = execute(select(Member.id, Member.display_name).where(Member.id.in_(member_ids)))
    return {row.id: row.display_name for row in rows}


def members_named(typed: Collection[str]) -> dict[str, Row[Any]]:
    """Return the members with these numbers or e-mail addresses: {as typed: id, display_name, deactivated_at}.

    What names nobody is left out. One statement for each thousand.
    """
    keys = {each: _key_of(each) for each in typed}
    wanted = sorted({key for key in keys.values() if key})
    found: dict[str, Row[Any]] = {}
    for start in range(0, len(wanted), NAMED_AT_ONCE):
        some = wanted[start : start + NAMED_AT_ONCE]
        columns = (Member.id, Member.number, Member.email_key, Member.display_name, Member.deactivated_at)
        for row in execute(select(*columns).where(or_(Member.number.in_(some), Member.email_key.in_(some)))):
            found[row.number] = found[row.email_key] = row
    return {each: found[key] for each, key in keys.items() if key in found}


def _key_of(typed: str) -> str:
    """Return what a member is found by: the number, or the key of an e-mail address; empty for what is neither."""
    if "@" not in typed:
        return plain_number(typed)
    try:
        return read_email(typed).key
    except BadEmail:
        return ""


def save_profile(
    member_id: int,
    *,
    display_name: str,
    birthday: date | None,
    phone: str,
    language: str,
    wants_news: bool,
    at: datetime,
) -> None:
    """Write what a member says of themselves. Raises BirthdayRests."""
    member = execute(select(Member).where(Member.id == member_id).with_for_update(key_share=True)).one()
    values: dict[str, Any] = {"display_name": display_name, "phone": phone, "language": language}
    if birthday != member.birthday:
        if change_at := birthday_rests_until(member, at=at):
            raise BirthdayRests(change_on=change_at)
        values |= {"birthday": birthday, "birthday_changed_at": at}
    if wants_news != (member.marketing_consent_at is not None):
        values["marketing_consent_at"] = at if wants_news else None
    execute(update(Member).where(Member.id == member_id).values(values))


def birthday_rests_until(member: Any, *, at: datetime) -> datetime | None:
    """Return from when the birthday may be changed, or None when it may be changed now."""
    if member.birthday_changed_at is None or member.birthday_changed_at + BIRTHDAY_RESTS <= at:
        return None
    return member.birthday_changed_at + BIRTHDAY_RESTS


def choose_language(member_id: int, language: str) -> None:
    """Keep the language a member reads in."""
    execute(update(Member).where(Member.id == member_id).values(language=language))


def freeze_member(member_id: int, *, own_member_id: int | None, by: str, reason: str, at: datetime) -> None:
    """Keep a member out: their sign-ins end, new ones are refused. Points and orders stay. Once, however often.

    `own_member_id` is the member that `by` is, if any. Raises OwnAccount, NotFound.
    """
    _insist_on_another(member_id, own_member_id)
    free = Member.deactivated_at.is_(None)
    if execute(update(Member).where(Member.id == member_id, free).values(deactivated_at=at)).rowcount:
        end_sign_ins(member_id=member_id, at=at)
        audit.write("member.frozen", by=by, subject=f"member:{member_id}", at=at, reason=reason)


def unfreeze_member(member_id: int, *, own_member_id: int | None, by: str, reason: str, at: datetime) -> None:
    """Let a frozen member in again; the password is the one they had. Raises OwnAccount, NotFound."""
    _insist_on_another(member_id, own_member_id)
    frozen = Member.deactivated_at.is_not(None)
    if execute(update(Member).where(Member.id == member_id, frozen).values(deactivated_at=None)).rowcount:
        audit.write("member.unfrozen", by=by, subject=f"member:{member_id}", at=at, reason=reason)


def _insist_on_another(member_id: int, own_member_id: int | None) -> None:
    if member_id == own_member_id:
        raise OwnAccount
    member_of(member_id)


def first_name_of(display_name: str) -> str:
    """Return what others see of a name: the first name; of a name in Chinese, which begins with the family, its first
    character. Pure.
    """
    first = next(iter(display_name.split()), "")
    if 1 < len(first) <= 4 and all("\u4e00" <= letter <= "\u9fff" for letter in first):
        return f"{first[0]}**"
    return first
