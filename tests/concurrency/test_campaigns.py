"""Many orders are paid at once in a campaign with a cap: it gives exactly its cap, the last of them what is left.

The race has a twin in which what is left is read before it is written: there the same orders get more than there was.
"""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.domain import cash, catalogue, checkout, earning, ledger
from mall.domain.earning import orders as earning_orders
from tests.concurrency.test_selling import crowd
from tests.stage import NOON, Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 16
SECONDS = 40
BUYERS = 32
EACH, CAP = 159, 1_000


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def together() -> Callable[[], None]:
    """Let the threads of a race meet once, at the place that calls this."""
    return meeting(THREADS)


def all_are_paid(app: Flask, stage: Stage, buyers: int) -> list[Any]:
    """Let orders of as many buyers, each worth 159 points of the campaign, be settled at once."""
    mug = stage.item(prices=(catalogue.points_price(10), catalogue.cash_price(1_590)), stock=1_000)
    members = crowd(stage, buyers, mug)
    stage.campaign(cap_points=CAP)
    jobs = []
    for member_id in members:
        stage.put_in(member_id, mug, "cash")  # Beside the piece for points that each has in the basket.
        order = stage.place(member_id)
        with moved_to(NOON):
            stage.cashier.pay(stage.open_page(order))
            with reading():
                [payment] = cash.payments_of(checkout.reference_of(order.id))
            state = stage.cashier.fetch_session(payment.session_id)

        def settle(payment: Any = payment, state: Any = state) -> None:
            with transaction():
                checkout.settle(payment, state, terms=stage.terms, at=NOON)

        jobs.append(settle)
    return race(app, jobs, threads=THREADS, seconds=SECONDS)


def given() -> list[int]:
    with reading():
        return sorted(execute(select(ledger.Lot.points).where(ledger.Lot.origin == "campaign")).scalars())


def test_a_cap_is_given_to_the_point_whoever_comes_first(postgres_app, stage):
    outcomes = all_are_paid(postgres_app, stage, BUYERS)

    assert errors(outcomes) == []
    assert given() == [CAP % EACH, *[EACH] * (CAP // EACH)]
    with reading():
        assert earning.campaign_of(1).issued_points == CAP
        assert (
            execute(select(func.count()).select_from(ledger.Lot).where(ledger.Lot.origin == "purchase")).scalar_one()
            == BUYERS
        )


@pytest.mark.breaks_the_books
def test_a_cap_that_is_read_first_is_passed(postgres_app, stage, monkeypatch, together):
    def draw(campaign_id: int, points: int, *, capped: bool) -> int:
        row = execute(select(earning.CampaignRow).where(earning.CampaignRow.id == campaign_id)).one()
        together()
        drawn = min(points, row.cap_points - row.issued_points)
        counted = update(earning.CampaignRow).where(earning.CampaignRow.id == campaign_id)
        execute(counted.values(issued_points=row.issued_points + drawn))
        return drawn

    monkeypatch.setattr(earning_orders, "draw", draw)

    assert errors(all_are_paid(postgres_app, stage, THREADS)) == []

    assert sum(given()) > CAP
