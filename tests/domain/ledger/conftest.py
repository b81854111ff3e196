"""The cast of the ledger: Mei and Tom, members with empty purses, on each database in turn.

The ledger's many small tests share two databases, emptied before each, since making one takes longer than the test.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests import postgresql

from .stages import Stage, on_postgresql, on_sqlite
from .steps import broken, new_member


@pytest.fixture(scope="session")
def sqlite_stage(sqlite_template: Path) -> Iterator[Stage]:
    """The mall on a SQLite database in memory, if there is a file system in memory."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield from on_sqlite(Path(folder), sqlite_template)


@pytest.fixture(scope="session")
def postgresql_stage(
    postgres: postgresql.Server, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """The mall on a PostgreSQL database that the ledger's tests share."""
    name = postgres.create(postgres_template)
    yield from on_postgresql(tmp_path_factory.mktemp("ledger"), postgres.url_of(name))
    postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest) -> Iterator[Flask]:
    """The mall without a member, its app context open: the test runs on SQLite, then on PostgreSQL."""
    stage: Stage = request.getfixturevalue(f"{request.param}_stage")
    with stage.app.app_context():
        stage.empty()
        yield stage.app


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
