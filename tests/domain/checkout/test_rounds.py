"""A row that cannot be done keeps no other waiting: it is put off, each time longer, and done once it can be."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from mall.base.cashier import Event
from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.domain import aftersales, cash, catalogue, checkout, finance, notices
from mall.domain.checkout import paying
from tests.stage import NOON, SITE

MINUTE = timedelta(minutes=1)
OVERDUE = NOON + timedelta(hours=2)


@pytest.fixture
def three(stage, mei):
    """Mei's three orders, each of one lamp for cash."""
    lamp = stage.item("Lamp", prices=(catalogue.cash_price(2_000),))
    orders = []
    for _number in range(3):
        stage.put_in(mei, lamp, "cash")
        orders.append(stage.place(mei))
    return orders


class Surprise(Exception):
    """Nobody has thought of this."""


def poison(monkeypatch, room, name, is_bad):
    """Let a verb of a room fail for some of its first arguments. Returns what ends that."""
    verb = getattr(room, name)

    def failing(subject, *rest, **named):
        if is_bad(subject):
            raise Surprise(f"{name} of {subject}")
        return verb(subject, *rest, **named)

    monkeypatch.setattr(room, name, failing)
    return monkeypatch.undo


def states(stage, orders):
    return [stage.order(order).state for order in orders]


def setbacks():
    with reading():
        row = notices.Setback
        return [tuple(each) for each in execute(select(row.round, row.tries, row.next_try_at))]


def sweep(stage, at):
    with moved_to(at):
        checkout.sweep(cashier=stage.cashier, terms=stage.terms, site=SITE)


def hear_all(stage, at):
    with moved_to(at):
        return aftersales.hear_all(cashier=stage.cashier, terms=stage.terms)


def test_an_order_that_cannot_be_let_go_holds_up_no_other(stage, three, monkeypatch):
    healed = poison(monkeypatch, paying, "time_out", lambda order: order.id == three[0].id)
    sweep(stage, OVERDUE)

    assert states(stage, three) == ["awaiting_payment", "timed_out", "timed_out"]
    assert setbacks() == [("order.let_go", 1, OVERDUE + MINUTE)]

    healed()
    sweep(stage, OVERDUE + MINUTE - timedelta(seconds=1))
    assert states(stage, three)[0] == "awaiting_payment"
    sweep(stage, OVERDUE + MINUTE)
    assert states(stage, three)[0] == "timed_out"
    assert setbacks() == []


def test_what_goes_wrong_again_waits_longer_each_time(stage, three, monkeypatch):
    poison(monkeypatch, paying, "time_out", lambda order: order.id == three[0].id)
    at = OVERDUE
    for tries, wait in enumerate((1, 2, 4, 8), start=1):
        sweep(stage, at)
        assert setbacks() == [("order.let_go", tries, at + wait * MINUTE)]
        at += wait * MINUTE


def test_what_was_put_off_is_on_the_board(stage, three, monkeypatch):
    poison(monkeypatch, paying, "time_out", lambda order: order.id == three[0].id)
    sweep(stage, OVERDUE)

    with reading():
        seen = next(each for each in finance.watched(at=OVERDUE) if each.name.startswith("Rows a job"))
    assert not seen.ok
    assert seen.examples[0]["error"].startswith("Surprise: time_out of")


def pay_at_the_cashier(stage, orders):
    """Pay orders at the cashier's page; we have not heard of it. Returns the sessions."""
    sessions = [stage.open_page(order) for order in orders]
    with moved_to(NOON):
        for session in sessions:
            stage.cashier.pay(session)
    return sessions


def test_a_payment_that_cannot_be_asked_about_holds_up_no_other(stage, three, monkeypatch):
    sessions = pay_at_the_cashier(stage, three)
    healed = poison(monkeypatch, paying, "settle", lambda payment: payment.session_id == sessions[0])

    sweep(stage, OVERDUE)
    assert states(stage, three) == ["awaiting_payment", "paid", "paid"]
    assert [(name, tries) for name, tries, _next in setbacks()] == [("payment.ask", 1)]

    healed()
    sweep(stage, OVERDUE + timedelta(minutes=10))
    assert states(stage, three)[0] == "paid"
    assert setbacks() == []


def heard(stage, orders):
    """Let the cashier tell that orders are paid; nobody has acted on it yet."""
    for session in pay_at_the_cashier(stage, orders):
        told = Event(f"evt_{session}", "checkout.session.completed", {"id": session}, live=False, created_at=NOON)
        with transaction():
            cash.note_event(told, cashier=stage.cashier.name, at=NOON, due_at=NOON)


def test_an_event_that_cannot_be_acted_upon_holds_up_no_other(stage, three, monkeypatch):
    heard(stage, three)
    bad = checkout.reference_of(three[0].id)
    healed = poison(monkeypatch, checkout, "settle", lambda payment: payment.reference == bad)

    hear_all(stage, NOON)
    assert states(stage, three) == ["awaiting_payment", "paid", "paid"]
    assert setbacks() == [("event.hear", 1, NOON + MINUTE)]

    healed()
    hear_all(stage, NOON + 2 * MINUTE)
    assert states(stage, three)[0] == "paid"
    assert setbacks() == []


def test_an_event_the_cashier_words_strangely_holds_up_no_other(stage, three):
    heard(stage, three)
    with transaction():
        first = execute(select(cash.CashierEvent.id).order_by(cash.CashierEvent.id).limit(1)).scalar_one()
        execute(update(cash.CashierEvent).where(cash.CashierEvent.id == first).values(about=["no", "object"]))

    hear_all(stage, NOON)

    assert states(stage, three) == ["awaiting_payment", "paid", "paid"]


def test_an_order_that_cannot_complete_and_a_window_that_cannot_close_hold_up_no_other(stage, three, monkeypatch):
    for order in three:
        stage.pay(order)
        stage.ship(order)
    later = NOON + timedelta(days=10)
    from_window = later + timedelta(days=14)

    healed = poison(monkeypatch, checkout.fulfilment, "complete", lambda order: order.id == three[0].id)
    checkout.complete_due(terms=stage.terms, at=later)
    assert states(stage, three) == ["shipped", "completed", "completed"]
    healed()
    checkout.complete_due(terms=stage.terms, at=later + MINUTE)
    assert states(stage, three) == ["completed"] * 3

    healed = poison(monkeypatch, aftersales.window, "close_window", lambda order_id: order_id == three[1].id)
    aftersales.close_due_windows(terms=stage.terms, at=from_window + MINUTE)
    assert [stage.order(order).window_closed_at is not None for order in three] == [True, False, True]
    healed()
    aftersales.close_due_windows(terms=stage.terms, at=from_window + 2 * MINUTE)
    assert stage.order(three[1]).window_closed_at
    assert setbacks() == []


def test_a_round_that_finds_what_it_then_lets_be_says_that_nothing_is_left_to_do(stage, three, monkeypatch):
    """Otherwise a worker would go round for ever when what finds the rows and what does them disagree."""
    for order in three:
        stage.pay(order)
        stage.ship(order)
    shipped, completed = (checkout.life.LIFE[event] for event in (checkout.life.ARRIVED, checkout.life.WINDOW_OVER))
    later = NOON + timedelta(days=10)
    from_window = later + timedelta(days=14) + MINUTE

    with monkeypatch.context() as drifted:
        drifted.setitem(shipped, checkout.SHIPPED, frozenset())
        assert checkout.complete_due(terms=stage.terms, at=later) == 0
    assert states(stage, three) == ["shipped"] * 3
    assert checkout.complete_due(terms=stage.terms, at=later) == 3

    with monkeypatch.context() as drifted:
        drifted.setitem(completed, checkout.COMPLETED, frozenset())
        assert aftersales.close_due_windows(terms=stage.terms, at=from_window) == 0
    assert aftersales.close_due_windows(terms=stage.terms, at=from_window) == 3


def test_a_round_in_which_rows_were_put_off_is_gone_round_once_more(stage, three, monkeypatch):
    for order in three:
        stage.pay(order)
        stage.ship(order)
    later = NOON + timedelta(days=10)

    poison(monkeypatch, checkout.fulfilment, "complete", lambda order: order.id == three[0].id)

    assert checkout.complete_due(terms=stage.terms, at=later, limit=1) == 1
    assert checkout.complete_due(terms=stage.terms, at=later) == 2
    assert checkout.complete_due(terms=stage.terms, at=later) == 0
