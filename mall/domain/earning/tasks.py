"""Tasks: behaviour besides buying is paid at once, as often as the programme allows, and each payment is kept.

Rules read only facts. A fact is recorded whether or not a task pays for it, so that a later rule may be tried on it.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Row,
    String,
    UniqueConstraint,
    cast,
    func,
    insert,
    literal,
    select,
    text,
)

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.tables import Mapped, aliased, mapped_column
from mall.base.text import Message, say
from mall.domain import ledger, membership, programme

from .behaviours import BEHAVIOURS
from .facts import Fact, FactRow, record, undone_of
from .level_packs import UPGRADE, give_level_pack, lock_level_packs

# How the key of the fact ends that less is kept of an order than the task of a reward asks for.
SHORT = ":short"


class TaskReward(db.Model):
    """What a task paid for a fact, under a version of the programme and the caps of then.

    Its points are the lot, its growth the event that refer to it by reference_of(). `paid_by` says what its member's
    level was paid for by, where the task asks for that level and nothing else gave it. `least_cents` is the cash that
    must be kept of the order it was paid for; None of other tasks, and of what was paid before this was kept.
    """

    __table_args__ = (
        UniqueConstraint("fact_id", "task"),
        CheckConstraint("points >= 0 AND growth >= 0 AND points + growth > 0", name="gives_something"),
        Index(None, "member_id", "task", "day"),
        Index(
            None,
            "paid_by",
            sqlite_where=text("paid_by IS NOT NULL"),
            postgresql_where=text("paid_by IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    task: Mapped[str] = mapped_column(String(40))
    fact_id: Mapped[int] = mapped_column(ForeignKey("fact.id"))
    points: Mapped[int]
    growth: Mapped[int]
    version: Mapped[int]
    day: Mapped[date]
    # The first day of its month, so that a month's may be counted.
    month: Mapped[date]
    per_day: Mapped[int | None]
    per_month: Mapped[int | None]
    in_all: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(Instant)
    paid_by: Mapped[str | None] = mapped_column(String(60))
    least_cents: Mapped[int | None]


append_only(TaskReward)


class Reward(Struct, frozen=True):
    """Points and growth that a task gave."""

    task: str
    points: int
    growth: int


class Done(Struct, frozen=True):
    """How often a task was paid: on a day, in its month, ever."""

    that_day: int = 0
    that_month: int = 0
    ever: int = 0

    def exhausts(self, task: programme.Task) -> bool:
        """Tell whether a cap of the task is reached."""
        pairs = ((task.per_day, self.that_day), (task.per_month, self.that_month), (task.in_all, self.ever))
        return any(cap is not None and times >= cap for cap, times in pairs)


def did(fact: Fact, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> tuple[Reward, ...]:
    """Record what a member did and give what tasks pay for it. Asked again for the same, gives nothing more.

    The purse is locked, so that two at once do not both find a cap free.
    """
    fact_id = record(fact)
    return () if fact_id is None else _reward(fact, fact_id, purse=purse, terms=terms, at=at)


def _reward(
    fact: Fact, fact_id: int, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime
) -> tuple[Reward, ...]:
    """Give what tasks pay for a fact that is new."""
    today = terms.today(at)
    wanted = [task for task in terms.tasks if task.runs_on(today) and BEHAVIOURS[task.key].is_met_by(fact, task)]
    if not wanted:
        return ()
    done = done_by(fact.member_id, today=today)
    held = membership.RankHeld(1, 1)
    if any(task.from_rank > 1 for task in wanted):
        held = membership.rank_held(fact.member_id, at=at)
    given = [task for task in wanted if is_paid(task, today, rank=held.rank, done=done.get(task.key, Done()))]
    return tuple(_pay(task, fact, fact_id, held=held, purse=purse, terms=terms, at=at) for task in given)


def note_level(
    change: membership.LevelChange | None, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime
) -> None:
    """Note that a member has risen, and give what that is worth, the level's pack too: once for each level, however
    often it is reached. Who rises by several has the packs of all.
    """
    if change is None or not change.rose:
        return
    lock_level_packs(above=change.from_rank, terms=terms)
    for rank in range(change.from_rank + 1, change.to_rank + 1):
        reach(rank, purse=purse, terms=terms, at=at)


def reach(rank: int, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> None:
    """Give what reaching a level is worth, once; anew where all of it was taken back since."""
    reference = f"member:{purse.member_id}"
    reached = execute(
        select(FactRow.id, FactRow.attributes, FactRow.id.in_(undone_of(purse.member_id)).label("undone")).where(
            FactRow.member_id == purse.member_id, FactRow.kind == "level_reached"
        )
    ).all()
    if not all(row.undone for row in reached if _rank_now(row.attributes, terms) == rank):
        return
    before = sum(row.attributes["rank"] == rank for row in reached)
    occasion = f"level:{rank}" + (f":again:{before}" if before else "")
    fact = Fact(
        "level_reached",
        purse.member_id,
        key=f"{reference}:{occasion}",
        at=at,
        reference=reference,
        attributes={"rank": rank, "version": terms.version, "day": terms.today(at).isoformat()},
    )
    fact_id = record(fact)
    if fact_id is not None:
        _reward(fact, fact_id, purse=purse, terms=terms, at=at)
        give_level_pack(UPGRADE, occasion, rank=rank, purse=purse, terms=terms, at=at)


def reach_again(*, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> None:
    """Give anew what was taken back with levels that a member who never fell reaches again by growth. One statement
    where nothing was ever taken back.
    """
    lost = _lost_ranks(purse.member_id, terms=terms)
    if not lost:
        return
    now = membership.standing(purse.member_id, terms=terms, at=at)
    for rank in sorted(lost):
        if rank <= now.grown.rank and now.growth >= terms.level(rank).reach:
            reach(rank, purse=purse, terms=terms, at=at)


def _lost_ranks(member_id: int, *, terms: programme.Programme) -> set[int]:
    """Return the levels of these terms, by rank, whose fact was undone and has no other. One statement where none was.

    One that is there no more is none of them.
    """
    fact = FactRow
    undone = execute(
        select(fact.id, fact.kind, fact.attributes).where(
            fact.id.in_(undone_of(member_id)), fact.kind == "level_reached"
        )
    ).all()
    ranks = {rank for row in undone if (rank := _rank_now(row.attributes, terms))}
    if not ranks:
        return set()
    standing = execute(
        select(fact.attributes).where(
            fact.member_id == member_id, fact.kind == "level_reached", fact.id.not_in([row.id for row in undone])
        )
    ).scalars()
    return ranks - {_rank_now(attributes, terms) for attributes in standing}


def _rank_now(attributes: Mapping[str, Any], terms: programme.Programme) -> int | None:
    """Return the rank that a level has now which was reached under a version, None if there is no such level any more.

    A level is the same by its key, whatever its number was then. Before versions were kept, by its number.
    """
    version, rank = attributes.get("version"), attributes["rank"]
    if version is None:
        return int(rank)
    key = programme.version(version).level(rank).key
    return next((level.rank for level in terms.levels if level.key == key), None)


def is_paid(task: programme.Task, day: date, *, rank: int, done: Done) -> bool:
    """Tell whether a task is paid on a day to a member of a level, who was paid so often. Pure."""
    return task.runs_on(day) and task.from_rank <= rank and not done.exhausts(task)


def done_by(member_id: int, *, today: date) -> dict[str, Done]:
    """Return how often each task was paid to a member, up to a day. Tasks never paid are left out. One statement.

    What was paid for a fact that was undone does not count, nor for an order of which too little is kept by now: it
    may be paid again.
    """
    reward = TaskReward
    rows = execute(
        select(
            reward.task,
            func.count().filter(reward.day == today).label("that_day"),
            func.count().filter(reward.month == today.replace(day=1)).label("that_month"),
            func.count().label("ever"),
        )
        .where(reward.member_id == member_id, reward.fact_id.not_in(undone_of(member_id)), ~fell_short(reward))
        .group_by(reward.task)
    )
    return {row.task: Done(row.that_day, row.that_month, row.ever) for row in rows}


def fell_short(reward: Any) -> ColumnElement[bool]:
    """Tell whether a reward was taken back since less is kept of its order than its task asks for, as a column."""
    key = literal("task:") + cast(reward.id, String) + literal(SHORT)
    return select(_SHORT.id).where(_SHORT.key == key).correlate_except(_SHORT).exists()


def reference_of(reward_id: int) -> str:
    """Return what the lot and the growth of a reward refer to."""
    return f"task:{reward_id}"


def reward_behind(reference: str) -> Row[Any] | None:
    """Return the reward that a lot or growth refers to, None where it refers to something else."""
    kind, _colon, number = reference.partition(":")
    if kind != "task":
        return None
    return execute(select(TaskReward).where(TaskReward.id == int(number))).one_or_none()


def _pay(
    task: programme.Task,
    fact: Fact,
    fact_id: int,
    *,
    held: membership.RankHeld,
    purse: ledger.LockedPurse,
    terms: programme.Programme,
    at: datetime,
) -> Reward:
    today = terms.today(at)
    reference = reference_of(_write(task, fact, fact_id, held=held, terms=terms, at=at))
    why = _why(task, fact, today)
    if task.points:
        lot_id = ledger.earn(
            purse,
            task.points,
            reference=reference,
            rule=task.key,
            origin="task",
            expiry=terms.expiry_of(today),
            version=terms.version,
            worth=terms.worth,
            why=why,
            at=at,
            first=True,
        )
        ledger.unlock(purse, [lot_id], at=at)
    if task.growth:
        change = membership.add_growth(
            fact.member_id,
            task.growth,
            source=task.key,
            reference=reference,
            counts_on=today,
            version=terms.version,
            why=why,
            key=f"{reference}:growth",
            terms=terms,
            at=at,
        )
        note_level(change, purse=purse, terms=terms, at=at)
        reach_again(purse=purse, terms=terms, at=at)
    return Reward(task.key, task.points, task.growth)


def _write(
    task: programme.Task,
    fact: Fact,
    fact_id: int,
    *,
    held: membership.RankHeld,
    terms: programme.Programme,
    at: datetime,
) -> int:
    """Write down what a task pays for a fact. Returns the reward's id."""
    today = terms.today(at)
    statement = insert(TaskReward).values(
        member_id=fact.member_id,
        task=task.key,
        fact_id=fact_id,
        points=task.points,
        growth=task.growth,
        version=terms.version,
        day=today,
        month=today.replace(day=1),
        per_day=task.per_day,
        per_month=task.per_month,
        in_all=task.in_all,
        paid_by=held.paid_by if task.from_rank > held.otherwise else None,
        least_cents=task.least_cents if BEHAVIOURS[task.key].of_order else None,
        at=at,
    )
    return execute(statement.returning(TaskReward.id)).scalar_one()


def _why(task: programme.Task, fact: Fact, day: date) -> Message:
    behaviour = BEHAVIOURS[task.key]
    return say(behaviour.why, done_on=day, **{name: fact.attributes[name] for name in behaviour.told})


_SHORT = aliased(FactRow)
