"""The desk's cast: a shop set up, Ola the operator signed in, Otto her colleague, members and items as needed."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mall.base.clock import moved_to
from mall.base.db import transaction
from mall.domain import people
from tests import cast
from tests.stage import NOON, Item, Stage, open_shop


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    """It is noon of 2 March 2026."""
    with moved_to(NOON):
        yield


@pytest.fixture
def stage(app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def ola(stage: Stage) -> int:
    return hire("ola", "operator")


@pytest.fixture
def otto(stage: Stage) -> int:
    return hire("otto", "operator")


@pytest.fixture
def enter(app: Flask) -> Callable[[int], FlaskClient]:
    """Return a browser in which a colleague has signed in: `enter(otto)`."""

    return partial(cast.desk_of, app)


@pytest.fixture
def desk(ola: int, enter: Callable[[int], FlaskClient]) -> FlaskClient:
    """Ola's browser."""
    return enter(ola)


@pytest.fixture
def mei(stage: Stage) -> int:
    return stage.member("mei")


@pytest.fixture
def mug(stage: Stage) -> Item:
    """Ten mugs at 800 points."""
    return stage.item()


def hire(name: str, *roles: str) -> int:
    """Take a colleague on, with the cast's password."""
    hashed = people.password_hash(cast.PASSWORD)
    with transaction():
        staff_id, token = people.add_staff(
            people.read_email(f"{name}@tessera.example"), name=name.title(), roles=list(roles), by="system", at=NOON
        )
        people.set_staff_password(token, hashed, at=NOON)
    return staff_id


def bought(stage: Stage, member_id: int, item: Item, **options: Any) -> Any:
    """Place an order paid with points at once; returns it."""
    stage.give(member_id, 5_000)
    stage.put_in(member_id, item, **options)
    return stage.place(member_id)
