"""The language switch: one small form on every page."""

from flask import Blueprint, Flask, redirect, request, session
from flask_login import current_user

from mall.domain import people

from .done import done_once
from .signing_in import safe_next
from .texts import LANGUAGES

bp = Blueprint("language", __name__, url_prefix="/language")


def prepare(app: Flask) -> None:
    """Add the switch to the app."""
    app.register_blueprint(bp)


@bp.post("")
def choose():
    """Read on in another language, here and for a member in mails too; an unknown one changes nothing."""
    wanted = request.form.get("language", "")
    if wanted in LANGUAGES:
        session["language"] = wanted
        if current_user.is_authenticated:
            done_once(people.choose_language, current_user.id, wanted)
    return redirect(safe_next(request.form.get("next")) or "/")
