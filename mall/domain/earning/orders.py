"""The order rule: points when an order is paid, ready when it is kept, taken back for what is not.

Rates and level are those of placing, carried by the Sale; so are validity and worth, by its version.
"""

from datetime import date, datetime

from msgspec import Struct
from sqlalchemy import func, select

from mall.base.db import execute
from mall.base.text import N_, Message, say
from mall.domain import ledger, membership, notices, programme

from .facts import Fact, FactRow, record
from .formula import Rates
from .tasks import did, note_level

RULE = "order"


class Sale(Struct, frozen=True):
    """An order as earning sees it. `kept_cents` is the cash for goods that are kept now, all lines together; `sent_to`
    is the mark of where it goes, empty where nowhere.
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

    @property
    def points(self) -> int:
        """Return the points that what is kept gives."""
        return self.rates.earned(self.kept_cents).points

    @property
    def growth(self) -> int:
        """Return the growth that what is kept gives."""
        return self.rates.earned(self.kept_cents).growth


class Reduction(Struct, frozen=True):
    """What a reduction takes back: growth, and points as {lot id: points} of the lots they were earned in.

    `growth_counts_on` is the day of the growth it is taken from; None where the order has given none yet.
    """

    lots: dict[int, int]
    growth: int
    earned: tuple[ledger.EarnedLot, ...] = ()
    growth_counts_on: date | None = None

    @property
    def points(self) -> int:
        """Return the points of all lots."""
        return sum(self.lots.values())


class Kept(Struct, frozen=True):
    """What a kept order brought: points made ready, growth, and the level change it led to."""

    points: int
    growth: int
    level_change: membership.LevelChange | None


def order_paid(sale: Sale, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> int | None:
    """Give the points of a paid order, on the way until it is kept. Asked again, gives nothing more.

    Returns the lot's id; None when the order gives no point.
    """
    fact_id = record(
        Fact(
            "order_paid",
            sale.member_id,
            key=f"{sale.reference}:paid",
            at=at,
            reference=sale.reference,
            cents=sale.kept_cents,
            attributes={"kept_cents": sale.kept_cents, "points": sale.points, "growth": sale.growth}
            | ({"sent_to": sale.sent_to} if sale.sent_to else {}),
        )
    )
    if sale.points == 0:
        return None
    placed = programme.version(sale.version)
    return ledger.earn(
        purse,
        sale.points,
        reference=sale.reference,
        rule=RULE,
        origin="purchase",
        expiry=placed.expiry_of(terms.today(at)),
        version=sale.version,
        worth=placed.worth,
        why=why_earned(sale),
        at=at,
        first=fact_id is not None,
    )


def order_kept(sale: Sale, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> Kept:
    """Make an order's points ready and record its growth: its return window is over. Asked again, does nothing more.

    The member is told of the points. The one caller is aftersales.close_window.
    """
    kept = Fact(
        "order_kept",
        sale.member_id,
        key=f"{sale.reference}:kept",
        at=at,
        reference=sale.reference,
        attributes={
            "kept_cents": sale.kept_cents,
            "points": sale.points,
            "growth": sale.growth,
            "number": sale.number,
        },
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
    return Kept(points=unlocked, growth=sale.growth, level_change=change)


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
    a reduction that is known to be new, since the purse was locked. Returns what was taken.
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
            attributes={"kept_cents": sale.kept_cents, "points": sale.points, "growth": sale.growth},
        )
    )
    if taken.earned:  # Also where nothing is left to take: what is past leaves the wallet.
        keep_points = {lot.id: sale.points for lot in taken.earned}
        ledger.take_back(
            purse,
            keep_points,
            reference=sale.reference,
            key=f"{key}:points",
            why=why_taken_back(sale),
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
    earned = tuple(ledger.lots_earned(sale.reference, rule=RULE, at=at))
    wanted = ledger.to_take(earned, {lot.id: sale.points for lot in earned})
    growth, counts_on = membership.growth_of(sale.reference) if growth_given else (0, None)
    return Reduction(
        lots={lot.id: points for lot, points in wanted},
        growth=max(0, growth - sale.growth),
        earned=earned,
        growth_counts_on=counts_on,
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


def why_taken_back(sale: Sale) -> Message:
    """Explain points taken back."""
    return say(
        N_("Order {number}: {kept_cents} is still kept, which gives {points} points; the rest is taken back"),
        number=sale.number,
        kept_cents=sale.kept_cents,
        points=sale.points,
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


def _cents_of(reference: str) -> int:
    """Return the cash for goods that is kept of an order, as its facts say."""
    cents = select(func.coalesce(func.sum(FactRow.cents), 0)).where(FactRow.reference == reference)
    return int(execute(cents).scalar_one())
