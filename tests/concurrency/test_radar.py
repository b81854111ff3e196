"""Two who dismiss a suspicion at once: one of them did, and the other is told; without the lock both did."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import audit, radar
from mall.domain.radar import dismissing
from tests.domain.radar.test_radar import only, returned, till
from tests.stage import NOON, Stage, open_shop
from tests.threads import errors, meeting, race

__all__ = ["returned", "till"]

pytestmark = pytest.mark.concurrency

THREADS = 6


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


def dismissers() -> list[Callable[[], Any]]:
    """Return six colleagues who have read the same, and dismiss it."""
    row = only()

    def colleague(number: int) -> Callable[[], None]:
        def unit() -> None:
            with transaction():
                radar.dismiss(row.id, seen=row.revision, reason=f"Reason {number}", by=f"staff:{number}", at=NOON)

        return unit

    return [colleague(number) for number in range(1, THREADS + 1)]


def entries() -> list[str]:
    with reading():
        return [entry.by for entry in audit.entries(act="suspect.dismissed")]


def broken() -> list[str]:
    with reading():
        return [check.name for check in radar.checks() if execute(check.breaks).first()]


def test_of_many_who_dismiss_at_once_one_did_and_the_others_are_told(postgres_app, returned):
    outcomes = race(postgres_app, dismissers(), threads=THREADS)

    assert len(entries()) == 1
    assert [type(error) for error in errors(outcomes)] == [radar.SuspectGone] * (THREADS - 1)
    assert broken() == []


@pytest.mark.breaks_the_books
def test_without_the_lock_several_did_and_the_last_one_stands(postgres_app, returned, monkeypatch):
    meet = meeting(THREADS)

    def unlocked(suspect_id: int) -> Any:
        row = execute(select(radar.Suspect).where(radar.Suspect.id == suspect_id)).one()
        meet()
        return row

    jobs = dismissers()
    monkeypatch.setattr(dismissing, "_locked", unlocked)
    race(postgres_app, jobs, threads=THREADS)

    assert len(entries()) > 1
