"""Growth is taken off once however many workers do the night, and a level granted at once from two tabs is one."""

from datetime import date, timedelta

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from mall.base.db import execute, reading, transaction
from mall.domain import earning, ledger, membership
from mall.domain.earning import dormancy as room
from mall.domain.membership import grants as grants_room
from tests.concurrency.test_purse import unlocked
from tests.stage import NOON, Stage, open_shop
from tests.threads import errors, meeting, race
from tests.web.store.test_member import grow

pytestmark = pytest.mark.concurrency

THREADS = 8
TOLD, TAKEN = NOON + timedelta(days=76), NOON + timedelta(days=90)


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def mei(stage: Stage) -> int:
    """Mei, who has bought, has been away, and was told what that costs."""
    mei = stage.member("mei")
    grow(stage, mei, 160_000)
    night(stage, TOLD)
    return mei


def night(stage: Stage, at) -> None:
    with transaction():
        earning.take_off_dormant(terms=stage.terms, after=0, at=at)


def nights(app: Flask, stage: Stage) -> list:
    return race(app, [lambda: night(stage, TAKEN)] * THREADS, threads=THREADS)


def taken() -> list[int]:
    event = membership.GrowthEvent
    with reading():
        return list(execute(select(event.points).where(event.source == membership.DORMANCY)).scalars())


def bare_errors(outcomes) -> set[type]:
    return {type(error.orig) for error in errors(outcomes) if isinstance(error, DBAPIError)}


def test_many_workers_take_it_off_once(postgres_app, stage, mei):
    outcomes = nights(postgres_app, stage)

    assert errors(outcomes) == []
    assert taken() == [-160]


def test_without_the_lock_the_others_see_a_bare_error(postgres_app, stage, mei, monkeypatch):
    meet, points_off = meeting(THREADS), room.points_off

    def off_together(*figures, **rule):
        off = points_off(*figures, **rule)
        meet()
        return off

    monkeypatch.setattr(ledger, "lock_many", unlocked)
    monkeypatch.setattr(room, "points_off", off_together)
    outcomes = nights(postgres_app, stage)

    # The notice is a key of the growth itself, so that even now it is taken off once.
    assert bare_errors(outcomes) == {psycopg.errors.UniqueViolation}
    assert taken() == [-160]


def test_who_checks_in_while_it_is_taken_off_does_so_before_or_after(postgres_app, stage, mei):
    def come_by() -> None:
        with transaction():
            earning.check_in(mei, terms=stage.terms, at=TAKEN - timedelta(hours=9))

    outcomes = race(postgres_app, [come_by, lambda: night(stage, TAKEN)], threads=2)

    assert errors(outcomes) == []
    assert taken() in ([], [-160])


def granted(app: Flask, stage: Stage, mei: int) -> list:
    wanted = membership.Grant(mei, 4, date(2026, 6, 30), "A friend", "staff:1", "one form")

    def grant() -> int:
        with transaction():
            return earning.grant_level(wanted, terms=stage.terms, at=NOON)

    return race(app, [grant] * THREADS, threads=THREADS)


def grants() -> int:
    with reading():
        return execute(select(func.count()).select_from(membership.LevelGrant)).scalar_one()


def test_one_form_sent_many_times_at_once_is_one_grant(postgres_app, stage, mei):
    outcomes = granted(postgres_app, stage, mei)

    assert errors(outcomes) == []
    assert len(set(outcomes)) == 1
    assert grants() == 1


def test_without_the_lock_all_but_one_form_see_a_bare_error(postgres_app, stage, mei, monkeypatch):
    meet, end_of = meeting(THREADS), grants_room.end_of

    def look_together(day, zone):
        meet()
        return end_of(day, zone)

    monkeypatch.setattr(ledger, "lock", lambda member_id, *, zone: None)
    monkeypatch.setattr(grants_room, "end_of", look_together)
    outcomes = granted(postgres_app, stage, mei)

    assert bare_errors(outcomes) == {psycopg.errors.UniqueViolation}
    assert grants() == 1
