"""A page of a list at the desk, and how much waits in a queue."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row


class Found(Struct, frozen=True):
    """A page of a list, and how many rows there are in all."""

    rows: Sequence[Row[Any]]
    total: int


class Queue(Struct, frozen=True):
    """How many wait in a queue, and since when the one that came first."""

    count: int
    since: datetime | None
