"""The desk asks members for sizes and style; members answer in their profile, and tasks pay for it once."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from mall.base.clock import moved_to, now
from mall.base.db import execute, reading, transaction
from mall.domain import audit, finance, ledger, people
from tests.domain.ledger.test_proof import lower_the_guards
from tests.stage import NOON
from tests.web.store.till import signed_in, words

SHOES = {
    "kind": "sizes", "name_en": "Shoe size", "name_zh": "鞋码", "choices_en": "38\n39\n40", "choices_zh": "",
    "place": "1",
}  # fmt: skip
COLOUR = SHOES | {"kind": "style", "name_en": "Colour", "name_zh": "颜色", "choices_en": "Blue\nGreen",
                  "choices_zh": "蓝\n绿"}  # fmt: skip
PROFILE = {"display_name": "Mei", "birthday": "", "phone": "", "language": "en"}


def ask(desk, form=SHOES, **changes):
    return desk.post("/office/facets/new", data=form | changes)


def asked():
    with reading():
        return people.facets()


@pytest.fixture
def mei_browser(app, mei):
    return signed_in(app, mei)


def tell(browser, **facets):
    answers = {name.replace("_", "-"): value for name, value in facets.items()}
    return browser.post("/account/profile", data=PROFILE | answers, follow_redirects=True)


def ready(member_id):
    with reading():
        return ledger.balances(member_id, at=NOON).ready


def test_a_question_is_asked_listed_and_kept_in_the_audit_log(desk):
    assert "Nothing is asked yet" in words(desk.get("/office/facets").text)
    assert ask(desk).status_code == 303
    page = words(desk.get("/office/facets").text)
    assert "Shoe size Sizes 38, 39, 40 0 On" in page
    with reading():
        assert audit.entries(act="facet.made", limit=1)[0].subject == "facet:1"


@pytest.mark.parametrize(("changes", "said"), [
    ({"name_en": "", "name_zh": " "}, "Write the question in one language at least."),
    ({"choices_en": "One"}, "Write from 2 to 40 choices"),
    ({"choices_en": "\n".join("abcdefghij"[number % 10] for number in range(41))}, "Write from 2 to 40 choices"),
    ({"choices_en": "A\n" + "b" * 41}, "A choice has at most 40 characters."),
    ({"choices_zh": "一"}, "Write as many choices as in English"),
    ({"place": "-1"}, "Choose from 0 to 1000."),
    ({"kind": "height"}, "Choose one of the list."),
])  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_is_lost(desk, changes, said):
    answer = ask(desk, **changes)
    assert answer.status_code == 422 and said in words(answer.text)
    assert "39" in answer.text or "choices_en" in changes
    assert asked() == []


def test_a_member_answers_in_the_profile_and_is_paid_once(desk, mei_browser, mei):
    ask(desk)
    ask(desk, COLOUR)
    page = words(mei_browser.get("/account/profile").text)
    assert "Your sizes" in page and "Shoe size" in page and "What you like" in page
    assert "Tell us your sizes once only +20 pts Go" in words(mei_browser.get("/member/tasks").text)

    assert "+20 points" in words(tell(mei_browser, facet_1="2").text)
    assert ready(mei) == 20
    tell(mei_browser, facet_1="")
    tell(mei_browser, facet_1="0", facet_2="1")
    assert ready(mei) == 40
    assert "Tell us your sizes once only +20 pts Done" in words(mei_browser.get("/member/tasks").text)
    assert re.search(r'<option value="0" selected>38<', mei_browser.get("/account/profile").text)


def test_a_task_of_sizes_is_done_when_every_question_is_answered(desk, mei_browser, mei):
    ask(desk)
    ask(desk, name_en="Ring size")
    tell(mei_browser, facet_1="1")
    assert ready(mei) == 0
    tell(mei_browser, facet_1="1", facet_2="0")
    assert ready(mei) == 20


@pytest.mark.parametrize("made_up", ["99", "-1", "two", "1.5", "9" * 30])
def test_an_answer_that_is_no_choice_is_left_out(desk, mei_browser, mei, made_up):
    ask(desk)
    assert tell(mei_browser, facet_1=made_up, facet_77="1").status_code == 200
    assert ready(mei) == 0
    assert asked()[0].told == 0


def test_a_shop_that_asks_nothing_has_no_such_task(mei_browser):
    assert "Tell us your sizes" not in words(mei_browser.get("/member/tasks").text)


def test_choices_are_renamed_and_added_but_not_removed(desk, mei_browser):
    ask(desk)
    tell(mei_browser, facet_1="2")
    more = SHOES | {"choices_en": "38\n39\n40 wide\n41", "active": "y"}
    assert desk.post("/office/facets/1", data=more).status_code == 303
    answer = desk.post("/office/facets/1", data=SHOES | {"choices_en": "38\n39", "active": "y"})
    assert answer.status_code == 422 and "Choices can be renamed and added, not removed" in words(answer.text)
    assert "40 wide" in words(mei_browser.get("/account/profile").text)


def test_a_question_switched_off_is_asked_no_more_and_its_answers_stay(desk, mei_browser):
    ask(desk)
    tell(mei_browser, facet_1="1")
    assert desk.post("/office/facets/1", data=SHOES).status_code == 303
    assert "Shoe size" not in words(mei_browser.get("/account/profile").text)
    assert asked()[0].told == 1


ONE_OF = "what members told of sizes and style is one of the choices of its question"
ONCE = "what a member told of themselves counts once"
ANSWERED = "who counts as having told sizes or style has answered all that was asked"


def broken():
    return [result.name for result in finance.prove() if not result.ok]


def test_what_is_asked_changed_and_taken_back_afterwards_breaks_nothing(desk, mei_browser, mei):
    ask(desk)
    tell(mei_browser, facet_1="2")
    ask(desk, name_en="Ring size")
    tell(mei_browser, facet_1="")
    desk.post("/office/facets/1", data=SHOES | {"choices_en": "38\n39\n40\n41", "active": "y"})

    assert ready(mei) == 20
    assert broken() == []
    with reading():
        assert audit.entries(act="facet.taken_back", limit=1)[0].before == {"facet": 1, "kind": "sizes"}


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ("UPDATE member_facet_told SET choice = 3", [ONE_OF]),
        ("DELETE FROM member_facet_told", [ANSWERED]),
        ("DELETE FROM member_facet_told WHERE facet_id = 2", [ANSWERED]),
        ("UPDATE fact SET key = key || 'x' WHERE kind = 'sizes_told'", [ONCE]),
    ],
)
def test_the_proof_finds_answers_that_are_none_and_what_was_paid_without_one(desk, mei_browser, mei, changed, found):
    ask(desk)
    ask(desk, name_en="Ring size")
    with moved_to(now() + timedelta(hours=1)):
        tell(mei_browser, facet_1="2", facet_2="0")
    assert (ready(mei), broken()) == (20, [])
    with transaction():
        lower_the_guards()
        execute(text(changed))

    assert broken() == found
