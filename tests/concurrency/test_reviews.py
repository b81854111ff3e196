"""The same review written or published by many at once: it is one, counted once and paid once.

Each race has a twin with the lock off: there it happens more than once, or only the table itself stops it.
"""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError

from mall.base.db import again, execute, reading, transaction
from mall.domain import aftersales, catalogue, ledger
from mall.domain.aftersales import moderating, product_reviews
from tests.domain.aftersales.kept import KEPT, WORDS, keep, write
from tests.stage import Item, Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 8
SECONDS = 20


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def item(stage: Stage) -> Item:
    return stage.item()


@pytest.fixture
def order(stage: Stage, item: Item) -> Any:
    """Mei's order of a mug, kept."""
    return keep(stage, stage.member("mei"), item)


@pytest.fixture
def together() -> Callable[[], None]:
    """Let the threads of a race meet once, at the place that calls this."""
    return meeting(THREADS)


def counted(item: Item) -> tuple[int, int]:
    """Return (published reviews, the sum of their stars) as the item counts them."""
    product = catalogue.Product
    with reading():
        row = execute(select(product.review_count, product.review_stars).where(product.id == item.product_id)).one()
    return row.review_count, row.review_stars


def written() -> int:
    with reading():
        return int(execute(select(func.count()).select_from(aftersales.ProductReview)).scalar_one())


def writers(stage: Stage, order: Any) -> list[Callable[[], Any]]:
    """Return eight who write a review of the same line, each by a form of its own."""

    def writer(number: int) -> Callable[[], Any]:
        def unit() -> Any:
            with transaction():
                return aftersales.write_review(
                    order.id, 1, member_id=order.member_id, rating=5, words=WORDS, key=f"form-{number}",
                    terms=stage.terms, at=KEPT,
                )  # fmt: skip

        return unit

    return [writer(number) for number in range(THREADS)]


def test_eight_who_write_at_once_write_one(postgres_app, stage, order):
    outcomes = race(postgres_app, writers(stage, order), threads=THREADS, seconds=SECONDS)

    assert errors(outcomes) == []
    assert sorted(each.row.revision for each in outcomes) == list(range(1, THREADS + 1))
    assert written() == 1


def test_without_the_purses_lock_only_the_table_stops_the_others(postgres_app, stage, order, monkeypatch, together):
    looked_up = product_reviews.review_by

    def unlocked(member_id: int, product_id: int) -> Any:
        found = looked_up(member_id, product_id)
        together()
        return found

    monkeypatch.setattr(product_reviews.ledger, "lock", lambda *_given, **_named: None)
    monkeypatch.setattr(product_reviews, "review_by", unlocked)

    outcomes = race(postgres_app, writers(stage, order), threads=THREADS, seconds=SECONDS)

    assert any(isinstance(error, DBAPIError) for error in errors(outcomes))
    assert written() == 1


def publishers(stage: Stage, row: Any) -> list[Callable[[], Any]]:
    """Return eight at the desk who publish the same review."""

    def unit() -> Any:
        with transaction():
            return aftersales.publish_review(
                row.id, revision=row.revision, own_member_id=None, terms=stage.terms, by="staff:1", at=KEPT
            )

    return [lambda: again(unit)] * THREADS


def test_a_review_that_eight_publish_is_counted_and_paid_once(postgres_app, stage, item, order):
    row = write(stage, order).row
    ready = stage.balances(order.member_id, at=KEPT).ready

    outcomes = race(postgres_app, publishers(stage, row), threads=THREADS, seconds=SECONDS)

    assert errors(outcomes) == []
    assert counted(item) == (1, 5)
    assert stage.balances(order.member_id, at=KEPT).ready == ready + 20


@pytest.mark.breaks_the_books
def test_a_state_that_is_read_first_is_counted_by_several(postgres_app, stage, item, order, monkeypatch, together):
    row = write(stage, order).row

    def careless(before: Any, event: str, *, by: str, at: Any, published_at: Any, **_seen: Any) -> Any:
        review = aftersales.ProductReview
        if before.state == aftersales.PUBLISHED:
            return before, False
        together()
        values = {"state": moderating.NEXT[before.state][event], "published_at": published_at, "decided_at": at}
        became = update(review).where(review.id == before.id).values(decided_by=by, **values)
        return execute(became.returning(*review.__table__.columns)).one(), True

    monkeypatch.setattr(moderating, "_decide", careless)
    monkeypatch.setattr(moderating.ledger, "lock", unlocked_purse)

    race(postgres_app, publishers(stage, row), threads=THREADS, seconds=SECONDS)

    assert counted(item)[0] > 1


def unlocked_purse(member_id: int, *, zone: str) -> Any:
    """Read a purse without locking it."""
    purse = ledger.Purse
    row = execute(select(purse).where(purse.member_id == member_id)).one()
    return ledger.purse_in(row, zone=zone)
