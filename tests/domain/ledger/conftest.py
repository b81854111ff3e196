"""The cast of the ledger: Mei and Tom, members with empty purses, on each database in turn.

The ledger's many small tests share one PostgreSQL database, emptied before each, since making one takes longer than
the test.
"""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import text

from mall.base.db import db, execute, reading, transaction
from mall.domain import ledger
from tests import postgresql
from tests.conftest import build_app, dispose

from .steps import new_member

TABLES = ("position", "posting", "lot", "purse", "member")


@pytest.fixture(scope="session")
def shared_postgres_app(
    postgres: postgresql.Server, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """The mall on a PostgreSQL database that the ledger's tests share."""
    name = postgres.create(postgres_template)
    app = build_app(tmp_path_factory.mktemp("ledger"), postgres.url_of(name))
    yield app
    with app.app_context():
        dispose()
    postgres.drop(name)


@pytest.fixture
def emptied_postgres_app(shared_postgres_app: Flask) -> Iterator[Flask]:
    """The mall on PostgreSQL without a member, its app context open."""
    with shared_postgres_app.app_context():
        empty()
        yield shared_postgres_app


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest) -> Flask:
    """The mall without a member, its app context open: the test runs on SQLite, then on PostgreSQL."""
    return request.getfixturevalue("app" if request.param == "sqlite" else "emptied_postgres_app")


@pytest.fixture
def mei(either: Flask) -> int:
    """A member with an empty purse."""
    return new_member("mei")


@pytest.fixture
def tom(either: Flask) -> int:
    """Another member with an empty purse."""
    return new_member("tom")


@pytest.fixture(autouse=True)
def proven(request: pytest.FixtureRequest) -> Iterator[None]:
    """Prove the ledger after every test that had a database, unless it breaks the books on purpose."""
    proves = "either" in request.fixturenames and not request.node.get_closest_marker("breaks_the_books")
    if proves:
        request.getfixturevalue("either")
    yield
    if proves:
        assert broken() == []


def broken() -> list[str]:
    """Return the names of the ledger's checks that find a row."""
    with reading():
        return [check.name for check in ledger.checks() if execute(check.breaks).first() is not None]


def empty() -> None:
    """Take every row out of the ledger's tables, past the guards, and count from 1 again. PostgreSQL only."""
    with transaction():
        execute(text("SET LOCAL session_replication_role = 'replica'"))
        for table in TABLES:
            execute(text(f"DELETE FROM {db.metadata.tables[table].name}"))  # noqa: S608 - Our own names.
        for table in ("posting", "lot", "member"):
            execute(text(f"ALTER SEQUENCE {table}_id_seq RESTART"))
