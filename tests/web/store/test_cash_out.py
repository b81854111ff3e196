"""Points to cash in the store: a member asks, sees how it stands, takes it back while it waits; off by default."""

import pytest

from mall.base.db import reading, transaction
from mall.domain import cash_outs, programme
from tests.stage import NOON
from tests.web.office.forms import form_of

FORM = {"points": "1,000", "payee": "Mei Lin", "account": "DE89 3704 0044 0532 0130 00"}
PAGE = "/wallet/cash"


@pytest.fixture
def on(stage):
    """Let the shop turn points into cash."""
    wanted = programme.settings_of(stage.terms) | {"cash_out_least_points": 500, "cash_out_fee_cents": 50}
    with transaction():
        number = programme.draft(
            wanted, based_on=stage.terms.version, effective_from=NOON, by="staff:1", at=NOON, reason="x", key="k"
        )
        programme.approve(number, by="staff:2", at=NOON, other_approvers=1)


def states(member_id):
    with reading():
        return [each.state for each in cash_outs.cash_outs_of(member_id)]


def test_where_it_is_off_there_is_no_form_and_no_way_to_it(stage, mei, enter):
    stage.give(mei, 3_000)
    browser = enter(mei)
    page = browser.get(PAGE).text
    assert "Points are not turned into cash at present." in page and 'name="payee"' not in page
    assert PAGE not in browser.get("/wallet").text
    assert "This shop does not turn points into cash." in browser.post(PAGE, data=FORM).text
    assert states(mei) == []


def test_a_member_asks_and_sees_that_it_waits(stage, mei, enter, on):
    stage.give(mei, 3_000)
    browser = enter(mei)
    assert PAGE in browser.get("/wallet").text
    assert "100 points give $0.80, from 500 points on. A fee of $0.50 is taken off." in " ".join(
        browser.get(PAGE).text.split()
    )

    assert browser.post(PAGE, data=FORM).status_code == 303

    page = browser.get(PAGE).text
    assert "Waits for us" in page and "$7.50" in page and "ends in 3000" in page
    assert "Held to be turned into cash" in browser.get("/wallet").text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"points": ""}, "Enter how many points."),
        ({"points": "many"}, "Write a whole number."),
        ({"points": "499"}, "Choose at least 500 points."),
        ({"points": "-5"}, "Choose at least 500 points."),
        ({"points": "9" * 30}, "are available."),
        ({"points": "3,001"}, "3,000 are available."),
        ({"payee": " "}, "Enter the name as the bank knows it."),
        ({"account": "12 34"}, "An account number has 5 to 34 letters and digits"),
        ({"account": "x" * 61}, "Use at most 60 characters."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(stage, mei, enter, on, changes, said):
    stage.give(mei, 3_000)
    answer = enter(mei).post(PAGE, data=FORM | changes)

    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="Mei Lin"' in answer.text or "payee" in changes
    assert states(mei) == []


def test_a_form_sent_twice_is_one_request(stage, mei, enter, on):
    stage.give(mei, 3_000)
    browser = enter(mei)
    for _twice in range(2):
        assert browser.post(PAGE, data=FORM | {"key": "the-same"}).status_code == 303
    assert states(mei) == ["asked"]


def test_other_points_in_a_form_that_was_sent_wait_until_the_first_is_taken_back(stage, mei, enter, on):
    stage.give(mei, 3_000)
    browser = enter(mei)
    browser.post(PAGE, data=FORM | {"key": "the-first"})
    refused = browser.post(PAGE, data=FORM | {"key": "the-first", "points": "900"})
    assert refused.status_code == 422 and "1,000 points were asked for as cash with it" in refused.text
    assert 'name="payee"' not in refused.text

    browser.post(f"{PAGE}/1/withdrawal")
    refused = browser.post(PAGE, data=FORM | {"key": "the-first", "points": "900"})
    given_back = form_of(refused.text, "")
    assert given_back["points"] == "900" and given_back["key"] not in ("", "the-first")
    assert browser.post(PAGE, data=given_back).status_code == 303
    assert sorted(states(mei)) == ["asked", "withdrawn"]


def test_it_is_taken_back_by_one_button_and_anothers_is_not_there(stage, mei, tom, enter, on):
    stage.give(mei, 3_000)
    browser = enter(mei)
    browser.post(PAGE, data=FORM)
    assert enter(tom).post(f"{PAGE}/1/withdrawal").status_code == 404

    for _twice in range(2):
        assert browser.post(f"{PAGE}/1/withdrawal").status_code == 303

    assert states(mei) == ["withdrawn"]
    assert "Withdrawn" in browser.get(PAGE).text


def test_what_was_decided_meanwhile_is_said(stage, mei, enter, on):
    stage.give(mei, 3_000)
    browser = enter(mei)
    browser.post(PAGE, data=FORM)
    with transaction():
        cash_outs.decline(
            1, reason="The account is another's.", own_member_id=None, terms=stage.terms, by="staff:9", at=NOON
        )
    page = browser.post(f"{PAGE}/1/withdrawal", follow_redirects=True).text

    assert "It was decided meanwhile" in page
    assert "The account is another&#39;s." in page


def test_what_the_bank_sent_back_is_said_with_what_to_do_next_and_may_be_asked_for_again(stage, mei, enter, on):
    stage.give(mei, 3_000)
    browser = enter(mei)
    browser.post(PAGE, data=FORM)
    who = {"own_member_id": None, "terms": stage.terms, "by": "staff:9", "at": NOON}
    with transaction():
        cash_outs.approve(1, other_approvers=1, **who)
    with transaction():
        cash_outs.note_paid(1, payout_reference="TX-77", **who)
    with transaction():
        cash_outs.note_bounced(1, reason="The account is closed.", bounce_reference="RT-77", **who)

    page = browser.get(PAGE).text
    assert "Sent back by the bank" in page and "The account is closed." in page and "RT-77" in page
    assert "All the points are back with you; no fee is taken." in page and "then ask again" in page
    assert "Back from the bank, not turned into cash" in browser.get("/wallet").text
    told = browser.get("/notices").text
    assert "The bank sent your payment back, and 1,000 points are back with you" in told

    assert browser.post(PAGE, data=FORM | {"account": "DE75512108001245126199"}).status_code == 303
    assert states(mei) == ["asked", "bounced"]
