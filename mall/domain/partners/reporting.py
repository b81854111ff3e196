"""Reporting: what members bought at a partner's is kept, and earns by the rates and caps of that moment.

The member's purse is locked first, so that of two reports of one purchase one finds the other. A partner's month is a
row of its own, locked after the purse, so that a cap for all members is met exactly.
"""

from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import func, insert, select, update

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.sql import upsert
from mall.base.text import N_
from mall.domain import earning, ledger, membership, people, programme

from .accounts import partner_of, run_by
from .answers import Given, earlier_answer, keep_answer
from .bindings import bound_member
from .keeping import make_ready
from .purchases import DAY_CAP, MONTH_CAP, PURCHASE_CAP, PartnerMonth, Purchase, reported_in

MOST_CENTS = 100_000_000
# Clocks differ a little.
AHEAD = timedelta(minutes=5)
OLDEST = timedelta(days=30)


class UnknownMember(Refusal):
    message = N_("No member takes part under this number or account.")


class ReferenceTaken(Refusal):
    message = N_("This reference was reported before, with another Idempotency-Key. Nothing was changed.")


class OtherCurrency(Refusal):
    message = N_("The shop's currency is {currency}.")


class InTheFuture(Refusal):
    message = N_("occurred_at lies in the future.")


class TooLongAgo(Refusal):
    message = N_("occurred_at is more than {days} days ago.")


class Reporting(Struct, frozen=True):
    """What a partner reports: how much, when, under which reference of its own."""

    reference: str
    cents: int
    currency: str
    occurred_at: datetime


def report(
    partner_id: int,
    told: Reporting,
    *,
    member_number: str = "",
    account: str = "",
    key: str,
    of_body: str,
    terms: programme.Programme,
    at: datetime,
) -> Given:
    """Keep a purchase and give what it is worth, once per `key`. The member is named by number or bound account.

    Raises KeyOfOther, OtherCurrency, InTheFuture, TooLongAgo, UnknownMember, ReferenceTaken.
    """
    if earlier := earlier_answer(partner_id, key, of_body=of_body):
        return earlier
    refuse_odd(told, terms=terms, at=at)
    member_id = _member(partner_id, member_number, account)
    purse = ledger.lock(member_id, zone=terms.zone)
    if earlier := earlier_answer(partner_id, key, of_body=of_body):
        return earlier
    taken = select(Purchase.id).where(Purchase.partner_id == partner_id, Purchase.reference == told.reference)
    if execute(taken).first() is not None:
        raise ReferenceTaken
    bought, ready_at, cap = _write(partner_id, told, member_id=member_id, account=account, terms=terms, at=at)
    earning.purchase_reported(bought, purse=purse, terms=terms, at=at)
    if ready_at <= at:
        make_ready(bought, purse=purse, terms=terms, at=at)
    answer = {
        "reference": told.reference,
        "points": bought.gives.points,
        "growth": bought.gives.growth,
        "ready_at": ready_at.isoformat(timespec="seconds"),
        "limited_by": cap,
    }
    return keep_answer(partner_id, key, answer, of_body=of_body, at=at)


def refuse_odd(told: Reporting, *, terms: programme.Programme, at: datetime) -> None:
    """Keep out what cannot be as it was told. Raises OtherCurrency, InTheFuture, TooLongAgo."""
    if told.currency != terms.currency:
        raise OtherCurrency(currency=terms.currency).about("currency")
    if told.occurred_at > at + AHEAD:
        raise InTheFuture().about("occurred_at")
    if told.occurred_at < at - OLDEST:
        raise TooLongAgo(days=OLDEST.days).about("occurred_at")


def _member(partner_id: int, number: str, account: str) -> int:
    """Return the member meant. Who is frozen, or looks after the partner at the desk, takes no part; nobody is told.

    Raises UnknownMember.
    """
    plain = people.plain_number(number)
    member_id = bound_member(partner_id, account) if account else None
    named = people.Member.id == member_id if account else people.Member.number == plain
    found = execute(select(people.Member.id).where(named, people.Member.deactivated_at.is_(None))).scalar_one_or_none()
    if found is None or run_by(partner_id, found):
        raise UnknownMember
    return int(found)


def _write(
    partner_id: int, told: Reporting, *, member_id: int, account: str, terms: programme.Programme, at: datetime
) -> tuple[earning.Reported, datetime, str]:
    """Write a purchase with what its partner's rates and caps make of it. Returns it, when it is ready, which cap."""
    day, month = terms.today(told.occurred_at), terms.today(at).replace(day=1)
    given = _lock_month(partner_id, month)
    partner = partner_of(partner_id)  # Read once the month is locked: versions follow one another in its purchases.
    rates = earning.ReportedRates(
        multiplier_percent=_multiplier(member_id, terms, at=at) if partner.with_level else 100,
        earn_points=partner.earn_points,
        earn_per_cents=partner.earn_per_cents,
        growth_per_cents=partner.growth_per_cents,
    )
    points, cap = _within_caps(rates.earned(told.cents).points, partner, member_id=member_id, day=day, given=given)
    if points:
        _count(points, partner_id, month)
    ready_at = at + timedelta(days=partner.ready_after_days)
    row = execute(
        insert(Purchase)
        .values(
            partner_id=partner_id,
            partner_name=partner.name,
            member_id=member_id,
            reference=told.reference,
            account=account,
            cents=told.cents,
            occurred_at=told.occurred_at,
            reported_at=at,
            day=day,
            month=month,
            version=terms.version,
            multiplier_percent=rates.multiplier_percent,
            earn_points=rates.earn_points,
            earn_per_cents=rates.earn_per_cents,
            growth_per_cents=rates.growth_per_cents,
            member_day_points=partner.member_day_points,
            month_points=partner.month_points,
            purchase_points=partner.purchase_points,
            points=points,
            cap=cap,
            ready_at=ready_at,
            kept_at=None,
            partner_version=partner.version,
        )
        .returning(*Purchase.__table__.columns)
    ).one()
    return reported_in(row, kept_cents=told.cents), ready_at, cap


def _within_caps(points: int, partner: Any, *, member_id: int, day: date, given: int) -> tuple[int, str]:
    """Return what a partner's caps leave of points, and which cap left no more; `given` were so this month."""
    cap = ""
    if partner.purchase_points is not None and partner.purchase_points < points:
        points, cap = partner.purchase_points, PURCHASE_CAP
    if partner.member_day_points is not None:
        left = max(0, partner.member_day_points - _given_on(partner.id, member_id, day))
        points, cap = (left, DAY_CAP) if left < points else (points, cap)
    if partner.month_points is not None:
        left = max(0, partner.month_points - given)
        points, cap = (left, MONTH_CAP) if left < points else (points, cap)
    return points, cap


def _multiplier(member_id: int, terms: programme.Programme, *, at: datetime) -> int:
    rank = execute(select(membership.rank_of(member_id, at=at))).scalar_one()
    return terms.level(rank).multiplier_percent


def _given_on(partner_id: int, member_id: int, day: date) -> int:
    points = select(func.coalesce(func.sum(Purchase.points), 0)).where(
        Purchase.partner_id == partner_id, Purchase.member_id == member_id, Purchase.day == day
    )
    return int(execute(points).scalar_one())


def _lock_month(partner_id: int, month: date) -> int:
    """Lock a partner's month until the transaction ends. Returns the points given in it so far."""
    into = upsert(PartnerMonth)
    return int(
        execute(
            into.values(partner_id=partner_id, month=month, points=0)
            .on_conflict_do_update(
                index_elements=[PartnerMonth.partner_id, PartnerMonth.month], set_={"points": PartnerMonth.points}
            )
            .returning(PartnerMonth.points)
        ).scalar_one()
    )


def _count(points: int, partner_id: int, month: date) -> None:
    execute(
        update(PartnerMonth)
        .where(PartnerMonth.partner_id == partner_id, PartnerMonth.month == month)
        .values(points=PartnerMonth.points + points)
    )
