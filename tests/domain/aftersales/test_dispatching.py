"""A carrier's file sends the replacements of exchanges, too: row by row as it was shown, each once; what a row cannot
send it says in words, and sends nothing.
"""

from datetime import timedelta

import pytest

from mall.base.cashier import DisputeState
from mall.base.db import reading, transaction
from mall.domain import aftersales, cash, catalogue, checkout
from tests.domain.aftersales.test_exchanges import ExchangeDesk
from tests.stage import NOON, open_shop

DELIVERED = NOON + timedelta(days=3)
COUNTER = {"key": "pickup", "name": {"en": "Counter"}, "price_cents": 0, "free_from_cents": None, "kind": "pickup"}
RECEIVED, SPARED, APPROVED = aftersales.RECEIVED, aftersales.SPARED, aftersales.APPROVED


@pytest.fixture
def desk(either):
    return ExchangeDesk(open_shop())


@pytest.fixture
def here(app):
    return ExchangeDesk(open_shop())


def number(desk):
    return checkout.number_of(desk.order.id)


def planned(*rows):
    """Read rows of order, carrier, tracking, SKU, quantity, exchange, and think out what they would do."""
    sheet = "\n".join(("order,carrier,tracking,sku,quantity,exchange", *rows))
    with reading():
        return aftersales.plan_file(checkout.read_file(sheet.encode()))


def does(plan):
    return [(row.does, row.pieces) for row in plan.rows]


def send(plan):
    return [(order, why and type(why)) for order, why in aftersales.send_file(plan, by="staff:1", at=DELIVERED)]


def replacements(desk):
    with reading():
        return [(each.tracking, each.pieces) for each in checkout.parcels_of(desk.order.id) if each.replacement]


def state(row):
    with reading():
        return aftersales.return_page(row.id).row.state


@pytest.mark.parametrize(("before", "after"), [(RECEIVED, aftersales.EXCHANGED), (SPARED, aftersales.REPLACED)])
def test_a_replacement_is_shown_then_sent_and_the_same_file_does_nothing_new(desk, before, after):
    row = desk.brought_to(before, {1: 2})
    line = f"{number(desk)},Swift,R1,,,{row.id}"

    plan = planned(line)
    assert (does(plan), plan.sent) == ([("sends", 2)], 1)
    assert replacements(desk) == []

    assert send(plan) == [(desk.order.id, None)]
    assert (state(row), replacements(desk), desk.stock[1]) == (after, [("R1", {1: 2})], 0)
    again = planned(line)
    assert (does(again), again.sent) == ([("known", 2)], 0)
    assert send(plan) == [(desk.order.id, None)]
    assert len(replacements(desk)) == 1


def test_parcels_and_replacements_of_one_file_go_together(here):
    row = here.brought_to(RECEIVED)
    tom = here.stage.member("tom")
    cup = here.stage.item("Cup", prices=(catalogue.cash_price(1_000),))
    here.stage.put_in(tom, cup, "cash", quantity=2)
    order = here.stage.pay(here.stage.place(tom))

    plan = planned(f"{number(here)},Swift,R1,,,{row.id}", f"{checkout.number_of(order.id)},Swift,T9,,,")

    assert (does(plan), plan.sent, plan.counts["wrong"]) == ([("sends", 1), ("sends", 2)], 2, 0)
    assert send(plan) == [(order.id, None), (here.order.id, None)]
    assert here.stage.order(order).state == checkout.SHIPPED and state(row) == aftersales.EXCHANGED


def test_what_a_file_does_has_a_fingerprint_of_its_own(here):
    row = here.brought_to(RECEIVED)
    one, other = (planned(f"{number(here)},Swift,{tracking},,,{row.id}") for tracking in ("R1", "R2"))

    assert one.fingerprint != other.fingerprint
    assert one.fingerprint == planned(f"{number(here)},Swift,R1,,,{row.id}").fingerprint
    send(other)
    assert planned(f"{number(here)},Swift,R2,,,{row.id}").fingerprint != other.fingerprint


# Wrong rows.


def refused(desk, row, *lines, sentence):
    """Each of these rows is wrong for one reason, and the file sends nothing."""
    before = state(row), desk.stock
    plan = planned(*(line.format(n=number(desk), x=row.id, sent=f"T{desk.order.id}") for line in lines))
    assert {(each.does, str(each.why)) for each in plan.rows} == {("wrong", sentence.format(n=number(desk), x=row.id))}
    assert (plan.sent, send(plan)) == (0, [])
    assert (state(row), desk.stock) == before
    return True


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["{n},Swift,R1,,,99"], "Order {n} has no exchange of this number."),
        (["{n},Swift,R1,,,x"], "Order {n} has no exchange of this number."),
        (["{n},Swift,R1,,,0"], "Order {n} has no exchange of this number."),
        (["{n},Swift,R1,,,99999999999999999999"], "Order {n} has no exchange of this number."),
        (["10999,Swift,R1,,,{x}"], "Order 10999 has no exchange of this number."),
        (["abc,Swift,R1,,,{x}"], "There is no order with this number."),
        (["{n},,R1,,,{x}"], "Enter the carrier and the tracking number, so that the member can follow the parcel."),
        (["{n},Swift,,,,{x}"], "Enter the carrier and the tracking number, so that the member can follow the parcel."),
        (["{n},Swift,=1+1,,,{x}"], "A cell begins like a formula. Take the sign away."),
        (["{n},Swift,R1,,,-{x}"], "A cell begins like a formula. Take the sign away."),
        (["{n},Swift,R1,,1,{x}"], "The quantity is a whole number from 1 up, and needs a SKU beside it."),
        (
            ["{n},Swift,R1,SKU-1,1,{x}"],
            "A replacement is sent whole, in one parcel: give it one row, and leave SKU and quantity empty.",
        ),
        (
            ["{n},Swift,R1,,,{x}", "{n},Swift,R2,,,{x}"],
            "A replacement is sent whole, in one parcel: give it one row, and leave SKU and quantity empty.",
        ),
        (
            ["{n},Swift,{sent},,,{x}"],
            "A parcel of order {n} has the tracking number T1 already, with other items in it.",
        ),
        (
            ["{n},Swift,R1,,,"],
            "Order {n} is sent. Where this is the replacement of an exchange, write the exchange's number beside it, "
            "under exchange.",
        ),
    ],
)
def test_a_wrong_row_says_why_and_sends_nothing(here, lines, sentence):
    assert refused(here, here.brought_to(RECEIVED), *lines, sentence=sentence)


@pytest.mark.parametrize("before", [aftersales.ASKED, APPROVED, aftersales.DECLINED, aftersales.LAPSED, "refunded"])
def test_what_is_not_to_be_sent_is_not(here, before):
    row = here.brought_to(before)

    sentence = "The replacement of exchange {x} is not to be sent now. Its page says how it stands."
    assert refused(here, row, "{n},Swift,R1,,,{x}", sentence=sentence)


def test_a_return_for_money_is_no_exchange(here):
    row = here.ask_money()

    assert refused(here, row, "{n},Swift,R1,,,{x}", sentence="Order {n} has no exchange of this number.")


def test_what_was_sent_with_another_number_is_not_sent_again(here):
    row = here.brought_to(aftersales.EXCHANGED)

    sentence = "The replacement of exchange {x} was sent already, with another tracking number."
    assert refused(here, row, "{n},Swift,OTHER,,,{x}", sentence=sentence)


def test_two_exchanges_of_an_order_have_two_numbers(here):
    one, other = here.brought_to(RECEIVED), here.brought_to(RECEIVED)

    plan = planned(f"{number(here)},Swift,R1,,,{one.id}", f"{number(here)},Swift,R1,,,{other.id}")

    assert does(plan) == [("sends", 1), ("wrong", 0)] and "R1 already" in str(plan.rows[1].why)
    send(planned(f"{number(here)},Swift,R1,,,{one.id}", f"{number(here)},Swift,R2,,,{other.id}"))
    assert replacements(here) == [("R1", {1: 1}), ("R2", {1: 1})]


def test_while_the_bank_decides_nothing_is_sent(here):
    row = here.brought_to(RECEIVED)
    with reading():
        (payment,) = [each for each in cash.payments_of(f"order:{here.order.id}") if each.captured_cents]
    open_ = DisputeState("du_1", "open", payment.captured_cents, "USD", payment.cashier_id, "fraudulent")
    plan = planned(f"{number(here)},Swift,R1,,,{row.id}")
    with transaction():
        aftersales.told_of_dispute(payment.id, open_, terms=here.stage.terms, at=DELIVERED)

    sentence = "The bank is deciding about the payment of order {n}. Wait until the dispute has ended."
    assert refused(here, row, "{n},Swift,R1,,,{x}", sentence=sentence)
    assert send(plan) == [(here.order.id, checkout.UnderDispute)]
    assert state(row) == RECEIVED


def test_what_is_collected_has_no_parcel(app):
    here = ExchangeDesk(open_shop(shipping_methods=[COUNTER]), method_key="pickup", address=None)
    row = here.brought_to(RECEIVED)

    sentence = "The replacement of exchange {x} is collected at the counter. Hand it over on the exchange's page."
    assert refused(here, row, "{n},Swift,R1,,,{x}", sentence=sentence)


def test_a_file_of_many_takes_as_many_statements_as_one(here, count_statements):
    rows = [here.brought_to(RECEIVED) for _each in range(3)]
    lines = [f"{number(here)},Swift,R{row.id},,,{row.id}" for row in rows]
    counts = []
    for some in (lines[:1], lines):
        count_statements.clear()
        assert {each.does for each in planned(*some).rows} == {"sends"}
        counts.append(len(count_statements))

    assert counts[0] == counts[1]
