"""Tables, declared once as classes whose attributes are the columns themselves.

`class Order(db.Model)` with `id: Mapped[int] = mapped_column(primary_key=True)` reads as SQLAlchemy's declarative
classes do, and type checkers take it for one. No class is mapped, though, since nobody makes objects of them: mapping
them took a quarter of what loading the mall takes.
"""

import re
from datetime import date
from types import UnionType
from typing import Any, TypeVar, get_args

from sqlalchemy import Alias, BigInteger, Boolean, Column, Date, Integer, MetaData, String, Table
from sqlalchemy.orm import Mapped as Mapped
from sqlalchemy.types import NullType, TypeEngine

# What a column is where its annotation alone says so. Points, cents and ids are 64 bits wide everywhere.
TYPES: dict[Any, TypeEngine[Any]] = {
    int: BigInteger().with_variant(Integer(), "sqlite"),
    str: String(),
    bool: Boolean(),
    date: Date(),
}
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

_BEFORE_A_WORD = re.compile(r"(?<!^)(?=[A-Z])")

T = TypeVar("T")


class Model:
    """Every table of the mall: `Model.column` in a statement is that column, `Model` the table."""

    metadata = MetaData(naming_convention=NAMES)
    __tablename__: str
    __table__: Table

    def __init_subclass__(cls) -> None:
        columns = {key: _column(key, kind, getattr(cls, key, None)) for key, kind in cls.__annotations__.items()}
        if not hasattr(cls, "__tablename__"):
            cls.__tablename__ = _BEFORE_A_WORD.sub("_", cls.__name__).lower()
        more = getattr(cls, "__table_args__", ())
        options = more[-1] if more and isinstance(more[-1], dict) else {}
        items = more[:-1] if options else more
        cls.__table__ = Table(cls.__tablename__, cls.metadata, *columns.values(), *items, **options)
        for key, column in columns.items():
            setattr(cls, key, column)

    @classmethod
    def __clause_element__(cls) -> Table:
        return cls.__table__


def mapped_column(
    *details: Any,
    primary_key: bool = False,
    autoincrement: bool | str = "auto",
    unique: bool = False,
    index: bool = False,
) -> Any:
    """Return a column of which the annotation does not say all; whether it may be empty, only the annotation says."""
    return Column(
        *details,
        primary_key=primary_key,
        autoincrement=autoincrement,  # type: ignore[arg-type]
        unique=unique or None,
        index=index or None,
    )


def aliased(model: type[T], name: str | None = None) -> type[T]:
    """Return a table under another name, for a statement that asks it twice; used as the table is."""
    table: Alias = model.__table__.alias(name)  # type: ignore[attr-defined]
    return type(model.__name__, (), {**table.c, "__clause_element__": staticmethod(lambda: table)})


def _column(key: str, annotation: Any, declared: Column[Any] | None) -> Column[Any]:
    column: Column[Any] = Column() if declared is None else declared
    column.name = column.key = key
    (kind,) = get_args(annotation)
    optional = isinstance(kind, UnionType)
    column.nullable = optional
    if isinstance(column.type, NullType) and not column.foreign_keys:  # One that refers has its type from there.
        column.type = TYPES[get_args(kind)[0] if optional else kind]
    return column
