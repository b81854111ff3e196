"""Reviews of items, as both faces show them: their states, their stars in words, and their pictures."""

from fractions import Fraction
from pathlib import Path
from typing import Any

from babel.numbers import format_decimal
from flask import Flask, Response, current_app, send_from_directory
from flask_babel import gettext as _

from mall.base.errors import NotFound
from mall.base.money import LOCALES, half_up
from mall.base.text import N_
from mall.domain import aftersales, catalogue

from .texts import language

AN_HOUR = 3600


def prepare(app: Flask) -> None:
    """Give every template `average(row)` and `whole_stars(row)` of what has review_stars and review_count, and
    `reason_words(reason)`.
    """
    app.jinja_env.globals |= {"average": average, "whole_stars": whole_stars, "reason_words": reason_words}


def average(row: Any) -> str:
    """Return the average of an item's stars, to one decimal: "4.6"; empty where it has no review."""
    if not row.review_count:
        return ""
    return format_decimal(
        half_up(Fraction(10 * row.review_stars, row.review_count)) / 10, "0.0", locale=LOCALES[language()]
    )


def whole_stars(row: Any) -> int:
    """Return the average of an item's stars as whole stars to draw, 0 where it has no review."""
    return half_up(Fraction(row.review_stars, row.review_count)) if row.review_count else 0


def state_words(state: str) -> tuple[str, str, str]:
    """Return what a state of a review is called, for its badge: (words, kind, icon)."""
    return {
        aftersales.WAITING: (_("Being looked at"), "warn", "clock"),
        aftersales.PUBLISHED: (_("Published"), "ok", "check"),
        aftersales.REJECTED: (_("Not published"), "bad", "x"),
        aftersales.TAKEN_DOWN: (_("No longer shown"), "", "off"),
    }[state]


def reason_words(reason: str) -> str:
    """Return why a review is not shown: what the desk wrote, or in the reader's language that all of it went back."""
    return _(reason) if reason == aftersales.WENT_BACK else reason


def pictures_folder() -> Path:
    """Return where pictures of reviews are kept: apart from the shop's own, which everybody may see."""
    return Path(current_app.config["UPLOADS_DIR"]) / "reviews"


def picture_of(review: Any, position: int, *, size: int, public: bool = False) -> Response:
    """Send a picture of a review to whom it is for; browsers keep what is public for an hour. Raises NotFound."""
    if not 1 <= position <= len(review.pictures):
        raise NotFound(N_("There is no such picture."))
    name = catalogue.file_name(review.pictures[position - 1]["file"], size)
    answer = send_from_directory(pictures_folder(), name, mimetype="image/webp", max_age=AN_HOUR if public else 0)
    if public:
        answer.cache_control.public = True
    else:
        answer.cache_control.no_store = True
    return answer


def discard(names: Any) -> None:
    """Remove the files of pictures that belong to no review."""
    for name in names:
        catalogue.discard(name, folder=pictures_folder())
