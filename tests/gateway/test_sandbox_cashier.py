"""The sandbox takes no money, and plays even what hardly ever happens: paying after the time is over."""

from datetime import timedelta

import pytest

from mall.base.cashier import CashierRefused
from mall.base.clock import moved_to, now
from tests.threads import errors, race

from .conftest import Counter


def test_the_page_is_at_the_malls_own_address(sandbox):
    session = sandbox.open()

    assert session.url == f"http://localhost/sandbox/{session.id}"


def test_a_page_expires_by_the_clock(sandbox):
    session = sandbox.open()

    with moved_to(now() + timedelta(minutes=36)):
        assert sandbox.cashier.fetch_session(session.id).status == "expired"
        assert not sandbox.hands.pay(session.id).paid


def test_paid_twice_is_paid_once(sandbox):
    state = sandbox.paid()

    assert sandbox.hands.pay(state.id) == state


def test_paid_late_is_expired_and_paid(sandbox):
    state = sandbox.hands.pay_late(sandbox.open().id)

    assert (state.status, state.paid, state.late) == ("expired", True, True)
    assert sandbox.hands.pay_late(state.id) == state


def test_what_was_paid_in_time_cannot_be_paid_late(sandbox):
    state = sandbox.paid()

    assert sandbox.hands.pay_late(state.id) == state


def test_a_late_payment_can_be_given_back(sandbox):
    state = sandbox.hands.pay_late(sandbox.open().id)

    assert sandbox.cashier.refund(state.payment_id, 690, key="refund:1").status == "succeeded"


def test_a_card_cannot_be_declined_on_a_page_that_is_over(sandbox):
    state = sandbox.paid()

    assert not sandbox.hands.decline(state.id).declined


def test_asked_what_it_had_to_tell_it_names_the_payments_that_came_after_their_page_was_over(sandbox):
    sandbox.paid()
    assert list(sandbox.cashier.events_since(now() - timedelta(hours=1))) == []

    late = sandbox.hands.pay_late(sandbox.open(key="order:8:session:1").id)

    (told,) = sandbox.cashier.events_since(now() - timedelta(hours=1))
    assert (told.kind, told.about) == ("checkout.session.async_payment_succeeded", {"id": late.id})
    assert list(sandbox.cashier.events_since(now() + timedelta(hours=1))) == []


def test_the_member_is_sent_back_with_the_session_s_id(sandbox):
    session = sandbox.hands.session(sandbox.open().id)

    assert sandbox.hands.address_after(session, paid=True) == f"http://localhost/orders/7/paid?session={session.id}"
    assert sandbox.hands.address_after(session, paid=False) == "http://localhost/orders/7"


@pytest.mark.concurrency
def test_at_once_from_many_sides_it_is_one_page_one_payment_and_the_right_refunds(postgres_app):
    cashier = postgres_app.extensions["cashier"]
    counter = Counter(cashier, cashier)

    sessions = race(postgres_app, [counter.open for _ in range(8)])
    assert errors(sessions) == []
    assert len({session.id for session in sessions}) == 1

    states = race(postgres_app, [lambda: cashier.pay(sessions[0].id) for _ in range(8)])
    assert len({state.payment_id for state in states}) == 1

    given = race(
        postgres_app,
        [lambda number=number: cashier.refund(states[0].payment_id, 100, key=f"r{number}") for number in range(8)],
    )
    assert len(errors(given)) == 2
    assert all(isinstance(error, CashierRefused) for error in errors(given))
