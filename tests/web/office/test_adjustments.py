"""Adjustments at the desk: alone up to the limit, two people above it, never one's own points, each once."""

import re

import pytest
from sqlalchemy import select, update

from mall.base.db import execute, reading, transaction
from mall.domain import approvals, audit, finance, people
from tests import cast
from tests.web.office.conftest import hire
from tests.web.office.forms import form_of, send


def ask(browser, member_id, points="500", direction="give", reason="goodwill", **typed):
    page = f"/office/adjustments/members/{member_id}"
    return send(browser, page, "", points=points, direction=direction, reason=reason, **typed)


def test_within_the_limit_one_person_adjusts_at_once(desk, stage, mei):
    answer = ask(desk, mei, document="T-17")

    assert answer.status_code == 302
    assert stage.balances(mei).ready == 500
    page = desk.get(f"/office/members/{mei}").text
    assert "+500" in page and "Points adjusted" in page and "Goodwill" in page


def test_a_form_sent_twice_adjusts_once(desk, stage, mei):
    page = f"/office/adjustments/members/{mei}"
    fields = form_of(desk.get(page).text, "") | {"points": "500", "reason": "goodwill"}
    for _press in range(2):
        assert desk.post(page, data=fields).status_code == 302

    assert stage.balances(mei).ready == 500


def test_above_the_limit_nothing_moves_until_a_colleague_approves(desk, stage, mei, otto, enter):
    assert "A colleague has to approve this." in desk.get(ask(desk, mei, "1,001").location).text
    assert stage.balances(mei).ready == 0

    mine = desk.get("/office/adjustments").text
    assert "Nobody approves their own: a colleague has to." in mine
    assert "/approval" not in mine

    theirs = enter(otto)
    page = " ".join(theirs.get("/office/adjustments").text.split())
    assert "<b>0</b>" in page and "+1,001" in page and "<b>1,001</b>" in page and "$10.01" in page
    for _press in range(2):
        assert theirs.post("/office/adjustments/1/approval").status_code == 302
    assert stage.balances(mei).ready == 1_001


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    "what", [{"points": 9_000_000}, {"points": -5_000}, {"member_id": 7_777}], ids=["more", "taken", "another"]
)
def test_the_proof_sees_an_approval_of_other_points_than_moved(desk, mei, otto, enter, what):
    ask(desk, mei, points="5000")
    assert enter(otto).post("/office/adjustments/1/approval").status_code == 302
    with reading():
        said = execute(select(approvals.Approval.what)).scalar_one()
        assert [check.name for check in finance.checks() if execute(check.breaks).first() is not None] == []

    with transaction():
        execute(update(approvals.Approval).values(what=said | what))

    with reading():
        broken = [check.name for check in finance.checks() if execute(check.breaks).first() is not None]
    assert broken == ["an adjustment that was approved moved the points that were approved"]


def test_an_administrator_alone_does_not_become_two_people(app, stage, mei, enter):
    boss = enter(hire("ada", "admin"))
    ask(boss, mei, "5000")
    added = boss.post("/office/staff/", data={"name": "Sock", "email": "sock@example.com", "roles": ["operator"]})
    link = re.search(r"/office/sign-in/set-up/[\w-]+", boss.get(added.location).text)
    puppet = app.test_client()
    puppet.post(link[0], data={"password": cast.PASSWORD})
    puppet.post("/office/sign-in", data={"email": "sock@example.com", "password": cast.PASSWORD})

    answer = puppet.post("/office/adjustments/1/approval")

    assert answer.status_code == 422
    assert "A colleague gave you access, or reset it" in answer.text
    assert stage.balances(mei).ready == 0
    with reading():
        (tried,) = audit.entries(act="points.adjustment.not_apart")
    assert tried.after == {"asked_by": "staff:1"}


def test_nobody_approves_what_they_asked_for(desk, stage, mei, otto):
    ask(desk, mei, "5000")
    answer = desk.post("/office/adjustments/1/approval")

    assert answer.status_code == 422
    assert "You asked for this yourself." in answer.text
    assert stage.balances(mei).ready == 0


def test_alone_at_the_desk_it_is_done_and_marked(desk, stage, mei):
    ask(desk, mei, "5000")
    assert "marked as done by one person" in desk.get("/office/adjustments").text

    assert desk.post("/office/adjustments/1/approval").status_code == 302
    assert stage.balances(mei).ready == 5_000
    assert "by one person" in desk.get("/office/audit").text


@pytest.mark.parametrize(
    ("away", "back"),
    [
        (("deactivation", {"reason": "Holiday"}), ("return", {"reason": "Back"})),
        (("", {"roles": ["finance"]}), ("", {"roles": ["operator"]})),
    ],
    ids=["out of the office", "out of the role"],
)
def test_a_colleague_sent_away_for_the_minute_it_takes_leaves_nobody_alone(stage, mei, ola, enter, away, back):
    boss = enter(hire("ada", "admin"))
    ask(boss, mei, "900000")
    whom = f"/office/staff/{ola}"
    assert boss.post(f"{whom}/{away[0]}".rstrip("/"), data=away[1]).status_code == 302

    answer = boss.post("/office/adjustments/1/approval")

    assert answer.status_code == 422
    assert "you cannot approve it alone" in " ".join(answer.text.split())
    assert boss.post(f"{whom}/{back[0]}".rstrip("/"), data=back[1]).status_code == 302
    assert stage.balances(mei).ready == 0
    with reading():
        assert [entry.act for entry in audit.entries(act="points.adjustment.not_apart")]
        assert people.staff_able_to("operate") == [ola, ola + 1]


def test_the_sixth_of_a_day_needs_a_second_person(desk, stage, mei, otto):
    for _time in range(6):
        ask(desk, mei, "10")

    assert stage.balances(mei).ready == 50
    assert "Needs a colleague" in desk.get("/office/adjustments").text


def make_oneself(staff_id, member_id):
    """Give someone on the staff the e-mail of a member, as if they shopped here."""
    with reading():
        address = people.read_email(people.member_of(member_id).email)
    with transaction():
        execute(update(people.Staff).where(people.Staff.id == staff_id).values(email_key=address.key))


def test_nobody_adjusts_or_approves_their_own_points(desk, stage, mei, ola, otto, enter):
    theirs = enter(otto)
    ask(theirs, mei, "5000")
    make_oneself(ola, mei)

    answer = ask(desk, mei, "10")
    assert answer.status_code == 422
    assert "These are your own points." in answer.text
    assert "These are your own points: a colleague has to decide." in desk.get("/office/adjustments").text
    assert desk.post("/office/adjustments/1/approval").status_code == 422
    assert stage.balances(mei).ready == 0


def test_what_was_declined_is_asked_for_again_with_the_form_that_is_given_back(desk, mei, otto, enter):
    page = f"/office/adjustments/members/{mei}"
    fields = form_of(desk.get(page).text, "") | {"points": "5000", "reason": "goodwill"}
    desk.post(page, data=fields)
    assert enter(otto).post("/office/adjustments/1/refusal", data={"reason": "No ticket"}).status_code == 302

    refused = desk.post(page, data=fields)
    assert refused.status_code == 422 and "A colleague has declined this adjustment." in refused.text
    assert desk.post(page, data=form_of(refused.text, "")).status_code == 302
    assert "/office/adjustments/2/" in enter(otto).get("/office/adjustments").text


def test_declining_needs_a_reason_and_moves_nothing(desk, stage, mei, otto, enter):
    ask(desk, mei, "5000")
    theirs = enter(otto)

    answer = theirs.post("/office/adjustments/1/refusal", data={"reason": " "})
    assert answer.status_code == 422 and "Say why it is declined." in answer.text
    asked = re.search(r'id="(reason-[0-9]+)" name="reason"', answer.text)
    assert f'<li><a href="#{asked[1]}">Say why it is declined.</a></li>' in answer.text
    long = theirs.post("/office/adjustments/1/refusal", data={"reason": "x" * 501})
    assert long.status_code == 422 and "Use at most 500 characters." in long.text and "x" * 501 in long.text
    for _press in range(2):
        assert theirs.post("/office/adjustments/1/refusal", data={"reason": "No ticket"}).status_code == 302
    assert stage.balances(mei).ready == 0
    assert "No ticket" in theirs.get("/office/audit").text
    assert theirs.post("/office/adjustments/1/approval").status_code == 422


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"points": ""}, "Enter a whole number of points."),
        ({"points": "0"}, "Enter a number from 1 to 10,000,000."),
        ({"points": "-5"}, "Enter a number from 1 to 10,000,000."),
        ({"points": "1.5"}, "Write a whole number."),
        ({"points": "10000001"}, "Enter a number from 1 to 10,000,000."),
        ({"reason": ""}, "Choose why."),
        ({"reason": "because"}, "Choose one of the list."),
        ({"direction": "burn"}, "Choose one of the list."),
        ({"document": "x" * 81}, "Use at most 80 characters."),
        ({"direction": "take", "points": "10"}, "needs 10 points; 0 are available"),
    ],
)
def test_bad_input_gets_a_sentence_and_stays_as_typed(desk, stage, mei, typed, sentence):
    answer = ask(desk, mei, **typed)

    assert answer.status_code == 422
    assert sentence in answer.text
    if "points" in typed:
        assert form_of(answer.text, "")["points"] == typed["points"]
    assert stage.balances(mei).ready == 0


def test_what_there_is_not_is_not_there(desk, stage):
    assert desk.get("/office/adjustments/members/77").status_code == 404
    assert desk.post("/office/adjustments/members/77", data={"points": "5"}).status_code == 404
    assert desk.post("/office/adjustments/77/approval").status_code == 404
    assert desk.post("/office/adjustments/77/refusal", data={"reason": "x"}).status_code == 404


def test_the_queue_costs_as_many_statements_for_many_as_for_one(desk, stage, mei, count_statements):
    ask(desk, mei, "5000")
    desk.get("/office/adjustments")
    count_statements.clear()
    desk.get("/office/adjustments")
    for_one = len(count_statements)
    tom = stage.member("tom")
    for _time in range(3):
        ask(desk, tom, "5000")
    count_statements.clear()
    desk.get("/office/adjustments")

    assert len(count_statements) == for_one <= 10
