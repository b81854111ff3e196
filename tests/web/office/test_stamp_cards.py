"""Stamp cards at the desk: drafted by one, approved by another, changed until they begin, ended early"""

import re
from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import audit, coupons, earning
from tests.stage import NOON
from tests.web.office.forms import form_of, send
from tests.web.store.till import words

LIST, NEW, PAGE = "/office/stamp-cards", "/office/stamp-cards/new", "/office/stamp-cards/1"
PLAIN = {
    "title_en": "Buy ten", "title_zh": "买十赠一", "starts_at": "2026-03-02T13:00", "ends_at": "2026-03-02T17:00",
    "stamps_needed": "10", "counts": "piece", "template_id": "1", "least_cents": "5.00", "reason": "Spring",
}  # fmt: skip


@pytest.fixture
def otto_s_desk(otto, enter):
    return enter(otto)


@pytest.fixture(autouse=True)
def kind(stage):
    """A kind of coupon that may be promised."""
    return stage.coupon_kind()


def make(browser, **typed):
    return send(browser, NEW, "", **(PLAIN | typed))


def approve(browser, version="1"):
    return browser.post(f"{PAGE}/approval", data={"seen_version": version})


def card():
    with reading():
        return earning.stamp_card_of(1)


def test_a_stamp_card_is_drafted_approved_by_another_and_listed(desk, otto_s_desk):
    assert make(desk).location == PAGE
    mine = desk.get(PAGE).text
    assert "Nobody approves their own" in mine and "Approve the stamp card" not in mine
    assert "Another person has to approve it" in approve(desk).text
    assert card().state == "draft"

    for _press in range(2):
        assert approve(otto_s_desk).status_code == 303

    assert (card().state, card().least_cents) == ("approved", 500)
    listed = words(desk.get(LIST).text)
    assert "Buy ten" in listed and "Planned" in listed and "10 · Each piece" in listed
    with reading():
        acts = [entry.act for entry in audit.entries(subject="stamp_card:1", limit=10)]
    assert sorted(acts) == ["stamp_card.approved", "stamp_card.asked", "stamp_card.made"]
    log = words(desk.get("/office/audit").text)
    assert "Stamp card approved" in log and "Each piece" in log and "Stamps on a full card" in log


def test_a_form_sent_twice_is_one_card(desk):
    fields = form_of(desk.get(NEW).text, "") | PLAIN
    for _press in range(2):
        assert desk.post(NEW, data=fields).location == PAGE


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"title_en": "", "title_zh": ""}, "Give the stamp card a name."),
        ({"starts_at": ""}, "Say when it begins."),
        ({"ends_at": "2026-03-02T12:30"}, "It must end after it starts."),
        ({"starts_at": "2026-02-01T00:00", "ends_at": "2026-02-02T00:00"}, "That is over already."),
        ({"stamps_needed": "1"}, "Use a whole number from 2 to 50."),
        ({"stamps_needed": "ten"}, "Write a whole number."),
        ({"stamps_needed": ""}, "Use a whole number from 2 to 50."),
        ({"counts": "visit"}, "Choose one of the list."),
        ({"least_cents": "five"}, "Write an amount like 15.90."),
        ({"least_cents": "-1"}, "Write an amount like 15.90."),
        ({"template_id": "0"}, "Choose the coupon that a full card gives."),
        ({"template_id": "99"}, "Choose one of the list."),
        ({"member_limit": "0"}, "Use a whole number from 1 to"),
        ({"total_limit": "9" * 30}, "Use a whole number from 1 to"),
        ({"min_rank": "77"}, "Choose one of the list."),
        ({"scope": "category"}, "Choose what the stamp card is for."),
        ({"scope": "product", "skus": "NO-1"}, "There is no item with the SKU NO-1."),
        ({"reason": ""}, "Say why; it is kept with the request"),
    ],
)
def test_bad_input_gets_a_sentence_at_its_field_and_stays_as_typed(desk, typed, sentence):
    answer = make(desk, **typed)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert form_of(answer.text, "")["reason"] == typed.get("reason", "Spring")
    with reading():
        assert earning.stamp_cards(page=1, per_page=9)[1] == 0


@pytest.mark.parametrize(
    "terms", [{"total_limit": 5}, {"member_limit": 1}, {"ends_at": NOON + timedelta(days=99)}, {"min_rank": 3}]
)
def test_a_coupon_that_may_be_of_no_use_when_the_card_is_full_is_not_promised(desk, stage, terms):
    kind = stage.coupon_kind(title={"en": "Odd one"}, **terms)
    offered = "Odd one" in desk.get(NEW).text
    assert offered == ("min_rank" in terms)  # Whether a level is too high depends on whom the card is for.

    answer = make(desk, template_id=str(kind))

    assert answer.status_code == 422
    assert ("Who earns this coupon must be able to use it" if offered else "Choose one of the list.") in answer.text


def test_what_a_promised_coupon_is_worth_stays_once_the_card_is_approved(desk, otto_s_desk, stage):
    make(desk)

    def dearer():
        with transaction():
            row = coupons.template_of(1)
            coupons.edit_template(
                1,
                seen_version=row.version,
                amount_cents=row.amount_cents + 1,
                terms=stage.terms,
                by="staff:1",
                at=NOON,
            )

    dearer()
    approve(otto_s_desk)
    with pytest.raises(coupons.AlreadyGiven):
        dearer()


def test_a_card_whose_coupon_was_withdrawn_meanwhile_is_not_approved(desk, otto_s_desk):
    make(desk)
    with transaction():
        coupons.withdraw_template(1, by="staff:1", at=NOON)

    assert "This kind of coupon is no longer given out" in approve(otto_s_desk).text
    assert card().state == "draft"


def test_what_is_changed_is_a_draft_again_and_the_old_request_approves_nothing(desk, otto_s_desk):
    make(desk)
    approve(otto_s_desk)
    assert send(desk, PAGE, PAGE, stamps_needed="7").status_code == 303
    assert (card().state, card().stamps_needed, card().version) == ("draft", 7, 3)

    assert "Somebody else changed this stamp card meanwhile" in approve(otto_s_desk, "1").text
    assert approve(otto_s_desk, "3").status_code == 303
    assert card().state == "approved"


def test_once_begun_its_figures_stay_and_it_can_be_ended_early_once(desk, otto_s_desk):
    make(desk)
    approve(otto_s_desk)
    fields = form_of(desk.get(PAGE).text, PAGE)
    with moved_to(NOON + timedelta(hours=2)):
        assert "They stay once it has begun" in desk.get(PAGE).text
        assert "The stamp card has begun" in desk.post(PAGE, data=fields).text
        assert "Say why" in desk.post(f"{PAGE}/end", data={"why-reason": ""}).text
        for _press in range(2):
            assert desk.post(f"{PAGE}/end", data={"why-reason": "Too many came"}).status_code == 303
    assert card().state == "ended"


def test_before_it_begins_it_is_called_off(desk, otto_s_desk):
    make(desk)
    approve(otto_s_desk)

    page = desk.post(f"{PAGE}/end", data={"why-reason": "Not this month"}, follow_redirects=True).text

    assert "It is called off, and will not begin." in page and "Orders placed" not in page
    assert re.search("Called off on 2 Mar 2026, 12:00 ?, before it began", words(page))


def test_it_is_declined_with_a_reason_and_stays_a_draft(desk, otto_s_desk):
    make(desk)
    assert otto_s_desk.post(f"{PAGE}/refusal", data={"why-reason": "Too dear"}).status_code == 303

    page = desk.get(PAGE).text
    assert "Declined" in page and "Too dear" in page
    assert card().state == "draft"


def test_what_is_over_is_not_approved(desk, otto_s_desk):
    make(desk, ends_at="2026-03-02T13:30")
    with moved_to(NOON + timedelta(hours=2)):
        assert "The time of this stamp card is over" in approve(otto_s_desk).text
    assert card().state == "draft"


def test_the_page_says_what_it_gave(desk, stage, mei):
    stage.stamp_card(stamps_needed=2, total_limit=1)
    stage.put_in(mei, stage.mug(), "cash", quantity=3)
    order = stage.deliver(stage.ship(stage.pay(stage.place(mei))))
    stage.close(order, at=NOON + timedelta(days=15))

    page, listed = words(desk.get(PAGE).text), words(desk.get(LIST).text)

    assert "Members 1" in page and "Stamps given 3" in page and "Full cards 1 of 1 at most" in page
    assert "Used up" in listed


@pytest.mark.parametrize("number", [2, 2**63 + 1])
def test_what_is_not_there_is_not_found(desk, number):
    assert desk.get(f"{LIST}/{number}").status_code == 404
    for act in ("approval", "refusal", "end"):
        data = {"why-reason": "No", "seen_version": "1"}
        assert desk.post(f"{LIST}/{number}/{act}", data=data).status_code == 404
