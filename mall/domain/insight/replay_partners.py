"""Purchases at partners in the last days: what they gave, and what they would give with a draft's multipliers.

Rates and caps are the partner's, and stay those of the report; growth too. A programme multiplies only where its level
counts at that partner.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, Select, Subquery, func, or_, select

from mall.base.db import execute
from mall.domain import earning, membership, partners, programme

from .replay_orders import MOVED, STEPS

Month = tuple[int, date]
Day = tuple[int, int, date]


class Bought(Struct, frozen=True):
    """Purchases of so much cash at one rate, by members of a level whom a draft moves by so many steps.

    `with_level`: the level's multiplier counts. Those with a cap stand alone, with what they were given then.
    """

    rank: int
    steps: int
    with_level: bool
    multiplier_percent: int
    earn_points: int
    earn_per_cents: int
    cents: int
    kept_cents: int
    times: int = 1
    month: Month | None = None
    month_points: int | None = None
    purchase_points: int | None = None
    day: Day | None = None
    day_points: int | None = None
    given_points: int = 0

    def points(self, multiplier_percent: int, cents: int) -> int:
        """Return the points that so much cash gives, before caps."""
        rates = earning.ReportedRates(multiplier_percent, self.earn_points, self.earn_per_cents, None)
        return rates.uncapped_points(cents)


class PartnerPoints(Struct, frozen=True):
    """The points of purchases at partners, and of them those of levels' multipliers."""

    points: int = 0
    multiplier_points: int = 0


class AtPartners(Struct, frozen=True):
    """All that was bought at partners: without caps, and with them as it was reported; and what had been given before
    of the months and the days of members that caps look at.
    """

    free: tuple[Bought, ...] = ()
    capped: tuple[Bought, ...] = ()
    months: Mapping[Month, int] = {}
    days: Mapping[Day, int] = {}

    @property
    def issued_points(self) -> int:
        """Return the points that were really given, for what was not refunded."""
        free = sum(each.points(each.multiplier_percent, each.kept_cents) * each.times for each in self.free)
        return free + sum(
            min(each.given_points, each.points(each.multiplier_percent, each.kept_cents)) for each in self.capped
        )

    def points_under(self, terms: programme.Programme, *, rank_of: Callable[[Bought], int]) -> PartnerPoints:
        """Return the points they give with a programme's multipliers, within the caps of then. Pure.

        `rank_of` says on which level of it who bought stands.
        """
        points = plain_points = 0
        months, days = defaultdict(int, self.months), defaultdict(int, self.days)
        for each in (*self.free, *self.capped):
            percent = terms.level(rank_of(each)).multiplier_percent if each.with_level else 100
            drawn = each.points(percent, each.cents)
            if each.purchase_points is not None:
                drawn = min(drawn, each.purchase_points)
            if each.day is not None and each.day_points is not None:
                drawn = min(drawn, max(0, each.day_points - days[each.day]))
            if each.month is not None and each.month_points is not None:
                drawn = min(drawn, max(0, each.month_points - months[each.month]))
            if each.day is not None and each.month is not None:
                days[each.day] += drawn
                months[each.month] += drawn
            kept = min(drawn, each.points(percent, each.kept_cents))
            points += kept * each.times
            plain_points += min(kept, each.points(100, each.kept_cents)) * each.times
        return PartnerPoints(points, points - plain_points)


def at_partners(since: datetime, *, terms: programme.Programme, moved: dict[str, Any]) -> AtPartners:
    """Return what was reported since an instant. One statement where no partner ever was."""
    if execute(select(partners.Partner.id).limit(1)).first() is None:
        return AtPartners()
    bought = _bought(since)
    free = tuple(_row(row, times=row.times) for row in execute(_free(bought), moved))
    capped = tuple(_capped_row(row) for row in execute(_capped(bought), moved))
    months, days = _given_before(since, terms.today(since)) if capped else ({}, {})
    return AtPartners(free, capped, months, days)


def _row(row: Row[Any], **more: Any) -> Bought:
    return Bought(
        rank=_rank(row),
        steps=row.steps,
        with_level=row.with_level,
        multiplier_percent=row.multiplier_percent,
        earn_points=row.earn_points,
        earn_per_cents=row.earn_per_cents,
        cents=row.cents,
        kept_cents=int(row.kept_cents),
        **more,
    )


def _capped_row(row: Row[Any]) -> Bought:
    return _row(
        row,
        month=(row.partner_id, row.month),
        month_points=row.month_points,
        purchase_points=row.purchase_points,
        day=(row.partner_id, row.member_id, row.day),
        day_points=row.member_day_points,
        given_points=row.points,
    )


def _rank(row: Row[Any]) -> int:
    """Return the level that multiplied a purchase: where a member rose at that very instant, the one before."""
    rank: int = row.rank
    if row.with_level:
        levels = programme.version(row.version).levels
        fit = [each.rank for each in levels if each.multiplier_percent == row.multiplier_percent]
        rank = max((each for each in fit if each <= rank), default=rank)
    return rank


def _bought(since: datetime) -> Subquery:
    """Return every purchase reported since an instant, as a subquery: its rates, what is kept, whose level counted."""
    each, back, version = partners.Purchase, partners.PurchaseRefund, partners.PartnerVersion
    refunded = (
        select(back.purchase_id, func.sum(back.cents).label("cents"))
        .where(back.reported_at >= since)
        .group_by(back.purchase_id)
        .subquery("refunded")
    )
    return (
        select(
            each.id, each.partner_id, each.member_id, each.version, each.multiplier_percent, each.earn_points,
            each.earn_per_cents, each.cents, each.day, each.month, each.member_day_points, each.month_points,
            each.purchase_points, each.points,
            (each.cents - func.coalesce(refunded.c.cents, 0)).label("kept_cents"),
            # What was reported before versions were kept says it by its multiplier, or else as the partner is now.
            or_(
                each.multiplier_percent != 100, func.coalesce(version.with_level, partners.Partner.with_level)
            ).label("with_level"),
            membership.rank_then(each.member_id, at=each.reported_at).label("rank"),
        )
        .join(partners.Partner, partners.Partner.id == each.partner_id)
        .outerjoin(version, (version.partner_id == each.partner_id) & (version.number == each.partner_version))
        .outerjoin(refunded, refunded.c.purchase_id == each.id)
        .where(each.reported_at >= since)
        .subquery("bought")
    )  # fmt: skip


def _free(bought: Subquery) -> Select[Any]:
    each = bought.c
    same = [
        each.rank, each.with_level, each.version, each.multiplier_percent, each.earn_points, each.earn_per_cents,
        each.cents, each.kept_cents, STEPS,
    ]  # fmt: skip
    return (
        select(*same, func.count().label("times"))
        .join_from(bought, MOVED, MOVED.c.member_id == each.member_id, isouter=True)
        .where(each.member_day_points.is_(None), each.month_points.is_(None), each.purchase_points.is_(None))
        .group_by(*same)
    )


def _capped(bought: Subquery) -> Select[Any]:
    return (
        select(bought, STEPS)
        .join_from(bought, MOVED, MOVED.c.member_id == bought.c.member_id, isouter=True)
        .where(
            or_(
                bought.c.member_day_points.is_not(None),
                bought.c.month_points.is_not(None),
                bought.c.purchase_points.is_not(None),
            )
        )
        .order_by(bought.c.id)
    )


def _given_before(since: datetime, first_day: date) -> tuple[dict[Month, int], dict[Day, int]]:
    """Return what was given before an instant of the months and days that may still be drawn on after it."""
    each = partners.Purchase
    total = func.sum(each.points).label("points")
    before = (each.reported_at < since, each.points > 0)
    months = execute(
        select(each.partner_id, each.month, total)
        .where(*before, each.month == first_day.replace(day=1))
        .group_by(each.partner_id, each.month)
    )
    days = execute(
        select(each.partner_id, each.member_id, each.day, total)
        .where(*before, each.day >= first_day - timedelta(days=partners.OLDEST.days + 1))
        .group_by(each.partner_id, each.member_id, each.day)
    )
    return (
        {(row.partner_id, row.month): int(row.points) for row in months},
        {(row.partner_id, row.member_id, row.day): int(row.points) for row in days},
    )
