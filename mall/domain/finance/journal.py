"""The journal: what happened, by day and movement, as double entries at worth (ACCOUNTING 3, the first measure).

The points side comes from the postings, the cash side from orders, payments and refunds. Signs are those of plain
text accounting: a debit is positive, a credit negative, every entry adds up to 0 in money and in points. Balances at
the end of each month are those of the liability, which is worked out another way.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from msgspec import Struct, field
from sqlalchemy import select, union_all

from mall.base.clock import day_of, end_of
from mall.base.db import execute
from mall.base.text import N_
from mall.domain import ledger, programme

from .cash_side import cash_balances, cash_happenings
from .chart import chart, kept_in, other_side
from .entries import document_of
from .happened import Happened
from .liability import LINES, State, liability_of, running
from .measure import worth
from .movements import EARNED, EFFECT, MOVED, MOVEMENT, NAMES, ORIGIN, ROUNDING, repriced, with_lots
from .periods import WrongWayRound, end_of_day_before, month_of, months_between, settled
from .rollup import sums


class JournalLine(Struct, frozen=True):
    """A line of an entry: an account by its key, cents and points; a debit is positive."""

    account: str
    cents: int = 0
    points: int = 0


class JournalEntry(Struct, frozen=True):
    """What one kind of event did on one day. `postings` are ids of the ledger's postings, `documents` their causes."""

    day: date
    name: str
    lines: tuple[JournalLine, ...]
    documents: tuple[str, ...] = ()
    postings: tuple[int, ...] = ()
    movement: str = ""
    origin: str = ""


class Balance(Struct, frozen=True):
    """What an account (with all below it) must hold at the end of a day; a credit is negative. None: not counted."""

    day: date
    account: str
    cents: int
    points: int | None = None


class Journal(Struct, frozen=True):
    """The entries of some days in order, the balances before them, and the balances that must come out."""

    first: date
    last: date
    until: datetime
    currency: str
    shop_name: str
    names: Mapping[str, str]
    entries: tuple[JournalEntry, ...]
    balances: tuple[Balance, ...]


def journal(*, first: date, last: date, terms: programme.Programme, at: datetime) -> Journal:
    """Return the journal from one day to another, both included. Raises WrongWayRound."""
    if first > last:
        raise WrongWayRound
    until = min(end_of(last, terms.zone), settled(at))
    cash = list(cash_happenings(until=until, zone=terms.zone, currency=terms.currency))
    before, opening = _opening(first, cash, zone=terms.zone)
    entries = [
        *([opening] if opening.lines else []),
        *_in_order(
            _cash_entries(each for each in cash if first <= each.day <= last),
            _points_entries(before, after=end_of_day_before(first, terms.zone), until=until, zone=terms.zone),
        ),
    ]
    return Journal(
        first=first,
        last=last,
        until=until,
        currency=terms.currency,
        shop_name=terms.legal_name or next(iter(terms.shop_name.values()), ""),
        names=chart(),
        entries=tuple(entries),
        balances=tuple(_balances(first, last, until=until, zone=terms.zone, currency=terms.currency)),
    )


def _opening(first: date, cash: Iterable[Happened], *, zone: str) -> tuple[State, JournalEntry]:
    """Return the state before the first day, and the entry that brings its balances over."""
    yesterday = first - timedelta(days=1)
    state = running(sums(ends=(), zone=zone, until=end_of(yesterday, zone)), stretches=1)[0]
    lines: list[JournalLine] = []
    for cell in state.exact:
        amount = state.cell(*cell)
        lines += _owed(kept_in(cell[1]), amount.points, amount.cents, against="opening")
    rounding = state.rounding_cents
    lines += _owed("contract", 0, rounding, against="opening")
    for each in cash:
        if each.day < first:
            lines += [
                JournalLine(account if _stays(account) else "opening", cents)
                for account, cents in each.amounts.items()
            ]
    return state, JournalEntry(first, N_("Balances brought forward"), _together(lines))


def _points_entries(before: State, *, after: datetime, until: datetime, zone: str) -> Iterator[JournalEntry]:
    """Yield what the postings did, by day and movement, and what rounding moved on that day."""
    then = before
    for day, rows in groupby(_postings(after, until), key=lambda row: day_of(row.written_at, zone)):
        now = then.copy()
        moved: dict[tuple[str, str], _Moved] = defaultdict(_Moved)
        for row in rows:
            points = int(row.points)
            exact = worth(points, worth_points=row.worth_points, worth_cents=row.worth_cents)
            now.add(row.movement, row.origin, points, exact, 1)
            line = (row.movement, row.origin if row.movement == EARNED else "")
            moved[line].note(row)
        for line in LINES:
            if line in moved:
                yield _points_entry(day, line, then, now, moved[line])
        rounding = now.rounding_cents - then.rounding_cents
        if rounding:
            lines = _owed("contract", 0, rounding, against="rounding")
            yield JournalEntry(day, NAMES[ROUNDING, ""], _together(lines), movement=ROUNDING)
        then = now


def _points_entry(day: date, line: tuple[str, str], then: State, now: State, moved: "_Moved") -> JournalEntry:
    movement, origin = line
    lines: list[JournalLine] = []
    for each in sorted(moved.origins):
        change = now.cell(movement, each) - then.cell(movement, each)
        lines += _owed(kept_in(each), change.points, change.cents, against=other_side(movement, each))
    return JournalEntry(
        day,
        NAMES[line],
        _together(lines),
        documents=tuple(sorted(moved.documents, key=_by_number)),
        postings=tuple(sorted(moved.postings)),
        movement=movement,
        origin=origin,
    )


class _Moved(Struct):
    """What is noted of a day's postings of one line."""

    origins: set[str] = field(default_factory=set)
    documents: set[str] = field(default_factory=set)
    postings: set[int] = field(default_factory=set)

    def note(self, row: Any) -> None:
        self.origins.add(row.origin)
        self.documents.add(document_of(row.reference))
        self.postings.add(row.id)


def _postings(after: datetime, until: datetime) -> Iterable[Any]:
    """Read the postings that moved the liability, and the differences repayments left, in the order written."""
    posting, lot = ledger.Posting, ledger.Lot
    columns = ("written_at", "id", "reference", "movement", "origin", "worth_points", "worth_cents", "points")
    moves = with_lots(
        select(
            posting.written_at,
            posting.id,
            posting.reference,
            MOVEMENT.label("movement"),
            ORIGIN.label("origin"),
            lot.worth_points,
            lot.worth_cents,
            EFFECT.label("points"),
        )
    ).where(posting.written_at > after, posting.written_at <= until, MOVEMENT != MOVED)
    sides = [side.subquery() for side in repriced(after, until)]
    every = union_all(moves, *(select(*(side.c[name] for name in columns)) for side in sides)).subquery()
    return execute(select(every).order_by(every.c.written_at, every.c.id))


def _cash_entries(happened: Iterable[Happened]) -> Iterator[JournalEntry]:
    """Yield what happened to money, by day and kind."""
    by_day: dict[tuple[date, int, str], list[Happened]] = defaultdict(list)
    for each in happened:
        by_day[each.day, each.order, each.name].append(each)
    for (day, _order, name), group in sorted(by_day.items()):
        lines = [JournalLine(account, cents) for each in group for account, cents in each.amounts.items()]
        documents = sorted({each.document for each in group}, key=_by_number)
        yield JournalEntry(day, name, _together(lines), documents=tuple(documents))


def _balances(first: date, last: date, *, until: datetime, zone: str, currency: str) -> Iterator[Balance]:
    """Yield what must come out at the end of each month and of the last day."""
    reached = min(last, day_of(until, zone))
    if reached < first:
        return
    months = [month.last for month in months_between(month_of(first), month_of(reached))]
    ends = sorted({*(end for end in months if end <= reached), reached})
    every = sums(ends=ends[:-1], zone=zone, until=until)
    for number, end in enumerate(ends):
        so_far = liability_of((each for each in every if each.stretch <= number), as_of=until).total
        yield Balance(end, "points", -so_far.cents, -so_far.points)
        held = cash_balances(until=min(end_of(end, zone), until), zone=zone, currency=currency)
        yield from (Balance(end, account, cents) for account, cents in held.items())


def _owed(account: str, points: int, cents: int, *, against: str) -> list[JournalLine]:
    """Return the lines by which more (or, negative, less) is owed: a credit here, a debit against it there."""
    return [
        JournalLine(account, -cents, -points),
        JournalLine(against, cents, 0),
        JournalLine("counter", 0, points),
    ]


def _together(lines: Iterable[JournalLine]) -> tuple[JournalLine, ...]:
    """Add up the lines of each account; what comes to nothing is left out. Debits first."""
    cents: dict[str, int] = defaultdict(int)
    points: dict[str, int] = defaultdict(int)
    for line in lines:
        cents[line.account] += line.cents
        points[line.account] += line.points
    found = [JournalLine(account, cents[account], points[account]) for account in cents]
    return tuple(
        sorted(
            (line for line in found if line.cents or line.points),
            key=lambda line: (line.cents < 0, line.cents == 0, line.account),
        )
    )


def _in_order(*streams: Iterable[JournalEntry]) -> list[JournalEntry]:
    """Put entries in the order of their days; within one, cash before points."""
    return sorted((entry for stream in streams for entry in stream), key=lambda entry: entry.day)


def _stays(account: str) -> bool:
    """Tell whether an account's balance is carried on: what is owned and owed, not what was earned and spent."""
    return account.partition(":")[0] in (
        "cashier",
        "bank",
        "payouts",
        "advance",
        "tax",
        "plans",
        "cash_out",
        "cash_out_bank",
    )


def _by_number(document: str) -> tuple[bool, int, str]:
    return (not document.isdigit(), int(document) if document.isdigit() else 0, document)
