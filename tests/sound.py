"""Whether the books are sound, asked after every test that wrote: every check of the rooms that can find a row.

A check is written out as SQL once. It is not asked where a table it takes its rows from is empty: most tests fill a
few tables, and to read the questions is most of a database's work with them.
"""

from collections.abc import Callable, Set
from functools import cache
from types import ModuleType

from sqlalchemy import CTE, CompoundSelect, Select, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import visitors
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import AliasedReturnsRows, FromGrouping, Join, Lateral, ReturnsRows

from mall.base.db import db, dialect, reading
from mall.domain.finance import proof_board

CanFind = Callable[[Set[str]], bool]
PLAIN = {
    "sqlite": sqlite.dialect(paramstyle="named"),
    "postgresql": postgresql.dialect(paramstyle="named"),
}


def all_sound(rooms: tuple[ModuleType, ...] | None = None) -> bool:
    """Tell whether no check of these rooms, or of all, finds a row."""
    name = dialect()
    with reading() as connection:
        # Past SQLAlchemy, which would take as long for each of the many questions as their answer.
        cursor = connection.connection.cursor()
        # PostgreSQL keeps what it has understood of a question as long as the connection is there.
        kept = {"prepare": True} if name == "postgresql" else {}
        cursor.execute(which_are_filled(name), **kept)
        filled = frozenset(row[0] for row in cursor.fetchall())
        for question, can_find in questions(name, rooms or tuple(proof_board.ROOMS)):
            if can_find(filled):
                cursor.execute(question, **kept)
                if cursor.fetchone() is not None:
                    return False
    return True


@cache
def which_are_filled(name: str) -> str:
    """Return the SQL that names the tables with a row."""
    quoted = PLAIN[name].identifier_preparer.quote
    return " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quoted(table)})"  # noqa: S608 - Our own names.
        for table in db.metadata.tables
    )


@cache
def questions(name: str, rooms: tuple[ModuleType, ...]) -> list[tuple[str, CanFind]]:
    """Return the checks of these rooms as SQL for a database, each with what tells whether it can find a row."""
    selects = [check.breaks for room in rooms for check in room.checks()]
    return [
        (select.compile(dialect=PLAIN[name], compile_kwargs={"literal_binds": True}).string, can_find(select))
        for select in selects
    ]


def can_find(part: ReturnsRows) -> CanFind:
    """Return what tells of the names of all filled tables whether a select can find a row. In doubt it can."""
    if isinstance(part, Table):
        return lambda filled: part.name in filled
    if isinstance(part, Join):
        left, right = can_find(part.left), can_find(part.right)
        if part.full:
            return lambda filled: left(filled) or right(filled)
        return left if part.isouter else lambda filled: left(filled) and right(filled)
    if isinstance(part, CompoundSelect):
        selects = [can_find(each) for each in part.selects]
        return lambda filled: any(each(filled) for each in selects)
    if isinstance(part, Select) and not counts(part):
        froms = [can_find(each) for each in part.get_final_froms()]
        return lambda filled: all(each(filled) for each in froms)
    if isinstance(part, AliasedReturnsRows | FromGrouping) and not isinstance(part, Lateral | CTE):
        return can_find(part.element)
    if isinstance(part, CTE) and not part.recursive:
        return can_find(part.element)
    return lambda _filled: True


def counts(select: Select) -> bool:
    """Tell whether a select may answer with one row, such as a sum, where there is none to look at."""
    if select._group_by_clauses:
        return False
    asked = [*select._raw_columns, *select._having_criteria]
    return any(isinstance(each, FunctionElement) for column in asked for each in visitors.iterate(column))
