"""The coupons proposed are those that together leave least to pay; and whatever is used makes the total lower."""

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mall.domain import catalogue, checkout, coupons, programme
from mall.domain.checkout import totals
from mall.domain.checkout.calculator import cents_in_scope, quote
from mall.domain.checkout.quote import Shipping
from mall.domain.checkout.totals import MOST_KINDS
from tests.domain.checkout.test_quote import RULES, cash, gift, mix
from tests.domain.checkout.test_quote_coupons import TICKETS, ticket
from tests.domain.checkout.test_ways import look
from tests.stage import NOON, open_shop

PARCELS = [{"key": "parcel", "name": {"en": "Parcel"}, "price_cents": 490, "free_from_cents": 5_000, "kind": "parcel"}]


@pytest.fixture
def stage(app):
    """A shop whose delivery is free from 50.00."""
    return open_shop(shipping_methods=PARCELS)


@pytest.fixture
def priced(stage, mei):
    """Price a lamp of so many cents in Mei's basket."""

    def price_of(cents, **choices):
        stage.put_in(mei, stage.item("Lamp", prices=(catalogue.cash_price(cents),)), "cash")
        return look(stage, mei, **choices)

    return price_of


def used(seen):
    return {each.coupon.id for each in seen.quote.coupons}


def stackable(stage, mei, cents):
    return stage.coupon(mei, amount_cents=cents, stackable=True)


def test_those_that_stack_are_proposed_together_where_they_take_off_more_than_the_best_one(stage, mei, priced):
    stage.coupon(mei, amount_cents=700)
    five, three = stackable(stage, mei, 500), stackable(stage, mei, 300)

    seen = priced(4_000)

    assert used(seen) == {five, three}
    assert {each.coupon.id for each in seen.coupons if each.best} == {five, three}
    assert seen.quote.goods_cents == 3_200


def test_the_best_one_is_proposed_where_it_takes_off_more_than_those_that_stack(stage, mei, priced):
    nine = stage.coupon(mei, amount_cents=900)
    stackable(stage, mei, 500)
    stackable(stage, mei, 300)

    assert used(priced(4_000)) == {nine}


def test_one_that_would_lose_the_free_delivery_stays_in_the_wallet(stage, mei, priced):
    ten, _five = stackable(stage, mei, 10), stackable(stage, mei, 5)

    assert used(priced(5_010)) == {ten}  # Both leave 49.95, and delivery would cost 4.90.


@pytest.mark.parametrize(
    ("terms", "cents", "is_used"),
    [
        ({"amount_cents": 500}, 5_000, False),  # Delivery is free no longer: 10 cents are saved.
        ({"kind": "percent", "percent": 10, "amount_cents": None}, 5_000, False),
        ({"amount_cents": 500}, 6_000, True),
        ({"amount_cents": 4_000}, 1_000, True),
        ({"amount_cents": 4_004}, 1_000, False),
        ({"kind": "percent", "percent": 10, "amount_cents": None}, 300, True),
    ],
)
def test_one_that_saves_little_of_what_it_takes_off_is_not_proposed_and_can_be_chosen(
    stage, mei, priced, terms, cents, is_used
):
    coupon = stage.coupon(mei, **terms)

    seen = priced(cents)

    assert used(seen) == ({coupon} if is_used else set())
    [weighed] = seen.coupons
    assert weighed.best == is_used and weighed.saves_cents > 0 and weighed.trouble is None
    _basket, asked = stage.price(mei, use=[coupon])
    assert used(asked) == {coupon} and asked.coupon_trouble is None


def test_nothing_more_is_used_than_takes_something_off(stage, mei, priced):
    all_of_it, _more = stackable(stage, mei, 9_000), stackable(stage, mei, 500)
    stage.coupon(mei, kind="shipping", amount_cents=None, stackable=True)

    seen = priced(4_000)

    assert seen.quote.cash_cents == 0 and len(used(seen)) == 2 and all_of_it in used(seen)


def test_of_one_kind_the_one_that_ends_first_is_used(stage, mei, priced):
    kind = stage.coupon_kind(stackable=True, amount_cents=500)
    first, _second = stage.coupon(mei, of=kind), stage.coupon(mei, of=kind)
    other = stackable(stage, mei, 300)

    assert used(priced(4_000)) == {first, other}


def test_chosen_together_for_nothing_more_they_are_refused_and_the_page_uses_the_first(stage, mei, priced):
    ten, five = stackable(stage, mei, 10), stackable(stage, mei, 5)

    seen = priced(5_010, use=[five, ten])

    assert used(seen) == {five}
    _basket, asked = stage.price(mei, use=[five, ten])
    assert isinstance(asked.coupon_trouble, coupons.NothingMoreTogether)
    with pytest.raises(coupons.NothingMoreTogether):
        stage.place(mei, use=[five, ten])


LINES = st.lists(
    st.one_of(
        st.builds(cash, st.integers(1, 9_000), st.integers(1, 3)),
        st.builds(gift, st.integers(1, 900)),
        st.builds(mix, st.integers(1, 500), st.integers(0, 5_000)),
    ),
    min_size=1,
    max_size=3,
)


def laid_out(lines, wallet):
    """Return a basket of such lines as totals.py lays it out, with these coupons in the wallet."""
    terms = programme.terms_of(1, programme.default_settings(shop_name="Tessera") | {"shipping_methods": PARCELS})
    return totals._LaidOut(
        lines=tuple(checkout.PricedLine(None, None, None, each, None) for each in lines), mine=wallet,
        level=terms.level(1), terms=terms, method=terms.shipping_methods[0], proposes=True, at=NOON,
    )  # fmt: skip


def worth_using(lines, weighed):
    """Tell whether a coupon saves by itself a quarter of what it takes off goods."""
    coupon = weighed.coupon
    if coupon.kind not in ("amount", "percent"):
        return True
    off_cents = coupon.amount_cents or coupon.takes_off(cents_in_scope(quote(lines, rules=RULES).lines, coupon))
    return weighed.saves_cents * 4 >= off_cents


@given(
    lines=LINES,
    tickets=st.lists(TICKETS, min_size=1, max_size=MOST_KINDS, unique_by=lambda each: each.id),
    stacking=st.lists(st.booleans(), min_size=MOST_KINDS, max_size=MOST_KINDS),
)
def test_for_a_small_wallet_no_other_choice_leaves_less_to_pay(lines, tickets, stacking):
    wallet = [ticket(each.kind, id=each.id, covers=each.covers, amount_cents=each.amount_cents, percent=each.percent,
                     cap_cents=each.cap_cents, stackable=stacks)
              for each, stacks in zip(tickets, stacking, strict=False)]  # fmt: skip
    shown = laid_out(lines, wallet).priced(0, None)
    shipping = Shipping("parcel", 490, free_from_cents=5_000)

    def due(some):
        return quote(lines, rules=RULES, shipping=shipping, using=some).cash_cents

    everything = chain.from_iterable(combinations(wallet, count) for count in range(len(wallet) + 1))
    fit = {each.coupon.id for each in shown.coupons if each.trouble is None and worth_using(lines, each)}
    possible = [some for some in everything if coupons.may_stack(some) and all(each.id in fit for each in some)]
    assert shown.quote.cash_cents == min(due(some) for some in possible)
    chosen = [each.coupon for each in shown.quote.coupons]
    assert all(due([each for each in chosen if each is not one]) > due(chosen) for one in chosen)
