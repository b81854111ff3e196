"""Rows that become values by position: quick, and safe only while columns and fields agree, which is checked here."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct


def must_fill(value: type[Struct], columns: Sequence[Any], *then: str, called: dict[str, str] | None = None) -> None:
    """Insist, when a module is read, that columns and then further names are a struct's fields, one by one.

    `called` says which column stands for a field of another name: {column: field}. Raises TypeError.
    """
    names = [(called or {}).get(column.key, column.key) for column in columns] + list(then)
    wanted = list(value.__struct_fields__)
    if names != wanted:
        apart = next(pair for pair in zip([*names, None], [*wanted, None], strict=False) if pair[0] != pair[1])
        raise TypeError(f"{value.__name__} by position: the column {apart[0]} stands where the field {apart[1]} is")
