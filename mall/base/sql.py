"""What SQLite and PostgreSQL both can, each under a name of its own."""

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any, TypeVar

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

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
