"""A visitor comes in: the first page and the problem page show on a telephone, on a desk, and without script."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from mall.base.clock import now
from tests.browser.conftest import DESK, PHONE
from tests.cast import open_shop


@pytest.fixture(autouse=True)
def shop(site):
    """A shop that has been set up."""
    return open_shop(at=now())


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_first_page_shows(open_page, assert_accessible, assert_fits, size):
    page = open_page(size)

    answer = page.goto("/")

    assert answer.status == 200
    expect(page.locator("h1")).to_have_count(1)
    expect(page).to_have_title(re.compile(r"\S"))
    assert_fits(page)
    assert_accessible(page)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_an_address_that_is_not_there_says_so(open_page, assert_accessible, assert_fits, size):
    page = open_page(size)

    answer = page.goto("/no-such-page")

    assert answer.status == 404
    expect(page.locator("h1")).to_contain_text("There is nothing at this address")
    expect(page.get_by_text(answer.headers["x-request-id"])).to_be_visible()
    assert_fits(page)
    assert_accessible(page)


def test_a_reader_of_chinese_is_greeted_in_chinese(open_page):
    page = open_page(PHONE, language="zh-CN")

    page.goto("/")

    expect(page.locator("html")).to_have_attribute("lang", re.compile("^zh"))


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_the_last_of_a_telephones_page_is_not_under_the_bar(open_page, script):
    page = open_page(PHONE, script=script)
    page.goto("/")

    page.get_by_role("contentinfo").get_by_role("button", name="简体中文").click()

    expect(page.locator("html")).to_have_attribute("lang", re.compile("^zh"))


def test_the_first_page_shows_without_script(no_script_page):
    assert no_script_page.goto("/").status == 200

    expect(no_script_page.locator("h1")).to_have_count(1)


def test_the_clock_of_the_server_can_be_moved(site, phone_page):
    site.at = datetime(2027, 5, 6, 7, 8, tzinfo=UTC)

    @site.app.get("/time")
    def time() -> str:
        return now().isoformat()

    phone_page.goto("/time")
    expect(phone_page.locator("body")).to_have_text("2027-05-06T07:08:00+00:00")
