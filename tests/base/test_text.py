"""Sentences keep their places and values; what the staff wrote is shown in a language it has."""

from datetime import UTC, date, datetime
from itertools import product

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text
from sqlalchemy.exc import StatementError

from mall.base.db import execute, reading, transaction
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_, Message, Said, Text, local, say

SAMPLE = Table(
    "sample_words",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("title", Text, nullable=True),
    Column("why", Said, nullable=True),
)


@pytest.fixture
def words(either):
    with transaction() as connection:
        SAMPLE.create(connection)
    return either


def test_a_marked_sentence_is_the_sentence():
    assert N_("Earned by order {number}") == "Earned by order {number}"


def test_a_message_reads_in_english():
    assert str(say("Earned by order {number}: {points} points", number="1042", points=3)) == (
        "Earned by order 1042: 3 points"
    )


def test_a_message_comes_back_with_its_values(words):
    said = say(
        "{points} points, {title}, until {expires_on}",
        points=12,
        title={"en": "Mug", "zh": "马克杯"},
        expires_on=date(2026, 3, 31),
    )
    with transaction():
        execute(insert(SAMPLE), [{"id": 1, "why": said}, {"id": 2, "why": None}])

    with reading():
        stored = execute(select(SAMPLE.c.why).order_by(SAMPLE.c.id)).scalars().all()
    assert stored == [
        Message(said.text, {"points": 12, "title": {"en": "Mug", "zh": "马克杯"}, "expires_on": "2026-03-31"}),
        None,
    ]


def test_days_and_instants_are_stored_as_iso_text(words):
    at = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    with transaction():
        execute(insert(SAMPLE).values(id=1, why=say("{at} {day}", at=at, day=at.date())))

    with reading():
        assert execute(select(SAMPLE.c.why)).scalar_one().values == {
            "at": "2026-03-02T12:00:00+00:00",
            "day": "2026-03-02",
        }


def test_a_text_comes_back_by_language(words):
    title = {"en": "Mug", "zh": "马克杯"}
    with transaction():
        execute(insert(SAMPLE).values(id=1, title=title))

    with reading():
        assert execute(select(SAMPLE.c.title)).scalar_one() == title


def test_no_text_is_null_in_the_database(words):
    with transaction():
        execute(insert(SAMPLE).values(id=1, title=None, why=None))

    with reading():
        row = execute(text("SELECT title IS NULL, why IS NULL FROM sample_words")).one()
    assert all(row)


def test_a_text_without_its_language_is_refused(words):
    with pytest.raises(StatementError, match="dict of language"), transaction():
        execute(insert(SAMPLE).values(id=1, title="Mug"))


def test_a_text_is_shown_in_the_readers_language_or_else_in_one_it_has():
    for english, chinese, german in product(["", "Mug"], ["", "马克杯"], ["", "Becher"]):
        written = {"de": german, "en": english, "zh": chinese}
        assert local(written, "en") == (english or german or chinese)
        assert local(written, "zh") == (chinese or english or german)
    assert local({}, "en") == ""
    assert local(None, "zh") == ""


def test_a_refusal_is_a_sentence_with_values():
    class Short(Refusal):
        message = "This needs {wanted} points; {available} are available."

    refusal = Short(wanted=300, available=200)

    assert str(refusal) == "This needs 300 points; 200 are available."
    assert refusal.values == {"wanted": 300, "available": 200}
    assert refusal.said == Message(Short.message, {"wanted": 300, "available": 200})


def test_a_refusal_may_bring_its_own_sentence():
    assert str(NotFound("No order {number}", number="7")) == "No order 7"
