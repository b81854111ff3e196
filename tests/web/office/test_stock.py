"""Stock at the desk: every change is a move with its reason; the moves are shown; sent twice, it moves once."""

import pytest

from mall.base.db import transaction
from mall.domain import catalogue, interest
from tests.stage import NOON
from tests.web.office.forms import form_of, send
from tests.web.store.till import words


def book(desk, item, act, pieces, reason=""):
    page = f"/office/stock/{item.product_id}"
    prefix = f"m{item.variant_id}-"
    return send(
        desk, page, f"{page}/variants/{item.variant_id}/moves",
        **{f"{prefix}act": act, f"{prefix}pieces": pieces, f"{prefix}reason": reason},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("act", "pieces", "reason", "on_hand"),
    [
        ("receive", "1,000", "", 1_010),
        ("count", "8", "Stocktake of spring", 8),
        ("add", "2", "Found behind the shelf", 12),
        ("take", "3", "Broken", 7),
    ],
)
def test_each_move_changes_what_is_on_hand_and_says_why(desk, stage, mug, act, pieces, reason, on_hand):
    answer = book(desk, mug, act, pieces, reason)

    assert answer.status_code == 303
    assert stage.stock(mug) == (on_hand, 0)
    page = desk.get(f"/office/stock/{mug.product_id}").text
    assert reason in page and "Ola" in page
    assert "product:1" in desk.get("/office/audit?subject=product:1").text


@pytest.mark.parametrize(("act", "on_hand"), [("receive", 13), ("add", 13), ("take", 7), ("count", 3)])
def test_a_form_sent_twice_moves_once(desk, stage, mug, act, on_hand):
    page = f"/office/stock/{mug.product_id}"
    address = f"{page}/variants/{mug.variant_id}/moves"
    fields = form_of(desk.get(page).text, address) | {"m1-act": act, "m1-pieces": "3", "m1-reason": "Because"}
    for _press in range(2):
        assert desk.post(address, data=fields).status_code == 303

    assert stage.stock(mug) == (on_hand, 0)


@pytest.mark.parametrize(
    ("act", "pieces", "reason", "sentence"),
    [
        ("receive", "", "", "Write how many pieces, such as 12."),
        ("receive", "0", "", "A quantity is a whole number from 1"),
        ("receive", "many", "", "Write a whole number."),
        ("take", "2", "", "Say why the stock is corrected."),
        ("take", "11", "Broken", "0 pieces are reserved for orders: the count cannot go below that."),
        ("count", "-1", "", "Enter a number from 0 to 1,000,000."),
        ("steal", "1", "x", "Choose one of the list."),
        ("add", "1", "x" * 201, "Use at most 200 characters."),
    ],
)
def test_a_move_that_cannot_be_stays_as_typed(desk, stage, mug, act, pieces, reason, sentence):
    answer = book(desk, mug, act, pieces, reason)

    assert answer.status_code == 422
    assert sentence in answer.text
    kept = form_of(answer.text, f"/office/stock/{mug.product_id}/variants/{mug.variant_id}/moves")
    assert (kept["m1-pieces"], kept["m1-reason"]) == (pieces, reason)
    assert stage.stock(mug) == (10, 0)


def test_the_low_stock_mark_is_set_and_taken_away(desk, stage, mug):
    page = f"/office/stock/{mug.product_id}"
    send(desk, page, f"{page}/variants/1/low-water", **{"l1-low_water": "25"})
    assert "Stoneware mugs" in desk.get("/office/stock").text

    send(desk, page, f"{page}/variants/1/low-water", **{"l1-low_water": ""})
    assert "Nothing runs low" in desk.get("/office/stock").text
    assert send(desk, page, f"{page}/variants/1/low-water", **{"l1-low_water": "few"}).status_code == 422


def test_an_orders_moves_lead_to_the_order(desk, stage, mei, mug):
    stage.give(mei, 5_000)
    stage.put_in(mei, mug)
    stage.place(mei)

    assert "/office/orders/10001" in desk.get(f"/office/stock/{mug.product_id}").text


def test_older_moves_are_on_the_next_page(desk, stage, mug):
    for _time in range(30):
        book(desk, mug, "count", "8")
        book(desk, mug, "count", "9")
    page = desk.get(f"/office/stock/{mug.product_id}").text

    assert "Older moves" in page
    assert desk.get(f"/office/stock/{mug.product_id}?before=5").text.count("Arrived") == 1


def test_the_page_costs_as_many_statements_for_many_moves(desk, stage, mug, count_statements):
    page = f"/office/stock/{mug.product_id}"
    desk.get(page)
    count_statements.clear()
    desk.get(page)
    for_one = len(count_statements)
    for count in range(20):
        book(desk, mug, "count", str(count + 20))
    count_statements.clear()
    desk.get(page)

    assert len(count_statements) == for_one <= 15


def test_a_mark_that_is_no_number_is_told_once(desk, mug):
    page = f"/office/stock/{mug.product_id}"
    answer = send(desk, page, f"{page}/variants/{mug.variant_id}/low-water", **{f"l{mug.variant_id}-low_water": "abc"})

    assert answer.status_code == 422
    assert "Write a whole number." in answer.text
    assert "from 0 to 1,000,000" not in answer.text


def test_a_number_too_long_to_be_kept_is_told_the_most(desk, mug):
    page = f"/office/stock/{mug.product_id}"
    name = f"l{mug.variant_id}-low_water"
    answer = send(desk, page, f"{page}/variants/{mug.variant_id}/low-water", **{name: "9" * 20})

    assert "Enter a number from 0 to 1,000,000." in answer.text
    assert "Write a whole number." not in answer.text


def test_the_desk_sees_how_many_members_wait_for_what_is_sold_out(desk, stage):
    lamp = stage.item("Lamp", stock=0)
    for name in ("mei", "tom"):
        member = stage.member(name)
        with transaction():
            item = catalogue.item("lamp", catalogue.Viewer(1, member), terms=stage.terms, at=NOON)
            interest.ask_for_stock(member, item, variant_id=lamp.variant_id, at=NOON)
    with transaction():
        catalogue.set_low_water(lamp.variant_id, 3, by="staff:1", at=NOON)

    assert "Members waiting 2" in words(desk.get(f"/office/stock/{lamp.product_id}").text)
    assert "SKU-1 Sold out 3 2 Restock" in words(desk.get("/office/stock").text)
