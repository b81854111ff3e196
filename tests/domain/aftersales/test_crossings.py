"""A refund at the desk meets what is open: it takes no pieces that a return is about, and what it ends is over."""

import runpy
from datetime import timedelta

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import update

from mall.base.db import execute, reading, transaction
from mall.config import ROOT
from mall.domain import aftersales, catalogue, checkout
from mall.domain.aftersales import lapsing, returns
from tests.stage import NOON, open_shop

DELIVERED = NOON + timedelta(days=3)
MUG = catalogue.mix_price(1_590, least=600, most=1_500, step=100)


@pytest.fixture
def stage(either):
    return open_shop()


@pytest.fixture
def order(stage):
    """Three mugs and two lamps of Mei, delivered."""
    mei = stage.member("mei")
    stage.give(mei, 3_000)
    stage.put_in(mei, stage.item(prices=(MUG,)), "mix", points=900, quantity=3)
    stage.put_in(mei, stage.item("Lamp", prices=(catalogue.cash_price(2_000),)), "cash", quantity=2)
    order = stage.pay(stage.place(mei))
    stage.ship(order)
    return stage.deliver(order, at=DELIVERED)


def ask(stage, order, pieces):
    level = stage.terms.level(1)
    with reading():
        now = checkout.order_of(order.id)
        plan = aftersales.plan_return(
            now, pieces=pieces, reason="damaged", level=level, terms=stage.terms, at=DELIVERED
        )
    with transaction():
        row, _new = aftersales.ask_return(
            order.id, member_id=order.member_id, pieces=pieces, reason="damaged", words="", pictures=(),
            shown=plan.fingerprint, level=level, terms=stage.terms, at=DELIVERED,
        )  # fmt: skip
    return row


def exchange(stage, order, pieces):
    with reading():
        now = checkout.order_of(order.id)
        plan = aftersales.plan_exchange(now, pieces=pieces, reason="damaged", at=DELIVERED)
    with transaction():
        row, _new = aftersales.ask_exchange(
            order.id, member_id=order.member_id, pieces=pieces, reason="damaged", words="", pictures=(),
            shown=plan.fingerprint, terms=stage.terms, at=DELIVERED,
        )  # fmt: skip
    return row


def approve(row):
    with transaction():
        return aftersales.approve_return(row.id, by="staff:1", at=DELIVERED)


def receive(stage, row, *, at=DELIVERED):
    with transaction():
        return aftersales.receive_return(row.id, shelved={}, by="staff:1", terms=stage.terms, shown=None, at=at)


def state_of(row):
    with reading():
        return returns.return_of(row.id).state


@pytest.mark.parametrize("approved", [False, True])
def test_pieces_in_an_open_return_are_not_refunded_beside_it(stage, order, approved):
    row = ask(stage, order, {1: 2})
    if approved:
        approve(row)
    stage.refund(order, pieces={1: 1, 2: 2}, at=DELIVERED)

    with pytest.raises(aftersales.ReturnOpen, match="in a return that is open"):
        stage.refund(order, pieces={1: 1}, at=DELIVERED)

    approve(row)
    assert receive(stage, row).state == returns.REFUNDED


def test_what_is_left_is_refunded_once_the_return_is_declined(stage, order):
    row = ask(stage, order, {1: 3})
    with transaction():
        aftersales.decline_return(row.id, by="staff:1", words="Kept too long", at=DELIVERED)

    assert stage.refund(order, pieces={1: 3}, at=DELIVERED).pieces == 3


def test_a_refund_of_all_that_is_left_ends_the_return(stage, order):
    row = approve(ask(stage, order, {1: 2}))

    stage.refund(order, at=DELIVERED)

    assert state_of(row) == returns.WITHDRAWN


def test_between_a_return_and_an_exchange_the_exchange_goes(stage, order):
    going_back, again = ask(stage, order, {1: 1}), exchange(stage, order, {1: 1})

    stage.refund(order, pieces={1: 2}, at=DELIVERED)

    assert (state_of(going_back), state_of(again)) == (returns.ASKED, returns.CLOSED)


def test_an_exchange_turned_into_money_is_spoken_for(stage, order):
    row = exchange(stage, order, {1: 3})
    with transaction():
        aftersales.offer_money(row.id, by="staff:1", terms=stage.terms, at=DELIVERED)

    with pytest.raises(aftersales.ReturnOpen):
        stage.refund(order, pieces={1: 1}, at=DELIVERED)

    assert receive(stage, row).state == returns.REFUNDED


def test_goods_of_a_lapsed_return_wait_for_the_return_that_was_asked_for_since(stage, order):
    lapsed = approve(ask(stage, order, {1: 3}))
    with transaction():
        lapsing.lapse_return(lapsed.id, at=DELIVERED)
    anew = ask(stage, order, {1: 1})

    with pytest.raises(aftersales.ReturnOpen):
        receive(stage, lapsed)
    with transaction():
        aftersales.withdraw_return(anew.id, member_id=order.member_id, at=DELIVERED)

    assert receive(stage, lapsed).state == returns.REFUNDED


@pytest.mark.breaks_the_books
@pytest.mark.parametrize("values", [{"quantity": 4}, {"line": 3}])
def test_the_proof_sees_a_return_of_pieces_that_are_not_there(stage, order, values):
    ask(stage, order, {1: 3})

    with transaction():
        execute(update(returns.ReturnLine).values(**values))

    with reading():
        broken = [check.name for check in aftersales.checks() if execute(check.breaks).first() is not None]
    assert "open returns are about pieces that were sent and not refunded, none of them twice" in broken


@pytest.mark.breaks_the_books
def test_returns_whose_pieces_were_refunded_otherwise_end_with_a_migration(stage, order):
    gone, still = ask(stage, order, {1: 2}), ask(stage, order, {2: 1})
    with transaction():
        execute(
            update(returns.Return)
            .where(returns.Return.id == gone.id)
            .values(decided_at=DELIVERED, state=returns.DECLINED)
        )
    stage.refund(order, pieces={1: 2}, at=DELIVERED)
    with transaction():
        execute(
            update(returns.Return).where(returns.Return.id == gone.id).values(decided_at=None, state=returns.ASKED)
        )
    (path,) = (ROOT / "migrations" / "versions").glob("*_open_returns_of_pieces_refunded_otherwise_end.py")
    migration = runpy.run_path(str(path))

    with transaction() as connection, Operations.context(MigrationContext.configure(connection)):
        migration["upgrade"]()

    assert (state_of(gone), state_of(still)) == (returns.WITHDRAWN, returns.ASKED)
    with reading():
        after = returns.return_of(gone.id)
    assert (after.decided_by, after.decided_at) == ("system", DELIVERED)
