"""Settling, many at once: the order and its purse are locked by one statement, the purse first, and read anew."""

import threading

import pytest
from flask import Flask

from mall.base.clock import moved_to
from mall.base.db import again, reading, transaction
from mall.domain import aftersales, cash, catalogue, checkout, ledger
from mall.domain.cash import payment_answers
from tests.stage import NOON, SITE, Stage, open_shop
from tests.threads import errors, race

pytestmark = pytest.mark.concurrency


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def mei(stage: Stage) -> int:
    return stage.member("mei")


@pytest.fixture
def order(stage: Stage, mei: int):
    """Mei's order of one mug for 900 points and 6.90; it is paid at the cashier, and we have not heard of it."""
    mug = stage.item(prices=(catalogue.mix_price(1_590, least=600, most=1_500, step=100),))
    stage.give(mei, 2_000)
    stage.put_in(mei, mug, "mix", points=900)
    order = stage.place(mei)
    with moved_to(NOON):
        stage.cashier.pay(stage.open_page(order))
    return order


def told(stage: Stage, order):
    """Return the order's payment as we know it, and how it stands at the cashier."""
    with reading():
        (payment,) = cash.payments_of(checkout.reference_of(order.id))
    return payment, stage.cashier.fetch_session(payment.session_id)


def settle(stage: Stage, payment, state):
    def unit():
        with transaction():
            return checkout.settle(payment, state, terms=stage.terms, at=NOON)

    return again(unit)


def test_told_twenty_times_at_once_it_is_paid_once(postgres_app, stage, mei, order):
    payment, state = told(stage, order)

    outcomes = race(postgres_app, [lambda: settle(stage, payment, state)] * 20)

    assert errors(outcomes) == []
    assert {outcome.state for outcome in outcomes} == {"paid"}
    assert stage.balances(mei) == ledger.Balances(ready=1_100, pending=69, held=0, owed=0)
    with reading():
        assert [event.kind for event in checkout.order_page(checkout.number_of(order.id)).events].count("paid") == 1


@pytest.mark.breaks_the_books  # The cash room alone: nobody tells the order here.
def test_a_payment_that_is_not_as_it_was_seen_is_read_again(stage, order):
    payment, state = told(stage, order)
    with transaction():
        cash.record(payment.id, state, at=NOON)
        seen_open = cash.record(payment.id, state, at=NOON, seen=payment)

    assert (seen_open.was, seen_open.now, seen_open.changed) == ("paid", "paid", False)


@pytest.mark.breaks_the_books
def test_without_looking_whether_it_is_as_seen_it_would_be_captured_twice(stage, order, monkeypatch):
    payment, state = told(stage, order)
    monkeypatch.setattr(
        payment_answers, "_change_if_as", lambda seen, values: payment_answers._change(seen.id, **values)
    )
    with transaction():
        cash.record(payment.id, state, at=NOON)
        seen_open = cash.record(payment.id, state, at=NOON, seen=payment)

    assert seen_open.changed


def test_who_waited_for_the_purse_finds_the_order_as_it_is_then(postgres_app, stage, mei, order):
    """The row was read before the wait; PostgreSQL reads it anew once the lock is there."""
    payment, state = told(stage, order)
    waiting = threading.Event()
    seen = []

    def wait() -> None:
        waiting.set()
        with transaction():
            purse, locked = checkout.lock_with_purse(order.id, zone=stage.terms.zone)
            seen.append((locked.state, purse.held, purse.pending))

    with postgres_app.app_context(), transaction():
        checkout.lock_with_purse(order.id, zone=stage.terms.zone)
        thread = threading.Thread(target=lambda: in_context(postgres_app, wait))
        thread.start()
        waiting.wait(5)
        thread.join(0.3)
        assert thread.is_alive(), "it does not wait for the purse"
        checkout.settle(payment, state, terms=stage.terms, at=NOON)
    thread.join(5)

    assert seen == [("paid", 0, 69)]


def in_context(app: Flask, job) -> None:
    with app.app_context():
        job()


def test_the_purse_is_locked_before_the_order(postgres_app, stage, mei, order):
    """Who holds the purse may still lock the order: the one that waits for the purse has not locked it yet."""
    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        with transaction():
            checkout.lock_with_purse(order.id, zone=stage.terms.zone)

    thread = threading.Thread(target=lambda: in_context(postgres_app, wait))
    with transaction():
        ledger.lock(mei, zone=stage.terms.zone)
        thread.start()
        waiting.wait(5)
        thread.join(0.3)
        assert thread.is_alive()
        checkout.lock_with_purse(order.id, zone=stage.terms.zone)
    thread.join(5)
    assert not thread.is_alive()


def call_off(stage: Stage, order):
    with moved_to(NOON):
        return aftersales.call_off(
            order.id, by=f"member:{order.member_id}", cashier=stage.cashier, terms=stage.terms, site=SITE
        )


def test_cancelling_and_settling_at_once_end_as_one_or_the_other(postgres_app, stage, mei, order):
    payment, state = told(stage, order)

    outcomes = race(postgres_app, [lambda: settle(stage, payment, state), lambda: call_off(stage, order)] * 4)

    assert errors(outcomes) == []
    after = stage.order(order).state
    assert after in ("paid", "refunded")
    assert stage.balances(mei).ready == (1_100 if after == "paid" else 2_000)


def test_cancelled_six_times_at_once_it_is_given_back_once_and_all_hear_the_same(postgres_app, stage, mei, order):
    payment, state = told(stage, order)
    settle(stage, payment, state)

    outcomes = race(postgres_app, [lambda: call_off(stage, order)] * 6)

    assert errors(outcomes) == []
    assert {outcome.state for outcome in outcomes} == {"refunded"}
    assert all(outcome == outcomes[0] for outcome in outcomes)
    with reading():
        assert len(cash.refunds_of(checkout.reference_of(order.id))) == 1
    assert stage.balances(mei).ready == 2_000
