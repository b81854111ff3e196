"""A member asks on the phone; a VIP's question stands before an earlier one; answered, followed up, published."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests import cast
from tests.browser.visitor import DESK
from tests.domain.consultation.asked import ask, grant
from tests.stage import NOON


@pytest.fixture(autouse=True)
def asked(stage):
    """Tom has asked about a teapot an hour ago; Mei is VIP for a time; Ola runs the office."""
    cast.hire("ola", at=NOON)
    teapot = stage.item("Teapot")
    ask(stage, stage.member("tom"), teapot, "How heavy is it?", at=NOON - timedelta(hours=1))
    grant(stage, stage.member("mei"), 4)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_a_question_of_a_vip_comes_first_and_its_answer_is_read_by_everybody(visit, script):
    mei, ola, visitor = visit(script=script), visit(DESK, script=script), visit(script=script)
    mei.sign_in("mei")
    mei.open("/items/teapot")
    mei.follow("Ask a question")
    mei.press("Send my question")
    mei.sees("Write what you would like to know.")
    mei.fill_in({"Your question": "Does it pour without a drop?"})
    mei.press("Send my question")
    mei.sees("We have your question", "Waits for an answer")

    ola.sign_in_staff("ola")
    ola.open("/office/questions/replies")
    ola.follow("Add a reply")
    ola.fill_in({"Name in English": "Pouring", "Reply in English": "It was made for that."})
    ola.press("Save")
    ola.sees("The reply is saved.")
    ola.open("/office/questions")
    rows = ola.page.get_by_role("table").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("Does it pour without a drop?")
    expect(rows.nth(1)).to_contain_text("Comes first")
    expect(rows.nth(2)).to_contain_text("How heavy is it?")
    ola.follow("Open question 2")
    ola.press("Put it in")
    ola.press("Send the answer")
    ola.sees("It is answered. The member has been told.", "It was made for that.")
    ola.press("Publish")
    ola.sees("Everybody reads it on the page of the item.")

    mei.open("/member/questions")
    mei.follow("Open question 2")
    mei.sees("It was made for that.")
    mei.fill_in({"Write once more": "And when it is full?"})
    mei.press("Send it")
    mei.sees("We have it, and write to you.", "+5 points")

    visitor.open("/items/teapot")
    visitor.sees("Does it pour without a drop?", "It was made for that.", "asked by Mei")
    visitor.sees_not("And when it is full?")
