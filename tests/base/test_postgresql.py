"""What an answer's columns are is worked out only for who looks, and comes to what psycopg says itself."""

import psycopg
import pytest
from sqlalchemy import Integer, String, bindparam, func, literal, select, text

from mall.base.db import db, execute, reading, transaction
from mall.base.postgresql import Columns, Cursor


@pytest.fixture
def raw(postgres_app):
    """Return psycopg's own connection, as the mall opens it."""
    with db.engine.connect() as connection:
        yield connection.connection.driver_connection


def test_an_answer_is_described_as_psycopg_describes_it(raw):
    statement = "SELECT 1 AS one, 'two'::text AS two, NULL::json AS three"
    ours, theirs = raw.execute(statement), psycopg.Cursor(raw).execute(statement)
    assert type(ours) is Cursor and isinstance(ours.description, Columns)
    assert [tuple(each) for each in ours.description] == [tuple(each) for each in theirs.description]
    assert (len(ours.description), ours.description[1].name) == (3, "two")


def test_what_answers_nothing_has_no_columns(raw):
    assert raw.execute("CREATE TEMP TABLE nothing (id INT)").description is None
    assert raw.execute("INSERT INTO nothing VALUES (1)").description is None
    assert raw.cursor().description is None


def test_rows_without_columns_are_rows(raw):
    found = raw.execute("SELECT FROM generate_series(1, 3)")
    assert (found.description, found.rowcount) == ([], 3)


def test_the_columns_of_a_statement_run_once_more_are_not_worked_out_again(postgres_app, monkeypatch):
    asked = []
    described = Columns._described
    monkeypatch.setattr(Columns, "_described", lambda columns: asked.append(1) or described(columns))
    statement = select(bindparam("count", type_=Integer).label("count"), literal("word", String).label("word"))
    with reading():
        first = execute(statement, {"count": 1}).one()
        looked = len(asked)
        later = [execute(statement, {"count": count}).one() for count in (2, 3)]
    assert (first.count, first.word) == (1, "word")
    assert [row.count for row in later] == [2, 3]
    assert looked > 0 and len(asked) == looked


def test_a_statement_of_plain_text_names_its_columns(postgres_app):
    with transaction():
        row = execute(text("SELECT 7 AS seven, now() AS moment")).one()
        counted = execute(select(func.count().label("rows")).select_from(text("(VALUES (1), (2)) AS two"))).one()
    assert (row.seven, row._fields, counted.rows) == (7, ("seven", "moment"), 2)
