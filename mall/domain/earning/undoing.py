"""Undoing: where a fact is no longer so, what was given for it is taken back, once; a negative fact says so.

A reward is not given in parts, so none is taken back in part: an order keeps what a task gave for it as long as so
much of its goods is kept as the task asks for, and any that was paid for in cash. What was undone counts for no cap:
the next order may be the first.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, and_, case, literal, select

from mall.base.db import execute
from mall.base.tables import aliased
from mall.base.text import Message
from mall.domain import coupons, ledger, membership, programme

from .facts import FactRow, record, undoing
from .level_packs import REACHED
from .level_packs import reference_of as reference_of_pack
from .tasks import Reward, TaskReward, fell_short, reference_of

# What the key of the fact that a paid level was given back begins with; what paid for it follows.
PAID_LEVEL_UNDONE = "paid_level:"


class Undoing(Struct, frozen=True):
    """What undoing a fact takes back of one reward, and the day its growth counts on."""

    fact_id: int
    reward: Reward
    counts_on: date | None


class PackBack(Struct, frozen=True):
    """What goes back of packs: points, and coupons that are not used; so many `used` ones stay used."""

    points: int = 0
    coupons: int = 0
    used: int = 0

    def __bool__(self) -> bool:
        return bool(self.points or self.coupons or self.used)

    def and_of(self, other: "PackBack") -> "PackBack":
        """Return both together."""
        return PackBack(self.points + other.points, self.coupons + other.coupons, self.used + other.used)


def undo(
    fact: Row[Any],
    kind: str,
    *,
    why: Message,
    purse: ledger.LockedPurse,
    terms: programme.Programme,
    at: datetime,
) -> list[Reward]:
    """Undo a fact that was recorded, and take back what tasks gave for it: what of the points is spent is owed, growth
    counts no more.

    The purse is locked. Returns what was taken back, of points those that had not expired; nothing where the fact was
    undone before.
    """
    if record(undoing(fact, kind, at=at)) is None:
        return []
    rewards = execute(
        select(TaskReward).where(TaskReward.fact_id == fact.id, *_there(TaskReward)).order_by(TaskReward.id)
    ).all()
    return [take_reward_back(reward, why=why, purse=purse, terms=terms, at=at) for reward in rewards]


def take_reward_back(
    reward: Row[Any], *, why: Message, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime
) -> Reward:
    """Take back what a task gave. Returns what that was, of points those that had not expired."""
    reference = reference_of(reward.id)
    points = take_lots_back(reference, why=why, purse=purse, at=at) if reward.points else 0
    if reward.growth:
        _growth, counts_on = membership.growth_of(reference)
        assert counts_on is not None, "a reward without the growth it says"
        membership.add_growth(
            reward.member_id,
            -reward.growth,
            source=reward.task,
            reference=reference,
            counts_on=counts_on,
            version=reward.version,
            why=why,
            key=f"{reference}:growth:undone",
            terms=terms,
            at=at,
        )
    return Reward(reward.task, points, reward.growth)


def went_with_level(given: Any) -> ColumnElement[bool]:
    """Tell whether a reward or a pack was of a level that was paid for, and that was given back."""
    undone = aliased(FactRow)
    back = select(undone.id).where(
        undone.key == literal(PAID_LEVEL_UNDONE) + given.paid_by, undone.member_id == given.member_id
    )
    return and_(given.paid_by.is_not(None), back.correlate_except(undone).exists())


def rank_for(fact: Any) -> ColumnElement[Any]:
    """Return the rank by which tasks were paid for a fact that is over, as a column.

    Who rises by what they do did it on the level before; by a level that was paid for, and given back since, nothing
    was paid that stayed.
    """
    grant, undone = membership.LevelGrant, aliased(FactRow)
    gone = (
        select(undone.id)
        .where(undone.key == literal(PAID_LEVEL_UNDONE) + grant.reference, undone.member_id == grant.member_id)
        .correlate_except(undone)
        .exists()
    )
    return case(
        (fact.kind == "level_reached", membership.rank_then(fact.member_id, at=fact.at, but=gone)),
        else_=membership.rank_then(fact.member_id, at=fact.at, risen=False, but=gone),
    )


def would_undo(fact_ids: Collection[int], *, at: datetime) -> list[Undoing]:
    """Return what undo() would take back for facts that were not undone: it takes nothing itself."""
    rewards = execute(
        select(TaskReward).where(TaskReward.fact_id.in_(fact_ids), *_there(TaskReward)).order_by(TaskReward.id)
    ).all()
    return [would_take_reward_back(reward, at=at) for reward in rewards]


def would_take_reward_back(reward: Row[Any], *, at: datetime) -> Undoing:
    """Return what take_reward_back() would take back: it takes nothing itself."""
    reference = reference_of(reward.id)
    points = points_of_lots([reference], at=at) if reward.points else 0
    _growth, counts_on = membership.growth_of(reference) if reward.growth else (0, None)
    return Undoing(reward.fact_id, Reward(reward.task, points, reward.growth), counts_on)


def rewards_short(fact_key: str, *, kept_cents: int) -> Sequence[Row[Any]]:
    """Return what tasks gave for the order of a fact that ask for more cash than is kept of it by now."""
    return execute(
        select(TaskReward)
        .join(FactRow, FactRow.id == TaskReward.fact_id)
        .where(FactRow.key == fact_key, TaskReward.least_cents > kept_cents, *_there(TaskReward))
        .order_by(TaskReward.id)
    ).all()


def _there(reward: Any) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a reward was not taken back for something else."""
    return ~went_with_level(reward), ~fell_short(reward)


def take_pack_back(pack: Row[Any], *, why: Message, by: str, purse: ledger.LockedPurse, at: datetime) -> PackBack:
    """Take back what a pack of a level gave. `by` says for what ("fact:7")."""
    points, voided, used = 0, 0, 0
    if pack.points:
        points = take_lots_back(reference_of_pack(pack.id), why=why, purse=purse, at=at)
    if pack.coupons:
        voided, used = coupons.void_given_for(f"{REACHED}{pack.occasion}", member_id=pack.member_id, by=by, at=at)
    return PackBack(points, voided, used)


def would_take_pack_back(pack: Row[Any], *, at: datetime) -> PackBack:
    """Return what take_pack_back() would take back of a pack: it takes nothing itself."""
    points, voided, used = 0, 0, 0
    if pack.points:
        points = points_of_lots([reference_of_pack(pack.id)], at=at)
    if pack.coupons:
        voided, used = coupons.would_void(f"{REACHED}{pack.occasion}", member_id=pack.member_id)
    return PackBack(points, voided, used)


def points_of_lots(references: Sequence[str], *, at: datetime) -> int:
    """Return how many points take_lots_back() would take for all of these. One statement, or none."""
    earned = ledger.lots_earned_for(references, at=at)
    return sum(points for _lot, points in ledger.to_take(earned, {lot.id: 0 for lot in earned}))


def take_lots_back(reference: str, *, why: Message, purse: ledger.LockedPurse, at: datetime) -> int:
    """Take back all points that were given for a reference. Returns how many: what has expired is gone."""
    earned = ledger.lots_earned(reference, at=at)
    lines = ledger.take_back(
        purse, {lot.id: 0 for lot in earned}, reference=reference, key=f"{reference}:undone", why=why, at=at
    )
    return sum(line.points for line in lines)


def forgive_rest(
    key: str, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime, reference: str = ""
) -> None:
    """Forgive what a member owes above the debt cap by what was taken back under a key.

    The postings refer to `reference`, or else to the key. Without debt above the cap, asks the database nothing.
    """
    ledger.forgive(
        purse,
        cap_points=terms.debt_cap_points,
        key=f"{key}:forgiven",
        reference=reference or key,
        expiry=terms.expiry_of(terms.today(at)),
        version=terms.version,
        worth=terms.worth,
        at=at,
    )
