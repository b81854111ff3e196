"""Reconciling: what the cashier's books say is brought in, and held against ours at once."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from mall.base.cashier import Cashier, Taking
from mall.base.db import again, transaction
from mall.domain import cash

from .breaks import SYSTEM, Matched, match_statement


class Reconciled(Struct, frozen=True):
    """What came of it: the lines that were brought in, and the breaks they opened and closed."""

    imported: cash.Compared
    matched: Matched


def reconcile(cashier: Cashier | None, *, zone: str, at: datetime, by: str = SYSTEM) -> Reconciled:
    """Ask the cashier for its books since the last time, and hold them against ours. Done again, nothing changes.

    Where there is no cashier, what was brought in before is held against ours. Opens its own transactions, since the
    cashier is asked: call it outside of any. Refuses: CashierUnreachable, CashierRefused.
    """
    imported = cash.Compared((), (), ())
    if cashier is not None:
        imported = cash.import_statement(cashier, zone=zone, at=at, by=by)

    def match() -> Matched:
        with transaction():
            return match_statement(at=at)

    return Reconciled(imported, again(match))


def reconcile_lines(lines: Sequence[Taking], *, cashier: str, zone: str, at: datetime, by: str) -> Reconciled:
    """Bring the lines of a file in, and hold the statement against our books. The same file again changes nothing."""
    imported = cash.import_lines(lines, cashier=cashier, zone=zone, at=at, by=by)
    return Reconciled(imported, match_statement(at=at))
