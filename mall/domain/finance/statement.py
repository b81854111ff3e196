"""The cashier's statement as finance reads it: by day and by line, and what it books."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, case, func, select

from mall.base.db import execute
from mall.base.text import N_, Message, say
from mall.domain import cash

from .breaks import OPEN, StatementBreak
from .periods import Month

LINES_PER_PAGE = 100
PAYMENTS, REFUNDS, OTHER, PAYOUTS, FEES = "payments", "refunds", "other", "payouts", "fees"

# What is shown of a line's kind; what is not here is among the others.
COLUMN_OF = {
    "charge": PAYMENTS,
    "payment": PAYMENTS,
    "refund": REFUNDS,
    "payment_refund": REFUNDS,
    "refund_failure": REFUNDS,
    "payment_failure_refund": REFUNDS,
    **dict.fromkeys(cash.PAYOUT_KINDS, PAYOUTS),
    **dict.fromkeys(cash.FEE_KINDS, FEES),
}


class Sums(Struct, frozen=True):
    """Cents by what they were for. Fees are what was kept, as it changed the balance: negative. They add up to net."""

    payments: int = 0
    refunds: int = 0
    other: int = 0
    fees: int = 0
    payouts: int = 0

    @property
    def net(self) -> int:
        """What the balance at the cashier changed by."""
        return sum(getattr(self, name) for name in self.__struct_fields__)

    def __add__(self, more: "Sums") -> "Sums":
        return Sums(*(getattr(self, name) + getattr(more, name) for name in self.__struct_fields__))


class StatementDay(Struct, frozen=True):
    """A day of the statement: its sums, how many lines it has, and how many breaks are open that began on it."""

    day: date
    sums: Sums
    lines: int
    balance_cents: int
    open_breaks: int


class StatementMonth(Struct, frozen=True):
    """A month of the statement: the balance before it, its days in order, and the balance after it."""

    opening_cents: int
    days: Sequence[StatementDay]
    total: Sums
    closing_cents: int
    first_day: date | None


class LinePage(Struct, frozen=True):
    """A page of lines, and how many there are."""

    rows: Sequence[Row[Any]]
    count: int


def statement_month(month: Month, *, currency: str, cashier: str = "") -> StatementMonth:
    """Return a month of the statement in the shop's currency, of one cashier or of all together."""
    line = cash.StatementLine
    of = [line.currency == currency, *([line.cashier == cashier] if cashier else [])]
    before = execute(
        select(
            func.coalesce(func.sum(case((line.happened_on < month.first, line.net_cents), else_=0)), 0).label("cents"),
            func.min(line.happened_on).label("first_day"),
        ).where(*of)
    ).one()
    breaks = _open_breaks(month, of)
    by_day: dict[date, list[tuple[Sums, int]]] = defaultdict(list)
    for row in execute(
        select(
            line.happened_on,
            line.kind,
            func.count().label("lines"),
            func.sum(line.amount_cents).label("cents"),
            func.sum(line.fee_cents).label("fees"),
        )
        .where(line.happened_on >= month.first, line.happened_on <= month.last, *of)
        .group_by(line.happened_on, line.kind)
        .order_by(line.happened_on)
    ):
        column = COLUMN_OF.get(row.kind, OTHER)
        sums = Sums(**{column: int(row.cents)}) + Sums(fees=-int(row.fees))
        by_day[row.happened_on].append((sums, row.lines))
    opening, first_day = int(before.cents), before.first_day
    balance, total, days = opening, Sums(), []
    for day, parts in by_day.items():
        sums = sum((part for part, _lines in parts), Sums())
        balance, total = balance + sums.net, total + sums
        days.append(StatementDay(day, sums, sum(lines for _part, lines in parts), balance, breaks.get(day, 0)))
    return StatementMonth(opening, tuple(days), total, balance, first_day)


def _open_breaks(month: Month, of: list[Any]) -> dict[date, int]:
    """Return how many breaks are open of things whose first line is of a day."""
    line = cash.StatementLine
    first = (
        select(line.cashier, line.source, line.line_id, line.happened_on)
        .where(line.happened_on >= month.first, line.happened_on <= month.last, *of)
        .subquery()
    )
    same = (StatementBreak.source == first.c.source) | (StatementBreak.source == first.c.line_id)
    rows = execute(
        select(first.c.happened_on, func.count(StatementBreak.id.distinct()).label("open"))
        .join(first, (first.c.cashier == StatementBreak.cashier) & same)
        .where(StatementBreak.state == OPEN)
        .group_by(first.c.happened_on)
    )
    return {row.happened_on: row.open for row in rows}


def statement_lines(first: date, last: date, *, page: int = 1, per_page: int = LINES_PER_PAGE) -> LinePage:
    """Return a page of the lines of some days, with the `reference` of the order they are for."""
    line = cash.StatementLine
    wanted = [line.happened_on >= first, line.happened_on <= last]
    count = execute(select(func.count()).select_from(line).where(*wanted)).scalar_one()
    paid = (
        select(cash.Payment.reference)
        .where(cash.Payment.cashier == line.cashier, cash.Payment.cashier_id == line.source)
        .correlate(line)
        .scalar_subquery()
    )
    refunded = (
        select(cash.Payment.reference)
        .join(cash.Refund, cash.Refund.payment_id == cash.Payment.id)
        .where(cash.Payment.cashier == line.cashier, cash.Refund.cashier_id == line.source)
        .correlate(line)
        .limit(1)
        .scalar_subquery()
    )
    rows = execute(
        select(*line.__table__.columns, func.coalesce(paid, refunded).label("reference"))
        .where(*wanted)
        .order_by(line.created_at, line.id)
        .limit(per_page)
        .offset((page - 1) * per_page)
    ).all()
    return LinePage(rows, count)


class Booked(Struct, frozen=True):
    """What a line of the statement books: money paid out to the bank, or kept as a fee."""

    imported_at: datetime
    name: str
    document: str
    cashier: str
    account: str
    cents: int


def booked_by_statement(*, until: datetime, currency: str) -> Iterator[Booked]:
    """Yield what the statement books until an instant: on the day it was imported, so that closed days stay closed.

    Payments and refunds are booked by what we know of them; of the statement only what we cannot know.
    """
    line = cash.StatementLine
    rows = execute(
        select(line)
        .where(
            line.imported_at <= until,
            line.currency == currency,
            (line.fee_cents != 0) | line.kind.in_((*cash.PAYOUT_KINDS, *cash.FEE_KINDS)),
        )
        .order_by(line.imported_at, line.id)
    )
    for row in rows:
        fee = row.fee_cents - (row.amount_cents if row.kind in cash.FEE_KINDS else 0)
        if fee:
            yield Booked(row.imported_at, N_("Fees of the cashier"), row.line_id, row.cashier, "fees", fee)
        if row.kind in cash.PAYOUT_KINDS:
            name = N_("Payouts to the bank")
            yield Booked(row.imported_at, name, row.line_id, row.cashier, "payouts", -row.amount_cents)


def left_cashier(*, until: datetime, currency: str) -> dict[tuple[str, str], int]:
    """Return the cents that left each cashier by fees and payouts until an instant, {(cashier, account): cents}."""
    line = cash.StatementLine
    fee_line, payout = line.kind.in_(cash.FEE_KINDS), line.kind.in_(cash.PAYOUT_KINDS)
    rows = execute(
        select(
            line.cashier,
            func.sum(line.fee_cents - case((fee_line, line.amount_cents), else_=0)).label("fees"),
            func.sum(case((payout, -line.amount_cents), else_=0)).label("payouts"),
        )
        .where(line.imported_at <= until, line.currency == currency)
        .group_by(line.cashier)
    )
    found = {}
    for row in rows:
        found[row.cashier, "fees"], found[row.cashier, "payouts"] = int(row.fees), int(row.payouts)
    return found


KIND_WORDS: dict[str, Message] = {
    PAYMENTS: say(N_("Payment")),
    REFUNDS: say(N_("Refund")),
    OTHER: say(N_("Other")),
    PAYOUTS: say(N_("Payout")),
    FEES: say(N_("Fee")),
}
