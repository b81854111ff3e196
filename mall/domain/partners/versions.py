"""Versions of a partner: what it is called and what its purchases give, proposed by one and approved by another.

Every version is kept as it was proposed; the one approved last holds. A purchase keeps the number of the version that
it was reported under.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import CheckConstraint, ForeignKey, Row, String, UniqueConstraint, func, insert, select, update

from mall.base.db import db, execute
from mall.base.errors import Refusal
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, say
from mall.domain import approvals, repeats

from .accounts import (
    LONGEST_NAME,
    NoSuchPartner,
    Partner,
    Rates,
    lock_partner,
    rates_of,
    refuse_name,
    refuse_rates,
    subject_of,
)

KIND = "partner"


class PartnerChanged(Refusal):
    message = N_("Somebody else changed this partner meanwhile. Look at it as it is now, then go on.")


class NothingProposed(Refusal):
    message = N_("That is what holds or waits already. Nothing was changed.")


class KeyHolder(Refusal):
    """Who can report by rates and who says yes to them are two people."""

    message = N_(
        "You made the key this partner uses, so you cannot approve what it gives. A colleague approves it, or makes a"
        " new key first."
    )


class PartnerVersion(db.Model):
    """What a partner was proposed to be called and to give. Never changed; its request says what became of it."""

    __tablename__ = "partner_version"
    __table_args__ = (
        UniqueConstraint("partner_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("earn_points >= 0 AND earn_per_cents > 0", name="rate_known"),
        CheckConstraint("growth_per_cents > 0", name="growth_rate_known"),
        CheckConstraint("ready_after_days >= 0", name="days_not_negative"),
        CheckConstraint("member_day_points > 0 AND month_points > 0", name="caps_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"))
    number: Mapped[int]
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    earn_points: Mapped[int]
    earn_per_cents: Mapped[int]
    with_level: Mapped[bool]
    growth_per_cents: Mapped[int | None]
    ready_after_days: Mapped[int]
    member_day_points: Mapped[int | None]
    month_points: Mapped[int | None]
    request_id: Mapped[int] = mapped_column(ForeignKey("approval.id"), unique=True)
    purchase_points: Mapped[int | None]


append_only(PartnerVersion)


_OPENED = N_(
    "This form was sent before: it has proposed the partner “{name}”. Nothing more was done. Change that one, or send"
    " this form again for another."
)


def open_partner(name: str, rates: Rates, *, by: str, at: datetime, reason: str, key: str | None = None) -> int:
    """Propose a partner: it may report nothing before another person has approved it and its key was made.

    Returns its id; with the same `key` of a form again, the first one's. Raises BadName, NameTaken, BadRate, and
    repeats.SentOtherwise for another with the same key.
    """
    sent = repeats.Sent("partner", key, by, {"name": name, "reason": reason, **asdict(rates)})
    if key is not None and (asked := approvals.request_with(key)) is not None:
        repeats.refuse_other(sent)
        return int(asked.what["partner_id"])
    refuse_rates(rates)
    refuse_name(name, but=None)
    partner_id: int = execute(
        insert(Partner)
        .values(
            name=name,
            created_at=at,
            key_hash=None,
            key_hint="",
            key_made_at=None,
            key_made_by="",
            version=None,
            **asdict(rates),
        )
        .returning(Partner.id)
    ).scalar_one()
    _propose(partner_id, 1, name, rates, by=by, at=at, reason=reason, key=key)
    repeats.keep(sent, done=say(_OPENED, name=name), at=at)
    return partner_id


def change_partner(partner_id: int, name: str, rates: Rates, *, seen: int, by: str, at: datetime, reason: str) -> None:
    """Propose what a partner is to be called and to give; until another person has approved it, nothing changes.

    `seen` is the newest version that whoever changes it has seen. What still waits is withdrawn. Raises NoSuchPartner,
    PartnerChanged, NothingProposed, BadName, NameTaken, BadRate.
    """
    refuse_rates(rates)
    partner = lock_partner(partner_id)
    newest = _newest(partner_id)
    if newest.number != seen:
        raise PartnerChanged
    refuse_name(name, but=partner_id)
    request = approvals.request_for(newest.request_id)
    there = newest if request.decision is None else partner
    if (name, rates) == (there.name, rates_of(there)) and (request.decision is None or partner.version is not None):
        raise NothingProposed
    if request.decision is None:
        approvals.decline(request.id, by=by, at=at, reason="changed")
    if partner.version is None:  # Nothing holds yet: what is called and given is what was proposed last.
        execute(update(Partner).where(Partner.id == partner_id).values(name=name, **asdict(rates)))
    _propose(partner_id, newest.number + 1, name, rates, by=by, at=at, reason=reason)


def approve_version(partner_id: int, *, seen: int, by: str, at: datetime, other_approvers: int) -> None:
    """Let the version that waits hold for what is reported from now on. Approved by the same person before: done.

    `seen` is the version that was looked at. Raises NoSuchPartner, PartnerChanged, KeyHolder, NameTaken, and what
    approvals.approve() raises.
    """
    partner = lock_partner(partner_id)
    newest = _newest(partner_id)
    if newest.number != seen:
        raise PartnerChanged
    request = approvals.request_for(newest.request_id)
    if request.decision is None and partner.key_made_by == by != request.asked_by:
        raise KeyHolder
    if approvals.approve(request.id, by=by, at=at, other_approvers=other_approvers) is None:
        return
    refuse_name(newest.name, but=partner_id)
    execute(
        update(Partner)
        .where(Partner.id == partner_id)
        .values(version=newest.number, name=newest.name, **asdict(rates_of(newest)))
    )


def decline_version(partner_id: int, *, by: str, at: datetime, reason: str) -> None:
    """Decline what waits; who proposed it may withdraw it this way. Raises NoSuchPartner, AlreadyDecided."""
    lock_partner(partner_id)
    approvals.decline(_newest(partner_id).request_id, by=by, at=at, reason=reason)


def note_version_not_apart(partner_id: int, *, by: str, at: datetime) -> None:
    """Keep for the auditors that someone tried to approve a version who may be the one that proposed it."""
    approvals.note_not_apart(_newest(partner_id).request_id, by=by, at=at)


def versions_of(partner_id: int) -> Sequence[Row[Any]]:
    """Return a partner's versions, newest first: the columns of PartnerVersion and of its request."""
    asked = approvals.Approval
    return execute(
        select(
            PartnerVersion,
            *(
                getattr(asked, name)
                for name in (
                    "reason",
                    "asked_by",
                    "asked_at",
                    "decision",
                    "decided_by",
                    "decided_at",
                    "decision_reason",
                    "by_one_person",
                )
            ),
        )
        .join(asked, asked.id == PartnerVersion.request_id)
        .where(PartnerVersion.partner_id == partner_id)
        .order_by(PartnerVersion.number.desc())
    ).all()


def waiting_versions() -> frozenset[int]:
    """Return the ids of partners of which a version waits for a second person."""
    return frozenset(int(request.what["partner_id"]) for request in approvals.waiting(KIND))


def request_that_holds(partner: Any) -> approvals.Request | None:
    """Return the request by which a partner's version holds, or None where none was approved."""
    if partner.version is None:
        return None
    mine = PartnerVersion.partner_id == partner.id, PartnerVersion.number == partner.version
    return approvals.request_for(execute(select(PartnerVersion.request_id).where(*mine)).scalar_one())


def _propose(
    partner_id: int,
    number: int,
    name: str,
    rates: Rates,
    *,
    by: str,
    at: datetime,
    reason: str,
    key: str | None = None,
) -> None:
    """Write a version and ask for its approval; the audit keeps what it says."""
    what = {"partner_id": partner_id, "version": number, "name": name, **asdict(rates)}
    request_id = approvals.ask(KIND, subject=subject_of(partner_id), what=what, by=by, at=at, reason=reason, key=key)
    execute(
        insert(PartnerVersion).values(
            partner_id=partner_id, number=number, name=name, request_id=request_id, **asdict(rates)
        )
    )


def _newest(partner_id: int) -> Row[Any]:
    last = select(func.max(PartnerVersion.number)).where(PartnerVersion.partner_id == partner_id).scalar_subquery()
    mine = PartnerVersion.partner_id == partner_id, PartnerVersion.number == last
    row = execute(select(PartnerVersion).where(*mine)).one_or_none()
    if row is None:
        raise NoSuchPartner
    return row
