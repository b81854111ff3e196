"""Giving to many from a file: shown line by line, confirmed once; whatever is wrong with the file gets a sentence."""

import io

import pytest

from mall.base.db import reading
from mall.domain import coupons
from tests.web.office.forms import form_of

REASON = {"reason": "A late parcel"}


@pytest.fixture
def page(stage):
    return f"/office/coupons/{stage.coupon_kind()}/list"


def upload(browser, page, content, **typed):
    data = content if isinstance(content, bytes) else content.encode()
    fields = form_of(browser.get(page).text, "") | REASON | typed
    return browser.post(page, data=fields | {"file": (io.BytesIO(data), "members.csv")})


def confirm(browser, page, shown):
    return browser.post(page, data=form_of(shown.text, "") | {"confirm": "1"})


def had(member_id):
    with reading():
        return len(coupons.coupons_of(member_id))


def test_a_file_is_shown_then_done_once(desk, stage, mei, page):
    shown = upload(desk, page, "member,sentence\nmei@example.com,Thank you <b>\nnobody@example.com,\n")

    assert shown.status_code == 200
    assert "1 member is given it" in shown.text and "1 line is wrong" in shown.text
    assert "There is no member with this number or e-mail address." in shown.text
    assert "Thank you &lt;b&gt;" in shown.text
    assert had(mei) == 0
    for _press in range(2):
        answer = confirm(desk, page, shown)
        assert answer.status_code == 303
    assert had(mei) == 1
    assert "1 member has it. They are told." in desk.get(answer.location).text
    assert "Coupon given to many" in desk.get("/office/audit").text


def test_what_has_changed_since_is_shown_anew(desk, stage, mei, page):
    shown = upload(desk, page, "member\nmei@example.com\n")
    stage.coupon(mei, of=1)

    answer = confirm(desk, page, shown)

    assert "What the file would do has changed since it was shown." in answer.text
    assert "1 has had it already" in answer.text and "confirm" not in form_of(answer.text, "")
    assert had(mei) == 1


def test_a_page_that_was_used_before_gives_no_other_file(desk, stage, mei, page):
    tom = stage.member("tom")
    first = upload(desk, page, "member\nmei@example.com\n")
    confirm(desk, page, first)
    stale = form_of(first.text, "") | {"text": "member\ntom@example.com\n", "confirm": "1", "shown": "0" * 32}

    assert "has changed since it was shown" in desk.post(page, data=stale).text
    assert had(tom) == 0


@pytest.mark.parametrize(
    ("content", "typed", "sentence"),
    [
        ("", {}, "Choose a file with something in it."),
        ("mei@example.com\n", {}, "The first row must name the columns: member."),
        ("member\nmei@example.com".encode("utf-16"), {}, "This is no CSV file."),
        (b"\x89PNG\r\n\x1a\n", {}, "This is no CSV file."),
        ("member\n" + "1\n" * 5_001, {}, "at most 5,000 rows"),
        ("member\nmei@example.com\n", {"reason": " "}, "Say why."),
    ],
)
def test_a_file_that_is_none_gets_a_sentence(desk, stage, mei, page, content, typed, sentence):
    answer = upload(desk, page, content, **typed)

    assert answer.status_code == 422
    assert sentence in answer.text
    if not typed:
        assert form_of(answer.text, "")["reason"] == "A late parcel"
    assert had(mei) == 0


def test_what_is_no_coupon_has_no_such_page(desk):
    assert desk.get("/office/coupons/99/list").status_code == 404
