"""Tasks of the last days: what they paid, and what those of a draft would pay for the same facts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import func, literal, select

from mall.base.db import execute, streamed
from mall.domain import earning, programme

from .replay import GrowthByDay, TaskDone, placed, tasks_paid


class TasksReplayed(Struct, frozen=True):
    """What tasks really paid and what a draft's would: points, and what changes of growth."""

    points: int
    draft_points: int
    growth: GrowthByDay


def tasks_replayed(
    draft: programme.Programme, *, terms: programme.Programme, places: Mapping[int, int], since: datetime
) -> TasksReplayed:
    """Replay the tasks that a draft changes on what members did since an instant; the others stay as paid.

    `places` are the levels of the draft that take the place of those in force: {rank: rank}.
    """
    paid = _rewards(since)
    changed = [task for task in draft.tasks if terms.task(task.key) != task]
    gone = {task.key for task in terms.tasks} - {task.key for task in draft.tasks}
    points = sum(paid.values())
    if not changed and not gone:
        return TasksReplayed(points, points, {})
    replayed = _replay(changed, since=since, terms=terms, places=places) if changed else {}
    others = gone | {task.key for task in changed}
    draft_points = sum(points for key, points in paid.items() if key not in others)
    by_key = {task.key: task for task in changed}
    draft_points += sum(by_key[key].points * times for (_member_id, key, _day), times in replayed.items())
    return TasksReplayed(points, draft_points, _growth_change(by_key, gone, replayed, since))


def _rewards(since: datetime) -> dict[str, int]:
    """Return what tasks have paid since an instant and not taken back: {task: points}."""
    reward = earning.TaskReward
    rows = execute(
        select(reward.task, func.sum(reward.points).label("points"))
        .where(reward.at >= since, *_stands(reward))
        .group_by(reward.task)
    )
    return {row.task: int(row.points) for row in rows}


def _stands(reward: Any) -> tuple[Any, ...]:
    """Return the conditions that what a task paid was not taken back since."""
    return reward.fact_id.not_in(earning.all_undone()), ~earning.went_with_level(reward), ~earning.fell_short(reward)


def _growth_change(
    by_key: Mapping[str, programme.Task],
    gone: set[str],
    replayed: Mapping[tuple[int, str, date], int],
    since: datetime,
) -> GrowthByDay:
    """Return what a draft's tasks, in the place of those that were paid, change of each member's growth."""
    reward = earning.TaskReward
    growth: dict[int, list[tuple[int, int]]] = defaultdict(list)
    rows = execute(
        select(reward.member_id, reward.day, func.sum(reward.growth).label("growth"))
        .where(
            reward.at >= since,
            reward.growth > 0,
            reward.task.in_([*by_key, *gone]),
            *_stands(reward),
        )
        .group_by(reward.member_id, reward.day)
    )
    for row in rows:
        growth[row.member_id].append((row.day.toordinal(), -int(row.growth)))
    for (member_id, key, day), times in replayed.items():
        if by_key[key].growth:
            growth[member_id].append((day.toordinal(), by_key[key].growth * times))
    return growth


def _replay(
    tasks: Sequence[programme.Task], *, since: datetime, terms: programme.Programme, places: Mapping[int, int]
) -> dict[tuple[int, str, date], int]:
    """Replay tasks on what members did since an instant: {(member_id, task, day): times paid}."""
    fact: Any = earning.FactRow
    kinds = {earning.BEHAVIOURS[task.key].kind for task in tasks}
    by_level = any(task.from_rank > 1 for task in tasks)
    rank = earning.rank_for(fact) if by_level else literal(1)
    rows = streamed(
        select(
            fact.id, fact.kind, fact.member_id, fact.at, fact.attributes, fact.reference, fact.key, rank.label("rank")
        )
        .where(fact.kind.in_(kinds | _going_back(kinds)), fact.at >= since)
        .order_by(fact.at, fact.id)
    )
    first_day = terms.today(since)
    done = (
        TaskDone(
            earning.Fact(row.kind, row.member_id, row.key, row.at, row.reference, attributes=row.attributes),
            terms.today(row.at),
            placed(row.rank, places),
            row.id,
        )
        for row in rows
    )
    return tasks_paid(done, tasks, before=_paid_before(tasks, since, first_day), since=first_day)


def _going_back(kinds: set[str]) -> set[str]:
    """Return the kinds of facts by which what was paid for others goes back."""
    undoing = {kind for kind, undone in earning.UNDOES.items() if undone in kinds}
    return undoing | ({"order_reduced"} if "order_kept" in kinds else set())


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
        .where(
            reward.at < since,
            reward.task.in_(capped),
            reward.fact_id.not_in(earning.all_undone()),
            ~earning.fell_short(reward),
        )
        .group_by(reward.member_id, reward.task)
    )
    return {(row.member_id, row.task): earning.Done(0, row.that_month, row.ever) for row in rows}
