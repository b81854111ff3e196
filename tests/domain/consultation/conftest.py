"""A shop set up, Mei, Tom who is new, and a mug to ask about."""

import pytest

from tests.stage import open_shop


@pytest.fixture
def stage(app):
    return open_shop()


@pytest.fixture
def mei(stage):
    return stage.member("mei")


@pytest.fixture
def tom(stage):
    return stage.member("tom")


@pytest.fixture
def mug(stage):
    return stage.item()
