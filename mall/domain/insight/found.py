"""A page of a list at the desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row


@dataclass(frozen=True)
class Found:
    """A page of a list, and how many rows there are in all."""

    rows: Sequence[Row[Any]]
    total: int
