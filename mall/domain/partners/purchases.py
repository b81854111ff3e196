"""Purchases: what partners report that members bought and gave back. Each is kept once, with the rates of its report.

The member's purse is locked first, so that of two reports of one purchase one finds the other. A partner's month is a
row of its own, locked after the purse, so that a cap for all members is met exactly.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Row,
    String,
    UniqueConstraint,
    func,
    insert,
    select,
    text,
    update,
)

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.guard import append_only
from mall.base.sql import upsert, whole_sum
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import earning, ledger, membership, people, programme

from .accounts import LONGEST_NAME, partner_of, run_by
from .answers import Given, earlier_answer, keep_answer
from .bindings import LONGEST_ACCOUNT, bound_member

LONGEST_REFERENCE = 80
MOST_CENTS = 100_000_000
# Clocks differ a little.
AHEAD = timedelta(minutes=5)
OLDEST = timedelta(days=30)
DAY_CAP, MONTH_CAP = "day", "month"


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


class BeforePurchase(Refusal):
    message = N_("occurred_at lies before the purchase that is refunded.")


class UnknownPurchase(Refusal):
    message = N_("No purchase was reported with this reference.")


class TooMuchBack(Refusal):
    message = N_("Of this purchase {left} cents are left to refund.")


class Purchase(db.Model):
    """A purchase that a partner reported: the facts, and the rates, the level and the caps of then.

    `partner_version` is the version of the partner that held; None for what was reported before versions were kept.
    `points` is what it gave; `cap` says whose limit left no more ("day", "month", or ""). Points and growth are ready
    at `ready_at`; `kept_at` is when they were made so. `month` is the first day of the month of the report.
    """

    __tablename__ = "partner_purchase"
    __table_args__ = (
        UniqueConstraint("partner_id", "reference"),
        CheckConstraint("cents > 0", name="cents_positive"),
        CheckConstraint("points >= 0", name="points_not_negative"),
        CheckConstraint("cap IN ('', 'day', 'month')", name="cap_known"),
        CheckConstraint("earn_points >= 0 AND earn_per_cents > 0 AND multiplier_percent >= 0", name="rate_known"),
        Index(None, "member_id", "partner_id", "day"),
        Index(None, "partner_id", "month"),
        Index(
            None,
            "ready_at",
            sqlite_where=text("kept_at IS NULL"),
            postgresql_where=text("kept_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"))
    partner_name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    member_id: Mapped[int] = mapped_column(ForeignKey("purse.member_id"))
    reference: Mapped[str] = mapped_column(String(LONGEST_REFERENCE))
    # What the member was named by at the partner's; "" where it was the member number.
    account: Mapped[str] = mapped_column(String(LONGEST_ACCOUNT))
    cents: Mapped[int]
    occurred_at: Mapped[datetime] = mapped_column(Instant)
    reported_at: Mapped[datetime] = mapped_column(Instant)
    day: Mapped[date]
    month: Mapped[date]
    version: Mapped[int]
    multiplier_percent: Mapped[int]
    earn_points: Mapped[int]
    earn_per_cents: Mapped[int]
    growth_per_cents: Mapped[int | None]
    member_day_points: Mapped[int | None]
    month_points: Mapped[int | None]
    points: Mapped[int]
    cap: Mapped[str] = mapped_column(String(5))
    ready_at: Mapped[datetime] = mapped_column(Instant)
    kept_at: Mapped[datetime | None] = mapped_column(Instant)
    partner_version: Mapped[int | None]


class PurchaseRefund(db.Model):
    """A part of a purchase, or all of it, that the partner gave back; points and growth taken back for it."""

    __tablename__ = "partner_refund"
    __table_args__ = (
        UniqueConstraint("partner_id", "reference"),
        CheckConstraint("cents > 0", name="cents_positive"),
        CheckConstraint("points >= 0 AND growth >= 0", name="taken_not_negative"),
        Index(None, "purchase_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"))
    purchase_id: Mapped[int] = mapped_column(ForeignKey("partner_purchase.id"))
    reference: Mapped[str] = mapped_column(String(LONGEST_REFERENCE))
    cents: Mapped[int]
    points: Mapped[int]
    growth: Mapped[int]
    occurred_at: Mapped[datetime] = mapped_column(Instant)
    reported_at: Mapped[datetime] = mapped_column(Instant)


append_only(PurchaseRefund)


class PartnerMonth(db.Model):
    """The points a partner's purchases gave in a month of the shop. Its row is the lock of the cap for all members."""

    __table_args__ = (CheckConstraint("points >= 0", name="points_not_negative"),)

    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"), primary_key=True, autoincrement=False)
    month: Mapped[date] = mapped_column(primary_key=True)
    points: Mapped[int]


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
    _refuse_odd(told, terms=terms, at=at)
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
        _keep(bought, purse=purse, terms=terms, at=at)
    answer = {
        "reference": told.reference,
        "points": bought.gives.points,
        "growth": bought.gives.growth,
        "ready_at": ready_at.isoformat(timespec="seconds"),
        "limited_by": cap,
    }
    return keep_answer(partner_id, key, answer, of_body=of_body, at=at)


def refund(
    partner_id: int,
    told: Reporting,
    *,
    purchase: str,
    key: str,
    of_body: str,
    terms: programme.Programme,
    at: datetime,
) -> Given:
    """Take back what the refunded part of a purchase had given, once per `key`. `purchase` is its reference.

    Raises KeyOfOther, OtherCurrency, InTheFuture, TooLongAgo, UnknownPurchase, BeforePurchase, ReferenceTaken,
    TooMuchBack.
    """
    if earlier := earlier_answer(partner_id, key, of_body=of_body):
        return earlier
    _refuse_odd(told, terms=terms, at=at)
    wanted = select(Purchase).where(Purchase.partner_id == partner_id, Purchase.reference == purchase)
    row = execute(wanted).one_or_none()
    if row is None:
        raise UnknownPurchase
    if told.occurred_at < row.occurred_at:
        raise BeforePurchase
    purse = ledger.lock(row.member_id, zone=terms.zone)
    if earlier := earlier_answer(partner_id, key, of_body=of_body):
        return earlier
    taken = select(PurchaseRefund.id).where(
        PurchaseRefund.partner_id == partner_id, PurchaseRefund.reference == told.reference
    )
    if execute(taken).first() is not None:
        raise ReferenceTaken
    left = row.cents - refunded_cents(row.id)
    if told.cents > left:
        raise TooMuchBack(left=left)
    kept = _bought(row, kept_cents=left - told.cents)
    gone = earning.purchase_refunded(
        kept, cents=told.cents, key=f"refund:{partner_id}:{told.reference}", purse=purse, terms=terms, at=at
    )
    execute(
        insert(PurchaseRefund).values(
            partner_id=partner_id,
            purchase_id=row.id,
            reference=told.reference,
            cents=told.cents,
            points=gone.points,
            growth=gone.growth,
            occurred_at=told.occurred_at,
            reported_at=at,
        )
    )
    answer = {
        "reference": told.reference,
        "purchase": purchase,
        "points_taken": gone.points,
        "growth_taken": gone.growth,
        "left_cents": left - told.cents,
    }
    return keep_answer(partner_id, key, answer, of_body=of_body, at=at)


def to_keep(*, at: datetime) -> list[int]:
    """Return the ids of purchases whose points and growth are to be made ready now."""
    due = select(Purchase.id).where(Purchase.ready_at <= at, Purchase.kept_at.is_(None))
    return list(execute(due.order_by(Purchase.ready_at, Purchase.id)).scalars())


def keep(purchase_id: int, *, terms: programme.Programme, at: datetime) -> bool:
    """Make a purchase's points and growth ready. Returns False when that was done before."""
    member_id = execute(select(Purchase.member_id).where(Purchase.id == purchase_id)).scalar_one_or_none()
    if member_id is None:
        raise NotFound
    purse = ledger.lock(member_id, zone=terms.zone)
    row = execute(select(Purchase).where(Purchase.id == purchase_id, Purchase.kept_at.is_(None))).one_or_none()
    if row is None:
        return False
    _keep(_bought(row, kept_cents=row.cents - refunded_cents(row.id)), purse=purse, terms=terms, at=at)
    return True


def refunded_cents(purchase_id: int) -> int:
    """Return how much of a purchase was refunded."""
    cents = select(func.coalesce(func.sum(PurchaseRefund.cents), 0)).where(PurchaseRefund.purchase_id == purchase_id)
    return int(execute(cents).scalar_one())


def purchases_at(partner_id: int, *, limit: int) -> Sequence[Row[Any]]:
    """Return a partner's purchases, latest first: the columns of Purchase, refunded_cents, and points_taken back."""

    def of_refunds(column: Any) -> Any:
        summed = select(whole_sum(column)).where(PurchaseRefund.purchase_id == Purchase.id)
        return summed.correlate(Purchase).scalar_subquery()

    refunded, taken = of_refunds(PurchaseRefund.cents), of_refunds(PurchaseRefund.points)
    query = select(Purchase, refunded.label("refunded_cents"), taken.label("points_taken"))
    query = query.where(Purchase.partner_id == partner_id)
    return execute(query.order_by(Purchase.id.desc()).limit(limit)).all()


def ready_at(references: Collection[str]) -> dict[str, datetime]:
    """Return when the points of purchases are ready, {what their lots refer to: instant}; of others, nothing."""
    ids = [int(reference[9:]) for reference in references if reference.startswith("purchase:")]
    if not ids:
        return {}
    rows = execute(select(Purchase.id, Purchase.ready_at).where(Purchase.id.in_(ids)))
    return {f"purchase:{row.id}": row.ready_at for row in rows}


def given_in_month(partner_id: int, *, today: date) -> int:
    """Return the points a partner's purchases gave in the month of a day."""
    given = select(PartnerMonth.points).where(
        PartnerMonth.partner_id == partner_id, PartnerMonth.month == today.replace(day=1)
    )
    return execute(given).scalar_one_or_none() or 0


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


def _refuse_odd(told: Reporting, *, terms: programme.Programme, at: datetime) -> None:
    if told.currency != terms.currency:
        raise OtherCurrency(currency=terms.currency).about("currency")
    if told.occurred_at > at + AHEAD:
        raise InTheFuture().about("occurred_at")
    if told.occurred_at < at - OLDEST:
        raise TooLongAgo(days=OLDEST.days).about("occurred_at")


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
    wanted = rates.earned(told.cents).points
    points, cap = wanted, ""
    if partner.member_day_points is not None:
        left = max(0, partner.member_day_points - _given_on(partner_id, member_id, day))
        points, cap = (left, DAY_CAP) if left < points else (points, cap)
    if partner.month_points is not None:
        left = max(0, partner.month_points - given)
        points, cap = (left, MONTH_CAP) if left < points else (points, cap)
    if points:
        execute(
            update(PartnerMonth)
            .where(PartnerMonth.partner_id == partner_id, PartnerMonth.month == month)
            .values(points=PartnerMonth.points + points)
        )
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
            points=points,
            cap=cap,
            ready_at=ready_at,
            kept_at=None,
            partner_version=partner.version,
        )
        .returning(*Purchase.__table__.columns)
    ).one()
    return _bought(row, kept_cents=told.cents), ready_at, cap


def _bought(row: Any, *, kept_cents: int) -> earning.Reported:
    return earning.Reported(
        purchase_id=row.id,
        partner=row.partner_name,
        number=row.reference,
        member_id=row.member_id,
        version=row.version,
        rates=earning.ReportedRates(
            multiplier_percent=row.multiplier_percent,
            earn_points=row.earn_points,
            earn_per_cents=row.earn_per_cents,
            growth_per_cents=row.growth_per_cents,
            most_points=row.points,
        ),
        kept_cents=kept_cents,
    )


def _keep(bought: earning.Reported, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> None:
    execute(update(Purchase).where(Purchase.id == bought.purchase_id).values(kept_at=at))
    earning.purchase_kept(bought, purse=purse, terms=terms, at=at)


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
