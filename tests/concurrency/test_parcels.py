"""Parcels of one order sent by many clerks at once: each piece leaves once.

The race has a twin with the lock off: there more is tried than there is, and only the table itself stops it.
"""

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from mall.base.db import again, execute, reading, transaction
from mall.domain import catalogue, checkout
from mall.domain.checkout import orders
from tests.stage import NOON, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 8
SECONDS = 20


@pytest.fixture
def stage(postgres_app):
    return open_shop()


@pytest.fixture
def mug(stage):
    return stage.item(prices=(catalogue.cash_price(1_000),))


@pytest.fixture
def order(stage, mug):
    """Mei's paid order of three mugs."""
    mei = stage.member("mei")
    stage.put_in(mei, mug, "cash", quantity=3)
    return stage.pay(stage.place(mei))


def let_off(app, order, *, retried, tracking="T{number}"):
    """Let eight clerks send one mug each, in a parcel of its own."""

    def clerk(number):
        def unit():
            with transaction():
                return checkout.ship(
                    order.id, carrier="Swift", tracking=tracking.format(number=number), pieces={1: 1}, by="staff:1",
                    at=NOON,
                )  # fmt: skip

        return (lambda: again(unit)) if retried else unit

    return race(app, [clerk(number) for number in range(THREADS)], threads=THREADS, seconds=SECONDS)


def sent(order):
    with reading():
        parcels = checkout.parcels_of(order.id)
        (line,) = checkout.lines_of(order.id)
    return len(parcels), sum(sum(each.pieces.values()) for each in parcels), line.shipped


def test_three_pieces_leave_in_three_parcels_however_many_clerks_send_one(postgres_app, stage, mug, order):
    outcomes = let_off(postgres_app, order, retried=True)

    refused = errors(outcomes)
    assert len(refused) == THREADS - 3
    assert {type(each) for each in refused} == {checkout.WrongState}
    assert sent(order) == (3, 3, 3)
    assert stage.stock(mug) == (7, 0)
    assert stage.order(order).state == checkout.SHIPPED


def test_one_parcel_that_eight_send_is_sent_once(postgres_app, stage, mug, order):
    outcomes = let_off(postgres_app, order, retried=True, tracking="T1")

    assert errors(outcomes) == []
    assert sent(order) == (1, 1, 1)
    assert stage.stock(mug) == (9, 2)


def test_without_the_lock_only_the_tables_stop_a_fourth(postgres_app, order, monkeypatch):
    meet = meeting(THREADS)

    def unlocked(order_id):
        row = execute(select(checkout.Order).where(checkout.Order.id == order_id)).one()
        meet()
        return row

    monkeypatch.setattr(orders, "lock_order", unlocked)

    outcomes = let_off(postgres_app, order, retried=False)

    assert any(isinstance(error, DBAPIError) for error in errors(outcomes))
