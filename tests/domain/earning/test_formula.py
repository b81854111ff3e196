"""Points are kept cents x rate x multiplier, rounded down once an order; a refund takes the difference."""

from fractions import Fraction
from itertools import product
from math import floor

import pytest

from mall.domain.earning import Rates

RATES = [(10, 100), (1, 100), (3, 7), (0, 100), (1, 1), (25, 10)]


@pytest.mark.parametrize(("earn_points", "earn_per_cents"), RATES)
def test_points_are_the_exact_product_rounded_down_once(earn_points, earn_per_cents):
    for kept, multiplier in product(range(260), (0, 1, 99, 100, 101, 120, 150, 200)):
        exact = Fraction(kept * earn_points, earn_per_cents) * Fraction(multiplier, 100)
        rates = Rates(multiplier, earn_points, earn_per_cents, growth_per_cents=1)
        assert rates.earned(kept).points == floor(exact)


@pytest.mark.parametrize(("earn_points", "earn_per_cents"), RATES)
def test_whatever_is_returned_first_the_parts_add_up(earn_points, earn_per_cents):
    """Return an order in any two steps: what is taken each time adds up to what it gave, and is never negative."""

    def points(kept):
        return Rates(150, earn_points, earn_per_cents, growth_per_cents=1).earned(kept).points

    for paid in range(0, 120, 7):
        for left in range(paid + 1):
            first, second = points(paid) - points(left), points(left) - points(0)
            assert first >= 0 and second >= 0
            assert first + second == points(paid)


def test_ten_points_for_one_of_the_currency():
    assert Rates(100, 10, 100, 100).earned(1_590).points == 159


def test_a_level_multiplies_before_rounding():
    # 1.59 gives 15.9 points; one and a half times that is 23.85, not 1.5 x 15 = 22.5.
    assert Rates(150, 10, 100, 100).earned(159).points == 23


def test_growth_rounds_down_once_an_order():
    for kept in range(1_000):
        assert Rates(100, 10, 100, 100).earned(kept).growth == floor(Fraction(kept, 100))
    assert Rates(100, 10, 100, 1).earned(250).growth == 250
