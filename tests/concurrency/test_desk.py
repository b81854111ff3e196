"""The desk, many at once: a person's day has one row, which lets them in one at a time, whomever they adjust.

The twin reads that row without locking it, and then everybody believes to be the fifth.
"""

import threading
from contextlib import suppress

import pytest
from flask import Flask
from sqlalchemy import select

from mall.base.db import again, execute, reading, transaction
from mall.domain import approvals, ledger, repeats
from mall.domain.ledger import desk
from tests.stage import NOON, Stage, open_shop
from tests.threads import errors, race

pytestmark = pytest.mark.concurrency

THREADS = 8
SECONDS = 30
LIMIT = 5


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


def ask(stage: Stage, member_id: int, points: int, key: str) -> ledger.Asked:
    def unit() -> ledger.Asked:
        with transaction():
            return ledger.ask_adjustment(
                member_id, points, reason="goodwill", document="", key=key, own_member_id=None, terms=stage.terms,
                by="staff:1", at=NOON,
            )  # fmt: skip

    return again(unit)


def at_once(app: Flask, stage: Stage) -> list:
    """Adjust sixteen members at once, as one person who may do five a day alone."""
    members = [stage.member(f"member{number}") for number in range(16)]
    jobs = [lambda m=member: ask(stage, m, 10, f"to-{m}") for member in members]
    return race(app, jobs, threads=THREADS, seconds=SECONDS)


def moved() -> int:
    with reading():
        return len(execute(select(ledger.Posting.id).where(ledger.Posting.kind == "adjust")).all())


def test_sec_27_sixteen_at_once_are_five_alone_and_eleven_for_a_second_person(postgres_app, stage):
    outcomes = at_once(postgres_app, stage)

    assert errors(outcomes) == []
    assert sum(asked.done for asked in outcomes) == LIMIT
    assert moved() == LIMIT
    with reading():
        assert len(approvals.waiting(ledger.ADJUSTMENT_KIND)) == 16 - LIMIT


def test_without_the_lock_more_than_five_pass(postgres_app, stage, monkeypatch):
    meeting = threading.Barrier(THREADS)

    def unlocked(actor, day):
        row = select(desk.DeskDay.adjustments).where(desk.DeskDay.actor == actor, desk.DeskDay.day == day)
        done = execute(row).scalar_one_or_none() or 0
        with suppress(threading.BrokenBarrierError):
            meeting.wait(1)
        return done

    monkeypatch.setattr(desk, "_lock_desk_day", unlocked)
    outcomes = at_once(postgres_app, stage)

    assert errors(outcomes) == []
    assert moved() > LIMIT


@pytest.mark.parametrize("points", [(10, 10), (10, 5_000), (5_000, 5_000)], ids=str)
def test_one_key_for_two_members_at_once_is_one_adjustment(postgres_app, stage, points):
    members = [stage.member("lin"), stage.member("tom")]
    jobs = [lambda m=m, p=p: ask(stage, m, p, "one") for m, p in zip(members, points, strict=True)]

    outcomes = race(postgres_app, jobs, seconds=SECONDS)

    assert [type(error) for error in errors(outcomes)] == [repeats.SentOtherwise]
    with reading():
        assert moved() + len(approvals.waiting(ledger.ADJUSTMENT_KIND)) == 1
