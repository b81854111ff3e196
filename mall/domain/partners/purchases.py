"""Purchases: what partners report that members bought and gave back. Each is kept once, with the rates of its report.

reporting.py takes in what was bought, refunding.py what was given back; keeping.py makes ready what they leave.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Row, String, UniqueConstraint, func, select, text

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.sql import whole_sum
from mall.base.tables import Mapped, mapped_column
from mall.domain import earning

from .accounts import LONGEST_NAME
from .bindings import LONGEST_ACCOUNT

LONGEST_REFERENCE = 80
PURCHASE_CAP, DAY_CAP, MONTH_CAP = "purchase", "day", "month"


class Purchase(db.Model):
    """A purchase that a partner reported: the facts, and the rates, the level and the caps of then.

    `partner_version` is the version of the partner that held; None for what was reported before versions were kept.
    `points` is what it gave; `cap` says which limit left no more ("purchase", "day", "month", or ""). Points and
    growth are ready at `ready_at`; `kept_at` is when they were made so. `month` is the first day of the month of the
    report.
    """

    __tablename__ = "partner_purchase"
    __table_args__ = (
        UniqueConstraint("partner_id", "reference"),
        CheckConstraint("cents > 0", name="cents_positive"),
        CheckConstraint("points >= 0", name="points_not_negative"),
        CheckConstraint("cap IN ('', 'purchase', 'day', 'month')", name="cap_known"),
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
    cap: Mapped[str] = mapped_column(String(8))
    ready_at: Mapped[datetime] = mapped_column(Instant)
    kept_at: Mapped[datetime | None] = mapped_column(Instant)
    partner_version: Mapped[int | None]
    purchase_points: Mapped[int | None]


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
    ids = [int(number) for kind, _, number in (each.partition(":") for each in references) if kind == "purchase"]
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


def reported_in(row: Any, *, kept_cents: int) -> earning.Reported:
    """Return the purchase of a row as earning sees it."""
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
