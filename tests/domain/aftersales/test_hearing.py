"""What Stripe tells by webhook reaches the order: signed, over HTTP, through the inbox; Stripe is asked each time."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from mall.base.clock import moved_to, now
from mall.base.db import execute, reading
from mall.domain import aftersales, cash, catalogue, checkout, ledger
from tests.stage import open_shop
from tests.stripe_double import running, shop_paid_by


@pytest.fixture
def double():
    with running() as double:
        yield double


@pytest.fixture
def app(make_app, double):
    """A shop that is paid by Stripe, which is the double."""
    app = shop_paid_by(double, make_app)
    with app.app_context():
        yield app


@pytest.fixture
def stage(app):
    return open_shop(at=now())


@pytest.fixture
def mei(stage):
    return stage.member("mei", at=now())


@pytest.fixture
def order(stage, mei):
    """Mei's order of one mug for 900 points and 6.90 and the shipping, its page open at Stripe."""
    mug = stage.item(prices=(catalogue.mix_price(1_590, least=600, most=1_500, step=100),), at=now())
    stage.give(mei, 2_000, at=now())
    stage.put_in(mei, mug, "mix", points=900, at=now())
    order = stage.place(mei, at=now())
    stage.open_page(order, at=now())
    return order


def session_of(order) -> str:
    with reading():
        return cash.payments_of(checkout.reference_of(order.id))[-1].session_id


def deliver(double):
    answers = double.outbox.deliver()
    assert set(answers) <= {200}


def outcomes() -> list[tuple[str, str | None]]:
    with reading():
        rows = execute(select(cash.CashierEvent.kind, cash.CashierEvent.outcome).order_by(cash.CashierEvent.id))
        return [tuple(row) for row in rows]


def kinds(order) -> list[str]:
    with reading():
        return [event.kind for event in checkout.order_page(checkout.number_of(order.id)).events]


def test_paid_at_stripe_is_paid_here(stage, mei, order, double):
    double.books.pay(session_of(order))

    deliver(double)

    assert stage.order(order).state == "paid"
    assert stage.balances(mei, at=now()) == ledger.Balances(ready=1_100, pending=69, held=0, owed=0)
    assert outcomes() == [("checkout.session.completed", "applied")]


def test_told_twice_and_by_two_events_it_happens_once(stage, mei, order, double):
    double.books.pay(session_of(order))
    again = dict(double.outbox.waiting[0], id="evt_other")
    double.outbox.waiting += [double.outbox.waiting[0], again]

    deliver(double)

    assert outcomes() == [("checkout.session.completed", "applied"), ("checkout.session.completed", "no_effect")]
    assert kinds(order) == ["placed", "paid"]


def test_a_declined_card_is_on_the_timeline_once_however_it_is_heard(stage, order, double):
    double.books.decline(session_of(order))
    deliver(double)
    checkout.look_at_order(order.id, cashier=stage.cashier, terms=stage.terms)

    assert stage.order(order).state == "awaiting_payment"
    assert kinds(order) == ["placed", "declined"]


@pytest.mark.parametrize(("well", "state"), [(True, "paid"), (False, "timed_out")])
def test_a_slow_method_is_under_way_and_then_ends(stage, mei, order, double, well, state):
    double.books.pay_slowly(session_of(order))
    deliver(double)
    assert stage.order(order).state == "processing"
    assert stage.balances(mei, at=now()).held == 900

    double.books.slow_payment_ends(session_of(order), well=well)
    deliver(double)

    assert stage.order(order).state == state
    assert stage.balances(mei, at=now()).held == 0


def test_an_expired_page_lets_the_order_go(stage, mei, order, double):
    double.books.expire(session_of(order))

    deliver(double)

    assert stage.order(order).state == "timed_out"
    assert stage.balances(mei, at=now()).ready == 2_000


@pytest.mark.parametrize("changed", [{"amount_total": 1}, {"currency": "eur"}, {"client_reference_id": "order:999"}])
def test_sec_70_money_that_does_not_match_the_order_goes_to_review(stage, mei, order, double, changed):
    double.books.sessions[session_of(order)] |= changed
    double.books.pay(session_of(order))

    deliver(double)

    assert stage.order(order).state == "review"
    assert stage.balances(mei, at=now()).held == 900


def test_an_event_that_lies_moves_nothing(stage, order, double):
    about = {"id": session_of(order), "status": "complete", "payment_status": "paid", "amount_total": 690}
    double.outbox.send(
        {
            "id": "evt_lie",
            "object": "event",
            "type": "checkout.session.completed",
            "livemode": False,
            "created": double.books.now(),
            "data": {"object": about},
        }
    )

    assert stage.order(order).state == "awaiting_payment"
    assert outcomes() == [("checkout.session.completed", "no_effect")]


def test_while_stripe_is_away_the_event_waits_and_the_order_stays(stage, order, double):
    double.books.pay(session_of(order))
    double.fail_next("500", operation="retrieve_session", times=2)
    deliver(double)
    assert outcomes() == [("checkout.session.completed", None)]
    assert stage.order(order).state == "awaiting_payment"

    with moved_to(now() + timedelta(minutes=5)):
        assert aftersales.hear_all(cashier=stage.cashier, terms=stage.terms) == 1

    assert stage.order(order).state == "paid"


def test_a_session_stripe_does_not_know_is_an_alarm(order, double):
    double.books.pay(session_of(order))
    del double.books.sessions[session_of(order)]

    deliver(double)

    assert outcomes() == [("checkout.session.completed", "alarm")]


def test_what_is_of_another_shop_on_the_same_account_is_ignored(stage, order, double):
    double.books.sessions["cs_other"] = double.books.sessions[session_of(order)] | {
        "id": "cs_other",
        "metadata": {},
        "client_reference_id": "theirs",
    }
    double.books.pay("cs_other")

    deliver(double)

    assert outcomes() == [("checkout.session.completed", "ignored")]
    assert stage.order(order).state == "awaiting_payment"


@pytest.fixture
def paid(stage, order, double):
    double.books.pay(session_of(order))
    deliver(double)
    return order


def test_a_refund_made_at_stripes_own_desk_sends_the_order_to_review(stage, paid, double):
    double.books.create_refund({"payment_intent": double.books.intent_of(session_of(paid)), "amount": 100})

    deliver(double)

    assert stage.order(paid).state == "review"
    assert outcomes()[-1] == ("refund.created", "alarm")
    with reading():
        assert [row.origin for row in cash.refunds_of(checkout.reference_of(paid.id))] == ["cashier"]


def test_a_refund_of_ours_that_fails_is_due_again_and_an_alarm(stage, paid, double):
    stage.refund(paid, at=now())
    with reading():
        (refund,) = cash.refunds_of(checkout.reference_of(paid.id))
    aftersales.send_refunds(stage.cashier, terms=stage.terms, at=now())
    deliver(double)
    double.books.refund_falls_through(list(double.books.refunds)[-1])

    deliver(double)
    aftersales.send_refunds(stage.cashier, terms=stage.terms, at=now() + timedelta(hours=1))

    assert outcomes()[-2:] == [("refund.created", "no_effect"), ("refund.failed", "alarm")]
    assert stage.order(paid).state == "refunded"
    assert [each["metadata"]["refund"] for each in double.books.refunds.values()] == [
        f"refund:{refund.id}",
        f"refund:{refund.id}:2",
    ]


def test_a_refund_heard_of_before_its_payment_waits_for_it(stage, order, double):
    session_id = session_of(order)
    double.books.pay(session_id)
    double.books.create_refund({"payment_intent": double.books.intent_of(session_id), "amount": 100})
    double.outbox.waiting.reverse()

    deliver(double)
    assert [outcome for _kind, outcome in outcomes()] == [None, "applied"]
    with moved_to(now() + timedelta(minutes=5)):
        aftersales.hear_all(cashier=stage.cashier, terms=stage.terms)

    assert [outcome for _kind, outcome in outcomes()] == ["alarm", "applied"]
    assert stage.order(order).state == "review"


@pytest.fixture
def disputed(stage, paid, double):
    """A paid order, its payment disputed at the bank. Returns the dispute's id."""
    dispute = double.books.dispute(double.books.intent_of(session_of(paid)))
    deliver(double)
    return dispute["id"]


def test_a_dispute_is_an_alarm_and_nothing_is_sent_meanwhile(stage, paid, disputed):
    assert outcomes()[-1] == ("charge.dispute.created", "alarm")
    with pytest.raises(checkout.UnderDispute):
        stage.ship(paid, at=now())
    with reading():
        assert [str(each.said) for each in checkout.alarms()] == [
            "The bank disputes the payment: answer at the cashier before its deadline"
        ]


def test_a_dispute_that_is_won_leaves_all_as_it_was(stage, mei, paid, disputed, double):
    before = stage.balances(mei, at=now())
    double.books.close_dispute(disputed, won=True)
    deliver(double)

    assert outcomes()[-1] == ("charge.dispute.closed", "applied")
    assert stage.balances(mei, at=now()) == before
    assert stage.ship(paid, at=now()).state == "shipped"


def test_a_dispute_that_is_lost_refunds_the_order_and_nothing_is_sent_to_stripe(stage, mei, paid, disputed, double):
    double.books.close_dispute(disputed, won=False)
    deliver(double)

    assert aftersales.send_refunds(stage.cashier, terms=stage.terms, at=now() + timedelta(days=1)) == aftersales.Sent(
        (), (), unreachable=False
    )
    assert not double.books.refunds
    assert stage.order(paid).state == "refunded"
    assert stage.balances(mei, at=now()) == ledger.Balances(ready=2_000, pending=0, held=0, owed=0)


def test_a_dispute_told_in_disorder_ends_as_it_ended(stage, mei, paid, double):
    dispute = double.books.dispute(double.books.intent_of(session_of(paid)))
    double.books.close_dispute(dispute["id"], won=False)
    double.outbox.waiting = [*reversed(double.outbox.waiting), *double.outbox.waiting]

    deliver(double)

    assert stage.order(paid).state == "refunded"
    with reading():
        assert [row.state for row in cash.disputes_of(checkout.reference_of(paid.id))] == ["lost"]


def test_a_full_refund_goes_to_stripe_and_its_webhook_changes_nothing_more(stage, mei, paid, double):
    stage.refund(paid, at=now())
    aftersales.send_refunds(stage.cashier, terms=stage.terms, at=now())

    deliver(double)

    assert stage.order(paid).state == "refunded"
    assert [each["amount"] for each in double.books.refunds.values()] == [checkout.cash_cents_of(paid)]
    assert outcomes()[-1] == ("refund.created", "no_effect")
    assert stage.balances(mei, at=now()) == ledger.Balances(ready=2_000, pending=0, held=0, owed=0)
