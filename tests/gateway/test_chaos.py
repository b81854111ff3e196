"""Webhooks that come twice, in disorder, late or never: cash ends where the orderly history ends."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from mall.base.cashier import CashierUnreachable
from mall.base.clock import now
from mall.base.db import execute, reading, transaction
from mall.domain import cash, people
from tests.stripe_double import running
from tests.without_orders import send_refunds

from .conftest import stripe_at


class Shop:
    """A shop's cash, that hears what the double tells and acts upon it as the order room does, without orders."""

    def __init__(self, double):
        self.double = double
        self.cashier = stripe_at(double)
        self.began = now()

    def deliver(self, body, headers):
        event = self.cashier.parse_event(body, headers["Stripe-Signature"])
        with transaction():
            cash.note_event(event, cashier="stripe", at=now(), due_at=now())
        return 200

    def work(self, *, at):
        with transaction():
            events = cash.take_events(cashier="stripe", at=at, limit=500)
        for event in events:
            try:
                told = cash.listen(event.id, cashier=self.cashier, at=at)
                why = "the payment is not known yet" if told.too_early else ""
            except CashierUnreachable as fault:
                why = fault.detail
            if why:
                with transaction():
                    cash.postpone(event.id, why=why, at=at)
                continue
            with transaction():
                changed = False
                if told.session:
                    changed = cash.record(told.meaning.payment_id, told.session, at=at).changed
                if told.refund:
                    recorded = (
                        cash.record_refund(told.meaning.refund_id, told.refund, at=at)
                        if told.meaning.refund_id is not None
                        else cash.record_foreign_refund(told.meaning.payment_id, told.refund, at=at)
                    )
                    changed = recorded is not None and recorded.changed
                assert cash.conclude(event.id, "applied" if changed else "no_effect", at=at)

    def open(self, member_id, number):
        with transaction():
            payment = cash.begin(
                f"shop:{number}",
                member_id=member_id,
                amount_cents=1000 + number,
                currency="USD",
                cashier="stripe",
                live=False,
                expires_at=now() + timedelta(minutes=35),
                at=now(),
            )
        session = self.cashier.open_session(
            cash.wanted(payment),
            description="Order",
            success_url="http://localhost/a",
            cancel_url="http://localhost/b",
        )
        # Every third answer is lost between the cashier and our own note of it.
        if number % 3:
            with transaction():
                cash.opened(payment.id, session, at=now())
        return payment.id, session.id

    def ends(self):
        with reading():
            payments = execute(
                select(
                    cash.Payment.reference,
                    cash.Payment.state,
                    cash.Payment.captured_cents,
                    cash.Payment.refunded_cents,
                ).order_by(cash.Payment.id)
            ).all()
            refunds = execute(
                select(cash.Refund.amount_cents, cash.Refund.state).order_by(cash.Refund.amount_cents, cash.Refund.id)
            ).all()
        return [tuple(row) for row in payments], [tuple(row) for row in refunds]


def member():
    with transaction():
        return execute(
            insert(people.Member)
            .values(
                number="M-1",
                email="m@example.com",
                email_key="m@example.com",
                password_hash="-",
                display_name="Mei",
                phone="",
                language="en",
                created_at=now(),
            )
            .returning(people.Member.id)
        ).scalar_one()


def history(shop, double, between):
    """Twelve orders, each with another fate; `between` is what happens to the webhooks after each step."""
    books, member_id = double.books, member()
    opened = [shop.open(member_id, number) for number in range(12)]
    between()
    for number, (_payment_id, session_id) in enumerate(opened):
        match number % 6:
            case 0 | 1:
                books.pay(session_id)
            case 2:
                books.decline(session_id)
                books.pay(session_id)
            case 3:
                books.expire(session_id)
            case 4 | 5:
                books.pay_slowly(session_id)
        between()
    for number, (_payment_id, session_id) in enumerate(opened):
        if number % 6 in (4, 5):
            books.slow_payment_ends(session_id, well=number % 6 == 4)
            between()
    catch_up(shop)
    for number, (payment_id, session_id) in enumerate(opened):
        if number % 6 == 0:
            with transaction():
                cash.ask_refund(payment_id, 300, key=f"return:{number}", reason="returned", at=now())
            send_refunds(shop.cashier, at=now())
        if number % 6 == 1:
            books.create_refund({"payment_intent": books.intent_of(session_id), "amount": 200 + number})
        if number == 6:
            books.refund_falls_through(list(books.refunds)[-1])
        between()
    catch_up(shop)
    send_refunds(shop.cashier, at=now() + timedelta(days=1))
    catch_up(shop)


def catch_up(shop):
    """The nightly run: hear what was missed, act upon everything."""
    cash.catch_up(shop.cashier, since=shop.began, at=now())
    for hours in range(2, 20, 2):
        shop.work(at=now() + timedelta(hours=hours))


def orderly(make_app):
    app = make_app()
    with app.app_context(), running() as double:
        shop = Shop(double)
        double.outbox.post = shop.deliver

        def at_once():
            double.outbox.deliver()
            shop.work(at=now())

        history(shop, double, at_once)
        return shop.ends()


@pytest.mark.parametrize("seed", range(4))
def test_disorder_changes_nothing_in_the_end(make_app, seed):
    expected = orderly(make_app)
    chance = random.Random(seed)
    app = make_app()
    with app.app_context(), running() as double:
        shop = Shop(double)
        double.outbox.post = shop.deliver

        def sometimes():
            if chance.randrange(3) == 0:
                double.outbox.deliver_in_disorder(chance)
            if chance.randrange(4) == 0:
                double.fail_next(chance.choice(["500", "lost", "429"]), operation="retrieve_session")
            if chance.randrange(2):
                shop.work(at=now())

        history(shop, double, sometimes)
        assert shop.ends() == expected
        assert states_of(expected) == {"paid": 8, "expired": 2, "failed": 2}


def states_of(ends):
    payments, _refunds = ends
    return {state: sum(row[1] == state for row in payments) for state in {row[1] for row in payments}}
