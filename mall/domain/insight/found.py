"""A page of a list at the desk, and how much waits in a queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row


@dataclass(frozen=True)
class Found:
    """A page of a list, and how many rows there are in all."""

    rows: Sequence[Row[Any]]
    total: int


@dataclass(frozen=True)
class Queue:
    """How many wait in a queue, and since when the one that came first."""

    count: int
    since: datetime | None
