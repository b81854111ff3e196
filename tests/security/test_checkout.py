"""Attacks on baskets, checkout and orders: SECURITY 23, 24, 32-41, 46-49, 52 and 53, through HTTP."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.domain import cash, catalogue, checkout
from tests.stage import NOON, Item, Stage, open_shop
from tests.threads import race
from tests.web.store.till import Till, count_orders, fields_of, till_of

BURST = 30
HOUR = timedelta(hours=1)


@pytest.fixture
def till(app: Flask, stage: Stage) -> Till:
    """Mei's browser; she has an address and 5,000 points."""
    return till_of(app, stage, "mei", points=5_000)


@pytest.fixture
def toms(app: Flask, stage: Stage) -> Till:
    """Tom's browser; he has an address and 5,000 points."""
    return till_of(app, stage, "tom", points=5_000)


@pytest.fixture
def mug(stage: Stage) -> Item:
    return mug_of(stage)


@pytest.fixture
def gift(stage: Stage) -> Item:
    return stage.item("Pressed-flower card")


def mug_of(stage: Stage) -> Item:
    return stage.item(
        prices=(
            catalogue.cash_price(1_590),
            catalogue.mix_price(1_590, least=600, most=1_500, step=100),
        )
    )


def twin(app: Flask, till: Till) -> FlaskClient:
    """Return another tab of the same browser."""
    cookie = till.browser.get_cookie("mall")
    assert cookie is not None
    tab = app.test_client()
    tab.set_cookie("mall", cookie.value)
    return tab


def in_parallel(app: Flask, count: int, job: Callable[[], Any]) -> list[Any]:
    def at_noon() -> Any:
        with moved_to(NOON):
            return job()

    return race(app, [at_noon] * count, threads=8)


def order_address(order: Any, page: str = "") -> str:
    return f"/orders/{checkout.number_of(order.id)}{page}"


def paid_order(till: Till, mug: Item) -> Any:
    till.put_in(mug, "mix", points=900)
    till.place()
    order = till.orders()[-1]
    till.stage.pay(order)
    return order


@pytest.mark.parametrize("part", ["", "/receipt", "/paid", "/unpaid", "/cancellation"])
def test_sec_23_anothers_order_is_not_there(till, toms, mug, part):
    order = paid_order(till, mug)

    assert toms.browser.get(order_address(order, part)).status_code == 404


@pytest.mark.parametrize("act", ["payment", "cancellation", "receipt-of-goods"])
def test_sec_24_nothing_can_be_done_to_anothers_order(till, toms, mug, act):
    order = paid_order(till, mug)

    assert toms.browser.post(order_address(order, f"/{act}")).status_code == 404
    assert till.stage.order(order).state == "paid"
    assert till.stage.balances(toms.member_id).ready == 5_000


def test_sec_32_two_tabs_with_the_same_points_are_one_order(app, till, gift):
    till.put_in(gift)
    other_tab = twin(app, till)
    form, same_form = till.form(), fields_of(other_tab.get("/checkout").text, "order")

    first = till.browser.post("/checkout", data=form)
    second = other_tab.post("/checkout", data=same_form)

    assert first.location == second.location
    assert count_orders() == 1
    assert till.stage.balances(till.member_id).ready == 4_200


def test_sec_33_a_burst_of_checkouts_is_one_order(either):
    stage = open_shop()
    till = till_of(either, stage, "mei", points=5_000)
    mug = mug_of(stage)
    till.put_in(mug, "mix", points=900)
    form = till.form()

    answers = in_parallel(either, BURST, lambda: twin(either, till).post("/checkout", data=form))

    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.location for answer in answers}) == 1
    assert count_orders() == 1
    assert (stage.balances(till.member_id).ready, stage.balances(till.member_id).held) == (4_100, 900)
    assert stage.stock(mug) == (10, 1)


@pytest.mark.parametrize("quantity", ["-1", "0", "1.5", str(10**9), "", "one", "1e9", "0x10", "１２"])
def test_sec_34_a_quantity_is_a_whole_number_from_1_to_99(till, mug, quantity):
    refused = till.put_in(mug, "cash", quantity=quantity)
    assert refused.status_code == 422 or till.lines()[0].quantity in (1, 12)
    for line in till.lines():
        till.browser.post(f"/basket/lines/{line.id}/removal")

    till.put_in(mug, "cash")
    (line,) = till.lines()
    changed = till.browser.post(f"/basket/lines/{line.id}", data={"quantity": quantity})

    if quantity == "0":
        assert till.lines() == []  # Nought of an item takes it out, as the words on the button do.
    else:
        assert changed.status_code == 422
        assert [each.quantity for each in till.lines()] == [1]


def test_sec_35_a_price_sent_along_is_ignored_and_a_changed_one_refused(till, stage, mug):
    till.put_in(mug, "cash", price="1", unit_cents="1", cash_cents="1", seen_cents="1")
    form = till.form() | {"price": "1", "total_cents": "1", "cash_cents": "1", "is_admin": "1"}
    dearer = catalogue.cash_price(1_990, id=mug.options["cash"])

    till.browser.post("/checkout", data=form)
    assert till.orders()[0].goods_cents == 1_590

    till.put_in(mug, "cash")
    stale = till.form()
    with transaction():
        catalogue.set_price_options(mug.variant_id, [dearer], terms=stage.terms, by="staff:1", at=NOON)
    refused = till.browser.post("/checkout", data=stale)

    assert refused.status_code == 422
    assert "The total has changed since you saw it." in refused.text
    assert "$19.90" in refused.text
    assert count_orders() == 1


@pytest.mark.parametrize("points", ["796", "1590", "5001", "999999"])
def test_sec_36_more_points_than_the_cap_or_the_basket_takes_are_refused(till, mug, points):
    till.put_in(mug, "cash")

    refused = till.browser.post("/checkout", data=till.form() | {"points": points})

    assert refused.status_code == 422
    assert "This basket takes at most 795 points." in refused.text
    assert count_orders() == 0
    assert till.stage.balances(till.member_id).ready == 5_000


@pytest.mark.parametrize("number", [2**63, 2**63 - 1, 2**31, -(2**63), 10**40])
def test_sec_37_no_number_is_too_large_to_be_answered(till, mug, number):
    till.put_in(mug, "mix", points=600)
    (line,) = till.lines()
    form = till.form()
    answers = [
        *(till.put_in(mug, "mix", **{name: number}) for name in ("variant_id", "option_id", "quantity", "points")),
        *(
            till.browser.post(f"/basket/lines/{line.id}", data={name: number})
            for name in ("quantity", "quantity_to", "points", "points_to")
        ),
        till.browser.post(f"/basket/lines/{number}", data={"quantity": 1}),
        till.browser.post(f"/basket/lines/{number}/removal"),
        *(till.browser.post("/checkout", data=form | {name: number}) for name in ("points", "points_to", "address")),
        *(till.browser.get("/checkout", query_string={name: number}) for name in ("points", "address", "method")),
        till.browser.get(f"/orders/{number}"),
        till.browser.post(f"/orders/{number}/payment"),
        till.browser.get(f"/orders?page={number}"),
        till.browser.get(f"/wallet?before={number}"),
        till.browser.get(f"/wallet/moves/{number}"),
    ]

    assert {answer.status_code for answer in answers} <= {200, 404, 422}
    assert count_orders() == 0
    assert [(line.quantity, line.points_each) for line in till.lines()] == [(1, 600)]


def test_sec_38_the_same_key_with_another_basket_is_refused_with_the_new_total(till, mug, gift):
    till.put_in(mug, "cash")
    form = till.form()
    till.put_in(gift)

    changed_before = till.browser.post("/checkout", data=form)
    assert changed_before.status_code == 422
    assert "800 pts" in changed_before.text

    till.browser.post("/checkout", data=till.form())
    used = till.orders()[0].key
    till.put_in(gift)
    changed_after = till.browser.post("/checkout", data=till.form() | {"key": used})

    assert changed_after.status_code == 422
    assert count_orders() == 1


def test_sec_39_anothers_key_is_not_there(till, toms, gift):
    till.put_in(gift)
    till.place()
    key, shown = till.orders()[0].key, till.orders()[0].fingerprint
    toms.put_in(gift)

    answer = toms.browser.post("/checkout", data=toms.form() | {"key": key, "shown": shown})

    assert answer.status_code == 404
    assert count_orders() == 1


def test_sec_39_anothers_address_is_not_there(till, toms, gift):
    toms.put_in(gift)
    theirs = till.browser.get("/account/addresses").text.split("/account/addresses/", 2)[2].split('"')[0]

    answer = toms.browser.post("/checkout", data=toms.form() | {"address": theirs})

    assert answer.status_code == 404
    assert count_orders() == 0


def test_sec_39_anothers_basket_is_not_there(till, toms, gift):
    till.put_in(gift)
    (line,) = till.lines()
    form = till.form()

    assert toms.browser.post(f"/basket/lines/{line.id}", data={"quantity": 9}).status_code == 404
    assert toms.browser.post(f"/basket/lines/{line.id}/removal").status_code == 404
    assert toms.browser.post("/checkout", data=form).status_code in (404, 422)
    assert [each.quantity for each in till.lines()] == [1]
    assert count_orders() == 0


@pytest.mark.parametrize("sent", [{}, {"key": ""}, {"shown": ""}, {"key": "x" * 64}, {"shown": "0" * 32}])
def test_sec_40_nothing_is_placed_without_the_total_that_was_shown(till, gift, sent):
    till.put_in(gift)
    form = till.form()
    data = {} if not sent else form | sent

    assert till.browser.post("/checkout", data=data).status_code == 422
    assert count_orders() == 0


def test_sec_41_a_basket_reserves_nothing(till, toms, stage):
    last = stage.item("The last one", stock=1)
    till.put_in(last, quantity=1)

    toms.put_in(last)
    assert toms.place().status_code == 303

    assert till.place().status_code == 422
    assert count_orders() == 1


def test_sec_41_at_most_three_orders_wait_for_their_payment(till, mug):
    for _number in range(3):
        till.put_in(mug, "cash")
        assert till.place().status_code == 303
    till.put_in(mug, "cash")

    refused = till.place()

    assert refused.status_code == 422
    assert "You have 3 orders waiting for payment. Pay or cancel one of them first." in refused.text
    assert count_orders() == 3


def test_sec_47_the_success_page_opened_without_paying_pays_nothing(till, mug):
    till.put_in(mug, "cash")
    till.place()
    (order,) = till.orders()

    page = till.browser.get(order_address(order, "/paid"), follow_redirects=True)

    assert "The payment is not confirmed yet." in page.text
    assert till.stage.order(order).state == "awaiting_payment"
    assert till.stage.balances(till.member_id).pending == 0


def test_sec_48_anothers_paid_session_does_not_pay(till, toms, mug):
    toms.put_in(mug, "cash")
    toms.place()
    theirs = till.stage.open_page(toms.orders()[0])
    till.stage.cashier.pay(theirs)
    till.put_in(mug, "cash")
    till.place()
    (order,) = till.orders()

    till.browser.get(order_address(order, f"/paid?session={theirs}"))

    assert till.stage.order(order).state == "awaiting_payment"


def test_sec_49_an_order_without_cash_meets_no_cashier_and_every_limit_holds(app, till, stage, monkeypatch):
    monkeypatch.setitem(app.extensions, "cashier", None)
    one_each = stage.item("One each", limit_per_member=1)
    till.put_in(one_each)
    assert till.place().status_code == 303
    assert till.orders()[0].state == "paid"

    till.put_in(one_each)
    again = till.place()

    assert again.status_code == 422
    assert "limited to 1 per member" in till.basket()
    assert count_orders() == 1


def test_sec_53_a_limit_per_member_holds_for_parallel_orders(either):
    stage = open_shop()
    till = till_of(either, stage, "mei", points=5_000)
    one_each = stage.item("One each", limit_per_member=1)

    def buy() -> int:
        tab = twin(either, till)
        tab.post("/basket", data={"variant_id": one_each.variant_id, "option_id": one_each.options["points"]})
        for line in till.lines():
            tab.post(f"/basket/lines/{line.id}", data={"quantity": 1})
        return tab.post("/checkout", data=fields_of(tab.get("/checkout").text, "order")).status_code

    statuses = in_parallel(either, 12, buy)

    assert set(statuses) <= {303, 422}, statuses
    buy()  # In case they all stood in one another's way.
    assert sum(order.points for order in till.orders()) == 800
    assert stage.balances(till.member_id).ready == 4_200


@pytest.fixture
def sale(stage: Stage, mug: Item) -> int:
    """A price of 1.00 that begins in an hour. Returns its id."""
    soon = catalogue.cash_price(100, old_cash_cents=1_590, starts_at=NOON + HOUR, ends_at=NOON + 2 * HOUR)
    with transaction():
        catalogue.set_price_options(
            mug.variant_id,
            [catalogue.cash_price(1_590, id=mug.options["cash"]), soon],
            terms=stage.terms,
            by="staff:1",
            at=NOON,
        )
    with reading():
        return execute(
            select(catalogue.PriceOption.id).where(
                catalogue.PriceOption.variant_id == mug.variant_id, catalogue.PriceOption.starts_at.is_not(None)
            )
        ).scalar_one()


@pytest.mark.parametrize("clock", [{"Date": "Mon, 02 Mar 2026 13:30:00 GMT"}, {"If-Modified-Since": "2026-03-02"}])
def test_sec_52_a_sale_goes_by_the_shops_clock_whatever_the_browser_says(till, mug, sale, clock):
    till.browser.post(
        "/basket",
        data={"variant_id": mug.variant_id, "option_id": sale, "quantity": 1, "at": "2026-03-02T13:30:00+00:00"},
        headers=clock,
    )
    till.browser.post("/checkout", data=till.form() | {"at": "2026-03-02T13:30:00+00:00"}, headers=clock)
    assert 100 not in {order.goods_cents for order in till.orders()}
    placed = count_orders()

    with moved_to(NOON + HOUR):
        till.browser.post("/basket", data={"variant_id": mug.variant_id, "option_id": sale, "quantity": 1})
        form = till.form()
    with moved_to(NOON + 2 * HOUR):
        late = till.browser.post("/checkout", data=form | {"at": "2026-03-02T13:30:00+00:00"}, headers=clock)
    assert late.status_code == 422
    assert count_orders() == placed

    with moved_to(NOON + 2 * HOUR - timedelta(seconds=1)):
        till.browser.post("/checkout", data=form)
    assert till.orders()[-1].goods_cents % 100 == 0
    assert count_orders() == placed + 1


def test_sec_46_a_cancel_in_the_second_the_payment_arrives_leaves_one_of_both_and_never_half(till, stage, mug):
    till.put_in(mug, "mix", points="600")
    session_id = till.place().location.rpartition("/")[2]
    number = checkout.number_of(till.orders()[0].id)
    stage.cashier.pay(session_id)  # The shop has not been told yet.

    first = till.browser.post(f"/orders/{number}/cancellation", follow_redirects=True)
    assert "The payment had come through already" in first.text
    assert till.orders()[0].state == "paid"
    assert stage.balances(till.member_id).held == 0
    assert stage.balances(till.member_id).ready == 4_400

    till.browser.post(f"/orders/{number}/cancellation")
    till.browser.get(f"/orders/{number}/paid?session={session_id}")
    assert till.orders()[0].state == "refunded"
    assert stage.balances(till.member_id).ready == 5_000
    with reading():
        assert len(cash.refunds_of(checkout.reference_of(till.orders()[0].id))) == 1
