"""What both databases can under one name: rows as one parameter, and what lies so long after something."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import BigInteger, Date, String, func, literal, select, union_all

from mall.base.clock import Instant, month_end, months_later
from mall.base.db import execute, reading
from mall.base.sql import (
    as_given,
    by_ids,
    days_later,
    given,
    month_ends_later,
    seconds_between,
    seconds_later,
    whole_sum,
)

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


def test_what_whole_numbers_add_up_to_is_whole_and_divided_as_such(either):
    with reading():
        whole = whole_sum(ROWS.c.member_id)
        seven = execute(select(whole, whole // 2), {"rows": as_given([(3, "x"), (4, "x")])}).one()
        none = execute(select(whole), {"rows": as_given([])}).scalar_one()

    assert [type(each) for each in (*seven, none)] == [int] * 3
    assert (*seven, none) == (7, 3, 0)


def test_by_ids_finds_one_several_and_none(either):
    numbers = union_all(*(select(literal(number).label("number")) for number in (2, 5, 7))).subquery()
    found = by_ids(select(numbers).order_by(numbers.c.number), numbers.c.number)

    with reading():
        answers = [found(ids).scalars().all() for ids in ([7], [2, 5, 11], [11], [])]
    assert answers == [[7], [2, 5], [], []]


def test_by_ids_writes_no_list_for_a_single_id(app, count_statements):
    number = select(literal(7).label("number")).subquery()
    found = by_ids(select(number), number.c.number)
    count_statements.clear()

    with reading():
        assert [found(ids).scalars().all() for ids in ([7], [6, 7])] == [[7], [7]]
    assert [" IN (" in sql for sql in count_statements] == [False, True]


INSTANTS = [datetime(2026, 3, 29, 0, 59, 59, 999_999, UTC), datetime(2024, 2, 29, 23, 59, 59, 1, UTC)]
DAYS = [date(2026, 1, 31), date(2024, 2, 29), date(2026, 12, 1)]


@pytest.mark.parametrize("seconds", [0, 1, -1, 86_400, 31_536_001])
def test_an_instant_so_many_seconds_later_is_the_same_to_the_microsecond(either, seconds):
    with reading():
        for instant in INSTANTS:
            later = execute(select(seconds_later(literal(instant, Instant), literal(seconds)))).scalar_one()
            assert later == instant + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("microseconds", "seconds"), [(0, 0), (1, 0), (999_999, 0), (1_000_000, 1), (86_399_999_999, 86_399)]
)
def test_seconds_between_two_instants_are_whole_ones_that_have_passed(either, microseconds, seconds):
    with reading():
        for began in (datetime(2023, 9, 2, tzinfo=UTC), datetime(1970, 1, 1, 22, tzinfo=UTC)):
            ended = began + timedelta(microseconds=microseconds)
            between = select(seconds_between(literal(ended, Instant), literal(began, Instant)))
            assert execute(between).scalar_one() == seconds


def test_no_instant_has_none_later(either):
    with reading():
        assert execute(select(seconds_later(literal(None, Instant), literal(60)))).scalar_one() is None


@pytest.mark.parametrize("days", [0, 1, -364, 30])
def test_a_day_so_many_days_later_is_that_day(either, days):
    with reading():
        for day in DAYS:
            assert execute(select(days_later(literal(day, Date), literal(days)))).scalar_one() == day + timedelta(days)


@pytest.mark.parametrize("months", [0, 1, 12, 25, 120])
def test_a_month_so_many_months_later_ends_when_the_clock_says(either, months):
    with reading():
        for day in DAYS:
            ends = execute(select(month_ends_later(literal(day, Date), literal(months)))).scalar_one()
            assert ends == month_end(months_later(day, months))
