"""What leaves the house, at the desk: a part, several at once, a carrier's file seen first, slips, the counter."""

from io import BytesIO

import pytest

from mall.base.db import reading
from mall.domain import catalogue, checkout
from tests.web.office.forms import form_of, send
from tests.web.store.till import words

TRACKING = "/office/parcels/tracking"


@pytest.fixture
def cup(stage):
    return stage.item("Tea cup", prices=(catalogue.cash_price(1_590),), stock=50)


@pytest.fixture
def bowl(stage):
    return stage.item("Bowl", prices=(catalogue.cash_price(1_590),), stock=50)


@pytest.fixture
def order(stage, mei, cup, bowl):
    """Mei's order of three cups (SKU-1) and two bowls (SKU-2), paid."""
    stage.put_in(mei, cup, "cash", quantity=3)
    stage.put_in(mei, bowl, "cash", quantity=2)
    return stage.pay(stage.place(mei))


@pytest.fixture
def other(stage, mei, cup, order):
    stage.put_in(mei, cup, "cash")
    return stage.pay(stage.place(mei))


def number(order):
    return checkout.number_of(order.id)


def page_of(order):
    return f"/office/orders/{number(order)}"


def parcels(order):
    with reading():
        return [(each.tracking, each.pieces) for each in checkout.parcels_of(order.id)]


def ship(desk, order, **typed):
    return send(desk, page_of(order), f"{page_of(order)}/parcels", carrier="Swift", **typed)


def test_a_part_leaves_then_the_rest_and_each_parcel_is_shown_with_what_is_in_it(desk, stage, order):
    fields = form_of(desk.get(page_of(order)).text, f"{page_of(order)}/parcels")
    assert (fields["pieces-1"], fields["pieces-2"]) == ("3", "2")
    typed = fields | {"carrier": "Swift", "tracking": "T1", "pieces-1": "2", "pieces-2": "0"}
    for _press in range(2):
        assert desk.post(f"{page_of(order)}/parcels", data=typed).status_code == 302
    page = words(desk.get(page_of(order)).text)
    assert "Ship the rest" in page and "2 × Tea cup" in page

    assert ship(desk, order, tracking="T2").status_code == 302
    assert parcels(order) == [("T1", {1: 2}), ("T2", {1: 1, 2: 2})]
    assert stage.order(order).state == checkout.SHIPPED


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"pieces-1": "4"}, "Write a whole number from 0 to 3."),
        ({"pieces-1": "x"}, "Write a whole number from 0 to 3."),
        ({"pieces-1": "0", "pieces-2": "0"}, "Choose at least one piece that is in the parcel."),
        ({"tracking": ""}, "Enter the tracking number."),
        ({"tracking": "x" * 81}, "Use at most 80 characters."),
    ],
)
def test_what_cannot_be_sent_stays_as_typed_with_its_sentence(desk, order, typed, sentence):
    fields = form_of(desk.get(page_of(order)).text, f"{page_of(order)}/parcels")

    answer = desk.post(f"{page_of(order)}/parcels", data=fields | {"carrier": "Swift", "tracking": "T1"} | typed)

    assert answer.status_code == 422 and sentence in answer.text
    assert form_of(answer.text, f"{page_of(order)}/parcels")["carrier"] == "Swift"
    assert parcels(order) == []


def test_what_has_left_meanwhile_is_said_at_its_line(desk, order):
    fields = form_of(desk.get(page_of(order)).text, f"{page_of(order)}/parcels")
    desk.post(f"{page_of(order)}/parcels", data=fields | {"carrier": "S", "tracking": "T1", "pieces-1": "2"})

    answer = desk.post(f"{page_of(order)}/parcels", data=fields | {"carrier": "S", "tracking": "T2", "pieces-2": "0"})

    assert answer.status_code == 422 and "Of Tea cup 1 are left to send. Lower the number." in words(answer.text)


# Several at once.


def test_ticked_orders_are_sent_together_and_one_without_a_number_waits(desk, stage, order, other):
    page = desk.get("/office/orders").text
    assert f'name="order" value="{number(order)}"' in page
    address = f"/office/parcels?order={number(order)}&order={number(other)}"

    fields = form_of(desk.get(address).text, "/office/parcels")
    answer = desk.post("/office/parcels", data=fields | {"carrier": "Swift", f"tracking-{number(order)}": "T1"})

    assert answer.status_code == 303
    assert (stage.order(order).state, stage.order(other).state) == (checkout.SHIPPED, checkout.PAID)
    assert "1 parcel is on its way." in words(desk.get(answer.location).text)


def test_several_without_any_number_or_with_one_that_cannot_be_sent_stay_as_typed(desk, order, other):
    address = f"/office/parcels?order={number(order)}&order={number(other)}"
    fields = form_of(desk.get(address).text, "/office/parcels") | {"carrier": "Swift"}
    nothing = desk.post("/office/parcels", data=fields)
    assert nothing.status_code == 422 and "Enter the tracking number of at least one order." in nothing.text
    ship(desk, order, tracking="T9")

    late = desk.post("/office/parcels", data=fields | {f"tracking-{number(order)}": "T1"})

    assert late.status_code == 422 and "has moved on meanwhile" in late.text and 'value="T1"' in late.text
    assert parcels(other) == []


@pytest.mark.parametrize("path", ["/office/parcels", "/office/parcels/slips"])
def test_without_a_tick_there_is_nothing_to_do(desk, order, path):
    answer = desk.get(path)

    assert (answer.status_code, answer.location) == (303, "/office/orders")
    assert "Tick the orders first." in desk.get(answer.location).text


@pytest.mark.parametrize("query", ["?order=99", "?order=x", "?order=10999"])
@pytest.mark.parametrize("path", ["/office/parcels", "/office/parcels/slips"])
def test_orders_there_are_not_are_not_there(desk, path, query):
    assert desk.get(f"{path}{query}").status_code == 404


def test_packing_slips_say_what_is_left_a_sheet_for_each_order(desk, order, other):
    fields = form_of(desk.get(page_of(order)).text, f"{page_of(order)}/parcels")
    desk.post(
        f"{page_of(order)}/parcels", data=fields | {"carrier": "S", "tracking": "T1", "pieces-1": "3", "pieces-2": "0"}
    )

    page = desk.get(f"/office/parcels/slips?order={number(order)}&order={number(other)}").text
    said = words(page)

    assert page.count('class="card stack sheet"') == 2
    assert "Pieces Item SKU Packed 2 Bowl SKU-2" in said and "1 Tea cup SKU-1" in said
    assert "18 Juniper Lane" in said and "Sent before" in said


# A carrier's file.


def shown(desk, content):
    page = desk.get(TRACKING).text
    fields = form_of(page, "")
    return desk.post(TRACKING, data=fields | {"file": (BytesIO(content), "t.csv")})


def confirmed(desk, answer):
    return desk.post(TRACKING, data=form_of(answer.text, "") | {"confirm": "1"})


def test_a_file_is_seen_row_by_row_then_done_and_the_same_file_does_nothing_new(desk, stage, order, other):
    content = (
        f"Order number;Carrier;Tracking;SKU;Quantity\r\n{number(order)};Swift;A1;SKU-1;2\r\n"
        f"{number(order)};Swift;A1;SKU-2;\r\n{number(other)};Swift;B1;;\r\n99999;Swift;C1;;\r\n"
    ).encode("utf-8-sig")

    answer = shown(desk, content)
    said = words(answer.text)
    assert answer.status_code == 200
    assert "3 rows send" in said and "1 row is wrong" in said
    assert "Sends 2 pieces" in said and "There is no order with this number." in said
    assert (parcels(order), parcels(other)) == ([], [])

    assert confirmed(desk, answer).status_code == 303
    assert (parcels(order), parcels(other)) == ([("A1", {1: 2, 2: 2})], [("B1", {1: 1})])
    assert (stage.order(order).state, stage.order(other).state) == (checkout.PAID, checkout.SHIPPED)

    again = shown(desk, content)
    assert "3 rows are known already" in words(again.text)
    assert 'name="confirm"' not in again.text


def test_a_file_that_would_do_something_else_by_now_does_nothing(desk, order):
    answer = shown(desk, f"order,carrier,tracking\n{number(order)},Swift,A1\n".encode())
    fields = form_of(desk.get(page_of(order)).text, f"{page_of(order)}/parcels")
    desk.post(
        f"{page_of(order)}/parcels", data=fields | {"carrier": "S", "tracking": "T1", "pieces-1": "1", "pieces-2": "0"}
    )

    late = confirmed(desk, answer)

    assert late.status_code == 422 and "has changed since it was shown. Nothing was done." in words(late.text)
    assert parcels(order) == [("T1", {1: 1})]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("{n},,A1,,", "Enter the carrier and the tracking number"),
        ("{n},Swift,,,", "Enter the carrier and the tracking number"),
        ("{n},Swift,A1,NONE,", "The order has nothing with this SKU."),
        ("{n},Swift,A1,SKU-1,4", "Of this SKU 3 are left to send."),
        ("{n},Swift,A1,SKU-1,x", "The quantity is a whole number from 1 up"),
        ("{n},Swift,A1,SKU-1,0", "The quantity is a whole number from 1 up"),
        ("{n},Swift,A1,,2", "needs a SKU beside it"),
        ("{n},Swift," + "x" * 81 + ",,", "the tracking number 80"),
        ("abc,Swift,A1,,", "There is no order with this number."),
        ("{n},Swift,A1,SKU-1,1\n{n},Other,A1,SKU-2,1", "Rows of one parcel have one carrier"),
        ("{n},Swift,A1,SKU-1,1\n{n},Swift,A1,SKU-2,9", "Another row of this parcel is wrong"),
    ],
)
def test_a_wrong_row_is_named_and_sends_nothing(desk, order, row, sentence):
    answer = shown(desk, f"order,carrier,tracking,sku,quantity\n{row.format(n=number(order))}\n".encode())

    assert answer.status_code == 200 and sentence in words(answer.text)
    assert 'name="confirm"' not in answer.text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Choose a file with something in it."),
        (b"order,carrier,tracking\n", "There is no row under the names"),
        (b"order,carrier\n1,2\n", "None is called tracking."),
        (b"\xff\xfe\x00", "This is no CSV file."),
        (b'order,carrier,tracking\n"a"b,c,d\n', "This is no CSV file."),
        (b"PK\x03\x04\x00", "This is no CSV file."),
    ],
)
def test_what_is_no_such_file_is_refused_at_its_field(desk, order, content, sentence):
    answer = shown(desk, content)

    assert answer.status_code == 422 and sentence in words(answer.text)
