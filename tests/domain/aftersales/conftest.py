"""After-sales' cast: the same shop, member and mug as checkout's."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from mall.base.db import db
from mall.domain import catalogue
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
    return stage.item(
        prices=(
            catalogue.cash_price(1_590),
            catalogue.points_price(1_590),
            catalogue.mix_price(1_590, least=600, most=1_500, step=100),
        )
    )


@pytest.fixture
def count_statements_of() -> Callable[[], AbstractContextManager[list[str]]]:
    """Return how to note the statements of a block, on whatever database is open."""

    @contextmanager
    def noting() -> Iterator[list[str]]:
        seen: list[str] = []
        engines = list(db.engines.values())

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            seen.append(statement)

        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            for engine in engines:
                event.remove(engine, "before_cursor_execute", note)

    return noting
