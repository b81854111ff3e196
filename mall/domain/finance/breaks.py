"""Breaks: what of the cashier's statement and our books does not agree, who looks after it, and why it is so.

A break that has come right closes by itself, and opens again when it is found again. What a person explained or
closed stays so for as long as both sides say the same of it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import CheckConstraint, ForeignKey, Row, String, func, insert, or_, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import audit, cash, people

from .matching import BREAK_KINDS, FoundBreak, find_breaks

OPEN = "open"
EXPLAINED = "explained"  # It is known why, and will come right; nobody need look again.
CLOSED = "closed"
BREAK_STATES = (OPEN, EXPLAINED, CLOSED)
SYSTEM = "system"
LONGEST_NOTE = 500
BREAKS_PER_PAGE = 50


class NoSuchBreak(NotFound):
    message = N_("There is no such break.")


class NotExplained(Refusal):
    message = N_("Say why, so that others can follow it.")
    field = "note"


class NoteTooLong(Refusal):
    message = N_("Use at most {most} characters.")
    field = "note"


class NoSuchState(Refusal):
    message = N_("Choose whether the break is open, explained or closed.")
    field = "state"


class NoSuchOwner(Refusal):
    message = N_("Choose somebody who works here.")
    field = "owner"


class BreakChanged(Refusal):
    message = N_("Somebody else changed this break meanwhile. Look at it again, then save.")


class StatementBreak(db.Model):
    """Something that does not agree. `ours_cents` and `theirs_cents` are what each side says of it."""

    __tablename__ = "statement_break"
    __table_args__ = (
        CheckConstraint(f"kind IN {BREAK_KINDS}", name="kind_known"),
        CheckConstraint(f"state IN {BREAK_STATES}", name="state_known"),
        CheckConstraint("state = 'open' OR changed_by = 'system' OR note <> ''", name="a_person_says_why"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_has_its_time"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(300), unique=True)
    kind: Mapped[str] = mapped_column(String(8))
    cashier: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(200))
    currency: Mapped[str] = mapped_column(String(3))
    theirs_cents: Mapped[int | None]
    ours_cents: Mapped[int | None]
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"), index=True)
    happened_at: Mapped[datetime] = mapped_column(Instant)
    found_at: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(String(10), index=True)
    owner: Mapped[str | None] = mapped_column(String(40))
    note: Mapped[str] = mapped_column(String(LONGEST_NOTE))
    version: Mapped[int]
    changed_at: Mapped[datetime] = mapped_column(Instant)
    changed_by: Mapped[str] = mapped_column(String(40))
    closed_at: Mapped[datetime | None] = mapped_column(Instant)


class Matched(Struct, frozen=True):
    """What came of a matching: how many breaks are new or open again, how many closed by themselves."""

    opened: int
    closed: int


class BreakList(Struct, frozen=True):
    """A page of breaks, how many there are in all, and how many in each state."""

    rows: Sequence[Row[Any]]
    count: int
    counts: dict[str, int]
    names: dict[str, str]


def match_statement(*, at: datetime) -> Matched:
    """Hold the statement against our books, and bring the list of breaks up to date. Done again, nothing changes."""
    assert in_transaction(), "match_statement() outside transaction()"
    found = {each.key: each for each in find_breaks()}
    known = {row.key: row for row in execute(select(StatementBreak).with_for_update(key_share=True))}
    new = [each for key, each in found.items() if key not in known]
    if new:
        execute(insert(StatementBreak), [_new(each, at=at) for each in new])
    opened, closed = len(new), 0
    for key, row in known.items():
        if key not in found:
            if row.state != CLOSED:
                _change(row, state=CLOSED, closed_at=at, changed_by=SYSTEM, at=at)
                closed += 1
        elif _is_news(found[key], row):
            said = {"theirs_cents": found[key].theirs_cents, "ours_cents": found[key].ours_cents}
            _change(row, state=OPEN, closed_at=None, changed_by=SYSTEM, at=at, **said)
            opened += row.state != OPEN
    return Matched(opened, closed)


def _is_news(found: FoundBreak, row: Row[Any]) -> bool:
    """Tell whether a break says something else than when it was last looked at, or is back after it had come right."""
    if (found.theirs_cents, found.ours_cents) != (row.theirs_cents, row.ours_cents):
        return True
    return row.state == CLOSED and row.changed_by == SYSTEM


def _new(found: FoundBreak, *, at: datetime) -> dict[str, Any]:
    return asdict(found) | {
        "found_at": at,
        "state": OPEN,
        "note": "",
        "version": 1,
        "changed_at": at,
        "changed_by": SYSTEM,
    }


def _change(row: Row[Any], *, at: datetime, **values: Any) -> None:
    execute(
        update(StatementBreak)
        .where(StatementBreak.id == row.id)
        .values(version=row.version + 1, changed_at=at, **values)
    )


def look_after_break(
    break_id: int, *, version: int, owner: str, state: str, note: str, by: str, at: datetime
) -> Row[Any]:
    """Say who looks after a break, how it stands and why. Pressed again, it is done once. Returns the break.

    `owner` is an actor such as "staff:3", or empty. Raises NoSuchBreak, BreakChanged, NoSuchState, NoSuchOwner,
    NotExplained, NoteTooLong.
    """
    assert in_transaction(), "look_after_break() outside transaction()"
    row = execute(select(StatementBreak).where(StatementBreak.id == break_id).with_for_update()).one_or_none()
    if row is None:
        raise NoSuchBreak()
    note = note.strip()
    if (row.owner or "", row.state, row.note) == (owner, state, note):
        return row
    if row.version != version:
        raise BreakChanged()
    if state not in BREAK_STATES:
        raise NoSuchState()
    if owner and owner not in dict(owners()):
        raise NoSuchOwner()
    if state != OPEN and not note:
        raise NotExplained()
    if len(note) > LONGEST_NOTE:
        raise NoteTooLong(most=LONGEST_NOTE)
    ended = (row.closed_at or at) if state == CLOSED else None
    _change(row, owner=owner or None, state=state, note=note, closed_at=ended, changed_by=by, at=at)
    audit.write(
        "statement.break",
        by=by,
        subject=f"break:{break_id}",
        at=at,
        before={"state": row.state, "owner": row.owner},
        after={"state": state, "owner": owner or None},
        reason=note,
    )
    return break_now(break_id)


def break_now(break_id: int) -> Row[Any]:
    """Return a break, with the `reference` of its payment's order. Raises NoSuchBreak."""
    row = execute(_with_reference().where(StatementBreak.id == break_id)).one_or_none()
    if row is None:
        raise NoSuchBreak()
    return row


def breaks_page(state: str, *, page: int = 1, per_page: int = BREAKS_PER_PAGE) -> BreakList:
    """Return a page of the breaks in a state, the oldest first."""
    counted = execute(select(StatementBreak.state, func.count().label("many")).group_by(StatementBreak.state))
    counts = {row.state: row.many for row in counted}
    order = StatementBreak.closed_at.desc() if state == CLOSED else StatementBreak.happened_at
    rows = execute(
        _with_reference()
        .where(StatementBreak.state == state)
        .order_by(order, StatementBreak.id)
        .limit(per_page)
        .offset((page - 1) * per_page)
    ).all()
    return BreakList(rows, counts.get(state, 0), counts, dict(owners()))


def every_break() -> list[Row[Any]]:
    """Return every break, the oldest first."""
    return list(execute(_with_reference().order_by(StatementBreak.happened_at, StatementBreak.id)))


def owners() -> list[tuple[str, str]]:
    """Return who may look after a break, as (actor, name): whoever may see finance's pages."""
    rows = execute(
        select(people.Staff.id, people.Staff.name, people.Staff.roles)
        .where(people.Staff.deactivated_at.is_(None))
        .order_by(people.Staff.name)
    )
    return [(f"staff:{row.id}", row.name) for row in rows if {"finance", "admin"} & set(row.roles)]


def _with_reference():
    return select(*StatementBreak.__table__.columns, cash.Payment.reference).outerjoin(
        cash.Payment, cash.Payment.id == StatementBreak.payment_id
    )


def unsound_breaks():
    """Return the select of breaks that are not open though no person said why, and it did not come right by itself."""
    unsaid, by_itself = StatementBreak.note == "", StatementBreak.changed_by == SYSTEM
    return select(StatementBreak.id, StatementBreak.state).where(
        or_(
            (StatementBreak.state == EXPLAINED) & (unsaid | by_itself),
            (StatementBreak.state == CLOSED) & unsaid & ~by_itself,
        )
    )
