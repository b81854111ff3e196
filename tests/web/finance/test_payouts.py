"""Finance decides on points to cash: approves, declines with a reason, notes what was paid and came back."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import cash_outs, finance, ledger, people, programme
from tests.cast import note_adjustment
from tests.conftest import NOON

PAGE = "/finance/payouts"


@pytest.fixture
def asked(mei, shop):
    """Mei has asked for 600 points as cash, in a shop that gives 80 cents for 100."""
    terms = programme.terms_of(shop.version, programme.settings_of(shop) | {"cash_out_least_points": 500})
    with transaction():
        ledger.adjust_up(
            ledger.lock(mei, zone=terms.zone), 1_000, key="g", reference="g", expiry=terms.expiry_of(NOON.date()),
            version=1, worth=terms.worth, why=say("A gift"), by="staff:1", at=NOON,
        )  # fmt: skip
        note_adjustment(mei, 1_000, at=NOON)
        return cash_outs.ask(
            mei, 600, payee="Mei Lin", account="DE89370400440532013000", key="k", terms=terms, at=NOON
        )


@pytest.fixture
def desk(client, fin, sign_in_staff):
    sign_in_staff(client, fin)
    return client


def state():
    with reading():
        return execute(cash_outs.CashOut.__table__.select()).one().state


def test_a_request_is_approved_and_then_paid_with_a_reference(desk, asked):
    page = desk.get(PAGE).text
    assert "DE89370400440532013000" in page and "Approve $4.80" in page

    assert desk.post(f"{PAGE}/1/approval").status_code == 303
    assert state() == "approved"
    nothing = desk.post(f"{PAGE}/1/payment", data={"reference": " "})
    assert nothing.status_code == 422 and "Enter the reference of the payment." in nothing.text
    long = desk.post(f"{PAGE}/1/payment", data={"reference": "T" * 81})
    assert long.status_code == 422 and "Use at most 80 characters." in long.text
    assert f'value="{"T" * 81}"' in long.text and 'href="#reference-1"' in long.text and state() == "approved"
    assert desk.post(f"{PAGE}/1/payment", data={"reference": "TX-77"}).status_code == 303

    assert state() == "paid"
    assert "TX-77" in desk.get(PAGE).text


def test_that_the_offer_is_off_by_now_is_said_and_what_was_asked_while_it_was_on_is_decided(desk, asked):
    # The shop's programme has never turned points into cash: it was on for Mei's request alone.
    page = desk.get(PAGE).text
    assert "Points are not turned into cash any more" in page and "Nobody can ask anew." in page

    assert desk.post(f"{PAGE}/1/approval").status_code == 303
    assert state() == "approved"
    assert "Points are not turned into cash any more" not in desk.get(PAGE).text  # Nothing waits to be decided.


def test_points_that_wait_for_a_decision_raise_no_alarm(desk, asked):
    with reading():
        waiting = finance.watched(at=NOON + timedelta(days=3))
    assert [each.ok for each in waiting if "Points held" in str(each.name)] == [True]


def test_a_request_is_declined_with_a_reason(desk, asked):
    nothing = desk.post(f"{PAGE}/1/refusal", data={"reason": ""})
    assert nothing.status_code == 422 and "Say why it is declined" in nothing.text
    long = desk.post(f"{PAGE}/1/refusal", data={"reason": "x" * 501})
    assert long.status_code == 422 and "Use at most 500 characters." in long.text and state() == "asked"
    assert "x" * 501 in long.text and 'href="#reason-1"' in long.text
    assert desk.post(f"{PAGE}/1/refusal", data={"reason": "Another's account"}).status_code == 303
    assert state() == "declined"
    again = desk.post(f"{PAGE}/1/approval")
    assert again.status_code == 422 and "already decided" in again.text


def test_nobody_decides_about_their_own(desk, asked, mei, fin):
    with transaction():
        email = people.staff_of(fin).email
        execute(update(people.Member).where(people.Member.id == mei).values(email=email, email_key=email))
    assert "This is your own request" in desk.get(PAGE).text
    for act, data in (("approval", {}), ("refusal", {"reason": "x"})):
        answer = desk.post(f"{PAGE}/1/{act}", data=data)
        assert answer.status_code == 422 and "your own request" in answer.text
    assert state() == "asked"


@pytest.fixture
def paid(desk, asked):
    """Mei's request, approved and paid."""
    desk.post(f"{PAGE}/1/approval")
    desk.post(f"{PAGE}/1/payment", data={"reference": "TX-77"})


SAID = {"reference": "RT-77", "reason": "The account is closed."}


def test_what_the_bank_sent_back_is_noted_with_its_reason_and_stands_in_the_history(desk, paid, mei):
    assert f"{PAGE}/1" in desk.get(PAGE).text
    page = desk.get(f"{PAGE}/1").text
    assert "The bank sent it back" in page and "TX-77" in page

    for _twice in range(2):
        assert desk.post(f"{PAGE}/1/bounce", data=SAID).status_code == 303

    assert state() == "bounced"
    page = desk.get(f"{PAGE}/1").text
    assert "RT-77: The account is closed." in page and "Sent back by the bank" in page
    assert "Note as sent back" not in page
    assert "Sent back by the bank" in desk.get(PAGE).text
    with reading():
        assert ledger.balances(mei, at=NOON).ready == 1_000


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"reference": " "}, "Enter the bank’s reference of what came back."),
        ({"reason": ""}, "Say why it came back; the member reads it."),
        ({"reason": "x" * 501}, "500"),
        ({"reference": "x" * 81}, "80"),
    ],
)
def test_what_is_missing_is_said_at_its_field_and_what_was_typed_stays(desk, paid, said, words):
    answer = desk.post(f"{PAGE}/1/bounce", data=SAID | said)
    assert answer.status_code == 422 and words in answer.text
    kept = SAID["reason"] if "reference" in said else SAID["reference"]
    assert kept in answer.text
    assert state() == "paid"


def test_noted_again_otherwise_says_what_was_noted(desk, paid):
    desk.post(f"{PAGE}/1/bounce", data=SAID)
    answer = desk.post(f"{PAGE}/1/bounce", data=SAID | {"reference": "RT-78"})
    assert answer.status_code == 422
    assert "already, with the reference RT-77: The account is closed." in answer.text
    assert "Nothing was changed." in answer.text


def test_nobody_notes_their_own_as_sent_back(desk, paid, mei, fin):
    with transaction():
        email = people.staff_of(fin).email
        execute(update(people.Member).where(people.Member.id == mei).values(email=email, email_key=email))
    assert "This is your own request" in desk.get(f"{PAGE}/1").text
    answer = desk.post(f"{PAGE}/1/bounce", data=SAID)
    assert answer.status_code == 422 and "your own request" in answer.text
    assert state() == "paid"


def test_what_was_not_paid_does_not_come_back(desk, asked):
    assert "The bank sent it back" not in desk.get(f"{PAGE}/1").text
    answer = desk.post(f"{PAGE}/1/bounce", data=SAID)
    assert answer.status_code == 422 and "Only a payment that was noted as paid" in answer.text
    assert state() == "asked"


def test_what_is_not_there_is_nothing(desk, shop):
    assert "Nothing waits" in desk.get(PAGE).text
    assert desk.post(f"{PAGE}/7/approval").status_code == 404
    assert desk.post(f"{PAGE}/7/refusal", data={"reason": "x"}).status_code == 404
    assert desk.post(f"{PAGE}/7/payment", data={"reference": "x"}).status_code == 404
    assert desk.post(f"{PAGE}/7/bounce", data=SAID).status_code == 404
    assert desk.get(f"{PAGE}/7").status_code == 404
