"""Ageing: the points members have, by the month they were issued and, apart, by the month they expire.

What is there now is known lot by lot; what it was at a past instant follows by taking back what was written since.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from msgspec import Struct
from sqlalchemy import case, func, literal, select, union_all

from mall.base.clock import day_of, end_of
from mall.base.db import execute
from mall.domain import ledger, people

from .liability import NOTHING, Amount
from .measure import in_cents, worth
from .movements import DEBT, HELD, MADE_AT, PENDING, WALLET, lots_with_parents
from .periods import Month, month_of

PLACES = (WALLET, HELD, PENDING)
MONTHS_TOLD_APART = 24
DAYS_AHEAD = (30, 60, 90)
DEBTORS_SHOWN = 20


class Stock(Struct, frozen=True):
    """Points of one place, issue and last day. `issued` counts months back; the oldest are together."""

    place: str
    issued: int
    expires_on: date
    past: bool
    points: int
    exact: Fraction


class Row(Struct, frozen=True):
    """One row of an ageing table: points by place, and all of them in points and at worth. `month` None: the rest."""

    month: Month | None
    wallet: int
    held: int
    pending: int
    total: Amount


class Band(Struct, frozen=True):
    """Points that could be spent and expire within so many days; None: later. 0: past, and not yet taken out."""

    within_days: int | None
    amount: Amount


class Debtor(Struct, frozen=True):
    """A member who owes points."""

    member_id: int
    number: str
    points: int


class Ageing(Struct, frozen=True):
    """What members have at an instant, told apart by age; what they owe stands in the liability.

    `every` has all rows of a table together, by place: those of the one table as those of the other.
    """

    as_of: datetime
    every: Row
    by_issue: tuple[Row, ...]
    by_expiry: tuple[Row, ...]
    bands: tuple[Band, ...]
    pending: Amount

    @property
    def total(self) -> Amount:
        """All that members have."""
        return self.every.total


def ageing(*, as_of: datetime, zone: str) -> Ageing:
    """Return the ageing as of a settled instant; one statement."""
    return ageing_of(_stock(as_of=as_of, zone=zone), as_of=as_of, zone=zone)


def ageing_of(stock: Sequence[Stock], *, as_of: datetime, zone: str) -> Ageing:
    """Tell stock apart by age. Pure."""
    today = day_of(as_of, zone)
    this_month = month_of(today)
    by_issue = _table(
        stock,
        key=lambda each: each.issued,
        month_of_key=lambda issued: None if issued >= MONTHS_TOLD_APART else this_month.later(-issued),
    )
    by_expiry = _table(stock, key=lambda each: month_of(each.expires_on), month_of_key=lambda month: month)
    return Ageing(
        as_of=as_of,
        every=Row(
            None,
            wallet=sum(row.wallet for row in by_issue),
            held=sum(row.held for row in by_issue),
            pending=sum(row.pending for row in by_issue),
            total=sum((row.total for row in by_issue), NOTHING),
        ),
        by_issue=by_issue,
        by_expiry=by_expiry,
        bands=_bands([each for each in stock if each.place != PENDING], today=today),
        pending=_amount(each for each in stock if each.place == PENDING),
    )


def debtors(*, as_of: datetime) -> tuple[int, list[Debtor]]:
    """Return how many members owed points at an instant, and those who owed most."""
    posting = ledger.Posting
    since = posting.written_at > as_of
    changes = union_all(
        select(ledger.Purse.member_id, ledger.Purse.debt.label("points")).where(ledger.Purse.debt < 0),
        select(posting.member_id, posting.points).where(posting.source == DEBT, since),
        select(posting.member_id, -posting.points).where(posting.destination == DEBT, since),
    ).subquery()
    owing = (
        select(changes.c.member_id, func.sum(changes.c.points).label("points"))
        .group_by(changes.c.member_id)
        .having(func.sum(changes.c.points) < 0)
        .subquery()
    )
    rows = execute(
        select(owing.c.member_id, people.Member.number, owing.c.points, func.count().over().label("members"))
        .join(people.Member, people.Member.id == owing.c.member_id)
        .order_by(owing.c.points, owing.c.member_id)
        .limit(DEBTORS_SHOWN)
    ).all()
    return (rows[0].members if rows else 0), [Debtor(row.member_id, row.number, -int(row.points)) for row in rows]


def _stock(*, as_of: datetime, zone: str) -> list[Stock]:
    posting, position = ledger.Posting, ledger.Position
    since = posting.written_at > as_of
    changes = union_all(
        select(position.place, position.lot_id, position.points),
        select(posting.destination, posting.lot_id, -posting.points).where(posting.destination.in_(PLACES), since),
        select(posting.source, posting.lot_id, posting.points).where(posting.source.in_(PLACES), since),
    ).subquery()
    there = (
        select(changes.c.place, changes.c.lot_id, func.sum(changes.c.points).label("points"))
        .group_by(changes.c.place, changes.c.lot_id)
        .having(func.sum(changes.c.points) != 0)
        .subquery()
    )
    month = month_of(day_of(as_of, zone))
    edges = [end_of(month.later(-back).last, zone) for back in range(1, MONTHS_TOLD_APART + 1)]
    lots = lots_with_parents(
        select(
            there.c.place,
            case(*((edge < MADE_AT, back) for back, edge in enumerate(edges)), else_=len(edges)).label("issued"),
            ledger.Lot.expires_on,
            case((ledger.Lot.expires_at < as_of, 1), else_=literal(0)).label("past"),
            ledger.Lot.worth_points,
            ledger.Lot.worth_cents,
            there.c.points,
        ).join(ledger.Lot, ledger.Lot.id == there.c.lot_id)
    ).subquery()
    keys = [lots.c[name] for name in ("place", "issued", "expires_on", "past", "worth_points", "worth_cents")]
    rows = execute(select(*keys, func.sum(lots.c.points).label("points")).group_by(*keys))
    return [
        Stock(
            row.place,
            row.issued,
            row.expires_on,
            bool(row.past),
            int(row.points),
            worth(int(row.points), worth_points=row.worth_points, worth_cents=row.worth_cents),
        )
        for row in rows
    ]


def _table(
    stock: Iterable[Stock], *, key: Callable[[Stock], Any], month_of_key: Callable[[Any], Month | None]
) -> tuple[Row, ...]:
    groups: dict[Any, list[Stock]] = defaultdict(list)
    for each in stock:
        groups[key(each)].append(each)
    keys = sorted(groups)
    cents = in_cents([sum((each.exact for each in groups[key]), Fraction(0)) for key in keys])
    rows = []
    for key_here, worth_cents in zip(keys, cents, strict=True):
        points = {place: sum(each.points for each in groups[key_here] if each.place == place) for place in PLACES}
        rows.append(
            Row(
                month_of_key(key_here),
                points[WALLET],
                points[HELD],
                points[PENDING],
                Amount(sum(points.values()), worth_cents),
            )
        )
    return tuple(rows)


def _bands(stock: Sequence[Stock], *, today: date) -> tuple[Band, ...]:
    """Tell apart what is past, and what expires in the next 30, the 30 after that, and so on."""

    def band_of(each: Stock) -> int:
        if each.past:
            return 0
        ends = [today + timedelta(days=days) for days in DAYS_AHEAD]
        return next((number for number, end in enumerate(ends, start=1) if each.expires_on <= end), len(ends) + 1)

    groups: dict[int, list[Stock]] = defaultdict(list)
    for each in stock:
        groups[band_of(each)].append(each)
    names: list[int | None] = [0, *DAYS_AHEAD, None]
    cents = in_cents([sum((each.exact for each in groups[number]), Fraction(0)) for number in range(len(names))])
    return tuple(
        Band(name, Amount(sum(each.points for each in groups[number]), cents[number]))
        for number, name in enumerate(names)
    )


def _amount(stock: Iterable[Stock]) -> Amount:
    chosen = list(stock)
    return Amount(
        sum(each.points for each in chosen), in_cents([sum((each.exact for each in chosen), Fraction(0))])[0]
    )
