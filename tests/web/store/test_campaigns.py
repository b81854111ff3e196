"""A campaign is said where it counts: on the item, at the checkout, on the order and in the history of points."""

from datetime import timedelta

from mall.base.clock import moved_to
from mall.base.db import reading
from mall.domain import checkout, ledger
from tests.stage import NOON
from tests.web.store.till import words

NAME = "Double points Saturday"


def test_an_item_says_what_it_earns_in_a_campaign_and_until_when(till, stage):
    stage.mug()
    plain = words(till.browser.get("/items/stoneware-mugs").text)
    assert NAME not in plain and "Earns 159 pts" in plain
    stage.campaign()

    page = words(till.browser.get("/items/stoneware-mugs").text)

    assert "Earns 318 pts" in page
    assert f"{NAME} double points on what you pay in cash, until 4 Mar 2026, 12:00" in page
    assert "while the campaign lasts" in page
    with moved_to(NOON + timedelta(days=2)):
        assert NAME not in words(till.browser.get("/items/stoneware-mugs").text)


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
    assert f"{NAME} : double points, 159 of these points come from it, while the campaign lasts." in page


def test_the_order_says_it_before_and_after_payment_and_the_history_explains_it(till, stage, mei):
    till.put_in(stage.mug(), "cash")
    stage.campaign()
    till.place()
    [order] = till.orders()
    before = words(till.page_of(order))
    assert f"{NAME} double points on $15.90, while the campaign lasts" in before and "318 pts, 15 growth" in before

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

    pages = ("/items/stoneware-mugs", "/checkout", "/shop")
    without = {address: asked(address) for address in pages}
    stage.campaign()

    assert {address: asked(address) for address in pages} == without
