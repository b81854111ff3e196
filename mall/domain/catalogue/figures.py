"""Figures people type: whole numbers within bounds, or a sentence that says which."""

from typing import Any

from mall.base.errors import Refusal

MOST_PIECES = 1_000_000
MOST_POINTS = 1_000_000_000
MOST_CENTS = 1_000_000_000
MOST_ID = 2**63 - 1


class BadFigure(Refusal):
    """A figure is no whole number, or outside what makes sense."""


def whole(value: Any, sentence: str, *, least: int, most: int, field: str = "") -> int:
    """Return a whole number within bounds. Raises BadFigure(sentence) about a field, {least} and {most} filled in."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadFigure(sentence, least=least, most=most).about(field)
    return value


def possible_ids(ids: Any) -> list[int]:
    """Return, ascending and once each, the ids a row could have; others name nothing."""
    return sorted({id_ for id_ in ids if isinstance(id_, int) and 0 < id_ <= MOST_ID})
