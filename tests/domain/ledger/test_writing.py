"""post() is the one writer: it keeps row, handle and books in step, in the ledger's own order of time."""

from datetime import date, timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import transaction
from mall.base.text import say
from mall.domain import ledger
from mall.domain.ledger import writing
from mall.domain.ledger.postings import Move
from mall.domain.ledger.writing import post
from tests.conftest import NOON

from .steps import ZONE, earn, give, hold, instant, locked, new_member, positions, postings, purse, redeem


def test_the_handle_is_what_the_row_is_after_every_verb(mei):
    lot = earn(mei, 100)
    with locked(mei) as handle:
        ledger.unlock(handle, [lot], at=NOON)
        ledger.hold(handle, 30, reference="order:7", at=NOON)
        ledger.redeem(handle, 20, reference="order:8", at=NOON)
        seen = {"wallet": handle.wallet, "held": handle.held, "pending": handle.pending, "debt": handle.debt}

    assert {place: points for place, points in seen.items() if points} == purse(mei) == {"wallet": 50, "held": 30}


def test_written_is_never_before_the_posting_before_it(mei):
    give(mei, 100, at=NOON)

    redeem(mei, 10, at=NOON - timedelta(hours=1))

    *_, before, after = postings(mei)
    assert (after.written_at, after.happened_at) == (before.written_at, NOON - timedelta(hours=1))


def test_what_counts_earlier_is_written_now(mei):
    give(mei, 100)
    written = instant("2026-03-04 10:00")
    with moved_to(written), transaction():
        ledger.redeem(ledger.lock(mei, zone=ZONE), 10, reference="order:7", at=NOON)

    last = postings(mei)[-1]
    assert (last.happened_at, last.written_at) == (NOON, written)


def test_a_transaction_that_fails_leaves_nothing(mei):
    give(mei, 100)
    written, there = postings(mei), positions(mei)

    with pytest.raises(ZeroDivisionError), locked(mei) as handle:
        ledger.redeem(handle, 10, reference="order:7", at=NOON)
        _ = 1 / 0

    assert (postings(mei), positions(mei), purse(mei)) == (written, there, {"wallet": 100})


def bad_lines(member: int, lot: int) -> dict[str, list[ledger.Line]]:
    """Lines that no verb would write: the verbs think first."""
    move = Move("a:bad:move", "redeem", member, "order:7", NOON)
    more = {"source": "wallet", "destination": "redemption", "lot_id": lot}
    return {
        "more than there is": [move.line(**more, points=101)],
        "all of it, not said so": [move.line(**more, points=100)],
        "a part, said to be all": [move.line(**more, points=99, empties=True)],
        "from an empty place": [move.line(source="held", destination="redemption", lot_id=lot, points=1)],
        "no points": [move.line(**more, points=0)],
    }


@pytest.mark.parametrize("mistake", bad_lines(0, 0))
def test_a_line_that_takes_what_is_not_there_is_our_mistake_and_writes_nothing(mei, mistake):
    lot = give(mei, 100)
    written = postings(mei)

    with pytest.raises(AssertionError), locked(mei) as handle:
        post(handle, bad_lines(mei, lot)[mistake])

    assert postings(mei) == written


def test_a_purse_that_is_not_locked_is_not_written(mei, tom):
    lot = give(tom, 100)
    move = Move("a:bad:move", "redeem", tom, "order:7", NOON)

    with pytest.raises(AssertionError, match="not locked"), locked(mei) as handle:
        post(handle, [move.line(source="wallet", destination="redemption", lot_id=lot, points=1)])


def test_many_purses_are_locked_ascending_and_each_once(mei, tom):
    with locked(mei):
        handles = ledger.lock_many([tom, mei, tom], zone=ZONE)

    assert list(handles) == [mei, tom]


def test_lines_of_a_move_are_numbered_from_one(mei):
    give(mei, 100, "order:1")
    give(mei, 100, "order:2")
    hold(mei, 150)

    assert [row.line for row in postings(mei) if row.move == "order:7:hold"] == [1, 2]


@pytest.mark.breaks_the_books  # No verb makes such a move: it is every kind of change at once.
@pytest.mark.parametrize("many", [1, 10**6], ids=["as one", "row by row"])
def test_many_rows_written_by_one_statement_are_those_written_row_by_row(either, many, monkeypatch):
    """What repays, empties, lowers, raises and explains; whichever way it is written, it reads the same."""
    members = [new_member(name) for name in ("mei", "tom", "ann")]
    for number, member in enumerate(members):
        give(member, 100 + number, f"order:{number}", last=date(2026, 3, 31))
        hold(member, 30, f"order:{number}:spent")
    monkeypatch.setattr(writing, "MANY_ROWS", many)
    why = say("Earned on {day} by order {number}", day=date(2026, 3, 4), number="1042")
    with moved_to(NOON), transaction():
        purses = ledger.lock_many(members, zone=ZONE)
        lots = {member: next(iter(positions(member)))[1] for member in members}
        lines = [
            Move(f"all:{member}", "adjust", member, "all", NOON, "staff:1", why).line(
                source=source, destination=destination, lot_id=lots[member], points=points, empties=empties
            )
            for member in members
            for source, destination, points, empties in (
                ("held", "wallet", 30, True), ("wallet", "adjustment", 5, False), ("wallet", "pending", 1, False),
            )
        ]  # fmt: skip
        post(purses.values(), lines)

    assert [purse(member) for member in members] == [{"wallet": 94 + n, "pending": 1} for n in range(3)]
    for number, member in enumerate(members):
        assert positions(member) == {("wallet", lots[member]): 94 + number, ("pending", lots[member]): 1}
        written = [row for row in postings(member) if row.move == f"all:{member}"]
        assert [(row.line, row.source, row.destination, row.points) for row in written] == [
            (1, "held", "wallet", 30), (2, "wallet", "adjustment", 5), (3, "wallet", "pending", 1),
        ]  # fmt: skip
        (said,) = {str(row.reason) for row in written}
        assert said == "Earned on 2026-03-04 by order 1042"
        assert {(row.happened_at, row.written_at, row.happened_on, row.reverses) for row in written} == {
            (NOON, NOON, NOON.date(), None)
        }
        assert {(row.kind, row.reference, row.actor) for row in written} == {("adjust", "all", "staff:1")}


@pytest.mark.parametrize("many", [1, 10**6], ids=["as one", "row by row"])
def test_what_is_not_there_cannot_be_taken_either_way(mei, many, monkeypatch):
    lot = give(mei, 100)
    monkeypatch.setattr(writing, "MANY_ROWS", many)

    with pytest.raises(AssertionError, match="positions are not what was read"), locked(mei) as handle:
        move = Move("too:much", "expire", mei, "order:7", NOON)
        post(handle, [move.line(source="wallet", destination="expiry", lot_id=lot, points=99, empties=True)])

    assert positions(mei) == {("wallet", lot): 100}
