"""Sheets: what is uploaded as CSV, as spreadsheets write it: commas, semicolons or tabs, with a mark or without."""

import csv
import io
from collections.abc import Mapping, Sequence

from .errors import Refusal
from .files import NotText, text_of
from .text import N_

# A spreadsheet would take a cell that begins like this for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class BadFile(Refusal):
    field = "file"
    message = N_("This is no CSV file. Save the sheet as CSV, in UTF-8, and choose it again.")


class FileTooLarge(Refusal):
    field = "file"
    message = N_("The file is too large: at most {rows} rows and {kilobytes} KB. Split it.")


class ColumnMissing(Refusal):
    field = "file"
    message = N_("The first row must name the columns: {columns}. None is called {column}.")


class NoFile(Refusal):
    field = "file"
    message = N_("Choose a file with something in it.")


class NothingInFile(Refusal):
    field = "file"
    message = N_("There is no row under the names of the columns.")


class FileChanged(Refusal):
    message = N_("What the file would do has changed since it was shown. Nothing was done. Look at it again.")


class LikeAFormula(Refusal):
    message = N_("A cell begins like a formula. Take the sign away.")


def read_sheet(
    data: bytes, *, columns: Mapping[str, Sequence[str]], needed: Sequence[str], most_rows: int, most_bytes: int
) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a CSV file that hold something, [(row number, {column: cell})]. Pure.

    `columns` are the names that the first row may call each by, ours first; a column that is not there is empty.
    Refuses: NoFile, BadFile, FileTooLarge, ColumnMissing, NothingInFile.
    """
    too_large = FileTooLarge(rows=most_rows, kilobytes=most_bytes // 1_000)
    if not data:
        raise NoFile()
    if len(data) > most_bytes:
        raise too_large
    sheet = _cells(data)
    if not sheet:
        raise NothingInFile()
    names = [cell.strip().casefold() for cell in sheet[0]]
    at = {
        column: next((names.index(name) for name in called if name in names), None)
        for column, called in columns.items()
    }
    for column in needed:
        if at[column] is None:
            raise ColumnMissing(columns=", ".join(needed), column=column)
    rows = [
        (number, {column: _cell(cells, place) for column, place in at.items()})
        for number, cells in enumerate(sheet[1:], start=2)
        if any(cell.strip() for cell in cells)
    ]
    if len(rows) > most_rows:
        raise too_large
    if not rows:
        raise NothingInFile()
    return rows


def like_a_formula(cells: Sequence[str]) -> bool:
    """Tell whether a spreadsheet would take any of some cells for a formula."""
    return any(cell.startswith(FORMULA) for cell in cells)


def _cells(data: bytes) -> list[list[str]]:
    try:
        text = text_of(data)
    except NotText as error:
        raise BadFile() from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadFile() from error


def _cell(cells: Sequence[str], place: int | None) -> str:
    return cells[place].strip(" ") if place is not None and place < len(cells) else ""
