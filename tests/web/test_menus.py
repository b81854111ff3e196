"""No menu of the office or finance leads anyone to a shut door, whatever they may do."""

import re

import pytest

from mall.base.clock import now
from tests import cast

FRAME = re.compile(r'<div class="shell">.*?<main', re.S)
ADDRESS = re.compile(r'<(?:a|form)[^>]* (?:href|action)="(/[^"]*)"')
BY_A_BUTTON = {"/language", "/office/sign-out"}


def pages_of(app) -> list[str]:
    """Return the address of every page of the office and finance that takes nothing."""
    return sorted(
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(("/office", "/finance")) and "GET" in (rule.methods or ()) and not rule.arguments
    )


@pytest.mark.parametrize("name", ["ola", "finn", "ada"])
def test_every_link_of_the_frame_opens(app, client, shop, name):
    cast.sign_in_staff(client, cast.hire(name, at=now()))
    framed, known = 0, {}
    for page in pages_of(app):
        answer = client.get(page)
        frame = FRAME.search(answer.text) if answer.mimetype == "text/html" else None
        if answer.status_code != 200 or frame is None:
            continue
        framed += 1
        for address in set(ADDRESS.findall(frame[0])) - BY_A_BUTTON:
            if address not in known:
                known[address] = client.get(address, follow_redirects=True).status_code
    assert framed >= 9
    assert {address for address, status in known.items() if status != 200} == set()


def test_who_manages_is_offered_what_an_operator_is_not(client, shop):
    cast.sign_in_staff(client, cast.hire("ola", at=now()))
    assert 'href="/office/staff/"' not in client.get("/office/").text
    cast.sign_in_staff(client, cast.hire("ada", at=now()))
    assert 'href="/office/staff/"' in client.get("/office/").text


@pytest.mark.parametrize(
    ("page", "entry"),
    [
        ("/office/levels/drafts/new", "/office/levels"),
        ("/office/members/1/levels", "/office/members"),
        ("/office/parcels/tracking", "/office/orders"),
        ("/office/levels", "/office/levels"),
    ],
)
def test_a_page_that_stands_in_no_menu_is_marked_under_the_entry_it_belongs_to(client, mei, page, entry):
    cast.sign_in_staff(client, cast.hire("ada", at=now()))
    assert re.findall(r'<li><a href="([^"]*)" aria-current="page">', client.get(page).text) == [entry]
