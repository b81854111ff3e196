"""Refunds in parts, in any order and split, add up to the whole: cash, points, tax, delivery, earned points, stock."""

import itertools
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import aftersales, cash, catalogue, checkout, ledger, membership, programme
from mall.domain.aftersales import shares
from tests.conftest import noted_statements
from tests.stage import NOON, Stage, open_shop

DELIVERED = NOON + timedelta(days=3)
WINDOW_OVER = DELIVERED + timedelta(days=14)
AFTER = WINDOW_OVER + timedelta(days=5)


# What goes back of a line, without a database.


def line_of(quantity, cents, points, tax, *, refunded=0, digital=False, shipped=0, called_off=0):
    return SimpleNamespace(
        line=1, quantity=quantity, cash_cents=cents, price_points=points, switch_points=0, tax_cents=tax,
        refunded=refunded, digital=digital, shipped=shipped, called_off=called_off, shipping_back=0, codes=False,
    )  # fmt: skip


def splits(quantity):
    """Every way to part so many pieces, order counted: 3 = 1+1+1 = 1+2 = 2+1 = 3."""
    for cuts in itertools.product((False, True), repeat=quantity - 1):
        parts, size = [], 1
        for cut in cuts:
            if cut:
                parts.append(size)
                size = 0
            size += 1
        yield [*parts, size]


@pytest.mark.parametrize("quantity", range(1, 7))
def test_every_small_line_is_given_back_whole_however_it_is_parted(quantity):
    for cents in range(30):
        for parts in splits(quantity):
            back, refunded = [], 0
            for part in parts:
                line = line_of(quantity, cents, cents * 7 % 31, cents // 6, refunded=refunded, shipped=quantity)
                back.append(shares.back_of(line, part))
                refunded += part
            assert sum(each.cash_cents for each in back) == cents
            assert sum(each.points for each in back) == cents * 7 % 31
            assert sum(each.tax_cents for each in back) == cents // 6
            assert all(0 <= each.tax_cents <= each.cash_cents for each in back), (quantity, cents, parts)


@pytest.mark.parametrize("sizes", [(1,), (2, 1), (3, 2), (1, 1, 1), (4,)])
def test_every_small_delivery_is_given_back_whole_in_any_order(sizes):
    lines = [line_of(size, 0, 0, 0, shipped=size) for size in sizes]
    for cents in range(20):
        for turns in set(
            itertools.permutations([number for number, size in enumerate(sizes) for _each in range(size)])
        ):
            given = 0
            for line in lines:
                line.shipping_back = 0
            for number in turns:
                carried = [1 if number == other else 0 for other in range(len(lines))]
                given += shares.of_delivery(cents, lines, carried)
                lines[number].shipping_back += 1
            assert given == cents


# Through the verbs, on the database.

REASONS = st.sampled_from(["changed_mind", "damaged"])


def bought(stage: Stage, member: int, items, wanted, *, points: int):
    """Let a member buy and pay: `wanted` is how many of each item, by which price."""
    for item, (form, quantity) in zip(items, wanted, strict=False):
        stage.put_in(member, item, form, quantity=quantity)
    _basket, priced = stage.price(member)
    order = stage.place(member, points=min(points, priced.quote.most_switch_points))
    return stage.pay(order) if checkout.cash_cents_of(order) else order


def given_back(order):
    """Return all that credit notes say: goods, delivery, their taxes, points, points and growth taken back."""
    with reading():
        notes = aftersales.credits_of(order.id)
        refunds = cash.refunds_of(checkout.reference_of(order.id))
    names = ("goods_cents", "shipping_cents", "tax_cents", "shipping_tax_cents", "points", "earned_points", "growth")
    sums = {name: sum(getattr(note, name) for note in notes) for name in names}
    assert sum(refund.amount_cents for refund in refunds) == sums["goods_cents"] + sums["shipping_cents"]
    return sums


def taxed(stage: Stage) -> Stage:
    """The shop, with 19 % tax inside its prices."""
    values = programme.settings_of(stage.terms)
    values["tax_classes"] = {"standard": {"name": {"en": "Standard"}, "rates": [["2000-01-01", 1_900]]}}
    with transaction():
        version = programme.draft(
            values, based_on=programme.newest(), effective_from=NOON, by="staff:1", at=NOON, reason="Tax"
        )
        programme.approve(version, by="staff:2", at=NOON, other_approvers=1)
    with reading():
        stage.terms = programme.version(version)
    return stage


@pytest.fixture
def shelf(stage):
    """Three items: an odd price in cash, a mix, points only."""
    taxed(stage)
    return (
        stage.item("Soap", prices=(catalogue.cash_price(333),), stock=10_000),
        stage.item("Mug", prices=(catalogue.mix_price(1_590, least=100, most=1_500, step=100),), stock=10_000),
        stage.item("Card", prices=(catalogue.points_price(77),), stock=10_000),
    )


@pytest.fixture
def pair(stage):
    """Two members with 20,000 points each."""
    members = [stage.member(name) for name in ("mei", "tom")]
    for member in members:
        stage.give(member, 20_000)
    return members


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(
    data=st.data(),
    quantities=st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)),
    points=st.integers(0, 700),
    sent=st.booleans(),
    reason=REASONS,
)
def test_parts_in_any_order_come_to_what_one_refund_comes_to(
    stage, pair, shelf, data, quantities, points, sent, reason
):
    wanted = list(zip(("cash", "mix", "points"), quantities, strict=True))
    turns = data.draw(st.permutations([line for line, count in enumerate(quantities, 1) for _piece in range(count)]))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(turns)))) | {len(turns)})
    whole, parted = (bought(stage, member, shelf, wanted, points=points) for member in pair)
    if sent:
        stage.ship(whole)
        stage.ship(parted)

    stage.refund(whole, reason=reason)
    for begin, end in itertools.pairwise([0, *cuts]):
        assert stage.order(parted).state != checkout.REFUNDED
        stage.refund(parted, reason=reason, pieces=Counter(turns[begin:end]))

    assert stage.order(parted).state == checkout.REFUNDED
    assert given_back(parted) == given_back(whole)
    assert {stage.balances(member) for member in pair} == {ledger.Balances(20_000, 0, 0, 0)}
    expected = [whole.goods_cents, 0 if sent and reason == "changed_mind" else whole.shipping_cents]
    assert [given_back(whole)[name] for name in ("goods_cents", "shipping_cents")] == expected
    assert [stage.stock(item) for item in shelf] == [(10_000, 0)] * 3


@pytest.fixture
def mei_of(either):
    """Mei, on either database, with an order of three mugs at 900 points and 6.90 each."""
    stage = open_shop()
    mei = stage.member("mei")
    stage.give(mei, 3_000)
    mug = stage.item(prices=(catalogue.mix_price(1_590, least=600, most=1_500, step=100),))
    stage.put_in(mei, mug, "mix", points=900, quantity=3)
    return stage, mei, mug, stage.pay(stage.place(mei))


def test_one_of_three_goes_back_and_two_are_kept(mei_of):
    stage, mei, mug, order = mei_of
    stage.ship(order)
    stage.deliver(order, at=DELIVERED)

    plan = stage.refund(order, pieces={1: 1}, at=DELIVERED)

    assert (plan.cash_cents, plan.points, plan.earned_points, plan.growth_less) == (690, 900, 69, 7)
    assert stage.order(order).state == checkout.COMPLETED
    assert stage.balances(mei, at=DELIVERED) == ledger.Balances(ready=300 + 900, pending=138, held=0, owed=0)
    assert stage.stock(mug) == (8, 0)
    assert stage.close(order, at=WINDOW_OVER)
    assert stage.balances(mei, at=WINDOW_OVER).ready == 1_200 + 138
    with reading():
        assert membership.standing(mei, terms=stage.terms, at=WINDOW_OVER).growth == 13


def test_a_part_after_the_window_takes_back_points_and_growth_that_were_given(mei_of):
    stage, mei, _mug, order = mei_of
    stage.ship(order)
    stage.deliver(order, at=DELIVERED)
    stage.close(order, at=WINDOW_OVER)

    plans_made = [stage.refund(order, pieces={1: 1}, at=AFTER + timedelta(hours=hour)) for hour in range(3)]

    assert [plan.earned_points for plan in plans_made] == [69, 69, 69]
    assert [plan.growth for plan in plans_made] == [7, 7, 6]
    assert stage.balances(mei, at=AFTER).ready == 3_000
    assert stage.order(order).state == checkout.REFUNDED


def test_a_piece_called_off_before_it_is_sent_is_freed_and_the_rest_is_sent(mei_of):
    stage, _mei, mug, order = mei_of

    plan = stage.refund(order, pieces={1: 1})

    assert plan.shipping_cents == order.shipping_cents // 3
    assert stage.order(order).state == checkout.PAID
    assert stage.stock(mug) == (10, 2)
    stage.ship(order)
    assert stage.stock(mug) == (8, 0)
    assert stage.refund(order).shipping_cents == 0


def test_pieces_that_are_written_off_do_not_go_back_on_the_shelf(mei_of):
    stage, _mei, mug, order = mei_of
    stage.ship(order)

    stage.refund(order, pieces={1: 3}, reason="damaged", restock={1: 1})

    assert stage.stock(mug) == (8, 0)


def test_no_more_goes_on_the_shelf_than_comes_back(mei_of):
    stage, _mei, mug, order = mei_of
    stage.ship(order)

    with pytest.raises(aftersales.MoreThanReturned):
        stage.refund(order, pieces={1: 1}, restock={1: 2})
    assert stage.stock(mug) == (7, 0)


def test_delivery_goes_back_by_pieces_for_what_failed_by_us(mei_of):
    stage, _mei, _mug, order = mei_of
    stage.ship(order)

    given = [stage.refund(order, pieces={1: 1}, reason=reason).shipping_cents
             for reason in ("damaged", "changed_mind", "missing")]  # fmt: skip

    assert order.shipping_cents == 490
    assert given == [163, 0, 163]


@pytest.mark.parametrize("pieces", [{}, {1: 0}, {1: -1}, {2: 1}, {1: 1, 9: 0}])
def test_what_is_not_there_is_not_given_back(mei_of, pieces):
    stage, _mei, _mug, order = mei_of

    with pytest.raises(aftersales.NothingChosen):
        stage.refund(order, pieces=pieces)


def test_no_more_pieces_than_are_left_are_given_back(mei_of):
    stage, mei, _mug, order = mei_of
    stage.refund(order, pieces={1: 2})

    with pytest.raises(aftersales.TooManyPieces, match="1 can still be given back") as refused:
        stage.refund(order, pieces={1: 2})

    assert (refused.value.line, given_back(order)["points"]) == (1, 1_800)


def test_the_same_part_confirmed_twice_is_given_back_once(mei_of):
    stage, _mei, _mug, order = mei_of
    with reading():
        shown = aftersales.plan_refund(
            checkout.order_of(order.id), reason="damaged", at=NOON, zone=stage.terms.zone, pieces={1: 1}
        )

    def confirm():
        with transaction():
            return aftersales.refund(
                order.id, reason="damaged", restock=True, pieces={1: 1}, by="staff:1", terms=stage.terms, at=NOON,
                shown=shown.fingerprint,
            )  # fmt: skip

    assert (confirm().cash_cents, confirm()) == (shown.cash_cents, None)
    assert given_back(order)["points"] == 900


def test_what_is_left_to_read_online_completes_when_the_rest_is_called_off(stage, mei):
    stage.give(mei, 5_000)
    book = stage.item("Guide", prices=(catalogue.points_price(500),), delivery="digital")
    mug = stage.item(prices=(catalogue.points_price(800),))
    stage.put_in(mei, book)
    stage.put_in(mei, mug)
    order = stage.place(mei)
    with reading():
        lines = {line.digital: line.line for line in checkout.lines_of(order.id)}

    stage.refund(order, pieces={lines[False]: 1})

    assert stage.order(order).state == checkout.COMPLETED
    assert (stage.stock(mug), stage.stock(book)) == ((10, 0), (9, 0))


def test_a_total_for_everybody_has_room_again_for_what_came_back(stage, mei):
    stage.give(mei, 5_000)
    rare = stage.item(prices=(catalogue.points_price(100),), total_quota=3)
    stage.put_in(mei, rare, quantity=3)
    order = stage.place(mei)

    stage.refund(order, pieces={1: 2})

    with reading():
        assert execute(select(catalogue.Quota.taken)).scalar_one() == 1


# A partial refund takes few statements, and as many for twenty lines as for one.

MOST_STATEMENTS = 24


@pytest.mark.parametrize("count", [1, 5, 20])
def test_a_partial_refund_takes_few_statements(either, count):
    stage = open_shop()
    mei = stage.member("mei")
    stage.give(mei, 20_000)
    for number in range(count):
        item = stage.item(f"Item {number}", prices=(catalogue.mix_price(500, least=100, most=100, step=100),))
        stage.put_in(mei, item, "mix", quantity=2)
    order = stage.pay(stage.place(mei))
    stage.ship(order)

    with noted_statements() as seen:
        stage.refund(order, pieces=dict.fromkeys(range(1, count + 1), 1))

    sent = [statement for statement in seen if not statement.startswith("BEGIN")]
    assert len(sent) <= MOST_STATEMENTS, "\n".join(sent)
