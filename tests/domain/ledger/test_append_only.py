"""Lots and postings are written once: neither database lets anybody change, replace or delete them."""

# ruff: noqa: S608 - The names put into statements are our own.

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, IntegrityError

from mall.base.db import dialect, execute, transaction

from .steps import capture, earn, give, hold, postings, purse

CHANGES = [
    "UPDATE posting SET points = points + 1",
    "UPDATE posting SET reason = NULL WHERE id = 1",
    "DELETE FROM posting",
    "UPDATE lot SET expires_on = '2099-12-31'",
    "DELETE FROM lot",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_no_row_is_changed_or_deleted(mei, statement):
    give(mei, 100)
    written = postings(mei)

    with pytest.raises(DatabaseError, match="is append-only"), transaction():
        execute(text(statement))
    assert postings(mei) == written


@pytest.mark.parametrize("table", ["posting", "lot"])
def test_a_table_is_not_emptied(mei, table):
    give(mei, 100)
    if dialect() == "sqlite":  # There the only way to empty a table is DELETE.
        statement = f"DELETE FROM {table}"
    else:
        statement = f"TRUNCATE {table} CASCADE"

    with pytest.raises(DatabaseError, match="is append-only"), transaction():
        execute(text(statement))


@pytest.mark.parametrize("key", ["id", "move, line"])
def test_no_row_is_replaced_by_any_of_its_keys(mei, key):
    give(mei, 100)
    written = postings(mei)
    columns = [column for column in written[0]._fields if column != "id" or key == "id"]
    others = ", ".join(columns)
    values = ", ".join("999" if column == "points" else column for column in columns)
    if key == "id":
        values = values.replace("move", "'another:move'", 1)
    verb, on_conflict = (
        ("INSERT OR REPLACE", "")
        if dialect() == "sqlite"
        else ("INSERT", f" ON CONFLICT ({key}) DO UPDATE SET points = 999")
    )

    with pytest.raises(DatabaseError, match="append-only"), transaction():
        execute(text(f"{verb} INTO posting ({others}) SELECT {values} FROM posting WHERE id = 1{on_conflict}"))
    assert postings(mei) == written


def test_a_line_of_a_move_is_written_once(mei):
    give(mei, 100)
    written = postings(mei)
    others = ", ".join(column for column in written[0]._fields if column != "id")

    with pytest.raises(IntegrityError, match=r"(?i)unique"), transaction():
        execute(text(f"INSERT INTO posting ({others}) SELECT {others} FROM posting WHERE id = 1"))


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("points", "0", "points_positive"),
        ("points", "-5", "points_positive"),
        ("source", "destination", "goes_somewhere"),
        ("source", "'pocket'", "source_known"),
        ("destination", "'pocket'", "destination_known"),
        ("kind", "'gift'", "kind_known"),
    ],
)
def test_the_table_itself_refuses_nonsense(mei, column, value, rule):
    give(mei, 100)
    columns = [name for name in postings(mei)[0]._fields if name != "id"]
    values = ", ".join({"move": "'a:new:move'", column: value}.get(name, name) for name in columns)

    with pytest.raises(IntegrityError, match=rule), transaction():
        execute(text(f"INSERT INTO posting ({', '.join(columns)}) SELECT {values} FROM posting WHERE id = 1"))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("wallet = -1", "wallet_not_negative"),
        ("pending = -1", "pending_not_negative"),
        ("held = -1", "held_not_negative"),
        ("debt = 1", "debt_not_positive"),
        ("wallet = 1, debt = -1", "no_wallet_beside_debt"),
    ],
)
def test_a_purse_refuses_what_no_purse_can_be(mei, change, rule):
    with pytest.raises(IntegrityError, match=rule), transaction():
        execute(text(f"UPDATE purse SET {change}"))
    assert purse(mei) == {}


@pytest.mark.parametrize("points", [0, -1])
def test_a_position_holds_points(mei, points):
    earn(mei, 100)

    with pytest.raises(IntegrityError, match="points_positive"), transaction():
        execute(text("UPDATE position SET points = :points"), {"points": points})


def test_every_end_of_an_order_is_a_row_more_never_a_row_less(mei):
    give(mei, 100)
    hold(mei, 100)
    before = postings(mei)

    capture(mei)

    assert postings(mei)[: len(before)] == before
