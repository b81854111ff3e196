"""The sandbox cashier's page: every ending a payment can have, without money and without script."""

from datetime import timedelta

import pytest

from mall.base.cashier import SessionWanted
from mall.base.clock import moved_to, now

BACK = "http://localhost/orders/7"


@pytest.fixture
def cashier(app):
    return app.extensions["cashier"]


@pytest.fixture
def session(cashier):
    """A page on which 6.90 are to be paid."""
    return cashier.open_session(
        SessionWanted("order:7:session:1", "order:7", 690, "USD", now() + timedelta(minutes=35)),
        description="Order 20418",
        success_url=f"{BACK}/paid?session={{CHECKOUT_SESSION_ID}}",
        cancel_url=BACK,
    )


def show(client, session):
    return client.get(f"/sandbox/{session.id}")


def press(client, session, what):
    return client.post(f"/sandbox/{session.id}/{what}")


def test_the_page_says_what_is_paid_for(client, session):
    page = show(client, session).text

    assert "Pay $6.90" in page
    assert "Order 20418" in page
    assert "takes no money" in page
    assert f'href="{BACK}"' in page


def test_paying_leads_back_to_the_shop(client, session, cashier):
    answer = press(client, session, "payment")

    assert answer.status_code == 302
    assert answer.location == f"{BACK}/paid?session={session.id}"
    assert cashier.fetch_session(session.id).paid


def test_pressed_twice_it_is_one_payment(client, session, cashier):
    press(client, session, "payment")
    paid = cashier.fetch_session(session.id)

    again = press(client, session, "payment")

    assert again.location == f"{BACK}/paid?session={session.id}"
    assert cashier.fetch_session(session.id) == paid


def test_a_declined_card_says_so_and_can_be_tried_again(client, session, cashier):
    answer = press(client, session, "decline")
    page = client.get(answer.location).text

    assert "Payment of $6.90 was declined" in page
    assert not cashier.fetch_session(session.id).paid
    assert press(client, session, "payment").location.startswith(f"{BACK}/paid")


def test_paying_late_leads_back_with_money_for_a_page_that_was_over(client, session, cashier):
    answer = press(client, session, "late-payment")

    assert answer.location == f"{BACK}/paid?session={session.id}"
    assert cashier.fetch_session(session.id).late


def test_a_page_that_is_over_takes_nothing_and_says_so(client, session, cashier):
    with moved_to(now() + timedelta(minutes=40)):
        answer = press(client, session, "payment")
        page = show(client, session).text

    assert answer.location == f"/sandbox/{session.id}"
    assert "The time to pay is over" in page
    assert f'action="/sandbox/{session.id}/payment"' not in page
    assert not cashier.fetch_session(session.id).paid


def test_a_paid_page_offers_only_the_way_back(client, session):
    press(client, session, "payment")

    page = show(client, session).text

    assert "$6.90 is paid" in page
    assert "<form" not in page.partition("<main")[2].partition("</main>")[0]
    assert f"{BACK}/paid?session={session.id}" in page


def test_a_page_that_was_never_opened_is_not_there(client):
    assert client.get("/sandbox/sandbox_none").status_code == 404
    for what in ("payment", "decline", "late-payment"):
        assert client.post(f"/sandbox/sandbox_none/{what}").status_code == 404


def test_a_get_pays_nothing(client, session, cashier):
    for what in ("payment", "decline", "late-payment"):
        assert client.get(f"/sandbox/{session.id}/{what}").status_code == 405

    assert not cashier.fetch_session(session.id).paid


def test_the_buttons_carry_a_csrf_token(make_app):
    app = make_app(WTF_CSRF_ENABLED=True)
    with app.app_context():
        session = app.extensions["cashier"].open_session(
            SessionWanted("order:7:session:1", "order:7", 690, "USD", now() + timedelta(minutes=35)),
            description="Order 20418",
            success_url=BACK,
            cancel_url=BACK,
        )
        assert press(app.test_client(), session, "payment").status_code == 400
        assert not app.extensions["cashier"].fetch_session(session.id).paid


@pytest.mark.parametrize("cashier_name", ["none", "stripe"])
def test_elsewhere_there_is_no_such_page(make_app, cashier_name):
    stripe = {"STRIPE_SECRET_KEY": "sk_test_x", "STRIPE_WEBHOOK_SECRET": "whsec_x"}
    app = make_app(CASHIER=cashier_name, **stripe)

    assert app.test_client().get("/sandbox/any").status_code == 404


def test_the_page_speaks_chinese(client, session):
    page = client.get(f"/sandbox/{session.id}", headers={"Accept-Language": "zh"}).text

    assert 'lang="zh-Hans"' in page
    assert "US$6.90" in page
