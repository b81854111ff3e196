"""The days of a replay as whole numbers, as date.toordinal() gives them, and the seconds that a database counts."""

from bisect import bisect_right
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, literal

from mall.base.clock import Instant, day_of, start_of
from mall.base.sql import days_between, seconds_between

# What lies further back than any rule looks falls on the day before all that are told apart.
TOLD_APART = 3 * 365


class ShopDays:
    """The days from the first that is replayed to the last, in the shop's zone, and those before."""

    def __init__(self, since: datetime, at: datetime, *, zone: str) -> None:
        self.since, self.at = since, at
        self.first, self.last = day_of(since, zone).toordinal(), day_of(at, zone).toordinal()
        self.origin = self.first - TOLD_APART
        begins = [start_of(date.fromordinal(day), zone) for day in range(self.origin, self.last + 2)]
        self.begins_at = begins[0]
        self.seconds = [round((each - self.begins_at).total_seconds()) for each in begins]

    def seconds_to(self, instant: Any) -> ColumnElement[int]:
        """Return, as a column, the seconds to an instant that day() takes."""
        return seconds_between(instant, literal(self.begins_at, Instant))

    def number_of(self, day: Any) -> ColumnElement[int]:
        """Return, as a column, a day as the whole number that it is here."""
        return days_between(day, literal(date.fromordinal(self.origin), Date)) + self.origin

    def day(self, seconds: int) -> int:
        """Return the day that so many seconds fall on."""
        return self.origin + bisect_right(self.seconds, seconds) - 1
