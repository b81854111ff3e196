"""What the cashier says becomes of an order, however often and in whatever order it is said."""

from datetime import timedelta

import msgspec
import pytest

from mall.base.cashier import CashierUnreachable
from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import cash, checkout, ledger
from mall.domain.checkout import paying, settling
from mall.gateway.sandbox_cashier import SandboxCashier
from tests.stage import NOON, SITE

LATER = NOON + timedelta(minutes=40)


@pytest.fixture
def order(stage, mei, mug):
    """Mei's order of one mug for 900 points and 6.90, not yet paid."""
    stage.give(mei, 2_000)
    stage.put_in(mei, mug, "mix", points=900)
    return stage.place(mei)


def events(order) -> list[str]:
    with reading():
        return [event.kind for event in checkout.order_page(checkout.number_of(order.id)).events]


def test_paying_spends_the_held_points_and_earns_on_the_way(stage, mei, order):
    paid = stage.pay(order)

    assert (paid.state, paid.paid_at) == ("paid", NOON)
    assert stage.balances(mei) == ledger.Balances(ready=1_100, pending=69, held=0, owed=0)
    assert events(order) == ["placed", "paid"]


def test_hearing_of_a_payment_twice_changes_nothing(stage, mei, order):
    stage.pay(order)
    before = stage.balances(mei)

    with moved_to(NOON):
        checkout.look_at_order(order.id, cashier=stage.cashier, terms=stage.terms)

    assert stage.balances(mei) == before
    assert events(order) == ["placed", "paid"]


def test_a_declined_card_leaves_the_order_to_be_tried_again(stage, mei, order):
    session = stage.open_page(order)
    with moved_to(NOON):
        stage.cashier.decline(session)
        checkout.look_at_order(order.id, cashier=stage.cashier, terms=stage.terms)

    assert stage.order(order).state == "awaiting_payment"
    assert stage.balances(mei).held == 900
    assert stage.pay(order).state == "paid"


class OtherCashier(SandboxCashier):
    """A cashier that was put in the place of the one which opened the page, and knows nothing of it."""

    name = "stripe"


def test_a_payment_is_asked_about_at_the_cashier_that_has_it_alone(stage, mei, order):
    stage.cashier.pay(stage.open_page(order))
    other = OtherCashier(page_address="/")

    with moved_to(NOON):
        seen = checkout.look_at_order(order.id, cashier=other, terms=stage.terms)
        with pytest.raises(CashierUnreachable):
            checkout.give_up(order.id, by="member:1", cashier=other, terms=stage.terms, site=SITE)

    assert (seen.state, stage.order(order).state) == ("awaiting_payment", "awaiting_payment")
    assert stage.balances(mei).held == 900


def test_all_that_differs_is_said_each_in_a_sentence_of_its_own(stage, order):
    session = stage.open_page(order)
    with moved_to(NOON):
        stage.cashier.pay(session)
        state = stage.cashier.fetch_session(session)
        with reading():
            [payment] = cash.payments_of(checkout.reference_of(order.id))
        odd = msgspec.structs.replace(state, amount_cents=1, currency="EUR")
        with transaction():
            settling.settle(payment, odd, terms=stage.terms, at=NOON)

    with reading():
        said = [event.said.text for event in checkout.order_page(checkout.number_of(order.id)).events]
    assert stage.order(order).state == "review"
    assert said[1:] == ["Another amount came than was agreed", "The payment is in another currency than was agreed"]


def test_giving_up_gives_the_points_and_the_goods_back_at_once(stage, mei, mug, order):
    stage.open_page(order)

    with moved_to(NOON):
        given_up = checkout.give_up(order.id, by="member:1", cashier=stage.cashier, terms=stage.terms, site=SITE)

    assert given_up.state == "cancelled"
    assert stage.balances(mei) == ledger.Balances(ready=2_000, pending=0, held=0, owed=0)
    assert stage.stock(mug) == (10, 0)
    with reading():
        assert len(checkout.basket_of(checkout.Owner(member_id=mei)).lines) == 1


def test_giving_up_what_was_paid_meanwhile_finds_it_paid(stage, order):
    session = stage.open_page(order)
    with moved_to(NOON):
        stage.cashier.pay(session)
        given_up = checkout.give_up(order.id, by="member:1", cashier=stage.cashier, terms=stage.terms, site=SITE)

    assert given_up.state == "paid"


def test_giving_up_twice_happens_once(stage, mei, order):
    for _time in range(2):
        with moved_to(NOON):
            given_up = checkout.give_up(order.id, by="member:1", cashier=stage.cashier, terms=stage.terms, site=SITE)

    assert given_up.state == "cancelled"
    assert events(order).count("cancelled") == 1


def test_an_order_nobody_pays_times_out_only_after_the_cashier_was_asked(stage, mei, mug, order):
    stage.open_page(order)
    with moved_to(LATER):
        checkout.sweep(cashier=stage.cashier, terms=stage.terms, site=SITE)

    assert stage.order(order).state == "timed_out"
    assert stage.balances(mei, at=LATER).ready == 2_000
    assert stage.stock(mug) == (10, 0)


def test_the_sweep_settles_what_was_paid_and_not_heard_of(stage, order):
    session = stage.open_page(order)
    with moved_to(NOON):
        stage.cashier.pay(session)
    with moved_to(LATER):
        checkout.sweep(cashier=stage.cashier, terms=stage.terms, site=SITE)

    assert stage.order(order).state == "paid"


def test_an_order_that_never_reached_the_cashier_times_out(stage, mei, order):
    with moved_to(LATER):
        checkout.sweep(cashier=stage.cashier, terms=stage.terms, site=SITE)

    assert stage.order(order).state == "timed_out"
    assert stage.balances(mei, at=LATER).ready == 2_000


def test_an_opening_that_was_never_answered_is_found_by_its_key_and_given_up(stage, mei, order, monkeypatch):
    monkeypatch.setattr(cash, "opened", _lost)
    with pytest.raises(ConnectionError):
        stage.open_page(order)
    monkeypatch.undo()

    with moved_to(NOON):
        given_up = checkout.give_up(order.id, by="member:1", cashier=stage.cashier, terms=stage.terms, site=SITE)

    assert given_up.state == "cancelled"
    assert stage.balances(mei).ready == 2_000


def test_money_that_comes_too_late_is_given_back_whole(stage, mei, order):
    session = stage.open_page(order)
    with moved_to(LATER):
        checkout.sweep(cashier=stage.cashier, terms=stage.terms, site=SITE)
        stage.cashier.pay_late(session)
        with reading():
            payment = cash.payments_of(f"order:{order.id}")[0]
        checkout.look(payment, cashier=stage.cashier, terms=stage.terms)

    assert stage.order(order).state == "timed_out"
    with reading():
        refunds = cash.refunds_of(f"order:{order.id}")
    assert [refund.amount_cents for refund in refunds] == [checkout.cash_cents_of(order)]
    assert stage.balances(mei, at=LATER) == ledger.Balances(ready=2_000, pending=0, held=0, owed=0)


def test_money_that_comes_late_before_anybody_noticed_ends_the_same(stage, mei, order):
    session = stage.open_page(order)
    with moved_to(NOON):
        stage.cashier.pay_late(session)
        checkout.look_at_order(order.id, cashier=stage.cashier, terms=stage.terms)

    assert stage.order(order).state == "timed_out"
    assert stage.balances(mei).ready == 2_000


def _lost(*_args, **_named):
    raise ConnectionError("the answer was lost")


def test_giving_up_is_refused_while_a_page_opened_meanwhile_may_still_be_paid(stage, mei, order, monkeypatch):
    """Another tab opens the payment page after this one has looked for pages to end."""
    stage.open_page(order)
    monkeypatch.setattr(paying, "_unsettled", lambda _order_id: [])

    with moved_to(NOON), pytest.raises(checkout.StillPaying):
        checkout.give_up(order.id, by="member:1", cashier=stage.cashier, terms=stage.terms, site=SITE)

    assert stage.order(order).state == "awaiting_payment"
    assert stage.balances(mei).held == 900
