"""What SQLite and PostgreSQL both can, each under a name of its own."""

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class higher_of(FunctionElement[int]):
    """The higher of two whole numbers, neither of which is NULL; each is worked out once."""

    inherit_cache = True
    type = Integer()


@compiles(higher_of)
def _greatest(element: Any, compiler: Any, **more: Any) -> str:
    return f"greatest({compiler.process(element.clauses, **more)})"


@compiles(higher_of, "sqlite")
def _max(element: Any, compiler: Any, **more: Any) -> str:
    return f"max({compiler.process(element.clauses, **more)})"
