"""A statement as a file: the CSV a cashier's own desk exports, or one with our column names. Read, never trusted."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from msgspec import Struct

from mall.base import files
from mall.base.cashier import Taking
from mall.base.errors import Refusal
from mall.base.money import cents_of
from mall.base.text import N_

from .statement import LONGEST_ID, LONGEST_KIND

MOST_LINES = 2_000
LARGEST_FILE = 400_000  # Bytes: what is shown first comes back with its form.
MOST_FAULTS = 20
LARGEST_CENTS = 10**12
# Beyond them it is a slip, and at the ends of all years a moment has no day in every time zone.
YEARS = range(2000, 2200)

# Our name of a column -> what it may be called. The first that is there and filled counts.
COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id", "balance_transaction_id"),
    "type": ("type", "reporting_category"),
    "amount": ("amount", "gross"),
    "fee": ("fee",),
    "net": ("net",),
    "currency": ("currency",),
    "source": ("payment_intent_id", "source", "source_id"),
    "created": ("created", "created_utc", "created (utc)"),
    "available_on": ("available_on", "available_on_utc", "available on (utc)"),
    "payout": ("payout", "automatic_payout_id", "transfer"),
}
NEEDED = ("id", "type", "amount", "currency", "created")
REFUNDS = ("refund", "payment_refund", "refund_failure")


class NoCsv(Refusal):
    message = N_("This is no CSV file in UTF-8.")


class StatementTooLarge(Refusal):
    message = N_("The file is larger than {most_kb} kB. Import it in parts.")


class FileFault(Refusal):
    """A line of the file that cannot be read. `line` counts from 1, the headings included."""

    def __init__(self, line: int, **values: str) -> None:
        super().__init__(line=line, **values)


class NoColumn(FileFault):
    message = N_("The file has no column “{column}”. Keep the headings of the export.")


class NoLines(FileFault):
    message = N_("The file has headings but no lines.")


class TooManyLines(FileFault):
    message = N_("The file has more than {most} lines. Import it in parts.")


class BadAmount(FileFault):
    message = N_("Line {line}: “{given}” under “{column}” is no amount. Write it like -12.34.")


class BadTime(FileFault):
    message = N_("Line {line}: “{given}” under “{column}” is no time. Write it like 2026-05-31 14:00:00.")


class BadWord(FileFault):
    message = N_("Line {line}: “{column}” is empty, or too long.")


class BadNet(FileFault):
    message = N_("Line {line}: the amount less the fee is not the net.")


class SaidTwice(FileFault):
    message = N_("Line {line}: “{given}” is in the file already, with other amounts.")


class ReadFile(Struct, frozen=True):
    """What a file says: its lines, or the faults that keep it from being imported."""

    lines: tuple[Taking, ...]
    faults: tuple[FileFault, ...]


def statement_text(content: bytes) -> str:
    """Return the text of a file that somebody sent, or of lines they typed. Raises StatementTooLarge, NoCsv. Pure."""
    if len(content) > LARGEST_FILE:
        raise StatementTooLarge(most_kb=LARGEST_FILE // 1_000)
    try:
        return files.text_of(content)
    except files.NotText as error:
        raise NoCsv() from error


def read_statement(text: str) -> ReadFile:
    """Read a statement from CSV. It is imported whole or not at all, so one fault is enough to keep it out. Pure."""
    table = csv.reader(io.StringIO(text.lstrip("\ufeff")))
    try:
        headings = [heading.strip().lower() for heading in next(table, [])]
        missing = [name for name in NEEDED if not any(alias in headings for alias in COLUMNS[name])]
        if missing:
            return ReadFile((), tuple(NoColumn(1, column=name) for name in missing))
        return _lines(dict(zip(headings, row, strict=False)) for row in table)
    except csv.Error:
        return ReadFile((), (NoColumn(1, column="id"),))


def _lines(rows: Iterator[Mapping[str, str]]) -> ReadFile:
    found: dict[str, Taking] = {}
    faults: list[FileFault] = []
    for number, row in enumerate(rows, start=2):
        if not any(value.strip() for value in row.values()):
            continue
        if number > MOST_LINES + 1:
            return ReadFile((), (TooManyLines(number, most=str(MOST_LINES)),))
        try:
            line = _line(row, number)
        except FileFault as fault:
            faults.append(fault)
            if len(faults) == MOST_FAULTS:
                break
            continue
        if found.setdefault(line.id, line) != line:
            faults.append(SaidTwice(number, given=line.id[:60]))
    if faults:
        return ReadFile((), tuple(faults))
    if not found:
        return ReadFile((), (NoLines(1),))
    return ReadFile(tuple(sorted(found.values(), key=lambda line: (line.created_at, line.id))), ())


def _line(row: Mapping[str, str], number: int) -> Taking:
    kind = _word(row, "type", number, longest=LONGEST_KIND)
    amount, fee = _cents(row, "amount", number), _cents(row, "fee", number)
    if _typed(row, "net") and _cents(row, "net", number) != amount - fee:
        raise BadNet(number)
    return Taking(
        id=_word(row, "id", number, longest=LONGEST_ID),
        kind=kind,
        amount_cents=amount,
        fee_cents=fee,
        currency=_word(row, "currency", number, longest=3).upper(),
        source=_source(row, kind)[:LONGEST_ID],
        created_at=_time(row, "created", number),
        available_at=_time(row, "available_on", number) if _typed(row, "available_on") else None,
        payout=_typed(row, "payout")[:LONGEST_ID],
    )


def _source(row: Mapping[str, str], kind: str) -> str:
    """Return what a line is of: a refund's export names its payment as well, but it is of the refund."""
    names = COLUMNS["source"][1:] if kind in REFUNDS else COLUMNS["source"]
    return next((found for name in names if (found := row.get(name, "").strip())), "")


def _typed(row: Mapping[str, str], column: str) -> str:
    return next((found for name in COLUMNS[column] if (found := row.get(name, "").strip())), "")


def _word(row: Mapping[str, str], column: str, number: int, *, longest: int) -> str:
    word = _typed(row, column)
    if not word or len(word) > longest or (column == "currency" and not (len(word) == 3 and word.isalpha())):
        raise BadWord(number, column=column)
    return word


def _cents(row: Mapping[str, str], column: str, number: int) -> int:
    typed = _typed(row, column)
    if not typed:
        if column == "amount":
            raise BadAmount(number, column=column, given="")
        return 0
    digits = typed.removeprefix("'").removeprefix("-")
    try:
        cents = cents_of(digits)
    except ValueError:
        raise BadAmount(number, column=column, given=typed[:30]) from None
    if cents > LARGEST_CENTS:
        raise BadAmount(number, column=column, given=typed[:30])
    return -cents if typed.removeprefix("'").startswith("-") else cents


def _time(row: Mapping[str, str], column: str, number: int) -> datetime:
    typed = _typed(row, column)
    try:
        moment = datetime.fromisoformat(typed)
        if moment.year not in YEARS:
            raise ValueError
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadTime(number, column=column, given=typed[:30]) from None
