"""Ways to earn besides buying, as the member centre shows them: the check-in's seven days and month, and the tasks."""

from calendar import Calendar
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from babel.dates import get_day_names
from flask import flash, url_for
from flask_babel import gettext as _
from msgspec import Struct

from mall.base.money import LOCALES
from mall.domain import earning, people, programme
from mall.web.shared import layout
from mall.web.shared.task_words import given_words, task_title
from mall.web.shared.texts import language, local, number


class Place(Struct, frozen=True):
    """Where a member does a task, its mark, and by which of people.Known it is seen that it was done."""

    endpoint: str
    mark: str
    known: str


PLACES = {
    "verify_email": Place("store.account.show", "mail", "email_verified"),
    "add_birthday": Place("store.account.profile", "user", "birthday"),
    "add_address": Place("store.account.new_address", "pin", "address"),
    "news_consent": Place("store.account.profile", "bell", "wants_news"),
}
MONDAY_FIRST = Calendar()
DAY = timedelta(days=1)


class Reader(Struct, frozen=True):
    """For whom the ways to earn are shown: the programme, the day, the level, how often each task was paid, and what
    the member has told already.
    """

    terms: programme.Programme
    today: date
    rank: int
    done: Mapping[str, earning.Done]
    known: people.Known

    def would_be_paid(self, key: str, day: date) -> programme.Task | None:
        """Return a task if it would be paid on a day from today on; None where it is not for this member, or used up.

        A cap that today has reached is free again tomorrow, as a month's is in the next one.
        """
        task, done = self.terms.task(key), self.done.get(key, earning.Done())
        if task is None:
            return None
        left = earning.Done(
            that_day=done.that_day if day == self.today else 0,
            that_month=done.that_month if day.replace(day=1) == self.today.replace(day=1) else 0,
            ever=done.ever,
        )
        return task if earning.is_paid(task, day, rank=self.rank, done=left) else None


class DayShown(Struct, frozen=True):
    """A day of the strip: its name, the points it gave or will give, how it stands, and a note below."""

    name: str
    points: int
    state: str
    note: str = ""


def points_of_check_in(reader: Reader, day: date, *, round_day: int) -> int:
    """Return the points that checking in on a day will give, as the given day of a round."""
    keys = earning.tasks_of_check_in(round_day)
    return sum(task.points for key in keys if (task := reader.would_be_paid(key, day)) is not None)


def seven_days(streak: earning.Streak, reader: Reader) -> list[DayShown]:
    """Return the seven days of a streak that the next check-in, or today's, is one of."""
    names = get_day_names("abbreviated", context="stand-alone", locale=LOCALES[language()])
    current = streak.days if streak.today_done else streak.days + 1
    first = current - (current - 1) % 7
    shown = []
    for count in range(first, first + 7):
        day = reader.today + (count - current) * DAY
        here, name = day in streak.days_here, names[day.weekday()]
        if here:
            shown.append(DayShown(name, streak.days_here[day], "done"))
            continue
        points = points_of_check_in(reader, day, round_day=earning.round_day(count))
        bonus = points > points_of_check_in(reader, day, round_day=1)
        state = "today" if day == reader.today else "bonus" if bonus else ""
        note = _("Today") if day == reader.today else _("Day %(number)s", number=number(count)) if bonus else ""
        shown.append(DayShown(name, points, state, note))
    return shown


def month_shown(streak: earning.Streak, *, today: date) -> list[tuple[int, str]]:
    """Return this month by whole weeks, Monday first: (day, state); (0, "") outside of it.

    A day is done, today, missed (one that is over, after the first here this month), or nothing yet.
    """
    here = {day for day in streak.days_here if day >= today.replace(day=1)}
    first = min(here, default=today)

    def state(day: date) -> str:
        if day in here:
            return "done"
        return "today" if day == today else "miss" if first < day < today else ""

    days = MONDAY_FIRST.itermonthdates(today.year, today.month)
    return [(day.day, state(day)) if day.month == today.month else (0, "") for day in days]


def weekday_names() -> list[str]:
    """Return the short names of the days of a week, Monday first."""
    names = get_day_names("abbreviated", context="stand-alone", locale=LOCALES[language()])
    return [names[day] for day in range(7)]


def tasks_of(reader: Reader) -> list[dict[str, Any]]:
    """Return the tasks besides checking in, as rows: what may be done first, then what waits, then what is done."""
    rows = [row for task in reader.terms.tasks if task.key in PLACES and (row := _row(task, reader)) is not None]
    order = {"todo": 0, "waiting": 1, "done": 2}
    return sorted(rows, key=lambda row: order[row["state"]])


def _row(task: programme.Task, reader: Reader) -> dict[str, Any] | None:
    """Return a task's row; None where it is over or was never on, and was not paid.

    Nothing is retroactive: what a member told before a task began is done, though it was not paid.
    """
    paid, place = reader.done.get(task.key, earning.Done()).ever > 0, PLACES[task.key]
    over = not task.active or (task.ends_on is not None and task.ends_on < reader.today)
    if over and not paid:
        return None
    if paid or getattr(reader.known, place.known):
        state, note = "done", ""
    elif task.begins_on is not None and task.begins_on > reader.today:
        state, note = "waiting", "begins"
    elif task.from_rank > reader.rank:
        state, note = "waiting", "level"
    else:
        state, note = "todo", ""
    return {
        "title": task_title(task.key),
        "mark": place.mark,
        "points": task.points,
        "growth": task.growth,
        "state": state,
        "note": note,
        "begins_on": task.begins_on,
        "ends_on": task.ends_on,
        "level": local(reader.terms.level(task.from_rank).name),
        "href": url_for(place.endpoint),
    }


def tell_of(rewards: tuple[earning.Reward, ...]) -> None:
    """Say on the next page what tasks have given, if anything."""
    if words := given_words(rewards):
        flash(words)


def note_verified(member_id: int, *, at: datetime) -> tuple[earning.Reward, ...]:
    """Note that a member's e-mail is verified, in whichever way, and that news may now be sent to who wanted them."""
    wants_news = people.member_of(member_id).marketing_consent_at is not None
    told = [earning.EMAIL_VERIFIED, *([earning.NEWS_WANTED] if wants_news else [])]
    return earning.told(member_id, *told, terms=layout.terms(), at=at)
