"""The rule sandbox: the last days replayed under a draft, beside the version in force. It writes nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import BigInteger, Row, Select, case, func, select

from mall.base.clock import start_of
from mall.base.db import execute
from mall.base.money import half_up
from mall.base.sql import as_given, given
from mall.domain import checkout, earning, membership, people, programme

from .pyramid import Course, Pyramid, growth_by_member, kept_by_order, pyramid_of, revenue_by_member
from .replay import (
    Bought,
    Given,
    Kept,
    Piece,
    Sent,
    Settling,
    TaskDone,
    given_for,
    growth_change,
    really_issued,
    tasks_paid,
)

SPANS = (30, 90, 365)
YEAR = 365
# Whom a draft moves, and by how many levels: a question is given all of them, and answers by these steps.
_MOVED = given("moved", member_id=BigInteger(), steps=BigInteger())
_STEPS = func.coalesce(_MOVED.c.steps, 0).label("steps")


class Side(Struct, frozen=True):
    """What one version does: whom it leaves on which level, and what it gives in the days replayed."""

    terms: programme.Programme
    pyramid: Pyramid
    given: Given
    task_points: int

    @property
    def points(self) -> int:
        """Return the points issued, for orders and tasks."""
        return self.given.points + self.task_points

    @property
    def liability_cents(self) -> int:
        """Return what these points add to the liability, at the version's worth."""
        return half_up(self.terms.worth_of(self.points))

    @property
    def multiplier_cents(self) -> int:
        """Return what the points of levels' multipliers are worth."""
        return half_up(self.terms.worth_of(self.given.multiplier_points))

    @property
    def benefits_cents(self) -> int:
        """Return what the levels' benefits cost: points of multipliers, discount, delivery."""
        return self.multiplier_cents + self.given.discount_cents + self.given.shipping_cents


class Mover(Struct, frozen=True):
    """A member whom the draft leaves elsewhere than the version in force: ranks and growth under each.

    `steps` is by how many levels of the draft, above 0 where they would stand higher: the level that takes the place
    of theirs counts as the same.
    """

    member_id: int
    now_rank: int
    live_rank: int
    draft_rank: int
    live_growth: int
    draft_growth: int
    steps: int

    @property
    def rises(self) -> bool:
        """Tell whether the draft leaves them higher."""
        return self.steps > 0


class WhatIf(Struct, frozen=True):
    """A draft beside the version in force, over so many days up to an instant."""

    days: int
    live: Side
    draft: Side
    now: Pyramid
    issued_points: int
    movers: tuple[Mover, ...]

    def moves(self) -> list[tuple[int, int, int]]:
        """Return how many members go from which level to which: [(rank in force, rank in the draft, members)]."""
        counted = Counter((each.live_rank, each.draft_rank) for each in self.movers)
        return [(*pair, n) for pair, n in sorted(counted.items(), reverse=True)]

    def a_year(self, cents: int) -> int:
        """Return what so much in the days replayed is in a year, rounded half up."""
        return half_up(Fraction(cents * YEAR, self.days))


class _Member(Struct, frozen=True):
    member_id: int
    rank: int
    growth: int
    cents: int


def what_if(draft: programme.Programme, *, days: int, terms: programme.Programme, at: datetime) -> WhatIf:
    """Replay the last days under a draft and under the version in force.

    Levels are those after everybody's next review, if the growth that counts stays as it is: up at once, down by one
    step and not before 30 days' notice. Cash is what was really kept: what people would have bought otherwise nobody
    knows.
    """
    today = terms.today(at)
    since = start_of(today - timedelta(days=days - 1), terms.zone)
    members = _members(today, start_of(membership.window_start(today), terms.zone))
    issued_tasks = _rewards(since)
    changed = [task for task in draft.tasks if terms.task(task.key) != task]
    gone = {task.key for task in terms.tasks} - {task.key for task in draft.tasks}
    replayed = _replay_tasks(changed, since=since, terms=terms) if changed else {}
    live_growth = _order_growth(terms, since)
    draft_growth = _order_growth(draft, since)
    if changed or gone:
        _add_task_growth(draft_growth, changed, gone, replayed, since)
    places = places_of(terms, draft)
    settled, drafted = Settling(terms, today), Settling(draft, today)
    live, other, now, movers = [], [], [], []
    for each in members:
        one = each.growth + live_growth.get(each.member_id, 0)
        two = each.growth + draft_growth.get(each.member_id, 0)
        now_rank = terms.level(each.rank).rank
        live_rank, draft_rank = settled.rank(now_rank, one), drafted.rank(places[now_rank], two)
        now.append((now_rank, each.growth, each.cents))
        live.append((live_rank, one, each.cents))
        other.append((draft_rank, two, each.cents))
        if steps := draft_rank - places[live_rank]:
            movers.append(Mover(each.member_id, now_rank, live_rank, draft_rank, one, two, steps))
    bought = _bought({each.member_id: each.steps for each in movers}, since)
    live_given, draft_given = Given(), Given()
    for steps, theirs in bought.items():
        live_given = live_given.and_of(given_for(theirs, terms=terms, at=at))
        draft_given = draft_given.and_of(given_for(theirs.on(places, steps), terms=draft, at=at))
    task_points = sum(points for points, _growth in issued_tasks.values())
    draft_task_points = sum(
        points for key, (points, _growth) in issued_tasks.items() if key not in gone | {task.key for task in changed}
    )
    draft_task_points += sum(draft_task.points * replayed_times(replayed, draft_task.key) for draft_task in changed)
    return WhatIf(
        days=days,
        live=Side(terms, _pyramid(terms, live), live_given, task_points),
        draft=Side(draft, _pyramid(draft, other), draft_given, draft_task_points),
        now=_pyramid(terms, now),
        issued_points=sum(really_issued(theirs.kept) for theirs in bought.values()) + task_points,
        movers=tuple(sorted(movers, key=lambda each: (each.steps, -each.draft_growth, each.member_id))),
    )


def places_of(terms: programme.Programme, draft: programme.Programme) -> dict[int, int]:
    """Return the level of a draft that takes the place of each level in force: {rank: rank}."""
    return {level.rank: membership.place_of(level.rank, before=terms, now=draft) for level in terms.levels}


def replayed_times(replayed: Mapping[tuple[int, str], int], key: str) -> int:
    """Return how often a task was paid in a replay."""
    return sum(times for (_member, task), times in replayed.items() if task == key)


def names_of(movers: Sequence[Mover]) -> dict[int, Row[Any]]:
    """Return who members are: {id: number, display_name}."""
    member = people.Member
    rows = execute(
        select(member.id, member.number, member.display_name).where(member.id.in_([each.member_id for each in movers]))
    )
    return {row.id: row for row in rows}


def _members(today: date, revenue_since: datetime) -> list[_Member]:
    level, growth, revenue = membership.latest_steps(), growth_by_member(today), revenue_by_member(revenue_since)
    rows = execute(
        select(
            level.c.member_id,
            level.c.rank,
            func.coalesce(growth.c.growth, 0).label("growth"),
            func.coalesce(revenue.c.cents, 0).label("cents"),
        )
        .join_from(level, people.Member, people.Member.id == level.c.member_id)
        .outerjoin(growth, growth.c.member_id == level.c.member_id)
        .outerjoin(revenue, revenue.c.member_id == level.c.member_id)
        .where(people.Member.deactivated_at.is_(None))
    )
    return [_Member(row.member_id, row.rank, int(row.growth), int(row.cents)) for row in rows]


def _pyramid(terms: programme.Programme, standings: Iterable[tuple[int, int, int]]) -> Pyramid:
    sums: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for rank, growth, cents in standings:
        row = sums[rank]
        row[0] += 1
        row[1] += growth
        row[2] += cents
    return pyramid_of(terms, (Course(rank, *row) for rank, row in sums.items()))


def _order_growth(terms: programme.Programme, since: datetime) -> dict[int, int]:
    """Return what a version's rate changes of each member's growth of orders kept since: {member_id: growth}.

    Only orders of another rate are read: for the others nothing changes.
    """
    order = checkout.Order
    of_another_rate = order.growth_per_cents != terms.growth_per_cents
    # Facts of all orders are added up only where there is anything to look for.
    if execute(select(order.id).where(of_another_rate).limit(1)).first() is None:
        return {}
    kept = kept_by_order(since, kind="order_kept")
    rows = execute(
        select(kept.c.member_id, kept.c.cents, order.growth_per_cents)
        .join(order, kept.c.order_id == order.id)
        .where(of_another_rate)
    )

    @lru_cache(None)
    def change_by(cents: int, growth_per_cents: int) -> int:
        rates = earning.Rates(
            multiplier_percent=100, earn_points=0, earn_per_cents=1, growth_per_cents=growth_per_cents
        )
        return growth_change([Kept(1, cents, rates, 1)], terms)

    change: dict[int, int] = defaultdict(int)
    for row in rows:
        change[row.member_id] += change_by(row.cents, row.growth_per_cents)
    return change


def _bought(steps: Mapping[int, int], since: datetime) -> dict[int, Bought]:
    """Return all that was bought since an instant, by how many levels the draft moves who bought it: {steps: ...}.

    `steps` is {member_id: steps} of those it moves.
    """
    moved = {"moved": as_given(list(steps.items()))}
    found: dict[int, tuple[list[Kept], list[Piece], list[Sent]]] = defaultdict(lambda: ([], [], []))
    for row in execute(_kept_rows(since), moved):
        found[row.steps][0].append(_kept(row))
    for row in execute(_piece_rows(since), moved):
        found[row.steps][1].append(_piece(row))
    for row in execute(_sent_rows(since), moved):
        found[row.steps][2].append(_sent(row))
    return {steps: Bought(tuple(kept), tuple(pieces), tuple(sent)) for steps, (kept, pieces, sent) in found.items()}


def _kept_rows(since: datetime) -> Select[Any]:
    order, kept = checkout.Order, kept_by_order(since)
    same = [
        order.level_rank, order.multiplier_percent, order.earn_points, order.earn_per_cents, order.growth_per_cents,
        kept.c.cents, _STEPS,
    ]  # fmt: skip
    question = select(*same, func.count().label("times")).join_from(kept, order, kept.c.order_id == order.id)
    return question.outerjoin(_MOVED, _MOVED.c.member_id == kept.c.member_id).group_by(*same)


def _piece_rows(since: datetime) -> Select[Any]:
    order, line = checkout.Order, checkout.OrderLine
    same = [order.level_rank, line.list_cents, line.quantity, line.form, _STEPS]
    return (
        select(*same, func.sum(line.quantity - line.refunded).label("times"))
        .join_from(order, line, line.order_id == order.id)
        .outerjoin(_MOVED, _MOVED.c.member_id == order.member_id)
        .where(order.paid_at >= since, line.refunded < line.quantity, line.form == "cash")
        .group_by(*same)
    )


def _sent_rows(since: datetime) -> Select[Any]:
    order, line = checkout.Order, checkout.OrderLine
    for_cash = func.max(case((line.digital.is_(False) & (line.form != "points"), 1), else_=0))
    each = (
        select(
            order.id,
            func.sum(line.cash_cents + line.saved_cents + line.waived_cents).label("goods_cents"),
            for_cash.label("for_cash"),
        )
        .join_from(order, line, line.order_id == order.id)
        .where(order.paid_at >= since, order.shipping_list_cents > 0, order.state.not_in(checkout.OVER))
        .group_by(order.id)
        .subquery("goods")
    )
    same = [
        order.level_rank, order.shipping_key, order.shipping_list_cents, each.c.goods_cents, each.c.for_cash, _STEPS,
    ]  # fmt: skip
    question = select(*same, func.count().label("times")).join_from(each, order, order.id == each.c.id)
    return question.outerjoin(_MOVED, _MOVED.c.member_id == order.member_id).group_by(*same)


def _kept(row: Row[Any]) -> Kept:
    rates = earning.Rates(
        multiplier_percent=row.multiplier_percent,
        earn_points=row.earn_points,
        earn_per_cents=row.earn_per_cents,
        growth_per_cents=row.growth_per_cents,
    )
    return Kept(row.level_rank, int(row.cents), rates, row.times)


def _piece(row: Row[Any]) -> Piece:
    return Piece(row.level_rank, row.list_cents // row.quantity, row.form, int(row.times))


def _sent(row: Row[Any]) -> Sent:
    return Sent(
        row.level_rank,
        row.shipping_key or "",
        row.shipping_list_cents,
        int(row.goods_cents),
        for_points=not row.for_cash,
        times=row.times,
    )


def _rewards(since: datetime) -> dict[str, tuple[int, int]]:
    """Return what tasks have paid since an instant: {task: (points, growth)}."""
    reward = earning.TaskReward
    rows = execute(
        select(reward.task, func.sum(reward.points).label("points"), func.sum(reward.growth).label("growth"))
        .where(reward.at >= since)
        .group_by(reward.task)
    )
    return {row.task: (int(row.points), int(row.growth)) for row in rows}


def _add_task_growth(
    growth: dict[int, int],
    changed: Sequence[programme.Task],
    gone: set[str],
    replayed: Mapping[tuple[int, str], int],
    since: datetime,
) -> None:
    """Put a draft's tasks in the place of those that were paid, in what it changes of each member's growth."""
    reward = earning.TaskReward
    by_key = {task.key: task for task in changed}
    rows = execute(
        select(reward.member_id, func.sum(reward.growth).label("growth"))
        .where(reward.at >= since, reward.growth > 0, reward.task.in_([*by_key, *gone]))
        .group_by(reward.member_id)
    )
    for row in rows:
        growth[row.member_id] = growth.get(row.member_id, 0) - int(row.growth)
    for (member_id, key), times in replayed.items():
        growth[member_id] = growth.get(member_id, 0) + by_key[key].growth * times


def _replay_tasks(
    tasks: Sequence[programme.Task], *, since: datetime, terms: programme.Programme
) -> dict[tuple[int, str], int]:
    """Replay tasks on what members did since an instant: {(member_id, task): times paid}."""
    fact: Any = earning.FactRow
    kinds = {earning.BEHAVIOURS[task.key].kind for task in tasks}
    rows = execute(
        select(fact.kind, fact.member_id, fact.at, fact.attributes, fact.reference, fact.key)
        .where(fact.kind.in_(kinds), fact.at >= since)
        .order_by(fact.at, fact.id)
    )
    ranks = _ranks() if any(task.from_rank > 1 for task in tasks) else {}
    first_day = terms.today(since)
    done = (
        TaskDone(
            earning.Fact(row.kind, row.member_id, row.key, row.at, attributes=row.attributes),
            terms.today(row.at),
            next((rank for began_at, rank in ranks.get(row.member_id, ()) if began_at <= row.at), 1),
        )
        for row in rows
    )
    return tasks_paid(done, tasks, before=_paid_before(tasks, since, first_day), since=first_day)


def _ranks() -> dict[int, list[tuple[datetime, int]]]:
    """Return every member's levels, newest first: {member_id: [(since, rank)]}."""
    step = membership.LevelHistory
    found: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for row in execute(select(step.member_id, step.began_at, step.rank).order_by(step.step.desc())):
        found[row.member_id].append((row.began_at, row.rank))
    return found


def _paid_before(
    tasks: Sequence[programme.Task], since: datetime, first_day: date
) -> dict[tuple[int, str], earning.Done]:
    """Return how often tasks with a cap on a month or a life were paid before: {(member_id, task): ...}."""
    capped = [task.key for task in tasks if task.per_month is not None or task.in_all is not None]
    if not capped:
        return {}
    reward = earning.TaskReward
    rows = execute(
        select(
            reward.member_id,
            reward.task,
            func.count().filter(reward.month == first_day.replace(day=1)).label("that_month"),
            func.count().label("ever"),
        )
        .where(reward.at < since, reward.task.in_(capped))
        .group_by(reward.member_id, reward.task)
    )
    return {(row.member_id, row.task): earning.Done(0, row.that_month, row.ever) for row in rows}
