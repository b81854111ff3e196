"""The style page: every part of the look, for who builds pages. There is no such address outside the demo."""

from flask import Blueprint, abort, current_app

from mall.web.shared import style_guide

bp = Blueprint("style", __name__, url_prefix="/style")


@bp.get("")
def show() -> str:
    """Show every part of the look on one page."""
    if not current_app.config["DEMO"]:
        abort(404)
    return style_guide.page()
