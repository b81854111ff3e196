"""What is fetched at the counter: ready, then handed over, each once, at the desk and on its member's page; a step
that is not its turn is refused in words; a replacement is fetched there, too.
"""

from datetime import timedelta

import pytest
from sqlalchemy import select

from mall.base.cashier import DisputeState
from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.domain import aftersales, cash, catalogue, checkout, notices
from tests import cast
from tests.stage import NOON, PASSWORD, open_shop
from tests.web.office.forms import form_of, send
from tests.web.store.till import Till, words

LATER = NOON + timedelta(minutes=10)
PARCEL = {"key": "parcel", "name": {"en": "Parcel"}, "price_cents": 490, "free_from_cents": None, "kind": "parcel"}
COUNTER = {"key": "shop", "name": {"en": "Pick up"}, "price_cents": 0, "free_from_cents": None, "kind": "pickup"}
READY, HANDED_OVER = "readiness", "hand-over"


@pytest.fixture
def stage(app):
    """A shop where items are sent, or fetched."""
    return open_shop(shipping_methods=[COUNTER, PARCEL])


@pytest.fixture
def lamp(stage):
    return stage.item("Desk lamp", prices=(catalogue.cash_price(6_000),))


@pytest.fixture
def unpaid(stage, mei, lamp):
    """Two lamps that Mei means to fetch."""
    stage.put_in(mei, lamp, "cash", quantity=2)
    return stage.place(mei, method_key="shop", address=None)


@pytest.fixture
def order(stage, unpaid):
    """Two lamps that Mei has paid for and fetches."""
    return stage.pay(unpaid)


@pytest.fixture
def at_home(app, mei):
    """Mei's browser."""
    browser = app.test_client()
    cast.sign_in(browser, mei, password=PASSWORD)
    return browser


def desk_page(order):
    return f"/office/orders/{checkout.number_of(order.id)}"


def own_page(order):
    return f"/orders/{checkout.number_of(order.id)}"


def press(desk, order, button):
    return desk.post(f"{desk_page(order)}/{button}")


def told(kind):
    with reading():
        return [row.details for row in execute(select(notices.Notice).where(notices.Notice.kind == kind))]


def parcels(order):
    with reading():
        return [(each.collected, each.replacement, each.pieces) for each in checkout.parcels_of(order.id)]


def test_it_is_ready_once_and_its_member_told_to_come(desk, stage, at_home, order):
    before = words(desk.get(desk_page(order)).text)
    assert "Collected at the counter Say when it is ready" in before and "It is ready" in before
    assert "Tracking number" not in before
    waiting = words(at_home.get(own_page(order)).text)
    assert "We are packing it" in waiting and "Ready to be collected Collected" in waiting
    assert "Shipped" not in waiting

    for _press in range(2):
        answer = press(desk, order, READY)
        assert (answer.status_code, answer.location) == (302, desk_page(order))

    after = words(desk.get(desk_page(order)).text)
    assert f"Order {checkout.number_of(order.id)} is ready to be collected. The member has been told." in after
    assert "Ready since 2 Mar 2026, 12:00" in after
    assert f"{desk_page(order)}/{READY}" not in desk.get(desk_page(order)).text
    assert told("order_ready") == [{"number": checkout.number_of(order.id)}]
    assert "It is ready to be collected" in words(at_home.get(own_page(order)).text)
    assert stage.order(order).state == checkout.PAID


def test_handed_over_once_it_is_complete_and_its_window_begins(desk, stage, lamp, at_home, order):
    press(desk, order, READY)
    with moved_to(LATER):
        for _press in range(2):
            assert press(desk, order, HANDED_OVER).status_code == 302
        page = words(desk.get(desk_page(order)).text)
        own = words(at_home.get(own_page(order)).text)

    assert "was handed over." in page and "Handed over at the counter" in page
    assert stage.order(order).state == checkout.COMPLETED
    assert stage.order(order).window_ends_at == LATER + timedelta(days=14)
    assert parcels(order) == [(True, False, {1: 2})] and stage.stock(lamp) == (8, 0)
    assert len(told("order_collected")) == 1 and told("order_shipped") == []
    assert "Collected At the counter" in own and "2 × Desk lamp" in own and "Return or exchange" in own
    for button in (READY, HANDED_OVER):
        assert f"{desk_page(order)}/{button}" not in desk.get(desk_page(order)).text


def test_who_comes_before_it_was_said_to_be_ready_gets_it(desk, stage, order):
    assert press(desk, order, HANDED_OVER).status_code == 302

    assert stage.order(order).state == checkout.COMPLETED
    assert told("order_ready") == []


def refused(desk, order, button, sentence):
    """Press a button that is not to be pressed: its sentence stands on the page, and nothing has moved."""
    with reading():
        before = checkout.order_of(order.id)
    answer = press(desk, order, button)
    assert answer.status_code == 422 and sentence in words(answer.text)
    with reading():
        assert checkout.order_of(order.id) == before
    return True


def test_what_is_not_paid_or_was_called_off_is_neither_ready_nor_handed_over(desk, stage, mei, lamp, unpaid):
    moved_on = f"Order {checkout.number_of(unpaid.id)} has moved on meanwhile."
    for button in (READY, HANDED_OVER):
        assert refused(desk, unpaid, button, moved_on)
    order = stage.pay(unpaid)
    stage.refund(order)

    for button in (READY, HANDED_OVER):
        assert refused(desk, order, button, moved_on)
    assert parcels(order) == [] and stage.stock(lamp) == (10, 0)


def test_what_was_handed_over_is_not_made_ready_afterwards(desk, order):
    press(desk, order, HANDED_OVER)

    assert refused(desk, order, READY, "has moved on meanwhile.")
    assert told("order_ready") == []


def test_while_the_bank_decides_it_stays(desk, stage, order):
    with reading():
        (payment,) = [each for each in cash.payments_of(f"order:{order.id}") if each.captured_cents]
    state = DisputeState("du_1", "open", payment.captured_cents, "USD", payment.cashier_id, "fraudulent")
    with transaction():
        aftersales.told_of_dispute(payment.id, state, terms=stage.terms, at=NOON)

    for button in (READY, HANDED_OVER):
        assert refused(desk, order, button, "The bank is deciding about the payment of order 10001.")


def test_what_is_sent_is_not_fetched_and_what_is_fetched_is_not_sent(desk, stage, mei, lamp, at_home, order):
    stage.settle_down(mei)
    till = Till(at_home, stage, mei)
    till.put_in(lamp, "cash")
    till.place(method="parcel")
    by_parcel = stage.pay(till.orders()[-1])

    for button in (READY, HANDED_OVER):
        assert refused(desk, by_parcel, button, "is sent by parcel, so it is not collected.")
    fields = form_of(desk.get(desk_page(by_parcel)).text, f"{desk_page(by_parcel)}/parcels")
    answer = desk.post(f"{desk_page(order)}/parcels", data=fields | {"carrier": "Swift", "tracking": "T1"})
    assert answer.status_code == 422 and "is collected at the counter." in words(answer.text)
    assert parcels(order) == []


@pytest.mark.parametrize("number", ["10999", "x", "99999999999999999999"])
@pytest.mark.parametrize("button", [READY, HANDED_OVER])
def test_an_order_there_is_not_is_not_there(desk, order, number, button):
    assert desk.post(f"/office/orders/{number}/{button}").status_code == 404


def test_anothers_order_says_nothing(app, stage, order):
    tom = app.test_client()
    cast.sign_in(tom, stage.member("tom"), password=PASSWORD)

    assert tom.get(own_page(order)).status_code == 404


# An exchange that is fetched.


@pytest.fixture
def exchange(desk, stage, mei, order):
    """One of the two lamps is cracked, and Mei asks for the same again."""
    press(desk, order, HANDED_OVER)
    with reading():
        plan = aftersales.plan_exchange(checkout.order_of(order.id), pieces={1: 1}, reason="damaged", at=NOON)
    with transaction():
        row, _new = aftersales.ask_exchange(
            order.id, member_id=mei, pieces={1: 1}, reason="damaged", words="", pictures=(), shown=plan.fingerprint,
            terms=stage.terms, at=NOON,
        )  # fmt: skip
    return row


def test_a_replacement_is_fetched_without_a_number_once(desk, stage, lamp, at_home, order, exchange):
    page, own = f"/office/aftersales/{exchange.id}", f"{own_page(order)}/returns/{exchange.id}"
    assert "You get the new one at the counter when yours is there." in words(at_home.get(own).text)
    send(desk, page, f"{page}/approval")
    said = words(at_home.get(own).text)
    assert "Please bring the goods back Bring them to the counter" in said and "parcel" not in said
    send(desk, page, f"{page}/receipt")
    assert "Your replacement is collected at the counter" in words(at_home.get(own).text)

    shown = desk.get(page).text
    assert "Hand the replacement over" in words(shown) and "Tracking number" not in words(shown)
    for _press in range(2):
        answer = desk.post(f"{page}/replacement", data=form_of(shown, f"{page}/replacement"))
        assert (answer.status_code, answer.location) == (303, page)

    assert "The replacement was handed over. The member has been told." in words(desk.get(page).text)
    assert parcels(order) == [(True, False, {1: 2}), (True, True, {1: 1})]
    assert stage.stock(lamp) == (8, 0)
    assert [each["tracking"] for each in told("exchange_sent")] == [""]
    said = words(at_home.get(own).text)
    assert "Your replacement Handed over at the counter 2 Mar 2026, 12:00" in said
    assert "At the counter Replacement" in words(at_home.get(own_page(order)).text)


def test_a_replacement_is_not_handed_over_before_the_goods_are_there(desk, stage, lamp, order, exchange):
    page = f"/office/aftersales/{exchange.id}"
    for approved in (False, True):
        if approved:
            send(desk, page, f"{page}/approval")
        answer = desk.post(f"{page}/replacement", data={})
        assert answer.status_code == 422 and "This return has moved on meanwhile." in words(answer.text)

    assert parcels(order) == [(True, False, {1: 2})]
    assert stage.stock(lamp) == (8, 1)
