"""Partner accounts: who may report purchases, by which key, and what these give.

A key is 256 random bits. Only its hash is kept, with its first letters to tell keys apart; whoever loses one gets
another, which ends the one before.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import CheckConstraint, Row, String, insert, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import audit, people

LONGEST_NAME = 80
HINT_LETTERS = 8
# The least and the most of each figure; those that may be left out are None then.
BOUNDS = {
    "earn_points": (0, 1_000_000),
    "earn_per_cents": (1, 1_000_000),
    "growth_per_cents": (1, 1_000_000),
    "ready_after_days": (0, 365),
    "member_day_points": (1, 10_000_000),
    "month_points": (1, 1_000_000_000),
}
MAY_BE_NONE = ("growth_per_cents", "member_day_points", "month_points")


class BadRate(Refusal):
    message = N_("Choose a whole number from {least} to {most}.")


class BadName(Refusal):
    message = N_("A partner's name has 1 to {most} characters.")


class NameTaken(Refusal):
    message = N_("Another partner has this name.")


class NoSuchPartner(NotFound):
    message = N_("There is no such partner.")


class Partner(db.Model):
    """A partner, what its purchases give, and the hash of its key; without one it may report nothing.

    `earn_points` for every `earn_per_cents` paid, times the level's multiplier `with_level`; one growth for every
    `growth_per_cents`. Points are ready `ready_after_days` after the report. At most `member_day_points` for a member
    on a day, `month_points` for all members in a month; None: no cap.
    """

    __table_args__ = (
        CheckConstraint("earn_points >= 0 AND earn_per_cents > 0", name="rate_known"),
        CheckConstraint("growth_per_cents > 0", name="growth_rate_known"),
        CheckConstraint("ready_after_days >= 0", name="days_not_negative"),
        CheckConstraint("member_day_points > 0 AND month_points > 0", name="caps_positive"),
        CheckConstraint("(key_hash IS NULL) = (key_made_at IS NULL)", name="key_whole"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME), unique=True)
    key_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    key_hint: Mapped[str] = mapped_column(String(HINT_LETTERS))
    key_made_at: Mapped[datetime | None] = mapped_column(Instant)
    earn_points: Mapped[int]
    earn_per_cents: Mapped[int]
    with_level: Mapped[bool]
    growth_per_cents: Mapped[int | None]
    ready_after_days: Mapped[int]
    member_day_points: Mapped[int | None]
    month_points: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(Instant)


class Rates(Struct, frozen=True):
    """What a partner's purchases give, as the columns of Partner say."""

    earn_points: int
    earn_per_cents: int
    with_level: bool = False
    growth_per_cents: int | None = None
    ready_after_days: int = 0
    member_day_points: int | None = None
    month_points: int | None = None


def open_partner(name: str, rates: Rates, *, by: str, at: datetime) -> tuple[int, str]:
    """Open an account for a partner. Returns its id and its key, which nobody can read again.

    Raises BadName, NameTaken, BadRate.
    """
    _refuse_bad(rates)
    _refuse_name(name, but=None)
    key, columns = _fresh_key(at)
    partner_id: int = execute(
        insert(Partner).values(name=name, created_at=at, **asdict(rates), **columns).returning(Partner.id)
    ).scalar_one()
    after = {"name": name, "key": columns["key_hint"], **asdict(rates)}
    audit.write("partner.opened", by=by, subject=_subject(partner_id), at=at, after=after)
    return partner_id, key


def change_partner(partner_id: int, name: str, rates: Rates, *, by: str, at: datetime) -> None:
    """Change what a partner is called and what its purchases give from now on.

    Raises NoSuchPartner, BadName, NameTaken, BadRate.
    """
    _refuse_bad(rates)
    before = rates_of(_locked(partner_id))
    _refuse_name(name, but=partner_id)
    was = partner_of(partner_id).name
    if (name, rates) == (was, before):
        return
    execute(update(Partner).where(Partner.id == partner_id).values(name=name, **asdict(rates)))
    audit.write(
        "partner.changed",
        by=by,
        subject=_subject(partner_id),
        at=at,
        before={"name": was, **asdict(before)},
        after={"name": name, **asdict(rates)},
    )


def rotate_key(partner_id: int, *, by: str, at: datetime) -> str:
    """Make a partner a new key; the one before opens nothing from now on. Returns it. Raises NoSuchPartner."""
    before = _locked(partner_id).key_hint
    key, columns = _fresh_key(at)
    execute(update(Partner).where(Partner.id == partner_id).values(columns))
    audit.write(
        "partner.key_made",
        by=by,
        subject=_subject(partner_id),
        at=at,
        before={"key": before},
        after={"key": columns["key_hint"]},
    )
    return key


def revoke_key(partner_id: int, *, by: str, at: datetime) -> None:
    """Let a partner report nothing more. Once, however often. Raises NoSuchPartner."""
    before = _locked(partner_id)
    if before.key_hash is None:
        return
    execute(update(Partner).where(Partner.id == partner_id).values(key_hash=None, key_made_at=None, key_hint=""))
    audit.write(
        "partner.key_revoked", by=by, subject=_subject(partner_id), at=at, before={"key": before.key_hint}, after={}
    )


def key_holder(key: str) -> Row[Any] | None:
    """Return the partner whose key this is, or None: a row of Partner. A key revoked or replaced is nobody's."""
    return execute(select(Partner).where(Partner.key_hash == people.hash_of(key))).one_or_none()


def partner_of(partner_id: int) -> Row[Any]:
    """Return a partner's row. Raises NoSuchPartner."""
    row = execute(select(Partner).where(Partner.id == partner_id)).one_or_none()
    if row is None:
        raise NoSuchPartner
    return row


def partners_list() -> Sequence[Row[Any]]:
    """Return every partner, by name."""
    return execute(select(Partner).order_by(Partner.name)).all()


def rates_of(partner: Any) -> Rates:
    """Return the rates in a partner's row."""
    return Rates(**{name: getattr(partner, name) for name in Rates.__struct_fields__})


def _locked(partner_id: int) -> Row[Any]:
    row = execute(select(Partner).where(Partner.id == partner_id).with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise NoSuchPartner
    return row


def _fresh_key(at: datetime) -> tuple[str, dict[str, Any]]:
    key = secrets.token_urlsafe(32)
    return key, {"key_hash": people.hash_of(key), "key_hint": key[:HINT_LETTERS], "key_made_at": at}


def _refuse_name(name: str, *, but: int | None) -> None:
    if not 1 <= len(name) <= LONGEST_NAME:
        raise BadName(most=LONGEST_NAME).about("name")
    taken = execute(select(Partner.id).where(Partner.name == name)).scalar_one_or_none()
    if taken is not None and taken != but:
        raise NameTaken().about("name")


def _refuse_bad(rates: Rates) -> None:
    for name, (least, most) in BOUNDS.items():
        figure = getattr(rates, name)
        if figure is None and name in MAY_BE_NONE:
            continue
        if not isinstance(figure, int) or not least <= figure <= most:
            raise BadRate(least=least, most=most).about(name)


def _subject(partner_id: int) -> str:
    return f"partner:{partner_id}"
