"""A refund gives back all that was paid, takes back all that was earned, once - and a kept order's points are kept."""

from datetime import timedelta

import pytest

from mall.base.db import reading, transaction
from mall.domain import aftersales, cash, catalogue, checkout, ledger, membership
from tests.stage import NOON

DELIVERED = NOON + timedelta(days=3)
WINDOW_OVER = DELIVERED + timedelta(days=14)
AFTER = WINDOW_OVER + timedelta(days=5)


@pytest.fixture
def order(stage, mei, mug):
    """Mei's paid order of one mug for 900 points and 6.90."""
    stage.give(mei, 2_000)
    stage.put_in(mei, mug, "mix", points=900)
    return stage.pay(stage.place(mei))


def refunds_of(order) -> list[int]:
    with reading():
        return [refund.amount_cents for refund in cash.refunds_of(checkout.reference_of(order.id))]


def growth_of(stage, mei, at) -> int:
    with reading():
        return membership.standing(mei, terms=stage.terms, at=at).growth


def test_cancelling_before_shipping_gives_everything_back_with_the_shipping(stage, mei, mug, order):
    with transaction():
        aftersales.cancel(order.id, by="member:1", terms=stage.terms, at=NOON)

    assert stage.order(order).state == "refunded"
    assert stage.balances(mei) == ledger.Balances(ready=2_000, pending=0, held=0, owed=0)
    assert refunds_of(order) == [690 + order.shipping_cents]
    assert stage.stock(mug) == (10, 0)


def test_cancelling_twice_gives_back_once(stage, mei, order):
    for _time in range(2):
        with transaction():
            aftersales.cancel(order.id, by="member:1", terms=stage.terms, at=NOON)

    assert len(refunds_of(order)) == 1
    assert stage.balances(mei).ready == 2_000


def test_what_is_shipped_cannot_be_cancelled(stage, order):
    stage.ship(order)

    with pytest.raises(aftersales.AlreadyShipped), transaction():
        aftersales.cancel(order.id, by="member:1", terms=stage.terms, at=NOON)


def test_points_and_growth_come_when_the_window_ends_and_only_once(stage, mei, order):
    stage.ship(order)
    stage.deliver(order, at=DELIVERED)

    assert not stage.close(order, at=WINDOW_OVER - timedelta(seconds=1))
    assert stage.balances(mei, at=WINDOW_OVER).pending == 69
    assert stage.close(order, at=WINDOW_OVER)
    assert not stage.close(order, at=WINDOW_OVER)

    assert stage.balances(mei, at=WINDOW_OVER) == ledger.Balances(ready=1_169, pending=0, held=0, owed=0)
    assert growth_of(stage, mei, WINDOW_OVER) == 6


def test_confirming_receipt_never_shortens_the_window(stage, mei, order):
    stage.ship(order)
    confirmed = stage.deliver(order, at=NOON + timedelta(days=1))

    assert confirmed.window_ends_at == NOON + timedelta(days=15)


def test_a_return_within_the_window_takes_the_points_back_from_what_is_on_the_way(stage, mei, order):
    stage.ship(order)
    stage.deliver(order, at=DELIVERED)

    plan = stage.refund(order, at=DELIVERED)

    assert (plan.cash_cents, plan.points, plan.earned_points) == (690, 900, 69)
    assert stage.balances(mei, at=DELIVERED) == ledger.Balances(ready=2_000, pending=0, held=0, owed=0)
    assert not stage.close(order, at=WINDOW_OVER)


def test_shipping_is_given_back_when_it_is_our_fault(stage, order):
    stage.ship(order)
    stage.deliver(order, at=DELIVERED)

    plan = stage.refund(order, reason="damaged", at=DELIVERED)

    assert plan.cash_cents == 690 + order.shipping_cents


def test_earned_points_that_were_spent_become_debt_which_later_points_repay(stage, mei):
    lamp = stage.item("Lamp", prices=(catalogue.cash_price(20_000),))
    gift = stage.item("Notebook", prices=(catalogue.points_price(1_500),))
    stage.put_in(mei, lamp, "cash")
    order = stage.pay(stage.place(mei))
    stage.ship(order)
    stage.deliver(order, at=DELIVERED)
    stage.close(order, at=WINDOW_OVER)
    stage.put_in(mei, gift, "points", at=WINDOW_OVER)
    stage.place(mei, at=WINDOW_OVER)

    stage.refund(order, at=AFTER)

    assert stage.balances(mei, at=AFTER) == ledger.Balances(ready=0, pending=0, held=0, owed=1_500)
    assert growth_of(stage, mei, AFTER) == 0
    stage.give(mei, 1_600, at=AFTER)
    assert stage.balances(mei, at=AFTER) == ledger.Balances(ready=100, pending=0, held=0, owed=0)


def test_a_refund_for_points_only_gives_the_points_back(stage, mei, mug):
    stage.give(mei, 2_000)
    stage.put_in(mei, mug, "points")
    order = stage.place(mei)

    stage.refund(order)

    assert stage.balances(mei).ready == 2_000
    assert refunds_of(order) == []


def test_refunding_twice_is_refused_and_changes_nothing(stage, mei, order):
    stage.refund(order)

    with pytest.raises(aftersales.NotRefundable):
        stage.refund(order)
    assert stage.balances(mei).ready == 2_000


def test_a_refund_needs_a_reason(stage, order):
    with pytest.raises(aftersales.NoReason):
        stage.refund(order, reason="because")


def test_due_windows_close_by_themselves(stage, mei, order):
    stage.ship(order)
    stage.deliver(order, at=DELIVERED)

    assert aftersales.close_due_windows(terms=stage.terms, at=WINDOW_OVER) == 1
    assert aftersales.close_due_windows(terms=stage.terms, at=WINDOW_OVER) == 0


def test_an_order_nobody_confirms_completes_by_itself(stage, order):
    stage.ship(order)
    assert checkout.complete_due(terms=stage.terms, at=NOON + timedelta(days=10)) == 1

    assert stage.order(order).state == "completed"


def test_an_order_that_leaves_while_it_is_being_cancelled_is_not_refunded(stage, mei, order, monkeypatch):
    """The member's page still says paid when the operator ships: the locked row decides."""
    paid = stage.order(order)
    stage.ship(order)
    monkeypatch.setattr(checkout, "order_of", lambda _order_id: paid)

    with pytest.raises(aftersales.AlreadyShipped), transaction():
        aftersales.cancel(order.id, by="member:1", terms=stage.terms, at=NOON)

    monkeypatch.undo()
    assert stage.order(order).state == "shipped"
    assert refunds_of(order) == []
