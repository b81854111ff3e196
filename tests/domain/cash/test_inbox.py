"""What the cashier tells us is stored once, acted upon once, and nothing of a person is kept in it."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from mall.base.cashier import Event
from mall.base.db import execute, reading, transaction
from mall.domain import cash
from tests.conftest import NOON

from .conftest import ask, begin, join, open_for, paid_payment

MINUTE = timedelta(minutes=1)


def event(event_id="evt_1", kind="checkout.session.completed", **about) -> Event:
    return Event(event_id, kind, about, live=False, created_at=NOON)


def note(an_event, *, at=NOON):
    with transaction():
        return cash.note_event(an_event, cashier="stripe", at=at)


def take(at):
    with transaction():
        return [row.event_id for row in cash.take_events(cashier="stripe", at=at)]


def conclude(event_id, outcome="applied", *, at=NOON):
    with transaction():
        return cash.conclude(event_id, outcome, at=at)


def meaning(an_event):
    row_id = note(an_event)
    with reading():
        return cash.meaning_of(cash.event_now(row_id))


def test_an_event_is_stored_once(either):
    assert note(event()) is not None
    assert note(event()) is None


def test_a_stored_event_is_left_to_who_stored_it_for_a_minute(app):
    note(event())

    assert take(NOON) == []
    assert take(NOON + MINUTE) == ["evt_1"]
    assert take(NOON + MINUTE) == []
    assert take(NOON + 2 * MINUTE) == ["evt_1"]


def test_an_event_has_one_outcome(either):
    row_id = note(event())

    assert conclude(row_id) is True
    assert conclude(row_id, "alarm") is False
    assert take(NOON + 10 * MINUTE) == []
    with reading():
        assert cash.event_now(row_id).outcome == "applied"


def test_an_event_the_cashier_could_not_explain_waits_longer_each_time(app):
    row_id = note(event())
    waits = []
    at = NOON
    for _turn in range(9):
        with transaction():
            cash.postpone(row_id, why="no answer", at=at)
        with reading():
            waits.append(cash.event_now(row_id).due_at - at)

    assert waits[:3] == [timedelta(seconds=30), MINUTE, 2 * MINUTE]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=1)


def test_events_are_taken_in_the_order_the_cashier_made_them(app):
    for number in (2, 1, 3):
        made = Event(f"evt_{number}", "refund.created", {}, live=False, created_at=NOON + number * MINUTE)
        note(made)

    assert take(NOON + MINUTE) == ["evt_1", "evt_2", "evt_3"]


def test_events_are_kept_for_90_days_and_open_alarms_longer(app):
    for number, outcome in enumerate(("applied", "alarm", "alarm", None)):
        row_id = note(event(f"evt_{number}"))
        if outcome:
            conclude(row_id, outcome)
        if number == 2:
            with transaction():
                assert cash.looked_at(row_id, by="staff:1", at=NOON)

    with transaction():
        assert cash.forget_events(at=NOON + timedelta(days=90)) == 0
        assert cash.forget_events(at=NOON + timedelta(days=91)) == 2
    with reading():
        left = execute(select(cash.CashierEvent.event_id).order_by(cash.CashierEvent.id)).scalars().all()
    assert left == ["evt_1", "evt_3"]


def test_a_session_is_known_by_its_id(mei):
    payment = open_for(begin(mei))

    assert meaning(event(id="cs_1")).payment_id == payment.id


def test_a_session_whose_opening_was_never_answered_is_known_by_our_own_id(mei):
    payment = begin(mei)
    ours = {"payment": str(payment.id), "reference": "shop:7"}

    found = meaning(event(id="cs_unknown", client_reference_id="shop:7", metadata=ours))

    assert (found.kind, found.payment_id, found.session_id) == (cash.SESSION, payment.id, "cs_unknown")


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"metadata": None},
        {"metadata": {"payment": "1"}},
        {"metadata": {"payment": "1", "reference": "shop:8"}},
        {"metadata": {"payment": "9" * 30, "reference": "shop:7"}},
        {"metadata": {"payment": "-1", "reference": "shop:7"}},
        {"metadata": {"payment": "١", "reference": "shop:7"}},
    ],
)
def test_a_session_of_somebody_else_is_nobodys(mei, about):
    begin(mei)

    assert meaning(event(id="cs_x", **about)).payment_id is None


def test_a_refund_is_known_by_its_id_or_by_our_key(mei):
    payment = paid_payment(mei)
    refund = ask(payment, 100)
    about = {"id": "re_9", "payment_intent": "pi_1", "metadata": {"refund": f"refund:{refund.id}"}}

    by_key = meaning(event("evt_1", "refund.created", **about))
    with transaction():
        execute(update(cash.Refund).where(cash.Refund.id == refund.id).values(cashier_id="re_9"))
    by_id = meaning(event("evt_2", "refund.updated", id="re_9", payment_intent="pi_1"))

    assert by_key == by_id
    assert (by_id.kind, by_id.payment_id, by_id.refund_id) == (cash.REFUND, payment.id, refund.id)


def test_our_key_on_another_payments_refund_is_not_ours(mei):
    refund = ask(paid_payment(mei), 100)

    found = meaning(
        event(kind="refund.created", id="re_9", payment_intent="pi_2", metadata={"refund": f"refund:{refund.id}"})
    )

    assert (found.refund_id, found.payment_id) == (None, None)


@pytest.mark.parametrize(
    ("kind", "meant"),
    [("charge.dispute.created", cash.DISPUTE_OPENED), ("charge.dispute.closed", cash.DISPUTE_CLOSED)],
)
def test_a_dispute_is_known_by_the_payment(mei, kind, meant):
    payment = paid_payment(mei)

    found = meaning(event(kind=kind, id="du_1", payment_intent="pi_1"))

    assert (found.kind, found.payment_id) == (meant, payment.id)


def test_what_we_do_not_know_means_nothing(app):
    assert meaning(event(kind="customer.created")).kind == ""


@pytest.mark.concurrency
def test_two_workers_take_different_events(postgres_app):
    join()
    for number in range(20):
        note(event(f"evt_{number}"))
    with transaction():
        first = cash.take_events(cashier="stripe", at=NOON + MINUTE, limit=12)
    with transaction():
        second = cash.take_events(cashier="stripe", at=NOON + MINUTE, limit=12)

    assert {row.id for row in first}.isdisjoint({row.id for row in second})
    assert len(first) + len(second) == 20
