"""SECURITY 65-74: nobody but the cashier can say that an order is paid, and money goes back once."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import stripe as stripe_package
from sqlalchemy import func, insert, select

from mall.base.cashier import CashierUnreachable
from mall.base.clock import now
from mall.base.db import execute, reading, transaction
from mall.config import UnsafeSettings
from mall.domain import cash, people
from tests.stripe_double import hear, running, shop_paid_by
from tests.without_orders import send_refunds

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ADDRESS = "/hooks/stripe"
LIVE = {"CASHIER": "stripe", "STRIPE_SECRET_KEY": "sk_live_x", "STRIPE_WEBHOOK_SECRET": "whsec_x"}


@pytest.fixture
def double():
    with running() as double:
        yield double


@pytest.fixture
def shop(make_app, double):
    app = shop_paid_by(double, make_app)
    with app.app_context():
        yield app


@pytest.fixture
def cashier(shop):
    return shop.extensions["cashier"]


@pytest.fixture
def payment(shop, double, cashier):
    """An order's payment whose page is open at the double."""
    with transaction():
        member_id = execute(
            insert(people.Member)
            .values(
                number="M-0001",
                email="mei@example.com",
                email_key="mei@example.com",
                password_hash="-",
                display_name="Mei",
                phone="",
                language="en",
                created_at=NOON,
            )
            .returning(people.Member.id)
        ).scalar_one()
    with transaction():
        begun = cash.begin(
            "shop:7",
            member_id=member_id,
            amount_cents=690,
            currency="USD",
            cashier=cashier.name,
            live=cashier.live,
            expires_at=now() + timedelta(minutes=35),
            at=now(),
        )
    session = cashier.open_session(
        cash.wanted(begun), description="Order 7", success_url="http://localhost/a", cancel_url="http://localhost/b"
    )
    with transaction():
        return cash.opened(begun.id, session, at=now())


@pytest.fixture
def paid(payment, double, cashier):
    """The same payment, paid."""
    double.books.pay(payment.session_id)
    state = cashier.fetch_session(payment.session_id)
    with transaction():
        return cash.record(payment.id, state, at=now()).payment


def event(double, **changes):
    about = {"id": "cs_1", "object": "checkout.session", "payment_status": "paid", "client_reference_id": "shop:7"}
    given = {
        "id": "evt_forged",
        "object": "event",
        "type": "checkout.session.completed",
        "livemode": False,
        "created": double.books.now(),
        "data": {"object": about},
    }
    return given | changes


def inbox():
    with reading():
        return execute(select(cash.CashierEvent)).all()


def state_of(payment):
    with reading():
        return cash.payment_now(payment.id).state


def ask(payment, amount_cents, *, key):
    with transaction():
        return cash.ask_refund(payment.id, amount_cents, key=key, reason="returned", at=now())


@pytest.mark.parametrize("signature", [None, "", "t=1,v1=00", "v1=00", "t=x,v1=00", "garbage"])
def test_sec_65_an_event_without_a_good_signature_is_refused_and_not_kept(shop, double, payment, signature):
    assert double.outbox.send_raw(json.dumps(event(double)).encode(), signature) == 400

    assert inbox() == []
    assert state_of(payment) == cash.OPEN


def test_sec_65_an_event_signed_with_another_or_an_empty_secret_is_refused(shop, double):
    for secret in ("whsec_other", " "):
        assert double.outbox.send(event(double), secret=secret) == 400

    assert inbox() == []


def test_sec_65_a_signature_does_not_fit_another_body(shop, double):
    body = json.dumps(event(double))
    signature = stripe_package.WebhookSignature.generate_signature_header(body, double.secret)

    assert double.outbox.send_raw(body.replace("shop:7", "order:8").encode(), signature) == 400
    assert inbox() == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (LIVE | {"STRIPE_WEBHOOK_SECRET": ""}, "STRIPE_WEBHOOK_SECRET"),
        (LIVE | {"STRIPE_SECRET_KEY": ""}, "STRIPE_SECRET_KEY"),
        ({"CASHIER": "sandbox", "DEMO": False}, "DEMO=1 only"),
        ({"CASHIER": "cash-in-hand"}, "CASHIER is one of"),
        (LIVE | {"STRIPE_API_BASE": "http://stripe.example.com"}, "https://"),
        (LIVE | {"PUBLIC_URL": "http://shop.example.com"}, "PUBLIC_URL that begins with https://"),
    ],
)
def test_sec_66_a_shop_that_could_be_fooled_about_payments_does_not_start(make_app, settings, said):
    with pytest.raises(UnsafeSettings, match=said):
        make_app(**settings)


@pytest.mark.parametrize(("age", "answer"), [(295, 200), (301, 400)])
def test_sec_67_an_event_signed_301_seconds_ago_is_refused(shop, double, age, answer):
    assert double.outbox.send(event(double), signed_at=int(time.time()) - age) == answer


def test_sec_68_a_tolerance_of_0_is_refused_at_the_start(make_app):
    with pytest.raises(UnsafeSettings, match="above 0"):
        make_app(**LIVE, STRIPE_WEBHOOK_TOLERANCE_SECONDS=0)


def test_sec_69_a_repeated_event_is_kept_once_and_answered_200(shop, double):
    assert [double.outbox.send(event(double)) for _ in range(3)] == [200, 200, 200]

    assert len(inbox()) == 1


def test_sec_69_a_repeated_event_is_kept_once_even_when_all_come_at_once(make_postgres_app, double):
    app = make_postgres_app(CASHIER="stripe", STRIPE_SECRET_KEY="sk_test_double", STRIPE_WEBHOOK_SECRET=double.secret)
    hear(double, app)
    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda _number: double.outbox.send(event(double)), range(16)))

    assert answers == [200] * 16
    with app.app_context(), reading():
        assert execute(select(func.count()).select_from(cash.CashierEvent)).scalar_one() == 1


def test_sec_70_what_an_event_claims_is_not_believed_the_cashier_is_asked(shop, double, payment, cashier):
    """A valid event that says "paid" moves nothing: what counts is the session as the cashier shows it."""
    about = {"id": payment.session_id, "payment_status": "paid", "status": "complete", "amount_total": 690}
    double.outbox.send(event(double, data={"object": about}))
    (row,) = inbox()
    with reading():
        meant = cash.meaning_of(row)

    state = cashier.fetch_session(meant.session_id)
    with transaction():
        recorded = cash.record(meant.payment_id, state, at=now())

    assert (recorded.now, recorded.changed) == (cash.OPEN, False)


def test_sec_70_a_session_of_another_order_or_amount_is_told_apart(shop, double, payment, cashier):
    double.books.sessions[payment.session_id] |= {"amount_total": 1, "client_reference_id": "order:8"}
    double.books.pay(payment.session_id)

    state = cashier.fetch_session(payment.session_id)

    assert cash.differences(payment, state) == ("amount", "order")


def test_sec_71_a_test_event_at_a_live_shop_is_an_alarm_and_no_payment(make_app, double):
    app = make_app(**LIVE | {"STRIPE_WEBHOOK_SECRET": double.secret})
    hear(double, app)
    with app.app_context():
        assert double.outbox.send(event(double, livemode=False)) == 200
        assert double.outbox.send(event(double, id="evt_live", livemode=True)) == 200

        outcomes = {row.event_id: row.outcome for row in inbox()}
    assert outcomes == {"evt_forged": "alarm", "evt_live": "ignored"}


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_sec_72_a_body_of_a_megabyte_is_not_read(shop, kind):
    answer = shop.test_client().post(ADDRESS, data=b"x" * 1024 * 1024, content_type=kind)

    assert answer.status_code == 413
    assert inbox() == []


def test_sec_72_a_body_that_hides_its_length_is_cut_off(shop):
    answer = shop.test_client().post(
        ADDRESS,
        data=b"x" * 1024 * 1024,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
    )

    assert answer.status_code == 413


@pytest.mark.parametrize("failure", ["lost", "500", "409", "429"])
def test_sec_73_a_refund_retried_after_a_lost_answer_is_one_refund(paid, double, cashier, failure):
    ask(paid, 200, key="return:1")
    # The client itself tries once more, but not after "too many requests".
    double.fail_next(failure, operation="create_refund", times=1 if failure == "429" else 2)

    first = send_refunds(cashier, at=now())
    later = send_refunds(cashier, at=now() + timedelta(minutes=10))

    assert first.unreachable
    assert len(later.recorded) == 1
    assert [refund["amount"] for refund in double.books.refunds.values()] == [200]


def test_sec_73_the_webhook_of_a_refund_whose_answer_was_lost_finds_it(paid, double, cashier):
    refund = ask(paid, 200, key="return:1")
    double.fail_next("lost", operation="create_refund", times=2)
    send_refunds(cashier, at=now())
    double.outbox.deliver()
    (about_refund,) = [row for row in inbox() if row.kind == "refund.created"]

    with reading():
        meant = cash.meaning_of(about_refund)
    state = cashier.fetch_refund(meant.cashier_refund_id)
    with transaction():
        recorded = cash.record_refund(meant.refund_id, state, at=now())

    assert (meant.refund_id, recorded.now) == (refund.id, cash.DONE)
    assert send_refunds(cashier, at=now() + timedelta(hours=1)).recorded == []


def test_sec_74_two_equal_partial_refunds_are_two(paid, double, cashier):
    ask(paid, 200, key="return:1")
    ask(paid, 200, key="return:2")

    sent = send_refunds(cashier, at=now())

    assert len(sent.recorded) == 2
    assert [refund["amount"] for refund in double.books.refunds.values()] == [200, 200]


def test_sec_74_the_cashier_is_never_asked_for_more_than_came(paid, double, cashier):
    for number in range(3):
        ask(paid, 230, key=f"return:{number}")
    with pytest.raises(cash.RefundTooLarge):
        ask(paid, 1, key="return:4")

    send_refunds(cashier, at=now())

    assert sum(refund["amount"] for refund in double.books.refunds.values()) == 690


def test_a_cashier_that_cannot_be_reached_changes_nothing(payment, double, cashier):
    double.fail_next("500", operation="retrieve_session", times=2)

    with pytest.raises(CashierUnreachable):
        cashier.fetch_session(payment.session_id)
    assert state_of(payment) == cash.OPEN
