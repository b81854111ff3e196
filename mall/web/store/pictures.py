"""Uploaded pictures: each under a name nobody guesses, and never changed, so that browsers keep it for good."""

import re

from flask import Blueprint, Response, abort, current_app, send_from_directory

from mall.domain import catalogue

bp = Blueprint("pictures", __name__, url_prefix="/pictures")

NAME = re.compile(rf"[0-9a-f]{{32}}-({'|'.join(str(size) for size in catalogue.SIZES)})\.webp")
A_YEAR = 365 * 24 * 3600


@bp.get("/<name>")
def show(name: str) -> Response:
    """Send a picture of a product in one of its sizes."""
    if not NAME.fullmatch(name):
        abort(404)
    answer = send_from_directory(
        current_app.config["UPLOADS_DIR"], name, mimetype="image/webp", max_age=A_YEAR, conditional=True
    )
    answer.cache_control.public = True
    answer.cache_control.immutable = True
    return answer
