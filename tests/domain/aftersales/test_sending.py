"""Refunds are sent one by one, each once, none in the way of another; what the cashier answers reaches the order."""

from datetime import timedelta

import pytest

from mall.base.cashier import CashierUnreachable, RefundState
from mall.base.db import reading, transaction
from mall.domain import aftersales, cash, catalogue, checkout
from mall.domain.aftersales import refund_news
from tests.stage import NOON, open_shop
from tests.threads import errors, race

LATER = NOON + timedelta(hours=1)
HALF_DAY = timedelta(hours=12)


class Counter:
    """A cashier that answers as it is told, and writes down what it was asked."""

    name = "sandbox"

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def _say(self, asked):
        self.asked.append(asked)
        answer = self.answers.pop(0) if self.answers else "succeeded"
        if isinstance(answer, Exception):
            raise answer
        return answer

    def refund(self, payment_id, amount_cents, *, key):
        return RefundState(f"re_{key}", self._say(key), amount_cents, "USD", payment_id, key)

    def fetch_refund(self, refund_id):
        return RefundState(refund_id, self._say(refund_id), 100, "USD", "", "")


class Desk:
    """An order of six mugs, paid, and refunds of single pieces of it."""

    def __init__(self, pieces=6):
        self.stage = open_shop()
        self.mei = self.stage.member("mei")
        mug = self.stage.item(prices=(catalogue.cash_price(1_000),), stock=10)
        self.stage.put_in(self.mei, mug, "cash", quantity=pieces)
        self.order = self.stage.place(self.mei)
        self.stage.pay(self.order)

    def ask(self, pieces=1):
        for _piece in range(pieces):
            self.stage.refund(self.order, reason="damaged", pieces={1: 1})

    def send(self, cashier, *, at=NOON):
        return aftersales.send_refunds(cashier, terms=self.stage.terms, at=at)

    def ask_about(self, cashier, *, at):
        return aftersales.ask_about_refunds(cashier, terms=self.stage.terms, at=at)

    def refunds(self):
        with reading():
            return cash.refunds_of(checkout.reference_of(self.order.id))

    def alarms(self):
        with reading():
            return [str(each.said) for each in checkout.alarms_of(self.order.id)]


@pytest.fixture
def desk(app):
    return Desk()


def test_a_refund_that_fails_at_once_is_an_alarm_as_one_that_fails_later_is(desk):
    desk.ask()
    sent = desk.send(Counter("failed"))

    assert [(each.now, each.fell_through) for each in sent.recorded] == [(cash.ASKED, True)]
    assert desk.alarms() == ["A refund failed at the cashier and is due again"]
    assert desk.stage.order(desk.order).state == checkout.PAID


@pytest.mark.parametrize("late", [False, True])
def test_the_webhook_of_a_failure_that_was_answered_raises_no_second_alarm(desk, late):
    desk.ask()
    desk.send(Counter("failed"))
    if late:
        desk.send(Counter("succeeded"), at=LATER)
    [refund] = desk.refunds()
    before = (refund.state, refund.attempt, desk.alarms())
    first = RefundState(f"re_refund:{refund.id}", "failed", refund.amount_cents, "USD", "", f"refund:{refund.id}")
    with transaction():
        outcome, _note = refund_news.told_of_refund(
            refund.payment_id, first, refund_id=refund.id, terms=desk.stage.terms, at=LATER
        )

    [refund] = desk.refunds()
    assert outcome == "no_effect"
    assert (refund.state, refund.attempt, desk.alarms()) == before


def test_one_that_fails_again_and_again_waits_longer_each_time_and_then_for_a_person(desk):
    desk.ask()
    at, turns = NOON, 0
    while desk.refunds()[0].state == cash.ASKED:
        desk.send(Counter("failed"), at=at)
        at, turns = desk.refunds()[0].due_at, turns + 1

    assert turns == 10
    assert at - NOON == timedelta(minutes=511 + 360)
    assert desk.alarms()[-1] == "A refund failed at the cashier again and again: decide how the money goes back"
    assert len(desk.alarms()) == turns


def test_a_refund_whose_end_nobody_told_us_is_asked_about(desk):
    desk.ask()
    counter = Counter("pending", "pending", CashierUnreachable("away"), "succeeded")
    desk.send(counter)

    assert desk.ask_about(counter, at=NOON + HALF_DAY - timedelta(seconds=1)) == []
    assert len(counter.asked) == 1
    for turn in (1, 2):
        assert desk.ask_about(counter, at=NOON + turn * HALF_DAY) == []
    (news,) = desk.ask_about(counter, at=NOON + 3 * HALF_DAY)

    assert (news.was, news.now) == ("sent", "done")
    assert desk.ask_about(counter, at=NOON + 9 * HALF_DAY) == []


def test_a_refund_that_cannot_be_sent_holds_up_no_other_and_is_tried_again_later(desk):
    desk.ask(3)
    first, second, third = desk.refunds()

    class Stumbling(Counter):
        def refund(self, payment_id, amount_cents, *, key):
            if key == cash.cashier_key(first):
                raise KeyError("an answer nobody has thought of")
            return super().refund(payment_id, amount_cents, key=key)

    sent = desk.send(Stumbling())
    assert [each.refund.id for each in sent.recorded] == [second.id, third.id]
    assert sent.put_off == (first.id,)

    assert desk.send(Counter(), at=NOON + timedelta(seconds=59)).recorded == ()
    assert [each.refund.id for each in desk.send(Counter(), at=LATER).recorded] == [first.id]


def test_when_nobody_answers_the_others_wait_and_the_same_key_is_asked_again(desk):
    desk.ask(2)
    counter = Counter(CashierUnreachable("timed out"))

    assert desk.send(counter).unreachable
    assert len(counter.asked) == 1
    assert len(desk.send(counter, at=LATER).recorded) == 2
    assert [key.removeprefix("refund:") for key in counter.asked] == ["1", "2", "1"]


def test_nothing_is_sent_inside_a_transaction(desk):
    with transaction(), pytest.raises(AssertionError, match="transactions of their own"):
        desk.send(Counter())


@pytest.mark.concurrency
def test_four_workers_send_each_refund_once(postgres_app):
    desk, counter = Desk(), Counter()
    desk.ask(6)

    outcomes = race(postgres_app, [lambda: desk.send(counter) for _ in range(4)])

    assert errors(outcomes) == []
    assert len(counter.asked) == len(set(counter.asked)) == 6
    assert {each.state for each in desk.refunds()} == {cash.DONE}
