"""The time: the only place that reads the clock, and the column type that keeps an instant.

Instants are aware and in UTC. Days are days of the programme's zone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, Dialect, String, TypeDecorator
from sqlalchemy.types import TypeEngine

_moved: ContextVar[datetime | None] = ContextVar("moved", default=None)


def now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return _moved.get() or datetime.now(UTC)


def today(zone: str) -> date:
    """Return the present day in a time zone such as "Europe/Berlin"."""
    return day_of(now(), zone)


def day_of(instant: datetime, zone: str) -> date:
    """Return the day an instant falls on in a time zone."""
    return instant.astimezone(ZoneInfo(zone)).date()


def start_of(day: date, zone: str) -> datetime:
    """Return the first instant of a day in a time zone, in UTC."""
    return datetime.combine(day, time_of_day(), ZoneInfo(zone)).astimezone(UTC)


def end_of(day: date, zone: str) -> datetime:
    """Return the last instant of a day in a time zone, in UTC: the microsecond before the next day begins."""
    return start_of(day + timedelta(days=1), zone) - timedelta(microseconds=1)


def months_later(day: date, months: int) -> date:
    """Return the same day some months on, or that month's last: 31 Jan + 1 month = 28 or 29 Feb."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, month_end(date(year, month + 1, 1)).day))


def month_end(day: date) -> date:
    """Return the last day of a day's month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


@contextmanager
def moved_to(instant: datetime) -> Iterator[None]:
    """Let the clock stand at an instant: for the demo's year of history, for tests, never for a shop at work."""
    token = _moved.set(instant.astimezone(UTC))
    try:
        yield
    finally:
        _moved.reset(token)


class Instant(TypeDecorator[datetime]):
    """A column that keeps an aware instant in UTC; as text on SQLite, in an order that sorts."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(26) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its time zone")
        value = value.astimezone(UTC)
        # Always with microseconds, so that texts sort as instants do.
        return value.replace(tzinfo=None).isoformat(" ", "microseconds") if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None or isinstance(value, datetime):
            return value
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
