"""The same return decided or received by many at once, the last piece refunded by many at once: each is done once.

Each race has a twin with the lock off: there it is done more than once, or only the table itself stops it.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError

from mall.base.db import again, execute, reading, transaction
from mall.domain import aftersales, audit, catalogue, checkout, ledger
from mall.domain.aftersales import deciding, returns
from tests.stage import NOON, Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 8
SECONDS = 20
DELIVERED = NOON + timedelta(days=3)


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def order(stage: Stage) -> Any:
    """Mei's order of two mugs for 900 points and 6.90 each, delivered."""
    mei = stage.member("mei")
    stage.give(mei, 1_800)
    mug = stage.item(prices=(catalogue.mix_price(1_590, least=900, most=900, step=100),))
    stage.put_in(mei, mug, "mix", quantity=2)
    order = stage.pay(stage.place(mei))
    stage.ship(order)
    return stage.deliver(order, at=DELIVERED)


@pytest.fixture
def asked(stage: Stage, order: Any) -> Any:
    """Mei asks for one mug to go back."""
    level = stage.terms.level(1)
    with reading():
        plan = aftersales.plan_return(
            order, pieces={1: 1}, reason="damaged", level=level, terms=stage.terms, at=DELIVERED
        )
    with transaction():
        row, _new = aftersales.ask_return(
            order.id, member_id=order.member_id, pieces={1: 1}, reason="damaged", words="", pictures=(),
            shown=plan.fingerprint, level=level, terms=stage.terms, at=DELIVERED,
        )  # fmt: skip
    return row


@pytest.fixture
def together() -> Callable[[], None]:
    """Let the threads of a race meet once, at the place that calls this."""
    return meeting(THREADS)


@pytest.fixture
def lock_off(monkeypatch: pytest.MonkeyPatch, together: Callable[[], None]) -> None:
    """Read purse and order without locking them, and meet there."""

    def unlocked(order_id: int, *, zone: str) -> tuple[Any, Any]:
        columns = select(*checkout.Order.__table__.columns, *ledger.PURSE_COLUMNS)
        row = execute(
            columns.join(ledger.Purse, ledger.Purse.member_id == checkout.Order.member_id).where(
                checkout.Order.id == order_id
            )
        ).one()
        together()
        return ledger.purse_in(row, zone=zone), row

    monkeypatch.setattr(checkout, "lock_with_purse", unlocked)


def acts(act: str) -> int:
    with reading():
        return len(audit.entries(act=act))


def credit_notes(order: Any) -> int:
    with reading():
        statement = select(func.count()).select_from(aftersales.CreditNote)
        return int(execute(statement.where(aftersales.CreditNote.order_id == order.id)).scalar_one())


def let_off(app: Flask, verb: Callable[[], Any]) -> list[Any]:
    """Let eight do the same at once, each as a page would: again when the database was busy."""

    def unit() -> Any:
        with transaction():
            return verb()

    return race(app, [lambda: again(unit)] * THREADS, threads=THREADS, seconds=SECONDS)


def let_off_bare(app: Flask, verb: Callable[[], Any]) -> list[Any]:
    """Let eight do the same at once, and nobody try again."""

    def unit() -> Any:
        with transaction():
            return verb()

    return race(app, [unit] * THREADS, threads=THREADS, seconds=SECONDS)


# The same return approved by eight.


def test_a_return_that_eight_approve_is_approved_once(postgres_app, asked):
    outcomes = let_off(postgres_app, lambda: aftersales.approve_return(asked.id, by="staff:1", at=DELIVERED))

    assert errors(outcomes) == []
    assert {row.state for row in outcomes} == {aftersales.APPROVED}
    assert acts("return.approve") == 1


def test_a_state_that_is_read_first_is_left_by_several(postgres_app, asked, monkeypatch, together):
    def careless(return_id: int, event: str, *, by: str, at: Any, answer: str = "", **changes: Any) -> Any:
        row = returns.return_of(return_id)
        together()
        life = returns.NEXT[row.wish][row.state]
        if event not in life:
            return row, False
        became = update(returns.Return).where(returns.Return.id == return_id)
        values = {"state": life[event], "decided_at": at, "decided_by": by, **changes}
        return execute(became.values(**values).returning(*returns.Return.__table__.columns)).one(), True

    monkeypatch.setattr(deciding, "move", careless)

    let_off(postgres_app, lambda: aftersales.approve_return(asked.id, by="staff:1", at=DELIVERED))

    assert acts("return.approve") > 1


# The goods of the same return taken in by eight.


def receive(stage: Stage, asked: Any) -> Callable[[], Any]:
    return lambda: aftersales.receive_return(
        asked.id, shelved={1: 1}, by="staff:1", terms=stage.terms, shown=None, at=DELIVERED
    )


def test_goods_that_eight_take_in_are_refunded_once(postgres_app, stage, order, asked):
    with transaction():
        aftersales.approve_return(asked.id, by="staff:1", at=DELIVERED)

    outcomes = let_off(postgres_app, receive(stage, asked))

    assert errors(outcomes) == []
    assert {row.state for row in outcomes} == {aftersales.REFUNDED}
    assert (credit_notes(order), acts("return.receive")) == (1, 1)
    assert stage.balances(order.member_id, at=DELIVERED).ready == 900


def test_without_the_lock_only_the_key_of_the_note_stops_the_others(postgres_app, stage, order, asked, lock_off):
    with transaction():
        aftersales.approve_return(asked.id, by="staff:1", at=DELIVERED)

    outcomes = let_off_bare(postgres_app, receive(stage, asked))

    assert any(isinstance(error, DBAPIError) for error in errors(outcomes))
    assert credit_notes(order) == 1


# The last piece refunded by eight.


def refund_last(stage: Stage, order: Any) -> Callable[[], Any]:
    return lambda: aftersales.refund(
        order.id, reason="damaged", restock=True, pieces={1: 1}, by="staff:1", terms=stage.terms, at=DELIVERED
    )


def test_the_last_piece_that_eight_refund_is_refunded_once(postgres_app, stage, order):
    stage.refund(order, pieces={1: 1}, at=DELIVERED)

    outcomes = let_off(postgres_app, refund_last(stage, order))

    assert len(errors(outcomes)) == THREADS - 1
    assert {type(error) for error in errors(outcomes)} == {aftersales.NotRefundable}
    assert credit_notes(order) == 2
    assert stage.balances(order.member_id, at=DELIVERED).ready == 1_800


def test_the_last_piece_without_the_lock_is_stopped_by_the_key_only(postgres_app, stage, order, lock_off):
    stage.refund(order, pieces={1: 1}, at=DELIVERED)

    outcomes = let_off_bare(postgres_app, refund_last(stage, order))

    assert any(isinstance(error, DBAPIError) for error in errors(outcomes))
    assert credit_notes(order) == 2


# A piece asked back by its member while the desk refunds it.


def ask_or_refund(stage: Stage, order: Any) -> list[Callable[[], Any]]:
    """Four times Mei, who asks for both mugs to go back, and four times the desk, which refunds one."""
    level = stage.terms.level(1)
    with reading():
        plan = aftersales.plan_return(
            order, pieces={1: 2}, reason="damaged", level=level, terms=stage.terms, at=DELIVERED
        )

    def ask() -> Any:
        with transaction():
            return aftersales.ask_return(
                order.id, member_id=order.member_id, pieces={1: 2}, reason="damaged", words="", pictures=(),
                shown=plan.fingerprint, level=level, terms=stage.terms, at=DELIVERED,
            )  # fmt: skip

    def refund() -> Any:
        with transaction():
            return aftersales.refund(
                order.id, reason="damaged", restock=True, pieces={1: 1}, by="staff:1", terms=stage.terms,
                at=DELIVERED, shown=None,
            )  # fmt: skip

    return [ask, refund] * (THREADS // 2)


def spoken_for_and_refunded(order: Any) -> tuple[int, int]:
    """Return the pieces in open returns, and those refunded."""
    with reading():
        (line,) = checkout.lines_of(order.id)
        return sum(row.pieces for row in aftersales.returns_of(order.id) if row.state in returns.OPEN), line.refunded


def test_a_piece_is_asked_back_or_refunded_and_never_both(postgres_app, stage, order):
    jobs = [lambda each=each: again(each) for each in ask_or_refund(stage, order)]

    race(postgres_app, jobs, threads=THREADS, seconds=SECONDS)

    assert spoken_for_and_refunded(order) in ((2, 0), (0, 2))


@pytest.mark.breaks_the_books
def test_without_the_lock_a_piece_is_asked_back_and_refunded_as_well(postgres_app, stage, order, lock_off):
    race(postgres_app, ask_or_refund(stage, order), threads=THREADS, seconds=SECONDS)

    spoken_for, refunded = spoken_for_and_refunded(order)
    assert spoken_for + refunded > 2
