"""Partner accounts: who may report purchases, and what these give as two people agreed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import CheckConstraint, Row, String, literal, select
from sqlalchemy import cast as as_type

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
    "purchase_points": (1, 10_000_000),
    "member_day_points": (1, 10_000_000),
    "month_points": (1, 1_000_000_000),
}
MAY_BE_NONE = ("growth_per_cents",)
# Limits of a partner for which nobody says others: who has its key can report what was never bought, up to them.
PURCHASE_POINTS, MEMBER_DAY_POINTS, MONTH_POINTS = 2_000, 2_000, 200_000


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

    `version` is the version that holds: its name and rates stand here. None until one is approved; then what stands
    here was only proposed, and there is no key.

    `earn_points` for every `earn_per_cents` paid, times the level's multiplier `with_level`; one growth for every
    `growth_per_cents`. Points are ready `ready_after_days` after the report. At most `purchase_points` for one
    purchase, `member_day_points` for a member on a day, `month_points` for all members in a month; None, no cap, only
    where that was approved before caps were needed.
    """

    __table_args__ = (
        CheckConstraint("earn_points >= 0 AND earn_per_cents > 0", name="rate_known"),
        CheckConstraint("growth_per_cents > 0", name="growth_rate_known"),
        CheckConstraint("ready_after_days >= 0", name="days_not_negative"),
        CheckConstraint("member_day_points > 0 AND month_points > 0", name="caps_positive"),
        CheckConstraint("(key_hash IS NULL) = (key_made_at IS NULL)", name="key_whole"),
        CheckConstraint("key_hash IS NULL OR (version IS NOT NULL AND key_made_by <> '')", name="key_after_approval"),
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
    version: Mapped[int | None]
    # Who has seen the key that opens now; "" where there is none.
    key_made_by: Mapped[str] = mapped_column(String(40))
    purchase_points: Mapped[int | None]


class Rates(Struct, frozen=True):
    """What a partner's purchases give, as the columns of Partner say."""

    earn_points: int
    earn_per_cents: int
    with_level: bool = False
    growth_per_cents: int | None = None
    ready_after_days: int = 0
    member_day_points: int | None = MEMBER_DAY_POINTS
    month_points: int | None = MONTH_POINTS
    purchase_points: int | None = PURCHASE_POINTS


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


def lock_partner(partner_id: int) -> Row[Any]:
    """Lock a partner's row until the transaction ends. Returns it. Raises NoSuchPartner."""
    row = execute(select(Partner).where(Partner.id == partner_id).with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise NoSuchPartner
    return row


def refuse_name(name: str, *, but: int | None) -> None:
    """Keep a partner from a name that is none or another's, `but` their own. Raises BadName, NameTaken."""
    if not 1 <= len(name) <= LONGEST_NAME:
        raise BadName(most=LONGEST_NAME).about("name")
    taken = execute(select(Partner.id).where(Partner.name == name)).scalar_one_or_none()
    if taken is not None and taken != but:
        raise NameTaken().about("name")


def refuse_rates(rates: Rates) -> None:
    """Keep rates within their bounds. Raises BadRate."""
    for name, (least, most) in BOUNDS.items():
        figure = getattr(rates, name)
        if figure is None and name in MAY_BE_NONE:
            continue
        if not isinstance(figure, int) or not least <= figure <= most:
            raise BadRate(least=least, most=most).about(name)


def run_by(partner_id: int, member_id: int) -> bool:
    """Tell whether a member works here and has ever done anything to a partner at the desk. One statement."""
    entry = audit.Entry
    acts = (
        select(entry.id)
        .join(people.Staff, entry.by == literal("staff:") + as_type(people.Staff.id, String))
        .join(people.Member, people.Member.email_key == people.Staff.email_key)
        .where(entry.subject == subject_of(partner_id), people.Member.id == member_id)
    )
    return execute(acts.limit(1)).first() is not None


def subject_of(partner_id: int) -> str:
    """Return what audit and approvals know a partner by."""
    return f"partner:{partner_id}"
