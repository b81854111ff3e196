"""Letters about levels: reached, kept, lost, given for a time, and what they bring."""

from flask_babel import gettext as _
from flask_babel import ngettext

from mall.web.shared.texts import day_words, local, number

from .parts import Letter, Values, button, figure


def level_raised(values: Values) -> Letter:
    level = local(values["level"])
    return Letter(
        _("You are %(level)s now", level=level),
        [
            _(
                "You have reached %(level)s. Its benefits are yours from this moment, for 12 months at least.",
                level=level,
            )
        ],
        button=button(_("See my benefits"), values),
    )


def level_review(values: Values) -> Letter:
    level, day = local(values["level"]), day_words(values["review_on"])
    return Letter(
        _("%(missing)s growth by %(day)s to stay %(level)s", missing=number(values["missing"]), day=day, level=level),
        [
            _("Your level is looked at once a year. Yours comes up on %(day)s.", day=day),
            _(
                "With %(missing)s growth more until then you stay %(level)s; otherwise it is one level down.",
                missing=number(values["missing"]),
                level=level,
            ),
        ],
        button=button(_("See where I stand"), values),
    )


def level_lowered(values: Values) -> Letter:
    level = local(values["level"])
    return Letter(
        _("You are %(level)s now", level=level),
        [
            _("There was not enough growth in the last year to keep your level, so it is %(level)s now.", level=level),
            _("Your points and growth are untouched. The next level opens the moment you reach it again."),
        ],
        button=button(_("See where I stand"), values),
    )


def level_pack_received(values: Values) -> Letter:
    level = local(values["level"])
    return Letter(
        _("Your pack for reaching %(level)s", level=level),
        [_("Welcome to %(level)s. This is yours at once:", level=level)],
        figures=_in_pack(values),
        button=button(_("See my benefits"), values),
    )


def level_pack_undone(values: Values) -> Letter:
    level, used = local(values["level"]), values["used"]
    kept = ngettext(
        "%(num)s of its coupons was used; that stays.", "%(num)s of its coupons were used; that stays.", used
    )
    return Letter(
        _("What reaching %(level)s gave was taken back", level=level),
        [
            _("%(level)s was reached by an order that went back since, so this was taken back:", level=level),
            *([kept] if used else []),
            _("You are at this level still. Reached again, it gives all of this again."),
        ],
        figures=_in_pack(values),
        button=button(_("See where I stand"), values),
    )


def paid_level_undone(values: Values) -> Letter:
    level, used = local(values["level"]), values["used"]
    kept = ngettext(
        "%(num)s of its coupons was used; that stays.", "%(num)s of its coupons were used; that stays.", used
    )
    return Letter(
        _("What %(level)s brought you was taken back", level=level),
        [
            _("The membership that gave you %(level)s went back. What the level brought went with it:", level=level),
            *([kept] if used else []),
        ],
        figures=_in_pack(values),
        button=button(_("See where I stand"), values),
    )


def birthday_pack_received(values: Values) -> Letter:
    return Letter(
        _("Happy birthday: a pack for you"),
        [_("As %(level)s you get this for your birthday:", level=local(values["level"]))],
        figures=_in_pack(values),
        button=button(_("See my benefits"), values),
    )


def level_dormancy(values: Values) -> Letter:
    points, day = number(values["points"]), day_words(values["deducts_on"])
    return Letter(
        _("%(points)s growth is taken off on %(day)s unless you come by", points=points, day=day),
        [
            _("You have not been here for a while. Who does nothing for long loses growth bit by bit."),
            _("Check in or place an order before %(day)s, and all of it stays. Points are not touched.", day=day),
        ],
        button=button(_("Check in now"), values),
    )


def level_granted(values: Values) -> Letter:
    level, day = local(values["level"]), day_words(values["last_day"])
    return Letter(
        _("You are %(level)s until %(day)s", level=level, day=day),
        [
            _("We have given you %(level)s for a time: its benefits are yours up to the end of %(day)s.", level=level,
              day=day),
            _("Your growth goes on underneath. What it reaches meanwhile is yours afterwards."),
        ],
        button=button(_("See my benefits"), values),
    )  # fmt: skip


def level_ending(values: Values) -> Letter:
    level, day = local(values["level"]), day_words(values["last_day"])
    after = _("Your growth is untouched: afterwards your level is the one that it has reached.")
    if not values["paid"]:
        return Letter(
            _("You are %(level)s until %(day)s", level=level, day=day),
            [_("The time we have given you %(level)s for ends with %(day)s.", level=level, day=day), after],
            button=button(_("Compare all levels"), values),
        )
    return Letter(
        _("Your membership as %(level)s ends on %(day)s", level=level, day=day),
        [
            _("It ends by itself: nothing is charged, and its benefits are yours up to the end of %(day)s.", day=day),
            _("Had again before, it goes on after that day, and no day is lost."),
            after,
        ],
        button=button(_("Lengthen it"), values),
    )


def level_grant_ended(values: Values) -> Letter:
    level = local(values["level"])
    return Letter(
        _("Your time as %(level)s is over", level=level),
        [_("From now on your level is the one that your growth has reached. Points and growth are untouched.")],
        button=button(_("See where I stand"), values),
    )


def _in_pack(values: Values) -> list[tuple[str, str]]:
    return figure(_("Points"), values["points"], number) + figure(_("Coupons"), values["coupons"], number)


LETTERS = (
    level_raised,
    level_review,
    level_lowered,
    level_pack_received,
    level_pack_undone,
    paid_level_undone,
    birthday_pack_received,
    level_dormancy,
    level_granted,
    level_ending,
    level_grant_ended,
)
