"""The cast and the stage: an app on a database of its own for every test.

`app` is the mall on SQLite, `postgres_app` on PostgreSQL, `either` runs the test once on each. After a test that
wrote, the proof runs on every database it made; `@pytest.mark.breaks_the_books` is for tests that break them on
purpose.
"""

import atexit
import gc
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime
from functools import cache, partial, wraps
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, has_app_context
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.routing import Map, Rule, RuleFactory

from mall import create_app
from mall.base.db import db, dialect
from mall.base.proof import Check
from mall.domain import cash, catalogue, finance, ledger, people, programme
from mall.domain.finance import proof_board
from mall.web.shared.quick import App
from tests import cast, postgresql, postgresql_ground
from tests.ground import Ground, Grounds, make_room
from tests.sound import all_sound

# Whose checks are asked where a room is tested by itself.
ALONE = (programme, ledger, catalogue, cash, people)
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
    "STAFF_TOTP_WAIVED": True,
}


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database with every table, copied for each test."""
    folder = tmp_path_factory.mktemp("template")
    app = build_app(folder, f"sqlite:///{folder / 'mall.db'}")
    with app.app_context():
        db.create_all(bind_key=None)
        dispose()
    make_room(folder / "mall.db")
    return folder / "mall.db"


@pytest.fixture(scope="session")
def grounds(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    """Where the tests' SQLite databases stand."""
    grounds = Grounds(tmp_path_factory.mktemp("grounds"), sqlite_template)
    yield grounds
    grounds.end()


@pytest.fixture
def make_app(request: pytest.FixtureRequest, tmp_path: Path, grounds: Grounds) -> Iterator[Callable[..., Flask]]:
    """Build an app on a fresh database; `make_app(CASHIER="none")` changes settings."""
    made: list[tuple[Flask, Ground]] = []

    def make(**overrides: Any) -> Flask:
        ground = grounds.take()
        app = build_app(tmp_path, f"sqlite:///{ground.path}", ground=ground, **overrides)
        made.append((app, ground))
        return app

    yield make
    try:
        for app, _ground in made:
            prove_what_was_written(app, request)
    finally:
        for app, _ground in made:
            with app.app_context():
                dispose()
        for _app, ground in made:
            grounds.leave(ground)


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
def shop(app: Flask) -> programme.Programme:
    """The shop, set up a year ago."""
    return cast.open_shop(at=NOON)


@pytest.fixture
def mei(app: Flask, shop: programme.Programme) -> int:
    """A member, verified, with nothing in her purse. Her password is cast.PASSWORD."""
    return cast.join("mei", at=NOON, terms=shop)


@pytest.fixture
def tom(app: Flask, shop: programme.Programme) -> int:
    """Another member."""
    return cast.join("tom", at=NOON, terms=shop)


@pytest.fixture
def ops(app: Flask, shop: programme.Programme) -> int:
    """Ola, an operator."""
    return cast.hire("ola", at=NOON)


@pytest.fixture
def fin(app: Flask, shop: programme.Programme) -> int:
    """Finn of finance."""
    return cast.hire("finn", at=NOON)


@pytest.fixture
def adm(app: Flask, shop: programme.Programme) -> int:
    """Ada, an administrator."""
    return cast.hire("ada", at=NOON)


@pytest.fixture
def sign_in() -> Callable[..., Any]:
    """Sign a member in by the form: `sign_in(client, mei)`."""
    return cast.sign_in


@pytest.fixture
def sign_in_staff() -> Callable[..., Any]:
    """Sign one of the staff in by the form: `sign_in_staff(client, ops)`."""
    return cast.sign_in_staff


@pytest.fixture
def count_statements(app: Flask) -> Iterator[list[str]]:
    """The SQL statements sent since the list was last cleared."""
    with noted_statements() as seen:
        yield seen


@contextmanager
def noted_statements() -> Iterator[list[str]]:
    """Note the SQL statements that are sent to the database of the current app, whichever it is."""
    seen: list[str] = []
    engines = list(db.engines.values())

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


@cache
def compiled_templates() -> str:
    """Return the folder where all apps of this run keep their compiled templates: they are the same for all."""
    folder = tempfile.mkdtemp(prefix="mall-compiled-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def build_app(
    folder: Path, database_url: str, *, ground: Ground | postgresql_ground.Ground | None = None, **overrides: Any
) -> Flask:
    """Build an app for tests on a database, its files in a folder; where it is a ground's file, it connects there."""
    app = create_app(
        SETTINGS
        | {
            "SQLALCHEMY_DATABASE_URI": database_url,
            "DATABASE_READ_URL": database_url,
            "INSTANCE_DIR": str(folder),
            "UPLOADS_DIR": str(folder / "uploads"),
            "OUTBOX_DIR": str(folder / "outbox"),
            "COMPILED_DIR": compiled_templates(),
        }
        | overrides
    )
    app.test_client_class = Browser
    watch_for_writes(app)
    if ground:
        with app.app_context():
            for bind, engine in db.engines.items():
                ground.stand(bind, engine)
    share_compiled_statements(app)
    return app


class Browser(FlaskClient):
    """A browser. Each request has an app context of its own, as at work; else it would find the last one's `g`."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request."""
        with self.application.app_context():
            return super().open(*args, **kwargs)


def dispose() -> None:
    """Close every connection of the current app."""
    for engine in db.engines.values():
        engine.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgresql.Server]:
    """A running PostgreSQL. Where there is none the test is left out and named at the end; with CI=true it fails."""
    server = postgresql.running()
    try:
        entered = server.__enter__()
    except postgresql.CannotRun as reason:
        could_not_run(str(reason))
    yield entered
    server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def postgres_template(postgres: postgresql.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty PostgreSQL database with every table, of which the tests' are copies."""
    name = postgres.create()
    app = build_app(tmp_path_factory.mktemp("template"), postgres.url_of(name))
    with app.app_context():
        db.create_all(bind_key=None)
        dispose()
    yield name
    postgres.drop(name)


@pytest.fixture(scope="session")
def postgres_grounds(postgres: postgresql.Server, postgres_template: str) -> Iterator[postgresql_ground.Grounds]:
    """Where the tests' PostgreSQL databases stand."""
    grounds = postgresql_ground.Grounds(postgres, postgres_template)
    yield grounds
    grounds.end()


@pytest.fixture
def make_postgres_app(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    postgres: postgresql.Server,
    postgres_template: str,
    postgres_grounds: postgresql_ground.Grounds,
) -> Iterator[Callable[..., Flask]]:
    """Build an app on an empty PostgreSQL database; settings change as with `make_app`.

    What a server counts of a database, such as deadlocks, begins anew with a copy only, and is told when connections
    are closed indeed: the mark `fresh_copy` asks for both.
    """
    made: list[tuple[Flask, Callable[[], None]]] = []

    def make(**overrides: Any) -> Flask:
        if request.node.get_closest_marker("fresh_copy"):
            name = postgres.create(postgres_template)
            made.append((build_app(tmp_path, postgres.url_of(name), **overrides), partial(postgres.drop, name)))
        else:
            ground = postgres_grounds.take()
            app = build_app(tmp_path, ground.url, ground=ground, **overrides)
            made.append((app, partial(postgres_grounds.leave, ground)))
        return made[-1][0]

    yield make
    try:
        for app, _leave in made:
            prove_what_was_written(app, request)
    finally:
        for app, _leave in made:
            with app.app_context():
                dispose()
        for _app, leave in made:
            leave()


@pytest.fixture
def postgres_app(make_postgres_app: Callable[..., Flask]) -> Iterator[Flask]:
    """The mall on a fresh PostgreSQL database, its app context open."""
    app = make_postgres_app()
    with app.app_context():
        yield app


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest) -> Flask:
    """The mall on a fresh database, its app context open: the test runs on SQLite, then on PostgreSQL."""
    return request.getfixturevalue("app" if request.param == "sqlite" else "postgres_app")


_compiled: dict[tuple[str, str | None], tuple[Any, Any]] = {}


def share_compiled_statements(app: Flask) -> None:
    """Let the engines of all tests share what SQLAlchemy compiled, or every test would compile every statement anew.

    It keeps compiled statements by the engine and its dialect object; both are alike for every engine of a bind.
    """
    with app.app_context():
        for bind, engine in db.engines.items():
            mine = (engine.dialect, engine._compiled_cache)
            shared, statements = _compiled.setdefault((engine.dialect.name, bind), mine)
            statements.capacity = 10_000
            engine.dialect = engine.pool._dialect = shared
            engine._compiled_cache = statements


def watch_for_writes(app: Flask) -> None:
    """Remember in the app whether a row was written."""
    wrote = app.extensions["wrote"] = set[str]()

    # It must not hold the app: the engines are kept for as long as their app lives.
    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if (verb := statement.lstrip()[:6].upper()) in ("INSERT", "UPDATE", "DELETE"):
            wrote.add(verb)

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)


def prove_what_was_written(app: Flask, request: pytest.FixtureRequest) -> None:
    """Run the proof on an app's database if the test wrote to it. Fails naming what is broken.

    A room by itself (the mark `alone`) moves points and goods for orders that no other room knows of: what the rooms
    above say of those is not asked.
    """
    if not app.extensions["wrote"] or request.node.get_closest_marker("breaks_the_books"):
        return
    rooms = tuple(ALONE if request.node.get_closest_marker("alone") else proof_board.ROOMS)
    with app.app_context():
        if all_sound(rooms):
            return
        asked = {check.name for room in rooms for check in room.checks()}
        broken = [result for result in finance.prove() if not result.ok and result.name in asked]
    lines = [f"{result.name}: {result.rows} rows, such as {result.examples}" for result in broken]
    pytest.fail("the books are broken after this test:\n" + "\n".join(lines), pytrace=False)


class Addresses(Map):
    """The addresses of an app. They are put together when one is first looked for, and shared by apps with the same.

    Every test's app has the same three hundred, and to put them together took longer than all else of it. One that
    is added later, by a test, is its own app's alone.
    """

    put_together: dict[tuple[Any, ...], Map] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.waiting: list[RuleFactory] = []
        self.whole: Map | None = None
        super().__init__(*args, **kwargs)
        del self._matcher, self._rules_by_endpoint  # From now on they are those of the whole.

    def add(self, rulefactory: RuleFactory) -> None:
        """Add an address, or what makes several."""
        self.waiting.append(rulefactory)
        self.whole = None

    def __getattr__(self, name: str) -> Any:
        if name not in ("_matcher", "_rules_by_endpoint"):
            raise AttributeError(name)
        if self.whole is None:
            rules = [rule for each in self.waiting for rule in each.get_rules(self)]
            key = (self.host_matching, *self.converters.items(), *map(told_by, rules))
            if key not in self.put_together:
                self.put_together[key] = Map(
                    [rule_like(rule) for rule in rules], converters=self.converters, host_matching=self.host_matching
                )
            self.whole = self.put_together[key]
        self.whole.update()
        return getattr(self.whole, name)

    def update(self) -> None:
        """Bring the addresses into the order they are tried in: that is done where they are put together."""


def told_by(rule: Rule) -> tuple[Any, ...]:
    """Return what tells an address from every other: all it was made of."""
    place = (rule.rule, rule.subdomain, rule.host, rule.alias, rule.strict_slashes, rule.merge_slashes)
    options = getattr(rule, "provide_automatic_options", None)
    asked = (frozenset(rule.methods or ()), options, rule.websocket, rule.build_only)
    return (*place, *asked, rule.endpoint, rule.redirect_to, repr(rule.defaults))


def rule_like(rule: Rule) -> Rule:
    """Return an address like this one that can be in another map."""
    like = copy(rule)
    like.arguments = set(rule.arguments)
    return like


App.url_map_class = Addresses


def remember_checks() -> None:
    """Let a room write its questions once for a database: they are the same, and dozens of tests ask them."""
    for room in proof_board.ROOMS:
        room.checks = written_once(room.checks)  # type: ignore[attr-defined]


def written_once(checks: Callable[[], list[Check]]) -> Callable[[], list[Check]]:
    """Return what writes these questions only if it has not for the database in use."""
    written: dict[str, list[Check]] = {}

    @wraps(checks)
    def of_the_database() -> list[Check]:
        name = dialect() if has_app_context() else ""
        if name not in written:
            written[name] = checks()
        return list(written[name])

    return of_the_database


remember_checks()


def could_not_run(reason: str) -> None:
    """Leave the test out because something is missing on this machine; with CI=true that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI leaves nothing out, but could not run: {reason}", pytrace=False)
    pytest.skip(f"could not run: {reason}")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "breaks_the_books: breaks an invariant on purpose; the proof is not run after it"
    )


def pytest_collection_finish() -> None:
    """Let Python no longer look for garbage among all that was imported and collected, and look less often.

    Each look took a second, and a tenth of all time went there.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs PostgreSQL or a browser by the fixtures it takes, so that parts of the suite can be chosen."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        fixtures = getattr(item, "fixturenames", ())
        on_postgresql = callspec is not None and callspec.params.get("either") == "postgresql"
        if on_postgresql or "postgres" in fixtures:
            item.add_marker(pytest.mark.postgresql)
        if "browser" in Path(item.path).parts:
            item.add_marker(pytest.mark.browser)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List what could not be run here, and why."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason.removeprefix("Skipped: ")] += 1
    for reason, count in reasons.items():
        terminalreporter.write_line(
            f"{count} tests {reason}" if "could not run" in reason else f"{count} left out: {reason}"
        )
