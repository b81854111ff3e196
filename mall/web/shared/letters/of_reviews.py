"""Letters about what a member wrote of an item: shown, not shown, answered."""

from flask_babel import gettext as _

from mall.web.shared.reviews import reason_words
from mall.web.shared.texts import local

from .parts import Letter, Values, button, desk_words, points_words


def review_published(values: Values) -> Letter:
    title, points = local(values["title"]), values["points"]
    return Letter(
        _("Your review of %(title)s is published", title=title),
        [_("Everybody can read it on the page of the item. Thank you for helping others to choose.")]
        + ([_("It brought you %(points)s.", points=points_words(points))] if points else []),
        button=button(_("See the item"), values),
    )


def review_rejected(values: Values) -> Letter:
    return Letter(
        _("Your review of %(title)s is not published", title=local(values["title"])),
        [
            _("We looked at it and cannot show it as it is:"),
            *desk_words(values),
            _("You can change it and send it again."),
        ],
        button=button(_("See my reviews"), values),
    )


def review_taken_down(values: Values) -> Letter:
    points = values.get("points", 0)  # Letters from before did not say.
    return Letter(
        _("Your review of %(title)s is no longer shown", title=local(values["title"])),
        [_("We have taken it off the page of the item:"), *map(reason_words, desk_words(values))]
        + ([_("What it had brought you, %(points)s, is taken back.", points=points_words(points))] if points else []),
        button=button(_("See my reviews"), values),
    )


def review_answered(values: Values) -> Letter:
    return Letter(
        _("We have answered your review of %(title)s", title=local(values["title"])),
        desk_words(values),
        button=button(_("See the item"), values),
    )


LETTERS = (review_published, review_rejected, review_taken_down, review_answered)
