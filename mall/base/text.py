"""Sentences: those we wrote, marked for translation; those with values, stored whole; those the staff wrote."""

from datetime import date, datetime
from typing import Any

from msgspec import Struct, field
from sqlalchemy import JSON, Dialect, TypeDecorator


def N_(sentence: str) -> str:
    """Mark a sentence for translation where it is written; a face translates it where it is shown."""
    return sentence


class Message(Struct, frozen=True):
    """An English sentence with named places, and what goes in them. Shown by a face in the reader's language."""

    text: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        plain = {name: local(value, "en") if isinstance(value, dict) else value for name, value in self.values.items()}
        return self.text.format(**plain)


def say(text: str, **values: Any) -> Message:
    """Build a Message: `say(N_("Earned by order {number}"), number="1042")`."""
    return Message(text, values)


class Said(TypeDecorator[Message]):
    """A column that keeps a Message: its English sentence and its values; dates become ISO text."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Message | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return {"text": value.text, "values": {name: _plain(item) for name, item in value.values.items()}}

    def process_result_value(self, value: Any, dialect: Dialect) -> Message | None:
        return None if value is None else Message(value["text"], value["values"])


class Text(TypeDecorator[dict[str, str]]):
    """A column of staff-written text by language: {"en": "Mug", "zh": "马克杯"}."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: dict[str, str] | None, dialect: Dialect) -> Any:
        if value is not None and not isinstance(value, dict):
            raise ValueError("a Text is a dict of language to text")
        return value


def local(text: dict[str, str] | None, language: str) -> str:
    """Return a staff-written text in a language, or else in one it has, or else nothing."""
    if not text:
        return ""
    return text.get(language) or text.get("en") or next((words for words in text.values() if words), "")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
