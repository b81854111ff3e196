"""Money and shares: integers outside, exact fractions in between, rounded once."""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import floor

from babel.numbers import format_currency

# A comma groups thousands and does nothing else: "15,90" is refused, not read as 1590.
_AMOUNT = re.compile(r"(?P<whole>[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.(?P<decimals>[0-9]{0,2}))?")

LOCALES = {"en": "en", "zh": "zh_Hans_CN"}


def half_up(amount: Fraction) -> int:
    """Round to the nearest whole, halves away from zero."""
    return -half_up(-amount) if amount < 0 else floor(amount + Fraction(1, 2))


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """Split a whole number in proportion to weights, by largest remainder, ties to the earlier.

    Returns as many whole numbers as weights; they add up to `total`. Where all weights are 0, so must the total be.
    """
    weight = sum(weights)
    if weight == 0:
        if total != 0:
            raise ValueError("nothing to spread over")
        return [0] * len(weights)
    exact = [Fraction(total * each, weight) for each in weights]
    parts = [floor(each) for each in exact]
    by_remainder = sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], index))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def part_by_quantity(amount: int, *, of: int, before: int, after: int) -> int:
    """Return what of an amount over `of` pieces falls to pieces `before`+1 to `after`: cumulative floors.

    However the pieces are parted, the parts add up to the amount.
    """
    return amount * after // of - amount * before // of


def tax_inside(gross_cents: int, *, rate_basis_points: int) -> int:
    """Return the tax contained in a price that includes it, half up. A rate of 1900 basis points is 19 %."""
    return half_up(Fraction(gross_cents * rate_basis_points, 10_000 + rate_basis_points))


def money_text(cents: int, currency: str, language: str) -> str:
    """Write cents as money for a reader: 1590 -> "$15.90"."""
    return format_currency(Decimal(cents) / 100, currency, locale=LOCALES[language])


def cents_of(text: str) -> int:
    """Read money a person typed, "15.90", "15" or "1,234.5", as cents.

    Raises ValueError when it is no amount, is negative, or has more than two decimals.
    """
    if not (amount := _AMOUNT.fullmatch(text.strip())):
        raise ValueError("not an amount of money")
    return int(amount["whole"].replace(",", "")) * 100 + int((amount["decimals"] or "").ljust(2, "0"))
