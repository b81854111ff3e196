"""A campaign is said where it counts: on the item, at the checkout, on the order and in the history of points."""

import re
from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import catalogue, checkout, ledger
from tests.stage import NOON, PASSWORD
from tests.web.store.till import count_orders, fields_of, words

NAME = "Double points Saturday"
NEWCOMER = {
    "email": "zoe@example.com", "display_name": "Zoe Ward", "password": PASSWORD, "line1": "18 Juniper Lane",
    "postcode": "97201", "city": "Portland", "country": "US",
}  # fmt: skip


def test_an_item_says_what_it_earns_in_a_campaign_and_until_when(till, stage):
    stage.mug()
    plain = words(till.browser.get("/items/stoneware-mugs").text)
    assert NAME not in plain and "Earns 159 pts" in plain
    stage.campaign()

    page = words(till.browser.get("/items/stoneware-mugs").text)

    assert "Earns 318 pts" in page
    assert f"{NAME} double points on what you pay in cash, until 4 Mar 2026, 12:00" in page
    assert "points are given" not in page
    with moved_to(NOON + timedelta(days=2)):
        assert NAME not in words(till.browser.get("/items/stoneware-mugs").text)


def test_a_campaign_with_a_cap_says_how_many_points_it_gives(till, stage):
    till.put_in(stage.mug(), "cash")
    stage.campaign(cap_points=5_000)

    item = words(till.browser.get("/items/stoneware-mugs").text)
    page = words(till.checkout())
    till.place()
    [order] = till.orders()

    assert "until 4 Mar 2026, 12:00 , or until 5,000 points are given" in item
    assert "159 of these points come from it, as far as its 5,000 points reach when you pay." in page
    assert "on $15.90, as far as its 5,000 points reach when you pay" in words(till.page_of(order))


@pytest.mark.parametrize("door", ["member", "visitor"])
def test_one_used_up_since_the_total_was_seen_is_said_before_anything_is_placed(app, till, stage, tom, door):
    mug = stage.mug()
    stage.campaign(cap_points=159)
    browser = till.browser if door == "member" else app.test_client()
    browser.post("/basket", data={"variant_id": mug.variant_id, "option_id": mug.options["cash"], "quantity": 1})
    address = "/checkout" if door == "member" else "/checkout/join"
    extra = {} if door == "member" else NEWCOMER
    form = fields_of(browser.get(address).text, "order") | extra
    assert form["earns"] == "318"
    stage.put_in(tom, stage.mug(), "cash")
    stage.pay(stage.place(tom))

    refused = browser.post(address, data=form)

    assert refused.status_code == 422
    page = words(refused.text)
    assert "would earn 159 points now, fewer than the 318 you saw" in page and NAME not in page
    assert count_orders() == 1
    again = browser.post(address, data=form | fields_of(refused.text, "order") | extra)
    assert again.status_code == 303 and count_orders() == 2


def test_the_cards_of_a_list_show_the_points_of_the_campaigns_of_who_looks(app, till, stage):
    mug = stage.item("Mug", prices=(catalogue.cash_price(1_590),))
    lamp = stage.item("Lamp", prices=(catalogue.cash_price(1_000),))
    with transaction():
        cups = catalogue.create_category({"en": "Cups"}, by="staff:1", at=NOON)
        catalogue.edit_product(mug.product_id, categories=[cups], terms=stage.terms, by="staff:1", at=NOON)
    earned = {address: points_on_cards(till.browser, address) for address in ("/shop", "/")}
    assert earned["/shop"] == {"Earn 159 pts", "Earn 100 pts"} == earned["/"]

    stage.campaign(scope="category", scope_ids=[cups])
    stage.campaign(scope="product", scope_ids=[lamp.product_id], multiplier_percent=300, min_rank=2)

    assert points_on_cards(till.browser, "/shop") == {"Earn 318 pts", "Earn 100 pts"}
    assert points_on_cards(app.test_client(), "/") == {"Earn 318 pts", "Earn 100 pts"}
    with moved_to(NOON + timedelta(days=2)):
        assert points_on_cards(till.browser, "/shop") == {"Earn 159 pts", "Earn 100 pts"}


def points_on_cards(browser, address):
    return set(re.findall(r"Earn [\d,]+ pts", words(browser.get(address).text)))


def test_an_item_that_is_had_for_points_alone_says_nothing_of_it(till, stage):
    stage.item()
    stage.campaign()

    assert NAME not in till.browser.get("/items/stoneware-mugs").text


def test_a_visitor_sees_it_too_and_one_for_higher_levels_is_not_shown_to_who_is_below(app, till, stage):
    stage.mug()
    stage.campaign(min_rank=2)
    assert NAME not in till.browser.get("/items/stoneware-mugs").text
    stage.campaign(multiplier_percent=150)

    page = words(app.test_client().get("/items/stoneware-mugs").text)

    assert "1.5× points on what you pay in cash" in page and "Earns 238 pts" in page


def test_the_checkout_says_how_many_of_the_points_come_from_it(till, stage):
    till.put_in(stage.mug(), "cash")
    stage.campaign()

    page = words(till.checkout())

    assert "You will earn 318 pts and 15 growth" in page
    assert f"{NAME} : double points, 159 of these points come from it, if you order by 4 Mar 2026, 12:00 ." in page


def test_the_order_says_it_before_and_after_payment_and_the_history_explains_it(till, stage, mei):
    till.put_in(stage.mug(), "cash")
    stage.campaign()
    till.place()
    [order] = till.orders()
    before = words(till.page_of(order))
    assert (
        f"{NAME} double points on $15.90" in before
        and "reach when you pay" not in before
        and "318 pts, 15 growth" in before
    )

    stage.pay(order)

    after = words(till.page_of(order))
    assert f"{NAME} double points on $15.90 + 159 pts" in after
    wallet = words(till.browser.get("/wallet").text)
    assert f"{NAME}, on the way" in wallet
    with reading():
        [move] = [each.move for each in ledger.history(mei, limit=9) if "campaign" in each.move]
    why = words(till.browser.get(f"/wallet/moves/{move}").text)
    assert f"“{NAME}”: $15.90 kept × 10 points per $1.00 × 100 % more = 159 points" in why
    assert "Campaign, programme version 1" in why


def test_a_campaign_that_ran_out_before_the_payment_is_said_on_the_order(till, stage, tom):
    till.put_in(stage.mug(), "cash")
    stage.campaign(cap_points=159)
    till.place()
    [order] = till.orders()
    stage.put_in(tom, stage.mug(), "cash")
    stage.pay(stage.place(tom))

    stage.pay(order)

    page = words(till.page_of(order))
    assert f"The points of “{NAME}” had run out when this order was paid; it earns the ordinary points" in page
    assert "+ 0 pts" in page and checkout.number_of(order.id) in page


def test_it_is_said_in_chinese(till, stage):
    stage.mug()
    stage.campaign()
    till.browser.post("/language", data={"language": "zh"})

    page = till.browser.get("/items/stoneware-mugs").text

    assert "周六双倍积分" in page and "双倍积分" in page


def test_pages_ask_no_more_with_a_campaign_than_without(till, stage, count_statements):
    till.put_in(stage.mug(), "cash")

    def asked(address):
        till.browser.get(address)
        count_statements.clear()
        till.browser.get(address)
        return len(count_statements)

    pages = ("/items/stoneware-mugs", "/checkout", "/shop", "/shop?sort=points", "/")
    without = {address: asked(address) for address in pages}
    stage.campaign()

    assert {address: asked(address) for address in pages} == without


def test_a_list_made_anew_asks_no_more_with_a_campaign_of_a_category(till, stage, count_statements):
    mug = stage.mug()
    with transaction():
        cups = catalogue.create_category({"en": "Cups"}, by="staff:1", at=NOON)
        catalogue.edit_product(mug.product_id, categories=[cups], terms=stage.terms, by="staff:1", at=NOON)

    def asked(address):
        till.browser.get("/wallet")  # Reads the campaigns, where they have changed.
        count_statements.clear()
        till.browser.get(address)
        return len(count_statements)

    without = asked("/shop?in_stock=1")
    stage.campaign(scope="category", scope_ids=[cups])

    assert asked("/shop?my_level=1") == without
