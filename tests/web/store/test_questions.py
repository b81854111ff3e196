"""Asking on the member's pages: from the item, once, with limits; the answer, more of it, and what everybody reads."""

import pytest

from mall.base.db import reading, transaction
from mall.domain import consultation, people
from tests.domain.consultation.asked import ANSWER, WORDS, answer, ask, close, now, publish, withdraw
from tests.stage import NOON
from tests.web.office.forms import form_of
from tests.web.store.till import words

ASK = "/member/questions/about/stoneware-mugs"


def asked(till):
    with reading():
        return consultation.questions_by(till.member_id)


def send(till, **said):
    return till.browser.post(ASK, data={"words": WORDS, "key": "form-1"} | said)


def test_a_visitor_is_led_to_sign_in_and_comes_back_to_ask(app, mug):
    browser = app.test_client()
    page = browser.get("/items/stoneware-mugs").text
    assert "Sign in to ask a question" in words(page) and ASK in page
    answer_ = browser.get(ASK)
    assert answer_.status_code == 302 and f"next={ASK}" in answer_.headers["Location"].replace("%2F", "/")
    assert browser.post(ASK, data={"words": WORDS}).status_code == 302


def test_a_member_asks_from_the_item_s_page_and_twice_is_once(till, mug):
    assert ASK in till.browser.get("/items/stoneware-mugs").text
    assert "Ask about" in till.browser.get(ASK).text
    first, again = send(till), send(till)
    assert first.status_code == again.status_code == 303
    assert first.headers["Location"] == again.headers["Location"]
    (row,) = asked(till)
    assert row.words == WORDS
    page = till.browser.get(f"/member/questions/{row.id}").text
    assert WORDS in page and "Waits for an answer" in page
    assert WORDS in till.browser.get("/member/questions").text


def test_other_words_in_a_form_that_was_sent_are_refused_once_and_the_form_given_back_asks_them(till, mug):
    send(till)
    refused = send(till, words="And is it safe in an oven?")
    assert refused.status_code == 422 and "the shop has the question as it was then" in words(refused.text)
    assert len(asked(till)) == 1

    given_back = form_of(refused.text, "")
    assert given_back["words"] == "And is it safe in an oven?" and given_back["key"] not in ("", "form-1")
    assert till.browser.post(ASK, data=given_back).status_code == 303
    assert len(asked(till)) == 2


@pytest.mark.parametrize("said", ["", "  ", "hm", "x" * 501])
def test_what_is_too_short_or_too_long_is_said_at_the_field_and_kept(till, mug, said):
    refused = send(till, words=said)
    assert refused.status_code == 422 and 'id="words-error"' in refused.text
    assert said.strip() in refused.text
    assert asked(till) == []


def test_many_texts_in_an_hour_are_too_many(till, stage, mug):
    for number in range(20):
        if number % 5 == 0:
            for row in asked(till):
                close(row)
        assert send(till, key=f"form-{number}").status_code == 303
    for row in asked(till):
        if row.state in consultation.OPEN:
            close(row)
    refused = send(till, key="one-more")
    assert refused.status_code == 429 and WORDS in refused.text
    assert len(asked(till)) == 20


def test_an_item_that_is_not_there_is_not_asked_about(till, mug):
    assert till.browser.get("/member/questions/about/nothing").status_code == 404
    assert till.browser.post("/member/questions/about/nothing", data={"words": WORDS}).status_code == 404


def test_a_frozen_member_is_refused(till, mug):
    with transaction():
        people.freeze_member(till.member_id, own_member_id=None, by="staff:1", reason="x", at=NOON)
    assert send(till).status_code == 302
    assert asked(till) == []


def test_it_is_answered_followed_up_and_closed(till, stage, mug):
    row = ask(stage, till.member_id, mug)
    answer(row)
    page = till.browser.get(f"/member/questions/{row.id}").text
    assert ANSWER in page and "Answered" in words(page)
    assert "We have answered your question about" in words(till.browser.get("/notices").text)

    data = {"words": "And with a lid?", "key": "more-1"}
    for _press in range(2):
        done = till.browser.post(f"/member/questions/{row.id}", data=data)
        assert done.status_code == 303
    assert now(row).revision == 3
    assert till.browser.post(f"/member/questions/{row.id}", data={"words": ""}).status_code == 422
    close(row)
    page = till.browser.get(f"/member/questions/{row.id}").text
    assert "Why it is closed" in page and "<textarea" not in page
    refused = till.browser.post(f"/member/questions/{row.id}", data={"words": "One more thing"})
    assert refused.status_code == 422 and "This question is closed" in refused.text


def test_following_up_says_what_it_brought(till, stage, mug):
    row = ask(stage, till.member_id, mug)
    answer(row)
    done = till.browser.post(
        f"/member/questions/{row.id}", data={"words": "And with a lid?", "key": "k"}, follow_redirects=True
    )
    assert "+5 points" in words(done.text)
    assert "Follow up a question" in words(till.browser.get("/member/tasks").text)


def test_another_s_question_is_not_there(till, stage, tom, mug):
    row = ask(stage, tom, mug)
    assert till.browser.get(f"/member/questions/{row.id}").status_code == 404
    assert till.browser.post(f"/member/questions/{row.id}", data={"words": "Mine now"}).status_code == 404


def test_what_the_shop_publishes_everybody_reads_with_a_first_name_and_no_more(app, stage, tom, mug):
    browser = app.test_client()
    assert "Nobody has asked yet" in browser.get("/items/stoneware-mugs").text
    row = ask(stage, tom, mug)
    answer(row)
    publish(row, "Does it keep tea warm, at all?")
    for page in ("/items/stoneware-mugs", "/items/stoneware-mugs/questions"):
        shown = words(browser.get(page).text)
        assert "Does it keep tea warm, at all?" in shown and ANSWER in shown and "asked by Tom" in shown
        assert WORDS not in shown
    withdraw(row)
    for page in ("/items/stoneware-mugs", "/items/stoneware-mugs/questions"):
        assert ANSWER not in browser.get(page).text


def test_published_questions_cost_the_item_s_page_nothing_once_they_are_known(till, stage, mug, count_statements):
    for _visit in range(2):
        till.browser.get("/items/stoneware-mugs")
    count_statements.clear()
    till.browser.get("/items/stoneware-mugs")
    without = len(count_statements)
    row = ask(stage, till.member_id, mug)
    answer(row)
    publish(row)
    assert ANSWER in till.browser.get("/items/stoneware-mugs").text
    count_statements.clear()
    assert ANSWER in till.browser.get("/items/stoneware-mugs").text
    assert len(count_statements) == without <= 4 + 2


def test_markup_in_a_question_stays_text(app, till, stage, mug):
    evil = "<script>alert(1)</script>"
    row = ask(stage, till.member_id, mug, evil)
    answer(row, evil)
    publish(row, evil, evil)
    for page in ("/items/stoneware-mugs", f"/member/questions/{row.id}", "/member/questions"):
        assert "<script>alert" not in till.browser.get(page).text
