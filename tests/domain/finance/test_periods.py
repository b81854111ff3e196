"""Days, months and moments someone typed are read, or answered with a sentence."""

import pytest

from mall.base.clock import end_of
from mall.domain import finance

from .conftest import ZONE, instant

AT = instant("2026-04-01 12:00")


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-00", "2026-13", "26-01", "2026-1", "1999-01", "3000-01", "９999-01", "x" * 99]
)  # fmt: skip
def test_what_is_no_month(text):
    with pytest.raises(finance.BadMonth):
        finance.read_month(text, zone=ZONE, at=AT)


def test_a_month_that_has_not_begun():
    with pytest.raises(finance.NotBegun, match=r"2026-05 has not begun\. The books go up to 2026-04"):
        finance.read_month("2026-05", zone=ZONE, at=AT)


def test_a_month_begins_by_the_shops_clock_and_a_minute_late():
    first_second = instant("2026-04-30 22:00")
    with pytest.raises(finance.NotBegun):
        finance.read_month("2026-05", zone=ZONE, at=first_second)
    later = instant("2026-04-30 22:01")

    assert finance.read_month(" 2026-05 ", zone=ZONE, at=later) == finance.Month(2026, 5)


@pytest.mark.parametrize(
    "text", ["", "2026-02-30", "20260201", "2026-W01-1", "1999-12-31", "9999-12-31", "0001-01-01"]
)
def test_what_is_no_day(text):
    with pytest.raises(finance.BadDay):
        finance.read_day(text)


@pytest.mark.parametrize("text", ["25:00", "12:60", "noon", "12", "１２:00"])
def test_what_is_no_time(text):
    with pytest.raises(finance.BadTime):
        finance.read_instant("2026-03-01", text, zone=ZONE, at=AT)


def test_a_moment_by_the_shops_clock():
    assert finance.read_instant("2026-03-31", "23:30", zone=ZONE, at=AT) == instant("2026-03-31 21:30")
    assert finance.read_instant("2026-03-31", zone=ZONE, at=AT) == end_of(finance.read_day("2026-03-31"), ZONE)
    assert finance.read_instant("2026-04-01", zone=ZONE, at=AT) == instant("2026-04-01 11:59")


@pytest.mark.parametrize("day, clock_time", [("2026-04-01", "14:00"), ("2026-04-02", "")])
def test_what_is_not_settled_yet(day, clock_time):
    with pytest.raises(finance.NotSettled):
        finance.read_instant(day, clock_time, zone=ZONE, at=AT)


def test_months_follow_one_another():
    assert finance.Month(2026, 1).later(-1) == finance.Month(2025, 12)
    assert [str(month) for month in finance.months_between(finance.Month(2025, 12), finance.Month(2026, 2))] == [
        "2025-12", "2026-01", "2026-02",
    ]  # fmt: skip
