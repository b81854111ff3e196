"""The task centre: every way to earn besides buying, and the check-in's seven days and month."""

from calendar import Calendar
from datetime import date, datetime, timedelta

from babel.dates import get_day_names
from flask import Blueprint, flash, render_template
from flask_babel import gettext as _
from msgspec import Struct

from mall.base.clock import now
from mall.base.db import reading
from mall.base.money import LOCALES
from mall.domain import earning, people
from mall.web.shared import layout
from mall.web.shared.signing_in import me, members_only
from mall.web.shared.task_words import given_words
from mall.web.shared.texts import language, number

from .task_rows import Reader, groups_of

bp = Blueprint("tasks", __name__, url_prefix="/member/tasks")
bp.before_request(members_only)


MONDAY_FIRST = Calendar()
DAY = timedelta(days=1)


@bp.get("")
def index() -> str:
    """Show every task by groups: what it gives, how often, and how it stands."""
    terms, at = layout.terms(), now()
    today = terms.today(at)
    with reading():
        done = earning.done_by(me(), today=today)
        known = people.known_of(me())
        streak = earning.streak_of(me(), since=today, today=today)
        on_the_way = earning.orders_on_the_way(me())
    rank = layout.strip().rank or 1
    reader = Reader(terms, today, rank, done, known, on_the_way, streak.days_of_round)
    order_points = earning.rates_for(terms.level(rank), terms).earned(terms.earn_per_cents).points
    return render_template("store/tasks/index.html", groups=groups_of(reader), terms=terms, order_points=order_points)


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


def tell_of(rewards: tuple[earning.Reward, ...]) -> None:
    """Say on the next page what tasks have given, if anything."""
    if words := given_words(rewards):
        flash(words)


def note_verified(member_id: int, *, at: datetime) -> tuple[earning.Reward, ...]:
    """Note that a member's e-mail is verified, in whichever way, and that news may now be sent to who wanted them."""
    wants_news = people.member_of(member_id).marketing_consent_at is not None
    told = [earning.EMAIL_VERIFIED, *([earning.NEWS_WANTED] if wants_news else [])]
    return earning.told(member_id, *told, *completed(member_id), terms=layout.terms(), at=at)


def completed(member_id: int) -> tuple[str, ...]:
    """Return the fact that a profile is complete, where it is; within the transaction that may have completed it."""
    return (earning.PROFILE_COMPLETED,) if people.known_of(member_id).profile else ()
