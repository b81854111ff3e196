"""The database: one way to write, one way to read, on SQLite and PostgreSQL alike.

Rows in, rows out: tables are declared once with typed columns and used through Core statements. There is no unit of
work and no lazily loaded attribute; what a verb does stands in its text, statement by statement.
"""

import random
import select
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from importlib import import_module
from itertools import chain
from typing import Any, TypeVar

from flask_sqlalchemy import SQLAlchemy
from msgspec import Struct
from sqlalchemy import Connection, CursorResult, Engine, Executable, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError

from .tables import Model

READING, REPLICA = "reading", "replica"
RETRIES = 3
# Sums of finance may be taken of what was written a minute ago: no transaction may live longer than that.
LONGEST_TRANSACTION_SECONDS = 55
# 40001 serialization failure, 40P01 deadlock, 55P03 lock not available.
PASSING_FAULTS = {"40001", "40P01", "55P03"}
UNIQUE_VIOLATION = "23505"
# How long a statement may take on PostgreSQL, and one of a scan.
STATEMENT, SCAN = "10s", "10min"
# What a step of one may keep in memory on PostgreSQL, for a scan; other statements have what the server is set to.
SCAN_MEMORY = "64MB"
STREAMED_AT_ONCE = 5_000
FIRST_WITH_TRANSACTION_TIMEOUT = 17_00_00

T = TypeVar("T")


db = SQLAlchemy(metadata=Model.metadata)
db.Model = Model  # type: ignore[assignment]

_sqlite_writer = threading.Lock()
# Each takes a connection besides the one that a request has: so many of them that the pool never runs dry.
_beside = threading.BoundedSemaphore(4)


class Opened(Struct, frozen=True):
    """The connection that transaction() or reading() has opened here, and what it is good for."""

    connection: Connection
    writing: bool = False
    stale: bool = False
    patient: bool = False


_opened: ContextVar[Opened | None] = ContextVar("opened", default=None)


class TransactionTooLong(RuntimeError):
    """A transaction lived longer than any may: what it did is undone."""


@contextmanager
def transaction() -> Iterator[Connection]:
    """Do everything inside, or nothing. Opened at the edge, short, never nested, no network call inside.

    One that took LONGEST_TRANSACTION_SECONDS is undone, and raises TransactionTooLong.

    On SQLite a writer waits for its turn at a lock of this process and then takes the file's write lock at once
    (BEGIN IMMEDIATE), since a transaction that reads first and writes later fails under contention.
    """
    if _opened.get() is not None:
        raise RuntimeError("transaction() inside transaction() or reading()")
    engine = db.engine
    with _turn_to_write(engine), engine.connect() as connection, connection.begin():
        entered = _opened.set(Opened(connection, writing=True))
        began = time.monotonic()
        try:
            yield connection
            if (seconds := time.monotonic() - began) > LONGEST_TRANSACTION_SECONDS:
                raise TransactionTooLong(f"{seconds:.0f} seconds")
        finally:
            _opened.reset(entered)


@contextmanager
def reading(*, stale_ok: bool = False, scan: bool = False) -> Iterator[Connection]:
    """Read, and nothing else: the connection refuses writes. Every statement sees the latest committed state.

    `stale_ok` is for pages that may be some seconds behind: they read from the replica, where there is one. `scan` is
    for what looks through all of a large table: it may take minutes where everything else is stopped after seconds.
    """
    here = _opened.get()
    if here is not None and (here.writing or ((stale_ok or not here.stale) and (here.patient or not scan))):
        yield here.connection
        return
    stale = stale_ok and REPLICA in db.engines
    with db.engines[REPLICA if stale else READING].connect() as connection:
        entered = _opened.set(Opened(connection, stale=stale, patient=scan))
        try:
            if not scan:
                yield connection
                return
            with _patience(connection):
                yield connection
        finally:
            _opened.reset(entered)


@contextmanager
def beside(read: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Read in a thread of its own, on a connection of its own, while what is inside goes on: two processors do more.

    Gives what waits for it, and returns what it read or raises what went wrong. Within a transaction(), which sees
    what it wrote itself, and where too many read so already, it reads when it is waited for.
    """
    here = _opened.get()
    if here is None or here.writing or not _beside.acquire(blocking=False):
        yield read
        return
    try:
        with ThreadPoolExecutor(1, "beside") as thread:
            yield thread.submit(copy_context().run, _read_alone, read, here).result
    finally:
        _beside.release()


def _read_alone(read: Callable[[], T], like: Opened) -> T:
    """Read on another connection of the same kind."""
    _opened.set(None)
    with reading(stale_ok=like.stale, scan=like.patient):
        return read()


def take_longer() -> None:
    """Let the statements of this transaction() take longer than others, though not longer than it may live."""
    if dialect() == "postgresql":
        execute(text(f"SET LOCAL statement_timeout='{LONGEST_TRANSACTION_SECONDS}s'"))


def in_transaction() -> bool:
    """Tell whether a transaction() is open here."""
    here = _opened.get()
    return here is not None and here.writing


def execute(statement: Executable, parameters: Any = None) -> CursorResult[Any]:
    """Run one statement on the transaction() or reading() that is open. Returns its result: rows, or a row count."""
    here = _opened.get()
    if here is None:
        raise RuntimeError("execute() outside transaction() and reading()")
    return here.connection.execute(statement, parameters)


def streamed(statement: Executable, parameters: Any = None) -> Iterator[Any]:
    """Run one question with very many rows, and hand them over as they come.

    In shares of some thousands: one by one takes twice as long, and all of them are too many to hold.
    """
    shares = execute(statement, parameters).yield_per(STREAMED_AT_ONCE).partitions()
    return chain.from_iterable(shares)


def dialect() -> str:
    """Name the database in use: "sqlite" or "postgresql"."""
    here = _opened.get()
    return here.connection.dialect.name if here is not None else db.engine.dialect.name


def again(unit: Callable[[], T]) -> T:
    """Call a unit of work that opens its own transaction; up to 3 times more when the database says "not now".

    A lost race for a unique key is such a case: the repeat finds what the winner wrote.
    """
    for attempt in range(RETRIES + 1):
        try:
            return unit()
        except DBAPIError as error:
            if attempt == RETRIES or not _passes(error):
                raise
            time.sleep(random.uniform(0.005, 0.02) * 2**attempt)
    raise AssertionError("unreachable")


def prepare_engines(*, sqlite_synchronous: str = "FULL") -> None:
    """Teach the engines of the current app how to behave on connect and at the start of a transaction."""
    for bind, engine in db.engines.items():
        read_only = bind in (READING, REPLICA)
        if engine.dialect.name == "sqlite":
            _prepare_sqlite(engine, read_only=read_only, synchronous=sqlite_synchronous)
        else:
            _prepare_postgresql(engine, read_only=read_only)


@contextmanager
def hurried() -> Iterator[None]:
    """Let SQLite not wait for the disk, while a whole database is made that could be made again."""
    engine = db.engine
    if engine.dialect.name != "sqlite":
        yield
        return

    def on_connect(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    engine.dispose()
    event.listen(engine, "connect", on_connect)
    try:
        yield
    finally:
        event.remove(engine, "connect", on_connect)
        engine.dispose()


def _prepare_sqlite(engine: Engine, *, read_only: bool, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # Stop sqlite3's own late BEGIN.
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "busy_timeout=5000",
            "foreign_keys=ON",
            "recursive_triggers=ON",
            f"query_only={'ON' if read_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    if not read_only:

        @event.listens_for(engine, "begin")
        def on_begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_postgresql(engine: Engine, *, read_only: bool) -> None:
    cursor = import_module("mall.base.postgresql").Cursor  # Not loaded where the database is SQLite.
    settings = (
        f"SET lock_timeout='3s'; SET statement_timeout='{STATEMENT}'; SET idle_in_transaction_session_timeout='15s';"
        f" SET timezone='UTC'; SET default_transaction_read_only={'on' if read_only else 'off'};"
        # To compile a statement takes longer than any of ours: a second and a half of one that then ran for a third.
        " SET jit=off"
    )

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.cursor_factory = cursor
        # By SET, since PgBouncer refuses start-up options.
        connection.execute(settings)
        if connection.info.server_version >= FIRST_WITH_TRANSACTION_TIMEOUT:
            connection.execute(f"SET transaction_timeout='{0 if read_only else LONGEST_TRANSACTION_SECONDS}s'")
        connection.commit()

    @event.listens_for(engine, "checkout")
    def on_checkout(connection: Any, _record: Any, _proxy: Any) -> None:
        # A server that has gone has said so on the wire. Looking there is no round trip, as asking it would be.
        wire = select.poll()
        wire.register(connection.fileno(), select.POLLIN)
        if wire.poll(0):
            raise DisconnectionError("the server has closed the connection")


@contextmanager
def _patience(connection: Connection) -> Iterator[None]:
    """Let the statements of a connection take long, and memory to sort in, until it goes back to the pool."""
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.exec_driver_sql(f"SET statement_timeout='{SCAN}'; SET work_mem='{SCAN_MEMORY}'")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"SET statement_timeout='{STATEMENT}'; RESET work_mem")


@contextmanager
def _turn_to_write(engine: Engine) -> Iterator[None]:
    if engine.dialect.name != "sqlite":
        yield
        return
    with _sqlite_writer:
        yield


def _passes(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in PASSING_FAULTS or state == UNIQUE_VIOLATION
    # The command line or the worker, in a process of its own, is writing to the file.
    if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
        return True
    return isinstance(error, IntegrityError) and "UNIQUE constraint failed" in str(error.orig)
