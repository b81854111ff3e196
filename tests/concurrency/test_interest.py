"""A member's lists are full when they are full, also for many at once in the same member's browsers.

Each race has a twin with the lock off: there the list holds more than it may.
"""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from mall.base.db import again, reading, transaction
from mall.domain import catalogue, interest, people
from mall.domain.interest import requests, wishes
from tests.stage import NOON, Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 8
SECONDS = 20


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def mei(stage: Stage) -> int:
    return stage.member("mei")


@pytest.fixture
def together() -> Callable[[], None]:
    """Let the threads of a race meet once, at the place that calls this."""
    return meeting(THREADS)


@pytest.fixture
def lock_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lock no member."""
    monkeypatch.setattr(people, "lock_member", lambda member_id: None)


@pytest.fixture
def fill_the_list(stage: Stage, mei: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[Flask], list[Any]]:
    """Let eight put an item each on Mei's wish list at once, which has room for one."""
    monkeypatch.setattr(wishes, "MOST_WISHES", 1)
    for number in range(THREADS):
        stage.item(f"Item {number}")

    def fill(app: Flask) -> list[Any]:
        def unit(number: int) -> Any:
            with transaction():
                return interest.wish(mei, f"item-{number}", viewer=catalogue.Viewer(1, mei), at=NOON)

        jobs = [lambda number=number: again(lambda: unit(number)) for number in range(THREADS)]
        return race(app, jobs, threads=THREADS, seconds=SECONDS)

    return fill


def wished(member_id: int) -> int:
    with reading():
        return len(interest.wishes_of(member_id))


def test_a_wish_list_with_room_for_one_takes_one(postgres_app, mei, fill_the_list):
    outcomes = fill_the_list(postgres_app)

    assert wished(mei) == 1
    assert {type(error) for error in errors(outcomes)} == {interest.TooManyWishes}


def test_without_the_lock_a_wish_list_takes_several(postgres_app, mei, fill_the_list, lock_off, together, monkeypatch):
    looked_up = wishes.visible_product

    def met(slug: str, **how: Any) -> int:
        found = looked_up(slug, **how)
        together()
        return found

    monkeypatch.setattr(wishes, "visible_product", met)

    fill_the_list(postgres_app)

    assert wished(mei) > 1


@pytest.fixture
def ask_for_all(stage: Stage, mei: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[Flask], list[Any]]:
    """Let eight ask at once to be told of an item each, for Mei, who may wait for one."""
    monkeypatch.setattr(requests, "MOST_WAITING", 1)
    variants = [stage.item(f"Item {number}", stock=0).variant_id for number in range(THREADS)]

    def ask(app: Flask) -> list[Any]:
        def unit(number: int) -> Any:
            with transaction():
                item = catalogue.item(f"item-{number}", catalogue.Viewer(1, mei), terms=stage.terms, at=NOON)
                return interest.ask_for_stock(mei, item, variant_id=variants[number], at=NOON)

        jobs = [lambda number=number: again(lambda: unit(number)) for number in range(THREADS)]
        return race(app, jobs, threads=THREADS, seconds=SECONDS)

    return ask


def waited_for(member_id: int) -> int:
    with reading():
        return len(interest.waits_for(member_id))


def test_who_may_wait_for_one_waits_for_one(postgres_app, mei, ask_for_all):
    outcomes = ask_for_all(postgres_app)

    assert waited_for(mei) == 1
    assert {type(error) for error in errors(outcomes)} == {interest.TooManyRequests}


def test_without_the_lock_who_may_wait_for_one_waits_for_several(
    postgres_app, mei, ask_for_all, lock_off, together, monkeypatch
):
    counted = requests.waits_for

    def met(member_id: int) -> set[int]:
        found = counted(member_id)
        together()
        return found

    monkeypatch.setattr(requests, "waits_for", met)

    ask_for_all(postgres_app)

    monkeypatch.undo()
    assert waited_for(mei) > 1
