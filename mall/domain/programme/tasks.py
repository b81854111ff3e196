"""Tasks as the programme pays them: what a behaviour besides buying brings, how often, when, and to whom."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from mall.base.text import N_, Message, say

# Every behaviour a programme may pay for. What each is, earning knows.
TASK_KEYS = (
    "check_in", "streak_3", "streak_7", "streak_14", "streak_30",
    "sign_up", "verify_email", "add_birthday", "add_address", "news_consent", "complete_profile",
    "first_order", "every_order", "birthday", "anniversary", "level_reached", "visit", "bind_account",
    "review", "review_picture", "follow_up",
    "friend_joined", "friend_bought", "share", "add_sizes", "add_style",
)  # fmt: skip

# Those that pay for an order.
ORDER_TASKS = ("first_order", "every_order", "friend_bought")
# Those that pay growth alone: what costs nothing to do, gives nothing that can be spent.
GROWTH_ONLY = ("visit",)

MOST_POINTS, MOST_GROWTH, MOST_TIMES, MOST_CENTS = 100_000, 10_000, 1_000, 100_000_000


class Task(Struct, frozen=True):
    """What a behaviour is paid each time. The caps say how often in a day, in a month and ever; None: no cap.

    Days are days of the shop, the first and the last included. `from_rank` is the lowest level that is paid. Where the
    behaviour is an order, `least_cents` is the cash for goods that must be kept of it.
    """

    key: str
    points: int
    growth: int
    per_day: int | None = None
    per_month: int | None = None
    in_all: int | None = None
    from_rank: int = 1
    begins_on: date | None = None
    ends_on: date | None = None
    active: bool = True
    least_cents: int = 0

    def runs_on(self, day: date) -> bool:
        """Tell whether the task is paid on a day."""
        begun = self.begins_on is None or self.begins_on <= day
        return self.active and begun and (self.ends_on is None or day <= self.ends_on)


def task_of(settings: Mapping[str, Any]) -> Task:
    """Return the task that stored settings make. Raises TypeError, ValueError."""
    days = {name: date.fromisoformat(settings[name]) for name in ("begins_on", "ends_on") if settings.get(name)}
    return Task(**dict(settings) | days)


def settings_of_task(task: Task) -> dict[str, Any]:
    """Return a task as plain JSON."""
    plain = {name: getattr(task, name) for name in task.__struct_fields__}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in plain.items()}


def task_problems(tasks: tuple[Task, ...], *, levels: int) -> Iterator[tuple[str, Message]]:
    """Yield what is wrong with tasks, in a programme of so many levels: (setting, sentence)."""
    if len({task.key for task in tasks}) != len(tasks):
        yield "tasks", say(N_("A task is named twice."))
    for task in tasks:
        name = f"tasks.{task.key}"
        if task.key not in TASK_KEYS:
            yield "tasks", say(N_("There is no task {key}. The tasks are: {known}."), key=task.key, known=_known())
            continue
        for figure, most in (("points", MOST_POINTS), ("growth", MOST_GROWTH)):
            if not _whole(getattr(task, figure)) or getattr(task, figure) > most:
                sentence = N_("{name} must be a whole number from {least} to {most}.")
                yield f"{name}.{figure}", say(sentence, name=f"{name}.{figure}", least=0, most=most)
        for cap in ("per_day", "per_month", "in_all"):
            times = getattr(task, cap)
            if times is not None and not (_whole(times) and 1 <= times <= MOST_TIMES):
                sentence = N_("{name} must be a whole number from {least} to {most}, or not given.")
                yield f"{name}.{cap}", say(sentence, name=f"{name}.{cap}", least=1, most=MOST_TIMES)
        if not _whole(task.least_cents) or task.least_cents > MOST_CENTS:
            yield f"{name}.least_cents", say(N_("The least amount of an order is an amount of money, not below 0."))
        elif task.least_cents and task.key not in ORDER_TASKS:
            yield (
                f"{name}.least_cents",
                say(N_("The task {key} is about no order: it has no least amount."), key=task.key),
            )
        if task.points and task.key in GROWTH_ONLY:
            yield f"{name}.points", say(N_("The task {key} gives growth, no points."), key=task.key)
        if not _whole(task.from_rank) or not 1 <= task.from_rank <= levels:
            sentence = N_("{name} must be a whole number from {least} to {most}.")
            yield f"{name}.from_rank", say(sentence, name=f"{name}.from_rank", least=1, most=levels)
        if not isinstance(task.active, bool):
            yield f"{name}.active", say(N_("A task is on (true) or off (false)."))
        elif task.active and not (task.points or task.growth):
            yield (
                name,
                say(N_("The task {key} gives nothing: turn it off, or let it give points or growth."), key=task.key),
            )
        if task.begins_on and task.ends_on and task.ends_on < task.begins_on:
            yield f"{name}.ends_on", say(N_("The task {key} ends before it begins."), key=task.key)


def _known() -> str:
    return ", ".join(TASK_KEYS)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_ONCE: dict[str, Any] = {"in_all": 1}
# What a new shop pays. A mere sign-up pays nothing until the shop turns it on: made-up accounts cost nothing to make.
# Growth, and with it the second level, comes with what is worth something to the shop: buying, or a week of visits.
# Orders have a rule of their own and levels have benefits: that a task pays for them, too, is for a shop to turn on.
READY_MADE_TASKS = (
    Task("check_in", 10, 0, per_day=1),
    Task("streak_3", 10, 0, per_day=1, per_month=4),
    Task("streak_7", 40, 5, per_day=1, per_month=4),
    Task("streak_14", 80, 10, per_day=1, per_month=2),
    Task("streak_30", 200, 30, per_day=1, per_month=1),
    Task("sign_up", 50, 0, active=False, **_ONCE),
    Task("verify_email", 20, 0, **_ONCE),
    Task("add_birthday", 20, 0, **_ONCE),
    Task("add_address", 20, 0, **_ONCE),
    Task("news_consent", 20, 0, **_ONCE),
    Task("complete_profile", 30, 0, **_ONCE),
    Task("first_order", 100, 0, active=False, least_cents=1_000, **_ONCE),
    Task("every_order", 20, 0, per_day=1, per_month=5, active=False, least_cents=1_000),
    Task("birthday", 100, 0, per_month=1),
    Task("anniversary", 50, 0, per_month=1),
    Task("level_reached", 100, 0, active=False),
    Task("visit", 0, 1, per_day=1, active=False),
    # A new shop has no partners.
    Task("bind_account", 30, 0, active=False, **_ONCE),
    Task("review", 20, 2, per_day=3, per_month=10),
    Task("review_picture", 30, 3, per_day=3, per_month=10),
    Task("follow_up", 5, 1, per_day=1, per_month=4),
    Task("add_sizes", 20, 0, **_ONCE),
    Task("add_style", 20, 0, **_ONCE),
    Task("share", 2, 0, per_day=5, per_month=50),
    Task("friend_joined", 20, 0, per_month=5),
    Task("friend_bought", 300, 50, per_month=10, least_cents=1_000),
)


def ready_made_task(key: str, *, active: bool) -> Task:
    """Return a task as a new shop has it, on or off."""
    return replace(next(task for task in READY_MADE_TASKS if task.key == key), active=active)
