"""While a bank decides about a member's payment, points of theirs become no cash: also those held before it began."""

from datetime import timedelta

import pytest

from mall.base.cashier import DisputeState
from mall.base.db import reading, transaction
from mall.domain import aftersales, cash, cash_outs, catalogue, checkout
from tests.domain.cash_outs.conftest import ACCOUNT, RATES
from tests.stage import NOON, open_shop

WEEK = timedelta(days=7)


@pytest.fixture
def stage(app):
    return open_shop(**RATES)


@pytest.fixture
def bought(stage):
    """A member whose order of 1,590 was kept and has earned points that are ready."""
    mei = stage.member("mei")
    stage.put_in(mei, stage.item(prices=(catalogue.cash_price(159_000),), stock=10), "cash")
    order = stage.place(mei)
    stage.pay(order)
    stage.ship(order)
    stage.deliver(order)
    stage.close(order, at=NOON + 5 * WEEK)
    return mei, order


def dispute(stage, order, status, at):
    with reading():
        payment = cash.payments_of(checkout.reference_of(order.id))[-1]
    state = DisputeState("du_1", status, payment.captured_cents, "USD", payment.cashier_id, "fraudulent")
    with transaction():
        aftersales.told_of_dispute(payment.id, state, terms=stage.terms, at=at)


def ask(stage, member_id, at, key="k"):
    with transaction():
        return cash_outs.ask(
            member_id, 600, payee="Mei Lin", account=ACCOUNT, key=key, terms=stage.terms, at=at
        )  # fmt: skip


def approve(stage, number, at):
    with transaction():
        cash_outs.approve(number, own_member_id=None, other_approvers=1, terms=stage.terms, by="staff:9", at=at)


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_points_held_before_a_dispute_are_not_paid_out_while_it_lasts(stage, bought, outcome):
    (mei, order), at = bought, NOON + 6 * WEEK
    number = ask(stage, mei, at)
    dispute(stage, order, "open", at)
    with pytest.raises(cash_outs.Disputed):
        approve(stage, number, at)
    dispute(stage, order, outcome, at)

    if outcome == "won":
        approve(stage, number, at)
    else:
        with pytest.raises(cash_outs.OwesByNow):
            approve(stage, number, at)


def test_who_has_a_payment_in_dispute_asks_for_no_cash(stage, bought):
    (mei, order), at = bought, NOON + 6 * WEEK
    stage.give(mei, 2_000, at=at)
    dispute(stage, order, "open", at)
    with pytest.raises(cash_outs.Disputed):
        ask(stage, mei, at)
