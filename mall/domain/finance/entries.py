"""Entries: the postings behind every figure, each with its document, and what it did to the liability."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, func, select, tuple_

from mall.base.clock import end_of
from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.money import half_up
from mall.base.text import N_, Message
from mall.domain import checkout, ledger, people

from .liability import Amount
from .measure import worth
from .movements import EFFECT, MOVED, MOVEMENT, MOVEMENTS, ORIGIN, ORIGINS, with_lots, within
from .periods import Month, end_of_day_before, settled

PER_PAGE = 50
BATCH = 1_000


class NoSuchMovement(Refusal):
    message = N_("There is no movement “{given}”. Choose one of the list.")


class Choice(Struct, frozen=True):
    """Which entries: written after an instant and until another, of one movement and origin, or of any ("")."""

    after: datetime
    until: datetime
    movement: str = ""
    origin: str = ""


class Entry(Struct, frozen=True):
    """One posting, and what it did to the liability in points and at worth (negative: less of it)."""

    id: int
    written_at: datetime
    happened_at: datetime
    member_id: int
    member_number: str
    kind: str
    movement: str
    source: str
    destination: str
    lot_id: int
    points: int
    effect: Amount
    worth_points: int
    worth_cents: int
    reference: str
    move: str
    actor: str
    reason: Message | None


class Page(Struct, frozen=True):
    """A page of entries, and what all that were chosen did together."""

    entries: list[Entry]
    count: int
    total: Amount


def choose(
    *, month: Month, movement: str = "", origin: str = "", day: date | None = None, zone: str, at: datetime
) -> Choice:
    """Choose the entries of a month, or of one of its days. Raises NoSuchMovement."""
    if movement and movement not in (*MOVEMENTS, MOVED):
        raise NoSuchMovement(given=movement[:20])
    if origin and origin not in ORIGINS:
        raise NoSuchMovement(given=origin[:20])
    first, last = (day, day) if day is not None else (month.first, month.last)
    return Choice(end_of_day_before(first, zone), min(end_of(last, zone), settled(at)), movement, origin)


def entries_page(choice: Choice, *, page: int) -> Page:
    """Return a page of the entries chosen, in the order they were written; money adds up to the total."""
    worths = select(
        ledger.Lot.worth_points,
        ledger.Lot.worth_cents,
        func.count().label("entries"),
        func.sum(EFFECT).label("points"),
    ).group_by(ledger.Lot.worth_points, ledger.Lot.worth_cents)
    groups = execute(with_lots(worths).where(*_chosen(choice))).all()
    count = sum(row.entries for row in groups)
    total = Amount(sum(int(row.points) for row in groups), half_up(_exact(groups)))
    offset = (page - 1) * PER_PAGE
    before = Fraction(0)
    if 0 < offset < count:
        earlier = (
            with_lots(select(ledger.Lot.worth_points, ledger.Lot.worth_cents, EFFECT.label("points")))
            .where(*_chosen(choice))
            .order_by(*_ORDER)
            .limit(offset)
            .subquery()
        )
        keys = (earlier.c.worth_points, earlier.c.worth_cents)
        before = _exact(execute(select(*keys, func.sum(earlier.c.points).label("points")).group_by(*keys)))
    rows = execute(_listed(choice).limit(PER_PAGE).offset(min(offset, count))) if offset < count else ()
    return Page(list(_entries(rows, before=before)), count, total)


def every_entry(choice: Choice) -> Iterator[Entry]:
    """Yield the entries chosen, read in batches; each batch needs its own reading(), opened by the caller."""
    last: tuple[datetime, int] | None = None
    before = Fraction(0)
    while True:
        statement = _listed(choice).limit(BATCH)
        if last is not None:
            statement = statement.where(tuple_(*_ORDER) > last)
        rows = execute(statement).all()
        yield from _entries(rows, before=before)
        if len(rows) < BATCH:
            return
        before += _exact(rows, points="effect")
        last = (rows[-1].written_at, rows[-1].id)


def document_of(reference: str) -> str:
    """Return what people know a posting's cause by: the number of an order, or the reference itself."""
    order_id = checkout.order_id_of(reference)
    return checkout.number_of(order_id) if order_id is not None else reference


def _chosen(choice: Choice) -> list[ColumnElement[bool]]:
    conditions = [within(choice.after, choice.until)]
    if choice.movement:
        conditions.append(MOVEMENT.in_([choice.movement]))
    if choice.origin:
        conditions.append(ORIGIN.in_([choice.origin]))
    return conditions


def _listed(choice: Choice) -> Any:
    posting = ledger.Posting
    return (
        with_lots(
            select(
                posting.id,
                posting.written_at,
                posting.happened_at,
                posting.member_id,
                people.Member.number,
                posting.kind,
                MOVEMENT.label("movement"),
                posting.source,
                posting.destination,
                posting.lot_id,
                posting.points,
                EFFECT.label("effect"),
                ledger.Lot.worth_points,
                ledger.Lot.worth_cents,
                posting.reference,
                posting.move,
                posting.actor,
                posting.reason,
            )
        )
        .join(people.Member, people.Member.id == posting.member_id)
        .where(*_chosen(choice))
        .order_by(*_ORDER)
    )


def _entries(rows: Iterable[Any], *, before: Fraction) -> Iterator[Entry]:
    """Give each row what the rounded running total grows by, so that a column adds up."""
    for row in rows:
        after = before + worth(row.effect, worth_points=row.worth_points, worth_cents=row.worth_cents)
        yield Entry(
            id=row.id,
            written_at=row.written_at,
            happened_at=row.happened_at,
            member_id=row.member_id,
            member_number=row.number,
            kind=row.kind,
            movement=row.movement,
            source=row.source,
            destination=row.destination,
            lot_id=row.lot_id,
            points=row.points,
            effect=Amount(row.effect, half_up(after) - half_up(before)),
            worth_points=row.worth_points,
            worth_cents=row.worth_cents,
            reference=row.reference,
            move=row.move,
            actor=row.actor,
            reason=row.reason,
        )
        before = after


def _exact(rows: Iterable[Any], *, points: str = "points") -> Fraction:
    return sum(
        (worth(int(getattr(row, points)), worth_points=row.worth_points, worth_cents=row.worth_cents) for row in rows),
        Fraction(0),
    )


_ORDER = (ledger.Posting.written_at, ledger.Posting.id)
