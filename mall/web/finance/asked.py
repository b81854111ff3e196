"""What finance's pages are asked for: a month, a moment; and how those are written."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from babel.dates import format_date, format_skeleton
from flask import request

from mall.base import money
from mall.base.clock import day_of, now
from mall.base.errors import Refusal
from mall.domain import finance
from mall.web.shared.layout import terms
from mall.web.shared.texts import language, local_time, short_day

LONGEST_CHOICE = 240


def words() -> dict[str, Any]:
    """Give finance's templates what they write months and days with."""
    return {"month_words": month_words, "short_day": short_day, "today": now()}


def zone() -> str:
    """Return the shop's time zone."""
    return terms().zone


def this_month() -> finance.Month:
    """Return the month that runs."""
    return finance.month_of(day_of(finance.settled(now()), zone()))


def month_asked() -> tuple[finance.Month, Refusal | None]:
    """Return the month asked for, or this one with the reason why not."""
    try:
        return month_or_refusal(), None
    except Refusal as refusal:
        return this_month(), refusal


def month_or_refusal() -> finance.Month:
    """Return the month asked for, this one when none is. Raises BadMonth, NotBegun."""
    typed = request.args.get("month", "")
    return finance.read_month(typed, zone=zone(), at=now()) if typed else this_month()


def moment_asked() -> tuple[datetime, Refusal | None]:
    """Return the moment asked for by `day` and `time`, the last settled one when none is, or with the reason."""
    try:
        return moment_or_refusal(), None
    except Refusal as refusal:
        return finance.settled(now()), refusal


def typed_day(moment: datetime) -> str:
    """Return the day to stand in a field for days: as typed where it is one, else none; none asked, the moment's."""
    typed = request.args.get("day", "").strip()
    if not typed:
        return local_time(moment).date().isoformat()
    try:
        return date.fromisoformat(typed).isoformat()
    except ValueError:
        return ""


def typed_time() -> str:
    """Return the time of day to stand in a field for times: as typed where it is one, else none."""
    try:
        return f"{time.fromisoformat(request.args.get('time', '').strip()):%H:%M}"
    except ValueError:
        return ""


def moment_or_refusal() -> datetime:
    """Return the moment asked for. Raises BadDay, BadTime, NotSettled: a time alone is of no day."""
    day, clock_time = request.args.get("day", ""), request.args.get("time", "")
    if not day and not clock_time.strip():
        return finance.settled(now())
    return finance.read_instant(day, clock_time, zone=zone(), at=now())


def months_to_choose(first: datetime | None) -> list[finance.Month]:
    """Return the months that have entries, the latest first."""
    latest = this_month()
    begins = finance.month_of(day_of(first, zone())) if first is not None else latest
    return finance.months_between(max(begins, latest.later(-LONGEST_CHOICE)), latest)[::-1] or [latest]


def month_words(month: finance.Month) -> str:
    """Write a month: February 2026."""
    return format_skeleton("yMMMM", month.first, locale=money.LOCALES[language()])


def short_month(month: finance.Month) -> str:
    """Write a month in short: Feb 2026."""
    return format_skeleton("yMMM", month.first, locale=money.LOCALES[language()])


def amount(cents: int) -> Decimal:
    """Return cents as a number for a spreadsheet: 1590 -> 15.90."""
    return Decimal(cents).scaleb(-2)


def name_of_before(month: finance.Month) -> str:
    """Return the name of the month to compare with: "January"."""
    return format_date(month.later(-1).first, "LLLL", locale=money.LOCALES[language()])
