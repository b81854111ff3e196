"""A member shares an item by a link of their own; whoever comes by it counts once a day, the member never."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from mall.base.clock import moved_to
from mall.base.db import execute, reading
from mall.domain import earning, ledger
from tests.stage import NOON, PASSWORD
from tests.web.store.till import words

READER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


def slug_of(till, title="Stoneware mugs"):
    return till.browser.get("/shop").text.split('href="/items/')[1].partition('"')[0].partition("?")[0]


def share(till):
    """Press “Share” on the mug's page; returns the path of the link."""
    page = till.browser.post("/shares", data={"item": slug_of(till)}, follow_redirects=True).text
    return re.search(r'value="http://localhost(/shares/\w+)"', page).group(1)


def come_by(app, link, *, network="198.51.100.1", headers=READER, browser=None):
    browser = browser or app.test_client()
    here = {"headers": headers, "environ_overrides": {"REMOTE_ADDR": network}}
    browser.get(browser.get(link, **here).location, **here)
    return browser


def visits():
    with reading():
        return execute(select(func.count()).select_from(earning.ShareVisit)).scalar_one()


def ready(member_id):
    with reading():
        return ledger.balances(member_id, at=NOON).ready


@pytest.fixture
def link(till, mug):
    return share(till)


def test_an_item_is_shared_by_a_button_on_its_page(till, mug):
    assert "Share" in words(till.browser.get(f"/items/{slug_of(till)}").text)
    assert share(till) == share(till)


def test_a_visitor_is_led_to_the_item_and_counts(app, till, mei, link):
    page = words(app.test_client().get(link, follow_redirects=True, headers=READER).text)
    assert "Stoneware mugs" in page
    assert visits() == 1 and ready(mei) == 2
    assert "Stoneware mugs" in words(till.browser.get("/shares").text)
    assert "1 1" in words(till.browser.get("/shares").text)


def test_a_browser_counts_once_a_day_and_a_network_too(app, mei, link):
    browser = come_by(app, link)
    come_by(app, link, browser=browser, network="198.51.100.2")
    come_by(app, link, network="198.51.100.1")
    assert visits() == 1
    come_by(app, link, network="198.51.100.3")
    assert visits() == 2
    with moved_to(NOON + timedelta(days=1)):
        come_by(app, link, browser=browser)
    assert visits() == 3


def test_the_member_does_not_count_signed_in_or_not(app, till, link):
    come_by(app, link, browser=till.browser)
    till.browser.post("/sign-out")
    come_by(app, link, browser=till.browser)
    assert visits() == 0
    till.browser.post("/sign-in", data={"email": "mei@example.com", "password": PASSWORD})


def test_another_member_counts(app, link, enter, tom):
    come_by(app, link, browser=enter(tom))
    assert visits() == 1


@pytest.mark.parametrize("agent", ["", "Googlebot/2.1", "facebookexternalhit/1.1", "curl/8.5", "WhatsApp/2.2"])
def test_programs_do_not_count(app, link, agent):
    come_by(app, link, headers={"User-Agent": agent})
    assert visits() == 0


def test_a_page_fetched_ahead_or_without_the_link_does_not_count(app, till, link):
    come_by(app, link, headers=READER | {"Sec-Purpose": "prefetch"})
    app.test_client().get(f"/items/{slug_of(till)}?via={link.rpartition('/')[2]}", headers=READER)
    assert visits() == 0


def test_no_more_is_paid_than_a_day_allows_though_all_are_counted(app, till, mei, link):
    for number in range(7):
        come_by(app, link, network=f"198.51.100.{number}")
    assert visits() == 7 and ready(mei) == 10


def test_a_link_nobody_has_leads_to_the_shop(client, stage):
    page = words(client.get("/shares/zzzzzzzzzz", follow_redirects=True).text)
    assert "This link is not known any more" in page


def test_only_what_one_can_see_is_shared(till):
    assert till.browser.post("/shares", data={"item": "nothing-of-that-name"}).status_code == 404
    assert till.browser.post("/shares").status_code == 404


def test_a_look_without_a_link_asks_no_more_of_the_database(app, till, mug, count_statements):
    slug, browser = slug_of(till), app.test_client()
    browser.get(f"/items/{slug}")
    count_statements.clear()
    browser.get(f"/items/{slug}")
    plain = len(count_statements)
    come_by(app, share(till), browser=browser)
    count_statements.clear()
    browser.get(f"/items/{slug}")
    assert len(count_statements) == plain
