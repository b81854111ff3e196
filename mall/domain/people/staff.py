"""Staff: who works here, and what each may do."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ColumnElement, Row, String, func, insert, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import audit

from . import tokens
from .emails import Email
from .passwords import PasswordHash
from .sign_ins import SignIn, end_sign_ins

ROLES = ("operator", "finance", "admin")
# What a permission takes: any of these roles.
PERMISSIONS = {
    "operate": frozenset({"operator", "admin"}),
    "finance": frozenset({"finance", "admin"}),
    "admin": frozenset({"admin"}),
}


class StaffKnown(Refusal):
    """Someone on the staff has this e-mail."""

    message = N_("Someone on the staff has this e-mail address already.")


class LastAdmin(Refusal):
    """Nobody could manage the staff any more."""

    message = N_("This is the only active administrator. Make someone else an administrator first.")


class NotOneself(Refusal):
    """Roles and access of oneself are another administrator's to change."""

    message = N_("Your own access is for another administrator to change.")


class RolesMissing(Refusal):
    """A member of the staff needs a role we know."""

    message = N_("Choose at least one role.")


class Staff(db.Model):
    """Someone who works here. `totp_secret` is sealed; `totp_last_step` is the half minute last used."""

    __tablename__ = "staff"
    __table_args__ = (CheckConstraint("language IN ('en', 'zh')", name="language_is_known"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    roles: Mapped[list[str]] = mapped_column(JSON)
    language: Mapped[str] = mapped_column(String(5))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    totp_secret: Mapped[str | None] = mapped_column(String(255))
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_seen_at: Mapped[datetime | None] = mapped_column(Instant)
    deactivated_at: Mapped[datetime | None] = mapped_column(Instant)


def add_staff(
    email: Email, *, name: str, roles: Collection[str], language: str = "en", by: str, at: datetime
) -> tuple[int, str]:
    """Add someone to the staff. Returns (id, the one-time token with which they set their password).

    Raises StaffKnown, RolesMissing.
    """
    if staff_with(email) is not None:
        raise StaffKnown
    staff_id = execute(
        insert(Staff)
        .values(
            email=email.address,
            email_key=email.key,
            name=name,
            roles=known_roles(roles),
            language=language,
            password_hash=None,
            totp_secret=None,
            totp_confirmed_at=None,
            totp_last_step=None,
            created_at=at,
            last_seen_at=None,
            deactivated_at=None,
        )
        .returning(Staff.id)
    ).scalar_one()
    audit.write(
        "staff.added",
        by=by,
        subject=f"staff:{staff_id}",
        at=at,
        after={"email": email.address, "name": name, "roles": known_roles(roles)},
    )
    return staff_id, tokens.issue("staff_set_up", staff_id=staff_id, email=email.address, at=at)


def new_set_up_token(staff_id: int, *, by: str, at: datetime) -> str:
    """Return a fresh one-time token to set the password with; earlier ones are worth nothing."""
    staff = staff_of(staff_id)
    tokens.end_tokens("staff_set_up", staff_id=staff_id, at=at)
    audit.write("staff.set_up_link_made", by=by, subject=f"staff:{staff_id}", at=at)
    return tokens.issue("staff_set_up", staff_id=staff_id, email=staff.email, at=at)


def set_staff_password(token: str, password: PasswordHash, *, at: datetime) -> int:
    """Set the password by a one-time link. Returns the staff id. Raises DeadLink. Every sign-in ends."""
    used = tokens.use("staff_set_up", token, at=at)
    staff = staff_of(used.staff_id)
    if staff.deactivated_at is not None:
        raise tokens.DeadLink
    execute(update(Staff).where(Staff.id == staff.id).values(password_hash=password))
    end_sign_ins(staff_id=staff.id, at=at)
    audit.write("staff.password_set", by=f"staff:{staff.id}", subject=f"staff:{staff.id}", at=at)
    return staff.id


def keep_staff_rehashed(staff_id: int, password: PasswordHash, *, instead_of: str) -> bool:
    """Keep the same password hashed with the parameters now in force; one that was changed meanwhile stays.

    Returns whether it is kept.
    """
    kept = execute(
        update(Staff).where(Staff.id == staff_id, Staff.password_hash == instead_of).values(password_hash=password)
    )
    return kept.rowcount == 1


def change_roles(staff_id: int, roles: Collection[str], *, by: str, at: datetime) -> None:
    """Change what someone may do. Raises RolesMissing, NotOneself, LastAdmin."""
    staff = _of_another(staff_id, by=by)
    wanted = known_roles(roles)
    if "admin" not in wanted:
        _keep_an_admin(without=staff_id)
    execute(update(Staff).where(Staff.id == staff_id).values(roles=wanted))
    audit.write(
        "staff.roles_changed",
        by=by,
        subject=f"staff:{staff_id}",
        at=at,
        before={"roles": staff.roles},
        after={"roles": wanted},
    )


def deactivate_staff(staff_id: int, *, by: str, reason: str, at: datetime) -> None:
    """Keep someone out from the next request on. Raises NotOneself, LastAdmin."""
    _of_another(staff_id, by=by)
    _keep_an_admin(without=staff_id)
    execute(update(Staff).where(Staff.id == staff_id).values(deactivated_at=at))
    end_sign_ins(staff_id=staff_id, at=at)
    tokens.end_tokens("staff_set_up", staff_id=staff_id, at=at)
    audit.write("staff.deactivated", by=by, subject=f"staff:{staff_id}", at=at, reason=reason)


def reactivate_staff(staff_id: int, *, by: str, reason: str, at: datetime) -> None:
    """Let someone work here again."""
    _of_another(staff_id, by=by)
    execute(update(Staff).where(Staff.id == staff_id).values(deactivated_at=None))
    audit.write("staff.reactivated", by=by, subject=f"staff:{staff_id}", at=at, reason=reason)


def staff_of(staff_id: int) -> Row[Any]:
    """Return someone's row. Raises NotFound."""
    row = execute(select(Staff).where(Staff.id == staff_id)).one_or_none()
    if row is None:
        raise NotFound(N_("There is nobody like that on the staff."))
    return row


def staff_with(email: Email) -> int | None:
    """Return the id of whoever on the staff has an e-mail address, at work or not, or None."""
    return execute(select(Staff.id).where(Staff.email_key == email.key)).scalar_one_or_none()


def staff_list() -> Sequence[Row[Any]]:
    """Return everyone on the staff, those at work first, by name; `last_here` is when they were last seen, or None."""
    rows = select(Staff, _last_here().label("last_here"))
    return execute(rows.order_by(Staff.deactivated_at.is_not(None), Staff.name, Staff.id)).all()


def last_here(staff_id: int) -> datetime | None:
    """Return when someone was last seen, or None."""
    return execute(select(_last_here()).where(Staff.id == staff_id)).scalar_one_or_none()


def _last_here() -> ColumnElement[datetime]:
    seen = (
        select(func.max(SignIn.last_seen_at))
        .where(SignIn.staff_id == Staff.id, SignIn.passed_at.is_not(None))
        .correlate(Staff)
        .scalar_subquery()
    )
    return func.coalesce(seen, Staff.last_seen_at, type_=Instant)


def staff_able_to(permission: str) -> list[int]:
    """Return the ids of everyone at work who has a permission: whether two people are there to approve."""
    return [row.id for row in _at_work() if PERMISSIONS[permission] & set(row.roles)]


def known_roles(roles: Collection[str]) -> list[str]:
    """Return roles in their order. Raises RolesMissing when there is none, or one we do not know."""
    if not roles or set(roles) - set(ROLES):
        raise RolesMissing
    return [role for role in ROLES if role in roles]


def _at_work(*, lock: bool = False) -> Sequence[Row[Any]]:
    everyone = select(Staff.id, Staff.roles).where(Staff.deactivated_at.is_(None)).order_by(Staff.id)
    return execute(everyone.with_for_update(key_share=True) if lock else everyone).all()


def _keep_an_admin(*, without: int) -> None:
    # Locked, so that two administrators cannot remove each other at once.
    if not any("admin" in row.roles for row in _at_work(lock=True) if row.id != without):
        raise LastAdmin


def _of_another(staff_id: int, *, by: str) -> Row[Any]:
    if by == f"staff:{staff_id}":
        raise NotOneself
    return staff_of(staff_id)
