"""Letters about what a member asked before buying: answered, or closed."""

from flask_babel import gettext as _

from mall.web.shared.texts import local

from .parts import Letter, Values, button, desk_words


def question_answered(values: Values) -> Letter:
    return Letter(
        _("We have answered your question about %(title)s", title=local(values["title"])),
        [*desk_words(values), _("Is something still open? Write to us again beside the answer.")],
        button=button(_("See my question"), values),
    )


def question_closed(values: Values) -> Letter:
    return Letter(
        _("Your question about %(title)s is closed", title=local(values["title"])),
        desk_words(values),
        button=button(_("See my question"), values),
    )


LETTERS = (question_answered, question_closed)
