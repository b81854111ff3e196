"""Money goes back once per reason, never more than came, and a refund that fails is due again under a new key."""

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from mall.base.cashier import CashierRefused, CashierUnreachable, RefundState
from mall.base.db import again, execute, reading, transaction
from mall.domain import audit, cash
from mall.domain.cash.refund_answers import MOST_TRIES, NEXT
from tests.conftest import NOON
from tests.threads import errors, race
from tests.without_orders import send_refunds

from .conftest import ask, join, paid_payment, record, refund_state, state

LATER = NOON.replace(hour=13)


class Teller:
    """A cashier that answers refunds as it is told, and writes down what it was asked."""

    name = "stripe"
    live = False

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def refund(self, payment_id, amount_cents, *, key):
        self.asked.append((payment_id, amount_cents, key))
        answer = self.answers.pop(0) if self.answers else "succeeded"
        if isinstance(answer, Exception):
            raise answer
        return RefundState(f"re_{key}", answer, amount_cents, "USD", payment_id, key)


@pytest.fixture
def paid(mei):
    return paid_payment(mei)


@pytest.fixture
def paid_on_either(either):
    return paid_payment(join())


def now(payment):
    with reading():
        return cash.payment_now(payment.id)


def refund_now(refund):
    with transaction():
        return cash.lock_refund(refund.id)


def test_a_refund_is_counted_when_it_is_asked_for(paid):
    ask(paid, 200)

    assert now(paid).refunded_cents == 200


def test_asked_again_is_the_same_refund(paid):
    assert ask(paid, 200).id == ask(paid, 200).id
    assert now(paid).refunded_cents == 200


def test_the_same_reason_with_another_amount_is_refused(paid):
    ask(paid, 200)

    with pytest.raises(cash.RefundKeyReused):
        ask(paid, 201)


def test_two_equal_partial_refunds_are_two(paid):
    first, second = ask(paid, 200, key="return:1"), ask(paid, 200, key="return:2")

    assert cash.cashier_key(first) != cash.cashier_key(second)
    assert now(paid).refunded_cents == 400


def test_never_more_than_came(paid):
    ask(paid, 600, key="return:1")

    with pytest.raises(cash.RefundTooLarge, match="91 is more than can be given back: 90 are left"):
        ask(paid, 91, key="return:2")
    ask(paid, 90, key="return:3")
    assert now(paid).refunded_cents == 690


def test_nothing_is_given_back_of_what_was_not_paid(mei):
    payment = paid_payment(mei)
    with transaction():
        unpaid = cash.begin(
            "shop:9", member_id=mei, amount_cents=690, currency="USD", cashier="stripe", live=False,
            expires_at=LATER, at=NOON,
        )  # fmt: skip

    with pytest.raises(cash.RefundTooLarge):
        ask(unpaid, 1)
    assert now(payment).refunded_cents == 0


@pytest.mark.parametrize("amount", [0, -5])
def test_a_refund_of_nothing_is_a_mistake(paid, amount):
    with pytest.raises(ValueError, match="nothing"):
        ask(paid, amount)


def test_the_table_itself_refuses_to_give_back_more_than_came(paid):
    with pytest.raises(IntegrityError, match="refunded_within_captured"), transaction():
        execute(update(cash.Payment).where(cash.Payment.id == paid.id).values(refunded_cents=691))


# Sending


def test_a_refund_is_sent_once_and_done(paid_on_either):
    refund = ask(paid_on_either, 200)
    teller = Teller()

    first = send_refunds(teller, at=NOON)
    second = send_refunds(teller, at=LATER)

    assert teller.asked == [("pi_1", 200, f"refund:{refund.id}")]
    assert [(each.was, each.now) for each in first.recorded] == [("asked", "done")]
    assert second.recorded == []
    assert refund_now(refund).done_at == NOON


def test_a_refund_without_an_answer_is_sent_again_under_the_same_key(paid):
    ask(paid, 200)
    teller = Teller(CashierUnreachable("timed out"))

    assert send_refunds(teller, at=NOON).unreachable
    assert send_refunds(teller, at=NOON).recorded == []
    assert len(send_refunds(teller, at=LATER).recorded) == 1
    assert len(set(teller.asked)) == 1
    assert len(teller.asked) == 2


def test_a_refund_a_worker_has_taken_is_left_to_it_for_two_minutes(paid):
    ask(paid, 200)

    def take(at):
        with transaction():
            return cash.take_due_refund(cashier="stripe", at=at)

    assert take(NOON) is not None
    assert take(NOON.replace(minute=1)) is None
    assert take(NOON.replace(minute=2)) is not None


def test_a_refused_refund_waits_for_a_person_and_goes_again_under_a_new_key(paid):
    refund = ask(paid, 200)
    teller = Teller(CashierRefused("charge_disputed"))

    sent = send_refunds(teller, at=NOON)
    assert [row.state for row in sent.refused] == [cash.REFUSED]
    assert send_refunds(teller, at=LATER).recorded == []

    with transaction():
        cash.ask_again(refund.id, by="staff:1", reason="the dispute is over", at=LATER)
    send_refunds(teller, at=LATER)

    assert [key for *_, key in teller.asked] == [f"refund:{refund.id}", f"refund:{refund.id}:2"]
    assert refund_now(refund).state == cash.DONE


@pytest.fixture
def refused(paid):
    """A refund of 2.00 that the cashier would not make."""
    refund = ask(paid, 200)
    send_refunds(Teller(CashierRefused("charge_disputed")), at=NOON)
    return refund


def by_hand(refund, reason="bank transfer 4711"):
    with transaction():
        return cash.given_by_hand(refund.id, by="staff:1", reason=reason, at=LATER)


def again_please(refund, reason="the dispute is over"):
    with transaction():
        return cash.ask_again(refund.id, by="staff:1", reason=reason, at=LATER)


def entries(act):
    with reading():
        return [(row.subject, row.by, row.reason, row.after) for row in audit.entries(act=act)]


def test_a_refused_refund_may_be_given_by_hand(refused):
    done = by_hand(refused)

    assert (done.state, done.note, done.done_at) == (cash.DONE, "bank transfer 4711", LATER)
    about = {"refund": refused.id, "amount_cents": 200}
    assert entries("refund.given_by_hand") == [("shop:7", "staff:1", "bank transfer 4711", about)]


@pytest.mark.parametrize(("decide", "act"), [(by_hand, "refund.given_by_hand"), (again_please, "refund.asked_again")])
def test_a_decision_on_a_refused_refund_pressed_twice_is_made_once(refused, decide, act):
    assert decide(refused) == decide(refused)
    assert len(entries(act)) == 1


@pytest.mark.parametrize("decide", [by_hand, again_please])
def test_a_decision_on_a_refused_refund_needs_a_reason(refused, decide):
    with pytest.raises(cash.NoReason):
        decide(refused, " ")
    assert refund_now(refused).state == cash.REFUSED


def test_what_was_given_by_hand_is_not_sent_as_well_nor_the_other_way_round(refused, paid):
    by_hand(refused)
    with pytest.raises(cash.RefundNotWaiting):
        again_please(refused)

    other = ask(paid, 100, key="return:2")
    for decide in (by_hand, again_please):
        with pytest.raises(cash.RefundNotWaiting):
            decide(other)


def test_what_the_cashier_still_says_of_a_refund_given_by_hand_does_not_send_it_again(refused):
    late = refund_state(refused, "failed")
    by_hand(refused)
    with transaction():
        cash.record_refund(refused.id, late, at=LATER)

    assert refund_now(refused).state == cash.DONE
    assert send_refunds(Teller(), at=LATER).recorded == []


# What the cashier says of it

CELLS = [
    ("asked", "pending", "sent"),
    ("asked", "succeeded", "done"),
    ("asked", "failed", "asked"),
    ("asked", "canceled", "refused"),
    ("sent", "pending", "sent"),
    ("sent", "succeeded", "done"),
    ("sent", "failed", "asked"),
    ("sent", "canceled", "refused"),
    ("done", "pending", "done"),
    ("done", "succeeded", "done"),
    ("done", "failed", "asked"),
    ("done", "canceled", "done"),
    ("refused", "pending", "sent"),
    ("refused", "succeeded", "done"),
    ("refused", "failed", "refused"),
    ("refused", "canceled", "refused"),
]


@pytest.mark.parametrize(("before", "word", "after"), CELLS)
def test_what_the_cashier_says_of_a_refund_decides(paid, before, word, after):
    refund = ask(paid, 200)
    road = {"sent": ["pending"], "done": ["succeeded"], "refused": ["canceled"]}.get(before, [])
    with transaction():
        for step in road:
            cash.record_refund(refund.id, refund_state(refund, step), at=NOON)
        recorded = cash.record_refund(refund.id, refund_state(refund, word), at=NOON)

    assert (recorded.was, recorded.now) == (before, after)
    assert recorded.fell_through == (after == "asked")
    assert now(paid).refunded_cents == 200


def test_every_state_of_a_refund_is_in_the_table():
    assert {before for before, *_ in CELLS} | {"void"} == set(NEXT)


def test_a_refund_that_fell_through_is_due_again_and_its_old_news_changes_nothing(paid):
    refund = ask(paid, 200)
    send_refunds(Teller(), at=NOON)
    failed = refund_state(refund, "failed", cashier_id="re_old")
    with transaction():
        cash.record_refund(refund.id, failed, at=NOON)
    teller = Teller()
    send_refunds(teller, at=LATER)

    with transaction():
        repeated = cash.record_refund(refund.id, failed, at=LATER)

    assert [key for *_, key in teller.asked] == [f"refund:{refund.id}:2"]
    assert (repeated.now, repeated.changed) == (cash.DONE, False)


def test_each_failed_attempt_waits_longer_and_after_many_a_person_decides(paid):
    refund = ask(paid, 200)
    at, waits = NOON, []
    while refund_now(refund).state == cash.ASKED:
        assert not waits or send_refunds(Teller(), at=at - timedelta(seconds=1)).recorded == []
        (told,) = send_refunds(Teller("failed"), at=at).recorded
        waits.append(int((told.refund.due_at - at).total_seconds()) // 60)
        at = told.refund.due_at

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360]
    assert len(waits) == MOST_TRIES + 1
    assert (told.now, told.fell_through) == (cash.REFUSED, True)
    assert now(paid).refunded_cents == 200
    with transaction():
        cash.ask_again(refund.id, by="staff:1", reason="the card is mended", at=at)
    assert [each.now for each in send_refunds(Teller(), at=at).recorded] == [cash.DONE]


def test_the_webhook_of_an_attempt_whose_failure_was_answered_already_changes_nothing(paid):
    refund = ask(paid, 200)
    send_refunds(Teller("failed"), at=NOON)
    with transaction():
        repeated = cash.record_refund(refund.id, refund_state(refund, "failed"), at=LATER)

    assert (repeated.changed, refund_now(refund).attempt) == (False, 2)


def test_a_refund_made_at_the_cashier_is_recorded_once(paid):
    seen = RefundState("re_desk", "succeeded", 300, "USD", "pi_1")

    def note():
        with transaction():
            return cash.record_foreign_refund(paid.id, seen, at=NOON)

    first, second = note(), note()

    assert (first.now, second.changed) == (cash.DONE, False)
    assert now(paid).refunded_cents == 300


def test_a_refund_made_at_the_cashier_that_fails_gives_the_money_back_to_us(paid):
    with transaction():
        cash.record_foreign_refund(paid.id, RefundState("re_desk", "succeeded", 300, "USD", "pi_1"), at=NOON)
        fell = cash.record_foreign_refund(paid.id, RefundState("re_desk", "failed", 300, "USD", "pi_1"), at=NOON)

    assert fell.now == cash.VOID
    assert now(paid).refunded_cents == 0
    assert send_refunds(Teller(), at=LATER).recorded == []


def test_a_refund_made_at_the_cashier_beyond_what_is_left_is_for_a_person(paid):
    ask(paid, 600)

    with transaction():
        assert (
            cash.record_foreign_refund(paid.id, RefundState("re_desk", "succeeded", 300, "USD", "pi_1"), at=NOON)
            is None
        )


def test_a_late_payment_given_back_whole_leaves_clean_books(mei):
    payment = paid_payment(mei, reference="shop:8")
    late = record(payment, state(reference="shop:8")).payment
    assert late.state == cash.PAID

    ask(late, late.captured_cents, key="payment:late")

    with reading():
        assert [row.amount_cents for row in cash.refunds_of("shop:8")] == [690]


def test_any_split_of_a_payment_in_any_order_gives_back_exactly_what_came(mei):
    for number, parts in enumerate(itertools.permutations((230, 230, 229, 1)), start=1):
        payment = paid_payment(mei, reference=f"shop:{number}", session_id=f"cs_{number}", pay_id=f"pi_{number}")
        for part, cents in enumerate(parts):
            ask(payment, cents, key=f"{number}:{part}")
        with pytest.raises(cash.RefundTooLarge):
            ask(payment, 1, key=f"{number}:more")
        assert now(payment).refunded_cents == 690


@pytest.mark.concurrency
def test_twenty_refunds_at_once_give_back_what_came_and_no_more(postgres_app):
    payment = paid_payment(join())

    outcomes = race(
        postgres_app,
        [lambda number=number: again(lambda: ask(payment, 100, key=f"return:{number}")) for number in range(20)],
    )

    assert len(errors(outcomes)) == 14
    assert all(isinstance(error, cash.RefundTooLarge) for error in errors(outcomes))
    assert now(payment).refunded_cents == 600


@pytest.mark.concurrency
def test_one_refund_asked_for_twenty_times_at_once_is_one(postgres_app):
    payment = paid_payment(join())

    outcomes = race(postgres_app, [lambda: again(lambda: ask(payment, 100)) for _ in range(20)])

    assert errors(outcomes) == []
    assert len({row.id for row in outcomes}) == 1
    assert now(payment).refunded_cents == 100


@pytest.mark.concurrency
def test_without_the_lock_the_limit_would_not_hold(postgres_app, monkeypatch):
    """The twin of the test above: a limit that is read first and written later is no limit."""
    payment = paid_payment(join())

    def careless(amount_cents):
        with transaction():
            seen = cash.payment_now(payment.id)
            if seen.refunded_cents + amount_cents > 300:
                return False
            execute(
                update(cash.Payment)
                .where(cash.Payment.id == payment.id)
                .values(refunded_cents=cash.Payment.refunded_cents + amount_cents)
            )
            return True

    for _try in range(20):
        with transaction():
            execute(update(cash.Payment).where(cash.Payment.id == payment.id).values(refunded_cents=0))
        race(postgres_app, [lambda: careless(100) for _ in range(8)])
        if now(payment).refunded_cents > 300:
            break
    beyond = now(payment).refunded_cents
    with transaction():
        execute(update(cash.Payment).where(cash.Payment.id == payment.id).values(refunded_cents=0))
    assert beyond > 300
