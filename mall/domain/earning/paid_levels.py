"""Levels that are paid for: given for a time, and ended where what paid for them goes back, with what they brought.

What a level brought is what its member would not have had without: packs of birthdays, and what tasks paid that ask
for a level. The upgrade pack, and the task of reaching a level, follow growth alone: nobody buys them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, func, select

from mall.base.db import execute
from mall.base.text import N_, say
from mall.domain import ledger, membership, notices, programme

from .facts import Fact, FactRow, record, undone_of
from .level_packs import BIRTHDAY, LevelPack, give_level_pack
from .lost_levels import lose_levels
from .tasks import TaskReward, fell_short, reference_of
from .undoing import (
    PAID_LEVEL_UNDONE,
    PackBack,
    forgive_rest,
    points_of_lots,
    take_pack_back,
    take_reward_back,
    went_with_level,
    would_take_pack_back,
)

WHY = N_("The membership that gave {level} went back: what the level brought is taken back")
# What a level is good for where something is bought.
USING = ("order_paid", "purchase_reported")


class Brought(Struct, frozen=True):
    """What goes back of what levels brought that were paid for: points, growth, and coupons that are not used; so many
    `used` ones stay used.
    """

    points: int = 0
    growth: int = 0
    coupons: int = 0
    used: int = 0

    def __bool__(self) -> bool:
        return bool(self.points or self.growth or self.coupons or self.used)


def give_paid_level(
    member_id: int, rank: int, *, length: int, unit: str, reference: str, terms: programme.Programme, at: datetime
) -> int:
    """Give a member the level they have paid for, for so many days or months. Returns how many days that is.

    The member's purse is locked. `reference` says what paid for it, and is used once.
    """
    return membership.write_paid_grant(
        member_id, rank, length=length, unit=unit, reference=reference, terms=terms, at=at
    )


def end_paid_levels(
    references: Sequence[str], *, purse: ledger.LockedPurse, by: str, terms: programme.Programme, at: datetime
) -> None:
    """End the levels that were paid for by what is given back, and take back what they brought.

    What is spent of it is owed, coupons not used are revoked. A birthday that fell into the time has the pack of the
    level that is left instead. Done again, it does nothing more.
    """
    periods = membership.paid_periods(references)
    membership.end_paid_grants(references, by=by, terms=terms, at=at)
    for reference, period in sorted(periods.items()):
        fact = Fact(
            "paid_level_undone",
            purse.member_id,
            key=f"{PAID_LEVEL_UNDONE}{reference}",
            at=at,
            reference=reference,
            attributes={"rank": period.rank},
        )
        packs, rewards = _packs_of([reference]), _rewards_of([reference])
        fact_id = record(fact)
        if fact_id is not None and (packs or rewards):
            _take_back(fact, fact_id, packs, rewards, purse=purse, terms=terms, at=at)


def brought_by(references: Sequence[str], *, at: datetime) -> Brought:
    """Return what end_paid_levels() would take back for these: it takes nothing. Two statements where it is none.

    One more for all rewards, and two for each pack.
    """
    packs, rewards = _packs_of(references), _rewards_of(references)
    going = [would_take_pack_back(each, at=at) for each in packs]
    points = points_of_lots([reference_of(each.id) for each in rewards if each.points], at=at)
    return Brought(
        points=points + sum(each.points for each in going),
        growth=sum(each.growth for each in rewards),
        coupons=sum(each.coupons for each in going),
        used=sum(each.used for each in going),
    )


def bought_since(member_id: int, *, since: datetime, but: str) -> bool:
    """Tell whether a member has bought anything since an instant, here or at a partner, but by one order.

    One statement.
    """
    fact = FactRow
    bought = select(fact.id).where(
        fact.member_id == member_id, fact.kind.in_(USING), fact.at >= since, fact.reference != but
    )
    return execute(bought.limit(1)).first() is not None


def _packs_of(references: Sequence[str]) -> Sequence[Row[Any]]:
    pack = LevelPack
    return execute(select(pack).where(pack.paid_by.in_(references), ~went_with_level(pack)).order_by(pack.id)).all()


def _rewards_of(references: Sequence[str]) -> Sequence[Row[Any]]:
    """Return what tasks paid by the levels, but for what was taken back otherwise."""
    reward = TaskReward
    return execute(
        select(reward)
        .where(
            reward.paid_by.in_(references),
            reward.fact_id.not_in(undone_of(reward.member_id)),
            ~went_with_level(reward),
            ~fell_short(reward),
        )
        .order_by(reward.id)
    ).all()


def _take_back(
    fact: Fact,
    fact_id: int,
    packs: Sequence[Row[Any]],
    rewards: Sequence[Row[Any]],
    *,
    purse: ledger.LockedPurse,
    terms: programme.Programme,
    at: datetime,
) -> None:
    level = dict(terms.level(fact.attributes["rank"]).name)
    why = say(WHY, level=level)
    taken = [take_reward_back(each, why=why, purse=purse, terms=terms, at=at) for each in rewards]
    back = PackBack(sum(each.points for each in taken))
    for pack in packs:
        back = back.and_of(take_pack_back(pack, why=why, by=f"fact:{fact_id}", purse=purse, at=at))
    told = {"level": level, "points": back.points, "coupons": back.coupons, "used": back.used}
    notices.tell(purse.member_id, "paid_level_undone", values=told, key=f"{fact.key}:told", at=at)
    for pack in packs:
        _give_instead(pack, purse=purse, terms=terms, at=at)
    if any(each.growth for each in taken):
        lose_levels(purse=purse, terms=terms, at=at)
    forgive_rest(f"{fact.key}:undone", purse=purse, terms=terms, at=at)


def _give_instead(pack: Row[Any], *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> None:
    """Give the pack of the level that is left for a birthday whose pack was taken back."""
    occasion = pack.occasion.partition(":again:")[0]
    mine = select(func.count()).where(
        LevelPack.member_id == pack.member_id,
        (LevelPack.occasion == occasion) | LevelPack.occasion.startswith(f"{occasion}:again:"),
    )
    given = execute(mine).scalar_one()
    held = membership.rank_held(pack.member_id, at=at)
    give_level_pack(
        BIRTHDAY,
        f"{occasion}:again:{given}",
        rank=held.rank,
        paid_by=held.paid_by,
        purse=purse,
        terms=terms,
        at=at,
    )
