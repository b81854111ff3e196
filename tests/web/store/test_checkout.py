"""Checkout: one page tells what it costs in points and in cash; one button does what its label says, once."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from mall.base.cashier import CashierUnreachable
from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import catalogue, checkout, people
from tests.cast import sign_in
from tests.stage import ADDRESS, NOON, PASSWORD, open_shop
from tests.web.store.till import Till, count_orders, words


def test_points_and_cash_are_two_totals_and_the_button_names_both(till, stage, mei, mug):
    stage.give(mei, 2_480)
    till.put_in(mug, "mix", points=900)

    page = words(till.checkout())

    assert "Points 900 pts Cash $11.80" in page  # 6.90 and the delivery of 4.90.
    assert "Redeem 900 pts and pay $11.80" in page
    assert "Your points: 2,480 − 900 = 1,580 left" in page
    assert "You will earn 69 pts and 6 growth , yours 14 days after delivery." in page
    assert "for 35 minutes at most" in page
    assert "expire on 31 March 2027 are used first" in page


def test_placing_a_mixed_order_leads_to_the_payment_page_with_the_points_held(till, stage, mei, mug):
    stage.give(mei, 1_000)
    till.put_in(mug, "mix", points=900)

    answer = till.place()

    assert answer.status_code == 303
    assert "/sandbox/" in answer.location
    (order,) = till.orders()
    assert (order.state, order.points, order.goods_cents) == ("awaiting_payment", 900, 690)
    assert order.address["city"] == "Portland"
    assert stage.balances(mei).held == 900
    assert till.lines() == []


def test_an_order_for_points_alone_never_meets_a_cashier(till, stage, mei, gift):
    stage.give(mei, 800)
    till.put_in(gift)
    assert "Redeem 800 pts" in till.checkout()

    answer = till.place()

    (order,) = till.orders()
    assert answer.location == f"/orders/{checkout.number_of(order.id)}"
    assert order.state == "paid"
    assert stage.balances(mei).ready == 0


def test_the_switch_takes_points_off_the_cash_price(till, stage, mei, mug):
    stage.give(mei, 5_000)
    till.put_in(mug, "cash")
    form = till.form()

    page = till.browser.post("/checkout", data=form | {"points_to": "795"}, follow_redirects=True)

    assert page.status_code == 200
    assert "Using 795 pts, you save $7.95" in page.text
    assert "Points pay for up to 50 % of items bought with cash: here 795 points." in words(page.text)
    assert "Redeem 795 pts and pay $12.85" in page.text
    assert count_orders() == 0


def test_choices_lead_to_a_page_that_can_be_come_back_to(till, stage, mei, mug):
    stage.give(mei, 5_000)
    till.put_in(mug, "cash")
    form = till.form()
    chosen = {"points": "795", "method": form["method"], "address": form["address"]}

    looked = till.browser.post("/checkout", data=form | {"points_to": "795"})

    assert looked.status_code == 303
    page, _mark, part = looked.location.partition("#")
    assert (urlsplit(page).path, dict(parse_qsl(urlsplit(page).query)), part) == ("/checkout", chosen, "pay-with")
    assert 'id="pay-with"' in till.browser.get(page).text


def test_a_refusal_names_the_address_of_its_choices_so_that_back_leads_there(till, stage, mei, mug):
    stage.give(mei, 5_000)
    till.put_in(mug, "cash")
    form = till.form()

    refused = till.browser.post("/checkout", data=form | {"points": "900000"})

    assert refused.status_code == 422
    (address,) = re.findall(r'data-address="([^"]*)"', refused.text)
    assert "points=900000" in address
    again = till.browser.get(address.replace("&amp;", "&"))
    assert 'value="900000"' in again.text
    assert "data-address" not in till.checkout()


def test_who_comes_back_without_paying_finds_the_order_in_the_empty_basket(till, stage, mei, mug):
    stage.give(mei, 5_000)
    till.put_in(mug, "mix", points="600")
    till.place()
    (order,) = till.orders()
    number = checkout.number_of(order.id)

    assert till.browser.get("/checkout").location == "/basket"
    page = till.basket()

    assert f"Order {number} waits for your payment of" in words(page)
    assert f'action="/orders/{number}/payment"' in page and f'href="/orders/{number}"' in page
    stage.pay(order)
    assert "waits for your payment" not in till.basket()


def test_another_s_unpaid_order_is_not_in_the_basket(till, stage, mug, enter):
    till.put_in(mug, "cash")
    till.place()

    assert "waits for your payment" not in enter(stage.member("tom")).get("/basket").text


def test_presets_offer_none_half_most_and_only_the_expiring(till, stage, mei, mug):
    with moved_to(NOON):
        stage.give(mei, 300, at=NOON.replace(year=2025, month=3))
    stage.give(mei, 5_000)
    till.put_in(mug, "cash")

    page = till.checkout()

    for label, points in (("No points", 0), ("Half", 397), ("The most", 795), ("Only the expiring", 300)):
        assert f'name="points_to" value="{points}"' in page
        assert label in page
    assert "The 300 pts that expire on 31 March 2026 are used first." in words(till.checkout(points=400))


def test_points_ready_bound_the_switch_beside_what_items_take(till, stage, mei, mug, gift):
    stage.give(mei, 1_000)
    till.put_in(gift)
    till.put_in(mug, "cash")

    page = words(till.checkout(points=200))

    assert "Using 200 pts, you save $2.00" in page
    assert "200 points are all you have ready beside what the items take." in page
    assert "1,000 − 1,000 = 0 left" in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("796", "at most 795 points"),
        ("9999999999", "at most 795 points"),
        ("lots", "Type how many points"),
        ("-5", "Type how many points"),
        ("9" * 30, "Type how many points"),
        ("٣", "Type how many points"),
    ],
)
def test_points_that_cannot_be_are_refused_at_once_and_stay_as_typed(till, stage, mei, mug, typed, said):
    stage.give(mei, 5_000)
    till.put_in(mug, "cash")
    form = till.form(points=100)

    looked = till.browser.post("/checkout", data=form | {"points": typed, "points_to": ""})
    pressed = till.browser.post("/checkout", data=form | {"points": typed})

    for page in (looked, pressed):
        assert page.status_code == 422
        assert said in words(page.text)
        assert '<li><a href="#points">' in page.text.partition("error-summary-title")[2][:400]
        (box,) = re.findall(r'<input[^>]* id="points"[^>]*>', page.text)
        assert f'value="{typed}"' in box
    assert count_orders() == 0


def test_the_smallest_payment_is_told(till, stage, mei):
    price = catalogue.mix_price(1_000, least=960, most=960, step=10)
    item = stage.item("Postcard", prices=(price,), delivery="digital")
    stage.give(mei, 960)
    till.put_in(item, "mix")

    page = words(till.checkout())

    assert "Small amount waived −$0.40" in page
    assert "Redeem 960 pts" in page


def test_too_few_points_are_told_before_the_button(till, stage, mei, gift):
    stage.give(mei, 300)
    till.put_in(gift)

    page = till.checkout()

    assert "500 points to go." in page
    assert "500 points to go." in page[: page.index("What you will pay")], "said above, not only beside the button"
    assert 'data-busy="Redeeming" disabled' in page
    refused = till.place()
    assert refused.status_code == 422
    assert count_orders() == 0


def test_an_unverified_member_is_told_and_can_have_the_mail_again(app, stage, enter, mug):
    zoe = stage.member("zoe", verified=False)
    with transaction():
        people.add_address(zoe, people.AddressLines("Zoe", "Lane 1", "Bath", "BA1", "GB"), at=NOON)
    stage.give(zoe, 1_000)
    till = Till(enter(zoe), stage, zoe)
    till.put_in(mug, "mix", points=900)

    page = till.checkout()

    assert "Verify your e-mail before you spend points" in page
    assert "/account/verification" in page
    assert till.place().status_code == 422
    assert count_orders() == 0


def test_who_has_no_address_adds_one_and_comes_back_with_the_choices(stage, tom, enter, mug):
    till = Till(enter(tom), stage, tom)
    stage.give(tom, 1_000)
    till.put_in(mug, "cash")

    page = till.checkout(points=500)
    assert "Add an address first" in page
    assert "/account/addresses/new?next=/checkout?points%3D500" in page
    refused = till.place()
    assert refused.status_code == 422
    assert "Choose the address this order goes to." in refused.text

    added = till.browser.post(
        "/account/addresses/new?next=/checkout?points%3D500",
        data={name: ADDRESS[name] for name in ADDRESS} | {"next": "/checkout?points=500"},
    )
    assert added.location == "/checkout?points=500"
    assert "18 Juniper Lane" in till.checkout(points=500)


def test_a_shop_without_a_cashier_says_so(make_app):
    app = make_app(CASHIER="none")
    with app.app_context():
        from_stage = _open(app)
        page = from_stage.checkout()
        assert "This shop takes no cash yet" in page and "an order that costs cash cannot be placed" in page
        assert 'data-busy="Placing the order" disabled' in page
        refused = from_stage.place()
        assert refused.status_code == 422
        assert "This shop takes no payments in cash yet." in refused.text


def test_what_stands_in_the_way_is_said_at_the_line(till, stage, mug):
    rare = stage.item("Waxed canvas tote", prices=(catalogue.cash_price(2_400),), stock=3)
    till.put_in(rare, "cash", quantity=4)

    page = till.checkout()

    assert "Change the basket first" in page
    refused = till.place()
    assert refused.status_code == 422
    assert count_orders() == 0


def test_a_price_that_changes_meanwhile_is_shown_before_anything_is_taken(till, stage, mug):
    till.put_in(mug, "cash")
    form = till.form()
    dearer = catalogue.cash_price(1_990, id=mug.options["cash"])
    with transaction():
        catalogue.set_price_options(mug.variant_id, [dearer], terms=stage.terms, by="staff:1", at=NOON)

    refused = till.browser.post("/checkout", data=form)

    assert refused.status_code == 422
    assert "The total has changed since you saw it. Nothing was taken." in refused.text
    assert "Pay $24.80" in refused.text
    assert "It was $15.90" in words(refused.text)
    assert till.place().status_code == 303


def test_pressed_twice_it_is_one_order_and_the_same_page(till, mug):
    till.put_in(mug, "cash")
    form = till.form()

    first = till.browser.post("/checkout", data=form)
    second = till.browser.post("/checkout", data=form)

    assert first.location == second.location
    assert "/sandbox/" in first.location
    assert count_orders() == 1


def test_pressed_again_after_paying_it_leads_to_the_order(till, stage, mug):
    till.put_in(mug, "cash")
    form = till.form()
    till.browser.post("/checkout", data=form)
    (order,) = till.orders()
    stage.pay(order)

    again = till.browser.post("/checkout", data=form)

    assert again.location == f"/orders/{checkout.number_of(order.id)}"
    assert count_orders() == 1


def test_another_tab_with_another_address_hears_where_the_first_order_goes(till, stage, mug):
    with transaction():
        people.add_address(till.member_id, people.AddressLines("Mei", "2 Elm Row", "Portland", "97202", "US"), at=NOON)
    with reading():
        ids = [address.id for address in people.addresses_of(till.member_id)]
    till.put_in(mug, "cash")
    one, other = (till.form(address=str(id_)) for id_ in ids)
    till.browser.post("/checkout", data=one)
    (order,) = till.orders()

    answer = till.browser.post("/checkout", data=other)

    assert answer.status_code == 422
    said = f"Order {checkout.number_of(order.id)} was placed from this basket already, with another address"
    assert said in answer.text
    assert till.orders() == [order]
    assert till.browser.post("/checkout", data=one).status_code == 303


def test_an_empty_basket_has_no_checkout(till):
    assert till.browser.get("/checkout").location == "/basket"
    refused = till.browser.post("/checkout", data={"key": "", "shown": ""})
    assert refused.status_code == 422
    assert "Your basket is empty. Put something in it first." in refused.text


def test_when_the_payment_page_cannot_be_reached_the_order_waits(till, app, mug, monkeypatch):
    from_cashier = app.extensions["cashier"]
    till.put_in(mug, "cash")
    form = till.form()
    monkeypatch.setattr(type(from_cashier), "open_session", _away)

    answer = till.browser.post("/checkout", data=form)

    (order,) = till.orders()
    assert answer.location == f"/orders/{checkout.number_of(order.id)}"
    assert "The payment page cannot be reached right now." in till.page_of(order)
    monkeypatch.undo()
    opened = till.browser.post(f"/orders/{checkout.number_of(order.id)}/payment")
    assert "/sandbox/" in opened.location


def test_a_pickup_needs_no_address(pickup, enter):
    tom = pickup.member("tom")
    till, mug = Till(enter(tom), pickup, tom), pickup.item("Mug", prices=(catalogue.cash_price(1_590),))
    till.put_in(mug, "cash")

    page = till.checkout(method="shop")
    assert "Deliver to" not in page
    assert "Pay $15.90" in page

    assert till.place(method="shop").status_code == 303
    assert till.orders()[0].shipping_key == "shop"


@pytest.mark.parametrize("lines", [1, 12])
def test_the_page_takes_as_many_statements_for_one_line_as_for_many(till, stage, count_statements, lines):
    for number in range(lines):
        till.put_in(stage.item(f"Item {number}"))
    till.checkout()
    count_statements.clear()

    till.checkout()

    assert len(count_statements) == 5, "\n".join(count_statements)


def _open(app):
    stage = open_shop()
    tom = stage.member("tom")
    with transaction():
        people.add_address(tom, people.AddressLines("Tom", "Lane 1", "Bath", "BA1", "GB"), at=NOON)
    browser = app.test_client()
    sign_in(browser, tom, password=PASSWORD)
    till = Till(browser, stage, tom)
    till.put_in(stage.item("Mug", prices=(catalogue.cash_price(1_590),)), "cash")
    return till


def _away(*_args, **_kwargs):
    raise CashierUnreachable("down")


@pytest.mark.parametrize("typed", ["abc", "-1"])
def test_points_that_are_no_number_are_said_at_their_field_and_the_totals_stay(till, stage, mei, mug, typed):
    stage.give(mei, 1_000)
    till.put_in(mug, "cash")
    form = till.form(points=500)
    before = words(till.checkout(points=500)).partition("What you will pay")[2][:200]

    answer = till.browser.post("/checkout", data=form | {"points": typed, "points_to": ""})

    assert answer.status_code == 422
    assert f'value="{typed}" aria-label="Points to use" aria-invalid="true"' in answer.text
    assert "as a whole number" in answer.text.partition('id="points-error"')[2][:200]
    assert words(answer.text).partition("What you will pay")[2][:200] == before
    assert "−$5.00" in before
