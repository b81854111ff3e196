"""One way to write, one way to read: a transaction is whole, is not nested, and a reading cannot write."""

import threading
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from mall.base.db import again, db, execute, in_transaction, reading, transaction


@pytest.fixture
def counter(app: Flask) -> Flask:
    with transaction():
        execute(text("CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL)"))
        execute(text("INSERT INTO counter VALUES ('only', 0)"))
    return app


def value() -> int:
    with reading():
        return execute(text("SELECT value FROM counter")).scalar_one()


def test_a_transaction_that_fails_leaves_nothing(counter):
    with pytest.raises(ZeroDivisionError), transaction():
        execute(text("UPDATE counter SET value = 7"))
        _ = 1 / 0

    assert value() == 0


def test_a_transaction_is_not_nested(app):
    with transaction(), pytest.raises(RuntimeError, match="inside"):
        with transaction():
            pass


def test_statements_need_a_transaction_or_a_reading(app):
    with pytest.raises(RuntimeError, match="outside"):
        execute(text("SELECT 1"))
    assert not in_transaction()


def test_a_reading_cannot_write(counter):
    with reading(), pytest.raises(OperationalError, match="readonly"):
        execute(text("UPDATE counter SET value = 7"))

    assert value() == 0


def test_a_reading_inside_a_transaction_sees_what_it_wrote(counter):
    with transaction():
        execute(text("UPDATE counter SET value = 3"))
        with reading():
            assert execute(text("SELECT value FROM counter")).scalar_one() == 3


def test_writers_of_one_process_take_turns(counter):
    def add_one() -> None:
        with counter.app_context():
            for _turn in range(20):
                with transaction():
                    seen = execute(text("SELECT value FROM counter")).scalar_one()
                    execute(text("UPDATE counter SET value = :value"), {"value": seen + 1})

    threads = [threading.Thread(target=add_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert value() == 160


def test_a_lost_race_for_a_key_is_tried_again(counter):
    tries: list[datetime] = []

    def unit() -> int:
        tries.append(datetime.now(UTC))
        with transaction():
            if len(tries) == 1:
                execute(text("INSERT INTO counter VALUES ('only', 1)"))
            return execute(text("SELECT value FROM counter")).scalar_one()

    assert again(unit) == 0
    assert len(tries) == 2


def test_a_broken_rule_of_the_database_is_not_tried_again(counter):
    tries: list[int] = []

    def unit() -> None:
        tries.append(1)
        with transaction():
            execute(text("INSERT INTO counter VALUES ('other', NULL)"))

    with pytest.raises(DBAPIError):
        again(unit)
    assert len(tries) == 1
    assert db.engine.dialect.name == "sqlite"
