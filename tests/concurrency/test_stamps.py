"""Orders kept at once fill a card once, and all members together no more cards than there are.

The purse lets one order of a member in at a time, one conditional UPDATE counts for all. Each race has a twin without.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError

from mall.base.db import execute, reading, transaction
from mall.domain import coupons, earning, ledger
from mall.domain.earning import stamps
from tests.stage import NOON, Item, Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 8
SECONDS = 40
NEEDED = 4
KEPT = NOON + timedelta(days=15)


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def mug(stage: Stage) -> Item:
    return stage.mug(stock=100)


def bought(stage: Stage, member_id: int, mug: Item) -> Any:
    stage.put_in(member_id, mug, "cash")
    return stage.deliver(stage.ship(stage.pay(stage.place(member_id))))


def kept_at_once(app: Flask, stage: Stage, orders: list[Any]) -> list[Any]:
    def closing(order: Any) -> Callable[[], bool]:
        return lambda: stage.close(order, at=KEPT)

    return race(app, [closing(order) for order in orders], threads=THREADS, seconds=SECONDS)


def counted() -> tuple[int, int, int]:
    """Return how many stamps there are, full cards, and coupons."""
    with reading():
        return (
            execute(select(func.coalesce(func.sum(earning.Stamp.stamps), 0))).scalar_one(),
            execute(select(func.count()).select_from(earning.FullCard)).scalar_one(),
            execute(select(func.count()).select_from(coupons.Coupon)).scalar_one(),
        )


def test_orders_of_a_member_kept_at_once_fill_each_card_once(postgres_app, stage, mug):
    stage.stamp_card(stamps_needed=NEEDED)
    mei = stage.member("mei")
    orders = [bought(stage, mei, mug) for _order in range(THREADS)]

    outcomes = kept_at_once(postgres_app, stage, [*orders, *orders])  # Each by two workers.

    assert errors(outcomes) == []
    assert sum(outcomes) == THREADS
    assert counted() == (THREADS, THREADS // NEEDED, THREADS // NEEDED)


@pytest.mark.breaks_the_books
def test_without_the_purses_lock_cards_stay_unfilled_or_the_others_see_a_bare_error(
    postgres_app, stage, mug, monkeypatch
):
    stage.stamp_card(stamps_needed=NEEDED)
    mei = stage.member("mei")
    # None of them waits for another's lock before it: however busy the machine is, all of them come.
    together, standings_of = meeting(THREADS, seconds=SECONDS / 2), stamps.standings_of

    def met(*asked: Any) -> Any:
        together()
        return standings_of(*asked)

    def giving(number: int) -> Callable[[], int]:
        line = earning.Bought(1, mug.product_id, paid=1, cents_each=1_590, kept=1, kept_cents=1_590)

        def give() -> int:
            with transaction():
                row = execute(select(ledger.Purse).where(ledger.Purse.member_id == mei)).one()
                return stamps.give_stamps(
                    f"order:{number}", placed_at=NOON, rank=1, bought=(line,), terms=stage.terms, at=KEPT,
                    purse=ledger.purse_in(row, zone=stage.terms.zone),
                )  # fmt: skip

        return give

    monkeypatch.setattr(stamps, "standings_of", met)

    outcomes = race(postgres_app, [giving(each) for each in range(THREADS)], threads=THREADS, seconds=SECONDS)

    given, full, _coupons = counted()
    assert full < given // NEEDED or any(isinstance(error, DBAPIError) for error in errors(outcomes))


def all_fill_one(app: Flask, stage: Stage, mug: Item) -> list[Any]:
    """Let as many members as there are threads keep what fills a card of which there are three."""
    stage.stamp_card(stamps_needed=2, total_limit=3)
    orders = []
    for number in range(THREADS):
        member_id = stage.member(f"m{number}")
        assert stage.close(bought(stage, member_id, mug), at=KEPT)
        orders.append(bought(stage, member_id, mug))
    return kept_at_once(app, stage, orders)


def test_all_members_together_fill_exactly_as_many_cards_as_there_are(postgres_app, stage, mug):
    outcomes = all_fill_one(postgres_app, stage, mug)

    assert errors(outcomes) == []
    assert counted() == (2 * THREADS, 3, 3)
    with reading():
        assert earning.stamp_card_of(1).filled == 3


@pytest.mark.breaks_the_books
def test_a_total_that_is_read_first_is_passed(postgres_app, stage, mug, monkeypatch):
    together = meeting(THREADS)

    def count_filled(card: earning.StampCard, cards: int) -> int:
        row = execute(select(earning.StampCardRow).where(earning.StampCardRow.id == card.id)).one()
        together()
        filled = min(cards, row.total_limit - row.filled)
        counted = update(earning.StampCardRow).where(earning.StampCardRow.id == card.id)
        execute(counted.values(filled=row.filled + filled))
        return filled

    monkeypatch.setattr(stamps, "count_filled", count_filled)

    assert errors(all_fill_one(postgres_app, stage, mug)) == []

    _stamps, full, _coupons = counted()
    assert full > 3
