"""The pyramid: how many members stand on each level, and what share of the revenue they bring - the 80/20 rule."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import BigInteger, Subquery, cast, func, select

from mall.base.clock import start_of
from mall.base.db import execute
from mall.base.tables import aliased
from mall.domain import checkout, earning, membership, people, programme


class Course(Struct, frozen=True):
    """A level of the pyramid: its members, the growth of theirs that counts, and the cash they brought, in cents."""

    rank: int
    members: int
    growth: int
    revenue_cents: int


class Pyramid(Struct, frozen=True):
    """Every level of a programme, lowest first; also those that nobody has reached."""

    courses: tuple[Course, ...]

    @property
    def members(self) -> int:
        """Return how many members there are."""
        return sum(course.members for course in self.courses)

    @property
    def growth(self) -> int:
        """Return the growth of all."""
        return sum(course.growth for course in self.courses)

    @property
    def revenue_cents(self) -> int:
        """Return the cash that all of them brought."""
        return sum(course.revenue_cents for course in self.courses)

    def from_rank(self, rank: int) -> Course:
        """Return a level and all above it, as one."""
        above = [course for course in self.courses if course.rank >= rank]
        return Course(
            rank,
            members=sum(course.members for course in above),
            growth=sum(course.growth for course in above),
            revenue_cents=sum(course.revenue_cents for course in above),
        )

    def top_fifth(self) -> Course | None:
        """Return the levels from the top that hold at most a fifth of the members, as one: those who should bring
        four fifths of the revenue. None where the top level alone holds more, or nobody.
        """
        tops = [self.from_rank(course.rank) for course in self.courses]
        return next((top for top in tops if 0 < top.members * 5 <= self.members), None)


def pyramid(*, terms: programme.Programme, at: datetime) -> Pyramid:
    """Return the pyramid as it stands: members who may come in, and the cash kept of orders of the last 365 days.

    One statement.
    """
    today = terms.today(at)
    level, growth = membership.latest_steps(), growth_by_member(today)
    revenue = revenue_by_member(start_of(membership.window_start(today), terms.zone))
    rows = execute(
        select(
            level.c.rank,
            func.count().label("members"),
            func.coalesce(func.sum(growth.c.growth), 0).label("growth"),
            func.coalesce(func.sum(revenue.c.cents), 0).label("cents"),
        )
        .join_from(level, people.Member, people.Member.id == level.c.member_id)
        .outerjoin(growth, growth.c.member_id == level.c.member_id)
        .outerjoin(revenue, revenue.c.member_id == level.c.member_id)
        .where(people.Member.deactivated_at.is_(None))
        .group_by(level.c.rank)
    )
    return pyramid_of(terms, (Course(row.rank, int(row.members), int(row.growth), int(row.cents)) for row in rows))


def pyramid_of(terms: programme.Programme, found: Iterable[Course]) -> Pyramid:
    """Return the pyramid that courses make in a programme: who stands above its top stands on the top. Pure."""
    by_rank: Mapping[int, list[Course]] = {level.rank: [] for level in terms.levels}
    for course in found:
        by_rank[terms.level(course.rank).rank].append(course)
    return Pyramid(
        tuple(
            Course(
                rank,
                members=sum(course.members for course in courses),
                growth=sum(course.growth for course in courses),
                revenue_cents=sum(course.revenue_cents for course in courses),
            )
            for rank, courses in by_rank.items()
        )
    )


def growth_by_member(today: date) -> Subquery:
    """Return every member's growth that counts on a day as a subquery: member_id, growth."""
    event = membership.GrowthEvent
    return (
        select(event.member_id, func.sum(event.points).label("growth"))
        .where(event.counts_on.between(membership.window_start(today), today))
        .group_by(event.member_id)
        .subquery("growth")
    )


def revenue_by_member(since: datetime) -> Subquery:
    """Return the cash for goods that is kept of each member's orders paid since an instant: member_id, cents."""
    kept = kept_by_order(since)
    by_member = select(kept.c.member_id, func.sum(kept.c.cents).label("cents")).group_by(kept.c.member_id)
    return by_member.subquery("revenue")


def kept_by_order(since: datetime, *, kind: str = "order_paid") -> Subquery:
    """Return what is kept of each order paid (or "order_kept") since an instant: member_id, order_id, cents, at.

    `at` is when it was. An order has one such fact, and few have any that takes something back: only those are put
    together.
    """
    fact: Any = earning.FactRow
    least = aliased(fact)
    reduced = (
        select(least.reference, cast(func.sum(least.cents), BigInteger).label("cents"))
        .where(least.kind == "order_reduced")
        .group_by(least.reference)
        .subquery("reduced")
    )
    paid = aliased(fact) if kind != "order_paid" else fact
    question = select(
        fact.member_id,
        checkout.order_id_in(fact.reference).label("order_id"),
        (paid.cents + func.coalesce(reduced.c.cents, 0)).label("cents"),
        fact.at,
    )
    if paid is not fact:
        question = question.join(paid, (paid.reference == fact.reference) & (paid.kind == "order_paid"))
    question = question.outerjoin(reduced, reduced.c.reference == fact.reference)
    return question.where(fact.kind == kind, fact.at >= since).subquery("kept")
