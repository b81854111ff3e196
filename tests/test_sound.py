"""The proof after each test passes over a check only where it could not have found a row."""

from itertools import product
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, func, insert, select, union_all
from sqlalchemy import literal as value

from mall.base.db import db
from mall.domain.finance import proof_board
from tests.sound import can_find

TABLES = MetaData()
A, B, C = (Table(name, TABLES, Column("id", Integer, primary_key=True)) for name in "abc")
OF_B = select(B.c.id.label("b")).cte()
COUNTED = select(A.c.id.label("a"), func.count().label("n")).group_by(A.c.id).subquery()
UPWARDS = select(A.c.id.label("n")).cte(recursive=True)
UPWARDS = UPWARDS.union_all(select(UPWARDS.c.n + 1).where(UPWARDS.c.n < 3))

SELECTS: dict[str, Any] = {
    "one table": select(A),
    "two tables": select(A, B).where(A.c.id == B.c.id),
    "a join": select(A).join(B, A.c.id == B.c.id),
    "what is missing": select(A).outerjoin(B, A.c.id == B.c.id).where(B.c.id.is_(None)),
    "what is missing on either side": select(A.c.id, B.c.id).join_from(A, B, A.c.id == B.c.id, full=True),
    "three tables": select(A).outerjoin(B, A.c.id == B.c.id).join(C, C.c.id == A.c.id),
    "another name": select(A.alias()),
    "not in": select(A).where(~select(B.c.id).where(B.c.id == A.c.id).exists()),
    "a union": union_all(select(A.c.id), select(B.c.id)),
    "of a union": select(union_all(select(A.c.id), select(B.c.id)).subquery()),
    "of a sum": select(A).join(OF_B, OF_B.c.b == A.c.id),
    "of groups": select(COUNTED).where(COUNTED.c.n > 0),
    "groups": select(A.c.id, func.count()).group_by(A.c.id),
    "a count": select(func.count()).select_from(A),
    "a sum of nothing": select(func.sum(A.c.id)),
    "a count wanted": select(func.count()).select_from(A).having(func.count() == 0),
    "of a count": select(select(func.count().label("n")).select_from(A).subquery()),
    "no table": select(value(1)),
    "one after another": select(UPWARDS),
}


def test_every_check_is_asked_where_all_tables_are_filled_and_few_where_none_is(app):
    checks = [check for room in proof_board.ROOMS for check in room.checks()]

    assert [check.name for check in checks if not can_find(check.breaks)(set(db.metadata.tables))] == []
    assert 4 * sum(can_find(check.breaks)(set()) for check in checks) < len(checks)


@pytest.mark.parametrize("name", SELECTS)
def test_what_finds_a_row_is_asked(name):
    question = SELECTS[name]
    for filled in product([False, True], repeat=3):
        full = {table for table, has_row in zip((A, B, C), filled, strict=True) if has_row}
        engine = create_engine("sqlite://")
        with engine.begin() as connection:
            TABLES.create_all(connection)
            for table in full:
                connection.execute(insert(table).values(id=1))
            found = connection.execute(question).first() is not None
        engine.dispose()
        assert can_find(question)({table.name for table in full}) or not found, full


@pytest.mark.parametrize("name", ["one table", "two tables", "a join", "what is missing", "not in", "groups"])
def test_most_are_not_asked_of_empty_tables(name):
    assert not can_find(SELECTS[name])({"b", "c"})
