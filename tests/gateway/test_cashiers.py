"""Every cashier keeps the same promises: one page per key, money once, refunds never above what came."""

from datetime import timedelta

import pytest

from mall.base.cashier import BadSignature, CashierRefused
from mall.base.clock import moved_to, now
from mall.base.db import transaction


def test_a_page_is_opened_for_what_was_asked(counter):
    session = counter.open()
    state = counter.cashier.fetch_session(session.id)

    assert session.url.startswith("http")
    assert (state.status, state.paid, state.late) == ("open", False, False)
    assert (state.amount_cents, state.currency, state.reference, state.live) == (690, "USD", "order:7", False)


def test_the_same_key_answers_the_same_page(counter):
    until = now() + timedelta(minutes=35)
    with moved_to(until - timedelta(minutes=35)):
        assert counter.open() == counter.open()


def test_the_same_key_for_another_amount_is_refused(counter):
    counter.open()

    with pytest.raises(CashierRefused):
        counter.open(amount_cents=691)


def test_a_page_is_open_for_at_least_half_an_hour(counter):
    with pytest.raises(CashierRefused):
        counter.open(minutes=29)


def test_money_that_came_has_an_id_to_give_it_back_by(counter):
    state = counter.paid()

    assert (state.status, state.paid, state.late) == ("complete", True, False)
    assert state.payment_id


def test_a_declined_card_leaves_the_page_open(counter):
    session = counter.open()
    counter.hands.decline(session.id)

    state = counter.cashier.fetch_session(session.id)
    assert (state.status, state.paid, state.declined) == ("open", False, True)

    counter.hands.pay(session.id)
    assert counter.cashier.fetch_session(session.id).paid


def test_a_page_can_be_ended_and_ended_again(counter):
    session = counter.open()

    assert counter.cashier.expire_session(session.id).status == "expired"
    assert counter.cashier.expire_session(session.id).status == "expired"


def test_a_page_that_was_paid_is_not_ended(counter):
    state = counter.paid()

    assert counter.cashier.expire_session(state.id) == state


def test_nobody_knows_a_session_that_is_not_there(counter):
    for verb in (counter.cashier.fetch_session, counter.cashier.expire_session, counter.cashier.fetch_refund):
        with pytest.raises(CashierRefused):
            verb("no_such_thing")


def test_refunds_add_up_to_what_came_and_no_further(counter):
    paid = counter.paid().payment_id

    counter.cashier.refund(paid, 400, key="refund:1")
    with pytest.raises(CashierRefused):
        counter.cashier.refund(paid, 291, key="refund:2")
    counter.cashier.refund(paid, 290, key="refund:3")
    with pytest.raises(CashierRefused):
        counter.cashier.refund(paid, 1, key="refund:4")


def test_a_refund_knows_its_key_and_is_found_again(counter):
    paid = counter.paid().payment_id

    refund = counter.cashier.refund(paid, 400, key="refund:1")

    assert (refund.status, refund.amount_cents, refund.currency) == ("succeeded", 400, "USD")
    assert (refund.payment_id, refund.key) == (paid, "refund:1")
    assert counter.cashier.fetch_refund(refund.id) == refund


def test_the_same_refund_key_is_one_refund_and_another_is_another(counter):
    paid = counter.paid().payment_id

    ids = [counter.cashier.refund(paid, 100, key=key).id for key in ("refund:1", "refund:1", "refund:2")]

    assert ids[0] == ids[1] != ids[2]
    with pytest.raises(CashierRefused):
        counter.cashier.refund(paid, 101, key="refund:1")


def test_nothing_is_given_back_of_a_payment_that_is_not_there(counter):
    with pytest.raises(CashierRefused):
        counter.cashier.refund("no_such_payment", 100, key="refund:1")


def test_the_books_name_what_came_and_what_went(counter):
    state = counter.paid()
    refund = counter.cashier.refund(state.payment_id, 90, key="refund:1")

    lines = list(counter.cashier.takings_since(now() - timedelta(hours=1)))

    assert sorted((line.kind, line.amount_cents, line.currency) for line in lines) == [
        ("charge", 690, "USD"),
        ("refund", -90, "USD"),
    ]
    assert {line.source for line in lines} == {state.payment_id, refund.id}
    assert all(line.net_cents == line.amount_cents - line.fee_cents for line in lines)
    assert list(counter.cashier.takings_since(now() + timedelta(hours=1))) == []


def test_a_cashier_is_never_called_in_an_open_transaction(counter):
    state = counter.paid()
    calls = (
        lambda: counter.open(key="other"),
        lambda: counter.cashier.fetch_session(state.id),
        lambda: counter.cashier.expire_session(state.id),
        lambda: counter.cashier.refund(state.payment_id, 1, key="refund:1"),
        lambda: counter.cashier.fetch_refund("refund"),
        lambda: counter.cashier.takings_since(now()),
    )
    for call in calls:
        with transaction(), pytest.raises(AssertionError, match="outside"):
            call()


def test_an_unsigned_event_is_from_nobody(counter):
    with pytest.raises(BadSignature):
        counter.cashier.parse_event(b"{}", "")
