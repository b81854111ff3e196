"""A month's redemptions by many orders of one member at once: never more than the level allows.

Each of the eight has a basket of their own, as if one member had eight; the twin leaves the purse unlocked, and more
goes through.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, checkout, ledger, programme
from mall.domain.checkout import placing
from tests.stage import ADDRESS, NOON, Item, Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 8
SECONDS = 20
MOST = 3


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    limited = {"redemptions_per_month": MOST}
    return open_shop(levels=[level | limited for level in programme.default_settings(shop_name="-")["levels"]])


@pytest.fixture
def mei(stage: Stage) -> int:
    mei = stage.member("mei")
    for _lot in range(THREADS):
        stage.give(mei, 5_000)
    return mei


@pytest.fixture
def placers(stage: Stage, mei: int, monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], Any]]:
    """Eight who place an order of one piece for points each, all of them Mei."""
    mine = threading.local()
    items = [stage.item(f"Item {number}") for number in range(THREADS)]
    level = stage.terms.level(1)
    viewer = catalogue.Viewer(1, mei, None, level.early_access_hours)
    baskets = [_filled(item, f"basket-{number}") for number, item in enumerate(items)]
    monkeypatch.setattr(placing, "_look", lambda _member, _key, **_more: (mine.basket, False, 0, 1, 0))

    def placer(basket: Any) -> Callable[[], Any]:
        def unit() -> Any:
            mine.basket = basket
            with reading():
                priced = checkout.price(basket, viewer=viewer, level=level, terms=stage.terms, at=NOON)
            with transaction():
                return checkout.place(
                    mei, key=basket.key, shown=priced.quote.fingerprint, points_offered=0, terms=stage.terms,
                    verified=True, cashier=True, address=ADDRESS, at=NOON,
                )  # fmt: skip

        return unit

    return [placer(basket) for basket in baskets]


def _filled(item: Item, token: str) -> Any:
    owner = checkout.Owner(token=token)
    with transaction():
        checkout.put_in(owner, variant_id=item.variant_id, option_id=item.options["points"], points_each=800, at=NOON)
    with reading():
        return checkout.basket_of(owner)


def redeemed() -> int:
    with reading():
        return int(execute(select(func.count()).select_from(checkout.Order)).scalar_one())


def test_no_more_is_redeemed_than_the_level_allows(postgres_app, placers):
    outcomes = race(postgres_app, placers, threads=THREADS, seconds=SECONDS)

    assert redeemed() == MOST
    assert [type(error) for error in errors(outcomes)] == [checkout.RedeemedEnough] * (THREADS - MOST)


@pytest.mark.breaks_the_books
def test_without_the_purses_lock_more_is_redeemed(postgres_app, placers, monkeypatch):
    together = meeting(THREADS)
    counted = placing.price

    def unlocked(member_id: int, *, zone: str) -> Any:
        purse = ledger.Purse
        return ledger.purse_in(execute(select(purse).where(purse.member_id == member_id)).one(), zone=zone)

    def priced(*given: Any, **named: Any) -> Any:
        found = counted(*given, **named)
        together()
        return found

    monkeypatch.setattr(placing.ledger, "lock", unlocked)
    monkeypatch.setattr(placing, "price", priced)

    race(postgres_app, placers, threads=THREADS, seconds=SECONDS)

    assert redeemed() > MOST
