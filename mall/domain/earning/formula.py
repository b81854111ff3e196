"""The formulas: what cash kept for goods gives. Whole numbers in and out, rounded down once, no database."""

from msgspec import Struct

from mall.domain import programme


class Earned(Struct, frozen=True):
    """Points and growth: what an order gives, has given so far, or had taken back."""

    points: int
    growth: int


class Rates(Struct, frozen=True):
    """What cash kept for goods gives: `earn_points` for every `earn_per_cents` times the level's multiplier, and
    one growth for every `growth_per_cents`. An order keeps those of its placing.
    """

    multiplier_percent: int
    earn_points: int
    earn_per_cents: int
    growth_per_cents: int

    def earned(self, kept_cents: int) -> Earned:
        """Return what an order gives: each rounded down once.

        `kept_cents` is the cash kept for goods over all lines, after level discount, coupons and points, without
        shipping. A multiplier of 150 gives one and a half times.
        """
        return Earned(
            points=kept_cents * self.earn_points * self.multiplier_percent // (self.earn_per_cents * 100),
            growth=kept_cents // self.growth_per_cents,
        )

    def added(self, kept_cents: int, *, multiplier_percent: int) -> int:
        """Return the points a campaign adds for cash kept for its goods: rounded down once.

        Double points, 200, add as many as the rate gives: it knows nothing of the level's multiplier.
        """
        return kept_cents * self.earn_points * (multiplier_percent - 100) // (self.earn_per_cents * 100)


def rates_for(level: programme.Level, terms: programme.Programme) -> Rates:
    """Return the rates of an order that somebody of a level places under a programme."""
    return Rates(
        multiplier_percent=level.multiplier_percent,
        earn_points=terms.earn_points,
        earn_per_cents=terms.earn_per_cents,
        growth_per_cents=terms.growth_per_cents,
    )
