"""Codes under many hands: each is issued once, whoever settles; none is shown and taken back; nobody waits in vain."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from mall.base.clock import moved_to
from mall.base.db import execute, reading
from mall.domain import aftersales, cash, catalogue, checkout
from mall.domain.catalogue import pool
from mall.web.shared.done import done_once
from tests.concurrency.test_purse import deadlocks
from tests.concurrency.test_selling import all_place, crowd, refusals
from tests.stage import NOON, Item, Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 8


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


def ticket(stage: Stage, codes: int) -> Item:
    prices = (catalogue.points_price(100), catalogue.cash_price(2_000))
    return stage.item("Cinema ticket", prices=prices, kind="code", stock=codes)


def paid_at_the_cashier(stage: Stage, item: Item, count: int) -> list[tuple[Any, Any]]:
    """Return so many orders' payments, paid, and how they stand there; we have not heard of it."""
    found = []
    for number in range(count):
        member_id = stage.member(f"buyer{number}")
        stage.put_in(member_id, item, "cash")
        order = stage.place(member_id)
        with moved_to(NOON):
            stage.cashier.pay(stage.open_page(order))
        with reading():
            (payment,) = cash.payments_of(checkout.reference_of(order.id))
        found.append((payment, stage.cashier.fetch_session(payment.session_id)))
    return found


def settle(stage: Stage, payment: Any, state: Any) -> Any:
    return done_once(checkout.settle, payment, state, terms=stage.terms, at=NOON)


def issued() -> list[tuple[str, int]]:
    """Return (order, code) of every code that is out."""
    code = catalogue.PoolCode
    with reading():
        rows = execute(select(code.reference, code.id).where(code.reference.is_not(None)).order_by(code.reference))
        return [(row.reference, row.id) for row in rows]


def test_a_hundred_buyers_share_twenty_codes(postgres_app, stage):
    item = ticket(stage, 20)

    outcomes = all_place(postgres_app, stage, crowd(stage, 100, item))

    assert refusals(outcomes) == {catalogue.OutOfStock}
    assert len(errors(outcomes)) == 80
    assert len(issued()) == len({order for order, _code in issued()}) == 20
    assert stage.stock(item) == (0, 0)


@pytest.mark.fresh_copy
def test_many_orders_settled_at_once_each_get_their_own_code(postgres_app, stage):
    item = ticket(stage, 16)
    payments = paid_at_the_cashier(stage, item, 16)
    before = deadlocks()

    outcomes = race(postgres_app, [lambda told=told: settle(stage, *told) for told in payments], threads=THREADS)

    assert errors(outcomes) == []
    assert deadlocks() == before
    assert len(issued()) == len({order for order, _code in issued()}) == 16


@pytest.fixture
def codes_not_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read free codes without locking them, and let the threads of a race meet once before they take them."""
    meet = meeting(THREADS)

    def chosen(pieces: dict[int, int]) -> Any:
        [(variant_id, quantity)] = pieces.items()
        free = select(pool.PoolCode.id, pool.PoolCode.variant_id)
        free = free.where(pool.PoolCode.variant_id == variant_id, pool.PoolCode.state == pool.FREE)
        rows = execute(free.order_by(pool.PoolCode.id).limit(quantity)).scalars().all()
        meet()
        return select(pool.PoolCode.id, pool.PoolCode.variant_id).where(pool.PoolCode.id.in_(rows))

    monkeypatch.setattr(pool, "_chosen", chosen)


def test_codes_that_are_not_locked_are_chosen_twice(postgres_app, stage, codes_not_locked):
    item = ticket(stage, 16)
    payments = paid_at_the_cashier(stage, item, 16)

    outcomes = race(postgres_app, [lambda told=told: settle(stage, *told) for told in payments], threads=THREADS)

    assert any(isinstance(error, AssertionError) for error in errors(outcomes)), outcomes


def test_an_order_settled_from_two_sides_gets_one_set_of_codes(postgres_app, stage):
    item = ticket(stage, 5)
    [told] = paid_at_the_cashier(stage, item, 1)

    outcomes = race(postgres_app, [lambda: settle(stage, *told)] * 20, threads=THREADS)

    assert errors(outcomes) == []
    assert len(issued()) == 1
    assert stage.stock(item) == (4, 0)


def test_codes_are_withdrawn_while_others_are_issued_and_nobody_finds_too_few(postgres_app, stage):
    item = ticket(stage, 12)
    payments = paid_at_the_cashier(stage, item, 8)

    def withdraw(number: int) -> Any:
        return done_once(
            catalogue.withdraw_codes,
            item.variant_id,
            codes=[f"CODE-0001-{number:04}"],
            reason="Faulty",
            by="staff:1",
            at=NOON,
        )

    jobs: list[Callable[[], Any]] = [lambda told=told: settle(stage, *told) for told in payments]
    jobs = [job for pair in zip(jobs, [lambda n=n: withdraw(n) for n in range(8)], strict=True) for job in pair]
    outcomes = race(postgres_app, jobs, threads=THREADS)

    no = (catalogue.StockSpokenFor, catalogue.JustTaken, catalogue.NoneOfThem)
    assert refusals(outcomes) <= set(no), errors(outcomes)
    assert len(issued()) == 8
    assert 0 <= stage.stock(item)[0] <= 4


@pytest.mark.parametrize("shown_first", [True, False])
def test_a_code_is_shown_or_taken_back_never_both(postgres_app, stage, shown_first):
    item, mug = ticket(stage, 8), stage.item("Mug", prices=(catalogue.points_price(100),))
    orders = []
    for number in range(8):
        member_id = stage.member(f"buyer{number}")
        stage.give(member_id, 1_000)
        stage.put_in(member_id, mug)
        stage.put_in(member_id, item)
        orders.append(stage.place(member_id))

    def show(order: Any) -> str:
        with reading():
            [code] = catalogue.codes_of(checkout.reference_of(order.id)) or [None]
        if code is None:
            raise catalogue.NoSuchCode()
        return done_once(checkout.show_code, order.id, code.id, member_id=order.member_id, at=NOON)

    def cancel(order: Any) -> Any:
        return done_once(aftersales.cancel, order.id, by=f"member:{order.member_id}", terms=stage.terms, at=NOON)

    pairs = [(lambda o=o: show(o), lambda o=o: cancel(o)) for o in orders]
    jobs = [job for pair in pairs for job in (pair if shown_first else pair[::-1])]
    outcomes = race(postgres_app, jobs, threads=THREADS)

    assert refusals(outcomes) <= {catalogue.NoSuchCode, checkout.NotShownNow}, errors(outcomes)
    ends = [outcome.state for outcome in outcomes if hasattr(outcome, "state")]
    shown = sum(isinstance(outcome, str) for outcome in outcomes)
    assert len(ends) == 8
    assert ends.count(checkout.COMPLETED) == shown
    assert stage.stock(item) == (8 - shown, 0)
