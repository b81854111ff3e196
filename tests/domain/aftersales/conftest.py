"""After-sales' cast: the same shop, member and mug as checkout's."""

import pytest
from flask import Flask

from tests.stage import Item, Stage, open_shop


@pytest.fixture
def stage(app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def mei(stage: Stage) -> int:
    return stage.member("mei")


@pytest.fixture
def mug(stage: Stage) -> Item:
    """15.90 in cash, 1,590 points, or 600 to 1,500 points and the rest in cash."""
    return stage.mug()
