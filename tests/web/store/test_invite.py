"""A member invites friends by a link, and sees who joined and what each has brought."""

import re

import pytest
from sqlalchemy import select

from mall import worker
from mall.base.db import execute, reading
from mall.domain import earning, ledger, notices
from tests.stage import NOON, PASSWORD
from tests.web.store.till import words

NEW = {"display_name": "Lin Family", "email": "lin@example.com", "password": "a quiet orange boat"}


def make_link(till):
    """Press the button; returns the path of the link."""
    page = till.browser.post("/invite", follow_redirects=True).text
    return re.search(r'value="http://localhost(/invite/\w+)"', page).group(1)


def confirm(browser):
    wanted = select(notices.Notice.details).where(notices.Notice.kind == "verify_email").order_by(notices.Notice.id)
    with reading():
        link = [row.details["link"] for row in execute(wanted)][-1]
    browser.post(link.partition("localhost")[2])


def invitation():
    with reading():
        return execute(select(earning.Invitation)).one_or_none()


def ready(member_id):
    with reading():
        return ledger.balances(member_id, at=NOON).ready


def test_a_link_is_made_by_a_button_and_stays(till):
    page = words(till.browser.get("/invite").text)
    assert "You have no link yet" in page and "+300 pts · +50 growth" in page
    assert make_link(till) == make_link(till)


def test_looking_at_a_page_makes_no_link(till, mei):
    till.browser.get("/invite")
    with reading():
        assert earning.code_of(mei) is None


def test_a_friend_who_comes_by_the_link_is_told_by_whom_and_is_the_members(app, till, mei):
    link = make_link(till)
    friend = app.test_client()
    page = words(friend.get(link, follow_redirects=True).text)
    assert "Mei has invited you, and will see your first name" in page
    friend.post("/register", data=NEW)
    assert invitation().inviter_id == mei
    assert "Lin 2 March 2026 Waits until the e-mail address is confirmed" in words(till.browser.get("/invite").text)

    confirm(friend)
    worker.reward_invitations(NOON)
    page = words(till.browser.get("/invite").text)
    assert "Lin 2 March 2026 +20 pts Waits for an order that is kept" in page
    assert "Family" not in page
    assert ready(mei) == 20


def test_a_friend_who_joins_at_checkout_is_the_members_too(app, till, mei, mug):
    link = make_link(till)
    friend = app.test_client()
    friend.get(link)
    friend.post("/basket", data={"variant_id": mug.variant_id, "option_id": mug.options["cash"], "quantity": 1})
    page = friend.get("/checkout/join").text
    fields = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="(\w+)"[^>]*value="([^"]*)"', page))
    parcel = {"line1": "1 Other Street", "postcode": "97209", "city": "Portland", "country": "US"}
    chosen = re.search(r'name="method"[^>]*value="(\w+)"', page)
    answer = friend.post(
        "/checkout/join", data=fields | NEW | parcel | ({"method": chosen.group(1)} if chosen else {})
    )
    assert answer.status_code in (302, 303)
    assert invitation().inviter_id == mei


def test_a_link_nobody_has_leads_to_joining_all_the_same(client, stage):
    page = words(client.get("/invite/zzzzzzzzzz", follow_redirects=True).text)
    assert "This invitation is not known any more" in page and "Become a member" in page


def test_a_member_who_opens_a_link_is_told_it_is_for_others(till, enter, tom):
    link = make_link(till)
    page = words(enter(tom).get(link, follow_redirects=True).text)
    assert "You are a member already" in page
    assert invitation() is None


def test_a_friend_forgets_the_link_once_registered(app, till):
    friend = app.test_client()
    friend.get(make_link(till))
    friend.post("/register", data=NEW)
    friend.post("/register", data=NEW | {"email": "bo@example.com"})
    with reading():
        assert len(execute(select(earning.Invitation)).all()) == 1


def test_sec_61_registering_in_the_inviters_own_browser_waits_for_a_person(till, mei):
    link = make_link(till)
    till.browser.post("/sign-out")
    till.browser.get(link)
    till.browser.post("/register", data=NEW)
    confirm(till.browser)
    worker.reward_invitations(NOON)

    assert (invitation().state, invitation().evidence[0]["kind"]) == ("suspect", "browser")
    assert ready(mei) == 0
    till.browser.post("/sign-in", data={"email": "mei@example.com", "password": PASSWORD})
    assert "Somebody is looking at it" in words(till.browser.get("/invite").text)


def test_sec_61_another_spelling_of_ones_own_e_mail_is_no_friend(app, till):
    friend = app.test_client()
    friend.get(make_link(till))
    friend.post("/register", data=NEW | {"email": "MEI+friend@example.com"})
    assert invitation() is None


@pytest.mark.parametrize("code", ["a" * 300, "%27%20or%201=1", "--", "..%2f"])
def test_a_code_made_up_is_no_fault(client, stage, code):
    assert client.get(f"/invite/{code}").status_code in (302, 308, 404)


def test_the_page_takes_few_statements(app, till, count_statements):
    friend = app.test_client()
    friend.get(make_link(till))
    friend.post("/register", data=NEW)
    till.browser.get("/invite")
    count_statements.clear()
    till.browser.get("/invite")
    assert len(count_statements) <= 5, "\n".join(count_statements)
