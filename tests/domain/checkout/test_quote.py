"""The calculator adds up to the cent and the point, whatever is bought and however it is paid."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mall.domain.checkout.calculator import quote
from mall.domain.checkout.quote import Quote, QuoteChanged, Rules, Shipping, Wanted

RULES = Rules()
PARCEL = Shipping("parcel", 490, free_from_cents=5_000)


def cash(cents: int, quantity: int = 1, **more) -> Wanted:
    return Wanted(variant_id=1, product_id=1, quantity=quantity, form="cash", unit_cents=cents, unit_points=0, **more)


def gift(points: int, quantity: int = 1, **more) -> Wanted:
    return Wanted(2, 2, quantity, form="points", unit_cents=0, unit_points=points, **more)


def mix(points: int, cents: int, quantity: int = 1) -> Wanted:
    return Wanted(3, 3, quantity, form="mix", unit_cents=cents, unit_points=points)


def must_add_up(q: Quote, rules: Rules) -> None:
    for line in q.lines:
        parts = line.level_discount_cents + line.coupon_cents + line.saved_cents + line.waived_cents + line.cash_cents
        assert line.list_cents == parts
        assert min(line.cash_cents, line.saved_cents, line.waived_cents, line.switch_points, line.tax_cents) >= 0
        assert line.tax_cents <= line.cash_cents
    assert sum(line.switch_points for line in q.lines) == q.switch_points
    assert q.saved_cents == rules.worth_of(q.switch_points)
    assert q.points == sum(line.price_points for line in q.lines) + q.switch_points
    assert q.cash_cents == q.goods_cents + q.shipping_cents
    assert q.cash_cents == 0 or q.cash_cents >= rules.least_cash_cents
    assert q.switch_points <= q.most_switch_points


def test_a_gift_costs_points_and_ships_free():
    q = quote([gift(1_590)], rules=RULES, shipping=PARCEL)

    assert (q.points, q.cash_cents, q.shipping_list_cents) == (1_590, 0, 490)


def test_a_mix_costs_its_points_and_its_cash_for_each_piece():
    q = quote([mix(900, 690, quantity=2)], rules=RULES)

    assert (q.points, q.cash_cents) == (1_800, 1_380)


def test_the_level_discount_is_rounded_half_up_per_unit_and_only_for_cash_options():
    rules = Rules(level_discount_percent=5)

    q = quote([cash(1_590, quantity=3), mix(600, 990)], rules=rules)

    assert q.lines[0].unit_cents == 1_511  # 1510.5 rounded half up
    assert q.lines[0].level_discount_cents == 3 * 79
    assert q.lines[1].level_discount_cents == 0


def test_points_pay_at_most_half_of_the_cash_options():
    q = quote([cash(2_400), mix(600, 990)], rules=RULES, points_offered=9_999)

    assert q.most_switch_points == 1_200
    assert (q.switch_points, q.saved_cents, q.limited_by) == (1_200, 1_200, "cap")


def test_shipping_is_free_from_an_amount_of_goods_after_discounts():
    assert quote([cash(4_999)], rules=RULES, shipping=PARCEL).shipping_cents == 490
    assert quote([cash(5_000)], rules=RULES, shipping=PARCEL).shipping_cents == 0
    assert quote([cash(5_000)], rules=Rules(level_discount_percent=1), shipping=PARCEL).shipping_cents == 490


def test_points_do_not_lose_the_free_shipping():
    assert quote([cash(5_000)], rules=RULES, shipping=PARCEL, points_offered=2_500).shipping_cents == 0


def test_digital_goods_are_not_shipped():
    assert quote([cash(2_000, digital=True)], rules=RULES, shipping=PARCEL).shipping_list_cents == 0


def test_fewer_points_are_taken_where_the_rest_could_not_be_charged():
    q = quote([cash(80)], rules=RULES, points_offered=40)

    assert (q.switch_points, q.cash_cents, q.limited_by) == (30, 50, "least")


def test_a_small_amount_is_waived_where_no_points_can_be_left_out():
    q = quote([mix(600, 20), gift(100)], rules=RULES)

    assert (q.cash_cents, q.waived_cents, q.goods_cents) == (0, 20, 0)


def test_tax_is_inside_the_cash_of_each_line_and_of_shipping():
    q = quote([cash(1_190, tax_basis_points=1_900)], rules=RULES, shipping=Shipping("p", 595, tax_basis_points=1_900))

    assert (q.lines[0].tax_cents, q.shipping_tax_cents) == (190, 95)


def test_the_fingerprint_follows_what_was_agreed_to():
    shown = quote([cash(1_590)], rules=RULES)

    quote([cash(1_590)], rules=RULES).must_match(shown.fingerprint)
    for changed in ([cash(1_591)], [cash(1_590, quantity=2)], [cash(1_590), gift(1)]):
        with pytest.raises(QuoteChanged):
            quote(changed, rules=RULES).must_match(shown.fingerprint)
    with pytest.raises(QuoteChanged):
        quote([cash(1_590)], rules=RULES, points_offered=1).must_match(shown.fingerprint)


def test_small_baskets_add_up_exhaustively():
    for first, second, points, percent in product(range(0, 130, 7), range(0, 130, 11), range(0, 90, 9), (0, 5, 33)):
        rules = Rules(level_discount_percent=percent)
        q = quote([cash(first), cash(second, 2)], rules=rules, points_offered=points)
        must_add_up(q, rules)


def test_more_points_never_cost_more_cash():
    for cents in (49, 50, 99, 100, 101, 333, 1_000):
        due = [quote([cash(cents)], rules=RULES, points_offered=points).cash_cents for points in range(0, 600)]
        assert due == sorted(due, reverse=True)


@given(
    lines=st.lists(
        st.one_of(
            st.builds(cash, st.integers(0, 50_000), st.integers(1, 9), tax_basis_points=st.integers(0, 2_500)),
            st.builds(gift, st.integers(1, 50_000), st.integers(1, 9)),
            st.builds(mix, st.integers(1, 5_000), st.integers(0, 5_000), st.integers(1, 9)),
        ),
        max_size=6,
    ),
    rules=st.builds(
        Rules,
        level_discount_percent=st.integers(0, 100),
        points_cap_percent=st.integers(0, 100),
        worth_points=st.sampled_from([1, 3, 100, 150]),
        worth_cents=st.sampled_from([1, 2, 100, 70]),
        least_cash_cents=st.integers(1, 400),
    ),
    shipping=st.none() | st.builds(Shipping, st.just("s"), st.integers(0, 900), st.none() | st.integers(0, 9_000)),
    points=st.integers(0, 100_000),
)
def test_any_basket_adds_up(lines, rules, shipping, points):
    must_add_up(quote(lines, rules=rules, shipping=shipping, points_offered=points), rules)


def test_points_within_an_amount_never_save_more_than_it():
    for worth_points in range(1, 12):
        for worth_cents in range(1, 12):
            rules = Rules(worth_points=worth_points, worth_cents=worth_cents)
            for cents in range(40):
                points = rules.most_points_within(cents)
                assert rules.worth_of(points) <= cents
                assert (points + 1) * worth_cents > cents * worth_points
