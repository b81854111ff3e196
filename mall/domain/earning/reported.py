"""The rule of reported purchases: what a member buys at a partner's gives points and growth by the partner's rate.

As with orders: points when it is reported, ready when the partner's days are over, taken back for what is refunded.
Rates, level, version and what a cap left are those of the report, carried by the Reported.
"""

from datetime import datetime

from msgspec import Struct

from mall.base.text import N_, Message, say
from mall.domain import ledger, membership, programme

from .facts import Fact, record
from .formula import Earned
from .lost_levels import lose_levels
from .tasks import note_level, reach_again

RULE = "partner"


class ReportedRates(Struct, frozen=True):
    """What cash paid at a partner's gives; no growth where that is None. `most_points`: a cap left these."""

    multiplier_percent: int
    earn_points: int
    earn_per_cents: int
    growth_per_cents: int | None
    most_points: int | None = None

    def earned(self, kept_cents: int) -> Earned:
        """Return what a purchase gives for the cash that is kept: each rounded down once."""
        points = self.uncapped_points(kept_cents)
        return Earned(
            points=points if self.most_points is None else min(points, self.most_points),
            growth=kept_cents // self.growth_per_cents if self.growth_per_cents else 0,
        )

    def uncapped_points(self, kept_cents: int) -> int:
        """Return the points that no cap would stop."""
        return kept_cents * self.earn_points * self.multiplier_percent // (self.earn_per_cents * 100)


class Reported(Struct, frozen=True):
    """A purchase at a partner's as earning sees it. `kept_cents` is what was paid and not refunded."""

    purchase_id: int
    partner: str
    number: str
    member_id: int
    version: int
    rates: ReportedRates
    kept_cents: int

    @property
    def reference(self) -> str:
        """Return what its lot, growth and facts refer to."""
        return f"purchase:{self.purchase_id}"

    @property
    def gives(self) -> Earned:
        """Return what the purchase gives for what is kept."""
        return self.rates.earned(self.kept_cents)


def purchase_reported(
    bought: Reported, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime
) -> int | None:
    """Give the points of a purchase, on the way until it is kept. Asked again, gives nothing more.

    Returns the lot's id; None when it gives no point.
    """
    key = f"{bought.reference}:reported"
    fact_id = record(_fact("purchase_reported", bought, key=key, cents=bought.kept_cents, at=at))
    if bought.gives.points == 0:
        return None
    reported = programme.version(bought.version)
    return ledger.earn(
        purse,
        bought.gives.points,
        reference=bought.reference,
        rule=RULE,
        origin="purchase",
        expiry=reported.expiry_of(terms.today(at)),
        version=bought.version,
        worth=reported.worth,
        why=why_reported(bought),
        at=at,
        first=fact_id is not None,
    )


def purchase_kept(bought: Reported, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> Earned:
    """Make a purchase's points ready and record its growth: the partner's days are over. Again, it does nothing more.

    Returns the points made ready and the growth.
    """
    record(_fact("purchase_kept", bought, key=f"{bought.reference}:kept", at=at))
    lines = ledger.unlock(purse, ledger.earned_by(bought.reference), at=at)
    if bought.gives.growth:
        change = membership.add_growth(
            bought.member_id,
            bought.gives.growth,
            source=RULE,
            reference=bought.reference,
            counts_on=terms.today(at),
            version=bought.version,
            why=_why_growth(bought),
            key=f"{bought.reference}:growth",
            terms=terms,
            at=at,
        )
        note_level(change, purse=purse, terms=terms, at=at)
        reach_again(purse=purse, terms=terms, at=at)
    return Earned(sum(line.points for line in lines if line.kind == "unlock"), bought.gives.growth)


def purchase_refunded(
    bought: Reported, *, cents: int, key: str, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime
) -> Earned:
    """Take back what the refunded cash had given: the same formula on what is kept now, the rest is taken.

    `bought.kept_cents` is what is kept after this refund of `cents`. What is then owed above the debt cap is forgiven.
    Returns the points and the growth taken.
    """
    record(_fact("purchase_refunded", bought, key=key, cents=-cents, at=at))
    earned = tuple(ledger.lots_earned(bought.reference, at=at))
    keep_points = {lot.id: bought.gives.points for lot in earned}
    points = sum(taken for _lot, taken in ledger.to_take(earned, keep_points))
    if earned:
        why = _why_taken_back(bought)
        ledger.take_back(purse, keep_points, reference=bought.reference, key=f"{key}:points", why=why, at=at)
    growth, counts_on = membership.growth_of(bought.reference)
    taken_growth = max(0, growth - bought.gives.growth)
    if taken_growth and counts_on is not None:
        membership.add_growth(
            bought.member_id,
            -taken_growth,
            source=RULE,
            reference=bought.reference,
            counts_on=counts_on,
            version=bought.version,
            why=_why_growth(bought),
            key=f"{key}:growth",
            terms=terms,
            at=at,
        )
        lose_levels(purse=purse, terms=terms, at=at)
    if points:
        ledger.forgive(
            purse,
            cap_points=terms.debt_cap_points,
            key=f"{key}:forgiven",
            reference=bought.reference,
            expiry=terms.expiry_of(terms.today(at)),
            version=terms.version,
            worth=terms.worth,
            at=at,
        )
    return Earned(points, taken_growth)


def why_reported(bought: Reported) -> Message:
    """Explain the points of a purchase."""
    rates, points = bought.rates, bought.gives.points
    capped = points < rates.uncapped_points(bought.kept_cents)
    sentence = (
        N_(
            "{partner}, {number}: {kept_cents} × {earn_points} points per {earn_per_cents} × {multiplier_percent} %;"
            " its limit left {points} points"
        )
        if capped
        else N_(
            "{partner}, {number}: {kept_cents} × {earn_points} points per {earn_per_cents}"
            " × {multiplier_percent} % = {points} points"
        )
    )
    return say(
        sentence,
        partner=bought.partner,
        number=bought.number,
        kept_cents=bought.kept_cents,
        earn_points=rates.earn_points,
        earn_per_cents=rates.earn_per_cents,
        multiplier_percent=rates.multiplier_percent,
        points=points,
    )


def _fact(kind: str, bought: Reported, *, key: str, at: datetime, cents: int = 0) -> Fact:
    given = bought.gives
    return Fact(
        kind,
        bought.member_id,
        key=key,
        at=at,
        reference=bought.reference,
        cents=cents,
        attributes={"kept_cents": bought.kept_cents, "points": given.points, "growth": given.growth},
    )


def _why_taken_back(bought: Reported) -> Message:
    return say(
        N_("{partner}, {number}: {kept_cents} is still kept, which gives {points} points; the rest is taken back"),
        partner=bought.partner,
        number=bought.number,
        kept_cents=bought.kept_cents,
        points=bought.gives.points,
    )


def _why_growth(bought: Reported) -> Message:
    return say(
        N_("{partner}, {number}: {kept_cents} kept, 1 growth per {growth_per_cents} = {growth} growth"),
        partner=bought.partner,
        number=bought.number,
        kept_cents=bought.kept_cents,
        growth_per_cents=bought.rates.growth_per_cents,
        growth=bought.gives.growth,
    )
