"""The double behaves as Stripe does where the mall can tell the difference; spoken to by the official client."""

import random
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
import stripe

from tests.stripe_double import running

PRICE = {"currency": "usd", "unit_amount": 690, "product_data": {"name": "Order 7"}}
ASKED = {
    "mode": "payment",
    "line_items": [{"quantity": 1, "price_data": PRICE}],
    "success_url": "http://127.0.0.1/paid?session={CHECKOUT_SESSION_ID}",
    "cancel_url": "http://127.0.0.1/orders/7",
    "client_reference_id": "order:7",
    "metadata": {"payment": "1"},
}


@pytest.fixture
def double():
    with running() as double:
        yield double


@pytest.fixture
def client(double):
    return client_of(double)


def client_of(double, key="sk_test_double", *, patience_seconds=30):
    return stripe.StripeClient(
        key,
        base_addresses={"api": double.address},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=(patience_seconds, patience_seconds)),
    )


def open_page(client, *, key="k1", **changes):
    return client.v1.checkout.sessions.create(ASKED | changes, {"idempotency_key": key})


def in_minutes(minutes):
    return int((datetime.now(UTC) + timedelta(minutes=minutes)).timestamp())


def paid(client, double, *, key="k1"):
    session = open_page(client, key=key)
    double.books.pay(session.id)
    return double.books.intent_of(session.id)


def refund(client, intent, amount, *, key):
    return client.v1.refunds.create({"payment_intent": intent, "amount": amount}, {"idempotency_key": key})


# Sessions


def test_a_session_is_open_then_complete_and_paid(client, double):
    session = open_page(client)
    assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 690)

    double.books.pay(session.id)

    after = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (after.status, after.payment_status, after.url) == ("complete", "paid", None)
    assert after.payment_intent.status == "succeeded"


def test_a_session_expires_by_its_clock(client, double):
    session = open_page(client, expires_at=in_minutes(31))
    double.books.ahead_seconds = 32 * 60

    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"


def test_only_an_open_session_can_be_expired(client, double):
    session = open_page(client)
    assert client.v1.checkout.sessions.expire(session.id).status == "expired"

    with pytest.raises(stripe.InvalidRequestError, match="Only Checkout Sessions"):
        client.v1.checkout.sessions.expire(session.id)


@pytest.mark.parametrize("minutes", [29, 24 * 60 + 1])
def test_a_session_is_open_for_30_minutes_to_24_hours(client, minutes):
    with pytest.raises(stripe.InvalidRequestError, match="expires_at"):
        open_page(client, expires_at=in_minutes(minutes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": "red"}, "unknown parameter: colour"),
        ({"mode": "gift"}, "Invalid value: mode"),
        ({"line_items": [{"quantity": "one", "price_data": PRICE}]}, "Invalid integer"),
        ({"line_items": [{"quantity": 1, "price_data": {"unit_amount": 690}}]}, "Missing required param"),
        ({"line_items": [{"quantity": 1, "price_data": PRICE | {"currency": "pts"}}]}, "Invalid currency"),
        ({"line_items": [{"quantity": 1, "price_data": PRICE | {"unit_amount": 49}}]}, "too small"),
        ({"line_items": []}, "line_items"),
        ({"locale": "tlh"}, "Invalid value: locale"),
        ({"metadata": {"k" * 41: "v"}}, "Metadata"),
        ({"adaptive_pricing": {"enabled": "perhaps"}}, "Invalid boolean"),
    ],
)
def test_parameters_are_checked_against_the_types_stripe_ships(client, changes, said):
    with pytest.raises(stripe.InvalidRequestError, match=said):
        open_page(client, **changes)


def test_a_key_of_the_other_mode_is_refused(double):
    with pytest.raises(stripe.AuthenticationError):
        open_page(client_of(double, "sk_live_double"))


# Idempotency


def test_the_same_key_answers_the_same_session(client, double):
    assert open_page(client).id == open_page(client).id
    assert len(double.books.sessions) == 1


def test_the_same_key_with_other_parameters_is_refused(client):
    open_page(client)

    with pytest.raises(stripe.IdempotencyError):
        open_page(client, client_reference_id="order:8")


def test_a_refused_question_leaves_its_key_free(client):
    with pytest.raises(stripe.InvalidRequestError):
        open_page(client, colour="red")

    assert open_page(client).status == "open"


def test_the_same_key_at_the_same_time_is_a_conflict(client, double):
    gate = double.hold_next("create_session")
    first = threading.Thread(target=lambda: open_page(client_of(double)))
    first.start()
    assert gate.reached.wait(30)

    with pytest.raises(stripe.StripeError) as conflict:
        open_page(client)
    gate.opened.set()
    first.join(30)

    assert conflict.value.http_status == 409
    assert len(double.books.sessions) == 1


# Failures on demand


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        ("timeout", stripe.APIConnectionError),
        ("lost", stripe.APIConnectionError),
        ("500", stripe.APIError),
        ("409", stripe.APIError),
        ("429", stripe.RateLimitError),
    ],
)
def test_it_fails_once_when_told_to(client, double, failure, raised):
    hurried = client_of(double, patience_seconds=1) if failure == "timeout" else client
    double.fail_next(failure, operation="create_session")
    with pytest.raises(raised):
        open_page(hurried)

    assert open_page(client).status == "open"
    assert len(double.books.sessions) == 1


def test_a_lost_answer_was_still_given(client, double):
    double.fail_next("lost")
    with pytest.raises(stripe.APIConnectionError):
        open_page(client)

    assert len(double.books.sessions) == 1


# Refunds, disputes, books


def test_refunds_add_up_to_the_charge_and_no_further(client, double):
    intent = paid(client, double)
    refund(client, intent, 400, key="r1")

    with pytest.raises(stripe.InvalidRequestError, match="greater than 290"):
        refund(client, intent, 291, key="r2")
    refund(client, intent, 290, key="r3")
    with pytest.raises(stripe.InvalidRequestError, match="already been refunded"):
        refund(client, intent, 1, key="r4")


def test_two_equal_refunds_are_two_and_a_repeated_one_is_one(client, double):
    intent = paid(client, double)
    ids = {refund(client, intent, 100, key=key).id for key in ("r1", "r2", "r2")}

    assert len(ids) == len(double.books.refunds) == 2


def test_a_refund_that_falls_through_can_be_made_again(client, double):
    intent = paid(client, double)
    first = refund(client, intent, 690, key="r1")
    double.books.refund_falls_through(first.id)

    assert client.v1.refunds.retrieve(first.id).status == "failed"
    assert refund(client, intent, 690, key="r2").status == "succeeded"


def test_a_disputed_charge_is_not_refunded(client, double):
    intent = paid(client, double)
    dispute = double.books.dispute(intent)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        refund(client, intent, 1, key="r1")
    assert refusal.value.code == "charge_disputed"

    double.books.close_dispute(dispute["id"], won=True)
    assert refund(client, intent, 1, key="r2").status == "succeeded"


def test_the_books_hold_what_came_and_what_went(client, double):
    intent = paid(client, double)
    refund(client, intent, 90, key="r1")

    lines = list(client.v1.balance_transactions.list({"limit": 1}).auto_paging_iter())

    assert [(line.type, line.amount, line.fee) for line in lines] == [("refund", -90, 0), ("charge", 690, 13)]


def test_events_are_listed_newest_first_by_kind_over_pages(client, double):
    for number in range(3):
        paid(client, double, key=f"k{number}")
        double.books.sessions[open_page(client, key=f"x{number}").id]["expires_at"] = 0
    given = {"types": ["checkout.session.completed"], "limit": 2}

    events = list(client.v1.events.list(given).auto_paging_iter())

    assert [event.type for event in events] == ["checkout.session.completed"] * 3
    assert events[0].id > events[1].id > events[2].id


# Slow methods


@pytest.mark.parametrize(
    ("well", "status", "intent_status"), [(True, "paid", "succeeded"), (False, "unpaid", "requires_payment_method")]
)
def test_a_slow_method_is_complete_first_and_paid_later_or_never(client, double, well, status, intent_status):
    session = open_page(client)
    double.books.pay_slowly(session.id)
    seen = client.v1.checkout.sessions.retrieve(session.id)
    assert (seen.status, seen.payment_status) == ("complete", "unpaid")

    double.books.slow_payment_ends(session.id, well=well)

    seen = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (seen.payment_status, seen.payment_intent.status) == (status, intent_status)


# The hosted page


def press(address, what):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect())
    try:
        return opener.open(urllib.request.Request(address, f"do={what}".encode(), method="POST"), timeout=5)
    except urllib.error.HTTPError as answer:
        return answer


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def test_paying_on_the_page_leads_back_to_the_shop(client, double):
    session = open_page(client)

    answer = press(session.url, "pay")

    assert answer.status == 303
    assert answer.headers["Location"] == f"http://127.0.0.1/paid?session={session.id}"
    assert double.books.session(session.id)["payment_status"] == "paid"


def test_a_declined_card_leaves_the_page_open(client, double):
    session = open_page(client)

    answer = press(session.url, "decline")

    assert answer.headers["Location"] == f"/pay/{session.id}?declined=1"
    assert double.books.session(session.id)["status"] == "open"


def test_a_page_that_is_over_takes_nothing(client, double):
    session = open_page(client)
    client.v1.checkout.sessions.expire(session.id)

    assert press(session.url, "pay").status == 400


# Webhooks


def test_webhooks_are_signed_and_delivered_when_told():
    heard = []
    with running(post=lambda body, headers: heard.append((body, headers)) or 200) as double:
        paid(client_of(double), double)
        assert heard == []

        assert double.outbox.deliver() == [200]

        body, headers = heard[0]
        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], double.secret)
        assert event.type == "checkout.session.completed"
        assert double.outbox.waiting == []


def test_a_webhook_that_was_not_taken_waits():
    with running(post=lambda body, headers: 500) as double:
        paid(client_of(double), double)

        double.outbox.deliver()

        assert len(double.outbox.waiting) == 1


def test_webhooks_can_come_twice_in_disorder_or_never():
    heard = []
    with running(post=lambda body, headers: heard.append(body) or 200) as double:
        for number in range(20):
            paid(client_of(double), double, key=f"k{number}")
        in_order = list(double.outbox.waiting)

        double.outbox.deliver_in_disorder(random.Random(7))

    assert len(set(heard)) < len(in_order)
    assert len(heard) > len(set(heard))
    assert heard != sorted(heard)


def test_webhooks_can_come_by_themselves():
    heard = threading.Event()
    with running(post=lambda body, headers: heard.set() or 200, at_once=True) as double:
        paid(client_of(double), double)

        assert heard.wait(5)
