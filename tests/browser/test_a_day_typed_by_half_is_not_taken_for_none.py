"""A day that is half typed, or is no day, is not taken for none: nothing is sent, and its box says what is wrong."""

import pytest
from playwright.sync_api import expect

from tests.web.office.conftest import hire


@pytest.fixture
def mei(stage, visit):
    """Mei, in front of her profile."""
    stage.settle_down(stage.member("mei"))
    mei = visit(script=True)
    mei.sign_in("mei")
    mei.open("/account/profile")
    return mei


@pytest.mark.parametrize("typed", ["0531", "02301990"])
def test_a_birthday_that_is_no_day_is_not_saved_as_none(mei, typed):
    box = mei.page.get_by_label("Birthday (optional)", exact=True)
    box.press_sequentially(typed)
    mei.page.get_by_role("button", name="Save", exact=True).click()

    expect(box).to_be_focused()
    assert mei.page.url.endswith("/account/profile")
    mei.sees("My profile")

    box.fill("1990-05-31")
    mei.press("Save")
    mei.sees("Your profile is saved.")


def test_the_fold_opens_that_has_it_inside(stage, visit):
    hire("ada", "admin")
    ada = visit(script=True)
    ada.sign_in_staff("ada")
    ada.open("/office/programme/drafts/tasks")
    fold = ada.page.locator("details", has_text="Change Daily check-in").first
    fold.locator("summary").click()
    box = fold.locator("[name=check_in-ends_on]")
    box.press_sequentially("0230")
    fold.locator("summary").click()
    expect(box).not_to_be_visible()

    ada.page.get_by_role("button", name="Draft it").click()

    expect(box).to_be_focused()
