"""Periods: months and days by the shop's clock, and the instant up to which the books are settled."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from mall.base.clock import day_of, end_of, month_end, months_later
from mall.base.errors import Refusal
from mall.base.text import N_

# Longer than any transaction may live: what was written before this long is committed, and stays as it is.
SETTLES_AFTER = timedelta(seconds=60)
FIRST_YEAR, LAST_YEAR = 2000, 2999
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})")


class BadMonth(Refusal):
    message = N_("“{given}” is no month. Write it as year and month, such as 2026-02.")


class BadDay(Refusal):
    message = N_("“{given}” is no day. Write it as year, month and day, such as 2026-02-28.")


class NoDay(BadDay):
    message = N_("Enter the day, such as 2026-02-28.")


class DayOutOfRange(BadDay):
    message = N_("There are no books of that day. Choose one of the years {first} to {last}.")


class BadTime(Refusal):
    message = N_("“{given}” is no time of day. Write it as hours and minutes, such as 17:30.")


class NotBegun(Refusal):
    message = N_("{month} has not begun. The books go up to {last}.")


class NotSettled(Refusal):
    message = N_("The books are settled up to one minute ago. Choose a moment before that.")


class WrongWayRound(Refusal):
    message = N_("The first day lies after the last. Swap them.")


class Month(Struct, frozen=True, order=True):
    """A month of the shop's calendar."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        """Its last day."""
        return month_end(self.first)

    @property
    def days(self) -> list[date]:
        """Its days."""
        return [self.first + timedelta(days=number) for number in range(self.last.day)]

    def later(self, months: int) -> "Month":
        """Return the month so many months on, or back."""
        return month_of(months_later(self.first, months))


def month_of(day: date) -> Month:
    """Return the month a day lies in."""
    return Month(day.year, day.month)


def months_between(first: Month, last: Month) -> list[Month]:
    """Return the months from one to another, both included."""
    count = (last.year - first.year) * 12 + last.number - first.number
    return [first.later(number) for number in range(count + 1)]


def settled(at: datetime) -> datetime:
    """Return the instant up to which the books no longer change, in whole seconds."""
    return (at - SETTLES_AFTER).replace(microsecond=0)


def end_of_day_before(day: date, zone: str) -> datetime:
    """Return the last instant before a day begins."""
    return end_of(day - timedelta(days=1), zone)


def read_month(text: str, *, zone: str, at: datetime) -> Month:
    """Read a month someone typed, such as "2026-02". Raises BadMonth, NotBegun."""
    found = _MONTH.fullmatch(text.strip())
    if not found or not (FIRST_YEAR <= int(found[1]) <= LAST_YEAR and 1 <= int(found[2]) <= 12):
        raise BadMonth(given=text[:20])
    month, present = Month(int(found[1]), int(found[2])), month_of(day_of(settled(at), zone))
    if month > present:
        raise NotBegun(month=str(month), last=str(present))
    return month


def read_day(text: str) -> date:
    """Read a day someone typed, such as "2026-02-28". Raises BadDay, NoDay."""
    if not text.strip():
        raise NoDay
    if not _DAY.fullmatch(text.strip()):
        raise BadDay(given=text[:20])
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise BadDay(given=text[:20]) from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise DayOutOfRange(first=str(FIRST_YEAR), last=str(LAST_YEAR))
    return day


def read_instant(day: str, clock_time: str = "", *, zone: str, at: datetime) -> datetime:
    """Read a past moment by the shop's clock; without a time, the end of the day, or now if that is to come.

    Raises BadDay, BadTime, NotSettled.
    """
    chosen, latest = read_day(day), settled(at)
    if not clock_time.strip():
        if chosen > day_of(latest, zone):
            raise NotSettled
        return min(end_of(chosen, zone), latest)
    found = _TIME.fullmatch(clock_time.strip())
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        raise BadTime(given=clock_time[:20])
    instant = datetime.combine(chosen, time(int(found[1]), int(found[2])), ZoneInfo(zone)).astimezone(UTC)
    if instant > latest:
        raise NotSettled
    return instant
