"""Stripe's answers in our words: what may have happened is unreachable, what certainly did not is refused."""

import json
import time
from datetime import timedelta

import pytest
import stripe as stripe_package

from mall.base.cashier import BadSignature, CashierRefused, CashierUnreachable
from mall.base.clock import now
from mall.domain import cash
from mall.gateway import StripeCashier, cashier_for, stripe_cashier
from mall.gateway.stripe_cashier import EVENTS

from .conftest import Counter, stripe_at


@pytest.mark.parametrize("failure", ["timeout", "lost", "500", "409", "429"])
def test_no_clear_answer_is_unreachable_and_asking_again_is_one_refund(stripe, double, failure):
    paid = stripe.paid().payment_id
    asking = stripe_at(double, timeout=(1, 1)) if failure == "timeout" else stripe.cashier
    double.fail_next(failure, operation="create_refund")

    with pytest.raises(CashierUnreachable):
        asking.refund(paid, 100, key="refund:1")
    stripe.cashier.refund(paid, 100, key="refund:1")

    assert len(double.books.refunds) == 1


@pytest.mark.parametrize("failure", ["lost", "500", "409"])
def test_a_passing_fault_is_tried_once_more_by_itself(app, double, failure):
    counter = Counter(stripe_at(double, retries=1), double.books)
    double.fail_next(failure, operation="create_session")

    counter.open()

    assert len(double.books.sessions) == 1


def test_a_key_that_is_not_accepted_is_ours_to_mend_not_a_no(app, double):
    cashier = StripeCashier("sk_live_wrong", webhook_secret="whsec", api_base=double.address, retries=0)

    with pytest.raises(CashierUnreachable) as fault:
        Counter(cashier, double.books).open()
    assert "AuthenticationError" in fault.value.detail


def test_nobody_at_the_address_is_unreachable(app):
    cashier = StripeCashier("sk_test", webhook_secret="whsec", api_base="http://127.0.0.1:9", retries=0)

    with pytest.raises(CashierUnreachable):
        cashier.fetch_session("cs_1")


def test_a_refusal_carries_its_code_for_staff_and_a_sentence_for_members(stripe):
    with pytest.raises(CashierRefused) as refusal:
        stripe.cashier.fetch_session("cs_none")

    assert refusal.value.code == "resource_missing"
    assert "No such checkout.session" in refusal.value.detail
    assert "cs_none" not in str(refusal.value)


@pytest.mark.parametrize(("well", "paid", "failed"), [(True, True, False), (False, False, True)])
def test_a_slow_method_is_under_way_until_it_ends(stripe, double, well, paid, failed):
    session = stripe.open()
    double.books.pay_slowly(session.id)
    state = stripe.cashier.fetch_session(session.id)
    assert (state.status, state.paid, state.failed) == ("complete", False, False)

    double.books.slow_payment_ends(session.id, well=well)

    state = stripe.cashier.fetch_session(session.id)
    assert (state.status, state.paid, state.failed) == ("complete", paid, failed)


def test_the_order_the_payment_and_the_refund_can_be_told_from_stripes_side(stripe, double):
    state = stripe.paid()
    refund = stripe.cashier.refund(state.payment_id, 100, key="refund:9")

    assert double.books.sessions[state.id]["metadata"] == {"payment": "1", "attempt": "1", "reference": "order:7"}
    assert double.books.intents[state.payment_id]["metadata"]["reference"] == "order:7"
    assert double.books.refunds[refund.id]["metadata"] == {"refund": "refund:9"}


def test_live_and_test_are_told_by_the_key():
    assert StripeCashier("sk_live_1", webhook_secret="whsec").live
    assert StripeCashier("rk_live_1", webhook_secret="whsec").live
    assert not StripeCashier("sk_test_1", webhook_secret="whsec").live


@pytest.mark.parametrize("given", [{"webhook_secret": ""}, {"webhook_secret": "whsec", "tolerance_seconds": 0}])
def test_a_cashier_that_would_believe_anyone_is_not_built(given):
    with pytest.raises(ValueError, match="webhook secret"):
        StripeCashier("sk_test_1", **given)


# Events


def signed(double, event, *, secret=None, at=None):
    body = json.dumps(event)
    return body.encode(), stripe_package.WebhookSignature.generate_signature_header(body, secret or double.secret, at)


@pytest.fixture
def event(stripe, double):
    stripe.paid()
    return double.books.events[-1]


def test_an_event_is_read_without_names_and_addresses(stripe, double, event):
    assert "mei@example.com" in json.dumps(event)

    read = stripe.cashier.parse_event(*signed(double, event))

    assert (read.id, read.kind, read.live) == (event["id"], "checkout.session.completed", False)
    assert read.about["client_reference_id"] == "order:7"
    assert read.about["payment_intent"] == event["data"]["object"]["payment_intent"]
    assert "mei@example.com" not in str(read)


def test_who_does_not_know_the_secret_is_not_stripe(stripe, double, event):
    body, good = signed(double, event)
    for signature in (
        "",
        "t=1,v1=abc",
        "nonsense",
        "t=abc,v1=",
        "t=1",
        "v1=ä",
        good.replace("v1=", "v0="),
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        f"t={int(time.time())},v1=ä",
        signed(double, event, secret="whsec_other")[1],
    ):
        with pytest.raises(BadSignature):
            stripe.cashier.parse_event(body, signature)


def test_another_body_under_a_good_signature_is_not_from_stripe(stripe, double, event):
    body, signature = signed(double, event)

    with pytest.raises(BadSignature):
        stripe.cashier.parse_event(body.replace(b"690", b"069"), signature)


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[]", b"null", b"{}", b'{"id": 1}', b'{"id":"e","type":"x","data":{}}']
)
def test_a_body_that_is_no_event_is_refused_whoever_signed_it(stripe, double, body):
    text = body.decode("latin-1")
    signature = stripe_package.WebhookSignature.generate_signature_header(text, double.secret)

    with pytest.raises(BadSignature):
        stripe.cashier.parse_event(body, signature)


@pytest.mark.parametrize(("age", "accepted"), [(0, True), (290, True), (301, False), (86_400, False)])
def test_an_event_is_believed_for_300_seconds(stripe, double, event, age, accepted):
    body, signature = signed(double, event, at=int(time.time()) - age)
    if accepted:
        assert stripe.cashier.parse_event(body, signature).id == event["id"]
    else:
        with pytest.raises(BadSignature):
            stripe.cashier.parse_event(body, signature)


def test_the_catch_up_lists_what_was_told_oldest_first_over_many_pages(stripe, double, monkeypatch):
    monkeypatch.setattr(stripe_cashier, "PAGE", 2)
    for number in range(3):
        stripe.paid(key=f"order:{number}:session:1")
    double.books.events.append(double.books.events[0] | {"id": "evt_z", "type": "customer.created"})

    heard = list(stripe.cashier.events_since(now() - timedelta(hours=1)))

    assert [event.kind for event in heard] == ["checkout.session.completed"] * 3
    assert [event.id for event in heard] == sorted(event.id for event in heard)
    assert list(stripe.cashier.events_since(now() + timedelta(hours=1))) == []


def test_the_books_are_listed_oldest_first_over_many_pages_and_a_charge_is_of_its_payment(stripe, double, monkeypatch):
    monkeypatch.setattr(stripe_cashier, "PAGE", 2)
    paid = [stripe.paid(key=f"order:{number}:session:1").payment_id for number in range(3)]
    payout = double.books.pay_out(500, fee=25)
    double.books.charge_a_fee(2_000)

    lines = list(stripe.cashier.takings_since(now() - timedelta(hours=1)))

    assert [line.source for line in lines] == [*paid, payout, ""]
    assert [line.kind for line in lines] == ["charge", "charge", "charge", "payout", "stripe_fee"]
    assert [line.payout for line in lines] == ["", "", "", payout, ""]
    assert {line.fee_cents for line in lines[:3]} == {690 // 50}
    assert lines[3].net_cents == -525
    assert all(line.available_at for line in lines)


def test_what_we_ask_to_be_told_is_what_we_know_the_meaning_of():
    assert set(EVENTS) == set(cash.MEANINGS)


def test_the_settings_choose_the_cashier(make_app):
    stripe_settings = {"CASHIER": "stripe", "STRIPE_SECRET_KEY": "sk_live_x", "STRIPE_WEBHOOK_SECRET": "whsec_x"}

    assert cashier_for(make_app(CASHIER="none").config) is None
    assert cashier_for(make_app(CASHIER="sandbox").config).name == "sandbox"
    assert cashier_for(make_app(**stripe_settings).config).live


def test_no_telemetry_is_sent_along(stripe):
    stripe.open()

    assert not stripe_package.enable_telemetry
