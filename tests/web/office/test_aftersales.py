"""Returns at the desk: the queue, approve, decline with a sentence, take in the goods - each once, as it was shown."""

from datetime import timedelta
from io import BytesIO

import pytest

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import aftersales, catalogue, checkout
from tests.stage import NOON
from tests.web.office.forms import form_of, send
from tests.web.store.till import words

DELIVERED = NOON + timedelta(days=3)


@pytest.fixture(autouse=True)
def delivered():
    with moved_to(DELIVERED):
        yield


@pytest.fixture
def cup(stage):
    return stage.item("Tea cup", prices=(catalogue.cash_price(1_590),))


@pytest.fixture
def asked(stage, mei, cup):
    """Mei asks for two of three cups to go back, damaged."""
    stage.put_in(mei, cup, "cash", quantity=3)
    order = stage.pay(stage.place(mei))
    stage.ship(order)
    stage.deliver(order, at=DELIVERED)
    return ask(stage, mei, order, {1: 2})


def ask(stage, mei, order, pieces):
    level = stage.terms.level(1)
    with reading():
        plan = aftersales.plan_return(
            checkout.order_of(order.id), pieces=pieces, reason="damaged", level=level, terms=stage.terms, at=DELIVERED
        )
    with transaction():
        row, _new = aftersales.ask_return(
            order.id, member_id=mei, pieces=pieces, reason="damaged", words="<b>Cracked</b>", pictures=(),
            shown=plan.fingerprint, level=level, terms=stage.terms, at=DELIVERED,
        )  # fmt: skip
    return row


def page_of(row):
    return f"/office/aftersales/{row.id}"


def state(row):
    with reading():
        return aftersales.return_page(row.id).row.state


def test_what_waits_stands_in_its_queue_and_in_the_menu(desk, asked):
    page = desk.get("/office/aftersales").text
    said = words(page)

    assert f"Return {asked.id} of order" in said and "Damaged" in said and "Mei" in said
    assert f'href="{page_of(asked)}"' in page
    assert "Returns to decide" in words(desk.get("/office/").text)
    assert f"Return {asked.id} of" not in words(desk.get("/office/aftersales?queue=ended").text)
    assert desk.get("/office/aftersales?queue=none&page=9").status_code == 200


def test_a_return_is_shown_whole_with_what_it_refunds(desk, asked):
    page = desk.get(page_of(asked))
    said = words(page.text)

    assert "&lt;b&gt;Cracked&lt;/b&gt;" in page.text
    for shown in ("Tea cup × 2 $31.80", "Cash back for shipping $3.26", "Cash back in all $35.06", "Decide"):
        assert shown in said


def test_it_is_approved_then_received_and_refunded_as_it_was_shown(desk, stage, cup, asked):
    for _press in range(2):
        answer = (
            send(desk, page_of(asked), f"{page_of(asked)}/approval", words="Dock 3")
            if not _press
            else desk.post(f"{page_of(asked)}/approval", data={"words": "Dock 3"})
        )
        assert (answer.status_code, answer.location) == (303, page_of(asked))
    assert "Dock 3" in desk.get(page_of(asked)).text

    fields = form_of(desk.get(page_of(asked)).text, f"{page_of(asked)}/receipt") | {"shelf-1": "1"}
    for _press in range(2):
        assert desk.post(f"{page_of(asked)}/receipt", data=fields).status_code == 303

    assert state(asked) == aftersales.REFUNDED
    assert stage.stock(cup) == (8, 0)
    assert "Cash back in all $35.06" in words(desk.get(page_of(asked)).text)
    acts = words(desk.get(f"/office/audit?subject=order:{asked.order_id}").text)
    assert "Return approved" in acts and "Returned goods received" in acts


@pytest.mark.parametrize("typed", ["3", "-1", "x", "1.5", "9" * 40, ""])
def test_more_on_the_shelf_than_came_back_stays_as_typed(desk, asked, typed):
    desk.post(f"{page_of(asked)}/approval", data={})
    fields = form_of(desk.get(page_of(asked)).text, f"{page_of(asked)}/receipt") | {"shelf-1": typed}

    answer = desk.post(f"{page_of(asked)}/receipt", data=fields)

    assert answer.status_code == 422
    assert "Write a whole number from 0 to 2." in answer.text
    assert form_of(answer.text, f"{page_of(asked)}/receipt")["shelf-1"] == typed
    assert state(asked) == aftersales.APPROVED


def test_what_was_not_shown_is_not_refunded(desk, stage, asked):
    desk.post(f"{page_of(asked)}/approval", data={})
    shown = form_of(desk.get(page_of(asked)).text, f"{page_of(asked)}/receipt")
    with reading():
        order = checkout.order_of(asked.order_id)
    stage.refund(order, pieces={1: 1}, at=DELIVERED)

    answer = desk.post(f"{page_of(asked)}/receipt", data=shown)

    assert answer.status_code == 422
    assert "has changed since it was shown. Nothing was done." in answer.text
    assert state(asked) == aftersales.APPROVED


def test_it_is_declined_with_a_sentence_only(desk, asked):
    empty = desk.post(f"{page_of(asked)}/decline", data={"words": " "})
    assert empty.status_code == 422
    assert "Write the member a sentence that says why." in empty.text and 'href="#words"' in empty.text
    long = desk.post(f"{page_of(asked)}/decline", data={"words": "x" * 501})
    assert long.status_code == 422 and "x" * 501 in long.text

    assert desk.post(f"{page_of(asked)}/decline", data={"words": "Worn"}).status_code == 303
    assert state(asked) == aftersales.DECLINED
    late = desk.post(f"{page_of(asked)}/approval", data={})
    assert late.status_code == 422 and "has moved on meanwhile" in late.text


def test_it_is_refunded_without_the_goods(desk, stage, cup, asked):
    fields = form_of(desk.get(page_of(asked)).text, f"{page_of(asked)}/approval")
    assert desk.post(f"{page_of(asked)}/waiver", data=fields | {"words": "Keep them"}).status_code == 303

    assert state(asked) == aftersales.WAIVED
    assert stage.stock(cup) == (7, 0)
    assert "Refunded without the goods" in words(desk.get("/office/aftersales?queue=ended").text)


def test_a_receipt_beside_a_waiver_shelves_what_it_says_and_a_waiver_beside_a_receipt_is_refused(
    desk, stage, cup, asked
):
    desk.post(f"{page_of(asked)}/approval", data={})
    page = desk.get(page_of(asked)).text
    waiver, receipt = (form_of(page, f"{page_of(asked)}/{act}") for act in ("decline", "receipt"))

    assert desk.post(f"{page_of(asked)}/waiver", data=waiver).status_code == 303
    assert "The goods have come after all" in words(desk.get(page_of(asked)).text)
    assert desk.post(f"{page_of(asked)}/receipt", data=receipt | {"shelf-1": "2"}).status_code == 303

    assert (state(asked), stage.stock(cup)) == (aftersales.REFUNDED, (9, 0))
    late = desk.post(f"{page_of(asked)}/waiver", data=waiver)
    assert late.status_code == 422 and "has moved on meanwhile" in late.text


def test_the_queue_costs_as_many_statements_for_many_as_for_one(desk, stage, mei, cup, asked, count_statements):
    desk.get("/office/aftersales")
    count_statements.clear()
    desk.get("/office/aftersales")
    for_one = len(count_statements)
    with reading():
        order = checkout.order_of(asked.order_id)
    ask(stage, mei, order, {1: 1})
    count_statements.clear()
    desk.get("/office/aftersales")

    assert len(count_statements) == for_one <= 8


@pytest.mark.parametrize("path", ["", "/pictures/1"])
def test_a_return_there_is_not_is_not_there(desk, stage, path):
    assert desk.get(f"/office/aftersales/99{path}").status_code == 404
    for act in ("approval", "decline", "receipt", "waiver"):
        assert desk.post(f"/office/aftersales/99/{act}", data={"words": "x"}).status_code == 404


# The same again.


@pytest.fixture
def exchange(stage, mei, cup):
    """Mei asks for one of three cups once more, damaged."""
    stage.put_in(mei, cup, "cash", quantity=3)
    order = stage.pay(stage.place(mei))
    stage.ship(order)
    stage.deliver(order, at=DELIVERED)
    with reading():
        plan = aftersales.plan_exchange(checkout.order_of(order.id), pieces={1: 1}, reason="damaged", at=DELIVERED)
    with transaction():
        row, _new = aftersales.ask_exchange(
            order.id, member_id=mei, pieces={1: 1}, reason="damaged", words="Cracked", pictures=(),
            shown=plan.fingerprint, terms=stage.terms, at=DELIVERED,
        )  # fmt: skip
    return row


def pressed(desk, row, act, *, within="approval", **typed):
    """Press a button of the page's form, twice; returns the first answer."""
    fields = form_of(desk.get(page_of(row)).text, f"{page_of(row)}/{within}") | typed
    answers = [desk.post(f"{page_of(row)}/{act}", data=fields) for _press in range(2)]
    assert len({answer.status_code for answer in answers}) == 1
    return answers[0]


def test_an_exchange_is_approved_received_and_sent_and_each_step_says_the_next(desk, stage, cup, exchange):
    assert "Exchange, being looked at" in words(desk.get("/office/aftersales").text)
    said = words(desk.get(page_of(exchange)).text)
    assert "Approve it, and the new one is set aside" in said and "Cash back" not in said
    assert "Free in stock" in said and "1 3 7" in said

    assert pressed(desk, exchange, "approval").status_code == 303
    assert stage.stock(cup) == (7, 1) and "Free in stock" not in desk.get(page_of(exchange)).text
    waiting = words(desk.get("/office/aftersales?queue=goods_awaited").text)
    assert f"Exchange {exchange.id} of order" in waiting and "Exchange, goods to be sent back" in waiting
    assert pressed(desk, exchange, "receipt", within="receipt", **{"shelf-1": "0"}).status_code == 303
    assert f"Exchange {exchange.id} of" in words(desk.get("/office/aftersales?queue=to_send").text)
    assert "Replacements to send" in words(desk.get("/office/").text)
    number = checkout.number_of(exchange.order_id)
    slip = words(desk.get(f"/office/parcels/slips?order={number}").text)
    assert f"Replacement, in exchange {exchange.id}" in slip and "Nothing of this order" not in slip

    empty = pressed(desk, exchange, "replacement", within="replacement", carrier="Swift", tracking=" ")
    assert empty.status_code == 422 and "Enter the tracking number." in empty.text and 'value="Swift"' in empty.text
    known = pressed(
        desk, exchange, "replacement", within="replacement", carrier="Swift", tracking=f"T{exchange.order_id}"
    )
    assert known.status_code == 422 and "tracking number" in known.text
    sent = pressed(desk, exchange, "replacement", within="replacement", carrier="Swift", tracking="SW-7")
    assert (sent.status_code, state(exchange), stage.stock(cup)) == (303, aftersales.EXCHANGED, (6, 0))

    assert "SW-7" in words(desk.get(page_of(exchange)).text)
    assert "SW-7 Replacement" in words(desk.get(f"/office/orders/{number}").text)
    acts = words(desk.get(f"/office/audit?subject=order:{exchange.order_id}").text)
    assert "Replacement sent" in acts and "Return approved" in acts


def test_a_carrier_s_file_sends_the_replacement_and_says_what_it_cannot(desk, stage, cup, exchange):
    number, tracking = checkout.number_of(exchange.order_id), "/office/parcels/tracking"
    pressed(desk, exchange, "approval")
    sheet = f"order;carrier;tracking;exchange\n{number};Swift;SW-9;{exchange.id}\n{number};Swift;SW-8;77\n".encode()

    def shown():
        fields = form_of(desk.get(tracking).text, "")
        return desk.post(tracking, data=fields | {"file": (BytesIO(sheet), "t.csv")})

    early = words(shown().text)
    assert (
        "2 rows are wrong" in early and "is not to be sent now" in early and "has no exchange of this number" in early
    )
    pressed(desk, exchange, "receipt", within="receipt")
    answer = shown()
    said = words(answer.text)
    assert f"{number} exchange {exchange.id}" in said and "1 row sends 0 rows are known already 1 row is wrong" in said
    assert "Send 1 parcel" in said and state(exchange) == aftersales.RECEIVED
    fields = form_of(answer.text, "") | {"confirm": "1"}

    sent = desk.post(tracking, data=fields)
    assert sent.status_code == 303 and "1 parcel is on its way." in words(desk.get(sent.location).text)
    assert state(exchange) == aftersales.EXCHANGED
    assert "SW-9 Replacement" in words(desk.get(f"/office/orders/{number}").text)
    late = desk.post(tracking, data=fields)
    assert late.status_code == 422 and "has changed since it was shown. Nothing was done." in words(late.text)
    assert "1 row is known already" in words(shown().text)


def test_without_a_free_piece_the_money_is_offered(desk, stage, cup, exchange):
    with transaction():
        catalogue.adjust(cup.variant_id, -7, reason="Broken", by="staff:1", at=DELIVERED)

    refused = pressed(desk, exchange, "approval", words="Dock 3")
    assert refused.status_code == 422
    assert "Of Tea cup 0 are free" in refused.text and "Dock 3" in refused.text
    assert pressed(desk, exchange, "offer", words="Sold out").status_code == 303

    said = words(desk.get(page_of(exchange)).text)
    assert "Sold out" in said and "Cash back in all $17.53" in said and "Goods to be sent back" in said
    assert "Return approved" not in said


def test_what_cannot_be_sent_is_refunded_as_it_was_shown(desk, stage, cup, exchange):
    assert pressed(desk, exchange, "waiver").status_code == 303
    assert state(exchange) == aftersales.SPARED
    assert "If it cannot be sent, this is refunded" in words(desk.get(page_of(exchange)).text)

    assert pressed(desk, exchange, "payment", within="payment", words="None left").status_code == 303

    assert (state(exchange), stage.stock(cup)) == (aftersales.WAIVED, (7, 0))
    assert "Cash back in all $17.53" in words(desk.get(page_of(exchange)).text)


def test_an_exchange_is_called_one_wherever_it_stands(desk, exchange):
    assert f"After-sales Exchange {exchange.id} Exchange {exchange.id} of" in words(desk.get(page_of(exchange)).text)
    order = desk.get(f"/office/orders/{checkout.number_of(exchange.order_id)}").text
    assert f'<a href="{page_of(exchange)}">Exchange {exchange.id}</a>' in order

    assert pressed(desk, exchange, "decline", words="It was used").status_code == 303

    said = words(desk.get(page_of(exchange)).text)
    assert "The exchange is declined. The member has been told why." in said
    order = words(desk.get(f"/office/orders/{checkout.number_of(exchange.order_id)}").text)
    assert "Exchange declined: It was used" in order


def test_an_exchange_withdrawn_says_so_with_the_member_s_name(desk, mei, exchange):
    with transaction():
        aftersales.withdraw_return(exchange.id, member_id=mei, at=DELIVERED)

    said = words(desk.get(page_of(exchange)).text)
    assert "· Mei" in said and f"Member {mei}" not in said
    assert "Exchange withdrawn" in words(desk.get(f"/office/orders/{checkout.number_of(exchange.order_id)}").text)


@pytest.mark.parametrize("act", ["replacement", "offer", "payment"])
def test_an_exchange_there_is_not_is_not_there(desk, stage, act):
    assert desk.post(f"/office/aftersales/99/{act}", data={"words": "x"}).status_code == 404
