"""Whole numbers are read in one way, from forms and addresses alike: never a fault, never a surprise."""

import pytest

from mall.web.shared.numbers import asked, stepped, whole
from mall.web.shared.paging import FARTHEST, page_number


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("0", 0), ("12", 12), (" 12 ", 12), ("1,590", 1_590), ("1\u202f590", 1_590), ("1\u00a0590", 1_590),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None), ("", None), (None, None), (" ", None), ("-1", None), ("+1", None), ("1.5", None),
        ("1e3", None), ("lots", None), ("٣", None), ("²", None), ("0x10", None), ("1_000", None),
    ],
)  # fmt: skip
def test_what_is_a_whole_number(typed, number):
    assert whole(typed) == number


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("/", 1),
        ("/?page=3", 3),
        ("/?page=abc", 1),
        ("/?page=-1", 1),
        ("/?page=0", 1),
        ("/?page=" + "9" * 18, FARTHEST),
    ],
)
def test_what_is_no_page_of_a_list_is_the_first(app, address, page):
    with app.test_request_context(address):
        assert page_number() == page


def test_a_number_of_an_address_that_is_none_was_not_asked_for(app):
    with app.test_request_context("/?before=7&after=x"):
        assert (asked("before"), asked("after"), asked("else")) == (7, None, None)


@pytest.mark.parametrize(
    ("sent", "read"),
    [({"n": "2"}, "2"), ({"n": "2", "n_to": "3"}, "3"), ({"n": "2", "n_to": ""}, "2"), ({}, None)],
)
def test_a_steppers_button_wins_over_what_is_typed(app, sent, read):
    with app.test_request_context("/", method="POST", data=sent):
        assert stepped("n") == read


@pytest.mark.parametrize("typed", ["abc", "-1", "9" * 30, "1.5", "%00", ""])
def test_no_list_minds_what_its_address_says(app, mei, sign_in, typed):
    browser = app.test_client()
    sign_in(browser, mei)

    for address in ("/shop?page={}", "/orders?page={}", "/wallet?before={}", "/?page={}"):
        assert browser.get(address.format(typed)).status_code == 200, address
