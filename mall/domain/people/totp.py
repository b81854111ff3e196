"""The second factor of staff: time-based codes (RFC 6238), each good once, and recovery codes for a lost phone."""

import hmac
import secrets
from datetime import datetime

import pyotp
from sqlalchemy import ForeignKey, Index, String, delete, insert, or_, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import Refusal
from mall.base.seals import seal, unseal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import audit

from .sign_ins import end_sign_ins
from .staff import Staff, staff_of
from .tokens import hash_of

STEP_SECONDS = 30
# What secrets are sealed for. Another word here, and none of them can be read any more.
SEALED_FOR = "mall people seals v1"
RECOVERY_CODES = 10
# No letters that are read as another: 0 O, 1 I L, U V.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTWXYZ"


class WrongCode(Refusal):
    """The code is wrong, was used already, or belongs to another time."""

    message = N_("That code does not fit. Wait for the next one on your phone, and check the phone's clock.")


class RecoveryCode(db.Model):
    """A code that stands in for the phone once. Kept hashed."""

    __tablename__ = "recovery_code"
    __table_args__ = (Index(None, "staff_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


def prepare_totp(staff_id: int) -> None:
    """Make sure someone not yet enrolled has a secret to scan; asked again, the first one stays."""
    execute(
        update(Staff)
        .where(Staff.id == staff_id, Staff.totp_secret.is_(None))
        .values(
            totp_secret=seal(pyotp.random_base32(), purpose=SEALED_FOR), totp_confirmed_at=None, totp_last_step=None
        )
    )


def totp_address(staff_id: int, *, shop: str) -> tuple[str, str]:
    """Return what an authenticator scans (otpauth://...) and the same secret in letters, while enrolling."""
    staff = staff_of(staff_id)
    secret = unseal(staff.totp_secret, purpose=SEALED_FOR)
    return pyotp.TOTP(secret).provisioning_uri(name=staff.email, issuer_name=shop), secret


def confirm_totp(staff_id: int, code: str, *, at: datetime) -> list[str]:
    """Enrol with the first code of the phone. Returns the recovery codes, shown once. Raises WrongCode."""
    _use_step(staff_id, code, at=at)
    execute(update(Staff).where(Staff.id == staff_id).values(totp_confirmed_at=at))
    audit.write("staff.totp_enrolled", by=f"staff:{staff_id}", subject=f"staff:{staff_id}", at=at)
    return new_recovery_codes(staff_id)


def check_code(staff_id: int, code: str, *, at: datetime) -> None:
    """Use up a code from the phone, or a recovery code. Raises WrongCode. The face has counted the try."""
    plain = "".join(letter for letter in code.upper() if letter.isalnum())
    if plain.isdecimal() and len(plain) == 6:
        _use_step(staff_id, plain, at=at)
        return
    used = execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.staff_id == staff_id,
            RecoveryCode.code_hash == hash_of(plain),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=at)
    )
    if used.rowcount == 0:
        raise WrongCode
    audit.write("staff.recovery_code_used", by=f"staff:{staff_id}", subject=f"staff:{staff_id}", at=at)


def new_recovery_codes(staff_id: int) -> list[str]:
    """Replace a person's recovery codes. Returns them as they are to be written down."""
    execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(16)) for _ in range(RECOVERY_CODES)]
    execute(
        insert(RecoveryCode),
        [{"staff_id": staff_id, "code_hash": hash_of(code), "used_at": None} for code in codes],
    )
    return ["-".join(code[start : start + 4] for start in range(0, 16, 4)) for code in codes]


def reset_totp(staff_id: int, *, by: str, at: datetime) -> None:
    """Let someone who lost phone and codes enrol afresh at the next sign-in. Their sign-ins end."""
    staff_of(staff_id)
    execute(
        update(Staff).where(Staff.id == staff_id).values(totp_secret=None, totp_confirmed_at=None, totp_last_step=None)
    )
    execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    end_sign_ins(staff_id=staff_id, at=at)
    audit.write("staff.totp_reset", by=by, subject=f"staff:{staff_id}", at=at)


def _use_step(staff_id: int, code: str, *, at: datetime) -> None:
    """Use the code of this half minute or of a neighbour, once: the row keeps the last step used."""
    plain = "".join(code.split())
    sealed = execute(select(Staff.totp_secret).where(Staff.id == staff_id)).scalar_one()
    if sealed is None:
        raise WrongCode
    totp = pyotp.TOTP(unseal(sealed, purpose=SEALED_FOR))
    present = int(at.timestamp()) // STEP_SECONDS
    fits = [
        step
        for step in (present - 1, present, present + 1)
        if hmac.compare_digest(totp.at(step * STEP_SECONDS).encode(), plain.encode())
    ]
    if not fits:
        raise WrongCode
    step = fits[-1]
    used = execute(
        update(Staff)
        .where(Staff.id == staff_id, or_(Staff.totp_last_step.is_(None), Staff.totp_last_step < step))
        .values(totp_last_step=step)
    )
    if used.rowcount == 0:
        raise WrongCode
