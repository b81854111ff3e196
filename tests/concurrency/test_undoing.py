"""An order that goes back at many desks at once takes what tasks gave for it once: the purse lets one in at a time."""

from threading import get_ident

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select

from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.domain import aftersales, catalogue, checkout, earning, ledger
from mall.domain.ledger import taking_back
from tests.concurrency.test_purse import unlocked
from tests.domain.earning.test_undoing import KEPT, keep
from tests.stage import Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 6
TASKS = [
    {"key": "every_order", "points": 50, "growth": 0},
    {"key": "first_order", "points": 100, "growth": 10, "in_all": 1},
]


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop(tasks=TASKS)


def refund_by_all(app: Flask, stage: Stage, orders: list) -> list:
    def one(order):
        def refund() -> None:
            with transaction():
                aftersales.refund(order.id, reason="damaged", restock=True, by="staff:1", terms=stage.terms, at=KEPT)

        return refund

    return race(app, [one(order) for order in orders], threads=THREADS)


def undone() -> int:
    with reading():
        count = select(func.count()).where(earning.FactRow.kind == "order_unkept")
        return int(execute(count).scalar_one())


def clawed() -> int:
    posting = ledger.Posting
    with reading():
        taken = select(func.coalesce(func.sum(posting.points), 0))
        return int(execute(taken.where(posting.kind == "clawback", posting.reference.like("task:%"))).scalar_one())


def test_of_many_refunds_at_once_one_takes_what_tasks_gave(postgres_app, stage):
    mei = stage.member("mei")
    order = keep(stage, mei)

    outcomes = refund_by_all(postgres_app, stage, [order] * THREADS)

    assert all(isinstance(error, Refusal) for error in errors(outcomes))
    assert (undone(), clawed()) == (1, 150)
    assert stage.balances(mei).ready == 0


def test_two_orders_of_a_member_that_go_back_at_once_take_what_each_gave(postgres_app, stage):
    mei = stage.member("mei")
    both = [keep(stage, mei), keep(stage, mei)]

    outcomes = refund_by_all(postgres_app, stage, both)

    assert errors(outcomes) == []
    assert (undone(), clawed()) == (2, 200)
    assert stage.balances(mei).ready == 0


@pytest.mark.breaks_the_books
def test_without_the_lock_two_at_once_take_the_same_points(postgres_app, stage, monkeypatch):
    mei = stage.member("mei")
    both = [keep(stage, mei), keep(stage, mei)]
    # Of all that they gave 100 points are left: both orders want them.
    stage.put_in(mei, stage.item(prices=(catalogue.points_price(stage.balances(mei).ready - 100),)))
    stage.place(mei, at=KEPT)
    meet, lots_in, met = meeting(len(both)), taking_back.lots_in, set()

    def look_together(*given, **named):
        found = lots_in(*given, **named)
        if (me := get_ident()) not in met:
            met.add(me)
            meet()
        return found

    def unlocked_order(order_id, *, zone):
        return unlocked([mei], zone=zone)[mei], checkout.order_of(order_id)

    monkeypatch.setattr(checkout, "lock_with_purse", unlocked_order)
    monkeypatch.setattr(taking_back, "lots_in", look_together)
    outcomes = refund_by_all(postgres_app, stage, both)

    bare = [error for error in errors(outcomes) if not isinstance(error, Refusal)]
    assert bare, "both took what was there once"
    assert {type(getattr(error, "orig", error)) for error in bare} <= {
        AssertionError, psycopg.errors.UniqueViolation, psycopg.errors.CheckViolation, psycopg.errors.DeadlockDetected,
    }  # fmt: skip
