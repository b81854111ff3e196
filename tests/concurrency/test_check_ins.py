"""A check-in tapped many times at once is one: the purse's lock lets one in at a time, and the others find it made."""

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from mall.base.db import execute, reading, transaction
from mall.domain import earning, ledger
from mall.domain.earning import check_ins as room
from mall.domain.ledger import purses
from tests.concurrency.test_purse import unlocked
from tests.stage import NOON, Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 8


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


def tapped_by_all(app: Flask, stage: Stage, member_id: int) -> list:
    def tap() -> earning.CheckedIn:
        with transaction():
            return earning.check_in(member_id, terms=stage.terms, at=NOON)

    return race(app, [tap] * THREADS, threads=THREADS)


def points_of(member_id: int) -> int:
    with reading():
        return ledger.balances(member_id, at=NOON).ready


def test_many_taps_at_once_are_one_check_in(postgres_app, stage):
    mei = stage.member("mei")

    outcomes = tapped_by_all(postgres_app, stage, mei)

    assert errors(outcomes) == []
    assert sorted(each.again for each in outcomes) == [False] + [True] * (THREADS - 1)
    assert points_of(mei) == 10


def test_without_the_lock_the_others_see_a_bare_error(postgres_app, stage, monkeypatch):
    mei = stage.member("mei")
    meet, last = meeting(THREADS), room._last

    def look_together(member_id):
        found = last(member_id)
        meet()
        return found

    monkeypatch.setattr(purses, "lock_many", unlocked)
    monkeypatch.setattr(room, "_last", look_together)
    outcomes = tapped_by_all(postgres_app, stage, mei)

    # The day is a key of the table itself, so that even now there is one check-in.
    broken_on = {type(error.orig) for error in errors(outcomes) if isinstance(error, DBAPIError)}
    assert broken_on == {psycopg.errors.UniqueViolation}
    with reading():
        assert execute(select(func.count()).select_from(earning.CheckIn)).scalar_one() == 1
    assert points_of(mei) == 10
