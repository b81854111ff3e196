"""The order rule: points when an order is paid, ready when it is kept. What is taken back is in reductions.py.

Rates, level and campaigns are those of placing, carried by the Sale; so are validity and worth, by its version.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import func, select

from mall.base.db import execute
from mall.base.text import N_, Message, say
from mall.domain import ledger, membership, notices, programme

from .campaigns import campaign_of_rule, draw, rule_of
from .facts import Fact, FactRow, record
from .formula import Rates
from .stamp_cards import Bought
from .stamps import give_stamps
from .tasks import did, note_level, reach_again

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


class Kept(Struct, frozen=True):
    """What a kept order brought: points made ready, growth, the level change it led to, and stamps."""

    points: int
    growth: int
    level_change: membership.LevelChange | None
    stamps: int = 0


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
            attributes=attributes_of(sale) | ({"sent_to": sale.sent_to} if sale.sent_to else {}),
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


def attributes_of(sale: Sale) -> dict[str, Any]:
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
        attributes=attributes_of(sale) | {"number": sale.number},
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


def why_growth(sale: Sale) -> Message:
    """Explain the growth of an order."""
    return say(
        N_("Order {number}: {kept_cents} kept, 1 growth per {growth_per_cents} = {growth} growth"),
        number=sale.number,
        kept_cents=sale.kept_cents,
        growth_per_cents=sale.rates.growth_per_cents,
        growth=sale.growth,
    )
