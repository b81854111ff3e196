"""An exchange that many bring to its end at once has one: the new piece is sent, or its money is given back.

The race has a twin with the lock off: there only the table itself stops the second end.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from mall.base.db import again, execute, reading, transaction
from mall.domain import aftersales, catalogue, checkout, ledger
from tests.stage import NOON, Item, Stage, open_shop
from tests.threads import errors, race

pytestmark = pytest.mark.concurrency

THREADS = 8
SECONDS = 20
DELIVERED = NOON + timedelta(days=3)


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def mug(stage: Stage) -> Item:
    return stage.item(prices=(catalogue.mix_price(1_590, least=900, most=900, step=100),))


@pytest.fixture
def exchange(stage: Stage, mug: Item) -> Any:
    """One of Mei's two mugs at 900 points came back, and the new one is to be sent."""
    mei = stage.member("mei")
    stage.give(mei, 1_800)
    stage.put_in(mei, mug, "mix", quantity=2)
    order = stage.pay(stage.place(mei))
    stage.ship(order)
    order = stage.deliver(order, at=DELIVERED)
    with reading():
        plan = aftersales.plan_exchange(order, pieces={1: 1}, reason="damaged", at=DELIVERED)
    with transaction():
        row, _new = aftersales.ask_exchange(
            order.id, member_id=mei, pieces={1: 1}, reason="damaged", words="", pictures=(), shown=plan.fingerprint,
            terms=stage.terms, at=DELIVERED,
        )  # fmt: skip
    with transaction():
        aftersales.approve_return(row.id, by="staff:1", at=DELIVERED)
    with transaction():
        return aftersales.receive_return(
            row.id, shelved={1: 1}, by="staff:1", terms=stage.terms, shown=None, at=DELIVERED
        )


@pytest.fixture
def lock_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read purse and order without locking them, and meet there."""
    meeting = threading.Barrier(THREADS)

    def meet() -> None:
        with suppress(threading.BrokenBarrierError):
            meeting.wait(1)
        meeting.abort()

    def purse_too(order_id: int, *, zone: str) -> tuple[Any, Any]:
        columns = select(*checkout.Order.__table__.columns, *ledger.PURSE_COLUMNS)
        row = execute(
            columns.join(ledger.Purse, ledger.Purse.member_id == checkout.Order.member_id).where(
                checkout.Order.id == order_id
            )
        ).one()
        return ledger.purse_in(row, zone=zone), row

    def end_unlocked(order_id: int, *, zone: str) -> tuple[Any, Any]:
        found = purse_too(order_id, zone=zone)
        meet()
        return found

    def unlocked(order_id: int) -> Any:
        order = checkout.order_of(order_id)
        meet()
        return order

    monkeypatch.setattr(checkout, "lock_with_purse", end_unlocked)
    monkeypatch.setattr(checkout, "lock_order", unlocked)


def ends(stage: Stage, exchange: Any) -> list[Callable[[], Any]]:
    """Four who send the new one, and four who give its money back."""

    def send() -> Any:
        with transaction():
            return aftersales.send_replacement(exchange.id, carrier="Swift", tracking="R1", by="staff:1", at=DELIVERED)

    def pay() -> Any:
        with transaction():
            return aftersales.pay_exchange(exchange.id, by="staff:1", terms=stage.terms, shown=None, at=DELIVERED)

    return [send, pay] * (THREADS // 2)


def came_of_it(exchange: Any) -> tuple[str, int, int, int]:
    """Return the state, how many pieces were refunded, sent once more, and how many parcels there are."""
    with reading():
        (line,) = checkout.lines_of(exchange.order_id)
        parcels = execute(select(func.count()).select_from(checkout.Parcel)).scalar_one()
        return aftersales.return_page(exchange.id).row.state, line.refunded, line.replaced, parcels


def test_it_is_sent_or_paid_once_and_never_both(postgres_app, stage, mug, exchange):
    jobs = [lambda each=each: again(each) for each in ends(stage, exchange)]

    outcomes = race(postgres_app, jobs, threads=THREADS, seconds=SECONDS)

    assert {type(error) for error in errors(outcomes)} == {aftersales.ReturnMoved}
    assert len(errors(outcomes)) == THREADS // 2
    assert came_of_it(exchange) in (
        (aftersales.EXCHANGED, 0, 1, 2),
        (aftersales.REFUNDED, 1, 0, 1),
    )
    assert stage.stock(mug)[1] == 0


def test_without_the_lock_the_table_alone_stops_the_second_end(postgres_app, stage, exchange, lock_off):
    outcomes = race(postgres_app, ends(stage, exchange), threads=THREADS, seconds=SECONDS)

    assert any(isinstance(error, DBAPIError) for error in errors(outcomes))
    state, refunded, replaced, _parcels = came_of_it(exchange)
    assert (state, refunded + replaced) in ((aftersales.EXCHANGED, 1), (aftersales.REFUNDED, 1))


# All of the order refunded while the new one is sent.


def test_a_refund_of_all_closes_it_or_comes_after_the_new_one_has_left(postgres_app, stage, mug, exchange):
    def refund_all() -> Any:
        with transaction():
            return aftersales.refund(
                exchange.order_id, reason="damaged", restock=False, by="staff:1", terms=stage.terms, at=DELIVERED
            )

    send, _pay, *_rest = ends(stage, exchange)
    jobs = [lambda each=each: again(each) for each in [send, refund_all] * (THREADS // 2)]

    race(postgres_app, jobs, threads=THREADS, seconds=SECONDS)

    assert came_of_it(exchange) in ((aftersales.CLOSED, 2, 0, 1), (aftersales.EXCHANGED, 2, 1, 2))
    assert stage.stock(mug)[1] == 0
    assert stage.balances(stage.members["mei"], at=DELIVERED).ready == 1_800
