"""Tables: on a telephone each row becomes a card that says its columns' headings; to download they are CSV that a
spreadsheet opens as what it is, never as formulas.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from html import unescape
from typing import Any

from flask import Flask, Response
from markupsafe import Markup, escape

from mall.base.sheets import FORMULA

# A table as our templates write it: headings in its thead, and behind that rows of cells, none of them a table itself.
_HEAD = re.compile(r"<thead>.*?</thead>", re.DOTALL)
_HEADING = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)
_ROW = re.compile(r"<tr\b[^>]*>.*?</tr>", re.DOTALL)
_CELL = re.compile(r"<(?P<tag>t[dh])\b(?P<given>[^>]*)>(?P<shows>.*?)</(?P=tag)>", re.DOTALL)
_HIDDEN = re.compile(r"<span class=\"(?:vh|needs-js)\">.*?</span>", re.DOTALL)
_MARK = re.compile(r"<[^>]*>")
# What a cell shows when there is nothing to say, and what says something without a word: a box, a picture.
NOTHING = ("", "–")
WORDLESS = ("<input", 'role="img"')


def prepare(app: Flask) -> None:
    """Let templates have their tables as cards."""
    app.jinja_env.filters["as_cards"] = as_cards


def as_cards(table: str) -> Markup:
    """Return a table whose rows are cards on a telephone: the first words of a row on top, the rest under labels.

    A cell's label is the heading of its column. What has nothing to say is left out there.
    """
    html = str(table)  # Markup escapes what is added to it.
    head = _HEAD.search(html)
    assert head, "a table without headings"
    labels = [_words(heading) for heading in _HEADING.findall(head[0])]
    body = _ROW.sub(lambda row: _card(row[0], labels), html[head.end() :])
    return Markup(html[: head.end()].replace('class="table', 'class="table table-cards table-stack', 1) + body)


def _card(row: str, labels: Sequence[str]) -> str:
    """Return a row with its cells labelled. On top stands what names the row.

    That is a cell of class lead, else the row's own heading, else its first cell that is no figure.
    """
    cells = list(_CELL.finditer(row))
    top = next(iter(sorted(cells, key=_rank)), None)
    parts, end, column = [], 0, 0
    for cell in cells:
        given, label = cell["given"], labels[column] if column < len(labels) else ""
        column += int(spans[1]) if (spans := re.search(r'colspan="(\d+)"', given)) else 1
        if cell is top:
            given = given if "lead" in given else _with_class(given, "lead")
        elif "tick-cell" not in given:
            if _words(cell["shows"]) in NOTHING and not any(each in cell["shows"] for each in WORDLESS):
                given = _with_class(given, "none")
            if label and "data-label" not in given:
                given += f' data-label="{label}"'
        parts += [row[end : cell.start()], f"<{cell['tag']}{given}>"]
        end = cell.start("shows")
    return "".join([*parts, row[end:]])


def _rank(cell: re.Match[str]) -> int:
    given = cell["given"]
    if "tick-cell" in given:
        return 4
    if 'class="lead' in given or ' lead"' in given:
        return 0
    return 1 if cell["tag"] == "th" else 3 if 'class="num' in given else 2


def _with_class(given: str, name: str) -> str:
    return given.replace('class="', f'class="{name} ', 1) if 'class="' in given else f'{given} class="{name}"'


def _words(html: str) -> Markup:
    """Return what markup says to who sees it, to stand in an attribute."""
    return escape(unescape(" ".join(_MARK.sub("", _HIDDEN.sub("", html)).split())))


def safe(cell: Any) -> Any:
    """Return a cell as it may stand in a CSV: a text that would be taken for a formula gets a quote before it.

    Numbers stay numbers (OWASP: CSV Injection).
    """
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA) else cell


def csv_of(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, name: str) -> Response:
    """Return rows under headings as a CSV file to download."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow([safe(heading) for heading in headings])
    table.writerows([safe(cell) for cell in row] for row in rows)
    return Response(
        "\ufeff" + out.getvalue(),  # Spreadsheets read UTF-8 only when told by this mark.
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename={name}.csv"},
    )
