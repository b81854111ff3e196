"""Placing takes out of the basket what was priced, and nothing that was put in meanwhile in another tab."""

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from flask import Flask
from sqlalchemy import delete

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, checkout
from mall.domain.checkout import baskets, placing
from tests.stage import Item, Stage, open_shop
from tests.threads import errors, race

pytestmark = pytest.mark.concurrency

SECONDS = 30


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def mei(stage: Stage) -> int:
    mei = stage.member("mei")
    stage.give(mei, 5_000)
    return mei


@pytest.fixture
def mug(stage: Stage) -> Item:
    return stage.item("Mug", prices=(catalogue.points_price(100),), stock=100)


@pytest.fixture
def tea(stage: Stage) -> Item:
    return stage.item("Tea", prices=(catalogue.points_price(10),), stock=100)


@pytest.fixture
def while_placing(monkeypatch: pytest.MonkeyPatch, postgres_app: Flask) -> Callable[..., list]:
    """Place a basket, and do something in another tab after the basket was priced: answers what each came to."""
    priced, done = threading.Event(), threading.Event()
    price = placing.price

    def price_and_wait(*args, **kwargs):
        found = price(*args, **kwargs)
        priced.set()
        done.wait(1)
        return found

    def run(place: Callable[[], object], other_tab: Callable[[], object]) -> list:
        def second() -> object:
            priced.wait(SECONDS)
            try:
                return other_tab()
            finally:
                done.set()

        monkeypatch.setattr(placing, "price", price_and_wait)
        return race(postgres_app, [place, second], seconds=SECONDS)

    return run


@pytest.fixture
def empties_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty the basket whatever stands in it, as if nobody else could have touched it."""

    def empty(basket, *, at):
        execute(delete(checkout.BasketLine).where(checkout.BasketLine.basket_id == basket.id))

    monkeypatch.setattr(baskets, "take_out", empty)


def lines_of(member_id: int) -> list[tuple[int, int]]:
    with reading():
        basket = checkout.basket_of(checkout.Owner(member_id=member_id))
    return [(line.variant_id, line.quantity) for line in basket.lines]


def pieces_of(order) -> list[tuple[int, int]]:
    with reading():
        return [(line.variant_id, line.quantity) for line in checkout.lines_of(order.id)]


def placing_of(stage: Stage, member_id: int) -> Callable[[], object]:
    """Return a unit that places what stands in the basket now."""
    basket, priced = stage.price(member_id)
    return lambda: stage.place(member_id, key=basket.key, shown=priced.quote.fingerprint)


def test_an_item_put_in_meanwhile_stays_in_the_basket(stage, mei, mug, tea, while_placing):
    stage.put_in(mei, mug)

    order, put_in = while_placing(placing_of(stage, mei), lambda: stage.put_in(mei, tea))

    assert put_in is None
    assert pieces_of(order) == [(mug.variant_id, 1)]
    assert lines_of(mei) == [(tea.variant_id, 1)]


def test_an_item_put_in_meanwhile_would_vanish_if_all_were_emptied(stage, mei, mug, tea, while_placing, empties_all):
    stage.put_in(mei, mug)

    order, put_in = while_placing(placing_of(stage, mei), lambda: stage.put_in(mei, tea))

    assert put_in is None
    assert pieces_of(order) == [(mug.variant_id, 1)]
    assert lines_of(mei) == []


def one_more(stage: Stage, mei: int, mug: Item, other_tab: str) -> None:
    if other_tab == "puts in another":
        stage.put_in(mei, mug)
        return
    owner = checkout.Owner(member_id=mei)
    with transaction():
        line = checkout.basket_of(owner).lines[0]
        checkout.set_line(owner, line.id, quantity={"asks for two": 2, "takes it out": 0}[other_tab])


@pytest.mark.parametrize(("other_tab", "left"), [("puts in another", 2), ("asks for two", 2), ("takes it out", 0)])
def test_a_line_changed_meanwhile_is_not_what_was_shown(stage, mei, mug, tea, while_placing, other_tab, left):
    stage.put_in(mei, mug)
    stage.put_in(mei, tea)

    outcomes = while_placing(placing_of(stage, mei), lambda: one_more(stage, mei, mug, other_tab))

    assert [type(error) for error in errors(outcomes)] == [checkout.QuoteChanged]
    assert dict(lines_of(mei)) == ({mug.variant_id: left} if left else {}) | {tea.variant_id: 1}
    assert stage.balances(mei).ready == 5_000


def test_a_line_changed_meanwhile_would_vanish_if_all_were_emptied(stage, mei, mug, while_placing, empties_all):
    stage.put_in(mei, mug)

    order, put_in = while_placing(placing_of(stage, mei), lambda: stage.put_in(mei, mug))

    assert put_in is None
    assert pieces_of(order) == [(mug.variant_id, 1)]
    assert lines_of(mei) == []


def test_placing_and_putting_in_at_once_never_stand_in_each_others_way(postgres_app, stage, mei, mug, tea):
    """Both take the basket before its lines; in opposite orders they would deadlock."""
    stage.put_in(mei, mug)

    def shop(number: int) -> object:
        if number % 2:
            return stage.put_in(mei, mug if number % 4 == 1 else tea)
        with suppress(checkout.QuoteChanged, checkout.EmptyBasket):
            return stage.place(mei)
        return None

    outcomes = race(postgres_app, [lambda n=n: shop(n) for n in range(40)], threads=16, seconds=SECONDS)

    assert errors(outcomes) == []
    ordered = sum(quantity for order in outcomes if order for _variant, quantity in pieces_of(order))
    assert ordered + sum(quantity for _variant, quantity in lines_of(mei)) == 21
