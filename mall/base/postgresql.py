"""What psycopg works out for every statement though hardly any asks for it: put off until someone does."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import Column


class Columns(Sequence[Column]):
    """What the columns of an answer are called and hold; to be looked at before the cursor's next statement, if ever.

    SQLAlchemy knows the columns of a statement it has run before, and only asks whether there are any.
    """

    def __init__(self, cursor: "Cursor") -> None:
        self._cursor = cursor

    def __len__(self) -> int:
        return len(self._described())

    def __getitem__(self, index: Any) -> Any:
        return self._described()[index]

    def __bool__(self) -> bool:
        return True

    def _described(self) -> list[Column]:
        return super(Cursor, self._cursor).description or []


class Cursor(psycopg.Cursor[Any]):
    """A cursor that describes its columns only to who looks at them."""

    @property
    def description(self) -> Any:
        """Return the columns of what was answered; None where a statement answers nothing."""
        answer = self.pgresult
        if answer and answer.nfields:
            return Columns(self)
        return super().description
