"""A level reached by many purchases at once gives its pack once.

The twin leaves the purse unlocked: there only the table stops the others.
"""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import earning, ledger, membership, programme
from mall.domain.earning import days, tasks
from tests.stage import NOON, Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 8
SECONDS = 20


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    levels = programme.default_settings(shop_name="-")["levels"]
    return open_shop(levels=[level | {"upgrade_points": 200 * level["rank"]} for level in levels])


@pytest.fixture
def mei(stage: Stage) -> int:
    return stage.member("mei")


def risers(stage: Stage, member_id: int) -> list[Callable[[], Any]]:
    """Return eight who note at once that the member has risen to Ordinary and Senior."""
    with transaction():
        change = membership.add_growth(
            member_id, 1_500, source="order", reference="order:1", counts_on=stage.terms.today(NOON),
            version=stage.terms.version, why=say("Order {number} kept", number="1001"), key="order:1:growth",
            terms=stage.terms, at=NOON,
        )  # fmt: skip
    assert change is not None and (change.from_rank, change.to_rank) == (1, 3)

    def unit() -> None:
        with transaction():
            purse = days.ledger.lock(member_id, zone=stage.terms.zone)
            tasks.note_level(change, purse=purse, terms=stage.terms, at=NOON)

    return [unit] * THREADS


def packs() -> int:
    with reading():
        return int(execute(select(func.count()).select_from(earning.LevelPack)).scalar_one())


def test_a_level_that_is_reached_eight_times_at_once_gives_one_pack(postgres_app, stage, mei):
    outcomes = race(postgres_app, risers(stage, mei), threads=THREADS, seconds=SECONDS)

    assert errors(outcomes) == []
    assert (packs(), stage.balances(mei).ready) == (2, 400 + 600)


def test_without_the_purses_lock_only_the_tables_keys_stop_the_others(postgres_app, stage, mei, monkeypatch):
    together = meeting(THREADS)

    def unlocked(member_id: int, *, zone: str) -> Any:
        purse = ledger.Purse
        row = execute(select(purse).where(purse.member_id == member_id)).one()
        together()
        return ledger.purse_in(row, zone=zone)

    monkeypatch.setattr(days.ledger, "lock", unlocked)

    outcomes = race(postgres_app, risers(stage, mei), threads=THREADS, seconds=SECONDS)

    assert any(isinstance(error, DBAPIError) for error in errors(outcomes))
    assert packs() == 2
