"""A member's orders: what happened, what comes next, and what can still be done about it."""

from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import transaction
from mall.domain import catalogue, checkout
from tests.stage import NOON, open_shop
from tests.web.store.till import Till, words


@pytest.fixture
def mixed(till, stage, mei, mug):
    """An order of 900 points and $6.90, with $4.90 for delivery, that waits for its payment."""
    stage.give(mei, 1_000)
    till.put_in(mug, "mix", points=900)
    till.place()
    return till.orders()[0]


def address_of(order, page=""):
    return f"/orders/{checkout.number_of(order.id)}{page}"


def test_the_list_names_each_order_with_its_state_and_what_it_costs(till, stage, mixed, gift, mei):
    stage.give(mei, 800)
    till.put_in(gift)
    till.place()

    page = words(till.browser.get("/orders").text)

    assert page.index("Pressed-flower card") < page.index("Stoneware mugs")
    assert "Order 10001 · 2 March 2026 Waiting for payment 900 pts + $11.80" in page
    assert "Being packed" in page


def test_who_has_no_order_is_shown_the_way(till):
    assert "No order yet" in till.browser.get("/orders").text


def test_an_unpaid_order_says_what_is_held_and_until_when(till, mixed):
    page = words(till.page_of(mixed))

    assert "Your payment of $11.80 is still to come Your 900 pts are held for it." in page
    assert "Until 2 Mar 2026, 12:35" in page
    assert "Pay $11.80" in page
    assert "Give up" in page
    assert "14 days after delivery: 69 pts, 6 growth" in page


def test_a_declined_payment_can_be_tried_again(till, stage, mixed):
    session = stage.open_page(mixed)
    stage.cashier.decline(session)
    back = stage.cashier.address_after(stage.cashier.session(session), paid=False)
    assert back.endswith(address_of(mixed, "/unpaid"))
    till.browser.get(address_of(mixed, "/unpaid"))

    page = words(till.page_of(mixed))
    assert (
        "Payment of $11.80 was declined. Try again, or give up and your 900 pts are back at once. Try again Give up"
        in page
    )

    again = till.browser.post(address_of(mixed, "/payment"))
    assert again.status_code == 303
    assert "/sandbox/" in again.location


def test_giving_up_gives_the_points_back_at_once_and_the_basket_too(till, stage, mei, mixed):
    answer = till.browser.post(address_of(mixed, "/cancellation"), follow_redirects=True)

    assert "The order is cancelled. The points are back in your wallet." in answer.text
    assert stage.balances(mei).ready == 1_000
    assert [line.quantity for line in till.lines()] == [1]
    assert "Cancelled" in answer.text
    assert "The price has changed" not in till.basket()


def test_given_up_twice_nothing_more_happens(till, stage, mei, mixed):
    till.browser.post(address_of(mixed, "/cancellation"))
    till.browser.post(address_of(mixed, "/cancellation"))

    assert stage.balances(mei).ready == 1_000
    assert len(till.lines()) == 1


def test_coming_back_from_the_payment_page_the_order_is_paid(till, stage, mixed):
    stage.cashier.pay(stage.open_page(mixed))

    page = till.browser.get(address_of(mixed, "/paid"), follow_redirects=True)

    assert "Paid, thank you." in page.text
    assert "A mail" not in page.text
    assert "Being packed" in page.text
    assert "Points and growth are yours" in page.text
    assert "Cancel this order" in page.text


def test_paid_with_points_alone_is_thanked_for_too(till, stage, mei, gift):
    stage.give(mei, 800)
    till.put_in(gift)
    till.browser.application.config["SMTP_URL"] = "smtp://mail.example.com"

    assert "Paid, thank you. A mail about it is on its way" in till.browser.get(till.place().location).text


def test_there_is_no_receipt_before_payment(till, stage, mixed):
    assert "Receipt" not in till.page_of(mixed)
    assert till.browser.get(address_of(mixed, "/receipt")).status_code == 404

    stage.pay(mixed)
    assert "Receipt" in till.page_of(mixed)


def test_the_receipt_of_a_refunded_order_shows_what_went_back(till, stage, mixed):
    stage.pay(mixed)
    stage.ship(mixed)
    stage.refund(mixed, reason="damaged")

    receipt = words(till.browser.get(address_of(mixed, "/receipt")).text)
    assert "Given back Points, with their own last day 900 On its way back, the way it came $11.80" in receipt
    assert "Refunded: Damaged" in till.page_of(mixed)
    till.browser.post("/language", data={"language": "zh"})
    assert "Damaged" not in till.page_of(mixed)


def test_before_it_is_shipped_it_can_be_cancelled_after_a_look_at_what_comes_back(till, stage, mei, mixed):
    stage.pay(mixed)

    look = words(till.browser.get(address_of(mixed, "/cancellation")).text)
    assert "900 pts" in look
    assert "Cash, the way it came with delivery $11.80" in look
    assert "Points on the way, taken back −69" in look

    done = till.browser.post(address_of(mixed, "/cancellation"), follow_redirects=True)
    assert "Points are back in your wallet; cash goes back the way it came." in done.text
    page = words(done.text)
    assert "Order 10001 Cancelled Placed" in page
    assert "It was cancelled" in page
    assert "Cancelled before it was shipped; everything goes back" in page
    assert "Refunded" not in page
    assert "hange of mind" not in page
    assert "Cancelled" in words(till.browser.get("/orders").text)
    assert stage.balances(mei).ready == 1_000
    assert "On its way back, the way it came $11.80" in words(done.text)


def test_an_order_of_which_a_part_had_left_reads_refunded_once_all_goes_back(till, stage, mei, mug):
    stage.put_in(mei, mug, "cash", quantity=2)
    order = stage.pay(stage.place(mei))
    with transaction():
        checkout.ship(order.id, carrier="Swift", tracking="T1", pieces={1: 1}, by="staff:1", at=NOON)

    stage.refund(order, reason="damaged")

    assert "It was refunded" in till.browser.get(address_of(order)).text
    for page in ("/orders", address_of(order), address_of(order, "/receipt")):
        read = words(till.browser.get(page).text)
        assert "Refunded" in read
        assert "ancelled" not in read


def test_what_is_had_online_reads_refunded_once_it_goes_back(till, stage, mei):
    stage.put_in(mei, stage.item("Card", kind="code", prices=(catalogue.cash_price(1_000),)), "cash")
    order = stage.pay(stage.place(mei))

    stage.refund(order, reason="goodwill", at=NOON + timedelta(days=5))

    assert "It was refunded" in till.browser.get(address_of(order)).text
    assert "Cancelled" not in words(till.browser.get("/orders").text)


def test_once_shipped_it_cannot_be_cancelled(till, stage, mixed):
    stage.pay(mixed)
    stage.ship(mixed)

    refused = till.browser.post(address_of(mixed, "/cancellation"))

    assert refused.status_code == 422
    assert "has been shipped, so it cannot be cancelled. It can be returned." in refused.text
    assert till.browser.get(address_of(mixed, "/cancellation")).location == address_of(mixed)


def test_the_member_confirms_that_it_arrived_and_the_days_for_returns_begin(till, stage, mixed):
    stage.pay(mixed)
    stage.ship(mixed)
    page = till.page_of(mixed)
    assert "On its way" in page
    assert "Swift" in page
    assert f"T{mixed.id}" in page

    done = till.browser.post(address_of(mixed, "/receipt-of-goods"), follow_redirects=True)

    assert "Thank you. The order is complete." in done.text
    assert "16 March 2026: 69 pts, 6 growth" in done.text
    assert till.browser.post(address_of(mixed, "/receipt-of-goods")).status_code == 303


def test_what_has_not_been_shipped_cannot_have_arrived(till, mixed):
    refused = till.browser.post(address_of(mixed, "/receipt-of-goods"))

    assert refused.status_code == 422
    assert "has moved on meanwhile" in refused.text


def test_when_the_window_is_over_the_timeline_says_that_the_points_are_yours(till, stage, mixed):
    stage.pay(mixed)
    stage.ship(mixed)
    stage.deliver(mixed)
    stage.close(mixed, at=NOON + timedelta(days=14))

    assert "Return window over; points and growth are yours" in till.page_of(mixed)


def test_an_order_not_paid_in_time_says_so(till, stage, mixed):
    late = NOON + timedelta(hours=1)
    with moved_to(late):
        checkout.sweep(cashier=stage.cashier, terms=stage.terms, site="http://localhost")
        page = till.page_of(mixed)

    assert "Not paid in time" in page
    assert "points and items were released" in page


def test_the_receipt_shows_the_order_of_calculation_and_whose_it_is(till, stage, mei, mug):
    stage.give(mei, 5_000)
    till.put_in(mug, "cash", quantity=2)
    till.place(points=1_000)
    (order,) = till.orders()
    stage.pay(order)

    page = words(till.browser.get(address_of(order, "/receipt")).text)

    assert (
        "Items, in cash $31.80 Paid with points 1,000 pts −$10.00 Delivery $4.90 Points 1,000 pts Cash $26.70" in page
    )
    assert "Tessera" in page
    assert "SKU-" in page


def test_the_receipt_tells_the_tax_inside_by_rate(app, enter):
    stage = open_shop(tax_classes={"standard": {"name": {"en": "VAT"}, "rates": [["2020-01-01", 1900]]}})
    tom = stage.member("tom")
    stage.put_in(tom, stage.item("Mug", prices=(catalogue.cash_price(1_590),)), "cash")
    order = stage.pay(stage.place(tom))

    page = words(enter(tom).get(address_of(order, "/receipt")).text)

    assert "Tax inside items, 19 % of $15.90 $2.54" in page
    assert "Tax inside delivery $0.78" in page
    assert "Tax inside items, 19 % of $15.90 $2.54" in words(enter(tom).get(address_of(order)).text)


def test_every_line_shows_its_share(till, stage, mei, mug):
    stage.give(mei, 5_000)
    till.put_in(mug, "cash")
    till.place(points=500)
    (order,) = till.orders()

    assert "$15.90 − $5.00 paid with 500 pts" in words(till.page_of(order))


@pytest.mark.parametrize("part", ["", "/receipt", "/paid", "/unpaid", "/cancellation"])
def test_anothers_order_is_not_there(stage, mixed, tom, enter, part):
    assert Till(enter(tom), stage, tom).browser.get(address_of(mixed, part)).status_code == 404


@pytest.mark.parametrize("number", ["1", "10000", "99999", "abc", "1e9", "9" * 30, "%C2%BD"])
def test_what_is_no_number_of_an_order_is_not_there(till, number):
    assert till.browser.get(f"/orders/{number}").status_code == 404


@pytest.mark.parametrize("asked", ["0", "-1", "abc", "9" * 30, "2"])
def test_any_page_of_the_list_can_be_asked_for(till, mixed, asked):
    assert till.browser.get(f"/orders?page={asked}").status_code == 200
