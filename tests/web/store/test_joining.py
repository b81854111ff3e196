"""Who is no member yet registers and places the order with one short form at checkout, in one go, once."""

import pytest
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict

from mall.base.cashier import CashierUnreachable
from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, checkout, notices, people
from mall.domain.checkout import joining
from tests.stage import NOON, PASSWORD
from tests.threads import race
from tests.web.store.till import Till, count_orders, fields_of, words

ZOE = {
    "email": "zoe@example.com", "display_name": "Zoe Ward", "password": PASSWORD, "line1": "18 Juniper Lane",
    "line2": "2nd floor", "postcode": "97201", "city": "Portland", "region": "OR", "country": "US",
    "phone": "+1 503 555", "wants_news": "y",
}  # fmt: skip


@pytest.fixture
def visitor(app, stage):
    """The till of somebody who has not signed in."""
    return Till(app.test_client(), stage, 0)


def form_of(visitor, **typed):
    """Return what the form at checkout sends with this typed into it."""
    return MultiDict(fields_of(visitor.browser.get("/checkout/join").text, "order") | ZOE | typed)


def join(visitor, **typed):
    """Press the button of the form."""
    return visitor.browser.post("/checkout/join", data=form_of(visitor, **typed))


def members():
    with reading():
        return execute(select(people.Member).order_by(people.Member.id)).all()


def orders():
    with reading():
        return execute(select(checkout.Order).order_by(checkout.Order.id)).all()


def basket_of(visitor):
    with visitor.browser.session_transaction() as session, reading():
        return checkout.basket_of(checkout.Owner(token=session.get("basket"))).lines


def test_checkout_shows_a_visitor_the_total_of_a_new_member_and_one_form(visitor, mug):
    visitor.put_in(mug, "cash")

    sent_on = visitor.browser.get("/checkout")
    assert (sent_on.status_code, sent_on.location) == (302, "/checkout/join")
    page = words(visitor.browser.get("/checkout/join").text)

    assert "Become a member and pay $20.80" in page
    assert "You will earn 159 pts and 15 growth , yours 14 days after delivery." in page
    assert "Are you a member already?" in page
    assert "Deliver to" in page


def test_the_form_makes_a_member_and_an_order_and_leads_to_the_payment_page(visitor, mug):
    visitor.put_in(mug, "cash", quantity=2)

    answer = join(visitor)

    assert answer.status_code == 303
    assert "/sandbox/" in answer.location
    (zoe,), (order,) = members(), orders()
    assert (zoe.email, zoe.display_name, zoe.verified_at) == ("zoe@example.com", "Zoe Ward", None)
    assert zoe.marketing_consent_at == NOON
    assert (order.member_id, order.state, order.goods_cents) == (zoe.id, "awaiting_payment", 3_180)
    assert (order.address["recipient"], order.address["line2"]) == ("Zoe Ward", "2nd floor")
    with reading():
        assert people.default_address(zoe.id).line1 == "18 Juniper Lane"
        kinds = execute(select(notices.Notice.kind).where(notices.Notice.member_id == zoe.id)).scalars().all()
    assert "verify_email" in kinds
    assert "Order" in visitor.browser.get(f"/orders/{checkout.number_of(order.id)}").text
    assert "Your basket is empty" in visitor.basket()


def test_what_is_sent_by_wire_asks_no_address(visitor, stage):
    visitor.put_in(stage.item("Album", prices=(catalogue.cash_price(900),), delivery="digital"), "cash")
    assert "Deliver to" not in visitor.browser.get("/checkout/join").text

    answer = join(visitor, line1="", postcode="", city="", country="")

    assert "/sandbox/" in answer.location
    (order,) = orders()
    assert order.address is None
    with reading():
        assert people.addresses_of(order.member_id) == []


def test_what_is_fetched_asks_no_address_and_keeps_what_was_typed_of_one(pickup, app):
    mug = pickup.item("Mug", prices=(catalogue.cash_price(1_590),))
    visitor = Till(app.test_client(), pickup, 0)
    visitor.put_in(mug, "cash")
    form = form_of(visitor, method="shop", line1="Half a street", country="")

    looked = visitor.browser.post("/checkout/join", data=form | {"look": "1"})
    assert looked.status_code == 200
    assert "Become a member and pay $15.90" in looked.text
    assert 'type="hidden" name="line1" value="Half a street"' in looked.text
    unseen = visitor.browser.post("/checkout/join", data=form)
    assert unseen.status_code == 422
    assert "The total has changed since you saw it." in unseen.text
    assert members() == []

    placed = visitor.browser.post("/checkout/join", data=fields_of(looked.text, "order") | {"password": PASSWORD})

    assert placed.status_code == 303
    assert orders()[0].shipping_key == "shop"


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("email", "", "Enter your e-mail address."),
        ("email", "zoe at home", "e-mail address"),
        ("display_name", " ", "Enter the name we should call you by."),
        ("password", "short", "10 characters"),
        ("password", "my tessera account", "name of the shop"),
        ("line1", "", "Enter street and number."),
        ("postcode", "", "Enter the postcode."),
        ("city", "x" * 81, "Use at most 80 characters."),
        ("country", "", "Choose the country."),
        ("country", "ZZ", "Choose one of the list."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_all_that_was_typed_stays(visitor, mug, field, typed, said):
    visitor.put_in(mug, "cash")

    page = join(visitor, **{field: typed})

    assert page.status_code == 422
    part = page.text.partition(f'id="{field}-error"')[2].partition("</p>")[0]
    assert said in part
    for name in ("email", "display_name", "line1", "line2", "postcode", "city", "region", "phone"):
        kept = typed.strip() if name == field else ZOE[name]
        assert f'name="{name}"' in page.text
        assert f'value="{kept}"' in page.text
    if field != "country":
        assert '<option selected value="US">' in page.text
    assert (members(), count_orders(), len(basket_of(visitor))) == ([], 0, 1)


def test_a_known_e_mail_is_told_to_sign_in_and_the_basket_comes_along(visitor, stage, mug):
    stage.member("zoe")
    visitor.put_in(mug, "cash")

    told = join(visitor, password="another long password")

    assert told.status_code == 422
    assert "There is an account with this e-mail address. Sign in, and your basket comes along." in told.text
    assert 'href="/sign-in?next=/checkout"' in told.text
    assert (len(members()), count_orders(), len(basket_of(visitor))) == (1, 0, 1)
    door = visitor.browser.get("/sign-in?next=/checkout")
    assert 'value="zoe@example.com"' in door.text
    come_in = visitor.browser.post(
        "/sign-in", data={"email": "zoe@example.com", "password": PASSWORD, "next": "/checkout"}
    )
    assert come_in.location == "/checkout"
    assert "$20.80" in visitor.browser.get("/checkout").text


def test_a_member_who_typed_their_own_password_is_signed_in_and_looks_once_more(visitor, stage, mug):
    stage.member("zoe")
    visitor.put_in(mug, "cash")

    answer = join(visitor)

    assert (answer.status_code, answer.location) == (303, "/checkout")
    page = visitor.browser.get("/checkout").text
    assert "You are a member already, and signed in." in page
    assert "$20.80" in page
    assert (len(members()), count_orders()) == (1, 0)


def test_asking_whose_e_mails_are_known_is_throttled(visitor, stage, mug):
    stage.member("zoe")
    visitor.put_in(mug, "cash")
    form = form_of(visitor, password="another long password")

    answers = [visitor.browser.post("/checkout/join", data=form) for _try in range(31)]

    assert {answer.status_code for answer in answers[:10]} == {422}
    assert answers[-1].status_code == 429
    assert "There is an account" not in answers[-1].text
    assert 'value="Zoe Ward"' in answers[-1].text


def test_sent_twice_it_is_one_member_one_order_and_the_same_page(visitor, mug):
    visitor.put_in(mug, "cash")
    form = form_of(visitor)
    with visitor.browser.session_transaction() as session:
        before = dict(session)

    first = visitor.browser.post("/checkout/join", data=form)
    signed_in = visitor.browser.post("/checkout/join", data=form)
    with visitor.browser.session_transaction() as session:
        session.clear()
        session.update(before)
    cookie_lost = visitor.browser.post("/checkout/join", data=form)

    assert first.location == signed_in.location == cookie_lost.location
    assert "/sandbox/" in first.location
    assert (len(members()), count_orders()) == (1, 1)


def test_sent_again_with_another_address_it_says_which_order_was_placed(visitor, mug):
    visitor.put_in(mug, "cash")
    form = form_of(visitor)
    visitor.browser.post("/checkout/join", data=form)

    form["line1"] = "2 Elm Row"
    answer = visitor.browser.post("/checkout/join", data=form)

    assert answer.location.startswith("/orders/")
    assert "was placed from this basket already, with another address" in visitor.browser.get(answer.location).text
    assert (len(members()), count_orders()) == (1, 1)


def test_sent_twice_at_once_it_is_one_member_one_order_and_the_same_page(app, visitor, mug):
    visitor.put_in(mug, "cash")
    form = form_of(visitor)
    with visitor.browser.session_transaction() as session:
        before = dict(session)

    def press():
        with moved_to(NOON):
            browser = app.test_client()
            with browser.session_transaction() as session:
                session.update(before)
            return browser.post("/checkout/join", data=form)

    answers = race(app, [press] * 4)

    assert {answer.status_code for answer in answers} == {303}, answers
    assert len({answer.location for answer in answers}) == 1
    assert (len(members()), count_orders()) == (1, 1)


def test_a_price_that_changed_meanwhile_is_shown_and_nobody_is_made(visitor, stage, mug):
    visitor.put_in(mug, "cash")
    form = form_of(visitor)
    dearer = catalogue.cash_price(1_990, id=mug.options["cash"])
    with transaction():
        catalogue.set_price_options(mug.variant_id, [dearer], terms=stage.terms, by="staff:1", at=NOON)

    refused = visitor.browser.post("/checkout/join", data=form)

    assert refused.status_code == 422
    assert "The total has changed since you saw it. Nothing was taken." in refused.text
    assert "Become a member and pay $24.80" in refused.text
    assert 'value="Zoe Ward"' in refused.text
    assert (members(), len(basket_of(visitor))) == ([], 1)
    assert join(visitor).status_code == 303


def test_items_for_points_are_not_for_this_form(visitor, gift):
    visitor.put_in(gift)

    page = visitor.browser.get("/checkout/join")
    pressed = join(visitor)

    assert "Here 800 points are due." in page.text
    assert 'name="email"' not in page.text
    assert pressed.status_code == 422
    assert members() == []


def test_a_shop_without_a_cashier_says_so(app, visitor, mug, monkeypatch):
    monkeypatch.setitem(app.extensions, "cashier", None)
    visitor.put_in(mug, "cash")

    assert "This shop takes no cash yet" in visitor.browser.get("/checkout/join").text
    refused = join(visitor)

    assert refused.status_code == 422
    assert "This shop takes no payments in cash yet." in refused.text
    assert members() == []


def test_when_the_payment_page_cannot_be_reached_the_order_waits(app, visitor, mug, monkeypatch):
    def away(*_args, **_kwargs):
        raise CashierUnreachable("down")

    visitor.put_in(mug, "cash")
    monkeypatch.setattr(type(app.extensions["cashier"]), "open_session", away)

    answer = join(visitor)

    (order,) = orders()
    assert answer.location == f"/orders/{checkout.number_of(order.id)}"
    assert "The payment page cannot be reached right now." in visitor.browser.get(answer.location).text


def test_what_stands_in_the_way_of_a_line_is_said(visitor, stage):
    rare = stage.item("Waxed canvas tote", prices=(catalogue.cash_price(2_400),), stock=3)
    visitor.put_in(rare, "cash", quantity=4)

    assert "Change the basket first" in visitor.browser.get("/checkout/join").text
    assert join(visitor).status_code == 422
    assert members() == []


def test_without_anything_in_the_basket_there_is_nothing_to_join_for(visitor, stage):
    assert visitor.browser.get("/checkout").location.startswith("/sign-in")
    assert visitor.browser.get("/checkout/join").location == "/basket"
    refused = visitor.browser.post("/checkout/join", data=ZOE)
    assert refused.status_code == 422
    assert "Your basket is empty." in refused.text
    assert members() == []


def test_a_member_goes_to_their_own_checkout(till, mug):
    till.put_in(mug, "cash")

    assert till.browser.get("/checkout/join").location == "/checkout"
    assert till.browser.post("/checkout/join", data=ZOE).location == "/checkout"


def test_points_stay_shut_until_the_e_mail_is_verified_and_cash_does_not(visitor, stage, mug, gift):
    visitor.put_in(mug, "cash")
    join(visitor)
    (zoe,) = members()
    stage.give(zoe.id, 800)
    visitor.put_in(gift)

    assert "Verify your e-mail before you spend points" in visitor.checkout()


@pytest.mark.parametrize("lines", [1, 12])
def test_the_page_takes_as_many_statements_for_one_line_as_for_many(visitor, stage, count_statements, lines):
    for number in range(lines):
        visitor.put_in(stage.item(f"Item {number}", prices=(catalogue.cash_price(900),)), "cash")
    visitor.browser.get("/checkout/join")
    count_statements.clear()

    visitor.browser.get("/checkout/join")

    assert len(count_statements) <= 4, "\n".join(count_statements)


def test_the_whole_is_one_transaction_that_leaves_nothing_behind(visitor, mug, monkeypatch):
    def broken(*_args, **_kwargs):
        raise checkout.QuoteChanged()

    visitor.put_in(mug, "cash")
    monkeypatch.setattr(joining, "place", broken)

    assert join(visitor).status_code == 422

    with reading():
        assert execute(select(func.count()).select_from(people.Address)).scalar_one() == 0
    assert (members(), len(basket_of(visitor))) == ([], 1)
