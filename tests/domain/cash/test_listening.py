"""An event says that something happened; what happened the cashier is asked, and only about what is ours."""

from datetime import timedelta

import pytest

from mall.base.cashier import CashierRefused, CashierUnreachable, Event, RefundState
from mall.base.db import reading, transaction
from mall.domain import cash
from tests.conftest import NOON

from .conftest import ask, begin, open_for, paid_payment, state


class Asked:
    """A cashier that answers what it is given, and counts the questions."""

    name = "stripe"

    def __init__(self, answer=None):
        self.answer = answer
        self.questions = []

    def _say(self, question):
        self.questions.append(question)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    fetch_session = _say
    fetch_refund = _say


def note(kind, **about):
    with transaction():
        return cash.note_event(Event("evt_1", kind, about, live=False, created_at=NOON), cashier="stripe", at=NOON)


def listen(event_id, cashier, *, at=NOON):
    return cash.listen(event_id, cashier=cashier, at=at)


def test_the_session_is_asked_for_whatever_the_event_claims(mei):
    payment = open_for(begin(mei))
    cashier = Asked(state(status="open", paid=False))

    told = listen(note("checkout.session.completed", id="cs_1", payment_status="paid"), cashier)

    assert cashier.questions == ["cs_1"]
    assert (told.meaning.payment_id, told.session.paid) == (payment.id, False)


def test_a_declined_card_is_looked_up_by_its_payments_session(mei):
    payment = open_for(begin(mei))
    cashier = Asked(state(status="open", paid=False, declined=True))

    told = listen(
        note("payment_intent.payment_failed", id="pi_1", metadata={"payment": str(payment.id), "reference": "shop:7"}),
        cashier,
    )

    assert cashier.questions == ["cs_1"]
    assert told.session.declined


@pytest.mark.parametrize("kind", ["checkout.session.completed", "customer.created", "payment_intent.payment_failed"])
def test_what_is_none_of_ours_is_not_asked_about(mei, kind):
    begin(mei)
    cashier = Asked()

    told = listen(note(kind, id="cs_of_another_shop"), cashier)

    assert cashier.questions == []
    assert (told.session, told.refund, told.too_early) == (None, None, False)


@pytest.mark.parametrize("kind", ["refund.created", "charge.dispute.created"])
def test_a_refund_or_dispute_of_an_unknown_payment_waits_for_a_day(mei, kind):
    event_id = note(kind, id="re_1", payment_intent="pi_unknown")

    assert listen(event_id, Asked()).too_early
    assert not listen(event_id, Asked(), at=NOON + timedelta(hours=24)).too_early


def test_our_own_refund_is_brought_up_to_date(mei):
    refund = ask(paid_payment(mei), 100)
    key = cash.cashier_key(refund)
    said = RefundState("re_1", "succeeded", 100, "USD", "pi_1", key)

    told = listen(note("refund.created", id="re_1", payment_intent="pi_1", metadata={"refund": key}), Asked(said))
    with transaction():
        recorded = cash.record_refund(told.meaning.refund_id, told.refund, at=NOON)

    assert (recorded.refund.id, recorded.now) == (refund.id, cash.DONE)


def test_a_refund_from_the_cashiers_own_desk_is_recorded(mei):
    payment = paid_payment(mei)
    said = RefundState("re_1", "succeeded", 100, "USD", "pi_1")

    told = listen(note("refund.created", id="re_1", payment_intent="pi_1"), Asked(said))
    with transaction():
        recorded = cash.record_foreign_refund(told.meaning.payment_id, told.refund, at=NOON)

    assert (recorded.refund.origin, recorded.now) == ("cashier", cash.DONE)
    with reading():
        assert cash.payment_now(payment.id).refunded_cents == 100


def test_what_the_cashier_does_not_know_is_told_with_its_reason(mei):
    open_for(begin(mei))

    told = listen(note("checkout.session.completed", id="cs_1"), Asked(CashierRefused("no such session")))

    assert (told.session, told.unknown) == (None, "no such session")


def test_a_cashier_that_does_not_answer_leaves_the_event_as_it_is(mei):
    open_for(begin(mei))
    event_id = note("checkout.session.completed", id="cs_1")

    with pytest.raises(CashierUnreachable):
        listen(event_id, Asked(CashierUnreachable("timed out")))
    with reading():
        assert cash.event_now(event_id).outcome is None


def test_nobody_listens_inside_a_transaction(mei):
    event_id = note("checkout.session.completed", id="cs_1")

    with transaction(), pytest.raises(AssertionError, match="network"):
        listen(event_id, Asked())
