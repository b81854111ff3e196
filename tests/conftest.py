"""The cast and the stage: an app on a database of its own for every test."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from mall import create_app
from mall.base.db import db

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

SETTINGS = {
    "TESTING": True,
    "DEMO": True,
    "SECRET_KEY": "a-secret-for-tests-0123456789-abcdefghij",
    "CASHIER": "sandbox",
    "LOG_FORMAT": "json",
    "SQLITE_SYNCHRONOUS": "OFF",
    "ARGON2_TIME_COST": 1,
    "ARGON2_MEMORY_KIB": 8,
    "PUBLIC_URL": "http://localhost",
    "WTF_CSRF_ENABLED": False,
}


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database with every table, copied for each test."""
    folder = tmp_path_factory.mktemp("template")
    app = build_app(folder, f"sqlite:///{folder / 'mall.db'}")
    with app.app_context():
        db.create_all(bind_key=None)
        dispose()
    return folder / "mall.db"


@pytest.fixture
def make_app(tmp_path: Path, sqlite_template: Path) -> Iterator[Callable[..., Flask]]:
    """Build an app on a fresh database; `make_app(CASHIER="none")` changes settings."""
    made: list[Flask] = []

    def make(**overrides: Any) -> Flask:
        path = tmp_path / f"mall-{len(made)}.db"
        shutil.copyfile(sqlite_template, path)
        app = build_app(tmp_path, f"sqlite:///{path}", **overrides)
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Iterator[Flask]:
    """The mall on a fresh SQLite database, its app context open."""
    app = make_app()
    with app.app_context():
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without script that has not signed in."""
    return app.test_client()


@pytest.fixture
def count_statements(app: Flask) -> Iterator[list[str]]:
    """The SQL statements sent since the list was last cleared."""
    seen: list[str] = []
    engines = list(db.engines.values())

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield seen
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


def build_app(folder: Path, database_url: str, **overrides: Any) -> Flask:
    """Build an app for tests on a database, its files in a folder."""
    return create_app(
        SETTINGS
        | {
            "SQLALCHEMY_DATABASE_URI": database_url,
            "DATABASE_READ_URL": database_url,
            "INSTANCE_DIR": str(folder),
            "UPLOADS_DIR": str(folder / "uploads"),
            "OUTBOX_DIR": str(folder / "outbox"),
        }
        | overrides
    )


def dispose() -> None:
    """Close every connection of the current app."""
    for engine in db.engines.values():
        engine.dispose()
