"""What happened to money, as the journal books it."""

from collections.abc import Mapping
from datetime import date

from msgspec import Struct


class Happened(Struct, frozen=True):
    """Something that happened to money: on a day, of a kind, by a document; cents by account, debits positive."""

    day: date
    order: int
    name: str
    document: str
    amounts: Mapping[str, int]
