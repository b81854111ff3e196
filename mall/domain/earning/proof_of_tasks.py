"""What must always be true of tasks and check-ins: paid once, as often as the caps allow, and for what was done."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    and_,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)

from mall.base.db import dialect
from mall.base.proof import Check
from mall.base.sql import each_in, named_in
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import ledger, membership, programme

from .behaviours import BEHAVIOURS
from .check_ins import ROUND_DAYS, CheckIn
from .days import BETWEEN_BIRTHDAYS_DAYS
from .facts import UNDOES, FactRow
from .proof_of_packs import by_a_pack
from .tasks import TaskReward, fell_short


def task_checks() -> list[Check]:
    """Return the checks of tasks and check-ins (LEDGER 6.14)."""
    return [
        Check(N_("a check-in counts the days in a row"), _streaks()),
        Check(N_("who checked in did so once, as a fact says"), _check_ins_without_fact()),
        Check(N_("a fact of a check-in has its check-in, on its day and of its round"), _facts_without_check_in()),
        Check(N_("a task is paid for what its member did"), _for_nothing()),
        Check(N_("a task paid what its version says, within the caps of its version"), _other_than_said()),
        Check(N_("a task has given the points and the growth it says"), _given()),
        Check(N_("no task is paid more often than its caps allow"), _beyond_caps()),
        Check(N_("points and growth of tasks come from a reward"), _without_reward()),
        Check(N_("nobody has two birthdays in a year"), _birthdays()),
    ]


def by_a_task(posting: Any) -> ColumnElement[bool]:
    """Tell whether a task rewarded the member of a posting for what it refers to."""
    mine = select(TaskReward.id).where(
        _reference_of(TaskReward.id) == posting.reference, TaskReward.member_id == posting.member_id
    )
    return mine.correlate(posting).exists()


def _reference_of(reward_id: Any) -> ColumnElement[str]:
    return literal("task:") + cast(reward_id, String)


def _streaks() -> Select[*tuple[Any, ...]]:
    before = aliased(CheckIn)
    next_day: ColumnElement[Any] = (
        func.date(before.day, "+1 day", type_=Date) if dialect() == "sqlite" else before.day + 1
    )
    return (
        select(CheckIn.member_id, CheckIn.day, CheckIn.streak)
        .outerjoin(before, and_(before.member_id == CheckIn.member_id, next_day == CheckIn.day))
        .where(CheckIn.streak != func.coalesce(before.streak, 0) + 1)
    )


def _check_ins_without_fact() -> Select[*tuple[Any, ...]]:
    fact = FactRow
    key = literal("member:") + cast(CheckIn.member_id, String) + ":checked_in:" + cast(CheckIn.day, String)
    return (
        select(CheckIn.member_id, CheckIn.day)
        .outerjoin(fact, and_(fact.key == key, fact.member_id == CheckIn.member_id))
        .where(
            or_(
                fact.id.is_(None),
                fact.kind != "checked_in",
                fact.attributes["streak"].as_integer() != CheckIn.streak,
            )
        )
    )


def _facts_without_check_in() -> Select[*tuple[Any, ...]]:
    fact = FactRow
    mine = and_(CheckIn.member_id == fact.member_id, cast(CheckIn.day, String) == fact.attributes["day"].as_string())
    return (
        select(fact.id, fact.member_id, fact.key)
        .outerjoin(CheckIn, mine)
        .where(
            fact.kind == "checked_in",
            or_(
                CheckIn.day.is_(None),
                fact.at != CheckIn.at,
                fact.attributes["round_day"].as_integer() != (CheckIn.streak - 1) % ROUND_DAYS + 1,
            ),
        )
    )


def _other_than_said() -> Select[*tuple[Any, ...]]:
    """Find what rewards say that no task of their version does: each combination of figures is asked for once."""
    reward, version = TaskReward, programme.ProgrammeVersion
    figures = ("points", "growth", "per_day", "per_month", "in_all", "least_cents")
    paid = (
        select(reward.version, reward.task, *(getattr(reward, name) for name in figures)).distinct().subquery("paid")
    )
    task = each_in(version.settings["tasks"], "each_task")

    def said(name: str) -> ColumnElement[Any]:
        # No bound value: SQLAlchemy leaves them in a CAST for SQLite, also where it was told to write them out.
        return cast(named_in(task.c.value, literal_column(f"'{name}'")), Integer)

    alike = (
        select(version.id)
        .select_from(version)
        .join(task, true())
        .where(
            version.id == paid.c.version,
            named_in(task.c.value, literal("key")) == paid.c.task,
            # What was paid before the least amount was kept, and other tasks, say none.
            *(paid.c[name].is_not_distinct_from(said(name)) for name in figures if name != "least_cents"),
            or_(paid.c.least_cents.is_(None), paid.c.least_cents == func.coalesce(said("least_cents"), 0)),
        )
        .correlate(paid)
    )
    return select(paid.c.version, paid.c.task, paid.c.points).where(~alike.exists())


def _birthdays() -> Select[*tuple[Any, ...]]:
    earlier, later = aliased(FactRow), aliased(FactRow)
    first, second = earlier.attributes["day"].as_string(), later.attributes["day"].as_string()
    rests: ColumnElement[Any] = (
        func.date(first, f"+{BETWEEN_BIRTHDAYS_DAYS} days")
        if dialect() == "sqlite"
        else cast(cast(first, Date) + BETWEEN_BIRTHDAYS_DAYS, String)
    )
    return (
        select(later.id, later.member_id)
        .join(earlier, and_(earlier.member_id == later.member_id, earlier.kind == later.kind, earlier.id < later.id))
        .where(later.kind == "had_birthday", second < rests)
    )


def _for_nothing() -> Select[*tuple[Any, ...]]:
    reward, fact = TaskReward, FactRow
    met = or_(
        *(
            and_(
                reward.task == key,
                fact.kind == behaviour.kind,
                *(fact.attributes[name].as_integer() == value for name, value in behaviour.attributes.items()),
                *([fact.attributes["kept_cents"].as_integer() > 0] if behaviour.of_order else []),
            )
            for key, behaviour in BEHAVIOURS.items()
        )
    )
    return (
        select(reward.id, reward.task, reward.member_id)
        .outerjoin(fact, and_(fact.id == reward.fact_id, fact.member_id == reward.member_id))
        .where(or_(fact.id.is_(None), ~met))
    )


def _given() -> Select[*tuple[Any, ...]]:
    reward, lot, event = TaskReward, ledger.Lot, membership.GrowthEvent
    reference = _reference_of(reward.id)
    points = (
        select(func.coalesce(func.sum(lot.points), 0))
        .where(
            lot.reference == reference,
            lot.rule == reward.task,
            lot.member_id == reward.member_id,
            lot.origin == "task",
        )
        .scalar_subquery()
    )
    growth = (
        select(func.coalesce(func.sum(event.points), 0))
        .where(
            event.reference == reference,
            event.source == reward.task,
            event.member_id == reward.member_id,
            event.points > 0,
        )
        .scalar_subquery()
    )
    return select(reward.id, reward.task, reward.points, reward.growth).where(
        or_(points != reward.points, growth != reward.growth)
    )


def _beyond_caps() -> Select[*tuple[Any, ...]]:
    reward = TaskReward
    undone = select(FactRow.attributes["undoes"].as_integer()).where(FactRow.kind.in_(UNDOES))

    def number_in(*within: Any) -> Any:
        partition = (reward.member_id, reward.task, *within)
        return func.row_number().over(partition_by=partition, order_by=reward.id)

    counted = (
        select(
            reward.id,
            reward.member_id,
            reward.task,
            reward.per_day,
            reward.per_month,
            reward.in_all,
            number_in(reward.day).label("that_day"),
            number_in(reward.month).label("that_month"),
            number_in().label("ever"),
        )
        .where(reward.fact_id.not_in(undone), ~fell_short(reward))
        .subquery("counted")
    )
    c = counted.c
    return select(c.id, c.member_id, c.task).where(
        or_(c.that_day > c.per_day, c.that_month > c.per_month, c.ever > c.in_all)
    )


def _without_reward() -> Select[*tuple[Any, ...]]:
    lot, event, reward = ledger.Lot, membership.GrowthEvent, TaskReward

    def of_none(given: Any, rule: Any) -> ColumnElement[bool]:
        mine = select(reward.id).where(
            _reference_of(reward.id) == given.reference, reward.task == rule, reward.member_id == given.member_id
        )
        return ~mine.correlate(given).exists()

    lots = select(lot.member_id, lot.reference).where(lot.origin == "task", of_none(lot, lot.rule), ~by_a_pack(lot))
    growth = select(event.member_id, event.reference).where(
        event.source.in_(list(BEHAVIOURS)), of_none(event, event.source)
    )
    both = lots.union_all(growth).subquery("given")
    return select(both.c.member_id, both.c.reference)
