"""Suspect invitations are looked at by a person, who sees what speaks against them and decides with a reason."""

import re

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import audit, earning, ledger, people
from tests.stage import NOON
from tests.web.store.till import words


@pytest.fixture
def lin(stage, mei):
    """A friend of Mei's who joined in Mei's browser."""
    with transaction():
        code = earning.make_code(mei, at=NOON)
        friend = earning.sign_up(
            earning.Newcomer(
                email=people.read_email("lin@example.com"), password=people.PasswordHash("-"), display_name="Lin Wu",
                language="en", wants_news=False, verify_page="http://x/verify/",
                invited=earning.Invited(code, same_browser=True),
            ),
            terms=stage.terms, at=NOON,
        )  # fmt: skip
    stage.verify(friend)
    return friend


def state_of(friend):
    with reading():
        return execute(select(earning.Invitation.state).where(earning.Invitation.friend_id == friend)).scalar_one()


def decide(desk, friend, **data):
    return desk.post(f"/office/invitations/{friend}/decision", data=data, follow_redirects=True)


def test_what_waits_is_shown_with_what_speaks_against_it(desk, lin):
    page = words(desk.get("/office/invitations").text)
    assert "Mei invited Lin Wu" in page
    assert "Mei had signed in with the same browser before" in page


def test_an_empty_queue_says_so(desk):
    assert "Nothing waits here" in words(desk.get("/office/invitations").text)


def test_accepting_gives_what_waited_and_is_kept_in_the_audit_log(desk, mei, lin):
    page = words(decide(desk, lin, decision="accept", reason="They are sisters").text)
    assert "Accepted. +20 points" in page and "They are sisters" in page
    assert "Nothing waits here" in page
    with reading():
        assert ledger.balances(mei, at=NOON).ready == 20
        entry = audit.entries(act="invitation.accepted", limit=1)[0]
    assert entry.reason == "They are sisters"
    assert "Suspect invitation accepted" in words(desk.get("/office/audit").text)


def test_rejecting_gives_nothing(desk, mei, lin):
    assert "Rejected. The invitation brings nothing more." in words(
        decide(desk, lin, decision="reject", reason="One person").text
    )
    with reading():
        assert ledger.balances(mei, at=NOON).ready == 0


@pytest.mark.parametrize("data", [{}, {"decision": "accept"}, {"decision": "reject", "reason": "   "}])
def test_without_a_reason_nothing_is_decided(desk, lin, data):
    answer = decide(desk, lin, **data)
    assert answer.status_code == 422 and "Say why" in words(answer.text)
    assert state_of(lin) == "suspect"


def test_what_is_neither_of_the_two_decides_nothing(desk, lin):
    assert decide(desk, lin, decision="maybe", reason="x").status_code == 400
    assert state_of(lin) == "suspect"


def test_a_reason_that_is_too_long_decides_nothing_and_stays_in_its_box(desk, lin):
    answer = decide(desk, lin, decision="accept", reason="x" * 501)
    assert answer.status_code == 422 and state_of(lin) == "suspect"
    box = re.search(r'<input[^>]* id="(reason-\d+)"[^>]* value="(x+)"[^>]* aria-invalid="true"', answer.text)
    assert box and len(box[2]) == 501
    assert f'<li><a href="#{box[1]}">Use at most 500 characters.</a></li>' in answer.text


def test_what_a_colleague_decided_stays(desk, enter, otto, lin):
    decide(enter(otto), lin, decision="reject", reason="One person")
    page = words(decide(desk, lin, decision="accept", reason="Two").text)
    assert "does not wait for a decision any more" in page
    assert state_of(lin) == "rejected"


def test_nobody_decides_about_their_own_invitation(stage, desk, mei):
    with transaction():
        code = earning.make_code(mei, at=NOON)
        friend = earning.sign_up(
            earning.Newcomer(
                email=people.read_email("ola@tessera.example"), password=people.PasswordHash("-"), display_name="Ola",
                language="en", wants_news=False, verify_page="http://x/verify/",
                invited=earning.Invited(code, same_browser=True),
            ),
            terms=stage.terms, at=NOON,
        )  # fmt: skip
    stage.verify(friend)
    page = words(decide(desk, friend, decision="accept", reason="Mine").text)
    assert "This is your own account or order." in page
    assert state_of(friend) == "suspect"


def test_an_invitation_that_is_not_there_is_nothing(desk, mei):
    assert decide(desk, mei, decision="accept", reason="x").status_code == 404
