"""What each process reads once for each mark and database: a mark is a number that grows with every change."""

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from .db import db

T = TypeVar("T")


class Marked(Generic[T]):
    """Something that was read, as it was at a mark."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Engine, tuple[int, T]] = WeakKeyDictionary()

    def get(self, mark: int, read: Callable[[], T]) -> T:
        """Return it as it was read at this mark; read it anew where the mark is another one."""
        known = self._known.get(db.engine)
        if known is None or known[0] != mark:
            known = self._known[db.engine] = (mark, read())
        return known[1]
