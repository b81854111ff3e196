"""Every check of the proof is seen to fail: somebody goes past the guards and tampers with the books."""

# ruff: noqa: S608 - The names put into statements are our own.

import contextlib
from datetime import date, timedelta

import pytest
from sqlalchemy import CheckConstraint, text

from mall.base.db import db, dialect, execute, reading, transaction
from mall.domain import ledger

from .steps import (
    broken,
    capture,
    earn,
    end,
    expire_due,
    give,
    give_back,
    hold,
    instant,
    owing,
    redeem,
    release,
    take_back,
)

SOON = date(2026, 3, 31)
AFTER = instant("2026-04-01 09:00")


@pytest.fixture
def busy(mei, tom):
    """Mei and Tom after a little of everything: books that hold."""
    give(tom, 500, "order:90")
    one = give(mei, 100, "order:1", last=SOON)
    give(mei, 100, "order:2")
    earn(mei, 40, "order:3")
    hold(mei, 30, "order:4")
    hold(mei, 30, "order:5")
    capture(mei, "order:5")
    redeem(mei, 20, "order:6")
    give_back(mei, 10, "order:6")
    release(mei, "order:4", at=AFTER)
    hold(mei, 25, "order:7", at=AFTER)
    expire_due(at=AFTER)
    take_back(mei, {one: 50}, at=AFTER)
    assert broken() == []
    return mei


class Undone(Exception):
    """Rolls tampering back."""


def broken_by(*statements: str) -> list[str]:
    """Run statements past every guard, as whoever owns the database could, and return the checks that notice.

    The tampering is undone.
    """
    noticed: list[str] = []
    with contextlib.suppress(Undone), transaction():
        lower_the_guards()
        for statement in statements:
            execute(text(statement))
        noticed += broken()
        if dialect() == "sqlite":
            execute(text("PRAGMA ignore_check_constraints = OFF"))
        raise Undone
    return noticed


def lower_the_guards() -> None:
    """Take away triggers, foreign keys and CHECKs, for this transaction."""
    if dialect() == "sqlite":
        for name in execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            execute(text(f"DROP TRIGGER {name}"))
        execute(text("PRAGMA ignore_check_constraints = ON"))
        execute(text("PRAGMA defer_foreign_keys = ON"))
        return
    execute(text("SET LOCAL session_replication_role = 'replica'"))
    for table in ("purse", "lot", "posting", "position"):
        for constraint in db.metadata.tables[table].constraints:
            if isinstance(constraint, CheckConstraint):
                execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {constraint.name}"))


COLUMNS = [column.name for column in db.metadata.tables["posting"].columns if column.name not in ("id", "reason")]


def added(*, reference: str = "order:77", move: str = "tampered", **columns: str) -> str:
    """Return the statement that adds a posting like Mei's first, but for what is said: values in SQL."""
    given = {"move": f"'{move}'", "reference": f"'{reference}'", "line": "1"} | columns
    values = ", ".join(given.get(name, name) for name in COLUMNS)
    first = "(SELECT min(id) FROM posting WHERE kind = 'earn' AND reference = 'order:1')"
    return f"INSERT INTO posting ({', '.join(COLUMNS)}) SELECT {values} FROM posting WHERE id = {first}"


def last(kind: str, reference: str) -> str:
    """Return a subquery for the last posting of a kind and reference."""
    return f"(SELECT max(id) FROM posting WHERE kind = '{kind}' AND reference = '{reference}')"


PURSES = "purses are the sums of their postings"
POSITIONS = "positions are the sums of their postings"

TAMPERED: dict[str, tuple[str, tuple[str, ...]]] = {
    "a balance is raised": (
        PURSES,
        ("UPDATE purse SET wallet = wallet + 1 WHERE wallet > 0",),
    ),
    "a debt is struck out": (
        PURSES,
        ("UPDATE purse SET debt = debt - 1",),
    ),
    "a position is raised": (
        "purses are the sums of their positions",
        ("UPDATE position SET points = points + 1 WHERE place = 'wallet'",),
    ),
    "a position is removed": (
        "purses are the sums of their positions",
        ("DELETE FROM position WHERE place = 'held'",),
    ),
    "a position is moved to another place, and the purse with it": (
        POSITIONS,
        (
            "UPDATE purse SET wallet = wallet + pending, pending = 0",
            "UPDATE position SET place = 'wallet' WHERE place = 'pending'",
        ),
    ),
    "a posting is changed": (
        POSITIONS,
        (f"UPDATE posting SET points = points - 1 WHERE id = {last('hold', 'order:7')}",),
    ),
    "a posting is removed": (
        POSITIONS,
        (f"DELETE FROM posting WHERE id = {last('earn', 'order:3')}",),
    ),
    "a purse is below nothing": (
        "no wallet beside debt, no negative place",
        ("UPDATE purse SET held = -1",),
    ),
    "points are ready beside debt": (
        "no wallet beside debt, no negative place",
        ("UPDATE purse SET debt = -1",),
    ),
    "a line of a move is missing": (
        "every move is whole, and its renewal leaves nothing behind",
        ("DELETE FROM posting WHERE move = 'order:4:end' AND line = 1",),
    ),
    "a line is added to a move": (
        "every move is whole, and its renewal leaves nothing behind",
        (added(move="order:6:end", line="3"),),
    ),
    "a renewal keeps something": (
        "every move is whole, and its renewal leaves nothing behind",
        ("UPDATE posting SET points = points - 1 WHERE kind = 'renew'",),
    ),
    "a move is of two members": (
        "every move is whole, and its renewal leaves nothing behind",
        ("UPDATE posting SET member_id = (SELECT max(id) FROM member) WHERE move = 'order:4:end' AND line = 1",),
    ),
    "a hold ends in part": (
        "a hold ends once, and whole",
        (f"UPDATE posting SET points = points - 1 WHERE id = {last('redeem', 'order:5')}",),
    ),
    "a hold ends twice": (
        "a hold ends once, and whole",
        (added(reference="order:5", source="'held'", destination="'wallet'", kind="'release'", points="30"),),
    ),
    "an order redeems beside its hold": (
        "an order has at most one hold or one direct redemption",
        (added(reference="order:7", source="'wallet'", destination="'redemption'", kind="'redeem'", points="1"),),
    ),
    "a sale's points pass as a gift": (
        "points go only where a move of their kind takes them",
        (f"UPDATE posting SET source = 'adjustment' WHERE id = {last('earn', 'order:3')}",),
    ),
    "an expiry passes as something taken back": (
        "points go only where a move of their kind takes them",
        ("UPDATE posting SET destination = 'clawback' WHERE kind = 'expire'",),
    ),
    "a lot passes as another's": (
        "a lot came about as it says, and does not end before its last day",
        ("UPDATE lot SET origin = 'adjustment' WHERE reference = 'order:3'",),
    ),
    "a lot's last day is put off without its end": (
        "a lot came about as it says, and does not end before its last day",
        ("UPDATE lot SET expires_on = '2030-01-01' WHERE reference = 'order:3'",),
    ),
    "a lot is given to somebody else": (
        "points stay with the member of their lot",
        ("UPDATE lot SET member_id = (SELECT max(id) FROM member) WHERE reference = 'order:3'",),
    ),
    "a child is given to somebody else": (
        "points stay with the member of their lot",
        (
            "UPDATE lot SET member_id = (SELECT max(id) FROM member) WHERE parent_id IS NOT NULL",
            "UPDATE posting SET member_id = (SELECT max(id) FROM member)"
            " WHERE lot_id IN (SELECT id FROM lot WHERE parent_id IS NOT NULL)",
        ),
    ),
    "a lot is made larger": (
        "all points of a lot are accounted for",
        ("UPDATE lot SET points = points + 1 WHERE reference = 'order:3'",),
    ),
    "points of a lot are gone without a word": (
        "all points of a lot are accounted for",
        (f"DELETE FROM posting WHERE id = {last('redeem', 'order:6')}",),
    ),
    "points come from nowhere, purse and position to match": (
        "all points of a lot are accounted for",
        (
            added(),
            "UPDATE purse SET pending = pending + 100 WHERE member_id = (SELECT min(id) FROM member)",
            "INSERT INTO position (member_id, place, lot_id, points) SELECT member_id, 'pending', id, 100 FROM lot"
            " WHERE reference = 'order:1' AND parent_id IS NULL",
        ),
    ),
    "a child is more than what was renewed": (
        "children of a lot are its renewed points, and have no children",
        ("UPDATE lot SET points = points + 1 WHERE parent_id IS NOT NULL",),
    ),
    "a child has a child": (
        "children of a lot are its renewed points, and have no children",
        (
            "UPDATE lot SET parent_id = (SELECT max(id) FROM lot WHERE parent_id IS NOT NULL)"
            " WHERE reference = 'order:3'",
        ),
    ),
    "more comes back than was spent": (
        "no more is given back than was redeemed",
        (added(reference="order:6", source="'redemption'", destination="'wallet'", kind="'give_back'", points="11"),),
    ),
    "points come back from an order that spent none": (
        "no more is given back than was redeemed",
        (added(source="'redemption'", destination="'wallet'", kind="'give_back'", points="1"),),
    ),
    "points are spent after their last day": (
        "nothing is spent after its last day",
        ("UPDATE posting SET happened_at = '2026-04-01 00:00:00.000000' WHERE kind = 'hold'",),
    ),
    "more is taken back than was earned": (
        "what is taken back names an earning, and is no more than it",
        ("UPDATE posting SET points = points + 100 WHERE kind = 'clawback'",),
    ),
    "what is taken back names no earning": (
        "what is taken back names an earning, and is no more than it",
        ("UPDATE posting SET reverses = NULL WHERE kind = 'clawback'",),
    ),
    "what is taken back names somebody else's earning": (
        "what is taken back names an earning, and is no more than it",
        (
            "UPDATE posting SET reverses = (SELECT id FROM posting WHERE reference = 'order:90' AND kind = 'earn')"
            " WHERE kind = 'clawback'",
        ),
    ),
    "points come back from the bank that never left": (
        "what left as money comes back whole, lot by lot, and once",
        (added(source="'cash-out'", destination="'wallet'", kind="'give_back'", points="1"),),
    ),
    "members have more than was issued": (
        "liability is issued less gone",
        ("UPDATE purse SET wallet = wallet + 1 WHERE wallet > 0",),
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_tampering_is_seen(busy, what):
    check, statements = TAMPERED[what]

    assert check in broken_by(*statements)
    assert broken() == []


def test_no_check_is_left_out():
    assert {check for check, _statements in TAMPERED.values()} == {check.name for check in ledger.checks()}


def test_names_are_said_once():
    names = [check.name for check in ledger.checks()]

    assert len(names) == len(set(names))


def test_books_that_hold_are_not_complained_about(busy):
    owing(busy, 100_000, "order:50")

    assert broken() == []


def test_a_capture_after_the_last_day_is_no_late_spending(mei):
    give(mei, 100, last=SOON)
    hold(mei, 100, at=end(SOON))
    capture(mei, at=AFTER + timedelta(days=3))

    assert broken() == []


def test_empty_books_hold(either):
    assert broken() == []
    with reading():
        assert all(execute(check.breaks).all() == [] for check in ledger.checks())
