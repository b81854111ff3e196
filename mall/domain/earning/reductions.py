"""Reductions: what is no longer kept of an order takes back with it what it had given.

The order rule is reckoned anew for what is kept, by the figures of placing. Where nothing is kept that was paid for in
cash, or less than a task asks for, what tasks gave for the order goes too, and what levels gave that its growth had
reached.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, func, select

from mall.base.db import execute
from mall.base.text import N_, Message, say
from mall.domain import ledger, membership, notices, programme

from .facts import Fact, FactRow, record
from .lost_levels import LostLevel, lose_levels, would_lose
from .orders import RULE, Sale, attributes_of
from .tasks import SHORT, Reward, reference_of
from .undoing import Undoing, forgive_rest, rewards_short, take_reward_back, undo, would_take_reward_back, would_undo


class Reduction(Struct, frozen=True):
    """What a reduction takes back: growth, and points as {lot id: points} of the lots they were earned in.

    `growth_counts_on` is the day of the growth it is taken from; None where the order has given none yet. `was_kept`:
    the order's return window is over.
    """

    lots: dict[int, int]
    growth: int
    earned: tuple[ledger.EarnedLot, ...] = ()
    growth_counts_on: date | None = None
    was_kept: bool = False

    @property
    def points(self) -> int:
        """Return the points of all lots."""
        return sum(self.lots.values())


class Unkept(Struct, frozen=True):
    """What goes back with an order besides its own points and growth: what tasks gave for it, and what `levels` gave
    that were reached by it.
    """

    points: int = 0
    growth: int = 0
    levels: tuple[LostLevel, ...] = ()


def order_reduced(
    sale: Sale,
    *,
    key: str,
    purse: ledger.LockedPurse,
    terms: programme.Programme,
    at: datetime,
    was_cents: int | None = None,
    planned: Reduction | None = None,
) -> Reduction:
    """Take back what the goods no longer kept had given: the same formula on what is kept now, the rest is taken.

    `sale.kept_cents` is what is kept after this reduction, `was_cents` before it. Points on the way go first, then
    free ones, the rest is owed; what is then above the debt cap forgive_above_cap() lets go. Growth taken back counts
    on the day of what it takes back. Asked again, takes nothing more. `planned` is what reduction() has answered for
    a reduction that is known to be new, since the purse was locked; whoever passes it calls order_unkept() when
    all of it is written. Returns what was taken.
    """
    taken = planned or reduction(sale, at=at)
    before = _cents_of(sale.reference) if was_cents is None else was_cents
    record(
        Fact(
            "order_reduced",
            sale.member_id,
            key=key,
            at=at,
            reference=sale.reference,
            cents=sale.kept_cents - before,
            attributes=attributes_of(sale),
        )
    )
    if taken.earned:  # Also where nothing is left to take: what is past leaves the wallet.
        _take_points(sale, taken, key=f"{key}:points", is_new=planned is not None, purse=purse, at=at)
    if taken.growth:
        _take_growth(sale, taken, key=f"{key}:growth", terms=terms, at=at)
    if planned is None:
        order_unkept(sale, taken=taken, purse=purse, terms=terms, at=at)
    return taken


def _take_points(
    sale: Sale, taken: Reduction, *, key: str, is_new: bool, purse: ledger.LockedPurse, at: datetime
) -> None:
    """Take points back, down to what each rule gives for what is kept. `is_new`: it was never asked before."""
    keep_points = {lot.id: sale.gives(lot.rule) for lot in taken.earned}
    ledger.take_back(
        purse,
        keep_points,
        reference=sale.reference,
        key=key,
        why=why_taken_back(sale, points=_left_by(sale, taken.earned)),
        at=at,
        planned=ledger.to_take(taken.earned, keep_points) if is_new else None,
    )


def _take_growth(sale: Sale, taken: Reduction, *, key: str, terms: programme.Programme, at: datetime) -> None:
    """Take growth back on the day it counts on."""
    assert taken.growth_counts_on is not None, "growth without a day"
    membership.add_growth(
        sale.member_id,
        -taken.growth,
        source=RULE,
        reference=sale.reference,
        counts_on=taken.growth_counts_on,
        version=sale.version,
        why=why_growth_taken_back(sale),
        key=key,
        terms=terms,
        at=at,
    )


def order_unkept(
    sale: Sale, *, taken: Reduction, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime
) -> list[Reward]:
    """Take back what a reduction leaves no ground for besides the order's own points and growth, once.

    That is what tasks gave for the order, where nothing that was paid for in cash is kept of it any more, or less than
    they ask for, and what levels gave that its growth had brought. The member is told. To be called when
    order_reduced() has written.
    Returns what tasks had given. Of an order that was not kept yet, asks the database nothing.
    """
    if not taken.was_kept:
        return []
    unkept = _fell_short if sale.kept_cents else _unkept
    rewards = unkept(sale, purse=purse, terms=terms, at=at)
    if taken.growth or any(each.growth for each in rewards):
        lose_levels(purse=purse, terms=terms, at=at)
    return rewards


def unkept_by(sale: Sale, *, taken: Reduction, at: datetime, besides: Sequence[tuple[date, int]] = ()) -> Unkept:
    """Return what order_unkept() would take back besides what a reduction takes: it takes nothing itself.

    `besides` is growth that something else takes back with it, [(day it counts on, growth)]: levels may go with it.
    Of an order that was not kept yet, asks the database nothing.
    """
    if not taken.was_kept:
        return Unkept()
    rewards = _would_take(sale, at=at)
    growth = [(each.counts_on, each.reward.growth) for each in rewards if each.counts_on is not None] + [*besides]
    if taken.growth and taken.growth_counts_on is not None:
        growth.append((taken.growth_counts_on, taken.growth))
    return Unkept(
        points=sum(each.reward.points for each in rewards),
        growth=sum(each.reward.growth for each in rewards),
        levels=would_lose(sale.member_id, growth, at=at) if growth else (),
    )


def _would_take(sale: Sale, *, at: datetime) -> list[Undoing]:
    """Return what tasks gave for an order that is too little by now."""
    if sale.kept_cents:
        short = rewards_short(f"{sale.reference}:kept", kept_cents=sale.kept_cents)
        return [would_take_reward_back(reward, at=at) for reward in short]
    row = _kept_fact(sale)
    return [] if row is None else would_undo([row.id], at=at)


def _kept_fact(sale: Sale) -> Row[Any] | None:
    """Return the fact that an order was kept, of which something was paid for in cash; None where it is none."""
    return execute(
        select(FactRow).where(
            FactRow.key == f"{sale.reference}:kept", FactRow.attributes["kept_cents"].as_integer() > 0
        )
    ).one_or_none()


def _unkept(sale: Sale, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> list[Reward]:
    if (row := _kept_fact(sale)) is None:
        return []
    why = say(
        N_("Nothing of order {number} is kept any more: what a task gave for it is taken back"), number=sale.number
    )
    taken = undo(row, "order_unkept", why=why, purse=purse, terms=terms, at=at)
    points, growth = sum(each.points for each in taken), sum(each.growth for each in taken)
    if points or growth:
        told = {"number": sale.number, "points": points, "growth": growth}
        notices.tell(sale.member_id, "points_reward_undone", values=told, key=f"{sale.reference}:unkept", at=at)
    return taken


def _fell_short(sale: Sale, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> list[Reward]:
    """Take back what tasks gave that ask for more than is kept of an order by now, each once."""
    why = say(
        N_("Order {number}: {kept_cents} is still kept, less than the task asks for: what it gave is taken back"),
        number=sale.number,
        kept_cents=sale.kept_cents,
    )
    taken: list[Reward] = []
    for reward in rewards_short(f"{sale.reference}:kept", kept_cents=sale.kept_cents):
        short = Fact(
            "order_fell_short",
            sale.member_id,
            key=reference_of(reward.id) + SHORT,
            at=at,
            reference=sale.reference,
            attributes={"task": reward.task, "kept_cents": sale.kept_cents},
        )
        if record(short) is None:
            continue
        back = take_reward_back(reward, why=why, purse=purse, terms=terms, at=at)
        taken.append(back)
        told = {"number": sale.number, "points": back.points, "growth": back.growth, "least_cents": reward.least_cents}
        notices.tell(sale.member_id, "points_reward_short", values=told, key=f"{short.key}:told", at=at)
    return taken


def forgive_above_cap(
    sale: Sale, *, key: str, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime
) -> None:
    """Forgive what a member owes above the debt cap, once all that a refund brings and takes has been written.

    Without debt above it, asks the database nothing.
    """
    forgive_rest(key, reference=sale.reference, purse=purse, terms=terms, at=at)


def reduction(sale: Sale, *, at: datetime, growth_given: bool = True) -> Reduction:
    """Return what order_reduced() would take back now; it takes nothing itself.

    Points that have expired are gone and are not taken back, whether or not a job has moved them out. An order whose
    return window is open has given no growth: `growth_given` says so without asking.
    """
    earned = tuple(ledger.lots_earned(sale.reference, at=at))
    wanted = ledger.to_take(earned, {lot.id: sale.gives(lot.rule) for lot in earned})
    growth, counts_on = membership.growth_of(sale.reference) if growth_given else (0, None)
    return Reduction(
        lots={lot.id: points for lot, points in wanted},
        growth=max(0, growth - sale.growth),
        earned=earned,
        growth_counts_on=counts_on,
        was_kept=growth_given,
    )


def why_taken_back(sale: Sale, *, points: int) -> Message:
    """Explain points taken back: so many are given for what is still kept."""
    return say(
        N_("Order {number}: {kept_cents} is still kept, which gives {points} points; the rest is taken back"),
        number=sale.number,
        kept_cents=sale.kept_cents,
        points=points,
    )


def why_growth_taken_back(sale: Sale) -> Message:
    """Explain growth taken back."""
    return say(
        N_("Order {number}: {kept_cents} is still kept, which gives {growth} growth; the rest is taken back"),
        number=sale.number,
        kept_cents=sale.kept_cents,
        growth=sale.growth,
    )


def _left_by(sale: Sale, earned: Sequence[ledger.EarnedLot]) -> int:
    """Return the points that what is kept gives, of a campaign no more than it had left."""
    return sum(min(lot.points, sale.gives(lot.rule)) for lot in earned)


def _cents_of(reference: str) -> int:
    """Return the cash for goods that is kept of an order, as its facts say."""
    cents = select(func.coalesce(func.sum(FactRow.cents), 0)).where(FactRow.reference == reference)
    return int(execute(cents).scalar_one())
