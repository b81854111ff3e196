"""The proof: every room's checks, asked of the database, and kept with its time, for the board of proofs.

The mall is sound when no check finds a row. It is asked from here, since finance stands above every room that is
proved and below the faces that show it.
"""

import time
from datetime import date, datetime, timedelta
from types import ModuleType
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict
from sqlalchemy import JSON, String, Table, insert, select
from sqlalchemy.exc import DBAPIError

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction, reading, transaction
from mall.base.guard import append_only
from mall.base.proof import Check
from mall.base.tables import Mapped, aliased, mapped_column
from mall.base.text import N_
from mall.domain import (
    aftersales,
    cash,
    cash_outs,
    catalogue,
    checkout,
    consultation,
    coupons,
    earning,
    interest,
    ledger,
    membership,
    notices,
    partners,
    people,
    programme,
    radar,
)

from . import proof
from .breaks import OPEN, StatementBreak

# Every room that offers checks(), this one by its own file; test_architecture.py tells when one is missing.
ROOMS: tuple[ModuleType, ...] = (
    programme,
    ledger,
    catalogue,
    cash,
    people,
    membership,
    coupons,
    interest,
    consultation,
    cash_outs,
    earning,
    checkout,
    partners,
    aftersales,
    radar,
    proof,
)
EXAMPLES = 5
HELD_TOO_LONG, UNSENT_TOO_LONG = timedelta(minutes=60), timedelta(minutes=60)


class ProofRun(db.Model):
    """One asking of all checks: when, by whom, how long it took, and what was found."""

    __tablename__ = "proof_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(Instant, index=True)
    microseconds: Mapped[int]
    ok: Mapped[bool]
    asked_by: Mapped[str] = mapped_column(String(40))
    results: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


append_only(ProofRun)


class Result(Struct, frozen=True):
    """What one check found: how many rows break it, the first of them, and how long it took to look.

    Where the database gave no answer it is not known whether anything breaks it: that is not ok either. `room` is
    whose promise it is, "" of a proof kept before that was written down.
    """

    name: str
    ok: bool
    rows: int
    microseconds: int
    examples: list[dict[str, Any]] = field(default_factory=list)
    known: bool = True
    room: str = ""


class Proof(Struct, frozen=True):
    """A proof as it was kept."""

    started_at: datetime
    microseconds: int
    ok: bool
    asked_by: str
    results: tuple[Result, ...]

    @property
    def failed(self) -> list[Result]:
        """The checks that found something."""
        return [result for result in self.results if not result.ok]

    @property
    def passed(self) -> list[Result]:
        """The checks that found nothing."""
        return [result for result in self.results if result.ok]


def prove() -> list[Result]:
    """Ask every check of every room. Each looks at the latest committed state."""
    with reading(scan=True):
        return [_asked(check, room=_name_of(room)) for room in ROOMS for check in room.checks()]


def run_proof(*, by: str, at: datetime) -> Proof:
    """Ask every check and keep what was found. Reads first, then opens a transaction: call it outside of any."""
    started = _clock()
    results = prove()
    found = Proof(at, _clock() - started, all(result.ok for result in results), by, tuple(results))
    with transaction():
        execute(
            insert(ProofRun).values(
                started_at=at,
                microseconds=found.microseconds,
                ok=found.ok,
                asked_by=by,
                results=[asdict(result) for result in results],
            )
        )
    return found


def last_proof() -> Proof | None:
    """Return the last proof that was kept."""
    row = execute(select(ProofRun).order_by(ProofRun.id.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    results = tuple(Result(**result) for result in row.results)
    return Proof(row.started_at, row.microseconds, row.ok, row.asked_by, results)


def name_of(actor: str) -> str:
    """Return the name of who asked: "staff:3" by their name, the mall itself as it is."""
    kind, _colon, number = actor.partition(":")
    if kind != "staff" or not number.isdigit():
        return actor
    return execute(select(people.Staff.name).where(people.Staff.id == int(number))).scalar_one_or_none() or actor


def watched(*, at: datetime) -> list[Result]:
    """Ask what should be looked at: a row is no broken promise, but somebody waits. What found some comes first."""
    results = [_asked(check) for check in [*_watch(at=at), *cash.watch(at=at)]]
    return sorted(results, key=lambda result: result.ok)


def tables_of(*, at: datetime) -> dict[str, dict[str, str]]:
    """Return from which table the columns of each check come, {name of the check: {column: table}}, "" where it is
    none, or not one alone.
    """
    checks = [*(check for room in ROOMS for check in room.checks()), *_watch(at=at), *cash.watch(at=at)]
    return {
        check.name: {column.key: _table_of(column) for column in check.breaks.selected_columns} for check in checks
    }


def _table_of(column: Any) -> str:
    tables = {str(base.table.name) for base in column.base_columns if isinstance(getattr(base, "table", None), Table)}
    return tables.pop() if len(tables) == 1 else ""


def _watch(*, at: datetime) -> list[Check]:
    """Return what of the points and the outbox should be looked at."""
    ended = aliased(ledger.Posting)
    posting, notice, setback = ledger.Posting, notices.Notice, notices.Setback
    return [
        Check(
            N_("Points held for over 60 minutes"),
            select(posting.reference, posting.member_id, posting.points, posting.happened_at).where(
                posting.kind == "hold",
                posting.happened_at < at - HELD_TOO_LONG,
                ~cash.is_of_dispute(posting.reference),  # A bank takes weeks.
                ~cash_outs.are_of_cash_outs(posting.reference),  # A person decides; the desk lists them.
                ~select(ended.id).where(ended.reference == posting.reference, ended.source == "held").exists(),
            ),
        ),
        Check(
            N_("Mails and jobs waiting for over 60 minutes"),
            select(notice.id, notice.kind, notice.written_at, notice.tries, notice.last_error).where(
                notice.sent_at.is_(None), notice.given_up_at.is_(None), notice.written_at < at - UNSENT_TOO_LONG
            ),
        ),
        Check(
            N_("Mails and jobs given up"),
            select(notice.id, notice.kind, notice.last_error).where(notice.given_up_at.is_not(None)),
        ),
        Check(
            N_("Breaks of the cashier's statement that are open"),
            select(StatementBreak.id, StatementBreak.kind, StatementBreak.source, StatementBreak.found_at).where(
                StatementBreak.state == OPEN
            ),
        ),
        Check(
            N_("Rows a job could not do and tries again later"),
            select(setback.round, setback.row_id, setback.since, setback.tries, setback.next_try_at, setback.error),
        ),
    ]


def _name_of(room: ModuleType) -> str:
    return room.__name__.removeprefix("mall.domain.").partition(".")[0]


def _asked(check: Check, *, room: str = "") -> Result:
    started = _clock()
    rows, examples = 0, []
    try:
        for row in execute(check.breaks).mappings():
            rows += 1
            if rows <= EXAMPLES:
                examples.append({name: _plain(value) for name, value in row.items()})
    except DBAPIError:
        if in_transaction():
            raise
        return Result(check.name, ok=False, rows=0, microseconds=_clock() - started, known=False, room=room)
    return Result(check.name, rows == 0, rows, _clock() - started, examples, room=room)


def _clock() -> int:
    """Return microseconds on a clock that only measures how long something took."""
    return time.perf_counter_ns() // 1_000


def _plain(value: Any) -> Any:
    """Return a value as JSON can keep it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if isinstance(value, int | str | None) else str(value)
