"""The wish list says how many points are to go for each item, is its member's alone, and works without script."""

import re

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, checkout, interest
from tests.stage import NOON
from tests.web.store.till import words


@pytest.fixture
def browser(mei, enter):
    return enter(mei)


def slug(item):
    with reading():
        return execute(select(catalogue.Product.slug).where(catalogue.Product.id == item.product_id)).scalar_one()


def wished(member_id):
    with reading():
        return [row.product_id for row in interest.wishes_of(member_id)]


def test_the_heart_of_a_card_puts_an_item_on_the_list_and_off_again(browser, mei, mug):
    page = browser.get("/shop?sort=points").text
    assert re.search(r'data-item="1" name="on" aria-pressed="false" value="([^"]+)"', page)[1] == slug(mug)

    answer = browser.post("/wishes", data={"on": slug(mug), "next": "/shop?sort=points"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/shop?sort=points")
    assert wished(mei) == [mug.product_id]
    assert 'data-item="1" name="off" aria-pressed="true"' in browser.get("/shop?sort=points").text

    browser.post("/wishes", data={"off": slug(mug)})
    assert wished(mei) == []
    assert 'name="off"' not in browser.get("/shop?sort=points").text


def test_a_listing_kept_for_two_members_shows_each_their_own_hearts(browser, mei, tom, enter, mug):
    browser.post("/wishes", data={"on": slug(mug)})

    assert 'aria-pressed="true"' in browser.get("/shop").text
    assert 'aria-pressed="true"' not in enter(tom).get("/shop").text
    assert 'aria-pressed="true"' in browser.get("/shop").text


def test_twice_on_the_list_is_once_and_twice_off_is_off(browser, mei, mug):
    for _twice in range(2):
        assert browser.post("/wishes", data={"on": slug(mug)}).status_code == 303
    assert wished(mei) == [mug.product_id]
    for _twice in range(2):
        assert browser.post("/wishes", data={"off": slug(mug)}).status_code == 303
    assert wished(mei) == []


def test_the_list_says_how_many_points_are_to_go(browser, stage, mei, mug, gift):
    stage.give(mei, 700)
    for item in (mug, gift):
        browser.post("/wishes", data={"on": slug(item)})
    page = words(browser.get("/wishes").text)

    assert "100 points to go" in page
    assert "Within reach of your points" in page
    assert page.index("Pressed-flower card") < page.index("Stoneware mugs")


def test_what_is_sold_out_gated_or_gone_says_so(browser, stage, mei):
    out, gated, gone = stage.item("Teapot", stock=0), stage.item("Throw", buy_rank=4), stage.item("Bowl")
    for item in (out, gated, gone):
        browser.post("/wishes", data={"on": slug(item)})
    with transaction():
        catalogue.delist_products([gone.product_id], by="staff:1", at=NOON)
    page = words(browser.get("/wishes").text)

    assert "Sold out Tell me when it is back" in page
    assert "VIP" in page and "Not in the shop at the moment." in page
    assert "Move to basket" not in page
    browser.post("/wishes", data={"off": slug(gone)})
    assert gone.product_id not in wished(mei)


def test_an_item_moves_to_the_basket(browser, stage, mei, gift):
    browser.post("/wishes", data={"on": slug(gift)})
    answer = browser.post(f"/wishes/{slug(gift)}/basket")

    assert answer.status_code == 303
    assert wished(mei) == []
    with reading():
        (line,) = checkout.basket_of(checkout.Owner(member_id=mei)).lines
    assert (line.variant_id, line.quantity, line.seen_points) == (gift.variant_id, 1, 800)


def test_what_sold_out_meanwhile_stays_on_the_list_and_says_so(browser, stage, mei):
    pot = stage.item("Teapot", stock=0)
    browser.post("/wishes", data={"on": slug(pot)})
    answer = browser.post(f"/wishes/{slug(pot)}/basket")

    assert answer.status_code == 422 and "Teapot is sold out" in answer.text
    assert wished(mei) == [pot.product_id]


def test_nobody_sees_or_changes_another_s_list(browser, mei, tom, enter, gift):
    browser.post("/wishes", data={"on": slug(gift)})
    theirs = enter(tom)

    assert "Pressed-flower card" not in theirs.get("/wishes").text
    theirs.post("/wishes", data={"off": slug(gift), "member_id": mei})
    assert wished(mei) == [gift.product_id]


def test_what_a_member_may_not_see_cannot_be_wished_for(browser, stage, mei):
    secret = stage.item("Secret", see_rank=5)

    assert browser.post("/wishes", data={"on": slug(secret)}).status_code == 404
    assert browser.post("/wishes", data={"on": "nothing"}).status_code == 404
    assert browser.post("/wishes", data={}).status_code == 404
    assert wished(mei) == []


def test_the_list_has_an_end(browser, mei, mug, gift, monkeypatch):
    monkeypatch.setattr(interest.wishes, "MOST_WISHES", 1)
    browser.post("/wishes", data={"on": slug(mug)})
    answer = browser.post("/wishes", data={"on": slug(gift)})

    assert answer.status_code == 422 and "A wish list holds 1 items" in answer.text
    assert wished(mei) == [mug.product_id]


@pytest.mark.parametrize("next_page", ["//evil.test", "https://evil.test/", "/\\evil.test", "javascript:1"])
def test_the_way_back_leads_nowhere_else(browser, mug, next_page):
    answer = browser.post("/wishes", data={"on": slug(mug), "next": next_page})

    assert answer.headers["Location"] == "/wishes"


def test_visitors_have_no_heart_and_are_asked_to_sign_in(client, mug):
    assert 'class="heart"' not in client.get("/shop").text
    assert "Sign in to put it on a wish list" in client.get(f"/items/{slug(mug)}").text
    assert client.post("/wishes", data={"on": slug(mug)}).headers["Location"].startswith("/sign-in")


def test_hearts_cost_no_statement(browser, stage, mei, count_statements):
    for number in range(12):
        stage.item(f"Item {number}")
    browser.get("/shop")
    browser.get("/shop?page=1")
    count_statements.clear()
    browser.get("/shop?sort=newest")
    before = len(count_statements)
    with transaction():
        for product_id in range(1, 9):
            interest.wish(mei, f"item-{product_id}", viewer=catalogue.Viewer(1, mei), at=NOON)
    count_statements.clear()
    browser.get("/shop?sort=points")

    assert len(count_statements) <= before
