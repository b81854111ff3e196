"""The same question answered or asked by many at once: one answer each time it is read, one question a form.

The race has a twin with the check off: there only the table itself stops the others.
"""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError

from mall.base.db import execute, reading, transaction
from mall.domain import consultation
from mall.domain.consultation import answering
from tests.domain.consultation.asked import WORDS, ask
from tests.stage import NOON, Item, Stage, open_shop
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
def question(stage: Stage, item: Item) -> Any:
    """Mei's question, which waits."""
    return ask(stage, stage.member("mei"), item)


@pytest.fixture
def together() -> Callable[[], None]:
    """Let the threads of a race meet once, at the place that calls this."""
    return meeting(THREADS)


def answers() -> int:
    message = consultation.QuestionMessage
    with reading():
        of_shop = select(func.count()).select_from(message).where(message.side == consultation.BY_SHOP)
        return int(execute(of_shop).scalar_one())


def operators(question: Any) -> list[Callable[[], Any]]:
    """Return eight at the desk who have read the same question and answer it, each in other words."""

    def operator(number: int) -> Callable[[], Any]:
        def unit() -> Any:
            with transaction():
                return consultation.answer(
                    question.id, words=f"Answer {number}", revision=1, key=f"form-{number}", by="staff:1", at=NOON
                )

        return unit

    return [operator(number) for number in range(THREADS)]


def test_of_eight_who_answer_at_once_one_does_and_seven_are_told(postgres_app, question):
    outcomes = race(postgres_app, operators(question), threads=THREADS, seconds=SECONDS)

    refused = errors(outcomes)
    assert [type(error) for error in refused] == [consultation.WrittenMeanwhile] * (THREADS - 1)
    assert answers() == 1


def test_without_looking_at_the_revision_only_the_table_stops_the_others(
    postgres_app, question, monkeypatch, together
):
    def careless(seen: Any, *, revision: int, revised: int = 0, **values: Any) -> Any:
        asked = consultation.Question
        together()
        changed = update(asked).where(asked.id == seen.id).values(revision=revision + revised, **values)
        return execute(changed.returning(*asked.__table__.columns)).one()

    monkeypatch.setattr(answering, "_move", careless)

    outcomes = race(postgres_app, operators(question), threads=THREADS, seconds=SECONDS)

    refused = errors(outcomes)
    assert len(refused) == THREADS - 1 and all(isinstance(error, DBAPIError) for error in refused)
    assert answers() == 1


def test_eight_presses_of_one_form_ask_once(postgres_app, stage, item):
    mei = stage.member("mei")

    def unit() -> Any:
        with transaction():
            return consultation.ask(mei, item.product_id, words=WORDS, key="form-1", terms=stage.terms, at=NOON)

    outcomes = race(postgres_app, [unit] * THREADS, threads=THREADS, seconds=SECONDS)

    assert errors(outcomes) == []
    assert sum(each.new for each in outcomes) == 1
