"""A table is declared once, as a class whose attributes are its columns."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, Integer, String, select
from sqlalchemy.dialects import sqlite

from mall.base import tables
from mall.base.tables import Mapped, aliased, mapped_column


@pytest.fixture(scope="module")
def boat() -> Any:
    """A table beside those of the mall: no database has it."""

    class Boat(tables.Model):
        __tablename__ = "test_boat"
        __table_args__ = (CheckConstraint("length > 0", name="has_length"), Index(None, "name"))

        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(String(20), unique=True)
        length: Mapped[int]
        sank_on: Mapped[date | None]
        tows_id: Mapped[int | None] = mapped_column(ForeignKey("test_boat.id"))

    yield Boat
    tables.Model.metadata.remove(Boat.__table__)


def test_what_is_not_said_to_be_optional_must_have_a_value(boat):
    optional = {column.name for column in boat.__table__.columns if column.nullable}
    assert optional == {"sank_on", "tows_id"}


def test_the_annotation_says_what_a_column_is_unless_the_declaration_does(boat):
    assert isinstance(boat.length.type, BigInteger)
    assert isinstance(boat.length.type.dialect_impl(sqlite.dialect()), Integer)
    assert isinstance(boat.sank_on.type, Date)
    assert boat.name.type.length == 20


def test_what_refers_to_another_column_is_of_its_kind(boat):
    assert isinstance(boat.tows_id.type, BigInteger)


def test_keys_checks_and_indexes_have_the_names_of_the_house(boat):
    table = boat.__table__
    names = {str(each.name) for each in (*table.constraints, *table.indexes)}
    assert names == {
        "pk_test_boat", "uq_test_boat_name", "ck_test_boat_has_length", "ix_test_boat_name",
        "fk_test_boat_tows_id_test_boat",
    }  # fmt: skip


def test_a_table_without_a_name_is_called_as_its_class():
    class OldRustyAnchor(tables.Model):
        id: Mapped[int] = mapped_column(primary_key=True)

    assert OldRustyAnchor.__tablename__ == OldRustyAnchor.__table__.name == "old_rusty_anchor"
    tables.Model.metadata.remove(OldRustyAnchor.__table__)


def test_a_statement_may_ask_one_table_twice(boat):
    other = aliased(boat, name="other")
    pairs = select(boat.name, other.name.label("tow")).join(other, other.id == boat.tows_id)
    assert str(pairs).split() == (
        "SELECT test_boat.name, other.name AS tow"
        " FROM test_boat JOIN test_boat AS other ON other.id = test_boat.tows_id"
    ).split()  # fmt: skip


def test_a_column_of_no_known_kind_is_refused_where_it_is_declared():
    with pytest.raises(KeyError):

        class Cargo(tables.Model):
            id: Mapped[int] = mapped_column(primary_key=True)
            weight: Mapped[complex]


def test_only_the_annotation_says_whether_a_column_may_be_empty():
    with pytest.raises(TypeError, match="nullable"):
        mapped_column(String(20), **{"nullable": True})
