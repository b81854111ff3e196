"""Uploads: codes come into a pool from a file or typed lines, looked through before any is kept; faulty ones leave it.

The codes themselves stand in no list, log or audit entry: rows are named by their number, codes by how many they are.
"""

import csv
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import insert, select, update

from mall.base import files
from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.seals import mark, marks, seal
from mall.base.text import N_
from mall.domain import audit

from .pool import FREE, ISSUED, LONGEST_NOTE, MARKED_FOR, SEALED_FOR, VOID, WITHDRAWN, CodeUpload, PoolCode
from .products import Product
from .stock import book, lock_stock
from .variants import NoSuchVariant, Variant

MOST_CODES, MOST_BYTES = 5_000, 256 * 1024
SHORTEST, LONGEST = 4, 100
HEADINGS = ("code", "codes", "gift code", "兑换码", "卡密", "券码")
# A spreadsheet would take what begins like this for a formula.
FORMULA_SIGNS = ("=", "+", "-", "@")
SEPARATORS = (",", ";", "\t")
AT_ONCE = 1_000


class NotText(Refusal):
    field = "file"
    message = N_("This file is no plain text. Save it as CSV (UTF-8), with one code in each row.")


class TooManyCodes(Refusal):
    message = N_("Upload at most {most} codes and {most_kb} KB at once. Split the file and upload the parts.")


class NoCodes(Refusal):
    message = N_("There is no code in it. Put one code in each row.")


class NothingNew(Refusal):
    message = N_("None of these codes is new, so nothing was added.")


class NotACodeItem(Refusal):
    message = N_("This item is not delivered as codes.")


class NoneOfThem(Refusal):
    message = N_("None of these codes is free in this pool, so nothing was withdrawn.")


class JustTaken(Refusal):
    message = N_("Some of these codes were taken for an order just now. Nothing was withdrawn. Look again.")


class NoReasonToWithdraw(Refusal):
    field = "reason"
    message = N_("Say why the codes are withdrawn.")


class BadRow(Struct, frozen=True):
    """A row that is no code: its number, and why."""

    number: int
    why: str


class Typed(Struct, frozen=True):
    """What stood in a file: its codes, each once, how often one was repeated, and the rows that are none."""

    codes: tuple[str, ...]
    repeated: int
    bad: tuple[BadRow, ...]


class Findings(Struct, frozen=True):
    """What uploading codes would do: how many are new, how many this pool or another item's has had already."""

    new: int
    known: int
    elsewhere: int


class Withdrawal(Struct, frozen=True):
    """What came of withdrawing codes: how many left the pool, for which orders others were issued, how many are none.

    `issued` is {reference: how many}.
    """

    withdrawn: int
    issued: dict[str, int]
    unknown: int


def read_code_file(content: bytes) -> str:
    """Return the text of an uploaded file. Raises NotText, TooManyCodes."""
    if len(content) > MOST_BYTES:
        raise TooManyCodes(most=MOST_CODES, most_kb=MOST_BYTES // 1024).about("file")
    try:
        return files.text_of(content)
    except files.NotText as error:
        raise NotText() from error


def read_codes(text: str, *, field: str) -> Typed:
    """Return the codes of a text, one a row; a heading and empty rows are passed over. Pure.

    Raises TooManyCodes, NoCodes, each about a field.
    """
    if len(text.encode()) > MOST_BYTES:
        raise TooManyCodes(most=MOST_CODES, most_kb=MOST_BYTES // 1024).about(field)
    codes: dict[str, None] = {}
    bad: list[BadRow] = []
    repeated = 0
    rows = [(number, row) for number, row in enumerate(text.removeprefix("\ufeff").splitlines(), start=1)]
    rows = [(number, row) for number, row in rows if row.strip(" \t,;\"'")]
    if len(rows) > MOST_CODES + 1:
        raise TooManyCodes(most=MOST_CODES, most_kb=MOST_BYTES // 1024).about(field)
    for position, (number, row) in enumerate(rows):
        code = _code_in(row)
        if position == 0 and code.casefold() in HEADINGS:
            continue
        if why := _why_not(code):
            bad.append(BadRow(number, why))
        elif code in codes:
            repeated += 1
        else:
            codes[code] = None
    if not codes and not bad:
        raise NoCodes().about(field)
    if len(codes) > MOST_CODES:
        raise TooManyCodes(most=MOST_CODES, most_kb=MOST_BYTES // 1024).about(field)
    return Typed(tuple(codes), repeated, tuple(bad))


def _code_in(row: str) -> str:
    """Return the code of a row, as CSV has it: quotes taken off, empty cells after it left out."""
    try:
        read = next(csv.reader([row]), [])
    except csv.Error:  # Longer than the reader takes, and so than any code.
        return row
    cells = [unicodedata.normalize("NFC", cell).strip() for cell in read]
    while len(cells) > 1 and not cells[-1]:
        cells.pop()
    return ",".join(cells).rstrip(";").strip()


def _why_not(code: str) -> str | None:
    """Return why a text is no code, or None."""
    if any(sign in code for sign in SEPARATORS):
        return SEVERAL
    if not SHORTEST <= len(code) <= LONGEST:
        return LENGTH
    if code.startswith(FORMULA_SIGNS):
        return FORMULA
    return None if code.isprintable() else SIGNS


SEVERAL = N_("It has more than one value; put one code in each row.")
LENGTH = N_("A code has 4 to 100 characters.")
FORMULA = N_("It begins with a sign that a spreadsheet would compute: = + - @")
SIGNS = N_("It has signs that cannot be shown.")


def look_through(variant_id: int, codes: Sequence[str]) -> Findings:
    """Return what uploading codes to a variant's pool would do. Raises NoSuchVariant, NotACodeItem."""
    refuse_unless_codes(variant_id)
    new, known, elsewhere = _sorted_out(variant_id, codes)
    return Findings(len(new), known, elsewhere)


def upload_codes(variant_id: int, codes: Sequence[str], *, note: str = "", by: str, at: datetime) -> int:
    """Put those codes into a variant's pool that are new, and as many pieces on its stock. Returns how many.

    Raises NoSuchVariant, NotACodeItem, NothingNew.
    """
    refuse_unless_codes(variant_id)
    lock_stock(variant_id)  # Two uploads to one pool come one after the other.
    new, _known, _elsewhere = _sorted_out(variant_id, codes)
    if not new:
        raise NothingNew()
    upload_id = execute(
        insert(CodeUpload)
        .values(variant_id=variant_id, codes=len(new), note=note[:LONGEST_NOTE], by=by, at=at)
        .returning(CodeUpload.id)
    ).scalar_one()
    execute(
        insert(PoolCode).inline(),
        [
            {"variant_id": variant_id, "upload_id": upload_id, "mark": mark(code, purpose=MARKED_FOR),
             "sealed": seal(code, purpose=SEALED_FOR), "state": FREE}
            for code in new
        ],
    )  # fmt: skip
    book("receive", variant_id, len(new), reference=f"codes:{upload_id}", reason=note, by=by, at=at)
    _note("codes.uploaded", variant_id, len(new), reason=note, by=by, at=at)
    return len(new)


def withdraw_codes(
    variant_id: int,
    *,
    codes: Sequence[str] = (),
    upload_id: int | None = None,
    reason: str,
    by: str,
    at: datetime,
) -> Withdrawal:
    """Take codes that turned out faulty out of a variant's pool for good: those given, or all free ones of an upload.

    Raises NoSuchVariant, NotACodeItem, NoReasonToWithdraw, NoneOfThem, StockSpokenFor, JustTaken.
    """
    if not reason.strip():
        raise NoReasonToWithdraw()
    refuse_unless_codes(variant_id)
    lock_stock(variant_id)
    columns = select(PoolCode.id, PoolCode.state, PoolCode.reference).where(PoolCode.variant_id == variant_id)
    if upload_id is not None:
        known = list(execute(columns.where(PoolCode.upload_id == upload_id, PoolCode.state == FREE)))
    else:
        wanted = [each for code in codes for each in marks(code, purpose=MARKED_FOR)]
        known = [row for part in _parts(wanted) for row in execute(columns.where(PoolCode.mark.in_(part)))]
    free = [row.id for row in known if row.state == FREE]
    issued: dict[str, int] = {}
    for row in known:
        if row.state in (ISSUED, VOID):
            issued[row.reference] = issued.get(row.reference, 0) + 1
    unknown = max(0, len(codes) - len(free) - sum(issued.values()))
    if not free and not issued:
        raise NoneOfThem()
    if free:
        # The pieces first, then their codes: who has the pieces cannot find too few codes.
        book("adjust", variant_id, -len(free), reference="", reason=reason, by=by, at=at)
        _withdraw(free)
        _note("codes.withdrawn", variant_id, len(free), reason=reason, by=by, at=at)
    return Withdrawal(len(free), issued, unknown)


def _withdraw(ids: Sequence[int]) -> None:
    for part in _parts(ids):
        locked = (
            select(PoolCode.id)
            .where(PoolCode.id.in_(part), PoolCode.state == FREE)
            .with_for_update(skip_locked=True, key_share=True)
        )
        mine = list(execute(locked).scalars())
        if len(mine) < len(part):
            raise JustTaken()
        execute(update(PoolCode).where(PoolCode.id.in_(mine)).values(state=WITHDRAWN))


def refuse_unless_codes(variant_id: int) -> None:
    """Raise NoSuchVariant for none, NotACodeItem for one that is not delivered from a pool."""
    kind = execute(
        select(Product.kind).join(Variant, Variant.product_id == Product.id).where(Variant.id == variant_id)
    ).scalar_one_or_none()
    if kind is None:
        raise NoSuchVariant()
    if kind != "code":
        raise NotACodeItem()


def _sorted_out(variant_id: int, codes: Sequence[str]) -> tuple[list[str], int, int]:
    """Return (the codes that are new, how many this pool has had, how many another item's has in use)."""
    of_mark = {each: code for code in codes for each in marks(code, purpose=MARKED_FOR)}
    here: set[str] = set()
    elsewhere: set[str] = set()
    columns = select(PoolCode.mark, PoolCode.variant_id, PoolCode.state)
    for part in _parts(list(of_mark)):
        for row in execute(columns.where(PoolCode.mark.in_(part))):
            if row.variant_id == variant_id:
                here.add(of_mark[row.mark])
            elif row.state != WITHDRAWN:
                elsewhere.add(of_mark[row.mark])
    elsewhere -= here
    return [code for code in codes if code not in here and code not in elsewhere], len(here), len(elsewhere)


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield values by so many at once as a statement takes well."""
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def _note(act: str, variant_id: int, codes: int, *, by: str, at: datetime, reason: str) -> None:
    row = execute(select(Variant.product_id, Variant.sku).where(Variant.id == variant_id)).one()
    after = {"sku": row.sku, "codes": codes}
    audit.write(act, by=by, subject=f"product:{row.product_id}", at=at, after=after, reason=reason)
