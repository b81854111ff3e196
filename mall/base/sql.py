"""What SQLite and PostgreSQL both can, each under a name of its own."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import wraps
from importlib import import_module
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    CursorResult,
    Date,
    Integer,
    String,
    Subquery,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from .clock import Instant
from .db import dialect, execute

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


def by_ids(statement: Any, column: Any) -> Callable[[Sequence[int]], CursorResult[Any]]:
    """Return what runs a statement for the rows whose column is one of some ids.

    Of a single id, which is by far the most, it writes no list into the statement's text on every call.
    """
    one = statement.where(column == bindparam("of_id"))
    many = statement.where(column.in_(bindparam("of_ids", expanding=True)))

    def run(ids: Sequence[int]) -> CursorResult[Any]:
        return execute(one, {"of_id": ids[0]}) if len(ids) == 1 else execute(many, {"of_ids": ids})

    return run


def whole_sum(numbers: Any) -> ColumnElement[int]:
    """Return what whole numbers add up to, 0 where there are none: a whole number as well.

    PostgreSQL adds up to a decimal, which is not divided as whole numbers are.
    """
    return cast(func.coalesce(func.sum(numbers), 0), BigInteger)


class higher_of(FunctionElement[int]):
    """The higher of two whole numbers, neither of which is NULL; each is worked out once."""

    inherit_cache = True
    type = Integer()


class days_between(FunctionElement[int]):
    """How many days one day, the second, is before another."""

    inherit_cache = True
    type = Integer()


class seconds_between(FunctionElement[int]):
    """How many seconds one instant, the second, is before another: rounded down where that is of a whole second."""

    inherit_cache = True
    type = Integer()


class seconds_later(FunctionElement[datetime]):
    """The instant that lies so many seconds, the second, after another."""

    inherit_cache = True
    type = Instant()


class days_later(FunctionElement[date]):
    """The day that lies so many days, the second, after another; before it where they are less than none."""

    inherit_cache = True
    type = Date()


class month_ends_later(FunctionElement[date]):
    """The last day of the month that lies so many months, the second, after that of a day."""

    inherit_cache = True
    type = Date()


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
    # date_part() counts in half the time that extract() takes, which counts in decimals.
    return f"CAST(floor(date_part('epoch', {later} - {earlier})) AS BIGINT)"


@compiles(seconds_between, "sqlite")
def _unixepoch(element: Any, compiler: Any, **more: Any) -> str:
    later, earlier = (compiler.process(each, **more) for each in element.clauses)
    whole = (f"CAST(strftime('%s', substr({each}, 1, 19)) AS INTEGER)" for each in (later, earlier))
    return f"({' - '.join(whole)})"


@compiles(seconds_later)
def _plus_seconds(element: Any, compiler: Any, **more: Any) -> str:
    instant, seconds = (compiler.process(each, **more) for each in element.clauses)
    return f"({instant} + ({seconds}) * interval '1 second')"


@compiles(seconds_later, "sqlite")
def _text_seconds_later(element: Any, compiler: Any, **more: Any) -> str:
    instant, seconds = (compiler.process(each, **more) for each in element.clauses)
    # Its microseconds are kept as they are: SQLite itself counts thousandths.
    whole = f"strftime('%Y-%m-%d %H:%M:%S', substr({instant}, 1, 19), ({seconds}) || ' seconds')"
    return f"({whole} || substr({instant}, 20))"


@compiles(days_later)
def _plus_days(element: Any, compiler: Any, **more: Any) -> str:
    day, days = (compiler.process(each, **more) for each in element.clauses)
    return f"({day} + CAST(({days}) AS INTEGER))"


@compiles(days_later, "sqlite")
def _text_days_later(element: Any, compiler: Any, **more: Any) -> str:
    day, days = (compiler.process(each, **more) for each in element.clauses)
    return f"date({day}, ({days}) || ' days')"


@compiles(month_ends_later)
def _plus_months(element: Any, compiler: Any, **more: Any) -> str:
    day, months = (compiler.process(each, **more) for each in element.clauses)
    begins = f"date_trunc('month', CAST({day} AS timestamp)) + (({months}) + 1) * interval '1 month'"
    return f"CAST({begins} - interval '1 day' AS DATE)"


@compiles(month_ends_later, "sqlite")
def _text_months_later(element: Any, compiler: Any, **more: Any) -> str:
    day, months = (compiler.process(each, **more) for each in element.clauses)
    return f"date({day}, 'start of month', (({months}) + 1) || ' months', '-1 day')"


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


def each_in(listed: Any, name: str) -> Any:
    """Return what a list in JSON holds, of a row that stands before it, as a table of one column, value."""
    return _each_given(listed).table_valued("value", name=name)


def each_text_in(listed: Any, name: str) -> Any:
    """Return the same of a list of texts: the texts themselves."""
    return _each_text_given(listed).table_valued("value", name=name)


class named_in(FunctionElement[str]):
    """What has a name, the second, in an object in JSON: a text, or JSON of what is none."""

    inherit_cache = True
    type = String()


@compiles(named_in)
def _named(element: Any, compiler: Any, **more: Any) -> str:
    whole, name = (compiler.process(clause, **more) for clause in element.clauses)
    return f"({whole} ->> {name})"


@compiles(named_in, "sqlite")
def _named_extract(element: Any, compiler: Any, **more: Any) -> str:
    whole, name = (compiler.process(clause, **more) for clause in element.clauses)
    return f"json_extract({whole}, '$.' || {name})"


class has_named(FunctionElement[bool]):
    """Whether an object in JSON has something of a name, the second, be it null."""

    inherit_cache = True
    type = Boolean()


@compiles(has_named)
def _has(element: Any, compiler: Any, **more: Any) -> str:
    whole, name = (compiler.process(clause, **more) for clause in element.clauses)
    return f"(({whole} -> {name}) IS NOT NULL)"


@compiles(has_named, "sqlite")
def _has_type(element: Any, compiler: Any, **more: Any) -> str:
    whole, name = (compiler.process(clause, **more) for clause in element.clauses)
    return f"(json_type({whole}, '$.' || {name}) IS NOT NULL)"


class instant_in(FunctionElement[datetime]):
    """The instant that a text says which was taken of one of our own columns, as JSON keeps it."""

    inherit_cache = True
    type = Instant()


@compiles(instant_in)
def _as_instant(element: Any, compiler: Any, **more: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **more)} AS timestamptz)"


@compiles(instant_in, "sqlite")
def _as_text_of_instant(element: Any, compiler: Any, **more: Any) -> str:
    told = compiler.process(element.clauses, **more)
    # Our columns are read in UTC; whole seconds are told without the zeros that the columns keep.
    parts = f"CASE substr({told}, 20, 1) WHEN '.' THEN substr({told}, 20, 7) ELSE '.000000' END"
    return f"(replace(substr({told}, 1, 19), 'T', ' ') || {parts})"


class _each_given(FunctionElement[Any]):
    """The elements of a list in JSON, as rows of one column called value."""

    inherit_cache = True
    type = String()


@compiles(_each_given)
def _elements(element: Any, compiler: Any, **more: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **more)} AS JSONB))"


class _each_text_given(FunctionElement[Any]):
    """The elements of a list of texts in JSON, as rows of one column called value."""

    inherit_cache = True
    type = String()


@compiles(_each_text_given)
def _texts(element: Any, compiler: Any, **more: Any) -> str:
    return f"jsonb_array_elements_text(CAST({compiler.process(element.clauses, **more)} AS JSONB))"


@compiles(_each_text_given, "sqlite")
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
