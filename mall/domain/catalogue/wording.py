"""Words the staff write: cleaned once, when they are written."""

import unicodedata
from collections.abc import Mapping
from html import escape
from typing import Any

import nh3

from mall.base.errors import Refusal
from mall.base.money import LOCALES
from mall.base.text import N_

TAGS = {"p", "br", "strong", "em", "ul", "ol", "li", "h3", "h4", "a"}
LONGEST_DESCRIPTION = 20_000


TOO_LONG = N_("A text of {length} signs is too long. Use {longest} at most.")


class BadWording(Refusal):
    """A text is missing or too long."""


def words(text: Mapping[str, Any] | None, *, longest: int, field: str = "") -> dict[str, str]:
    """Return a text by language on one line each, without control characters; languages left empty are dropped.

    Raises BadWording about a field.
    """
    cleaned = {}
    for language, raw in (text or {}).items():
        if language not in LOCALES:
            raise BadWording(N_("The mall does not speak {language}."), language=str(language)[:20]).about(field)
        visible = "".join(" " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign for sign in str(raw or ""))
        line = " ".join(visible.split())
        if len(line) > longest:
            raise BadWording(TOO_LONG, length=len(line), longest=longest).about(field)
        if line:
            cleaned[language] = line
    return cleaned


def description(text: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Return a rich text by language with nothing in it that could act: a few tags, links, no attributes else.

    Plain text becomes paragraphs at its empty lines.
    """
    cleaned = {}
    for language, raw in (text or {}).items():
        if language not in LOCALES:
            raise BadWording(N_("The mall does not speak {language}."), language=str(language)[:20]).about(
                "description"
            )
        source = str(raw or "").strip()
        if len(source) > LONGEST_DESCRIPTION:
            raise BadWording(TOO_LONG, length=len(source), longest=LONGEST_DESCRIPTION).about("description")
        if source and "<" not in source:
            blocks = source.replace("\r\n", "\n").split("\n\n")
            source = "".join(f"<p>{escape(block.strip())}</p>" for block in blocks if block.strip())
        if source:
            cleaned[language] = nh3.clean(
                source,
                tags=TAGS,
                attributes={"a": {"href"}},
                url_schemes={"http", "https", "mailto"},
                link_rel="noopener nofollow",
            )
    return cleaned or None
