"""The measure "at worth": what points are worth by their lots, in exact fractions, rounded so that it adds up.

ACCOUNTING, "The first measure": money is the worth per point stored on the lot, without breakage.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise

from mall.base.money import half_up


def worth(points: int, *, worth_points: int, worth_cents: int) -> Fraction:
    """Return what points of a lot are worth, in cents, unrounded."""
    return Fraction(points * worth_cents, worth_points)


def in_cents(parts: Sequence[Fraction]) -> list[int]:
    """Round parts of a whole to cents, so that they add up to the rounded whole: what the running total grows by."""
    return [after - before for before, after in pairwise([0, *map(half_up, accumulate(parts))])]


def rounded(parts: Iterable[Fraction]) -> int:
    """Return the sum of exact parts in cents, rounded once."""
    return half_up(sum(parts, Fraction(0)))
