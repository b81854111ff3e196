"""Campaigns at the desk: drafted by one, approved by another, changed until they begin, ended early"""

import re
from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import reading
from mall.domain import audit, earning
from tests.stage import NOON
from tests.web.office.forms import form_of, send
from tests.web.store.till import words

LIST, NEW, PAGE = "/office/campaigns", "/office/campaigns/new", "/office/campaigns/1"
PLAIN = {
    "title_en": "Double points Saturday", "title_zh": "周六双倍积分", "starts_at": "2026-03-02T13:00",
    "ends_at": "2026-03-02T17:00", "multiplier_percent": "200", "cap_points": "5000", "reason": "Spring",
}  # fmt: skip


def make(browser, **typed):
    return send(browser, NEW, "", **(PLAIN | typed))


def approve(browser, version="1"):
    return browser.post(f"{PAGE}/approval", data={"seen_version": version})


def campaign():
    with reading():
        return earning.campaign_of(1)


@pytest.fixture
def otto_s_desk(otto, enter):
    return enter(otto)


def test_a_campaign_is_drafted_approved_by_another_and_listed(desk, otto_s_desk):
    assert make(desk).location == PAGE
    mine = desk.get(PAGE).text
    assert "Nobody approves their own" in mine and "Approve the campaign" not in mine
    assert "Another person has to approve it" in approve(desk).text
    assert campaign().state == "draft"

    for _press in range(2):
        assert approve(otto_s_desk).status_code == 303

    assert campaign().state == "approved"
    listed = words(desk.get(LIST).text)
    assert "Double points Saturday" in listed and "Planned" in listed and "×2" in listed
    assert "0 of 5,000 at most" in listed
    with reading():
        acts = [entry.act for entry in audit.entries(subject="campaign:1", limit=10)]
    assert sorted(acts) == ["campaign.approved", "campaign.asked", "campaign.made"]
    assert "Campaign approved" in desk.get("/office/audit").text


def test_a_form_sent_twice_is_one_campaign(desk):
    fields = form_of(desk.get(NEW).text, "") | PLAIN
    for _press in range(2):
        assert desk.post(NEW, data=fields).location == PAGE


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"title_en": "", "title_zh": ""}, "Give the campaign a name."),
        ({"starts_at": ""}, "Say when it begins."),
        ({"ends_at": ""}, "Say when it ends."),
        ({"ends_at": "2026-03-02T12:30"}, "It must end after it starts."),
        ({"starts_at": "2026-02-01T00:00", "ends_at": "2026-02-02T00:00"}, "That is over already."),
        ({"starts_at": "soon"}, "Write day and time like"),
        ({"multiplier_percent": "100"}, "Use a whole number from 101 to 1000."),
        ({"multiplier_percent": ""}, "Use a whole number from 101 to 1000."),
        ({"multiplier_percent": "two"}, "Write a whole number."),
        ({"cap_points": "0"}, "Use a whole number from 1 to"),
        ({"cap_points": "9" * 30}, "Use a whole number from 1 to"),
        ({"min_rank": "77"}, "Choose one of the list."),
        ({"scope": "category"}, "Choose what the campaign is for."),
        ({"scope": "product"}, "Choose what the campaign is for."),
        ({"scope": "product", "skus": "NO-1"}, "There is no item with the SKU NO-1."),
        ({"reason": ""}, "Say why; it is kept with the request"),
    ],
)
def test_bad_input_gets_a_sentence_at_its_field_and_stays_as_typed(desk, typed, sentence):
    answer = make(desk, **typed)

    assert answer.status_code == 422
    assert sentence.replace("1000", "1,000") in answer.text or sentence in answer.text
    assert form_of(answer.text, "")["cap_points"] == typed.get("cap_points", "5000")
    with reading():
        assert earning.campaigns(page=1, per_page=9)[1] == 0


def test_all_that_is_wrong_is_said_at_once(desk):
    answer = make(desk, title_en="", title_zh="", ends_at="2026-03-02T12:30", reason="")

    summary = words(answer.text.split('class="error-summary"')[1].split("</ul>")[0])
    for said in ("Give the campaign a name.", "It must end after it starts.", "Say why; it is kept with the request"):
        assert summary.count(said) == 1
    both = make(desk, starts_at="soon", ends_at="", reason="")
    assert "Write day and time like" in both.text and "Say when it begins." not in both.text


def test_what_is_changed_is_a_draft_again_and_the_old_request_approves_nothing(desk, otto_s_desk):
    make(desk)
    approve(otto_s_desk)
    changed = send(desk, PAGE, PAGE, multiplier_percent="300")
    assert changed.status_code == 303
    assert (campaign().state, campaign().multiplier_percent, campaign().version) == ("draft", 300, 3)

    assert "Somebody else changed this campaign meanwhile" in approve(otto_s_desk, "1").text
    assert campaign().state == "draft"
    assert approve(otto_s_desk, "3").status_code == 303
    assert campaign().state == "approved"


def test_two_who_change_it_at_once_do_not_overwrite_each_other(desk, otto_s_desk):
    make(desk)
    stale = form_of(otto_s_desk.get(PAGE).text, PAGE)
    send(desk, PAGE, PAGE, multiplier_percent="300")

    answer = otto_s_desk.post(PAGE, data=stale | {"multiplier_percent": "400"})

    assert answer.status_code == 422 and "Somebody else changed this campaign meanwhile" in answer.text
    assert 'value="400"' in answer.text
    assert campaign().multiplier_percent == 300


def test_once_begun_its_figures_stay_and_it_can_be_ended_early_once(desk, otto_s_desk):
    make(desk)
    late = form_of(desk.get(PAGE).text, PAGE)
    approve(otto_s_desk)
    fields = form_of(desk.get(PAGE).text, PAGE)
    with moved_to(NOON + timedelta(hours=2)):
        assert "They stay once it has begun" in desk.get(PAGE).text
        assert "The campaign has begun" in desk.post(PAGE, data=fields | late | {"seen_version": "2"}).text
        assert "Say why" in desk.post(f"{PAGE}/end", data={"why-reason": ""}).text
        for _press in range(2):
            assert desk.post(f"{PAGE}/end", data={"why-reason": "Too many came"}).status_code == 303
    assert campaign().state == "ended"
    with reading():
        ended = [entry for entry in audit.entries(subject="campaign:1", limit=10) if entry.act == "campaign.ended"]
    assert [entry.reason for entry in ended] == ["Too many came"]


def test_before_it_begins_it_is_called_off(desk, otto_s_desk):
    make(desk)
    approve(otto_s_desk)

    page = desk.post(f"{PAGE}/end", data={"why-reason": "Not this month"}, follow_redirects=True).text

    assert "It is called off, and will not begin." in page and "Orders placed" not in page
    assert re.search("Called off on 2 Mar 2026, 12:00 ?, before it began", words(page))


def test_it_is_declined_with_a_reason_and_stays_a_draft(desk, otto_s_desk):
    make(desk)
    assert "Say why" in otto_s_desk.post(f"{PAGE}/refusal", data={"why-reason": ""}).text
    assert otto_s_desk.post(f"{PAGE}/refusal", data={"why-reason": "Too dear"}).status_code == 303

    page = desk.get(PAGE).text
    assert "Declined" in page and "Too dear" in page
    assert campaign().state == "draft"
    assert "This was already decided" in approve(otto_s_desk).text


def test_what_is_over_is_not_approved(desk, otto_s_desk):
    make(desk, ends_at="2026-03-02T13:30")
    with moved_to(NOON + timedelta(hours=2)):
        assert "The time of this campaign is over" in approve(otto_s_desk).text
    assert campaign().state == "draft"


def test_one_approved_late_begins_when_it_is_approved(desk, otto_s_desk):
    make(desk)
    at = NOON + timedelta(hours=2)
    with moved_to(at):
        approve(otto_s_desk)
    assert campaign().starts_at == at


def test_the_page_says_what_it_gave_and_what_that_is_worth(desk, stage, mei):
    stage.campaign(cap_points=200)
    for _order in range(2):
        stage.put_in(mei, stage.mug(), "cash")
        stage.pay(stage.place(mei))

    page, listed = words(desk.get(PAGE).text), words(desk.get(LIST).text)

    assert "Points given 200 of 200 at most" in page and "Worth $2.00 of $2.00 at most" in page
    assert "Used up" in listed and "200 of 200 at most" in listed


@pytest.mark.parametrize("number", [2, 2**63 + 1])
def test_what_is_not_there_is_not_found(desk, number):
    assert desk.get(f"{LIST}/{number}").status_code == 404
    for act in ("approval", "refusal", "end"):
        data = {"why-reason": "No", "seen_version": "1"}
        assert desk.post(f"{LIST}/{number}/{act}", data=data).status_code == 404
