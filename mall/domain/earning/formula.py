"""The formulas: what cash kept for goods gives. Whole numbers in and out, rounded down once, no database."""


def points_for(kept_cents: int, *, earn_points: int, earn_per_cents: int, multiplier_percent: int) -> int:
    """Return the points an order gives: kept cents x rate x level multiplier, rounded down once.

    `kept_cents` is the cash kept for goods over all lines, after level discount, coupons and points, without
    shipping. The rate is `earn_points` for every `earn_per_cents`; a multiplier of 150 gives one and a half times.
    """
    return kept_cents * earn_points * multiplier_percent // (earn_per_cents * 100)


def growth_for(kept_cents: int, *, growth_per_cents: int) -> int:
    """Return the growth an order gives: one for every `growth_per_cents` kept, rounded down once."""
    return kept_cents // growth_per_cents
