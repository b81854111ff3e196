"""On PostgreSQL as on SQLite: a transaction is whole, a reading cannot write, and a lost race is run again."""

import threading

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError, OperationalError

from mall.base.db import (
    LONGEST_TRANSACTION_SECONDS,
    READING,
    again,
    db,
    execute,
    reading,
    take_longer,
    transaction,
)
from tests.threads import errors, race


@pytest.fixture
def counters(postgres_app: Flask) -> Flask:
    with transaction():
        execute(text("CREATE TABLE counter (name TEXT PRIMARY KEY, value BIGINT NOT NULL)"))
        execute(text("INSERT INTO counter VALUES ('one', 0), ('two', 0)"))
    return postgres_app


def value(name: str = "one") -> int:
    with reading():
        return execute(text("SELECT value FROM counter WHERE name = :name"), {"name": name}).scalar_one()


def add_one(name: str) -> None:
    execute(text("UPDATE counter SET value = value + 1 WHERE name = :name"), {"name": name})


def test_a_transaction_that_fails_leaves_nothing(counters):
    with pytest.raises(ZeroDivisionError), transaction():
        add_one("one")
        _ = 1 / 0

    assert value() == 0


def test_a_reading_cannot_write(counters):
    with pytest.raises(InternalError, match="read-only"), reading():
        add_one("one")

    assert value() == 0


def test_a_reading_sees_what_was_committed_meanwhile(counters):
    with reading():
        assert execute(text("SELECT value FROM counter WHERE name = 'one'")).scalar_one() == 0
        assert race(counters, [lambda: in_a_transaction("one")]) == [None]
        assert execute(text("SELECT value FROM counter WHERE name = 'one'")).scalar_one() == 1


def in_a_transaction(name: str) -> None:
    with transaction():
        add_one(name)


def test_every_connection_knows_how_long_to_wait(counters):
    expected = {
        "lock_timeout": "3s",
        "statement_timeout": "10s",
        "idle_in_transaction_session_timeout": "15s",
        "TimeZone": "UTC",
    }
    for opened in (transaction, reading):
        with opened():
            assert {name: execute(text(f"SHOW {name}")).scalar_one() for name in expected} == expected


def test_a_scan_may_take_longer_and_only_a_scan(counters):
    def allowed() -> str:
        return execute(text("SHOW statement_timeout")).scalar_one()

    with reading():
        with reading(scan=True):
            assert allowed() == "10min"
            with reading():
                assert allowed() == "10min"
        assert allowed() == "10s"
    with db.engines[READING].connect() as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "10s"
    with transaction():
        take_longer()
        assert allowed() == f"{LONGEST_TRANSACTION_SECONDS}s"
    with transaction():
        assert allowed() == "10s"


def test_a_lock_that_does_not_come_free_is_given_up(counters):
    with counters.app_context(), db.engine.connect() as holder, holder.begin():
        holder.execute(text("UPDATE counter SET value = 9 WHERE name = 'one'"))
        with pytest.raises(OperationalError) as refused, transaction():
            execute(text("SET LOCAL lock_timeout = '50ms'"))
            add_one("one")

    assert isinstance(refused.value.orig, psycopg.errors.LockNotAvailable)


def crossing(meet: threading.Barrier, first: str, second: str) -> int:
    """Add one to two counters in an order, meeting the other thread in between the first time. Returns the tries."""
    tries = 0

    def unit() -> int:
        nonlocal tries
        tries += 1
        with transaction():
            add_one(first)
            if tries == 1:
                meet.wait(10)
            add_one(second)
        return tries

    return again(unit)


@pytest.mark.concurrency
def test_a_deadlock_is_run_again_until_both_are_through(counters):
    meet = threading.Barrier(2)

    outcomes = race(counters, [lambda: crossing(meet, "one", "two"), lambda: crossing(meet, "two", "one")])

    assert sorted(outcomes) == [1, 2]
    assert (value("one"), value("two")) == (2, 2)


@pytest.mark.concurrency
def test_without_again_one_of_the_two_is_lost(counters):
    meet = threading.Barrier(2)

    def once(first: str, second: str) -> None:
        with transaction():
            add_one(first)
            meet.wait(10)
            add_one(second)

    outcomes = race(counters, [lambda: once("one", "two"), lambda: once("two", "one")])

    assert [type(error.orig) for error in errors(outcomes)] == [psycopg.errors.DeadlockDetected]
    assert (value("one"), value("two")) == (1, 1)


@pytest.mark.concurrency
def test_a_lost_race_for_a_key_finds_what_the_winner_wrote(counters):
    meet = threading.Barrier(2)

    def once() -> str:
        met = False

        def unit() -> str:
            nonlocal met
            with transaction():
                if execute(text("SELECT 1 FROM counter WHERE name = 'new'")).first():
                    return "found"
                if not met:
                    met = True
                    meet.wait(10)
                execute(text("INSERT INTO counter VALUES ('new', 1)"))
                return "made"

        return again(unit)

    assert sorted(race(counters, [once, once])) == ["found", "made"]


def test_a_broken_rule_of_the_database_is_not_run_again(counters):
    tries: list[int] = []

    def unit() -> None:
        tries.append(1)
        with transaction():
            execute(text("INSERT INTO counter VALUES ('other', NULL)"))

    with pytest.raises(IntegrityError):
        again(unit)
    assert len(tries) == 1


def test_a_fault_that_stays_is_raised_after_the_last_try(counters):
    tries: list[int] = []

    def unit() -> None:
        tries.append(1)
        with transaction():
            execute(text("INSERT INTO counter VALUES ('one', 1)"))

    with pytest.raises(DBAPIError, match="counter_pkey"):
        again(unit)
    assert len(tries) == 4


def hang_up_all() -> None:
    """End every connection to this database but one's own, as a failover does."""
    url = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_after_a_failover_the_first_reading_and_the_first_transaction_find_the_new_server(counters):
    with transaction():
        add_one("one")
    assert value() == 1
    hang_up_all()

    assert value() == 1
    with transaction():
        add_one("one")
    assert value() == 2


def test_a_connection_still_there_is_not_asked_and_not_made_anew(counters):
    def backends() -> set[int]:
        with reading():
            return {execute(text("SELECT pg_backend_pid()")).scalar_one()}

    assert backends() == backends()
