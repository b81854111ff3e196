"""Cash that is gone before a refund: credit notes, proof and journal say the same of it."""

from collections import defaultdict
from datetime import timedelta

import pytest

from mall.base.cashier import DisputeState, RefundState
from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import aftersales, cash, catalogue, checkout
from mall.domain.aftersales import hearing
from mall.domain.finance import cash_side
from tests.stage import NOON, open_shop

HOUR = timedelta(hours=1)


class Case:
    """An order of two mugs, paid and sent."""

    def __init__(self):
        self.stage = open_shop()
        self.mei = self.stage.member("mei")
        mug = self.stage.item(prices=(catalogue.cash_price(1_590),), stock=10)
        self.stage.put_in(self.mei, mug, "cash", quantity=2)
        self.order = self.stage.place(self.mei)
        self.stage.pay(self.order)
        self.stage.ship(self.order)
        self.due = checkout.cash_cents_of(self.order)

    @property
    def payment(self):
        with reading():
            return cash.payments_of(checkout.reference_of(self.order.id))[-1]

    def refund_is_seen(self, amount, *, at, status="succeeded"):
        state = RefundState("re_theirs", status, amount, "USD", self.payment.cashier_id, "")
        with transaction():
            hearing.told_of_refund(self.payment.id, state, refund_id=None, terms=self.stage.terms, at=at)

    def refunds(self):
        with reading():
            return cash.refunds_of(checkout.reference_of(self.order.id))

    def alarms(self):
        with reading():
            return len(checkout.alarms_of(self.order.id))

    def decide(self, verb, *, at):
        with transaction():
            verb(self.order.id, by="staff:1", reason="Asked", terms=self.stage.terms, at=at)

    def one_piece(self, *, at, reason="changed_mind"):
        with transaction():
            return aftersales.refund(
                self.order.id, reason=reason, restock=False, by="staff:1", terms=self.stage.terms, at=at, pieces={1: 1}
            )

    def dispute_is(self, status, *, at):
        state = DisputeState("du_1", status, self.due, "USD", self.payment.cashier_id, "fraudulent")
        with transaction():
            aftersales.told_of_dispute(self.payment.id, state, terms=self.stage.terms, at=at)

    def books(self, *, at):
        """Return the sums of the journal's cash side once all that is owed was sent."""
        with moved_to(at):
            aftersales.send_refunds(self.stage.cashier, terms=self.stage.terms, at=at)
        sums = defaultdict(int)
        with reading():
            for each in cash_side.cash_happenings(until=at, zone=self.stage.terms.zone, currency="USD"):
                assert sum(each.amounts.values()) == 0, each
                for account, cents in each.amounts.items():
                    sums[account] += cents
            held = cash_side.cash_balances(until=at, zone="UTC", currency="USD")
            assert sums["cashier:sandbox"] == held.get("cashier:sandbox", 0)
        return {account: cents for account, cents in sums.items() if cents}


@pytest.fixture
def case(app):
    return Case()


def test_what_was_refunded_at_the_cashier_is_taken_out_of_sales_once(case):
    case.refund_is_seen(700, at=NOON + HOUR)
    case.decide(aftersales.give_back, at=NOON + 2 * HOUR)

    with reading():
        (note,) = aftersales.credits_of(case.order.id)
    assert (note.gone_cents, note.goods_cents + note.shipping_cents) == (700, case.due)
    assert case.payment.refunded_cents == case.due
    assert case.books(at=NOON + 3 * HOUR) == {}


@pytest.mark.parametrize("decide", [aftersales.give_back, aftersales.accept])
def test_what_a_credit_note_counted_as_gone_is_given_back_after_all_when_it_falls_away(case, decide):
    case.refund_is_seen(700, at=NOON + HOUR)
    case.decide(decide, at=NOON + 2 * HOUR)
    if decide is aftersales.accept:
        for hours in (3, 4):
            case.one_piece(at=NOON + hours * HOUR, reason="damaged")
    assert case.books(at=NOON + 5 * HOUR) == {}
    alarms = case.alarms()
    for _time in range(2):
        case.refund_is_seen(700, at=NOON + 6 * HOUR, status="failed")

    refunds = case.refunds()
    assert [each.amount_cents for each in refunds if each.state == cash.ASKED] == [700]
    assert case.payment.refunded_cents == case.due
    assert case.alarms() == alarms + 1
    assert case.books(at=NOON + 7 * HOUR) == {}
    assert {each.state for each in case.refunds()} == {cash.DONE, cash.VOID}


def test_what_no_credit_note_counted_on_just_falls_away(case):
    case.refund_is_seen(700, at=NOON + HOUR)
    case.refund_is_seen(700, at=NOON + 2 * HOUR, status="failed")

    assert [each.state for each in case.refunds()] == [cash.VOID]
    assert case.payment.refunded_cents == 0


def test_at_one_instant_too(case):
    case.refund_is_seen(700, at=NOON)
    case.decide(aftersales.give_back, at=NOON)

    assert case.books(at=NOON + HOUR) == {}


def test_piece_by_piece_only_the_last_meets_what_is_gone(case):
    case.refund_is_seen(700, at=NOON + HOUR)
    case.decide(aftersales.accept, at=NOON + 2 * HOUR)
    gone = [case.one_piece(at=NOON + hours * HOUR, reason="damaged").gone_cents for hours in (3, 4)]

    assert gone == [0, 700]
    assert case.payment.refunded_cents == case.due
    assert case.books(at=NOON + 5 * HOUR) == {}


def asked_again(case):
    with reading():
        refunds = cash.refunds_of(checkout.reference_of(case.order.id))
    return [(each.amount_cents, each.asked_by) for each in refunds if each.key.endswith(":instead")]


def test_what_a_credit_note_counted_on_is_sent_by_us_when_the_refund_at_the_cashier_falls_through(case):
    case.refund_is_seen(700, at=NOON + HOUR, status="pending")
    case.decide(aftersales.give_back, at=NOON + 2 * HOUR)
    case.refund_is_seen(700, at=NOON + 3 * HOUR, status="failed")
    case.refund_is_seen(700, at=NOON + 4 * HOUR, status="failed")

    assert asked_again(case) == [(700, "system")]
    assert case.payment.refunded_cents == case.due
    assert case.stage.order(case.order).state == checkout.REFUNDED
    assert case.books(at=NOON + 5 * HOUR) == {}


def test_only_what_was_counted_on_is_sent(case):
    case.refund_is_seen(case.due - 100, at=NOON + HOUR, status="pending")
    case.decide(aftersales.accept, at=NOON + 2 * HOUR)
    note = case.one_piece(at=NOON + 3 * HOUR, reason="damaged")
    case.refund_is_seen(case.due - 100, at=NOON + 4 * HOUR, status="canceled")

    assert asked_again(case) == [(note.gone_cents, "system")]
    assert case.payment.refunded_cents == note.goods_cents + note.shipping_cents


def test_nothing_is_sent_where_nothing_was_counted_on(case):
    case.refund_is_seen(700, at=NOON + HOUR, status="pending")
    case.decide(aftersales.accept, at=NOON + 2 * HOUR)
    case.refund_is_seen(700, at=NOON + 3 * HOUR, status="failed")

    assert asked_again(case) == []
    assert case.payment.refunded_cents == 0
    with reading():
        said = [str(each.said) for each in checkout.alarms_of(case.order.id)]
    assert "A refund of 700 made at the cashier fell through; the money is still with the shop" in said[-1]


def test_a_lost_dispute_takes_all_that_is_left_even_what_a_return_had_kept(case):
    case.one_piece(at=NOON + HOUR)
    case.dispute_is("open", at=NOON + 2 * HOUR)
    with pytest.raises(checkout.UnderDispute):
        case.one_piece(at=NOON + 3 * HOUR)
    case.dispute_is("lost", at=NOON + 4 * HOUR)

    assert case.stage.order(case.order).state == checkout.REFUNDED
    assert case.payment.refunded_cents == case.due
    assert case.books(at=NOON + 5 * HOUR) == {}


def test_a_failed_refund_that_nobody_told_of_is_an_alarm(case):
    case.one_piece(at=NOON)
    aftersales.send_refunds(Slow("pending"), terms=case.stage.terms, at=NOON)
    news = aftersales.ask_about_refunds(Slow("failed"), terms=case.stage.terms, at=NOON + timedelta(days=1))

    assert [each.fell_through for each in news] == [True]
    with reading():
        assert len(checkout.alarms_of(case.order.id)) == 1


class Slow:
    """A cashier whose refunds stand as it is told."""

    name = "sandbox"

    def __init__(self, status):
        self.status = status

    def refund(self, payment_id, amount_cents, *, key):
        return RefundState("re_1", self.status, amount_cents, "USD", payment_id, key)

    def fetch_refund(self, refund_id):
        return RefundState(refund_id, self.status, 1, "USD", "pi_1", "")
