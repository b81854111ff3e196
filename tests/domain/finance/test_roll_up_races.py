"""However many workers add days up at once, each day is added up once."""

import pytest
from sqlalchemy import func, select

from mall.base.db import execute, reading
from mall.domain import finance
from tests.threads import race

from .conftest import APRIL, open_books, quarter


@pytest.mark.concurrency
def test_four_workers_at_once(postgres_app):
    books = quarter(open_books())

    outcomes = race(postgres_app, [lambda: finance.roll_up(books.terms, APRIL)] * 4, threads=4)

    assert all(isinstance(days, int) for days in outcomes), outcomes
    assert sum(outcomes) == 90
    with reading():
        assert execute(select(func.count()).select_from(finance.RolledDay)).scalar_one() == 90
        assert all(execute(check.breaks).first() is None for check in finance.checks())
