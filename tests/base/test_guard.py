"""What is written in an append-only table stays as it was written, whatever statement is tried."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import (
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from mall.base.db import again, dialect, execute, reading, transaction
from mall.base.guard import append_only

SAMPLE = Table(
    "sample_line",
    MetaData(),
    Column("id", Integer),
    Column("move", String(20), nullable=False),
    Column("line", Integer, nullable=False),
    Column("code", String(20), nullable=True),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("move", "line"),
    Index("ix_sample_line_code", "code", unique=True),
)


class SampleLine:
    """Stands for a declared table."""

    __table__ = SAMPLE


append_only(SampleLine)

BEFORE = [(1, "order:1:hold", 1, "A"), (2, "order:1:hold", 2, None)]


@pytest.fixture
def unharmed(either: Flask) -> Iterator[Flask]:
    """The sample with two rows, which must be as they were when the test is over."""
    create_sample()
    yield either
    assert sample_rows() == BEFORE


def refused(statement: str) -> str:
    """Run a statement that must be refused as a broken rule. Returns the database's words."""
    with pytest.raises(IntegrityError) as refusal, transaction():
        execute(text(statement))
    return str(refusal.value.orig)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sample_line SET line = 9 WHERE id = 1",
        "UPDATE sample_line SET code = code",
        "DELETE FROM sample_line WHERE id = 2",
        "DELETE FROM sample_line",
    ],
)
def test_no_row_is_changed_or_deleted(unharmed, statement):
    assert "sample_line is append-only" in refused(statement)


def test_the_table_is_not_emptied(postgres_app):
    create_sample()

    assert "sample_line is append-only" in refused("TRUNCATE sample_line")

    assert sample_rows() == BEFORE


@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE"])
@pytest.mark.parametrize(
    "row",
    ["(1, 'forged', 1, NULL)", "(3, 'order:1:hold', 2, NULL)", "(4, 'forged', 1, 'A')"],
    ids=["primary key", "unique constraint", "unique index"],
)
def test_no_row_is_replaced_by_way_of_any_of_its_keys(app, verb, row):
    create_sample()

    assert "sample_line is append-only" in refused(f"{verb} INTO sample_line VALUES {row}")

    assert sample_rows() == BEFORE


@pytest.mark.parametrize("key", [["id"], ["move", "line"], ["code"]], ids="+".join)
def test_no_row_is_changed_by_an_upsert(unharmed, key):
    insert = sqlite.insert if dialect() == "sqlite" else postgresql.insert
    upsert = insert(SAMPLE).values(id=1, move="order:1:hold", line=1, code="A")

    with pytest.raises(IntegrityError, match="append-only"), transaction():
        execute(upsert.on_conflict_do_update(index_elements=key, set_={"line": 99, "move": "forged"}))


def test_without_the_guards_the_same_statements_go_through(app):
    with transaction():
        execute(text("CREATE TABLE sample_line (id INTEGER PRIMARY KEY, move TEXT, line INTEGER, code TEXT)"))
        execute(text("INSERT INTO sample_line VALUES (1, 'order:1:hold', 1, 'A')"))
        execute(text("INSERT OR REPLACE INTO sample_line VALUES (1, 'forged', 1, NULL)"))
        assert execute(text("UPDATE sample_line SET line = 9")).rowcount == 1
        assert execute(text("DELETE FROM sample_line")).rowcount == 1


def test_a_new_row_is_added(either):
    create_sample()
    with transaction():
        execute(text("INSERT INTO sample_line VALUES (3, 'order:2:hold', 1, 'B')"))

    assert len(sample_rows()) == 3


def test_a_key_taken_meanwhile_is_found_by_the_second_try(either):
    create_sample()
    tries: list[int] = []

    def unit() -> int:
        tries.append(1)
        with transaction():
            if len(tries) == 1:
                execute(text("INSERT INTO sample_line VALUES (3, 'order:1:hold', 1, NULL)"))
            return execute(text("SELECT id FROM sample_line WHERE move = 'order:1:hold' AND line = 1")).scalar_one()

    assert again(unit) == 1
    assert len(tries) == 2


def create_sample() -> None:
    with transaction() as connection:
        SAMPLE.create(connection)
        execute(
            SAMPLE.insert(),
            [{"id": number, "move": move, "line": line, "code": code} for number, move, line, code in BEFORE],
        )


def sample_rows() -> list[tuple[object, ...]]:
    with reading():
        rows = execute(text("SELECT id, move, line, code FROM sample_line ORDER BY id")).all()
    return [tuple(row) for row in rows]
