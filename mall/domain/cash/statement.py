"""The cashier's statement: the lines of its own books, one by one. Stored as they came, and never changed.

An edge as well: import_statement() goes over the network, and so opens its own short transactions around the call.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import CheckConstraint, Index, Row, String, UniqueConstraint, func, insert, select

from mall.base.cashier import Cashier, Taking
from mall.base.clock import Instant, day_of
from mall.base.db import again, db, execute, in_transaction, reading, transaction
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.domain import audit

from .payments import Payment

ASKED_FOR = "cashier"  # The cashier was asked.
FROM_FILE = "file"  # Finance brought a file of it.

# How the cashier calls what it pays out, and what it takes for itself in a line of its own.
PAYOUT_KINDS = ("payout", "payout_cancel", "payout_failure", "payout_reversal")
FEE_KINDS = ("stripe_fee", "stripe_fx_fee", "tax_fee", "network_cost", "fee", "platform_fee")

BATCH = 500
# A line may be written into the cashier's books some time after its moment.
LOOK_BACK = timedelta(days=3)
LONGEST_KIND, LONGEST_ID = 60, 200

T = TypeVar("T")


class StatementLine(db.Model):
    """A line of the cashier's books: what came or went, what it kept of it. `happened_on` is the shop's day."""

    __tablename__ = "statement_line"
    __table_args__ = (
        UniqueConstraint("cashier", "line_id"),
        CheckConstraint("net_cents = amount_cents - fee_cents", name="net_is_amount_less_fee"),
        CheckConstraint("via IN ('cashier', 'file')", name="via_known"),
        Index(None, "cashier", "source"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    cashier: Mapped[str] = mapped_column(String(16))
    line_id: Mapped[str] = mapped_column(String(LONGEST_ID))
    kind: Mapped[str] = mapped_column(String(LONGEST_KIND))
    amount_cents: Mapped[int]
    fee_cents: Mapped[int]
    net_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    # What it is of, by the cashier's id: a payment, a refund, a dispute, a payout; empty when it is of nothing.
    source: Mapped[str] = mapped_column(String(LONGEST_ID))
    payout: Mapped[str] = mapped_column(String(LONGEST_ID))
    created_at: Mapped[datetime] = mapped_column(Instant)
    available_at: Mapped[datetime | None] = mapped_column(Instant)
    happened_on: Mapped[date] = mapped_column(index=True)
    via: Mapped[str] = mapped_column(String(8))
    imported_at: Mapped[datetime] = mapped_column(Instant, index=True)
    imported_by: Mapped[str] = mapped_column(String(40))


class StatementImport(db.Model):
    """One import of a statement: the stretch of time it covers, and how many of its lines were new."""

    __tablename__ = "statement_import"
    __table_args__ = (CheckConstraint("covers_from <= covers_until", name="covers_a_stretch"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    cashier: Mapped[str] = mapped_column(String(16), index=True)
    via: Mapped[str] = mapped_column(String(8))
    covers_from: Mapped[datetime] = mapped_column(Instant)
    covers_until: Mapped[datetime] = mapped_column(Instant)
    lines: Mapped[int]
    new_lines: Mapped[int]
    at: Mapped[datetime] = mapped_column(Instant)
    by: Mapped[str] = mapped_column(String(40))


append_only(StatementLine)
append_only(StatementImport)


class Compared(Struct, frozen=True):
    """Lines held against those we have: new ones, those known as they are, and those that say something else now."""

    new: tuple[Taking, ...]
    known: tuple[Taking, ...]
    differing: tuple[Taking, ...]


class Covered(Struct, frozen=True):
    """The stretch of time that imports of a cashier's statement cover, and when the last one was."""

    cashier: str
    begins: datetime
    ends: datetime
    imported_at: datetime


def import_statement(cashier: Cashier, *, zone: str, at: datetime, by: str = "system") -> Compared:
    """Ask the cashier for its books since the last import, and store what is new. Imported again, nothing is new.

    However many days were missed, it begins where the last one ended. Raises CashierUnreachable, CashierRefused.
    """
    assert not in_transaction(), "import_statement() opens its own transactions"
    with reading():
        before = {each.cashier: each for each in covered()}.get(cashier.name)
        first = execute(select(func.min(Payment.begun_at)).where(Payment.cashier == cashier.name)).scalar_one()
    since = (before.ends if before else first or at) - LOOK_BACK
    lines = list(cashier.takings_since(since))
    found: list[Compared] = []
    for batch in _in_batches(lines):

        def unit(batch: Sequence[Taking] = batch) -> Compared:
            with transaction():
                return store_lines(batch, cashier=cashier.name, via=ASKED_FOR, zone=zone, at=at, by=by)

        found.append(again(unit))
    every = _together(found)
    with transaction():
        _note(cashier.name, ASKED_FOR, since, at, lines=len(lines), new=len(every.new), at=at, by=by)
    return every


def import_lines(lines: Sequence[Taking], *, cashier: str, zone: str, at: datetime, by: str) -> Compared:
    """Store the lines of a file that are new. The same file once more changes nothing."""
    assert in_transaction(), "import_lines() outside transaction()"
    found = _together(
        [store_lines(batch, cashier=cashier, via=FROM_FILE, zone=zone, at=at, by=by) for batch in _in_batches(lines)]
    )
    if found.new:
        times = [line.created_at for line in lines]
        _note(cashier, FROM_FILE, min(times), max(times), lines=len(lines), new=len(found.new), at=at, by=by)
        audit.write(
            "statement.imported",
            by=by,
            subject=f"cashier:{cashier}",
            at=at,
            after={"lines": len(lines), "new": len(found.new)},
        )
    return found


def compare(lines: Iterable[Taking], *, cashier: str) -> Compared:
    """Hold lines against those we have. Reads; changes nothing."""
    every = {line.id: line for line in lines}
    ours: dict[str, Row[Any]] = {}
    for ids in _in_batches(list(every)):
        rows = execute(select(StatementLine).where(StatementLine.cashier == cashier, StatementLine.line_id.in_(ids)))
        ours |= {row.line_id: row for row in rows}
    known = {line_id for line_id, row in ours.items() if _says(row) == _says_line(every[line_id])}
    return Compared(
        tuple(line for line in every.values() if line.id not in ours),
        tuple(line for line in every.values() if line.id in known),
        tuple(line for line in every.values() if line.id in ours and line.id not in known),
    )


def store_lines(lines: Sequence[Taking], *, cashier: str, via: str, zone: str, at: datetime, by: str) -> Compared:
    """Store the lines that are new; what is known stays as it came, whatever is said of it later."""
    assert in_transaction(), "store_lines() outside transaction()"
    compared = compare(lines, cashier=cashier)
    if compared.new:
        execute(
            insert(StatementLine),
            [
                {
                    "cashier": cashier,
                    "line_id": line.id,
                    "kind": line.kind,
                    "amount_cents": line.amount_cents,
                    "fee_cents": line.fee_cents,
                    "net_cents": line.net_cents,
                    "currency": line.currency,
                    "source": line.source,
                    "payout": line.payout,
                    "created_at": line.created_at,
                    "available_at": line.available_at,
                    "happened_on": day_of(line.created_at, zone),
                    "via": via,
                    "imported_at": at,
                    "imported_by": by,
                }
                for line in compared.new
            ],
        )
    return compared


def covered() -> list[Covered]:
    """Return what is covered of each cashier's statement."""
    rows = execute(
        select(
            StatementImport.cashier,
            func.min(StatementImport.covers_from).label("begins"),
            func.max(StatementImport.covers_until).label("ends"),
            func.max(StatementImport.at).label("imported_at"),
        )
        .group_by(StatementImport.cashier)
        .order_by(StatementImport.cashier)
    )
    return [Covered(row.cashier, row.begins, row.ends, row.imported_at) for row in rows]


def _together(parts: Sequence[Compared]) -> Compared:
    return Compared(
        tuple(line for part in parts for line in part.new),
        tuple(line for part in parts for line in part.known),
        tuple(line for part in parts for line in part.differing),
    )


def _in_batches(things: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(things), BATCH):
        yield things[start : start + BATCH]


def _note(
    cashier: str, via: str, begins: datetime, ends: datetime, *, lines: int, new: int, at: datetime, by: str
) -> None:
    execute(
        insert(StatementImport).values(
            cashier=cashier, via=via, covers_from=begins, covers_until=ends, lines=lines, new_lines=new, at=at, by=by
        )
    )


def _says(row: Row[Any]) -> tuple[int, int, str]:
    return row.amount_cents, row.fee_cents, row.currency


def _says_line(line: Taking) -> tuple[int, int, str]:
    return line.amount_cents, line.fee_cents, line.currency
