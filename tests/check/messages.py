"""The catalogues: every visible text is collected, translated, and compiled as it stands.

Without arguments it says what is missing; with --write it brings the catalogues up to date and compiles them.
"""

import re
import sys
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[2]
CATALOGUES = ROOT / "mall" / "translations"
LOCALES = ("zh_Hans_CN",)  # English needs none: it is what the texts are written in.
SOURCES = (
    ("mall", [("**.py", "python")]),
    ("templates", [("**.html", "jinja2"), ("**.txt", "jinja2"), ("**.xml", "jinja2")]),
)
KEYWORDS = DEFAULT_KEYWORDS | {"_l": None, "lazy_gettext": None, "lazy_ngettext": (1, 2)}
JINJA = {"trim_blocks": "true", "lstrip_blocks": "true", "newstyle_gettext": "true", "silent": "false"}
PASSING_HEADERS = tuple(
    f'"{name}:'
    for name in (
        "Project-Id-Version",
        "Report-Msgid-Bugs-To",
        "POT-Creation-Date",
        "PO-Revision-Date",
        "Last-Translator",
        "Language-Team",
        "Generated-By",
    )
)
WHENEVER = datetime(2026, 1, 1, tzinfo=UTC)
PLACES = re.compile(r"\{\w+\}|%\(\w+\)[sd]")


def collected() -> Catalog:
    """Return every text marked for translation."""
    catalogue = Catalog(project="points mall", fuzzy=False)
    for folder, methods in SOURCES:
        options = {pattern: JINJA for pattern, method in methods if method == "jinja2"}
        for _file, _line, text, _comments, context in extract_from_dir(
            str(ROOT / folder), methods, options, keywords=KEYWORDS
        ):
            catalogue.add(text, context=context)
    return catalogue


def path_of(locale: str, ending: str) -> Path:
    """Return where a locale's catalogue is kept."""
    return CATALOGUES / locale / "LC_MESSAGES" / f"messages.{ending}"


def kept(locale: str) -> Catalog:
    """Return a locale's catalogue as it stands, empty when there is none."""
    path = path_of(locale, "po")
    if not path.exists():
        return Catalog(locale=locale, project="points mall", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=locale)


def write(locale: str, template: Catalog) -> None:
    """Bring a locale's catalogue up to date and compile it."""
    catalogue = kept(locale)
    catalogue.update(deepcopy(template), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    path_of(locale, "po").parent.mkdir(parents=True, exist_ok=True)
    catalogue.header_comment = f"# The points mall's texts: {locale}."
    text = BytesIO()
    write_po(text, catalogue, no_location=True, sort_output=True, width=0)
    lines = text.getvalue().decode().splitlines(keepends=True)
    # Without dates and names a catalogue changes only when a text does.
    path_of(locale, "po").write_text("".join(line for line in lines if not line.startswith(PASSING_HEADERS)))
    written = kept(locale)
    written.project = "points mall"
    written.creation_date = written.revision_date = WHENEVER
    with path_of(locale, "mo").open("wb") as file:
        write_mo(file, written)


def complaints(locale: str, template: Catalog) -> Iterator[str]:
    """Yield what a locale's catalogue lacks, has wrong, or has not compiled."""
    catalogue = kept(locale)
    for wanted in template:
        if not wanted.id:
            continue
        message = catalogue.get(wanted.id, wanted.context)
        if message is None or not _translated(message) or message.fuzzy:
            yield f"{locale}: not translated: {wanted.id!r}"
        elif not _same_places(message):
            yield f"{locale}: other places than in English: {wanted.id!r} -> {message.string!r}"
    if not _compiled(locale, catalogue):
        yield f"{locale}: the compiled catalogue is not in step; run `make messages`"


def _compiled(locale: str, catalogue: Catalog) -> bool:
    """Tell whether the compiled catalogue says what the written one says, and nothing else."""
    path = path_of(locale, "mo")
    if not path.exists():
        return False
    texts, compiled = _texts(catalogue), _texts(read_mo(BytesIO(path.read_bytes())))
    # A plural without translation is compiled as its English.
    leftover = {key for key in compiled if key not in texts and len(key[0]) == 1}
    return texts == {key: compiled.get(key) for key in texts} and not leftover


def _translated(message: Message) -> bool:
    strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return bool(strings) and all(strings)


def _same_places(message: Message) -> bool:
    """Tell whether a translation has the places of its sentence; a counted one may have fewer, and the count.

    Where many are written as a number of their own, such as 1,500, the only form of a language takes that one.
    """
    if isinstance(message.id, tuple | list):
        one, many = (set(PLACES.findall(text)) for text in message.id)
        wanted = {"%(num)s"} | one | many
        if len(message.string) == 1 and many - one:
            wanted -= {"%(num)s"} - many
        return all(set(PLACES.findall(string)) <= wanted for string in message.string)
    return sorted(PLACES.findall(message.id)) == sorted(PLACES.findall(message.string))


def _texts(catalogue: Catalog) -> dict[tuple[tuple[str, ...], str | None], tuple[str, ...]]:
    return {
        (_plain(message.id), message.context): _plain(message.string)
        for message in catalogue
        if message.id and _translated(message) and not message.fuzzy
    }


def _plain(text: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, tuple | list) else (text,)


def main(arguments: list[str]) -> int:
    """Write or check the catalogues. Returns the exit status."""
    template = collected()
    if "--write" in arguments:
        for locale in LOCALES:
            write(locale, template)
    found = [line for locale in LOCALES for line in complaints(locale, template)]
    count = sum(bool(message.id) for message in template)
    print("\n".join(found) or f"{count} texts, each in {' and '.join(LOCALES)}")
    return 1 if found and "--write" not in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
