"""The order rule: points when an order is paid, ready when it is kept, taken back for what is not.

Rates, level and campaigns are those of placing, carried by the Sale; so are validity and worth, by its version.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, func, select

from mall.base.db import execute
from mall.base.text import N_, Message, say
from mall.domain import ledger, membership, notices, programme

from .campaigns import campaign_of_rule, draw, rule_of
from .facts import Fact, FactRow, record
from .formula import Rates
from .lost_levels import LostLevel, lose_levels, reach_again, would_lose
from .stamp_cards import Bought
from .stamps import give_stamps
from .tasks import Reward, did, note_level
from .undoing import undo, would_undo

RULE = "order"


class CampaignPart(Struct, frozen=True):
    """What of an order is in a campaign, with its figures of placing: `kept_cents` is the cash for those goods."""

    id: int
    title: dict[str, str]
    multiplier_percent: int
    capped: bool
    kept_cents: int


class Sale(Struct, frozen=True):
    """An order as earning sees it. `kept_cents` is the cash for goods that are kept now, all lines together; `sent_to`
    is the mark of where it goes, empty where nowhere.

    `campaigns` are those some of its lines are in, each campaign once, ascending. `bought` are its lines as stamp
    cards see them, where they are told; `rank` is the level's of its placing.
    """

    order_id: int
    reference: str
    number: str
    member_id: int
    placed_at: datetime
    version: int
    rates: Rates
    kept_cents: int
    sent_to: str = ""
    campaigns: tuple[CampaignPart, ...] = ()
    rank: int = 0
    bought: tuple[Bought, ...] = ()

    @property
    def points(self) -> int:
        """Return the points that what is kept gives by the order rule."""
        return self.rates.earned(self.kept_cents).points

    @property
    def most_points(self) -> int:
        """Return all points that what is kept gives, where its campaigns have as many left."""
        return self.points + sum(self.added_by(each) for each in self.campaigns)

    def added_by(self, part: CampaignPart) -> int:
        """Return the points that a campaign adds for what is kept, where it has as many left."""
        return self.rates.added(part.kept_cents, multiplier_percent=part.multiplier_percent)

    def gives(self, rule: str) -> int:
        """Return the points that a rule gives for what is kept."""
        if rule == RULE:
            return self.points
        campaign_id = campaign_of_rule(rule)
        return sum(self.added_by(each) for each in self.campaigns if each.id == campaign_id)

    @property
    def growth(self) -> int:
        """Return the growth that what is kept gives."""
        return self.rates.earned(self.kept_cents).growth


class Short(Struct, frozen=True):
    """A campaign that had fewer points left than an order was to get."""

    title: dict[str, str]
    wanted_points: int
    points: int


class Paid(Struct, frozen=True):
    """What a paid order has been given: all its points, the lot of the order rule, and where a campaign ran out."""

    points: int
    lot_id: int | None
    short: tuple[Short, ...] = ()


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


class Kept(Struct, frozen=True):
    """What a kept order brought: points made ready, growth, the level change it led to, and stamps."""

    points: int
    growth: int
    level_change: membership.LevelChange | None
    stamps: int = 0


class Unkept(Struct, frozen=True):
    """What goes back with an order besides its own points and growth: what tasks gave for it, and what `levels` gave
    that were reached by it.
    """

    points: int = 0
    growth: int = 0
    levels: tuple[LostLevel, ...] = ()


def order_paid(sale: Sale, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> Paid:
    """Give the points of a paid order, on the way until it is kept. Asked again, gives nothing more.

    One lot by the order rule and one by each campaign, as far as its cap goes: that is drawn on now.
    """
    fact_id = record(
        Fact(
            "order_paid",
            sale.member_id,
            key=f"{sale.reference}:paid",
            at=at,
            reference=sale.reference,
            cents=sale.kept_cents,
            attributes=_attributes(sale) | ({"sent_to": sale.sent_to} if sale.sent_to else {}),
        )
    )
    if fact_id is None:
        return _given_before(sale, at=at)
    lot_id = None
    if sale.points:
        lot_id = _earn(RULE, sale.points, sale, why_earned(sale), purse=purse, terms=terms, at=at)
    added, short = 0, []
    for part in sale.campaigns:
        wanted = sale.added_by(part)
        points = draw(part.id, wanted, capped=part.capped) if wanted else 0
        if points:
            why = why_added(sale, part, points=points)
            _earn(rule_of(part.id), points, sale, why, purse=purse, terms=terms, at=at)
        if points < wanted:
            short.append(Short(part.title, wanted, points))
        added += points
    return Paid(sale.points + added, lot_id, tuple(short))


def _earn(
    rule: str,
    points: int,
    sale: Sale,
    why: Message,
    *,
    purse: ledger.LockedPurse,
    terms: programme.Programme,
    at: datetime,
) -> int:
    """Make the lot of a rule. Returns its id."""
    placed = programme.version(sale.version)
    return ledger.earn(
        purse,
        points,
        reference=sale.reference,
        rule=rule,
        origin="purchase" if rule == RULE else "campaign",
        expiry=placed.expiry_of(terms.today(at)),
        version=sale.version,
        worth=placed.worth,
        why=why,
        at=at,
        first=True,
    )


def _given_before(sale: Sale, *, at: datetime) -> Paid:
    lots = ledger.lots_earned(sale.reference, at=at)
    of_rule = next((lot.id for lot in lots if lot.rule == RULE), None)
    return Paid(sum(lot.points for lot in lots), of_rule)


def _attributes(sale: Sale) -> dict[str, Any]:
    """Return what the facts of an order say of it. In campaigns also what each gives by its formula."""
    said: dict[str, Any] = {"kept_cents": sale.kept_cents, "points": sale.points, "growth": sale.growth}
    if sale.campaigns:
        said["campaigns"] = [
            {"id": each.id, "kept_cents": each.kept_cents, "points": sale.added_by(each)} for each in sale.campaigns
        ]
    return said


def order_kept(sale: Sale, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> Kept:
    """Make an order's points ready, record its growth and give its stamps: its return window is over.

    Asked again, does nothing more.

    The member is told of the points. The one caller is aftersales.close_window.
    """
    kept = Fact(
        "order_kept",
        sale.member_id,
        key=f"{sale.reference}:kept",
        at=at,
        reference=sale.reference,
        attributes=_attributes(sale) | {"number": sale.number},
    )
    did(kept, purse=purse, terms=terms, at=at)
    lines = ledger.unlock(purse, ledger.earned_by(sale.reference), at=at)
    unlocked = sum(line.points for line in lines if line.kind == "unlock")
    if unlocked:
        notices.tell(
            sale.member_id,
            "points_unlocked",
            values={"number": sale.number, "points": unlocked},
            key=f"{sale.reference}:unlocked",
            at=at,
        )
    change = None
    if sale.growth:
        change = membership.add_growth(
            sale.member_id,
            sale.growth,
            source=RULE,
            reference=sale.reference,
            counts_on=terms.today(at),
            version=sale.version,
            why=why_growth(sale),
            key=f"{sale.reference}:growth",
            terms=terms,
            at=at,
        )
        note_level(change, purse=purse, terms=terms, at=at)
        reach_again(purse=purse, terms=terms, at=at)
    stamps = give_stamps(
        sale.reference, placed_at=sale.placed_at, rank=sale.rank, bought=sale.bought, purse=purse, terms=terms, at=at
    )
    return Kept(points=unlocked, growth=sale.growth, level_change=change, stamps=stamps)


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
            attributes=_attributes(sale),
        )
    )
    if taken.earned:  # Also where nothing is left to take: what is past leaves the wallet.
        keep_points = {lot.id: sale.gives(lot.rule) for lot in taken.earned}
        ledger.take_back(
            purse,
            keep_points,
            reference=sale.reference,
            key=f"{key}:points",
            why=why_taken_back(sale, points=_left_by(sale, taken.earned)),
            at=at,
            planned=ledger.to_take(taken.earned, keep_points) if planned else None,
        )
    if taken.growth:
        assert taken.growth_counts_on is not None, "growth without a day"
        membership.add_growth(
            sale.member_id,
            -taken.growth,
            source=RULE,
            reference=sale.reference,
            counts_on=taken.growth_counts_on,
            version=sale.version,
            why=why_growth_taken_back(sale),
            key=f"{key}:growth",
            terms=terms,
            at=at,
        )
    if planned is None:
        order_unkept(sale, taken=taken, purse=purse, terms=terms, at=at)
    return taken


def order_unkept(
    sale: Sale, *, taken: Reduction, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime
) -> list[Reward]:
    """Take back what a reduction leaves no ground for besides the order's own points and growth, once.

    That is what tasks gave for the order, where nothing that was paid for in cash is kept of it any more, and what
    levels gave that its growth had brought. The member is told. To be called when order_reduced() has written.
    Returns what tasks had given. Of an order that was not kept yet, asks the database nothing.
    """
    if not taken.was_kept:
        return []
    rewards = [] if sale.kept_cents else _unkept(sale, purse=purse, terms=terms, at=at)
    if taken.growth or any(each.growth for each in rewards):
        lose_levels(purse=purse, terms=terms, at=at)
    return rewards


def unkept_by(sale: Sale, *, taken: Reduction, at: datetime) -> Unkept:
    """Return what order_unkept() would take back besides what a reduction takes: it takes nothing itself.

    Of an order that was not kept yet, asks the database nothing.
    """
    if not taken.was_kept:
        return Unkept()
    row = None if sale.kept_cents else _kept_fact(sale)
    rewards = [] if row is None else would_undo([row.id], at=at)
    growth = [(each.counts_on, each.reward.growth) for each in rewards if each.counts_on is not None]
    if taken.growth and taken.growth_counts_on is not None:
        growth.append((taken.growth_counts_on, taken.growth))
    return Unkept(
        points=sum(each.reward.points for each in rewards),
        growth=sum(each.reward.growth for each in rewards),
        levels=would_lose(sale.member_id, growth, at=at) if growth else (),
    )


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
    kept = Fact(row.kind, row.member_id, row.key, row.at, row.reference, attributes=row.attributes)
    why = say(
        N_("Nothing of order {number} is kept any more: what a task gave for it is taken back"), number=sale.number
    )
    taken = undo(kept, row.id, "order_unkept", why=why, purse=purse, terms=terms, at=at) or []
    points, growth = sum(each.points for each in taken), sum(each.growth for each in taken)
    if points or growth:
        told = {"number": sale.number, "points": points, "growth": growth}
        notices.tell(sale.member_id, "points_reward_undone", values=told, key=f"{sale.reference}:unkept", at=at)
    return taken


def forgive_above_cap(
    sale: Sale, *, key: str, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime
) -> None:
    """Forgive what a member owes above the debt cap, once all that a refund brings and takes has been written.

    Without debt above it, asks the database nothing.
    """
    ledger.forgive(
        purse,
        cap_points=terms.debt_cap_points,
        key=f"{key}:forgiven",
        reference=sale.reference,
        expiry=terms.expiry_of(terms.today(at)),
        version=terms.version,
        worth=terms.worth,
        at=at,
    )


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


def orders_on_the_way(member_id: int) -> int:
    """Return how many of a member's orders are paid, and neither kept nor given back whole. One statement."""
    last = (
        select(func.max(FactRow.id).label("id"))
        .where(FactRow.member_id == member_id, FactRow.kind.in_(("order_paid", "order_reduced", "order_kept")))
        .group_by(FactRow.reference)
        .subquery("last")
    )
    open_ones = (
        select(func.count())
        .select_from(FactRow)
        .join(last, last.c.id == FactRow.id)
        .where(FactRow.kind != "order_kept", FactRow.attributes["kept_cents"].as_integer() > 0)
    )
    return int(execute(open_ones).scalar_one())


def why_earned(sale: Sale) -> Message:
    """Explain the points of an order."""
    return say(
        N_(
            "Order {number}: {kept_cents} kept × {earn_points} points per {earn_per_cents}"
            " × {multiplier_percent} % for the level = {points} points"
        ),
        number=sale.number,
        kept_cents=sale.kept_cents,
        earn_points=sale.rates.earn_points,
        earn_per_cents=sale.rates.earn_per_cents,
        multiplier_percent=sale.rates.multiplier_percent,
        points=sale.points,
    )


def why_added(sale: Sale, part: CampaignPart, *, points: int) -> Message:
    """Explain the points that a campaign added to an order."""
    values: dict[str, Any] = {
        "number": sale.number,
        "title": part.title,
        "kept_cents": part.kept_cents,
        "earn_points": sale.rates.earn_points,
        "earn_per_cents": sale.rates.earn_per_cents,
        "extra_percent": part.multiplier_percent - 100,
        "points": points,
    }
    wanted = sale.added_by(part)
    if points < wanted:
        return say(
            N_(
                "Order {number}, “{title}”: {kept_cents} kept × {earn_points} points per {earn_per_cents}"
                " × {extra_percent} % more = {wanted} points; the last {points} of the campaign were left"
            ),
            wanted=wanted,
            **values,
        )
    return say(
        N_(
            "Order {number}, “{title}”: {kept_cents} kept × {earn_points} points per {earn_per_cents}"
            " × {extra_percent} % more = {points} points"
        ),
        **values,
    )


def why_taken_back(sale: Sale, *, points: int) -> Message:
    """Explain points taken back: so many are given for what is still kept."""
    return say(
        N_("Order {number}: {kept_cents} is still kept, which gives {points} points; the rest is taken back"),
        number=sale.number,
        kept_cents=sale.kept_cents,
        points=points,
    )


def why_growth(sale: Sale) -> Message:
    """Explain the growth of an order."""
    return say(
        N_("Order {number}: {kept_cents} kept, 1 growth per {growth_per_cents} = {growth} growth"),
        number=sale.number,
        kept_cents=sale.kept_cents,
        growth_per_cents=sale.rates.growth_per_cents,
        growth=sale.growth,
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
