"""Tasks as members see them: what each gives, how often, how it stands with this member, and where it is done."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from msgspec import Struct

from mall.domain import earning, people, programme
from mall.web.shared.task_words import caps_words, task_note, task_title
from mall.web.shared.texts import local

CHECK_IN = ("check_in", "streak_3", "streak_7", "streak_14", "streak_30")
ORDERS = ("first_order", "every_order")
# Tasks that are there only where the shop asks something, and by which of people.Known that is seen.
ASKED = {"add_sizes": "sizes_asked", "add_style": "style_asked"}
# In which order the states stand in a list: what may be done now, what waits, what is done.
STATES = {"todo": 0, "itself": 1, "waiting": 2, "done": 3}


class Place(Struct, frozen=True):
    """Where a member does a task, and its mark. No endpoint: it comes by itself. `known` is by which of people.Known
    it is seen that it was done. `anchor` is the place on the page.
    """

    endpoint: str | None
    mark: str
    known: str | None = None
    anchor: str | None = None


PLACES = {
    **{
        key: Place("store.member.show", "cal" if key == "check_in" else "flame", anchor="check-in") for key in CHECK_IN
    },
    "visit": Place(None, "home"),
    "sign_up": Place(None, "shop"),
    "verify_email": Place("store.account.show", "mail", "email_verified"),
    "complete_profile": Place("store.account.profile", "user", "profile"),
    "add_birthday": Place("store.account.profile", "gift", "birthday"),
    "add_address": Place("store.account.new_address", "pin", "address"),
    "news_consent": Place("store.account.profile", "bell", "wants_news"),
    "first_order": Place("store.shop.index", "bag"),
    "every_order": Place("store.shop.index", "bag"),
    "review": Place("store.reviews.index", "star"),
    "review_picture": Place("store.reviews.index", "image"),
    "follow_up": Place("store.questions.index", "chat"),
    "birthday": Place(None, "gift"),
    "anniversary": Place(None, "star"),
    "level_reached": Place(None, "up"),
    "bind_account": Place("store.partners.index", "repeat"),
    "add_sizes": Place("store.account.profile", "user", "sizes"),
    "add_style": Place("store.account.profile", "heart", "style"),
    "share": Place("store.shares.index", "link"),
    "friend_joined": Place("store.invite.show", "people"),
    "friend_bought": Place("store.invite.show", "people"),
}
# The groups of the task centre. A task that stands in none is shown in the last.
GROUPS = (
    ("daily", _l("Every day"), (*CHECK_IN, "visit")),
    ("you", _l("About you"), ("sign_up", "verify_email", "complete_profile", "add_birthday", "add_address",
                              "news_consent", "add_sizes", "add_style", "bind_account")),
    ("buying", _l("Buying"), (*ORDERS, "review", "review_picture", "follow_up")),
    ("friends", _l("Friends"), ("share", "friend_joined", "friend_bought")),
    ("days", _l("Your days and your level"), ("birthday", "anniversary", "level_reached")),
    ("more", _l("More ways to earn"), ()),
)  # fmt: skip


class Reader(Struct, frozen=True):
    """For whom the ways to earn are shown: the programme, the day, the level, how often each task was paid, and what
    the member has told already. `on_the_way`: orders that are paid and not yet kept, None where nobody asked.
    `streak_days`: how many days of a round of checking in are done.
    """

    terms: programme.Programme
    today: date
    rank: int
    done: Mapping[str, earning.Done]
    known: people.Known
    on_the_way: int | None = None
    streak_days: int = 0

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


def tasks_of(reader: Reader) -> list[dict[str, Any]]:
    """Return the tasks besides checking in, as rows: what may be done first, then what waits, then what is done."""
    return rows_of(reader, [task for task in reader.terms.tasks if task.key not in CHECK_IN])


def groups_of(reader: Reader) -> list[dict[str, Any]]:
    """Return every task by groups: key, title, rows. A group without tasks is left out, but buying: it always pays."""
    placed = {key for _key, _title, keys in GROUPS for key in keys}
    groups = []
    for key, title, keys in GROUPS:
        tasks = [task for task in reader.terms.tasks if (task.key in keys if keys else task.key not in placed)]
        rows = rows_of(reader, tasks)
        if rows or key == "buying":
            groups.append({"key": key, "title": title, "rows": rows})
    return groups


def rows_of(reader: Reader, tasks: list[programme.Task]) -> list[dict[str, Any]]:
    """Return tasks as rows. Left out is one that is over or was never on, and was not paid."""
    rows = [row for task in tasks if task.key in PLACES and (row := _row(task, reader)) is not None]
    return sorted(rows, key=lambda row: STATES[row["state"]])


def _row(task: programme.Task, reader: Reader) -> dict[str, Any] | None:
    place, done = PLACES[task.key], reader.done.get(task.key, earning.Done())
    over = not task.active or (task.ends_on is not None and task.ends_on < reader.today)
    unasked = task.key in ASKED and not getattr(reader.known, ASKED[task.key])
    if (over or unasked) and not done.ever:
        return None
    state, note = _standing(task, reader)
    return {
        "key": task.key,
        "title": task_title(task.key),
        "how": task_note(task, reader.terms),
        "caps": caps_words(task),
        "mark": place.mark,
        "points": task.points,
        "growth": task.growth,
        "state": state,
        "note": note,
        "progress": _progress(task, done, reader.streak_days),
        "ever": done.ever,
        "begins_on": task.begins_on,
        "ends_on": task.ends_on,
        "level": local(reader.terms.level(task.from_rank).name),
        "href": url_for(place.endpoint, _anchor=place.anchor) if place.endpoint else None,
    }


def _standing(task: programme.Task, reader: Reader) -> tuple[str, str]:
    """Return how a task stands with a member, and why: (state, note).

    Nothing is retroactive: what a member told before a task began is done, though it was not paid.
    """
    place, done = PLACES[task.key], reader.done.get(task.key, earning.Done())
    over = not task.active or (task.ends_on is not None and task.ends_on < reader.today)
    used_up = task.in_all is not None and done.ever >= task.in_all
    if over or used_up or (place.known is not None and (done.ever or getattr(reader.known, place.known))):
        return "done", ""
    if task.key == "sign_up":
        return "done", ""  # Whoever reads this has joined.
    if task.begins_on is not None and task.begins_on > reader.today:
        return "waiting", "begins"
    if task.from_rank > reader.rank:
        return "waiting", "level"
    if reader.streak_days >= (earning.day_asked_by(task.key) or earning.ROUND_DAYS + 1):
        return "waiting", "streak"
    if task.per_day is not None and done.that_day >= task.per_day:
        return "waiting", "tomorrow"
    if task.per_month is not None and done.that_month >= task.per_month:
        return "waiting", "next_month"
    if task.key in ORDERS and reader.on_the_way:
        return "waiting", "order"
    return ("todo" if place.endpoint else "itself"), ""


def _progress(task: programme.Task, done: earning.Done, streak_days: int) -> str:
    """Say how much of a cap is used: "2 of 3 today". Of days in a row: how many are done, "5 of 7 days"."""
    asked = earning.day_asked_by(task.key)
    if asked is not None and streak_days >= asked:
        return _("again after day %(day)s", day=earning.ROUND_DAYS)
    if asked is not None:
        return _("%(done)s of %(most)s days", done=streak_days, most=asked)
    if task.per_day is not None and task.per_day > 1 and done.that_day:
        return _("%(done)s of %(most)s today", done=done.that_day, most=task.per_day)
    if task.per_month is not None and task.per_month > 1 and done.that_month:
        return _("%(done)s of %(most)s this month", done=done.that_month, most=task.per_month)
    if task.in_all is not None and task.in_all > 1 and done.ever:
        return _("%(done)s of %(most)s", done=done.ever, most=task.in_all)
    return ""
