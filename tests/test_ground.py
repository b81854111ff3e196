"""A test finds nothing of the one before, though both had the same file and the same connections."""

import sqlite3

import pytest
from sqlalchemy import text

from mall.base.db import db, execute, reading, transaction
from mall.domain import audit
from tests.conftest import NOON, build_app, dispose
from tests.ground import Grounds, Kept


@pytest.fixture
def grounds(tmp_path, sqlite_template):
    """A few files of this test's own."""
    grounds = Grounds(tmp_path, sqlite_template)
    yield grounds
    grounds.end()


@pytest.fixture
def in_turn(grounds, tmp_path):
    """Let one test after another do something, each in an app of its own. Returns what they did, and on what."""

    def run(*tests):
        came = []
        for test in tests:
            ground = grounds.take()
            app = build_app(tmp_path, f"sqlite:///{ground.path}", ground=ground)
            with app.app_context():
                came.append((test(), ground, list(ground.all)))
                dispose()
            grounds.leave(ground)
        return came

    return run


def write():
    """Write two entries, and read them back. Returns the ids of the rows."""
    with transaction():
        for kind in ("approval.asked", "approval.given"):
            audit.write(kind, by="staff:1", subject="member:1", at=NOON)
    return read()


def read():
    """Return the ids of all entries."""
    with reading():
        return list(execute(text("SELECT id FROM audit_entry ORDER BY id")).scalars())


def test_rows_are_gone_and_are_numbered_from_the_beginning(in_turn):
    came = in_turn(write, read, write, write, read)
    assert [did for did, _ground, _connections in came] == [[1, 2], [], [1, 2], [1, 2], []]
    assert len({id(ground) for _did, ground, _connections in came}) == 1
    assert came[0][2] == came[-1][2]


def fill(rows):
    """Write entries of two thousand letters. Returns how many there are."""
    with transaction():
        for _each in range(rows):
            audit.write("approval.asked", by="staff:1", subject="member:1", at=NOON, after={"why": "x" * 2_000})
    return len(read())


def whole():
    """Let SQLite look through the whole file. Returns what it says, and the ids of all entries."""
    with reading():
        return execute(text("PRAGMA integrity_check")).scalar_one(), read()


def test_the_file_is_whole_and_many_rows_are_gone(in_turn):
    came = in_turn(lambda: fill(100), whole, write, whole)
    assert [did for did, _ground, _connections in came] == [100, ("ok", []), [1, 2], ("ok", [])]
    assert len({id(ground) for _did, ground, _connections in came}) == 1


def test_a_file_that_has_grown_ends(in_turn):
    (wrote, first, _), (found, second, _) = in_turn(lambda: fill(1_000), whole)
    assert (wrote, found) == (1_000, ("ok", []))
    assert first is not second


def test_a_changed_table_ends_the_file(in_turn):
    def change():
        with transaction() as connection:
            connection.exec_driver_sql("CREATE TABLE another (id INTEGER)")

    def tables():
        with reading():
            return execute(text("SELECT count(*) FROM sqlite_schema WHERE name = 'another'")).scalar_one()

    (_changed, first, _), (found, second, _) = in_turn(change, tables)
    assert (found, first is second, first.path.exists()) == (0, False, False)


@pytest.mark.parametrize("told", ["foreign_keys=OFF", "recursive_triggers=OFF", "ignore_check_constraints=ON"])
def test_a_connection_that_was_told_otherwise_is_not_kept(in_turn, told):
    name = told.partition("=")[0]

    def setting():
        with db.engine.connect() as connection:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()

    def tell():
        with db.engine.connect() as connection:
            connection.connection.driver_connection.execute(f"PRAGMA {told}")

    came = in_turn(setting, tell, setting)
    assert came[0][0] == came[2][0]
    assert len(came[0][2]) == 1
    assert came[0][2] != came[2][2]


def test_every_connection_is_set_as_one_that_is_new(in_turn):
    def settings():
        said = []
        for engine in db.engines.values():
            with engine.connect() as connection:
                said.append([connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("query_only",)])
                said.append(connection.connection.driver_connection.isolation_level)
        return said

    came = in_turn(settings, settings, settings)
    assert came[0][0] == came[1][0] == came[2][0] == [[1], None, [0], None]


def test_a_connection_that_is_still_out_ends_the_file(in_turn):
    out = []

    def keep():
        out.append(db.engine.connect())

    (_kept, first, _), (_read, second, _) = in_turn(keep, read)
    assert first is not second
    out.pop().close()


def test_an_engine_of_another_file_goes_its_own_way(grounds, tmp_path, sqlite_template):
    ground = grounds.take()
    app = build_app(tmp_path, f"sqlite:///{sqlite_template}", ground=ground)
    with app.app_context(), db.engine.connect() as connection:
        assert not isinstance(connection.connection.driver_connection, Kept)
        assert isinstance(connection.connection.driver_connection, sqlite3.Connection)
        assert not ground.all
    with app.app_context():
        dispose()
