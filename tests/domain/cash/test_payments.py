"""A payment is begun before the cashier is asked, and ends as the cashier says, once, however often it is said."""

import pytest

from mall.base.db import reading, transaction
from mall.domain import cash
from mall.domain.cash.payment_answers import NEXT, said
from mall.domain.cash.payments import STATES
from tests.conftest import NOON

from .conftest import UNTIL, begin, join, open_for, paid_payment, record, state

LATER = NOON.replace(hour=13)

SAID = {
    "open": state(status="open", paid=False),
    "slow": state(paid=False),
    "paid": state(),
    "late": state(status="expired"),
    "expired": state(status="expired", paid=False),
    "failed": state(paid=False, failed=True),
}

# from the state in the first column, by what the cashier says, to the state in the cell.
TABLE = """
             open        slow        paid   late   expired   failed
opening      open        processing  paid   late   expired   failed
open         open        processing  paid   late   expired   failed
processing   processing  processing  paid   late   expired   failed
expired      expired     expired     late   late   expired   expired
failed       failed      failed      late   late   failed    failed
paid         paid        paid        paid   paid   paid      paid
late         late        late        late   late   late      late
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [(row[0], word, after) for row in ROWS[1:] for word, after in zip(ROWS[0], row[1:], strict=True)]


def bring_to(where, member_id):
    payment = begin(member_id)
    if where == "opening":
        return payment
    payment = open_for(payment)
    road = {"open": [], "late": ["expired", "paid"]}.get(where, ["slow" if where == "processing" else where])
    for word in road:
        payment = record(payment, SAID[word]).payment
    return payment


def give_back_what_came_late(payment):
    if payment.state == cash.LATE:
        with transaction():
            cash.ask_refund(payment.id, payment.captured_cents, key="late", reason="came late", at=NOON)


@pytest.mark.parametrize(("before", "word", "after"), CELLS)
def test_what_the_cashier_says_decides(mei, before, word, after):
    payment = bring_to(before, mei)

    recorded = record(payment, SAID[word])
    give_back_what_came_late(recorded.payment)

    assert (recorded.was, recorded.now) == (before, after)
    assert recorded.payment.state == after
    assert recorded.payment.captured_cents == (690 if after in cash.CAPTURED else 0)


def test_the_table_names_every_state_and_every_word():
    assert set(NEXT) == {row[0] for row in ROWS[1:]} == set(STATES)
    assert {said(state) for state in SAID.values()} == set(ROWS[0]) == set(SAID)


def test_the_key_for_the_cashier_names_order_and_attempt(mei):
    wanted = cash.wanted(begin(mei))

    assert wanted.key == "shop:7:session:1"
    assert (wanted.amount_cents, wanted.currency, wanted.expires_at) == (690, "USD", UNTIL)


def test_begun_twice_is_one_payment(either):
    mei = join()
    assert begin(mei).id == begin(mei).id


def test_an_open_page_is_answered_again(mei):
    open_for(begin(mei))

    again = begin(mei)

    assert (again.state, again.session_url) == (cash.OPEN, "https://pay.example/cs_1")


@pytest.mark.parametrize("word", ["expired", "failed"])
def test_a_next_attempt_has_a_key_of_its_own(mei, word):
    record(open_for(begin(mei)), SAID[word])

    second = begin(mei)

    assert second.attempt == 2
    assert cash.wanted(second).key == "shop:7:session:2"


def test_a_session_that_could_not_be_opened_ends_its_attempt(mei):
    payment = begin(mei)

    with transaction():
        cash.could_not_open(payment.id, why="amount_too_small", at=NOON)

    assert begin(mei).attempt == 2


def test_what_is_paid_is_not_paid_again(mei):
    paid_payment(mei)

    with pytest.raises(cash.AlreadyPaid):
        begin(mei)


def test_no_second_payment_while_a_slow_one_is_under_way(mei):
    record(open_for(begin(mei)), SAID["slow"])

    with pytest.raises(cash.PaymentUnderWay):
        begin(mei)


def test_no_second_payment_at_another_cashier_while_one_is_open(mei):
    open_for(begin(mei, cashier="sandbox"))

    with pytest.raises(cash.PaymentUnderWay):
        begin(mei, cashier="stripe")


def test_a_session_is_stored_once(mei):
    payment = begin(mei)
    open_for(payment)
    open_for(payment)

    with pytest.raises(ValueError, match="has session cs_1, not cs_2"):
        open_for(payment, session_id="cs_2")


def test_the_webhook_may_be_faster_than_our_own_note_of_the_session(either):
    payment = begin(join())
    record(payment, SAID["paid"])

    late_note = open_for(payment)

    assert (late_note.state, late_note.session_id, late_note.captured_cents) == (cash.PAID, "cs_1", 690)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"amount_cents": 1}, ("amount",)),
        ({"currency": "EUR"}, ("currency",)),
        ({"reference": "shop:8"}, ("order",)),
        ({"live": True}, ("mode",)),
        ({"amount_cents": 691, "currency": "EUR"}, ("amount", "currency")),
        ({}, ()),
    ],
)
def test_what_came_is_captured_as_it_came_and_differences_are_named(mei, changes, named):
    recorded = record(open_for(begin(mei)), state(**changes))

    assert recorded.differs == named
    assert recorded.payment.captured_cents == changes.get("amount_cents", 690)
    assert recorded.payment.captured_currency == changes.get("currency", "USD")


def test_a_declined_card_is_news_once(mei):
    payment = open_for(begin(mei))
    declined = state(status="open", paid=False, declined=True)

    first, second = record(payment, declined), record(payment, declined)

    assert (first.declined, first.changed) == (True, False)
    assert (second.declined, second.changed) == (False, False)
    assert second.payment.declined_at == NOON


def test_the_cashier_is_asked_about_a_payment_by_one_worker_at_a_time(either):
    payment = begin(join())

    def take(at):
        with transaction():
            return [row.id for row in cash.take_unsettled(cashier="stripe", at=at)]

    assert take(NOON) == []
    assert take(LATER) == [payment.id]
    assert take(LATER) == []
    assert take(LATER.replace(minute=5)) == [payment.id]


def test_another_cashiers_payments_are_not_asked_about(mei):
    begin(mei, cashier="sandbox")

    with transaction():
        assert cash.take_unsettled(cashier="stripe", at=LATER) == []


def test_a_settled_payment_is_not_asked_about(mei):
    paid_payment(mei)

    with transaction():
        assert cash.take_unsettled(cashier="stripe", at=LATER) == []


def test_a_payment_is_found_by_its_order(mei):
    payment = open_for(begin(mei))

    with reading():
        assert [row.id for row in cash.payments_of("shop:7")] == [payment.id]
        assert cash.payments_of("shop:8") == []


def test_verbs_insist_on_a_transaction(mei):
    payment = begin(mei)

    for verb in (
        lambda: cash.record(payment.id, state(), at=NOON),
        lambda: cash.opened(payment.id, None, at=NOON),
        lambda: cash.ask_refund(payment.id, 1, key="k", reason="r", at=NOON),
        lambda: cash.take_unsettled(cashier="stripe", at=NOON),
    ):
        with pytest.raises(AssertionError, match="outside transaction"):
            verb()
