"""The pool: codes that a product of the kind "code" is delivered from. A piece of its stock is a code.

On hand of such a variant are always as many pieces as the pool has free codes, and whoever takes a code has a piece of
that stock first: reserved at placing, or taken off. So of those who choose codes at the same time with SKIP LOCKED,
none waits for another and none can find too few, wherever in a transaction it stands.

A code is kept sealed and found by its mark. Once shown to its owner it is spent: it never goes back into the pool.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Row,
    String,
    UniqueConstraint,
    bindparam,
    func,
    insert,
    literal,
    select,
    text,
    union_all,
    update,
)

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import NotFound, Refusal
from mall.base.guard import append_only
from mall.base.seals import BrokenSeal, marked, unseal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_

FREE, ISSUED, VOID, WITHDRAWN = "free", "issued", "void", "withdrawn"
LONGEST_NOTE = 200
# What codes are sealed and marked for. Another word here, and none of them can be read or found any more.
SEALED_FOR, MARKED_FOR = "mall catalogue codes v1", "mall catalogue code marks v1"


class CodeUpload(db.Model):
    """Codes that came into a variant's pool together: how many were new."""

    __tablename__ = "code_upload"
    __table_args__ = (CheckConstraint("codes > 0", name="codes_positive"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    variant_id: Mapped[int] = mapped_column(ForeignKey("variant.id"), index=True)
    codes: Mapped[int]
    note: Mapped[str] = mapped_column(String(LONGEST_NOTE))
    by: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(Instant)


class PoolCode(db.Model):
    """One code, sealed: free, issued for a line of an order, void (shown, then refunded), or withdrawn.

    `shown_at` is when its owner first saw it.
    """

    __tablename__ = "pool_code"
    __table_args__ = (
        CheckConstraint("state IN ('free', 'issued', 'void', 'withdrawn')", name="state_known"),
        CheckConstraint("(state IN ('issued', 'void')) = (reference IS NOT NULL)", name="issued_for_an_order"),
        CheckConstraint("(reference IS NULL) = (line IS NULL)", name="issued_for_a_line"),
        CheckConstraint("(reference IS NULL) = (issued_at IS NULL)", name="issued_at_an_instant"),
        CheckConstraint("shown_at IS NULL OR state IN ('issued', 'void')", name="shown_is_spent"),
        UniqueConstraint("variant_id", "mark"),
        Index(
            "uq_pool_code_mark_in_use",
            "mark",
            unique=True,
            sqlite_where=text("state <> 'withdrawn'"),
            postgresql_where=text("state <> 'withdrawn'"),
        ),
        Index(None, "variant_id", "state", "id"),
        Index(None, "reference"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    variant_id: Mapped[int] = mapped_column(ForeignKey("variant.id"))
    upload_id: Mapped[int] = mapped_column(ForeignKey("code_upload.id"), index=True)
    mark: Mapped[str] = mapped_column(String(43))
    sealed: Mapped[str] = mapped_column(String(1_000))
    state: Mapped[str] = mapped_column(String(10))
    reference: Mapped[str | None] = mapped_column(String(40))
    line: Mapped[int | None]
    issued_at: Mapped[datetime | None] = mapped_column(Instant)
    shown_at: Mapped[datetime | None] = mapped_column(Instant)


class CodeShown(db.Model):
    """One time that a code was shown, and to whom. Only added to."""

    __tablename__ = "code_shown"

    id: Mapped[int] = mapped_column(primary_key=True)
    code_id: Mapped[int] = mapped_column(ForeignKey("pool_code.id"), index=True)
    by: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(Instant)


append_only(CodeShown)


class NoSuchCode(NotFound):
    message = N_("There is no such code.")


class CodeNotReadable(Refusal):
    message = N_("This code cannot be shown at the moment. Write to us, and we will see to it.")


class Issuing(Struct, frozen=True):
    """So many codes of a variant's pool for a line of an order."""

    line: int
    variant_id: int
    quantity: int


def issue_codes(wanted: Sequence[Issuing], *, reference: str, at: datetime) -> None:
    """Take codes out of their pools for the lines of an order that has these pieces reserved. Two statements."""
    assert in_transaction(), "codes are issued outside transaction()"
    pieces: dict[int, int] = {}
    for each in wanted:
        pieces[each.variant_id] = pieces.get(each.variant_id, 0) + each.quantity
    free: dict[int, list[int]] = {variant_id: [] for variant_id in pieces}
    for code in execute(_chosen(pieces)):
        free[code.variant_id].append(code.id)
    taken = [
        {"code": free[each.variant_id].pop(), "reference": reference, "line": each.line, "at": at}
        for each in wanted
        for _piece in range(each.quantity)
    ]
    issued = execute(_ISSUE, taken).rowcount
    assert issued == len(taken), "a code was issued that was not free"


def _chosen(pieces: Mapping[int, int]) -> Any:
    """Return the statement that locks and returns so many free codes of each variant, the oldest first."""
    chosen = [
        select(PoolCode.id, PoolCode.variant_id)
        .where(PoolCode.variant_id == variant_id, PoolCode.state == FREE)
        .order_by(PoolCode.id)
        .limit(quantity)
        .with_for_update(skip_locked=True, key_share=True)
        .cte(f"of_{number}")
        .prefix_with("MATERIALIZED", dialect="postgresql")
        for number, (variant_id, quantity) in enumerate(sorted(pieces.items()))
    ]
    rows = union_all(*[select(each.c.id, each.c.variant_id) for each in chosen]).subquery()
    return select(rows).order_by(rows.c.id.desc())  # Taken from the end: the oldest goes first.


def take_codes_back(reference: str, lines: Mapping[int, tuple[int, int]]) -> None:
    """Take codes of a locked order back: of each line so many never shown, which are free again, and so many shown.

    `lines` is {line: (never shown, shown)}. The pieces of stock that the free ones are follow by take_returned().
    """
    issued = execute(
        select(PoolCode.id, PoolCode.line, PoolCode.shown_at)
        .where(PoolCode.reference == reference, PoolCode.state == ISSUED, PoolCode.line.in_(sorted(lines)))
        .order_by(PoolCode.id)
        .with_for_update(key_share=True)
    ).all()
    back: list[int] = []
    spent: list[int] = []
    for line, (never_shown, shown) in lines.items():
        back += [code.id for code in issued if code.line == line and code.shown_at is None][:never_shown]
        spent += [code.id for code in issued if code.line == line and code.shown_at is not None][:shown]
    assert len(back) + len(spent) == sum(map(sum, lines.values())), "codes that the order does not have"
    if back:
        execute(
            update(PoolCode).where(PoolCode.id.in_(back)).values(state=FREE, reference=None, line=None, issued_at=None)
        )
    if spent:
        execute(update(PoolCode).where(PoolCode.id.in_(spent)).values(state=VOID))


def show_code(code_id: int, *, reference: str, by: str, at: datetime) -> str:
    """Return a code to who had it issued by a locked order, and write down that it was shown.

    Another code under its seal than the one that came in is shown to nobody. Raises NoSuchCode, CodeNotReadable.
    """
    code = code_of(code_id, reference=reference)
    kept = execute(select(PoolCode.sealed, PoolCode.mark).where(PoolCode.id == code.id)).one()
    try:
        plain = unseal(kept.sealed, purpose=SEALED_FOR)
    except BrokenSeal as error:
        raise CodeNotReadable() from error
    if not marked(plain, kept.mark, purpose=MARKED_FOR):
        raise CodeNotReadable()
    if code.shown_at is None:
        execute(update(PoolCode).where(PoolCode.id == code.id).values(shown_at=at))
    execute(insert(CodeShown).values(code_id=code.id, by=by, at=at))
    return plain


def code_of(code_id: int, *, reference: str) -> Row[Any]:
    """Return an issued code of an order: id, line, shown_at. Never the code itself. Raises NoSuchCode."""
    row = execute(
        select(PoolCode.id, PoolCode.line, PoolCode.shown_at).where(
            PoolCode.id == code_id, PoolCode.reference == reference, PoolCode.state == ISSUED
        )
    ).one_or_none()
    if row is None:
        raise NoSuchCode()
    return row


def codes_of(reference: str) -> list[Row[Any]]:
    """Return the codes issued for an order, line by line: id, line, state, issued_at, shown_at, `times` shown.

    Never the codes themselves.
    """
    times = (select(func.count()).where(CodeShown.code_id == PoolCode.id).correlate(PoolCode).scalar_subquery()).label(
        "times"
    )
    return list(
        execute(
            select(PoolCode.id, PoolCode.line, PoolCode.state, PoolCode.issued_at, PoolCode.shown_at, times)
            .where(PoolCode.reference == reference)
            .order_by(PoolCode.line, PoolCode.id)
        )
    )


def never_shown(reference: str) -> dict[int, int]:
    """Return how many codes of an order nobody has seen yet: {line: n}; lines without such codes are left out."""
    rows = execute(
        select(PoolCode.line, func.count().label("codes"))
        .where(PoolCode.reference == reference, PoolCode.state == ISSUED, PoolCode.shown_at.is_(None))
        .group_by(PoolCode.line)
    )
    return {row.line: row.codes for row in rows}


def pool_of(variant_id: int) -> dict[str, int]:
    """Return how many codes of a variant are in each state; `shown` of the issued ones were seen."""
    rows = execute(
        select(PoolCode.state, func.count().label("codes"), func.count(PoolCode.shown_at).label("shown"))
        .where(PoolCode.variant_id == variant_id)
        .group_by(PoolCode.state)
    ).all()
    counted = dict.fromkeys((FREE, ISSUED, VOID, WITHDRAWN), 0) | {row.state: row.codes for row in rows}
    return counted | {"shown": sum(row.shown for row in rows if row.state == ISSUED)}


def uploads_of(variant_ids: Iterable[int]) -> list[Row[Any]]:
    """Return the uploads of variants, the latest first, each with how many of its codes are still `free`."""
    free = (
        select(func.count())
        .where(PoolCode.upload_id == CodeUpload.id, PoolCode.state == FREE)
        .correlate(CodeUpload)
        .scalar_subquery()
    )
    return list(
        execute(
            select(*CodeUpload.__table__.columns, free.label("free"))
            .where(CodeUpload.variant_id.in_(list(variant_ids)))
            .order_by(CodeUpload.id.desc())
        )
    )


_ISSUE = (
    update(PoolCode)
    .where(PoolCode.id == bindparam("code"), PoolCode.state == literal(FREE))
    .values(state=ISSUED, reference=bindparam("reference"), line=bindparam("line"), issued_at=bindparam("at"))
)
