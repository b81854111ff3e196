"""Questions before buying, as both faces show them: how they stand, in words."""

from flask_babel import gettext as _

from mall.domain import consultation


def question_words(state: str) -> tuple[str, str, str]:
    """Return what a state of a question is called, for its badge: (words, kind, icon)."""
    return {
        consultation.WAITING: (_("Waits for an answer"), "warn", "clock"),
        consultation.ANSWERED: (_("Answered"), "ok", "check"),
        consultation.CLOSED: (_("Closed"), "", "off"),
    }[state]
