"""Attacks on refunds and returns: SECURITY 24, 42-45, 50 and 51, through HTTP."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mall.base.clock import moved_to
from mall.base.db import execute, reading
from mall.domain import aftersales, cash, catalogue, checkout, ledger
from tests import cast
from tests.stage import NOON, PASSWORD, Item, Stage
from tests.threads import race
from tests.web.office.forms import form_of, send
from tests.web.store.till import Till, fields_of, till_of

DELIVERED = NOON + timedelta(days=3)
WINDOW_OVER = DELIVERED + timedelta(days=14)


@pytest.fixture
def till(app: Flask, stage: Stage) -> Till:
    """Mei's browser."""
    return till_of(app, stage, "mei")


@pytest.fixture
def toms(app: Flask, stage: Stage) -> Till:
    return till_of(app, stage, "tom")


@pytest.fixture
def ola(stage: Stage) -> int:
    return cast.hire("ola", at=NOON)


@pytest.fixture
def desk(app: Flask, ola: int) -> FlaskClient:
    """Ola's browser."""
    return cast.desk_of(app, ola)


@pytest.fixture
def mug(stage: Stage) -> Item:
    return stage.item(prices=(catalogue.cash_price(1_590), catalogue.points_price(800)), stock=100)


def delivered(stage: Stage, member_id: int, item: Item, *, quantity: int = 3, points: int = 0) -> Any:
    stage.put_in(member_id, item, "cash", quantity=quantity)
    order = stage.pay(stage.place(member_id, points=points))
    stage.ship(order)
    return stage.deliver(order, at=DELIVERED)


def refund_page(order: Any) -> str:
    return f"/office/orders/{checkout.number_of(order.id)}/refund"


def shown(desk: FlaskClient, order: Any, **typed: str) -> dict[str, Any]:
    """Let the desk look at a refund; returns what confirming it would send."""
    answer = send(desk, refund_page(order), "", **{"reason": "changed_mind", "restock": "y"} | typed)
    assert answer.status_code == 200
    return form_of(answer.text, "") | {"confirm": "1"}


def refunds(order: Any) -> list[int]:
    with reading():
        return [refund.amount_cents for refund in cash.refunds_of(checkout.reference_of(order.id))]


@pytest.mark.parametrize("act", ["new", "look", "withdraw", "picture"])
def test_sec_24_nothing_can_be_done_to_anothers_return(till, toms, stage, mug, act):
    order = delivered(stage, toms.member_id, mug)
    with moved_to(DELIVERED):
        page = f"/orders/{checkout.number_of(order.id)}/returns"
        fields = fields_of(toms.browser.get(f"{page}/new").text, "return") | {"pieces-1": "1", "reason": "damaged"}
        confirming = fields_of(toms.browser.post(f"{page}/new", data=fields).text, "confirm") | {"confirm": "1"}
        if act == "new":
            answers = [till.browser.get(f"{page}/new"), till.browser.post(f"{page}/new", data=confirming)]
        else:
            assert toms.browser.post(f"{page}/new", data=confirming).status_code == 303
            if act == "look":
                answers = [till.browser.get(f"{page}/1")]
            elif act == "withdraw":
                answers = [till.browser.post(f"{page}/1/withdrawal")]
            else:
                answers = [till.browser.get(f"{page}/1/pictures/1")]

    assert {answer.status_code for answer in answers} == {404}
    with reading():
        assert [row.state for row in aftersales.returns_of(order.id)] == ([] if act == "new" else ["asked"])


def exchange_of(browser: Any, page: str) -> dict[str, Any]:
    """Let a member look at an exchange; returns what confirming it would send."""
    fields = fields_of(browser.get(f"{page}/new").text, "return")
    typed = {"pieces-1": "1", "reason": "damaged", "wish": "exchange"}
    return fields_of(browser.post(f"{page}/new", data=fields | typed).text, "confirm") | {"confirm": "1"}


def exchanges(order: Any) -> list[tuple[str, str]]:
    with reading():
        return [(row.wish, row.state) for row in aftersales.returns_of(order.id)]


def test_sec_24_nothing_can_be_done_to_anothers_exchange(till, toms, stage, mug):
    order = delivered(stage, toms.member_id, mug)
    with moved_to(DELIVERED):
        page = f"/orders/{checkout.number_of(order.id)}/returns"
        confirming = exchange_of(toms.browser, page)
        assert till.browser.post(f"{page}/new", data=confirming).status_code == 404
        assert exchanges(order) == []

        assert toms.browser.post(f"{page}/new", data=confirming).status_code == 303
        for answer in (till.browser.get(f"{page}/1"), till.browser.post(f"{page}/1/withdrawal")):
            assert answer.status_code == 404
        for act in ("approval", "waiver", "replacement", "offer", "payment"):
            assert toms.browser.post(f"/office/aftersales/1/{act}").status_code in (302, 404)

    assert exchanges(order) == [("exchange", "asked")]


def test_sec_44_an_exchange_pressed_again_and_again_sends_one_piece(app, ola, till, stage, mug):
    order = delivered(stage, till.member_id, mug)
    on_hand, _reserved = stage.stock(mug)
    with moved_to(DELIVERED):
        desk = cast.desk_of(app, ola)
        page = f"/orders/{checkout.number_of(order.id)}/returns"
        confirming = exchange_of(till.browser, page)
        assert {till.browser.post(f"{page}/new", data=confirming).status_code for _press in range(3)} == {303}
        for act in ("waiver", "replacement"):
            shown_now = desk.get("/office/aftersales/1").text
            fields = form_of(shown_now, "/office/aftersales/1/" + ("approval" if act == "waiver" else act))
            typed = fields | {"carrier": "Swift", "tracking": "R1"}
            answers = {desk.post(f"/office/aftersales/1/{act}", data=typed).status_code for _press in range(3)}
            assert answers == {303}

    assert exchanges(order) == [("exchange", "replaced")]
    assert stage.stock(mug) == (on_hand - 1, 0)


def test_sec_50_a_piece_is_exchanged_or_refunded_not_both(app, ola, till, stage, mug):
    order = delivered(stage, till.member_id, mug)
    with moved_to(DELIVERED):
        desk = cast.desk_of(app, ola)
        page = f"/orders/{checkout.number_of(order.id)}/returns"
        assert till.browser.post(f"{page}/new", data=exchange_of(till.browser, page)).status_code == 303
        waiver = form_of(desk.get("/office/aftersales/1").text, "/office/aftersales/1/approval")
        desk.post("/office/aftersales/1/waiver", data=waiver)
        parcel = form_of(desk.get("/office/aftersales/1").text, "/office/aftersales/1/replacement")
        assert desk.post(refund_page(order), data=shown(desk, order)).status_code == 302

        late = desk.post("/office/aftersales/1/replacement", data=parcel | {"carrier": "Swift", "tracking": "R1"})

    assert (late.status_code, "has moved on meanwhile" in late.text) == (422, True)
    assert exchanges(order) == [("exchange", "closed")]
    assert sum(refunds(order)) == 4_770
    assert stage.stock(mug)[1] == 0


def test_sec_42_who_buys_earns_and_is_refunded_keeps_no_points(till, stage, mug):
    stage.put_in(till.member_id, mug, "cash")
    order = stage.pay(stage.place(till.member_id))
    assert stage.balances(till.member_id).pending == 159

    till.browser.post(f"/orders/{checkout.number_of(order.id)}/cancellation")

    assert stage.balances(till.member_id) == ledger.Balances(ready=0, pending=0, held=0, owed=0)
    assert not stage.close(order, at=WINDOW_OVER)


def test_sec_43_who_spends_the_points_of_an_order_that_is_refunded_owes_them(app, ola, till, stage, mug):
    stage.give(till.member_id, 800 - 477)
    order = delivered(stage, till.member_id, mug)
    stage.close(order, at=WINDOW_OVER)
    with moved_to(WINDOW_OVER):
        stage.put_in(till.member_id, mug, "points", at=WINDOW_OVER)
        stage.place(till.member_id, at=WINDOW_OVER)
        assert stage.balances(till.member_id, at=WINDOW_OVER).ready == 0
        desk = cast.desk_of(app, ola)
        assert desk.post(refund_page(order), data=shown(desk, order)).status_code == 302

        assert stage.balances(till.member_id, at=WINDOW_OVER) == ledger.Balances(0, 0, 0, owed=477)
        assert cast.sign_in(till.browser, till.member_id, password=PASSWORD).status_code == 302
        till.put_in(mug, "points")
        refused = till.place()

    assert refused.status_code == 422
    assert stage.balances(till.member_id, at=WINDOW_OVER).owed == 477


def test_sec_44_a_refund_pressed_twice_is_one(desk, till, stage, mug):
    order = delivered(stage, till.member_id, mug)
    part = shown(desk, order, **{"pieces-1": "1"})

    answers = [desk.post(refund_page(order), data=part) for _press in range(3)]

    assert {answer.status_code for answer in answers} == {302}
    assert refunds(order) == [1_590]


def test_sec_44_a_refund_pressed_in_many_tabs_at_once_is_one(app, desk, till, stage, mug):
    order = delivered(stage, till.member_id, mug)
    fields = shown(desk, order)
    cookie = desk.get_cookie("mall")
    assert cookie is not None

    def press() -> int:
        tab = app.test_client()
        tab.set_cookie("mall", cookie.value)
        with moved_to(NOON):
            return tab.post(refund_page(order), data=fields).status_code

    outcomes = race(app, [press] * 8)

    assert set(outcomes) == {302}
    assert refunds(order) == [4_770]


def test_sec_45_ordering_and_cancelling_again_and_again_adds_no_days(till, stage, mug):
    stage.give(till.member_id, 800)
    last_day = lots_of(till.member_id)[0].expires_at

    def order_and_cancel(placed: datetime, cancelled: datetime) -> None:
        with moved_to(placed):
            cast.sign_in(till.browser, till.member_id, password=PASSWORD)
            till.put_in(mug, "points")
            assert till.place().status_code == 303
        with moved_to(cancelled):
            number = checkout.number_of(till.orders()[-1].id)
            assert till.browser.post(f"/orders/{number}/cancellation").status_code == 303

    for hour in range(3):
        order_and_cancel(NOON + timedelta(hours=hour), NOON + timedelta(hours=hour, minutes=30))
    assert [lot.expires_at for lot in lots_of(till.member_id)] == [last_day]
    assert stage.balances(till.member_id, at=last_day).ready == 800

    # Over its last day it comes back once, for a week; over that week's end it does not come back at all.
    order_and_cancel(last_day - timedelta(hours=1), last_day + timedelta(hours=1))
    (_first, child) = lots_of(till.member_id)
    assert child.expires_at - last_day == timedelta(days=8)
    order_and_cancel(child.expires_at - timedelta(hours=1), child.expires_at + timedelta(hours=1))

    assert len(lots_of(till.member_id)) == 2
    assert stage.balances(till.member_id, at=child.expires_at + timedelta(hours=1)).ready == 0


def lots_of(member_id: int) -> list[Any]:
    with reading():
        return list(execute(select(ledger.Lot).where(ledger.Lot.member_id == member_id).order_by(ledger.Lot.id)))


@pytest.mark.parametrize("number", ["4", "-1", "1.5", "1e3", "9" * 20, "0x1", "٣"])
def test_sec_50_more_pieces_than_the_line_has_are_refused(desk, till, stage, mug, number):
    order = delivered(stage, till.member_id, mug)

    for _time in range(2):
        answer = send(desk, refund_page(order), "", **{"reason": "changed_mind", "pieces-1": number})
        assert answer.status_code == 422
        forced = desk.post(
            refund_page(order),
            data={"reason": "changed_mind", "pieces-1": number, "shown": "0" * 32, "confirm": "1"},
        )
        assert forced.status_code == 422

    assert refunds(order) == []


def test_sec_50_two_of_three_twice_are_two_of_three(desk, till, stage, mug):
    order = delivered(stage, till.member_id, mug)
    both = [shown(desk, order, **{"pieces-1": "2", "reason": reason}) for reason in ("damaged", "wrong_item")]

    answers = [desk.post(refund_page(order), data=fields).status_code for fields in both]

    assert answers == [302, 422]
    assert refunds(order) == [3_180 + 490 * 2 // 3]


def test_sec_51_three_refunds_of_a_third_add_up_to_the_unit(desk, till, stage, mug):
    stage.give(till.member_id, 100)
    order = delivered(stage, till.member_id, mug, points=100)
    assert (order.goods_cents, order.points) == (4_670, 100)

    for _third in range(3):
        assert desk.post(refund_page(order), data=shown(desk, order, **{"pieces-1": "1"})).status_code == 302

    assert refunds(order) == [1_556, 1_557, 1_557]
    with reading():
        notes = aftersales.credits_of(order.id)
    assert [note.points for note in notes] == [33, 33, 34]
    assert sum(note.earned_points for note in notes) == 467
    assert stage.balances(till.member_id) == ledger.Balances(ready=100, pending=0, held=0, owed=0)
