"""Tasks in words: what each is called, to members and at the desk."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from mall.domain import earning, programme

from .texts import money_words


def task_title(key: str) -> str:
    """Return what a task is called; one that is no longer known by its key."""
    return {
        "check_in": _("Daily check-in"),
        "streak_3": _("3 days in a row"),
        "streak_7": _("7 days in a row"),
        "streak_14": _("14 days in a row"),
        "streak_30": _("30 days in a row"),
        "sign_up": _("Join us"),
        "verify_email": _("Confirm your e-mail address"),
        "add_birthday": _("Tell us your birthday"),
        "add_address": _("Add an address"),
        "news_consent": _("Get news by e-mail"),
        "complete_profile": _("Complete your profile"),
        "first_order": _("Your first order"),
        "every_order": _("An order you keep"),
        "birthday": _("Your birthday"),
        "anniversary": _("Another year with us"),
        "level_reached": _("Reach a level"),
        "visit": _("Come by"),
        "bind_account": _("Bind an account at a partner"),
        "review": _("Review what you bought"),
        "review_picture": _("Add a picture to a review"),
        "follow_up": _("Follow up a question"),
        "share": _("Share an item"),
        "add_sizes": _("Tell us your sizes"),
        "add_style": _("Tell us what you like"),
        "friend_joined": _("A friend joins by your invitation"),
        "friend_bought": _("Your friend keeps a first order"),
    }.get(key, key)


def task_note(task: programme.Task, terms: programme.Programme) -> str:
    """Say in a sentence what a task asks for; nothing where its title says it all."""
    cash, days = money_words(task.least_cents), terms.return_window_days
    kept = (
        _("Of %(cash)s or more, once it is yours to keep: %(days)s days after delivery", cash=cash, days=days)
        if task.least_cents
        else _("Once it is yours to keep: %(days)s days after delivery", days=days)
    )
    return {
        "streak_3": _("Check in on days in a row; a missed day begins anew"),
        "streak_7": _("Check in on days in a row; a missed day begins anew"),
        "streak_14": _("Check in on days in a row; a missed day begins anew"),
        "streak_30": _("Check in on days in a row; a missed day begins anew"),
        "complete_profile": _("Birthday, phone and an address"),
        "first_order": kept,
        "every_order": kept,
        "review": _("Of what you bought and kept, once it is published"),
        "review_picture": _("Beside what the review itself brings"),
        "follow_up": _("When you write again after our answer, once a question"),
        "birthday": _("Comes on the day, once you have told it"),
        "anniversary": _("Comes on the day you joined, every year"),
        "level_reached": _("For every level, the first time you reach it"),
        "visit": _("Spend some minutes in the shop, on any day"),
        "share": _("For everybody who comes by your link, once a day"),
        "friend_joined": _("Once your friend has confirmed the e-mail address"),
        "friend_bought": _("Once the days to return it are over, for an order of %(cash)s or more", cash=cash)
        if task.least_cents
        else _("Once the days to return it are over"),
    }.get(task.key, "")


def caps_words(task: Any) -> str:
    """Say how often a task is paid: "3 a day, 20 a month"; nothing where there is no cap. `task` has its caps."""
    caps = [
        ngettext("%(num)s a day", "%(num)s a day", task.per_day) if task.per_day else "",
        ngettext("%(num)s a month", "%(num)s a month", task.per_month) if task.per_month else "",
        ngettext("once only", "%(num)s times in all", task.in_all) if task.in_all else "",
    ]
    return ", ".join(cap for cap in caps if cap)


def given_words(rewards: tuple[earning.Reward, ...]) -> str:
    """Say what tasks have given: "+20 points · +5 growth"; nothing where they gave nothing."""
    points, growth = sum(each.points for each in rewards), sum(each.growth for each in rewards)
    parts = [_("+%(points)s points", points=points)] if points else []
    parts += [_("+%(growth)s growth", growth=growth)] if growth else []
    return " · ".join(parts)
