"""Finance decides on points to cash: approves, declines with a reason, notes the payment; never one's own."""

import pytest
from sqlalchemy import update

from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import cash_outs, ledger, people, programme
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
    assert desk.post(f"{PAGE}/1/payment", data={"reference": "TX-77"}).status_code == 303

    assert state() == "paid"
    assert "TX-77" in desk.get(PAGE).text


def test_a_request_is_declined_with_a_reason(desk, asked):
    nothing = desk.post(f"{PAGE}/1/refusal", data={"reason": ""})
    assert nothing.status_code == 422 and "Say why it is declined" in nothing.text
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


def test_what_is_not_there_is_nothing(desk, shop):
    assert "Nothing waits" in desk.get(PAGE).text
    assert desk.post(f"{PAGE}/7/approval").status_code == 404
    assert desk.post(f"{PAGE}/7/refusal", data={"reason": "x"}).status_code == 404
    assert desk.post(f"{PAGE}/7/payment", data={"reference": "x"}).status_code == 404
