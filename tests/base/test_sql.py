"""A statement can be given any number of rows as one parameter, on both databases."""

from sqlalchemy import BigInteger, String, func, select

from mall.base.db import execute, reading
from mall.base.sql import as_given, given

ROWS = given("rows", member_id=BigInteger(), name=String())


def test_rows_are_a_table_of_the_columns_asked_for(either):
    rows = [(3, 'Mei\'s "tea" % :x'), (2**40, "商品"), (5, "")]

    with reading():
        found = execute(select(ROWS).order_by(ROWS.c.member_id), {"rows": as_given(rows)}).all()

    assert [tuple(row) for row in found] == sorted(rows)


def test_nothing_stands_for_null(either):
    with reading():
        assert execute(select(ROWS), {"rows": as_given([(None, None)])}).one() == (None, None)


def test_no_rows_and_many_are_the_same_statement(either):
    count = select(func.count()).select_from(ROWS)

    with reading():
        assert execute(count, {"rows": as_given([])}).scalar_one() == 0
        assert execute(count, {"rows": as_given([(number, "x") for number in range(50_000)])}).scalar_one() == 50_000
