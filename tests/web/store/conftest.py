"""The store's cast at the till: a shop set up, Mei with an address signed in, a mug sold in three ways, a gift."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mall.base.clock import moved_to
from tests.stage import NOON, Item, Stage, open_shop
from tests.web.store.till import Till, signed_in


@pytest.fixture(autouse=True)
def noon() -> Any:
    """It is noon of 2 March 2026."""
    with moved_to(NOON):
        yield


@pytest.fixture
def stage(app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def mei(stage: Stage) -> int:
    """A member with an address."""
    member_id = stage.member("mei")
    stage.settle_down(member_id)
    return member_id


@pytest.fixture
def tom(stage: Stage) -> int:
    return stage.member("tom")


@pytest.fixture
def mug(stage: Stage) -> Item:
    """15.90 in cash, 1,590 points, or 600 to 1,500 points and the rest in cash."""
    return stage.mug()


@pytest.fixture
def gift(stage: Stage) -> Item:
    """800 points."""
    return stage.item("Pressed-flower card")


@pytest.fixture
def enter(app: Flask) -> Callable[..., FlaskClient]:
    """Return a browser in which a member has signed in: `enter(mei)`."""

    return partial(signed_in, app)


@pytest.fixture
def till(stage: Stage, mei: int, enter: Callable[..., FlaskClient]) -> Till:
    """Mei's browser at the till."""
    return Till(enter(mei), stage, mei)


@pytest.fixture
def pickup(app: Flask) -> Stage:
    """A shop where items can be fetched, too; nobody's address is known."""
    return open_shop(
        shipping_methods=[
            {"key": "parcel", "name": {"en": "Parcel"}, "price_cents": 490, "free_from_cents": None, "kind": "parcel"},
            {"key": "shop", "name": {"en": "Pick up"}, "price_cents": 0, "free_from_cents": None, "kind": "pickup"},
        ]
    )
