"""A test on PostgreSQL finds nothing of the one before, though both had the same database and the same connections."""

from copy import copy

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from mall.base.db import db, execute, reading, transaction
from mall.domain import audit
from tests.conftest import NOON, build_app, dispose
from tests.postgresql import plain
from tests.postgresql_ground import CONNECTIONS_KEPT, PAGE_BYTES, Grounds, Kept


@pytest.fixture
def grounds(postgres, postgres_template):
    """A few databases of this test's own."""
    grounds = Grounds(postgres, postgres_template)
    yield grounds
    grounds.end()


@pytest.fixture
def in_turn(grounds, tmp_path):
    """Let one test after another do something, each in an app of its own. Returns what they did, and on what."""

    def run(*tests):
        came = []
        for test in tests:
            ground = grounds.take()
            app = build_app(tmp_path, ground.url, ground=ground)
            with app.app_context():
                came.append((test(), ground, list(ground.all)))
                dispose()
            grounds.leave(ground)
        return came

    return run


def write(rows=2, letters=1):
    """Write entries of so many letters, and read them back. Returns the ids of the rows as they lie there."""
    with transaction():
        for _each in range(rows):
            audit.write("approval.asked", by="staff:1", subject="member:1", at=NOON, after={"why": "x" * letters})
    return read()


def read():
    """Return the ids of all entries as they lie there."""
    return asked("SELECT id FROM audit_entry")


def asked(question):
    """Return the first column of an answer."""
    with reading():
        return list(execute(text(question)).scalars())


def told(*statements):
    """Return what runs statements in a transaction."""

    def tell():
        with transaction() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    return tell


def test_rows_are_gone_and_are_numbered_from_the_beginning(in_turn):
    came = in_turn(write, read, write, write, read)
    assert [did for did, _ground, _connections in came] == [[1, 2], [], [1, 2], [1, 2], []]
    assert len({id(ground) for _did, ground, _connections in came}) == 1
    assert came[0][2] == came[-1][2]


def test_a_number_that_was_given_and_not_used_is_given_again(in_turn):
    def fail():
        with pytest.raises(ZeroDivisionError), transaction():
            audit.write("approval.asked", by="staff:1", subject="member:1", at=NOON)
            _ = 1 / 0

    (_failed, first, _), (wrote, second, _) = in_turn(fail, write)
    assert (wrote, first is second) == ([1, 2], True)


def test_many_rows_are_gone_and_the_next_lie_in_the_order_they_came_in(in_turn):
    def bytes_of_all():
        return asked("SELECT pg_relation_size('audit_entry')")[0]

    came = in_turn(lambda: write(300, letters=1_000), bytes_of_all, *[lambda: write(7)] * 20, bytes_of_all)
    numbers = [did for did, _ground, _connections in came]
    assert numbers[0] == list(range(1, 301))
    assert numbers[1] == 0
    assert numbers[2:-1] == [list(range(1, 8))] * 20
    assert numbers[-1] <= PAGE_BYTES
    assert len({id(ground) for _did, ground, _connections in came}) == 1


def test_what_is_only_added_to_is_guarded_again(in_turn):
    def change():
        write()
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation), transaction() as connection:
            connection.connection.driver_connection.execute("DELETE FROM audit_entry")
        return read()

    came = in_turn(change, change)
    assert [did for did, _ground, _connections in came] == [[1, 2], [1, 2]]
    assert came[0][1] is came[1][1]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE another (id INTEGER)",
        "ALTER TABLE audit_entry ADD COLUMN another INTEGER",
        "DROP TRIGGER audit_entry_append_only ON audit_entry",
        "ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_append_only",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE INDEX another ON audit_entry (at)",
        "ALTER SEQUENCE audit_entry_id_seq INCREMENT BY 2",
        "ANALYZE audit_entry",
    ],
)
def test_another_schema_ends_the_database(in_turn, statement):
    (_changed, first, _), (wrote, second, _) = in_turn(lambda: (write(), told(statement)()), write)
    assert (wrote, first is second) == ([1, 2], False)


def test_another_setting_of_the_database_ends_it(in_turn):
    def change():
        told(f"ALTER DATABASE {db.engine.url.database} SET work_mem = '3MB'")()

    (_changed, first, _), (memory, second, _) = in_turn(change, lambda: asked("SHOW work_mem"))
    assert (memory == ["3MB"], first is second) == (False, False)


@pytest.mark.parametrize(
    "statement",
    [
        "SET work_mem = '3MB'",
        "SET timezone = 'Asia/Shanghai'",
        "SET session_replication_role = replica",
        "SELECT pg_advisory_lock(7)",
        "CREATE TEMPORARY TABLE audit_entry (id INTEGER)",
        "LISTEN somebody",
    ],
)
def test_a_connection_that_was_told_otherwise_is_as_new(in_turn, statement):
    def state():
        with transaction() as connection:
            settings = connection.exec_driver_sql(
                "SELECT name, setting FROM pg_settings WHERE source = 'session' ORDER BY name"
            ).all()
            locks = connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").scalar()
            heard = connection.exec_driver_sql("SELECT pg_listening_channels()").all()
            table = connection.exec_driver_sql("SELECT 'audit_entry'::regclass::oid").scalar()
        return list(map(tuple, settings)), locks, list(heard), table

    came = in_turn(state, told(statement), state)
    assert came[0][0] == came[2][0]
    assert came[0][0][1] == 0


def test_a_connection_that_is_still_out_ends_the_database(in_turn):
    out = []

    def keep():
        out.append(db.engine.connect())

    (_kept, first, _), (_read, second, _) = in_turn(keep, read)
    assert first is not second
    out.pop().close()


def test_a_connection_that_the_server_closed_is_not_kept(in_turn):
    def kill():
        with pytest.raises(OperationalError), db.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
            with psycopg.connect(plain(db.engine.url), autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(%s)", [connection.connection.driver_connection.info.backend_pid]
                )

    came = in_turn(kill, write)
    assert came[1][0] == [1, 2]
    assert not set(came[0][2]) & set(came[1][2])


def test_another_that_is_connected_ends_the_database(in_turn):
    others = []

    def stay():
        others.append(psycopg.connect(plain(db.engine.url)))

    (_stayed, first, _), (wrote, second, _) = in_turn(stay, write)
    assert (wrote, first is second) == ([1, 2], False)
    others.pop().close()


def test_of_many_connections_few_are_kept(in_turn):
    def crowd():
        opened = [db.engine.connect() for _each in range(CONNECTIONS_KEPT + 2)]
        for each in opened:
            each.close()

    (_opened, first, all_of_it), (_wrote, second, _) = in_turn(crowd, read)
    assert first is second
    assert sum(not each.closed for each in all_of_it) <= CONNECTIONS_KEPT


def test_a_template_with_rows_is_copied_for_every_test(postgres, postgres_template, grounds, in_turn, tmp_path):
    grounds.template = postgres.create(postgres_template)
    app = build_app(tmp_path, postgres.url_of(grounds.template))
    with app.app_context():
        write()
        dispose()
    (found, first, _), (again, second, _) = in_turn(read, read)
    assert (found, again, first is second) == ([1, 2], [1, 2], False)
    postgres.drop(grounds.template)


def test_who_may_not_pass_the_guards_has_a_copy_for_every_test(postgres, grounds, in_turn):
    with psycopg.connect(plain(postgres.url), autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        grounds.server = copy(postgres)
        grounds.server.url = postgres.url.set(username="guest", password="guest")
        (_read, first, _), (_again, second, _) = in_turn(lambda: asked("SELECT 1"), lambda: asked("SELECT 1"))
        connection.execute("DROP ROLE guest")
    assert first is not second


def test_an_engine_of_another_database_goes_its_own_way(grounds, postgres, postgres_template, tmp_path):
    ground, name = grounds.take(), postgres.create(postgres_template)
    app = build_app(tmp_path, postgres.url_of(name), ground=ground)
    with app.app_context():
        with db.engine.connect() as connection:
            assert not isinstance(connection.connection.driver_connection, Kept)
        assert not ground.all
        dispose()
    postgres.drop(name)
    grounds.leave(ground)
