"""The limit of the bench writes what placing writes: the same rows in the same tables, and the books stay sound."""

import pytest
from sqlalchemy import func, select

from benchmarks import redeeming, shop
from mall.base.db import db, execute, reading, transaction
from mall.domain import finance
from tests import postgresql


@pytest.mark.postgresql
def test_the_one_function_writes_the_rows_that_placing_writes(postgres: postgresql.Server, tmp_path):
    name = postgres.create()
    url = postgres.url_of(name)
    try:
        with shop.opened(url, tmp_path):
            made = shop.fill()
            ready = shop.fill_baskets(made, shop.copy_member(made, 2))
            with transaction() as connection:
                connection.exec_driver_sql(redeeming.LIMIT)
            before = rows_of_each_table()

        with redeeming.by_the_mall(url, tmp_path) as redeem:
            redeem(ready[0])
            after_the_mall = rows_of_each_table()
        with redeeming.by_one_function(url, tmp_path) as redeem:
            redeem(ready[1])

        with shop.opened(url, tmp_path):
            by_the_mall = difference(before, after_the_mall)
            assert difference(after_the_mall, rows_of_each_table()) == by_the_mall
            assert by_the_mall["orders"] == by_the_mall["posting"] == 1
            assert [result.name for result in finance.prove() if not result.ok] == []
    finally:
        postgres.drop(name)


def rows_of_each_table() -> dict[str, int]:
    with reading():
        return {
            name: execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in db.metadata.tables.items()
        }


def difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: count - before[name] for name, count in after.items() if count != before[name]}
