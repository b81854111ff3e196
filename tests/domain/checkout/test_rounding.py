"""How the mall rounds, sentence by sentence: what is shared adds up, and nobody is charged for a rounding twice."""

from fractions import Fraction
from itertools import product
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mall.base.money import half_up, part_by_quantity, shares, tax_inside
from mall.domain import catalogue, earning
from mall.domain.checkout.calculator import price_of_piece, quote
from mall.domain.checkout.quote import Rules, Shipping
from tests.domain.checkout.test_quote import RULES, cash, gift, mix, must_add_up
from tests.domain.checkout.test_quote_coupons import ticket


def test_cash_rounds_half_up_per_unit_when_a_price_is_discounted():
    for cents, percent in product(range(0, 400), (1, 3, 5, 7, 10, 33, 50, 99)):
        exact = Fraction(cents * (100 - percent), 100)
        unit = price_of_piece(cents, form="cash", discount_percent=percent)
        assert unit - exact <= Fraction(1, 2) and exact - unit < Fraction(1, 2)


def test_the_shown_unit_price_times_the_quantity_is_the_line():
    for cents, percent, quantity in product(range(0, 120), (0, 5, 33), (1, 2, 7)):
        [line] = quote([cash(cents, quantity)], rules=Rules(level_discount_percent=percent)).lines
        assert line.discounted_cents == line.unit_cents * quantity
        assert line.list_cents - line.level_discount_cents == line.unit_cents * quantity


def test_a_percent_coupon_rounds_half_up_once_on_its_scope():
    for first, second, percent in product(range(0, 60, 3), range(0, 60, 7), (1, 5, 15, 33, 50)):
        q = quote([cash(first), cash(second, 3)], rules=RULES, using=[ticket("percent", percent=percent)])
        assert q.coupon_cents == half_up(Fraction((first + 3 * second) * percent, 100))


def test_shares_are_proportional_by_largest_remainder_ties_to_the_earlier():
    assert shares(100, [500, 500, 500]) == [34, 33, 33]
    assert shares(10, [1, 2, 4]) == [1, 3, 6]  # 1.43, 2.86, 5.71: the two units left over go to .86 and .71.
    for total, *weights in product(range(0, 12), range(0, 5), range(0, 5), range(0, 5)):
        if not sum(weights):
            continue
        parts = shares(total, weights)
        exact = [Fraction(total * each, sum(weights)) for each in weights]
        up = [number for number, part in enumerate(parts) if part != floor(exact[number])]
        down = [number for number in range(3) if number not in up]
        assert sum(parts) == total and all(0 <= part - floor(of) <= 1 for part, of in zip(parts, exact, strict=True))
        for more, less in product(up, down):
            by = (exact[more] - floor(exact[more])) - (exact[less] - floor(exact[less]))
            assert by > 0 or (by == 0 and more < less)


def test_each_component_is_shared_by_what_is_left_before_it():
    q = quote([cash(1_000), cash(3_000)], rules=Rules(level_discount_percent=10), points_offered=720,
              using=[ticket(amount_cents=400)])  # fmt: skip

    assert [line.coupon_cents for line in q.lines] == shares(400, [900, 2_700]) == [100, 300]
    assert [line.saved_cents for line in q.lines] == shares(720, [800, 2_400]) == [180, 540]


@pytest.mark.parametrize("worth", [(100, 100), (100, 70), (150, 100), (3, 2), (7, 1)])
def test_points_and_the_cents_they_save_are_shared_apart_and_what_they_save_rounds_down(worth):
    rules = Rules(worth_points=worth[0], worth_cents=worth[1], points_cap_percent=100, least_cash_cents=1)
    for first, second, points in product((1, 50, 333), (2, 49, 700), range(0, 400, 13)):
        q = quote([cash(first), cash(second)], rules=rules, points_offered=points)
        assert q.saved_cents == floor(Fraction(q.switch_points * worth[1], worth[0]))
        assert [line.switch_points for line in q.lines] == shares(q.switch_points, [first, second])
        assert [line.saved_cents for line in q.lines] == shares(q.saved_cents, [first, second])


@pytest.mark.parametrize("worth", [(100, 100), (100, 70), (150, 100), (3, 2), (7, 1)])
def test_the_most_allowed_is_the_cap_in_whole_cents_over_the_worth_rounded_down(worth):
    for cents, percent in product(range(0, 300, 7), (0, 33, 50, 100)):
        rules = Rules(worth_points=worth[0], worth_cents=worth[1], points_cap_percent=percent)
        cap_cents = cents * percent // 100
        most = quote([cash(cents)], rules=rules).most_switch_points
        assert most == floor(Fraction(cap_cents * worth[0], worth[1]))
        assert rules.worth_of(most) <= cap_cents


def test_tax_rounds_half_up_per_line_and_on_delivery():
    for cents, rate in product(range(0, 300), (700, 1_900, 2_500)):
        exact = Fraction(cents * rate, 10_000 + rate)
        assert abs(tax_inside(cents, rate_basis_points=rate) - exact) <= Fraction(1, 2)
    lines = [cash(103, tax_basis_points=1_900)] * 3  # 16.44 each: 16, not a third of 49.
    q = quote(lines, rules=RULES, shipping=Shipping("p", 103, tax_basis_points=1_900))
    assert [line.tax_cents for line in q.lines] == [16, 16, 16]
    assert (q.shipping_tax_cents, q.tax_cents) == (16, 64)


def test_a_waiver_is_shared_over_lines_and_delivery_and_earns_nothing():
    q = quote([mix(600, 10), mix(600, 20)], rules=RULES, shipping=Shipping("p", 15))

    assert [line.waived_cents for line in q.lines] + [q.shipping_waived_cents] == shares(45, [10, 20, 15])
    assert (q.waived_cents, q.goods_cents, q.cash_cents) == (45, 0, 0)


RATES = earning.Rates(multiplier_percent=150, earn_points=10, earn_per_cents=100, growth_per_cents=100)


def test_points_given_round_down_once_per_order_and_growth_too():
    assert RATES.earned(66 + 66).points == 19  # 9.9 and 9.9, of which each by itself would lose one.
    assert RATES.earned(99 + 99).growth == 1
    for cents in range(0, 1_000):
        assert RATES.earned(cents).points == floor(Fraction(cents * 10 * 150, 100 * 100))


def test_the_cash_beside_the_points_of_a_mix_rounds_half_up_so_that_points_never_buy_more_than_their_worth(app, stage):
    price = catalogue.mix_price(1_590, least=1, most=1_500, step=1)
    for points in range(1, 1_501, 37):
        assert catalogue.cash_part(price, points, stage.terms) == half_up(1_590 - stage.terms.worth_of(points))


def test_of_a_returned_part_amounts_are_cumulative_floors_however_it_is_split():
    for amount, of in product(range(0, 60), range(1, 7)):
        for first in range(0, of + 1):
            one = part_by_quantity(amount, of=of, before=0, after=first)
            other = part_by_quantity(amount, of=of, before=first, after=of)
            assert one == amount * first // of and one + other == amount


# What holds of every total.


@pytest.mark.parametrize("cap_percent", [0, 33, 50, 100])
@pytest.mark.parametrize("worth", [(100, 100), (3, 2)])
def test_two_lines_of_0_to_60_cents_add_up_whatever_the_cap_and_the_worth(cap_percent, worth):
    rules = Rules(points_cap_percent=cap_percent, worth_points=worth[0], worth_cents=worth[1], least_cash_cents=10)
    for first, second in product(range(0, 61, 3), range(0, 61, 4)):
        for points in (0, 1, 7, 31, 90):
            must_add_up(quote([cash(first), cash(second, 2)], rules=rules, points_offered=points), rules)


def test_every_basket_of_one_line_of_0_to_60_cents_adds_up():
    for cents, points in product(range(0, 61), range(0, 62)):
        for rules in (RULES, Rules(points_cap_percent=100), Rules(points_cap_percent=100, least_cash_cents=1)):
            must_add_up(quote([cash(cents)], rules=rules, points_offered=points), rules)


BASKETS = st.lists(
    st.one_of(
        st.builds(cash, st.integers(0, 9_000), st.integers(1, 5)),
        st.builds(gift, st.integers(1, 900)),
        st.builds(mix, st.integers(1, 500), st.integers(0, 900)),
    ),
    min_size=1,
    max_size=4,
)
DELIVERY = st.none() | st.builds(Shipping, st.just("s"), st.integers(0, 900), st.none() | st.integers(0, 9_000))


@given(
    lines=BASKETS, shipping=DELIVERY, fewer=st.integers(0, 20_000), more=st.integers(0, 20_000),
    worth=st.sampled_from([(100, 100), (100, 70), (3, 2), (7, 1)]), cap_percent=st.integers(0, 100),
    least_cents=st.integers(1, 400),
)  # fmt: skip
def test_more_points_never_cost_more_cash_nor_earn_more(lines, shipping, fewer, more, worth, cap_percent, least_cents):
    rules = Rules(points_cap_percent=cap_percent, worth_points=worth[0], worth_cents=worth[1],
                  least_cash_cents=least_cents)  # fmt: skip
    fewer, more = sorted((fewer, more))
    one = quote(lines, rules=rules, shipping=shipping, points_offered=fewer)
    other = quote(lines, rules=rules, shipping=shipping, points_offered=more)

    assert one.cash_cents >= other.cash_cents
    assert RATES.earned(one.goods_cents).points >= RATES.earned(other.goods_cents).points
    assert one.switch_points <= other.switch_points
