"""What is back in stock is told once to each, and to as many as there are pieces, however many sweepers look at once.

The twin does without the condition that lets one sweeper have a request: there everybody believes to have told them,
and only the key of the notice keeps a member from a second mail.
"""

import pytest
from flask import Flask
from sqlalchemy import select, true, update

from mall.base.db import again, execute, reading, transaction
from mall.domain import catalogue, interest, notices
from mall.domain.interest import requests
from tests.stage import NOON, Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

SWEEPERS = 4
PIECES = 3


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def waiting(stage: Stage) -> list[int]:
    """Five members wait for a lamp, of which three pieces are in now."""
    lamp = stage.item("Lamp", stock=0)
    members = [stage.member(f"member{number}") for number in range(5)]
    for member_id in members:
        with transaction():
            item = catalogue.item("lamp", catalogue.Viewer(1, member_id), terms=stage.terms, at=NOON)
            interest.ask_for_stock(member_id, item, variant_id=lamp.variant_id, at=NOON)
    with transaction():
        catalogue.receive(lamp.variant_id, PIECES, by="staff:1", at=NOON)
    return members


@pytest.fixture(autouse=True)
def met(monkeypatch: pytest.MonkeyPatch, waiting: list[int]) -> None:
    """Let all sweepers find whom to tell before any of them does."""
    meet = meeting(SWEEPERS)

    def after_meeting(table):
        meet()
        return update(table)

    monkeypatch.setattr(requests, "update", after_meeting)


def sweep() -> int:
    def unit() -> int:
        with transaction():
            return interest.tell_back_in_stock(at=NOON)

    return again(unit)


def told() -> list[int | None]:
    notice = notices.Notice
    with reading():
        rows = execute(select(notice.member_id).where(notice.kind == "back_in_stock").order_by(notice.member_id))
        return list(rows.scalars())


def test_however_many_sweep_each_is_told_once_and_as_many_as_there_are_pieces(postgres_app, waiting):
    outcomes = race(postgres_app, [sweep] * SWEEPERS, threads=SWEEPERS)

    assert errors(outcomes) == []
    assert sum(outcomes) == PIECES
    assert told() == waiting[:PIECES]


def test_without_the_condition_everybody_believes_to_have_told_them(postgres_app, waiting, monkeypatch):
    monkeypatch.setattr(requests, "_is_waiting", true())

    outcomes = race(postgres_app, [sweep] * SWEEPERS, threads=SWEEPERS)

    assert errors(outcomes) == []
    assert sum(outcomes) == PIECES * SWEEPERS
    assert told() == waiting[:PIECES]
