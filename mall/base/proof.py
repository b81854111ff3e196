"""A check: something that must always be true, as a question whose answer must hold no row."""

from typing import Any

from msgspec import Struct
from sqlalchemy import Select


class Check(Struct, frozen=True):
    """A promise in words, and the select that finds what breaks it."""

    name: str
    breaks: Select[*tuple[Any, ...]]
