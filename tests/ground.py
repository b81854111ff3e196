"""Where the tests' SQLite databases stand: a file that was left is made empty again and used by the next test.

To open a new file costs as much as most tests do with it: SQLite reads and understands every table and trigger anew,
for the connection that writes and the one that reads, and every statement. Here the file gets the empty one's bytes
back, and the connections that were open stay so and keep what they have understood. They drop every row they have
seen since the log of the file has moved on. Whatever is not certain - a table that was changed, a connection that is
still out, a reader in another process - ends the file: the next test has a new one.
"""

import contextlib
import os
import sqlite3
from collections import defaultdict
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

STATEMENTS_KEPT = 2_000
ROOM_BYTES = 1_000_000
SETTINGS = (
    "foreign_keys",
    "recursive_triggers",
    "query_only",
    "synchronous",
    "busy_timeout",
    "ignore_check_constraints",
    "defer_foreign_keys",
    "read_uncommitted",
    "writable_schema",
)


class Kept(sqlite3.Connection):
    """A connection that is kept when it is closed. SQLAlchemy closes it when a test has ended."""

    ground: "Ground | None" = None
    # While an engine makes it ready it is not told again what it was told before: SQLite would forget all statements.
    is_ready = False
    settings: tuple[Any, ...] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.told: set[str] = set()

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        """Run a statement."""
        return super().execute("SELECT 1 WHERE 0" if self._was_told(sql) else sql, *args)

    def create_function(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Teach it a function."""
        if not self._was_told(name):
            super().create_function(name, *args, **kwargs)

    def be_ready(self) -> None:
        """Do as told from now on: the engine has told it all."""
        self.is_ready = True
        self.settings = self.settings or self._settings_now()

    def close(self) -> None:
        """Lay the connection aside for the next test, unless this one has told it to behave otherwise."""
        if self.ground is None:
            super().close()
        elif self not in self.ground.free[self.bind]:
            self.rollback()
            self.row_factory, self.text_factory = None, str
            self.set_trace_callback(None)
            self.set_authorizer(None)
            self.set_progress_handler(None, 0)
            self.is_ready = False
            if self._settings_now() == self.settings:
                self.ground.free[self.bind].append(self)
            else:
                self.ground.all.remove(self)
                self.end()

    def log_is_emptied(self) -> bool:
        """Write what stands in the file's log into the file. Tells whether that could be done."""
        return bool(super().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)

    def end(self) -> None:
        """Close it indeed."""
        self.ground = None
        super().close()

    def stand_on(self, ground: "Ground", bind: str | None) -> None:
        """Be one of a ground's connections, for engines of a bind."""
        self.ground, self.bind = ground, bind
        ground.all.append(self)

    def _was_told(self, what: str) -> bool:
        if self.is_ready or what in self.told:
            return not self.is_ready
        self.told.add(what)
        return False

    def _settings_now(self) -> tuple[Any, ...]:
        return tuple(super(Kept, self).execute(f"PRAGMA {name}").fetchone() for name in SETTINGS)


class Ground:
    """A SQLite file, a copy of an empty one, and the connections to it."""

    def __init__(self, path: Path, empty: Path) -> None:
        self.path = path
        self.free: dict[str | None, list[Kept]] = defaultdict(list)
        self.all: list[Kept] = []
        self._bytes = empty.read_bytes()
        path.write_bytes(self._bytes)
        # Held as long as there are connections: to close it would let go of the locks that they have on the file.
        self._file = os.open(path, os.O_RDWR)
        self._version = self._ask("PRAGMA schema_version")

    def stand(self, bind: str | None, engine: Engine) -> None:
        """Let an engine connect to this file here. An engine of another file goes its own way."""

        def connect(_dialect: Any, _record: Any, args: list[Any], kwargs: dict[str, Any]) -> Kept | None:
            return self._connect(bind, *args, **kwargs) if list(args) == [str(self.path)] else None

        def is_told(connection: Any, _record: Any) -> None:
            if isinstance(connection, Kept):
                connection.be_ready()

        event.listen(engine, "do_connect", connect)
        event.listen(engine, "connect", is_told)

    def _connect(self, bind: str | None, *args: Any, **kwargs: Any) -> Kept:
        """Return a connection that was laid aside, or a new one."""
        if self.free[bind]:
            return self.free[bind].pop()
        made = sqlite3.connect(*args, **kwargs, factory=Kept, cached_statements=STATEMENTS_KEPT)
        made.stand_on(self, bind)
        return made

    def is_empty_again(self) -> bool:
        """Make the file what it was at first. Tells whether that could be done."""
        free = [each for laid_aside in self.free.values() for each in laid_aside]
        with contextlib.suppress(OSError, sqlite3.Error):
            if len(free) == len(self.all) and self._is_as_large(free):
                os.pwrite(self._file, self._bytes, 0)
                # A line in the log, by one that has seen nothing before: who reads next drops what it remembers.
                self._ask("PRAGMA user_version=0")
                return True
        return False

    def _is_as_large(self, free: list[Kept]) -> bool:
        """Bring all that was written from the log into the file. Tells whether it has the tables and size it had.

        The log remembers how large the file is: one that has grown past its room cannot be as at first.
        """
        if os.stat(self.path).st_ino != os.fstat(self._file).st_ino:
            return False
        if self._ask("PRAGMA schema_version") != self._version:
            return False
        # One that knows the tables need not read them again for this.
        if free and not free[0].log_is_emptied():
            return False
        return os.fstat(self._file).st_size == len(self._bytes)

    def end(self) -> None:
        """Close every connection, and take the file away."""
        for each in self.all:
            each.end()
        os.close(self._file)
        for name in (self.path, *(self.path.with_name(self.path.name + end) for end in ("-wal", "-shm"))):
            name.unlink(missing_ok=True)

    def _ask(self, question: str) -> Any:
        """Ask as one who has never been here."""
        stranger = sqlite3.connect(self.path, isolation_level=None, timeout=0)
        try:
            return (stranger.execute(question).fetchone() or [None])[0]
        finally:
            stranger.close()


def make_room(path: Path) -> None:
    """Give a file pages to fill before it grows."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE room (bytes)")
        connection.execute("INSERT INTO room VALUES (zeroblob(?))", (ROOM_BYTES,))
        connection.execute("DROP TABLE room")
        connection.commit()


class Grounds:
    """The files of a run: `take` one, and `leave` it after the test."""

    def __init__(self, folder: Path, empty: Path) -> None:
        self.folder, self.empty = folder, empty
        self._left: list[Ground] = []
        self._numbers = count(1)

    def take(self) -> Ground:
        """Return an empty file."""
        return self._left.pop() if self._left else Ground(self.folder / f"mall-{next(self._numbers)}.db", self.empty)

    def leave(self, ground: Ground) -> None:
        """Make it empty for the next test, or end it."""
        if ground.is_empty_again():
            self._left.append(ground)
        else:
            ground.end()

    def end(self) -> None:
        """End every file."""
        for each in self._left:
            each.end()
