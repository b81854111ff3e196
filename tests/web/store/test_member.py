"""The member centre and the help pages: where one stands, what is missing, and the rules with their figures."""

from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import transaction
from mall.domain import catalogue, earning
from tests.stage import NOON
from tests.web.store.till import words


def grow(stage, member_id, cents, *, at=NOON):
    """Let a member buy and keep goods for so many cents of cash; the window ends 14 days later."""
    item = stage.item(f"Item for {cents}", prices=(catalogue.cash_price(cents),), at=at)
    stage.put_in(member_id, item, "cash", at=at)
    order = stage.place(member_id, at=at)
    stage.pay(order, at=at)
    stage.ship(order, at=at)
    stage.deliver(order, at=at)
    stage.close(order, at=at + timedelta(days=14))


def test_a_new_member_reads_what_the_next_level_takes(till):
    page = words(till.browser.get("/member").text)

    assert "Hello, Mei" in page
    assert "1 growth to reach Ordinary" in page
    assert "to stay" not in page
    assert "No growth yet" in page


def test_a_level_reached_says_both_sentences(app, till, stage, mei):
    grow(stage, mei, 160_000)

    with moved_to(NOON + timedelta(days=15)):
        page = words(till.browser.get("/member").text)

    assert "Senior since 16 March 2026" in page
    assert "3,400 growth to reach VIP" in page
    assert "1,500 growth by 16 March 2027 to stay Senior" in page
    assert "1 growth per $1.00 = 1,600 growth" in page


@pytest.mark.parametrize("page", ["/member", "/member/tasks"])
def test_both_lists_of_tasks_say_what_an_order_gives_at_ones_own_level(till, stage, mei, page):
    said = "Place an order For every $1.00 you spend and keep"
    assert f"{said} +10 pts" in words(till.browser.get(page).text)

    grow(stage, mei, 160_000, at=NOON - timedelta(days=14))

    assert f"{said} +12 pts" in words(till.browser.get(page).text)


def test_who_has_what_it_takes_to_stay_reads_so(till, stage, mei):
    grow(stage, mei, 160_000, at=NOON - timedelta(days=100))
    grow(stage, mei, 150_000, at=NOON - timedelta(days=14))

    page = words(till.browser.get("/member").text)

    assert "You keep Senior at the review on 6 December 2026: you have the growth it takes" in page


def test_growth_about_to_be_taken_off_is_announced_until_the_member_checks_in(stage, mei, enter):
    grow(stage, mei, 160_000)
    told = NOON + timedelta(days=90 - 14)
    with transaction():
        earning.take_off_dormant(terms=stage.terms, after=0, at=told)
    with moved_to(told):
        browser = enter(mei)
        page = words(browser.get("/member").text)
    assert "160 growth is taken off on 31 May 2026" in page
    assert "Who does nothing for 90 days loses 10 % of it a month, announced 14 days before." in page

    with moved_to(told):
        browser.post("/member/check-in")
        assert "is taken off on" not in words(browser.get("/member").text)


def test_the_table_shows_every_level_with_ones_own_marked(till):
    page = till.browser.get("/member").text
    told = words(page)

    for level in ("Registered", "Ordinary", "Senior", "VIP", "SVIP"):
        assert level in told
    assert "your level" in told
    assert "Growth to reach it 0 1 1,500 5,000 15,000" in told
    assert 'aria-current="step"' in page


def test_the_help_tells_the_rules_with_the_figures_of_the_programme(client, stage):
    points = words(client.get("/help/points").text)
    assert "10 points for every $1.00 you spend. 100 points are worth $1.00." in points
    assert "14 days after delivery" in points
    assert "up to 50 %" in points
    assert "Points last 12 months" in points

    returns = words(client.get("/help/returns").text)
    assert "You have 14 days from delivery" in returns
    assert "10 days after it was shipped" in returns


def test_terms_and_privacy_tell_what_this_shop_does(client, stage):
    told = words(client.get("/help/terms").text)
    assert "10 points for every $1.00 you spend. 100 points are worth $1.00." in told
    assert "not paid within 35 minutes" in told
    assert "They last 12 months" in told
    assert "this one is number 1" in told

    told = words(client.get("/help/privacy").text)
    assert "90 days after they were last used" in told
    assert "Stripe" not in told
    for page in ("/", "/register"):
        assert 'href="/help/terms"' in client.get(page).text
        assert 'href="/help/privacy"' in client.get(page).text
    assert "By becoming a member you accept the Terms" in words(client.get("/register").text)


def test_the_style_page_is_there_in_the_demo_only(client, stage, make_app):
    assert client.get("/style").status_code == 200

    real = make_app(DEMO=False, CASHIER="none", STAFF_TOTP_WAIVED=False)
    assert real.test_client().get("/style").status_code == 404
