"""A check: something that must always be true, as a question whose answer must hold no row."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select


@dataclass(frozen=True)
class Check:
    """A promise in words, and the select that finds what breaks it."""

    name: str
    breaks: Select[*tuple[Any, ...]]
