"""What SQLite and PostgreSQL both can, each under a name of its own."""

from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Integer, String, Subquery, bindparam, cast, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from .db import dialect

T = TypeVar("T")


def upsert(table: Any) -> Any:
    """Return an INSERT that may say what it does ON CONFLICT, for the database in use.

    The other database's part of SQLAlchemy is not loaded: it takes as long as thirty of our files.
    """
    return import_module(f"sqlalchemy.dialects.{dialect()}").insert(table)


def each_dialect(make: Callable[[], T]) -> Callable[[], T]:
    """Make a statement once for each database in use, when it is first asked for."""
    made: dict[str, T] = {}

    @wraps(make)
    def of_this() -> T:
        name = dialect()
        if name not in made:
            made[name] = make()
        return made[name]

    return of_this


class higher_of(FunctionElement[int]):
    """The higher of two whole numbers, neither of which is NULL; each is worked out once."""

    inherit_cache = True
    type = Integer()


class days_between(FunctionElement[int]):
    """How many days one day, the second, is before another."""

    inherit_cache = True
    type = Integer()


class seconds_between(FunctionElement[int]):
    """How many seconds, rounded down, one instant, the second, is before another."""

    inherit_cache = True
    type = Integer()


@compiles(higher_of)
def _greatest(element: Any, compiler: Any, **more: Any) -> str:
    return f"greatest({compiler.process(element.clauses, **more)})"


@compiles(higher_of, "sqlite")
def _max(element: Any, compiler: Any, **more: Any) -> str:
    return f"max({compiler.process(element.clauses, **more)})"


@compiles(days_between)
def _days(element: Any, compiler: Any, **more: Any) -> str:
    later, earlier = (compiler.process(each, **more) for each in element.clauses)
    return f"({later} - {earlier})"


@compiles(days_between, "sqlite")
def _julian_days(element: Any, compiler: Any, **more: Any) -> str:
    later, earlier = (compiler.process(each, **more) for each in element.clauses)
    return f"CAST(julianday({later}) - julianday({earlier}) AS INTEGER)"


@compiles(seconds_between)
def _epoch(element: Any, compiler: Any, **more: Any) -> str:
    later, earlier = (compiler.process(each, **more) for each in element.clauses)
    return f"CAST(floor(extract(epoch FROM ({later} - {earlier}))) AS BIGINT)"


@compiles(seconds_between, "sqlite")
def _unixepoch(element: Any, compiler: Any, **more: Any) -> str:
    later, earlier = (compiler.process(each, **more) for each in element.clauses)
    return f"CAST((julianday({later}) - julianday({earlier})) * 86400 AS INTEGER)"


def given(parameter: str, **columns: TypeEngine[Any]) -> Subquery:
    """Return rows that a statement is given as one parameter, in the form of as_given(): a table of these columns.

    However many rows there are, the statement stays the same one. On SQLite of whole numbers and plain text only.
    """
    each = _each_given(bindparam(parameter, type_=String)).table_valued("value", name="each_given")
    items = (_item(each.c.value, literal_column(str(place))) for place in range(len(columns)))
    return select(
        *(cast(item, kind).label(name) for item, (name, kind) in zip(items, columns.items(), strict=True))
    ).subquery(parameter)


def as_given(rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as the parameter of given(): each a sequence of values in the order of its columns."""
    return msgspec.json.encode(rows).decode()


class _each_given(FunctionElement[Any]):
    """The elements of a list in JSON, as rows of one column called value."""

    inherit_cache = True
    type = String()


@compiles(_each_given)
def _elements(element: Any, compiler: Any, **more: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **more)} AS JSONB))"


@compiles(_each_given, "sqlite")
def _json_each(element: Any, compiler: Any, **more: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **more)})"


class _item(FunctionElement[Any]):
    """What stands at a place of a list in JSON."""

    inherit_cache = True
    type = String()


@compiles(_item)
def _arrow(element: Any, compiler: Any, **more: Any) -> str:
    whole, place = (compiler.process(clause, **more) for clause in element.clauses)
    return f"({whole} ->> {place})"


@compiles(_item, "sqlite")
def _json_extract(element: Any, compiler: Any, **more: Any) -> str:
    whole, place = (compiler.process(clause, **more) for clause in element.clauses)
    return f"json_extract({whole}, '$[{place}]')"
