"""Coupons' cast: an open shop, Mei who is a member, a lamp for 60.00."""

import pytest
from flask import Flask

from mall.domain import catalogue
from tests.stage import Item, Stage, open_shop


@pytest.fixture
def stage(app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def mei(stage: Stage) -> int:
    return stage.member("mei")


@pytest.fixture
def lamp(stage: Stage) -> Item:
    return stage.item("Lamp", prices=(catalogue.cash_price(6_000),))
