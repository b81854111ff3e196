"""One way to write, one way to read: a transaction is whole, is not nested, and a reading cannot write."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from mall.base import db as base_db
from mall.base.db import TransactionTooLong, again, beside, db, execute, in_transaction, reading, transaction


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


def test_a_transaction_that_lived_too_long_is_undone(counter, monkeypatch):
    monkeypatch.setattr(base_db, "LONGEST_TRANSACTION_SECONDS", 0)

    with pytest.raises(TransactionTooLong), transaction():
        execute(text("UPDATE counter SET value = 7"))

    assert value() == 0


@pytest.fixture
def lagging(counter: Flask, make_app) -> Iterator[Flask]:
    """A mall whose replica is as it was before a row was written."""
    here = Path(counter.config["SQLALCHEMY_DATABASE_URI"].removeprefix("sqlite:///"))
    with db.engine.connect() as connection:
        connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    replica = here.with_name("replica.db")
    shutil.copyfile(here, replica)
    app = make_app(SQLALCHEMY_DATABASE_URI=f"sqlite:///{here}", DATABASE_READ_URL=f"sqlite:///{replica}")
    with app.app_context():
        with transaction():
            execute(text("UPDATE counter SET value = 7"))
        yield app


def test_only_what_may_be_old_is_read_from_the_replica(lagging):
    with reading(stale_ok=True):
        assert execute(text("SELECT value FROM counter")).scalar_one() == 0
        assert value() == 7, "a reading inside that must be fresh is fresh"
        assert execute(text("SELECT value FROM counter")).scalar_one() == 0
    assert value() == 7
    with reading(), reading(stale_ok=True):
        assert execute(text("SELECT value FROM counter")).scalar_one() == 7


def test_inside_a_transaction_nothing_is_read_from_the_replica(lagging):
    with transaction(), reading(stale_ok=True, scan=True):
        assert execute(text("SELECT value FROM counter")).scalar_one() == 7


def test_the_replica_cannot_be_written(lagging):
    with pytest.raises(OperationalError, match="readonly"), reading(stale_ok=True):
        execute(text("UPDATE counter SET value = 8"))


def test_what_is_read_beside_is_read_while_the_caller_goes_on(counter):
    begun = threading.Event()

    def read() -> int:
        begun.set()
        return value()

    with reading(), beside(read) as found:
        assert begun.wait(10), "it began though nobody waited for it"
        assert found() == 0


def test_what_is_read_beside_is_read_by_the_same_rules(lagging):
    with reading(stale_ok=True), beside(lambda: execute(text("SELECT value FROM counter")).scalar_one()) as found:
        assert found() == 0
    with reading(), beside(lambda: execute(text("UPDATE counter SET value = 8"))) as written:
        with pytest.raises(OperationalError, match="readonly"):
            written()


def test_what_is_read_beside_within_a_transaction_sees_what_it_wrote(counter):
    with transaction():
        execute(text("UPDATE counter SET value = 3"))
        with beside(value) as found:
            assert found() == 3


def test_where_too_many_read_beside_already_it_is_read_when_waited_for(counter, monkeypatch):
    monkeypatch.setattr(base_db, "_beside", threading.BoundedSemaphore(1))
    read_by = []

    with reading(), beside(lambda: 1), beside(lambda: read_by.append(threading.current_thread())) as found:
        found()
    with reading(), beside(lambda: read_by.append(threading.current_thread())) as found:
        found()

    assert [thread is threading.current_thread() for thread in read_by] == [True, False]


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


def test_a_file_another_process_writes_to_is_tried_again(counter):
    path = counter.config["SQLALCHEMY_DATABASE_URI"].removeprefix("sqlite:///")
    with transaction():
        execute(text("PRAGMA busy_timeout=1"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    tries = []

    def unit() -> None:
        tries.append(1)
        if len(tries) == 2:
            other.rollback()
        with transaction():
            execute(text("UPDATE counter SET value = 5"))

    again(unit)
    other.close()

    assert (len(tries), value()) == (2, 5)


def test_a_lost_race_for_a_key_is_tried_again(counter):
    tries: list[int] = []

    def unit() -> int:
        tries.append(1)
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
