"""Tasks in words: what each is called, to members and at the desk."""

from flask_babel import gettext as _

from mall.domain import earning


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
    }.get(key, key)


def given_words(rewards: tuple[earning.Reward, ...]) -> str:
    """Say what tasks have given: "+20 points · +5 growth"; nothing where they gave nothing."""
    points, growth = sum(each.points for each in rewards), sum(each.growth for each in rewards)
    parts = [_("+%(points)s points", points=points)] if points else []
    parts += [_("+%(growth)s growth", growth=growth)] if growth else []
    return " · ".join(parts)
