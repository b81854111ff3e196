"""The mall on a database that can be emptied in a moment, so that many examples share it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from sqlalchemy import text

from mall.base.db import execute, transaction
from tests.conftest import build_app, dispose
from tests.ground import Ground

# What the ledger's tests write to.
TABLES = ("position", "posting", "lot", "purse", "notice", "token", "member")


@dataclass(frozen=True)
class Stage:
    """An app, and what empties its database; both to be used in the app's context."""

    app: Flask
    empty: Callable[[], None]


def on_sqlite(folder: Path, template: Path) -> Iterator[Stage]:
    """Set up the mall on a SQLite file; emptying it is copying the empty one again."""
    ground = Ground(folder / "mall.db", template)
    app = build_app(folder, f"sqlite:///{ground.path}", ground=ground)

    def empty() -> None:
        dispose()
        assert ground.is_empty_again()

    yield Stage(app, empty)
    with app.app_context():
        dispose()
    ground.end()


def on_postgresql(folder: Path, url: str) -> Iterator[Stage]:
    """Set up the mall on a PostgreSQL database; emptying it goes past the guards, as only its owner can."""
    app = build_app(folder, url)

    def empty() -> None:
        with transaction():
            execute(text("SET LOCAL session_replication_role = 'replica'"))
            for table in TABLES:
                execute(text(f"DELETE FROM {table}"))  # noqa: S608 - Our own names.
            for table in ("posting", "lot", "member"):
                execute(text(f"ALTER SEQUENCE {table}_id_seq RESTART"))

    yield Stage(app, empty)
    with app.app_context():
        dispose()
