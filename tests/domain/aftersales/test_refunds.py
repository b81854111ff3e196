"""A refund gives back all that was paid, takes back all that was earned, once - and a kept order's points are kept."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.base.text import say
from mall.domain import aftersales, cash, catalogue, checkout, ledger, membership
from mall.domain.checkout import moving
from tests.stage import NOON, SITE

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


def test_what_is_looked_at_is_not_said_to_be_shipped(stage, order):
    with transaction():
        _purse, locked = checkout.lock_with_purse(order.id, zone=stage.terms.zone)
        moving.to_review(locked, why=say("Why is that"), at=NOON)

    with pytest.raises(aftersales.LookedAt, match="Nothing is lost"), transaction():
        aftersales.cancel(order.id, by="member:1", terms=stage.terms, at=NOON)


def test_what_was_not_shipped_because_there_was_nothing_to_ship_is_not_said_to_be_shipped(stage, mei):
    song = stage.item("Song", prices=(catalogue.cash_price(300),), kind="code", delivery="digital")
    stage.put_in(mei, song, "cash")
    order = stage.pay(stage.place(mei))

    with pytest.raises(aftersales.NotToBeCancelled):
        call_off(stage, order)


def call_off(stage, order):
    with moved_to(NOON):
        return aftersales.call_off(order.id, by="member:1", cashier=stage.cashier, terms=stage.terms, site=SITE)


def test_called_off_before_and_after_it_is_paid_it_ends_and_again_it_is_the_same_answer(stage, mei, mug):
    stage.give(mei, 2_000)
    stage.put_in(mei, mug, "mix", points=900)
    unpaid = stage.place(mei)
    stage.open_page(unpaid)
    assert [call_off(stage, unpaid).state for _time in range(2)] == ["cancelled", "cancelled"]
    stage.put_in(mei, mug, "mix", points=900)
    paid = stage.pay(stage.place(mei))

    first = call_off(stage, paid)

    assert first.state == "refunded"
    assert call_off(stage, paid) == first
    assert stage.balances(mei).ready == 2_000


def test_paid_meanwhile_it_is_paid_not_cancelled(stage, mei, mug):
    stage.give(mei, 2_000)
    stage.put_in(mei, mug, "mix", points=900)
    order = stage.place(mei)
    with moved_to(NOON):
        stage.cashier.pay(stage.open_page(order))

    assert call_off(stage, order).state == "paid"


def test_paid_another_amount_meanwhile_it_is_looked_at_not_cancelled(stage, mei, mug, monkeypatch):
    stage.give(mei, 2_000)
    stage.put_in(mei, mug, "mix", points=900)
    order = stage.place(mei)
    with moved_to(NOON):
        state = stage.cashier.pay(stage.open_page(order))
    monkeypatch.setattr(stage.cashier, "expire_session", lambda _id: replace(state, amount_cents=1))

    with pytest.raises(aftersales.LookedAt):
        call_off(stage, order)


def test_an_order_that_leaves_while_it_is_being_cancelled_is_not_refunded(stage, mei, order, monkeypatch):
    """The member's page still says paid when the operator ships: the locked row decides."""
    paid = stage.order(order)
    stage.ship(order)
    monkeypatch.setattr(checkout, "order_of", lambda _order_id: paid)

    with pytest.raises(aftersales.AlreadyShipped):
        call_off(stage, order)

    monkeypatch.undo()
    assert stage.order(order).state == "shipped"
    assert refunds_of(order) == []
