"""Writing: post(), the only writer of postings, positions and purses, each table once, by rows or all together."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import BigInteger, ColumnElement, bindparam, delete, insert, select, update
from sqlalchemy.types import TypeEngine

from mall.base.clock import Instant, day_of, now
from mall.base.db import dialect, execute, in_transaction
from mall.base.sql import as_given, each_dialect, given, upsert

from .accounts import PLACES, PURSE
from .positions import Position
from .postings import Line, Posting
from .purses import LockedPurse, Purse

# So many rows of one table are written by one statement.
MANY_ROWS = 50


def post(purses: LockedPurse | Iterable[LockedPurse], lines: Sequence[Line]) -> list[Line]:
    """Write the postings of one verb, each table once. Nothing else in the mall changes a balance.

    Returns the lines as recorded() will find them: without `empties`. A line that takes what is not there is our
    own mistake: the verbs think first.
    """
    assert in_transaction(), "post() outside transaction()"
    assert all(line.points > 0 for line in lines), "a posting of no points"
    by_member = {purse.member_id: purse for purse in ([purses] if isinstance(purses, LockedPurse) else purses)}
    assert {line.member_id for line in lines} <= by_member.keys(), "a posting on a purse that is not locked"
    if not lines:
        return []
    gathering = [purse for purse in by_member.values() if purse.gathered is not None]
    if gathering:
        (purse,) = gathering
        assert purse.gathered is not None
        purse.gathered += lines
    else:
        _write(by_member, lines)
    _keep_in_step(by_member, lines)
    return [replace(line, empties=False) if line.empties else line for line in lines]


@contextmanager
def one_write(purse: LockedPurse) -> Iterator[None]:
    """Let the verbs inside write together, each table once. None of them may read what another of them writes."""
    assert purse.gathered is None, "one_write() inside one_write()"
    purse.gathered = []
    try:
        yield
        lines = purse.gathered
    finally:
        purse.gathered = None
    if lines:
        _write({purse.member_id: purse}, lines)


@contextmanager
def at_once(purse: LockedPurse) -> Iterator[None]:
    """Let the verbs inside write at once, also inside one_write(), before others gather: what follows reads it."""
    assert not purse.gathered, "others have gathered lines that would be written later"
    gathered, purse.gathered = purse.gathered, None
    try:
        yield
    finally:
        purse.gathered = gathered


def _write(purses: dict[int, LockedPurse], lines: Sequence[Line]) -> None:
    written_at = max(now(), *(purse.last_written_at for purse in purses.values()))
    _write_postings(purses, lines, written_at)
    _write_positions(lines)
    _write_purses(purses, lines, written_at)


class _Writing(Struct, frozen=True):
    """One way to change a table by rows: a statement that is sent for each row, and one that is given them all.

    `columns` are the rows' own, in their order. On PostgreSQL each statement sent is a message and a plan of its own,
    which of many rows takes three times as long; SQLite has no wire to save.
    """

    for_each: Any
    for_all: Any
    columns: tuple[str, ...]

    def of(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Write rows. Returns how many were there to be changed."""
        if dialect() == "postgresql" and len(rows) >= MANY_ROWS:
            given_rows = as_given([[row[name] for name in self.columns] for row in rows])
            return execute(self.for_all, {"rows": given_rows}).rowcount
        return execute(self.for_each, rows).rowcount


def _write_postings(purses: dict[int, LockedPurse], lines: Sequence[Line], written_at: datetime) -> None:
    numbers: dict[str, int] = defaultdict(int)
    rows = []
    for line in lines:
        numbers[line.move] += 1
        rows.append(
            {
                "member_id": line.member_id,
                "move": line.move,
                "line": numbers[line.move],
                "kind": line.kind,
                "source": line.source,
                "destination": line.destination,
                "lot_id": line.lot_id,
                "points": line.points,
                "reference": line.reference,
                "reverses": line.reverses,
                "actor": line.actor,
                "reason": line.reason,
                "happened_at": line.happened_at,
                "happened_on": day_of(line.happened_at, purses[line.member_id].zone),
                "written_at": written_at,
            }
        )
    _POSTINGS.of(rows)


def _write_positions(lines: Sequence[Line]) -> None:
    """Bring the positions to what the lines leave: lowered ones by UPDATE or DELETE, raised ones by upsert."""
    change: dict[tuple[int, str, int], int] = defaultdict(int)
    emptied, filled = set(), set()
    for line in lines:
        if line.source in PLACES:
            change[line.member_id, line.source, line.lot_id] -= line.points
            if line.empties:
                emptied.add((line.member_id, line.source, line.lot_id))
        if line.destination in PLACES:
            change[line.member_id, line.destination, line.lot_id] += line.points
            filled.add((line.member_id, line.destination, line.lot_id))
    emptied -= filled  # What one verb takes whole, another may give some of.
    lowered = {key: -points for key, points in change.items() if points < 0}
    _take(_EMPTIED, {key: points for key, points in lowered.items() if key in emptied})
    _take(_LOWERED, {key: points for key, points in lowered.items() if key not in emptied})
    raised = [
        {"member_id": member_id, "place": place, "lot_id": lot_id, "points": points}
        for (member_id, place, lot_id), points in change.items()
        if points > 0
    ]
    if raised:
        _raised().of(raised)


def _take(writing: _Writing, taken: dict[tuple[int, str, int], int]) -> None:
    if not taken:
        return
    rows = [
        {"of_member": member_id, "at_place": place, "of_lot": lot_id, "taken": points}
        for (member_id, place, lot_id), points in taken.items()
    ]
    assert writing.of(rows) == len(rows), f"positions are not what was read: {taken}"


def _write_purses(purses: dict[int, LockedPurse], lines: Sequence[Line], written_at: datetime) -> None:
    _PURSES.of(
        [
            {"of_member": member_id, "at": written_at, **{f"by_{place}": points for place, points in moved.items()}}
            for member_id, moved in _changes(lines).items()
        ]
    )
    for purse in purses.values():
        purse.last_written_at = written_at


def _keep_in_step(purses: dict[int, LockedPurse], lines: Sequence[Line]) -> None:
    for member_id, moved in _changes(lines).items():
        purse = purses[member_id]
        purse.wallet += moved["wallet"]
        purse.pending += moved["pending"]
        purse.held += moved["held"]
        purse.debt += moved["debt"]


def _changes(lines: Sequence[Line]) -> dict[int, dict[str, int]]:
    """Return what lines do to the four balances of each member, members ascending."""
    change = {member_id: dict.fromkeys(PURSE, 0) for member_id in sorted({line.member_id for line in lines})}
    for line in lines:
        if line.source in PURSE:
            change[line.member_id][line.source] -= line.points
        if line.destination in PURSE:
            change[line.member_id][line.destination] += line.points
    return change


_INSTANT, _NUMBER = Instant(), BigInteger()
_COLUMNS = [column for column in Posting.__table__.columns if column.name != "id"]
_all_lines = given("rows", **{column.name: column.type for column in _COLUMNS})
_POSTINGS = _Writing(
    insert(Posting).inline(),
    insert(Posting).from_select([column.name for column in _COLUMNS], select(*_all_lines.c)),
    tuple(column.name for column in _COLUMNS),
)
_TAKEN: dict[str, TypeEngine[Any]] = {
    "of_member": _NUMBER, "at_place": Position.place.type, "of_lot": _NUMBER, "taken": _NUMBER,
}  # fmt: skip


def _these(rows: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        Position.member_id == rows["of_member"],
        Position.place == rows["at_place"],
        Position.lot_id == rows["of_lot"],
    )


def _lowered(rows: Any) -> Any:
    lower = update(Position).where(*_these(rows), Position.points > rows["taken"])
    return lower.values(points=Position.points - rows["taken"])


def _emptied(rows: Any) -> Any:
    return delete(Position).where(*_these(rows), Position.points == rows["taken"])


def _changed(rows: Any) -> Any:
    moved = {place: getattr(Purse, place) + rows[f"by_{place}"] for place in PURSE}
    return update(Purse).where(Purse.member_id == rows["of_member"]).values(**moved, last_written_at=rows["at"])


def _added(into: Any) -> Any:
    return into.on_conflict_do_update(
        index_elements=["member_id", "place", "lot_id"],
        set_={"points": Position.points + into.excluded.points},
    )


def _by_rows(change: Callable[[Any], Any], columns: Mapping[str, TypeEngine[Any]]) -> _Writing:
    """Return the two statements of a change: by the parameters of one row, and by rows that are given together."""
    one = {name: bindparam(name, type_=kind) for name, kind in columns.items()}
    return _Writing(change(one), change(given("rows", **columns).c), tuple(columns))


_EMPTIED, _LOWERED = _by_rows(_emptied, _TAKEN), _by_rows(_lowered, _TAKEN)
_PURSES = _by_rows(
    _changed, {"of_member": _NUMBER, "at": _INSTANT, **dict.fromkeys((f"by_{place}" for place in PURSE), _NUMBER)}
)
_POSITION = {column.name: column.type for column in Position.__table__.columns}
_all_raised = select(*given("rows", **_POSITION).c)


@each_dialect
def _raised() -> _Writing:
    into = upsert(Position)
    return _Writing(_added(into), _added(into.from_select(list(_POSITION), _all_raised)), tuple(_POSITION))
