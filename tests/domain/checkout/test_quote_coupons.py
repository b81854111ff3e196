"""The calculator with coupons: between level discount and points, in its scope, shared to the cent, never too much."""

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mall.domain import coupons
from mall.domain.checkout.calculator import cents_in_scope, quote
from mall.domain.checkout.quote import QuoteChanged, Rules, Shipping
from tests.domain.checkout.test_quote import PARCEL, RULES, cash, gift, mix, must_add_up
from tests.stage import NOON


def ticket(kind: str = "amount", *, id: int = 1, covers=None, **terms) -> coupons.Ready:
    plain = {"amount_cents": 1_000} if kind == "amount" else {"percent": 15} if kind == "percent" else {}
    return coupons.Ready(
        id=id, template_id=id, title={"en": "Coupon"}, kind=kind, usable_from=NOON, ends_at=NOON + timedelta(days=30),
        covers=None if covers is None else frozenset(covers), **(plain | terms),
    )  # fmt: skip


def must_add_up_with(q, rules, using):
    must_add_up(q, rules)
    assert q.coupon_cents == sum(each.cents for each in q.coupons if each.coupon.kind != "shipping")
    for line in q.lines:
        assert 0 <= line.coupon_cents <= line.discounted_cents
        if not any(each.is_for(line.wanted.product_id) for each in using):
            assert line.coupon_cents == 0
    for each in q.coupons:
        if each.coupon.kind != "shipping":
            assert each.cents <= each.coupon.takes_off(cents_in_scope(q.lines, each.coupon))
        if each.coupon.kind == "gift":
            assert each.cents in (0, *(line.unit_cents for line in q.lines)) or len(using) > 1


def test_an_amount_is_shared_by_what_each_line_costs_ties_to_the_earlier():
    q = quote([cash(500), cash(500), cash(500)], rules=RULES, using=[ticket(amount_cents=100)])

    assert [line.coupon_cents for line in q.lines] == [34, 33, 33]
    assert (q.goods_cents, q.coupon_cents) == (1_400, 100)


def test_a_percentage_rounds_half_up_once_on_its_scope():
    q = quote([cash(3), cash(3), cash(4)], rules=Rules(least_cash_cents=1), using=[ticket("percent", percent=5)])

    assert q.coupon_cents == 1  # 0.5, half up; by line it would be nothing.


def test_a_cap_bounds_a_percentage():
    q = quote([cash(10_000)], rules=RULES, using=[ticket("percent", percent=50, cap_cents=1_234)])

    assert q.coupon_cents == 1_234


def test_it_looks_at_the_cash_after_the_level_discount():
    q = quote([cash(1_000)], rules=Rules(level_discount_percent=10), using=[ticket("percent", percent=10)])

    assert (q.level_discount_cents, q.coupon_cents, q.goods_cents) == (100, 90, 810)


def test_points_are_never_discounted_but_the_cash_of_a_mix_is():
    q = quote([gift(1_590), mix(600, 990)], rules=RULES, using=[ticket(amount_cents=5_000)])

    assert [line.coupon_cents for line in q.lines] == [0, 990]
    assert (q.points, q.cash_cents) == (2_190, 0)


def test_only_lines_in_scope_bear_it():
    q = quote([cash(1_000), mix(600, 990)], rules=RULES, using=[ticket(amount_cents=2_000, covers={3})])

    assert [line.coupon_cents for line in q.lines] == [0, 990]


def test_it_comes_before_points_whose_cap_is_on_what_is_left():
    q = quote([cash(2_400)], rules=RULES, points_offered=9_999, using=[ticket(amount_cents=1_000)])

    assert (q.coupon_cents, q.most_switch_points, q.goods_cents) == (1_000, 700, 700)


def test_free_delivery_looks_at_the_cash_after_coupons():
    assert quote([cash(5_900)], rules=RULES, shipping=PARCEL).shipping_cents == 0
    assert quote([cash(5_900)], rules=RULES, shipping=PARCEL, using=[ticket()]).shipping_cents == 490


def test_free_shipping_takes_shipping_off_and_nothing_else():
    q = quote([cash(1_590)], rules=RULES, shipping=PARCEL, using=[ticket("shipping")])

    assert (q.shipping_list_cents, q.shipping_cents, q.cash_cents, q.goods_cents) == (490, 0, 1_590, 1_590)
    assert [each.cents for each in q.coupons] == [490]


def test_what_is_left_below_the_cashiers_least_is_waived():
    q = quote([cash(1_020)], rules=RULES, using=[ticket()])

    assert (q.coupon_cents, q.waived_cents, q.cash_cents, q.goods_cents) == (1_000, 20, 0, 0)


def test_several_look_at_the_same_cash_and_take_what_is_there():
    percent, amount = ticket("percent", percent=50, id=2), ticket(amount_cents=800, id=1)

    q = quote([cash(1_000)], rules=RULES, using=[amount, percent])

    assert [(each.coupon.id, each.cents) for each in q.coupons] == [(2, 500), (1, 500)]
    assert quote([cash(1_000)], rules=RULES, using=[percent, amount]).fingerprint == q.fingerprint


def test_a_gift_is_one_piece_of_its_item_and_of_several_the_dearest():
    tea = {"variant_id": 9, "product_id": 9}
    lines = [cash(1_590, quantity=3), replace(cash(900), **tea), replace(cash(1_200, quantity=2), **tea)]

    q = quote(lines, rules=RULES, using=[ticket("gift", covers={9})])

    assert [line.coupon_cents for line in q.lines] == [0, 0, 1_200]


def test_a_gift_is_what_its_piece_costs_after_the_level_discount_and_never_a_mix():
    rules = Rules(level_discount_percent=10)

    assert quote([cash(1_000, 2)], rules=rules, using=[ticket("gift", covers={1})]).goods_cents == 900
    assert quote([mix(600, 990)], rules=rules, using=[ticket("gift", covers={3})]).goods_cents == 990


def test_the_fingerprint_covers_the_coupon_and_its_shares():
    shown = quote([cash(1_590)], rules=RULES, using=[ticket()])

    for changed in ([], [ticket(id=2)], [ticket(amount_cents=999)]):
        with pytest.raises(QuoteChanged):
            quote([cash(1_590)], rules=RULES, using=changed).must_match(shown.fingerprint)


def test_small_baskets_add_up_exhaustively():
    kinds = [ticket(amount_cents=cents) for cents in (1, 7, 50, 131)]
    kinds += [ticket("percent", percent=percent, cap_cents=cap) for percent in (1, 15, 50, 100) for cap in (None, 9)]
    for first, second, points, coupon in product(range(0, 130, 13), range(0, 130, 11), range(0, 90, 15), kinds):
        q = quote([cash(first), cash(second, 2)], rules=RULES, points_offered=points, using=[coupon])
        must_add_up_with(q, RULES, [coupon])
        assert q.cash_cents <= quote([cash(first), cash(second, 2)], rules=RULES).cash_cents


def test_more_points_never_cost_more_cash_with_a_coupon():
    for cents, off in product((49, 50, 99, 101, 333, 1_000), (1, 49, 50, 51, 300)):
        using = [ticket(amount_cents=off)]
        due = [quote([cash(cents)], rules=RULES, points_offered=n, using=using).cash_cents for n in range(0, 520, 3)]
        assert due == sorted(due, reverse=True)


def test_a_larger_amount_never_costs_more():
    for cents in (49, 51, 99, 333, 1_000):
        due = [
            quote([cash(cents)], rules=RULES, using=[ticket(amount_cents=off)]).cash_cents for off in range(1, 1_100)
        ]
        assert due == sorted(due, reverse=True)


LINES = st.lists(
    st.one_of(
        st.builds(cash, st.integers(0, 50_000), st.integers(1, 9), tax_basis_points=st.integers(0, 2_500)),
        st.builds(gift, st.integers(1, 50_000), st.integers(1, 9)),
        st.builds(mix, st.integers(1, 5_000), st.integers(0, 5_000), st.integers(1, 9)),
    ),
    max_size=6,
)
SCOPES = st.none() | st.sets(st.integers(1, 3))
TICKETS = st.one_of(
    st.builds(ticket, st.just("amount"), id=st.integers(1, 99), amount_cents=st.integers(1, 90_000), covers=SCOPES),
    st.builds(
        ticket, st.just("percent"), id=st.integers(1, 99), percent=st.integers(1, 100),
        cap_cents=st.none() | st.integers(1, 9_000), covers=SCOPES,
    ),
    st.builds(ticket, st.just("shipping"), id=st.integers(1, 99)),
    st.builds(ticket, st.just("gift"), id=st.integers(1, 99), covers=st.sampled_from([{1}, {2}, {3}])),
)  # fmt: skip


@given(
    lines=LINES,
    using=st.lists(TICKETS, max_size=3, unique_by=lambda each: (each.id, each.kind == "shipping" or each.id)),
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
def test_any_basket_with_any_coupons_adds_up(lines, using, rules, shipping, points):
    q = quote(lines, rules=rules, shipping=shipping, points_offered=points, using=using)

    must_add_up_with(q, rules, using)
    assert q.shipping_cents >= 0 and q.cash_cents >= 0
