"""Sign-ins: the sessions of members and staff, kept by us, so that ending one ends it everywhere.

The browser holds 256 random bits, the table their hash. A sign-in of staff counts only after its second factor.
"""

from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, delete, insert, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.tables import Mapped, mapped_column

from .tokens import hash_of, new_secret

LONGEST_BROWSER = 200
# Those not seen for so long are forgotten; they have ended long before.
SIGN_INS_KEPT = timedelta(days=90)
# How long a sign-in lasts unused, and in all.
MEMBER_IDLE, MEMBER_LONGEST = timedelta(days=30), timedelta(days=180)
STAFF_IDLE, STAFF_LONGEST = timedelta(hours=2), timedelta(hours=12)
SECOND_FACTOR_WITHIN = timedelta(minutes=10)
SEEN_EVERY = timedelta(minutes=5)


class SignIn(db.Model):
    """A sign-in. `passed_at` is when it was complete: at once for members, after the second factor for staff."""

    __tablename__ = "sign_in"
    __table_args__ = (
        CheckConstraint("(member_id IS NULL) <> (staff_id IS NULL)", name="one_person"),
        Index(None, "member_id"),
        Index(None, "staff_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    browser: Mapped[str] = mapped_column(String(LONGEST_BROWSER))
    created_at: Mapped[datetime] = mapped_column(Instant)
    passed_at: Mapped[datetime | None] = mapped_column(Instant)
    last_seen_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


def open_sign_in(
    *,
    member_id: int | None = None,
    staff_id: int | None = None,
    passed: bool = True,
    browser: str = "",
    at: datetime,
) -> str:
    """Begin a sign-in of a member or of staff. Returns the token for the browser, stored nowhere here.

    With `passed=False` it counts for nothing until `pass_second_factor`.
    """
    token = new_secret()
    execute(
        insert(SignIn).values(
            token_hash=hash_of(token),
            member_id=member_id,
            staff_id=staff_id,
            browser=browser[:LONGEST_BROWSER],
            created_at=at,
            passed_at=at if passed else None,
            last_seen_at=at,
            ended_at=None,
        )
    )
    return token


def pass_second_factor(sign_in_id: int, *, at: datetime) -> str:
    """Complete a sign-in. Returns its new token: the one of before the second factor is worth nothing."""
    token = new_secret()
    execute(
        update(SignIn)
        .where(SignIn.id == sign_in_id, SignIn.ended_at.is_(None))
        .values(token_hash=hash_of(token), passed_at=at, last_seen_at=at)
    )
    return token


def end_sign_in(token: str, *, at: datetime) -> None:
    """End the sign-in a browser holds. Does nothing when there is none."""
    execute(update(SignIn).where(SignIn.token_hash == hash_of(token), SignIn.ended_at.is_(None)).values(ended_at=at))


def end_sign_ins(
    *, member_id: int | None = None, staff_id: int | None = None, but: int | None = None, at: datetime
) -> int:
    """End every sign-in of a person, but one. Returns how many ended."""
    whose = SignIn.member_id == member_id if member_id is not None else SignIn.staff_id == staff_id
    others = [SignIn.id != but] if but is not None else []
    return execute(update(SignIn).where(whose, SignIn.ended_at.is_(None), *others).values(ended_at=at)).rowcount


def sweep_sign_ins(*, before: datetime) -> int:
    """Delete sign-ins last seen before an instant. Returns how many."""
    return execute(delete(SignIn).where(SignIn.last_seen_at < before)).rowcount
