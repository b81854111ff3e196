"""Orders at the desk: the queue by age, one order whole, ship, deliver, refund with its preview - each once."""

from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import cash, catalogue, checkout, coupons
from tests.stage import NOON
from tests.web.office.conftest import bought
from tests.web.office.forms import form_of, send


@pytest.fixture
def cup(stage):
    """15.90 in cash, or 800 points."""
    return stage.item("Tea cup", prices=(catalogue.cash_price(1_590), catalogue.points_price(800)))


@pytest.fixture
def order(stage, mei, cup):
    """Mei's order of a cup, paid in cash."""
    stage.put_in(mei, cup, "cash")
    return stage.pay(stage.place(mei))


def page_of(order):
    return f"/office/orders/{checkout.number_of(order.id)}"


def state(stage, order):
    return stage.order(order).state


def test_the_longest_waiting_stands_first_and_its_age_tells(stage, mei, mug, ola, enter):
    first = bought(stage, mei, mug)
    second = bought(stage, mei, mug)
    with moved_to(NOON + timedelta(hours=26)):
        page = enter(ola).get("/office/orders").text

    assert "26 h" in page
    assert page.index(checkout.number_of(first.id)) < page.index(checkout.number_of(second.id))


@pytest.mark.parametrize(("hours", "kind"), [(4, None), (17, "badge-warn"), (25, "badge-bad")])
def test_waiting_turns_amber_then_red(app, stage, mei, mug, ola, enter, hours, kind):
    bought(stage, mei, mug)
    with moved_to(NOON + timedelta(hours=hours)):
        page = enter(ola).get("/office/orders").text

    cell = page.split(f"{hours} h")[0].rpartition("<td")[2]
    assert (kind in cell) if kind else ("badge" not in cell)


def test_a_row_has_member_level_first_item_and_how_many_more(desk, stage, mei, mug, cup):
    stage.give(mei, 5_000)
    stage.put_in(mei, mug, quantity=2)
    stage.put_in(mei, cup)
    stage.place(mei)
    page = " ".join(desk.get("/office/orders").text.split())

    assert "Mei" in page and "Registered" in page
    assert "Stoneware mugs × 2" in page and "and 1 more" in page
    assert "2,400" in page


def test_orders_are_found_by_number_tracking_and_member(desk, stage, order):
    number = checkout.number_of(order.id)
    stage.ship(order)

    for words in (number, f"T{order.id}", f"t{order.id}", "mei@", "Mei"):
        assert number in desk.get("/office/orders", query_string={"q": words}).text
    assert "No order fits that" in desk.get("/office/orders?q=nobody").text


def test_an_order_is_shown_whole(desk, order):
    page = desk.get(page_of(order)).text

    for words in (
        "Tea cup",
        "SKU-1",
        "$15.90",
        "sandbox",
        "18 Juniper Lane",
        "United States",
        "Order placed",
        "Paid",
        "Mei",
    ):
        assert words in page


def test_an_order_is_shipped_once_and_the_member_is_told(desk, stage, order):
    fields = form_of(desk.get(page_of(order)).text, f"{page_of(order)}/parcels")
    fields |= {"carrier": "Swift", "tracking": "SW 123"}
    first = desk.post(f"{page_of(order)}/parcels", data=fields)
    second = desk.post(f"{page_of(order)}/parcels", data=fields)

    assert first.status_code == second.status_code == 302
    assert state(stage, order) == checkout.SHIPPED
    page = desk.get(page_of(order)).text
    assert page.count("SW 123</span>") == 1 and "Ola" in page
    assert "Order shipped" in desk.get(f"/office/audit?subject=order:{order.id}").text


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"carrier": "", "tracking": "1"}, "Enter the carrier."),
        ({"carrier": "Swift", "tracking": "  "}, "Enter the tracking number."),
        ({"carrier": "x" * 61, "tracking": "1"}, "Use at most 60 characters."),
    ],
)
def test_a_parcel_without_its_number_stays_as_typed(desk, stage, order, typed, sentence):
    answer = send(desk, page_of(order), f"{page_of(order)}/parcels", **typed)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert form_of(answer.text, f"{page_of(order)}/parcels")["carrier"] == typed["carrier"]
    assert state(stage, order) == checkout.PAID


def test_an_order_that_moved_on_is_not_shipped(desk, stage, order):
    stage.refund(order)
    answer = desk.post(f"{page_of(order)}/parcels", data={"carrier": "Swift", "tracking": "1"})

    assert answer.status_code == 422
    assert "has moved on meanwhile" in answer.text


def test_an_order_is_delivered_once_and_the_act_is_kept(desk, stage, order):
    stage.ship(order)
    for _press in range(2):
        assert desk.post(f"{page_of(order)}/delivery").status_code == 302

    assert state(stage, order) == checkout.COMPLETED
    assert desk.get("/office/audit?act=order.deliver&by=staff:1").text.count("Order delivered</td>") == 1


def test_what_was_not_shipped_is_not_delivered(desk, stage, order):
    assert desk.post(f"{page_of(order)}/delivery").status_code == 422
    assert state(stage, order) == checkout.PAID


def test_a_refund_shows_what_it_does_before_it_is_done(desk, stage, mei, order):
    shown = send(desk, f"{page_of(order)}/refund", "", reason="damaged")
    text = " ".join(shown.text.split())

    assert shown.status_code == 200
    assert "Cash back in all</dt><dd>$20.80" in text
    assert "Earned points taken back" in text and "159" in text
    assert state(stage, order) == checkout.PAID

    done = desk.post(f"{page_of(order)}/refund", data=form_of(shown.text, "") | {"confirm": "1"})
    assert done.status_code == 302
    assert state(stage, order) == checkout.REFUNDED
    assert stage.balances(mei).pending == 0


def test_a_refund_says_that_the_coupons_an_order_gave_are_taken_back(desk, stage, mei, order):
    voucher = stage.item("Voucher", kind="coupon", prices=(catalogue.points_price(800),))
    kind = stage.coupon_kind()
    with transaction():
        coupons.sell(kind, voucher.product_id, by="staff:1", at=NOON)
    stage.give(mei, 800)
    stage.put_in(mei, voucher)
    given = stage.place(mei)
    said = "Coupons it gave</dt><dd>taken back, but for those that were used"

    shown = send(desk, f"{page_of(given)}/refund", "", reason="changed_mind")

    assert said in shown.text
    assert said not in send(desk, f"{page_of(order)}/refund", "", reason="changed_mind").text
    desk.post(f"{page_of(given)}/refund", data=form_of(shown.text, "") | {"confirm": "1"})
    with reading():
        assert [row.revoked_at is not None for row in coupons.coupons_of(mei)] == [True]


def test_a_refund_pressed_twice_is_one_and_answers_the_same(desk, stage, mei, mug):
    order = bought(stage, mei, mug)
    shown = send(desk, f"{page_of(order)}/refund", "", reason="goodwill")
    fields = form_of(shown.text, "") | {"confirm": "1"}
    first, second = (desk.post(f"{page_of(order)}/refund", data=fields) for _press in range(2))

    assert (first.status_code, first.location) == (second.status_code, second.location) == (302, page_of(order))
    assert stage.balances(mei).ready == 5_000


def test_a_refund_that_is_no_longer_what_was_shown_is_shown_anew_before_it_is_done(desk, stage, mei, order):
    shown = send(desk, f"{page_of(order)}/refund", "", reason="changed_mind")
    assert "Cash back in all</dt><dd>$20.80" in " ".join(shown.text.split())
    stage.ship(order)

    refused = desk.post(f"{page_of(order)}/refund", data=form_of(shown.text, "") | {"confirm": "1"})

    assert refused.status_code == 422
    assert "has changed since it was shown. Nothing was done." in refused.text
    assert "Cash back in all</dt><dd>$15.90" in " ".join(refused.text.split())
    assert state(stage, order) == checkout.SHIPPED
    done = desk.post(f"{page_of(order)}/refund", data=form_of(refused.text, "") | {"confirm": "1"})
    assert done.status_code == 302
    assert state(stage, order) == checkout.REFUNDED


def test_a_refund_that_was_not_shown_is_shown_first(desk, stage, order):
    refused = desk.post(f"{page_of(order)}/refund", data={"reason": "damaged", "confirm": "1"})

    assert refused.status_code == 422
    assert "This is what it does" in refused.text
    assert state(stage, order) == checkout.PAID


def test_shipping_is_given_back_only_for_what_was_our_fault_or_never_sent(desk, stage, order):
    stage.ship(order)
    for reason, back in (("changed_mind", "$15.90"), ("damaged", "$20.80")):
        shown = " ".join(send(desk, f"{page_of(order)}/refund", "", reason=reason).text.split())
        assert f"Cash back in all</dt><dd>{back}" in shown


def test_a_refund_without_a_reason_stays_as_typed(desk, stage, order):
    answer = send(desk, f"{page_of(order)}/refund", "", reason="", note="She called twice")

    assert answer.status_code == 422
    assert "Choose why the order is refunded." in answer.text and "She called twice" in answer.text
    assert desk.post(f"{page_of(order)}/refund", data={"reason": "because", "confirm": "1"}).status_code == 422
    assert state(stage, order) == checkout.PAID


def test_what_cannot_be_refunded_says_so(desk, stage, mei, cup):
    stage.put_in(mei, cup, "cash")
    unpaid = stage.place(mei)

    assert "cannot be refunded as it stands" in desk.get(f"{page_of(unpaid)}/refund", follow_redirects=True).text
    assert desk.post(f"{page_of(unpaid)}/refund", data={"reason": "damaged", "confirm": "1"}).status_code == 422


@pytest.mark.parametrize("number", ["10999", "1", "x", "99999999999999999999", "10000", "０１２３４５"])
def test_an_order_there_is_not_is_not_there(desk, stage, number):
    assert desk.get(f"/office/orders/{number}").status_code == 404
    assert desk.get(f"/office/orders/{number}/refund").status_code == 404
    for act in ("parcels", "delivery", "refund"):
        answer = desk.post(
            f"/office/orders/{number}/{act}",
            data={"carrier": "x", "tracking": "y", "reason": "damaged", "confirm": "1"},
        )
        assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/office/orders", "/office/orders?queue=all"])
def test_the_list_costs_as_many_statements_for_many_as_for_one(desk, stage, mei, mug, count_statements, path):
    bought(stage, mei, mug)
    desk.get(path)
    count_statements.clear()
    desk.get(path)
    for_one = len(count_statements)
    for _time in range(6):
        bought(stage, mei, mug)
    count_statements.clear()
    desk.get(path)

    assert len(count_statements) == for_one <= 8


def test_a_strange_queue_or_page_shows_something(desk, stage, mei, mug):
    bought(stage, mei, mug)

    for query in ("queue=none", "page=999", "page=x", "q=%25%27", "q=" + "9" * 15):
        assert desk.get(f"/office/orders?{query}").status_code == 200


@pytest.fixture
def refused(stage, order):
    """A refund of Mei's order that the cashier will not make."""
    stage.refund(order)
    with reading():
        (refund,) = cash.refunds_of(checkout.reference_of(order.id))
    with transaction():
        return cash.refused_refund(refund.id, why="charge_disputed", at=NOON)


def decision(desk, order, refund, act, **typed):
    """Type into the form of a refused refund, and press one of its two buttons."""
    fields = form_of(desk.get(page_of(order)).text, f"{page_of(order)}/refunds/{refund.id}/retry")
    typed = {f"r{refund.id}-{name}": value for name, value in typed.items()}
    return desk.post(f"{page_of(order)}/refunds/{refund.id}/{act}", data=fields | typed)


@pytest.mark.parametrize(
    ("act", "becomes", "said", "kept"),
    [
        ("retry", cash.ASKED, "The cashier is asked again.", "refund.asked_again"),
        ("by-hand", cash.DONE, "the money was given back by hand", "refund.given_by_hand"),
    ],
)
def test_a_refused_refund_is_decided_by_one_of_two_buttons_once(desk, order, refused, act, becomes, said, kept):
    assert "The cashier refused to give $20.80 back" in desk.get(page_of(order)).text
    for _press in range(2):
        answer = desk.post(
            f"{page_of(order)}/refunds/{refused.id}/{act}", data={f"r{refused.id}-reason": "Transfer of 2 March"}
        )
        assert (answer.status_code, answer.location) == (303, page_of(order))

    page = desk.get(page_of(order)).text
    assert said in page
    assert "The cashier refused" not in page
    with reading():
        (refund,) = cash.refunds_of(checkout.reference_of(order.id))
    assert refund.state == becomes
    assert desk.get(f"/office/audit?act={kept}").text.count("Transfer of 2 March") == 1


@pytest.mark.parametrize("act", ["retry", "by-hand"])
def test_a_refused_refund_is_not_decided_without_a_reason(desk, order, refused, act):
    answer = decision(desk, order, refused, act, reason=" ")

    assert answer.status_code == 422
    assert "Say why, or how the money was given back" in answer.text
    long = decision(desk, order, refused, act, reason="x" * 301)
    assert long.status_code == 422
    assert "x" * 301 in long.text


def test_a_refund_is_decided_on_its_own_order_only(desk, stage, mei, cup, order, refused):
    stage.put_in(mei, cup, "cash")
    other = stage.pay(stage.place(mei))

    for act in ("retry", "by-hand"):
        answer = desk.post(f"{page_of(other)}/refunds/{refused.id}/{act}", data={f"r{refused.id}-reason": "Mine"})
        assert answer.status_code == 404


def test_a_refund_that_waits_for_nobody_is_not_decided(desk, stage, order):
    stage.refund(order)
    with reading():
        (refund,) = cash.refunds_of(checkout.reference_of(order.id))

    answer = desk.post(f"{page_of(order)}/refunds/{refund.id}/by-hand", data={f"r{refund.id}-reason": "Early"})

    assert answer.status_code == 422
    assert "no longer waits for a decision" in answer.text


def test_of_what_comes_back_some_goes_on_the_shelf_and_the_rest_is_written_off(desk, stage, cup, three_cups):
    typed = {"pieces-1": "3", "reason": "damaged", "shelf-1": "1"}
    shown = send(desk, f"{page_of(three_cups)}/refund", "", **typed)
    assert "1 back on the shelf, 2 written off" in shown.text

    assert (
        desk.post(f"{page_of(three_cups)}/refund", data=form_of(shown.text, "") | {"confirm": "1"}).status_code == 302
    )

    assert (state(stage, three_cups), stage.stock(cup)) == (checkout.REFUNDED, (8, 0))


@pytest.mark.parametrize(("count", "sentence"), [("2", "Of these, 1 were sent and come back."), ("4", "from 0 to 3")])
def test_no_more_goes_on_the_shelf_than_comes_back(desk, stage, cup, three_cups, count, sentence):
    typed = {"pieces-1": "1", "reason": "damaged", "shelf-1": count}
    answer = send(desk, f"{page_of(three_cups)}/refund", "", **typed)

    assert answer.status_code == 422 and sentence in answer.text
    assert form_of(answer.text, "")["shelf-1"] == count
    assert stage.stock(cup) == (7, 0)


@pytest.fixture
def three_cups(stage, mei, cup):
    """Mei's order of three cups, paid in cash, sent."""
    stage.put_in(mei, cup, "cash", quantity=3)
    order = stage.pay(stage.place(mei))
    stage.ship(order)
    return order


def test_some_pieces_are_refunded_as_it_was_shown(desk, stage, cup, three_cups):
    asked = form_of(desk.get(f"{page_of(three_cups)}/refund").text, "")
    assert asked["pieces-1"] == "3"
    shown = send(desk, f"{page_of(three_cups)}/refund", "", **{"pieces-1": "1", "reason": "damaged", "shelf-1": "1"})
    text = " ".join(shown.text.split())

    assert "Tea cup × 1" in text and "Cash back for goods</dt><dd>$15.90" in text
    assert "Cash back for shipping</dt><dd>$1.63" in text
    fields = form_of(shown.text, "") | {"confirm": "1"}
    first, second = (desk.post(f"{page_of(three_cups)}/refund", data=fields) for _press in range(2))

    assert (first.status_code, second.status_code) == (302, 302)
    assert state(stage, three_cups) == checkout.SHIPPED
    assert stage.stock(cup) == (8, 0)
    page = desk.get(page_of(three_cups)).text
    assert "1 given back" in page and "−$17.53" in page
    assert form_of(desk.get(f"{page_of(three_cups)}/refund").text, "")["pieces-1"] == "2"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("4", "Write a whole number from 0 to 3."),
        ("-1", "Write a whole number from 0 to 3."),
        ("1.5", "Write a whole number from 0 to 3."),
        ("9" * 30, "Write a whole number from 0 to 3."),
        ("two", "Write a whole number from 0 to 3."),
        ("0", "Choose at least one piece that comes back."),
        ("", "Choose at least one piece that comes back."),
    ],
)
def test_a_number_of_pieces_that_cannot_be_stays_as_typed_with_its_sentence(desk, stage, three_cups, typed, sentence):
    answer = send(desk, f"{page_of(three_cups)}/refund", "", **{"pieces-1": typed, "reason": "damaged", "note": "Hm"})

    assert answer.status_code == 422
    assert sentence in answer.text and 'href="#pieces-1"' in answer.text
    assert form_of(answer.text, "") | {} == form_of(answer.text, "") | {
        "pieces-1": typed, "reason": "damaged", "note": "Hm",
    }  # fmt: skip
    assert state(stage, three_cups) == checkout.SHIPPED


def test_more_pieces_than_are_left_are_refused_at_their_line(desk, stage, three_cups):
    stage.refund(three_cups, pieces={1: 2})

    answer = send(desk, f"{page_of(three_cups)}/refund", "", **{"pieces-1": "2", "reason": "damaged"})

    assert answer.status_code == 422
    assert "Of Tea cup 1 can still be given back. Lower the number." in answer.text


def test_a_part_that_was_refunded_meanwhile_is_not_refunded_again(desk, stage, three_cups):
    shown = send(desk, f"{page_of(three_cups)}/refund", "", **{"pieces-1": "2", "reason": "damaged"})
    stage.refund(three_cups, pieces={1: 2})

    answer = desk.post(f"{page_of(three_cups)}/refund", data=form_of(shown.text, "") | {"confirm": "1"})

    assert answer.status_code == 422
    assert "Of Tea cup 1 can still be given back." in answer.text
