"""Grants that were paid for: one piece of a level follows the other, and ends when it is given back."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, ScalarSelect, func, literal, select

from mall.base.clock import months_later
from mall.base.db import execute
from mall.base.tables import aliased
from mall.domain import programme

from .grant_ends import GIVEN_BACK, note_over, tell_ended, withdraw
from .grants import PAID, Grant, LevelGrant, LevelGrantEnd, not_ended, write_grant
from .grants_carried import replace_grants

MONTHS = "months"
_PAID_KEY = "paid:"
# What the key of a level that was paid for begins with, in SQL; what paid for it follows.
PAID_KEY = literal(_PAID_KEY)


class Period(Struct, frozen=True):
    """The days of a level that was paid for: from one to another, both included. `how` it ended, None where it
    has not.
    """

    grant_id: int
    member_id: int
    rank: int
    begins_on: date
    last_day: date
    how: str | None = None

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last_day - self.begins_on).days + 1

    def used_by(self, day: date) -> int:
        """How many of its days are over or running on a day."""
        return min(max(0, (day - self.begins_on).days + 1), self.days)


def write_paid_grant(
    member_id: int, rank: int, *, length: int, unit: str, reference: str, terms: programme.Programme, at: datetime
) -> int:
    """Give a level that was paid for, and tell the member. Returns how many days it has.

    It begins now, or after the last day of what the member has paid for that level before. A level that is the lowest
    by now, which everybody has, is the one above it. The member's purse is locked.
    """
    rank = max(rank, 2)
    # What was granted under other levels goes on under these first: of one member, ranks are of one version.
    replace_grants([member_id], terms=terms, at=at)
    last_paid = select(func.max(LevelGrant.last_day)).where(
        LevelGrant.member_id == member_id,
        LevelGrant.kind == PAID,
        LevelGrant.rank == rank,
        LevelGrant.ends_at >= at,
        not_ended(),
    )
    ends = execute(last_paid).scalar_one()
    first = ends + timedelta(days=1) if ends else terms.today(at)
    last = (months_later(first, length) if unit == MONTHS else first + timedelta(days=length)) - timedelta(days=1)
    grant = Grant(
        member_id, rank, last, "", "system", f"{_PAID_KEY}{reference}", kind=PAID, reference=reference, first_day=first
    )
    write_grant(grant, terms=terms, at=at)
    return (last - first).days + 1


def paid_periods(references: Sequence[str]) -> dict[str, Period]:
    """Return the days of levels that were paid for, by what paid for them: {reference: period}. One statement."""
    end = LevelGrantEnd
    rows = execute(
        select(LevelGrant, end.how)
        .outerjoin(end, end.grant_id == LevelGrant.id)
        .where(LevelGrant.reference.in_(references), LevelGrant.kind == PAID)
        .order_by(LevelGrant.id)
    )
    # Of one that was carried over to other levels, the last row is the one that goes on.
    return {
        row.reference: Period(row.id, row.member_id, row.rank, row.begins_on, row.last_day, row.how) for row in rows
    }


def paid_after(period: Period, *, but: Collection[str]) -> Row[Any] | None:
    """Return the last grant that was paid beyond a period, for the same member and level, but by some references;
    None where there is none.
    """
    return execute(
        select(LevelGrant)
        .where(
            LevelGrant.member_id == period.member_id,
            LevelGrant.kind == PAID,
            LevelGrant.rank == period.rank,
            LevelGrant.begins_on > period.last_day,
            LevelGrant.reference.not_in(but),
            not_ended(),
        )
        .order_by(LevelGrant.begins_on.desc())
        .limit(1)
    ).one_or_none()


def end_paid_grants(references: Sequence[str], *, by: str, terms: programme.Programme, at: datetime) -> None:
    """End the levels that were paid for by what is given back. What has ended stays as it ended."""
    rows = execute(
        select(LevelGrant)
        .where(LevelGrant.reference.in_(references), LevelGrant.kind == PAID, not_ended())
        .order_by(LevelGrant.id)
    ).all()
    for row in rows:
        if row.ends_at < at:  # The night has not come round to it.
            note_over([row], at=at)
        else:
            withdraw([row], reason=GIVEN_BACK, by=by, at=at)
    tell_ended([row for row in rows if row.begins_at <= at], terms=terms, at=at)


def goes_on(grant: Any) -> ScalarSelect[Any]:
    """Return the last day of what a member has paid for a level beyond a paid grant of it, as a column; NULL where
    nothing.
    """
    later = aliased(LevelGrant)
    return (
        select(func.max(later.last_day))
        .where(
            grant.kind == PAID,
            later.kind == PAID,
            later.member_id == grant.member_id,
            later.rank == grant.rank,
            later.begins_on > grant.last_day,
            not_ended(later),
        )
        .correlate(grant)
        .scalar_subquery()
    )
