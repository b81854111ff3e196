"""Where the tests' PostgreSQL databases stand: one that was left is made empty again and used by the next test.

To copy a database and drop it costs the server more than most tests do with it. Here the rows that a test left are
taken out, past the guards of what is only added to, and the numbers start anew; tables that outgrew a page are shrunk
to none, so that rows lie in the order they came in, as in a fresh copy. The connections stay open and keep what they
have understood. Whatever is not certain - another schema, a connection that is still out or is not ours, a prepared
transaction, a right we have not - ends the database: the next test has a fresh copy.
"""

import contextlib
from collections import defaultdict
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from sqlalchemy import Engine, event, make_url

from tests.postgresql import Server, plain

STATEMENTS_KEPT = 5_000
# Of those that are alike; a race has a hundred.
CONNECTIONS_KEPT = 5
PAGE_BYTES = 8_192
# What DISCARD ALL does, but for the statements that are kept.
AS_NEW = (
    b"RESET SESSION AUTHORIZATION; RESET ALL; UNLISTEN *; CLOSE ALL; DISCARD TEMP; DISCARD SEQUENCES;"
    b" SELECT pg_advisory_unlock_all()"
)
# A row of these that is added, changed or taken away, and the schema is another.
TOLD_IN = (
    "attrdef attribute class constraint db_role_setting event_trigger extension index largeobject_metadata namespace"
    " policy proc rewrite sequence statistic statistic_ext trigger type"
).split()
SCHEMA = " UNION ALL ".join(
    f"SELECT '{name}' AS told, count(*) AS rows, sum(xmin::text::bigint) AS by FROM pg_{name}"  # noqa: S608
    for name in TOLD_IN
)
STRANGERS = """
SELECT (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database())
    + (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND NOT pid = ANY(%s))
"""
TABLES = """
SELECT oid::regclass::text, greatest(pg_relation_size(oid), pg_relation_size(nullif(reltoastrelid, 0)))
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY oid
"""
# Only those that have given a number.
NUMBERS_ANEW = """
SELECT setval(seqrelid, seqstart, false) FROM pg_sequence WHERE pg_sequence_last_value(seqrelid) IS NOT NULL
"""


class Kept(psycopg.Connection[Any]):
    """A connection that is kept when it is closed. SQLAlchemy closes it when a test has ended."""

    laid_aside: "list[Kept] | None" = None

    def close(self) -> None:
        """Lay the connection aside for the next test, as new but for what it has understood."""
        if self.laid_aside is None:
            super().close()
        elif self not in self.laid_aside:
            if self._is_as_new():
                self.laid_aside.append(self)
            else:
                super().close()

    def end(self) -> None:
        """Close it indeed."""
        self.laid_aside = None
        super().close()

    def _is_as_new(self) -> bool:
        if self.closed or self.pgconn.transaction_status == TransactionStatus.ACTIVE:
            return False
        with contextlib.suppress(psycopg.Error):
            self.rollback()
            self.autocommit, self.isolation_level, self.read_only, self.deferrable = False, None, None, None
            self.row_factory, self.cursor_factory, self.prepare_threshold = tuple_row, psycopg.Cursor, 5
            self._notice_handlers.clear()
            self._notify_handlers.clear()
            return not self.pgconn.exec_(AS_NEW).error_message
        return False


class Ground:
    """A database that is a copy of an empty one, and the connections to it."""

    def __init__(self, server: Server, template: str) -> None:
        self.server, self.name = server, server.create(template)
        self.url = server.url_of(self.name)
        self.free: dict[Any, list[Kept]] = defaultdict(list)
        self.all: list[Kept] = []
        self._own = psycopg.connect(plain(make_url(self.url)), autocommit=True)
        self._which_are_filled, self._schema = "", []
        self._can_be_emptied = self._is_empty_at_first()

    def stand(self, bind: str | None, engine: Engine) -> None:
        """Let an engine connect to this database here. An engine of another goes its own way."""

        def connect(_dialect: Any, _record: Any, _args: list[Any], kwargs: dict[str, Any]) -> Kept:
            # How Python's values are told to psycopg is an object of each engine's own, and the same for all.
            return self._connect((bind, *sorted(set(kwargs.items()) - {("context", kwargs.get("context"))})), kwargs)

        if engine.url.database == self.name:
            event.listen(engine, "do_connect", connect)

    def _connect(self, like: Any, kwargs: dict[str, Any]) -> Kept:
        """Return a connection that was laid aside, or a new one."""
        with contextlib.suppress(IndexError):
            return self.free[like].pop()
        made = Kept.connect(**kwargs)
        made.prepared_max, made.laid_aside = STATEMENTS_KEPT, self.free[like]
        self.all.append(made)
        return made

    def is_empty_again(self) -> bool:
        """Make the database what it was at first. Tells whether that could be done."""
        with contextlib.suppress(psycopg.Error):
            return self._can_be_emptied and self._is_as_it_was() and self._is_emptied()
        return False

    def _is_empty_at_first(self) -> bool:
        """Look around, with the guards put by. Tells whether that may be done and nothing has been here."""
        with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
            self._own.execute("SET session_replication_role = replica")
            self._which_are_filled = " UNION ALL ".join(
                f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table})"  # noqa: S608 - Our own names.
                for table, _bytes in self._ask(TABLES)
            )
            self._schema = self._ask(SCHEMA)
            return not self._ask(self._which_are_filled) and not self._ask(NUMBERS_ANEW)
        return False

    def _is_as_it_was(self) -> bool:
        """Tell whether every connection has come back, nobody else is here, and the schema is what it was."""
        self.all = [each for each in self.all if not each.closed]
        if sum(map(len, self.free.values())) != len(self.all):
            return False
        ours = [each.info.backend_pid for each in (*self.all, self._own)]
        return self._ask(STRANGERS, [ours]) == [(0,)] and self._ask(SCHEMA) == self._schema

    def _is_emptied(self) -> bool:
        """Take out every row, shrink what has outgrown a page, start numbers anew. Tells whether all has shrunk."""
        if filled := [table for (table,) in self._ask(self._which_are_filled)]:
            self._own.execute(";".join(f"DELETE FROM {table}" for table in filled))  # noqa: S608
        self._ask(NUMBERS_ANEW)
        if large := self._large():
            self._own.execute(f"VACUUM (INDEX_CLEANUP ON) {','.join(large)}")
        return not large or not self._large()

    def _large(self) -> list[str]:
        return [table for table, size in self._ask(TABLES) if size > PAGE_BYTES]

    def _ask(self, question: str, *values: Any) -> list[Any]:
        """Ask what is asked after every test."""
        return self._own.execute(question.encode(), *values, prepare=True).fetchall()

    def keep_few(self) -> None:
        """Close the connections that most tests do not need."""
        for alike in self.free.values():
            while len(alike) > CONNECTIONS_KEPT:
                alike.pop().end()

    def end(self) -> None:
        """Close every connection, and drop the database."""
        for each in self.all:
            each.end()
        self._own.close()
        self.server.drop(self.name)


class Grounds:
    """The databases of a run: `take` one, and `leave` it after the test."""

    def __init__(self, server: Server, template: str) -> None:
        self.server, self.template = server, template
        self._left: list[Ground] = []

    def take(self) -> Ground:
        """Return an empty database."""
        return self._left.pop() if self._left else Ground(self.server, self.template)

    def leave(self, ground: Ground) -> None:
        """Make it empty for the next test, or end it."""
        if ground.is_empty_again():
            ground.keep_few()
            self._left.append(ground)
        else:
            ground.end()

    def end(self) -> None:
        """End every database."""
        for each in self._left:
            each.end()
