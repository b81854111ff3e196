"""An instant falls on the day that it is in the shop, to the second, and on days that are longer or shorter too."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import literal, select

from mall.base.clock import Instant, start_of
from mall.base.db import execute, reading
from mall.domain.insight.shop_days import ShopDays

ZONE = "America/New_York"


@pytest.fixture
def days():
    """The days from 1 January to 31 December 2026 in New York, where two are of another length."""
    at = datetime(2026, 12, 31, 20, 0, tzinfo=UTC)
    return ShopDays(start_of(date(2026, 1, 1), ZONE), at, zone=ZONE)


@pytest.mark.parametrize(
    "day",
    [date(2026, 1, 1), date(2026, 3, 8), date(2026, 3, 9), date(2026, 11, 1), date(2026, 11, 2), date(2025, 2, 28)],
)
def test_a_day_begins_at_its_first_second_and_ends_at_its_last(either, days, day):
    first, last = start_of(day, ZONE), start_of(day + timedelta(days=1), ZONE) - timedelta(microseconds=1)
    with reading():
        row = execute(select(days.seconds_to(literal(first, Instant)), days.seconds_to(literal(last, Instant)))).one()

    assert [days.day(seconds) for seconds in row] == [day.toordinal(), day.toordinal()]


def test_what_is_further_back_than_any_rule_looks_falls_on_one_day_before_all(days):
    assert days.day(-1) == days.day(-(10**9)) == days.origin - 1
