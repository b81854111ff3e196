"""The proof of cash sees what is wrong, and the watch sees who waits."""

from datetime import timedelta

import pytest
from sqlalchemy import text, update

from mall.base.cashier import CashierRefused, Event
from mall.base.db import execute, reading, transaction
from mall.domain import cash
from tests.conftest import NOON
from tests.without_orders import send_refunds

from .conftest import ask, begin, join, open_for, paid_payment, record, state
from .test_refunds import Teller


def found_by(checks):
    with reading():
        return [check.name for check in checks if execute(check.breaks).first() is not None]


def change(table, row_id, **values):
    with transaction():
        execute(text("PRAGMA ignore_check_constraints=ON"))
        execute(update(table).where(table.id == row_id).values(**values))


def test_sound_books_have_nothing_to_show(mei):
    ask(paid_payment(mei), 690)
    send_refunds(Teller(), at=NOON)

    assert found_by(cash.checks()) == []
    assert found_by(cash.watch(at=NOON)) == []


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ({"refunded_cents": 691}, "Cash given back is between nothing and what was captured"),
        ({"refunded_cents": -1}, "Cash given back is between nothing and what was captured"),
        ({"refunded_cents": 5}, "A payment's refunded cash is the sum of its refunds"),
        ({"state": "open"}, "Cash is captured by payments that are paid, and by no others"),
        ({"paid_at": None}, "Cash is captured by payments that are paid, and by no others"),
        ({"state": "late"}, "A payment that came late is given back whole"),
        ({"ended_at": None}, "A payment that is over has its time"),
    ],
)
def test_a_wrong_payment_is_seen(mei, values, broken):
    change(cash.Payment, paid_payment(mei).id, **values)

    assert broken in found_by(cash.checks())


@pytest.mark.breaks_the_books
def test_two_open_attempts_are_seen(mei):
    first = record(open_for(begin(mei)), state(status="expired", paid=False)).payment
    begin(mei)
    change(cash.Payment, first.id, state="open")

    assert "An order has one attempt to be paid at a time" in found_by(cash.checks())


@pytest.mark.breaks_the_books
def test_a_refund_under_way_that_the_cashier_does_not_know_is_seen(mei):
    change(cash.Refund, ask(paid_payment(mei), 100).id, state="sent")

    assert found_by(cash.checks()) == ["A refund under way or done at the cashier has the cashier's id"]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize("values", [{"origin": "cashier", "cashier_id": "re_9"}, {"key": "cashier:re_9"}])
def test_a_refund_that_changes_whose_it_is_is_seen(mei, values):
    change(cash.Refund, ask(paid_payment(mei), 100).id, **values)

    broken = "A refund that was made at the cashier is known by the cashier's id, any other by our own key"
    assert broken in found_by(cash.checks())


@pytest.mark.breaks_the_books
def test_cash_that_no_bank_took_is_seen(mei):
    change(cash.Refund, ask(paid_payment(mei), 100).id, asked_by=cash.BANK)

    assert found_by(cash.checks()) == ["What the bank took back was lost in a dispute"]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize("values", [{"state": "done", "done_at": NOON}, {"state": "void"}])
def test_a_refund_whose_money_did_not_do_what_it_says_is_seen(mei, values):
    change(cash.Refund, ask(paid_payment(mei), 100).id, **values)

    assert "A refund is done when its money was given and has not come back" in found_by(cash.checks())


@pytest.mark.breaks_the_books
def test_an_outcome_without_its_time_is_seen(app):
    with transaction():
        event_id = cash.note_event(Event("evt_1", "x", {}, live=False, created_at=NOON), cashier="stripe", at=NOON)
    change(cash.CashierEvent, event_id, outcome="applied")

    assert found_by(cash.checks()) == ["A webhook event has one outcome, with its time"]


def test_who_waits_is_seen(either):
    mei = join()
    payment = paid_payment(mei)
    ask(payment, 100, key="return:1")
    send_refunds(Teller(CashierRefused("no")), at=NOON)
    ask(payment, 100, key="return:0")
    send_refunds(Teller("pending"), at=NOON)
    ask(payment, 100, key="return:2")
    begin(mei, reference="shop:8")
    with transaction():
        alarm = cash.note_event(Event("evt_1", "x", {}, live=False, created_at=NOON), cashier="stripe", at=NOON)
        cash.conclude(alarm, "alarm", at=NOON)
        cash.note_event(Event("evt_2", "x", {}, live=False, created_at=NOON), cashier="stripe", at=NOON)

    soon = found_by(cash.watch(at=NOON + timedelta(minutes=1)))
    later = found_by(cash.watch(at=NOON + timedelta(days=11)))

    assert soon == ["Refunds the cashier refused", "Alarms from the cashier nobody has looked at"]
    assert later == [check.name for check in cash.watch(at=NOON)]
