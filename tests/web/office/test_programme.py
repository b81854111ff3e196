"""The programme at the desk: everybody there sees what holds; administrators change it, one drafting, one deciding."""

import pytest

from mall.base.db import reading, transaction
from mall.domain import audit, programme
from tests.stage import NOON
from tests.web.office.conftest import hire
from tests.web.office.forms import form_of, send
from tests.web.store.till import words

PAGE, NEW = "/office/programme", "/office/programme/drafts/new"


@pytest.fixture
def ada(stage, enter):
    """An administrator's browser."""
    return enter(hire("ada", "admin"))


@pytest.fixture
def abe(stage, enter):
    """Another administrator's."""
    return enter(hire("abe", "admin"))


def versions():
    with reading():
        return [(row.id, row.approved_by is not None) for row in programme.versions()]


def test_operators_see_what_holds_and_change_nothing(desk, ada, abe):
    send(ada, NEW, "", earn_points="12", reason="Spring")

    page = desk.get(PAGE).text

    assert "Version 1 holds since" in page and "Draft of version 2" in page and "Spring" in page
    assert "Approve version" not in page and "Draft a change" not in page
    assert desk.get(NEW).status_code == 404
    for act in ("approval", "refusal"):
        assert desk.post(f"{PAGE}/drafts/2/{act}", data={"reason": "No"}).status_code == 404
    assert versions() == [(2, False), (1, True)]


def test_a_change_is_drafted_with_its_difference_and_held_by_another_administrator(ada, abe):
    drafted = send(ada, NEW, "", earn_points="12", least_cash_cents="0.80", reason="Spring")
    assert drafted.status_code == 303

    mine, theirs = ada.get(PAGE).text, abe.get(PAGE).text
    assert "Points earned" in theirs and ">12<" in theirs and "0.80" in theirs and "Months until" in theirs
    assert "Nobody approves their own" in mine and "Approve version 2" not in mine
    assert "Another person has to approve it" in ada.post(f"{PAGE}/drafts/2/approval").text

    for _press in range(2):
        assert abe.post(f"{PAGE}/drafts/2/approval").status_code == 303
    with reading():
        terms = programme.current(NOON)
        acts = [act.act for act in audit.entries(subject="programme:2", limit=10)]
    assert (terms.version, terms.earn_points, terms.least_cash_cents) == (2, 12, 80)
    assert sorted(acts) == ["programme.approved", "programme.asked", "programme.changed"]
    assert "Version 2 holds since" in abe.get(PAGE).text


def test_dormancy_is_turned_off_and_its_rule_changed_at_the_desk(ada, abe):
    fields = form_of(ada.get(NEW).text, "") | {"dormancy_percent": "5", "reason": "Kinder"}
    assert fields.pop("dormancy_active")
    assert ada.post(NEW, data=fields).status_code == 303

    page = words(abe.get(PAGE).text)
    assert "Take growth off members who do nothing for long On Off" in page
    assert "Growth taken off each month, in per cent 10 5" in page
    abe.post(f"{PAGE}/drafts/2/approval")
    with reading():
        terms = programme.current(NOON)
    assert (terms.dormancy_active, terms.dormancy_percent, terms.dormancy_after_days) == (False, 5, 90)


def test_the_list_of_what_is_wrong_says_of_each_number_which_it_is(ada):
    refused = send(ada, NEW, "", earn_points="ten", unpaid_orders="", worth_cents="much", reason=" ")

    listed = words(refused.text.split('class="error-summary"')[1].split("</ul>")[0])
    assert "Points earned: Write a whole number." in listed
    assert "Unpaid orders a member may have: Enter a whole number." in listed
    assert "are worth: Write an amount like 15.90." in listed
    assert "Say why; it is kept with the version." in listed


def test_a_draft_sent_twice_is_one(ada, abe):
    data = {"earn_points": "12", "reason": "Spring"}
    fields = form_of(ada.get(NEW).text, "") | data

    for _press in range(2):
        assert ada.post(NEW, data=fields).status_code == 303

    assert versions() == [(2, False), (1, True)]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"points_cap_percent": "101"}, "Choose from 0 to 100."),
        ({"earn_points": "ten"}, "Write a whole number."),
        ({"earn_per_cents": "0"}, "Choose from"),
        ({"worth_cents": "much"}, "Write an amount like 15.90."),
        ({"reason": " "}, "Say why"),
        ({"begins_at": "tomorrow"}, "Write day and time like"),
        ({"unpaid_orders": ""}, "Enter a whole number."),
        ({"dormancy_after_days": "10"}, "Choose from 30 to 730."),
        ({"dormancy_percent": "0"}, "Choose from 1 to 100."),
        ({}, "Nothing is changed yet"),
    ],
)
def test_what_cannot_hold_is_said_at_its_field_and_nothing_typed_is_lost(ada, typed, sentence):
    refused = send(
        ada, NEW, "", **({"reason": "Because of spring"} | ({"earn_points": "12"} if typed else {}) | typed)
    )

    assert refused.status_code == 422
    assert sentence in refused.text
    assert "Because of spring" in refused.text or typed.get("reason")
    assert versions() == [(1, True)]


def test_a_draft_from_a_version_that_is_not_the_last_any_more_is_refused(ada, abe):
    stale = form_of(ada.get(NEW).text, "") | {"earn_points": "13", "reason": "Late"}
    send(abe, NEW, "", earn_points="12", reason="Spring")
    ada.post(f"{PAGE}/drafts/2/approval")

    refused = ada.post(NEW, data=stale)

    assert refused.status_code == 422 and "Draft it again from version 2" in refused.text
    assert versions() == [(2, True), (1, True)]


def test_a_draft_is_declined_for_a_reason_and_what_is_not_there_is_not_found(ada, abe):
    send(ada, NEW, "", earn_points="12", reason="Spring")

    assert "Say why it is declined" in abe.post(f"{PAGE}/drafts/2/refusal", data={"reason": " "}).text
    long = abe.post(f"{PAGE}/drafts/2/refusal", data={"reason": "x" * 501})
    assert long.status_code == 422 and "Use at most 500 characters." in long.text and "x" * 501 in long.text
    assert abe.post(f"{PAGE}/drafts/2/refusal", data={"reason": "Too dear"}).status_code == 303
    page = words(abe.get(PAGE).text)
    assert "Draft of version 2" not in page and "2 Declined Abe" in page and "Draft Ada" not in page
    assert abe.post(f"{PAGE}/drafts/2/approval").status_code == 422
    for act in ("approval", "refusal"):
        assert abe.post(f"{PAGE}/drafts/99/{act}", data={"reason": "No"}).status_code == 404
    assert versions() == [(2, False), (1, True)]


def test_who_is_alone_approves_their_own_and_it_is_marked(ada):
    send(ada, NEW, "", earn_points="12", reason="Spring")
    assert "only administrator" in ada.get(PAGE).text

    assert ada.post(f"{PAGE}/drafts/2/approval").status_code == 303

    assert "By one person" in ada.get(PAGE).text


def test_what_tasks_pay_how_often_and_to_whom_stands_on_the_page(desk):
    page = words(desk.get(PAGE).text)
    assert "Daily check-in 10 0 1 a day On" in page
    assert "7 days in a row 40 5 1 a day, 4 a month On" in page
    assert "Join us 50 0 once only Off" in page


def test_a_draft_that_changes_tasks_says_so(ada, abe):
    with transaction():
        terms = programme.current(NOON)
        settings = programme.settings_of(terms)
        settings["tasks"] = [task | {"active": task["key"] != "streak_3"} for task in settings["tasks"]]
        programme.draft(settings, based_on=1, effective_from=NOON, by="staff:9", at=NOON, reason="Fewer", key="fewer")

    assert "3 days in a row 10 pts, 1 a day, 4 a month Off" in words(abe.get(PAGE).text)
    abe.post(f"{PAGE}/drafts/2/approval")
    assert "3 days in a row 10 0 1 a day, 4 a month Off" in words(abe.get(PAGE).text)
