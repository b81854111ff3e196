"""What letters are made of: paragraphs, figures in rows, a button, and what the desk wrote along."""

from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import ngettext
from msgspec import Struct, field

from mall.web.shared.texts import number

Values = Mapping[str, Any]


class Letter(Struct, frozen=True):
    """A notice's words: its subject, what stands above and below the button, and figures in rows of (label, value)."""

    subject: str
    paragraphs: list[str]
    figures: list[tuple[str, str]] = field(default_factory=list)
    button: tuple[str, str] | None = None
    after: list[str] = field(default_factory=list)


def button(words: str, values: Values) -> tuple[str, str] | None:
    """Return a button to the link that the notice brings, if it brings one."""
    return (words, values["link"]) if values.get("link") else None


def desk_words(values: Values) -> list[str]:
    """Return what the desk wrote along, if anything."""
    return [values["words"]] if values.get("words") else []


def points_words(count: int) -> str:
    """Return so many points in words."""
    return ngettext("%(num)s point", "%(points)s points", count, points=number(count))


def figure(label: str, value: Any, words: Callable[[Any], str] = str) -> list[tuple[str, str]]:
    """Return a row for a value that is there and not nothing."""
    return [(label, words(value))] if value else []
