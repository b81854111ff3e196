"""POST /hooks/stripe keeps what Stripe signed, once, and answers 200; anything else is not kept."""

import json

import pytest
import stripe as stripe_package
from sqlalchemy import select

from mall.base.db import execute, reading
from mall.domain import cash
from tests.stripe_double import running, shop_paid_by

ADDRESS = "/hooks/stripe"


@pytest.fixture
def double():
    with running() as double:
        yield double


@pytest.fixture
def shop(make_app, double):
    """A shop that is paid by Stripe, in test mode, with CSRF protection on. The double delivers to it."""
    app = shop_paid_by(double, make_app, WTF_CSRF_ENABLED=True)
    with app.app_context():
        yield app


def inbox():
    with reading():
        return execute(select(cash.CashierEvent).order_by(cash.CashierEvent.id)).all()


def an_event(double, **changes):
    event = {
        "id": "evt_1",
        "object": "event",
        "type": "checkout.session.completed",
        "livemode": False,
        "created": double.books.now(),
        "data": {"object": {"id": "cs_1", "client_reference_id": "order:7", "customer_details": {"name": "Mei Lin"}}},
    }
    return event | changes


def test_an_event_is_kept_before_anything_is_done_about_it(shop, double):
    assert double.outbox.send(an_event(double)) == 200

    (row,) = inbox()
    assert (row.event_id, row.kind, row.cashier, row.live) == ("evt_1", "checkout.session.completed", "stripe", False)
    assert row.about == {"id": "cs_1", "client_reference_id": "order:7"}


def test_no_page_no_cookie_is_given_to_a_machine(shop, double):
    client = shop.test_client()
    body = json.dumps(an_event(double))
    signature = stripe_package.WebhookSignature.generate_signature_header(body, double.secret)

    answer = client.post(ADDRESS, data=body, headers={"Stripe-Signature": signature})

    assert (answer.status_code, answer.data) == (200, b"")
    assert "Set-Cookie" not in answer.headers


def test_only_this_address_and_the_partners_api_go_without_a_csrf_token(shop):
    csrf = shop.extensions["csrf"]

    assert {face.name for face in csrf._exempt_blueprints} == {"api", "hooks"}
    assert csrf._exempt_views == set()


@pytest.mark.parametrize("cashier", ["none", "sandbox"])
def test_without_stripe_there_is_no_such_address(make_app, cashier):
    assert make_app(CASHIER=cashier).test_client().post(ADDRESS).status_code == 404


def test_reading_it_is_no_way_in(shop):
    assert shop.test_client().get(ADDRESS).status_code == 405


def test_whatever_kind_it_is_it_is_kept(shop, double):
    assert double.outbox.send(an_event(double, type="customer.created")) == 200

    assert [row.kind for row in inbox()] == ["customer.created"]


def test_what_the_page_of_the_double_tells_arrives(shop, double):
    session = stripe_package.StripeClient(
        "sk_test_double", base_addresses={"api": double.address}
    ).v1.checkout.sessions
    created = session.create(
        {
            "mode": "payment",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {"currency": "usd", "unit_amount": 690, "product_data": {"name": "Order 7"}},
                }
            ],
            "success_url": "http://localhost/paid",
        }
    )
    double.books.decline(created.id)
    double.books.pay(created.id)

    assert double.outbox.deliver() == [200, 200]
    assert [row.kind for row in inbox()] == ["payment_intent.payment_failed", "checkout.session.completed"]


def test_what_was_not_heard_is_caught_up_with(shop, double):
    heard, missed = an_event(double), an_event(double, id="evt_2", type="refund.created")
    double.books.events += [heard, missed]
    double.outbox.send(heard)
    since = inbox()[0].created_at

    new = cash.catch_up(shop.extensions["cashier"], since=since, at=since)
    again = cash.catch_up(shop.extensions["cashier"], since=since, at=since)

    assert (new, again) == (1, 0)
    assert [row.event_id for row in inbox()] == ["evt_1", "evt_2"]


def test_the_shop_lets_its_forms_lead_to_the_payment_page(shop):
    policy = shop.test_client().get("/no-such-page").headers["Content-Security-Policy"]

    assert "form-action 'self' https://checkout.stripe.com;" in policy
