"""Codes: what is printed on a card or sent in a mail, and becomes a coupon, or a pack, of whoever types it.

A code has 80 random bits. Only its hash is kept, so that nobody who reads the database can use one; the codes
themselves are handed out once, when they are made.
"""

import hashlib
import secrets
import unicodedata
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Row, String, insert, or_, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import Refusal
from mall.base.sql import whole_sum
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, say
from mall.domain import audit, ledger, people, programme, repeats

from .given import Coupon, GivenPack
from .giving import Giving, give
from .giving_packs import give_pack
from .limits import is_over, why_not_given_to
from .templates import CouponTemplate, Withdrawn, given_out, locked_template, subject_of
from .terms import PACK

# Crockford's alphabet: no letter is taken for a digit. A code is four groups of four: 80 bits.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH, GROUP = 16, 4
LOOK_ALIKES = str.maketrans("OILU", "011V")
MOST_CODES, MOST_EACH = 5_000, 1_000_000

# How often a code may be typed that is none: counted before it is looked up, taken off again when it was right.
WRONG_BY_MEMBER = people.Limit("coupon_code_member", 10, timedelta(hours=1))
WRONG_BY_NETWORK = people.Limit("coupon_code_network", 30, timedelta(hours=1))


class CodeBatch(db.Model):
    """Codes made together, and handed out as one file, once."""

    __tablename__ = "code_batch"
    __table_args__ = (CheckConstraint("codes > 0 AND each_for > 0", name="figures_positive"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("coupon_template.id"), index=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    codes: Mapped[int]
    each_for: Mapped[int]
    made_by: Mapped[str] = mapped_column(String(40))
    made_at: Mapped[datetime] = mapped_column(Instant)


class CouponCode(db.Model):
    """One code, by its hash: `taken` of the `each_for` members that may take it have done so."""

    __tablename__ = "coupon_code"
    __table_args__ = (
        CheckConstraint("taken BETWEEN 0 AND each_for", name="taken_within"),
        CheckConstraint("each_for > 0", name="for_somebody"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("code_batch.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    each_for: Mapped[int]
    taken: Mapped[int]


class WrongCode(Refusal):
    """The one answer to every code that gives nothing: unknown, used up, over, or of a coupon one has had."""

    field = "code"
    message = N_("This code gives no coupon here. Check each sign; a code may also be over, or have been used.")


class AlreadyMade(repeats.SentBefore):
    message = N_(
        "These codes were made already, and their file was handed out then. Send the form again to make more."
    )


class BadNumber(Refusal):
    message = N_("Use a whole number from {least} to {most}.")


_MADE = N_(
    "This form was sent before: it has made {codes} codes, each for so many members: {each}, and their file was handed"
    " out then. Nothing more was done. Send the form again to make these, too."
)


def make_codes(template_id: int, *, count: int, each_for: int = 1, key: str, by: str, at: datetime) -> list[str]:
    """Make codes of a template, each to be taken by so many members. Returns them: nobody can read them again.

    Raises NoSuchTemplate, Withdrawn, BadNumber; for a key that was used AlreadyMade, or repeats.SentOtherwise where it
    was for others.
    """
    assert in_transaction()
    for name, value, most in (("count", count, MOST_CODES), ("each_for", each_for, MOST_EACH)):
        if not 1 <= value <= most:
            raise BadNumber(least=1, most=most).about(name)
    template = locked_template(template_id)
    if is_over(template, at=at):
        raise Withdrawn()
    sent = repeats.Sent("coupon_codes", key, by, {"template": template_id, "count": count, "each_for": each_for})
    if execute(select(CodeBatch.id).where(CodeBatch.key == key)).first() is not None:
        repeats.refuse_other(sent)
        raise AlreadyMade()
    batch_id = execute(
        insert(CodeBatch)
        .values(template_id=template_id, key=key, codes=count, each_for=each_for, made_by=by, made_at=at)
        .returning(CodeBatch.id)
    ).scalar_one()
    codes = [new_code() for _number in range(count)]
    execute(
        insert(CouponCode),
        [{"batch_id": batch_id, "digest": digest_of(code), "each_for": each_for, "taken": 0} for code in codes],
    )
    audit.write(
        "coupon.codes_made",
        by=by,
        subject=subject_of(template_id),
        at=at,
        after={"batch_id": batch_id, "codes": count, "each_for": each_for},
    )
    repeats.keep(sent, done=say(_MADE, codes=count, each=each_for), at=at)
    return codes


def take_code(member_id: int, typed: str, *, terms: programme.Programme, at: datetime) -> list[int]:
    """Give a member the coupon of a code, or the pack. Returns the coupons' ids; typed again, the same ones'.

    Whoever calls this has counted the try. Raises WrongCode, alike for whatever is wrong, and OwnMatter for codes that
    the member made as one of the staff.
    """
    ledger.lock(member_id, zone=terms.zone)
    code = execute(
        select(CouponCode.id.label("code_id"), CodeBatch.made_by, *CouponTemplate.__table__.columns)
        .join(CodeBatch, CodeBatch.id == CouponCode.batch_id)
        .join(CouponTemplate, CouponTemplate.id == CodeBatch.template_id)
        .where(CouponCode.digest == digest_of(typed), given_out(at))
    ).one_or_none()
    if code is None:
        raise WrongCode()
    key, reference = f"code:{code.code_id}:{member_id}", f"code:{code.code_id}"
    if had := _given_by(key):
        return had
    people.not_for_oneself(member_id, by=code.made_by)
    if code.kind == PACK:
        try:
            given = give_pack(code.id, member_id, reference=reference, terms=terms, at=at, source="code", key=key)
        except Refusal as refusal:
            raise WrongCode() from refusal
    else:
        if why_not_given_to(member_id, code, at=at):
            raise WrongCode()
        given = give(
            [Giving(code.id, key)],
            member_id=member_id,
            source="code",
            reference=reference,
            zone=terms.zone,
            at=at,
        )
    if not count_taken(code.code_id):
        raise WrongCode()
    return given


def count_taken(code_id: int) -> bool:
    """Count that a code was taken, if somebody still may. One conditional UPDATE."""
    return (
        execute(
            update(CouponCode)
            .where(CouponCode.id == code_id, CouponCode.taken < CouponCode.each_for)
            .values(taken=CouponCode.taken + 1)
        ).rowcount
        == 1
    )


def new_code() -> str:
    """Return a code nobody can guess: XXXX-XXXX-XXXX-XXXX, 80 random bits."""
    signs = "".join(secrets.choice(ALPHABET) for _sign in range(LENGTH))
    return "-".join(signs[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def read_code(typed: str) -> str:
    """Return a code as it is kept: capitals, no spaces or dashes, look-alikes told apart, full-width signs plain."""
    plain = unicodedata.normalize("NFKC", typed[:200]).upper()
    return "".join(sign for sign in plain if sign.isalnum()).translate(LOOK_ALIKES)


def digest_of(typed: str) -> str:
    """Return the hash a code is found by. With 80 random bits a plain one cannot be turned back."""
    return hashlib.sha256(read_code(typed).encode()).hexdigest()


def batches_of(template_id: int) -> list[Row[Any]]:
    """Return the batches of a template, the latest first, each with how often its codes were `taken`."""
    return list(
        execute(
            select(*CodeBatch.__table__.columns, whole_sum(CouponCode.taken).label("taken"))
            .join(CouponCode, CouponCode.batch_id == CodeBatch.id)
            .where(CodeBatch.template_id == template_id)
            .group_by(*CodeBatch.__table__.columns)
            .order_by(CodeBatch.id.desc())
        )
    )


def _given_by(key: str) -> list[int]:
    """Return the ids of the coupons that were given with a key, by themselves or in a pack."""
    return list(
        execute(
            select(Coupon.id)
            .outerjoin(GivenPack, GivenPack.id == Coupon.pack_id)
            .where(or_(Coupon.key == key, GivenPack.key == key))
            .order_by(Coupon.id)
        ).scalars()
    )
