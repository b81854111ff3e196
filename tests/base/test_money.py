"""Cents and points stay whole: what is split adds up again, and every rounding is the one that is written down."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mall.base.money import cents_of, half_up, money_text, part_by_quantity, shares, tax_inside


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [
        ("0", 0),
        ("1/2", 1),
        ("-1/2", -1),
        ("3/2", 2),
        ("-3/2", -2),
        ("49/100", 0),
        ("-49/100", 0),
        ("5/2", 3),
        ("7", 7),
    ],
)
def test_halves_go_away_from_zero(amount, rounded):
    assert half_up(Fraction(amount)) == rounded


def test_half_up_is_never_more_than_a_half_away():
    for numerator, denominator in product(range(-60, 61), range(1, 13)):
        exact = Fraction(numerator, denominator)
        assert abs(half_up(exact) - exact) <= Fraction(1, 2)


def test_shares_add_up_and_stay_within_one_of_the_exact_part():
    for total, weights in product(range(0, 25), product(range(0, 5), repeat=3)):
        if not sum(weights):
            continue
        parts = shares(total, weights)
        assert sum(parts) == total
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part - Fraction(total * weight, sum(weights))) < 1
            assert weight or not part


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(any))
def test_shares_of_large_sums_add_up(total, weights):
    assert sum(shares(total, weights)) == total


def test_shares_favour_the_largest_remainder_and_then_the_earlier():
    assert shares(10, [1, 1, 1]) == [4, 3, 3]
    assert shares(5, [3, 1, 1]) == [3, 1, 1]
    assert shares(2, [1, 1, 4]) == [1, 0, 1]
    assert shares(100, [333, 333, 334]) == [33, 33, 34]


def test_equal_weights_never_differ_by_more_than_one():
    for total, count in product(range(0, 40), range(1, 9)):
        parts = shares(total, [7] * count)
        assert max(parts) - min(parts) <= 1
        assert parts == sorted(parts, reverse=True)


def test_nothing_is_spread_over_nothing():
    assert shares(0, [0, 0]) == [0, 0]
    assert shares(0, []) == []
    with pytest.raises(ValueError, match="nothing to spread over"):
        shares(1, [0, 0])


def test_parts_by_quantity_add_up_however_the_pieces_are_parted():
    for amount, of in product(range(0, 31), range(1, 7)):
        for cut in range(of + 1):
            for second in range(cut, of + 1):
                parts = [
                    part_by_quantity(amount, of=of, before=0, after=cut),
                    part_by_quantity(amount, of=of, before=cut, after=second),
                    part_by_quantity(amount, of=of, before=second, after=of),
                ]
                assert sum(parts) == amount
                assert min(parts) >= 0


def test_tax_inside_a_price():
    assert tax_inside(11_900, rate_basis_points=1_900) == 1_900
    assert tax_inside(10_000, rate_basis_points=1_900) == 1_597
    assert tax_inside(0, rate_basis_points=1_900) == 0
    assert tax_inside(999, rate_basis_points=0) == 0


def test_net_and_tax_make_the_price():
    for gross, rate in product(range(0, 400), (0, 250, 700, 1_900, 2_500)):
        tax = tax_inside(gross, rate_basis_points=rate)
        assert 0 <= tax <= gross
        assert abs(Fraction((gross - tax) * rate, 10_000) - tax) <= 1


@pytest.mark.parametrize(
    ("typed", "cents"),
    [("15.90", 1590), ("15", 1500), ("15.9", 1590), ("0", 0), ("0.05", 5), (" 1,234.50 ", 123450), ("15.", 1500)],
)
def test_money_as_people_type_it(typed, cents):
    assert cents_of(typed) == cents


@pytest.mark.parametrize(
    "typed",
    ["", " ", "-1", "1.234", "abc", "1.2.3", "1e3", "٣", ".50", "nan", "0x10", "1.٣", "+1", "15,90", "1,23", ",500"],
)
def test_what_is_no_money_is_refused(typed):
    with pytest.raises(ValueError, match="not an amount"):
        cents_of(typed)


def test_money_written_in_english_is_read_back():
    for cents in [*range(0, 2_000, 7), 99_999, 100_000, 123_456_789]:
        assert cents_of(money_text(cents, "USD", "en").removeprefix("$")) == cents


def test_money_for_each_reader():
    assert money_text(123_450, "USD", "en") == "$1,234.50"
    assert money_text(-5, "EUR", "en") == "-€0.05"
    assert money_text(123_450, "CNY", "zh") == "¥1,234.50"
