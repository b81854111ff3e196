"""Instants are aware and in UTC; days are the programme's, also where clocks change and months end."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text
from sqlalchemy.exc import StatementError

from mall.base.clock import (
    Instant,
    day_of,
    end_of,
    month_end,
    months_later,
    moved_to,
    now,
    start_of,
    today,
)
from mall.base.db import execute, reading, transaction

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Shanghai",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Beirut",
]
MICROSECOND = timedelta(microseconds=1)

SAMPLE = Table(
    "sample_moment", MetaData(), Column("id", Integer, primary_key=True), Column("at", Instant, nullable=True)
)


def test_now_is_aware_and_in_utc():
    with time_machine.travel(datetime(2026, 3, 2, 12, 30, tzinfo=UTC), tick=False):
        assert now() == datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
        assert now().tzinfo is UTC


def test_the_clock_can_stand_elsewhere_for_a_while():
    instant = datetime(2025, 1, 1, 8, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
    with moved_to(instant):
        assert now() == instant
        assert now().tzinfo is UTC
        assert today("Asia/Shanghai") == date(2025, 1, 1)
        with moved_to(instant + timedelta(days=1)):
            assert today("UTC") == date(2025, 1, 2)
        assert today("UTC") == date(2025, 1, 1)
    assert now() > instant


@pytest.mark.parametrize("zone", ZONES)
def test_every_day_begins_where_the_last_one_ends(zone):
    day = date(2024, 1, 1)
    while day < date(2027, 1, 1):
        start, end = start_of(day, zone), end_of(day, zone)
        assert day_of(start, zone) == day_of(end, zone) == day
        assert day_of(start - MICROSECOND, zone) == day - timedelta(days=1)
        assert end + MICROSECOND == start_of(day + timedelta(days=1), zone)
        assert timedelta(hours=23) <= end + MICROSECOND - start <= timedelta(hours=25)
        day += timedelta(days=1)


def test_days_on_which_the_clocks_change_are_shorter_or_longer():
    berlin = "Europe/Berlin"
    assert end_of(date(2026, 3, 29), berlin) - start_of(date(2026, 3, 29), berlin) == timedelta(hours=23) - MICROSECOND
    assert (
        end_of(date(2026, 10, 25), berlin) - start_of(date(2026, 10, 25), berlin) == timedelta(hours=25) - MICROSECOND
    )
    assert end_of(date(2026, 3, 31), berlin) == datetime(2026, 3, 31, 21, 59, 59, 999_999, tzinfo=UTC)
    assert end_of(date(2026, 1, 31), berlin) == datetime(2026, 1, 31, 22, 59, 59, 999_999, tzinfo=UTC)


def test_one_instant_is_two_days_in_two_zones():
    evening = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
    assert day_of(evening, "Asia/Shanghai") == date(2026, 3, 2)
    assert day_of(evening, "America/New_York") == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2026-01-31", 2, "2026-03-31"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2025-11-30", 3, "2026-02-28"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-03-31", -1, "2026-02-28"),
        ("2026-03-31", 0, "2026-03-31"),
        ("2026-01-15", -13, "2024-12-15"),
    ],
)
def test_months_later(day, months, later):
    assert months_later(date.fromisoformat(day), months) == date.fromisoformat(later)


def test_months_later_keeps_the_day_or_takes_the_months_last():
    day = date(2023, 1, 1)
    while day < date(2025, 1, 1):
        for months in range(0, 30):
            later = months_later(day, months)
            assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
            assert later.day == day.day or (later.day < day.day and later == month_end(later))
        day += timedelta(days=1)


def test_month_end_is_the_day_before_a_first():
    day = date(1999, 1, 1)
    while day < date(2005, 1, 1):
        end = month_end(day)
        assert (end.year, end.month) == (day.year, day.month)
        assert (end + timedelta(days=1)).day == 1
        day += timedelta(days=1)


def test_an_instant_comes_back_as_it_was_stored(either):
    instants = [
        datetime(2026, 3, 2, 12, 0, tzinfo=UTC),
        datetime(2026, 3, 2, 12, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=8))),
        datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        None,
    ]
    with transaction() as connection:
        SAMPLE.create(connection)
        execute(insert(SAMPLE), [{"id": number, "at": instant} for number, instant in enumerate(instants)])

    with reading():
        stored = execute(select(SAMPLE.c.at).order_by(SAMPLE.c.id)).scalars().all()
    assert stored == instants
    assert all(instant is None or instant.utcoffset() == timedelta(0) for instant in stored)


def test_instants_sort_and_compare_in_the_database(either):
    start = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    steps = [timedelta(0), MICROSECOND, timedelta(milliseconds=1), timedelta(seconds=1), timedelta(days=40)]
    with transaction() as connection:
        SAMPLE.create(connection)
        execute(insert(SAMPLE), [{"id": number, "at": start + step} for number, step in enumerate(reversed(steps))])

    with reading():
        ordered = execute(select(SAMPLE.c.at).order_by(SAMPLE.c.at)).scalars().all()
        before = execute(select(SAMPLE.c.at).where(SAMPLE.c.at < start + timedelta(milliseconds=1))).scalars().all()
    assert ordered == [start + step for step in steps]
    assert sorted(before) == [start, start + MICROSECOND]


def test_an_instant_without_its_zone_is_refused(either):
    with transaction() as connection:
        SAMPLE.create(connection)

    with pytest.raises(StatementError, match="needs its time zone"), transaction():
        execute(insert(SAMPLE).values(id=1, at=datetime(2026, 3, 2, 12, 0)))  # noqa: DTZ001
    with reading():
        assert execute(text("SELECT count(*) FROM sample_moment")).scalar_one() == 0
