"""Help: how points work, how goods go back, terms and privacy, told with the figures of the programme in force."""

from flask import Blueprint, current_app, render_template

from mall.domain import people
from mall.web.shared import layout

bp = Blueprint("help", __name__, url_prefix="/help")


@bp.get("/points")
def points() -> str:
    """Tell how points are earned, spent, and when they expire."""
    return render_template("store/help/points.html", terms=layout.terms())


@bp.get("/returns")
def returns() -> str:
    """Tell how an order is cancelled or returned, and what comes back."""
    return render_template("store/help/returns.html", terms=layout.terms())


@bp.get("/terms")
def terms() -> str:
    """Tell what member and shop can count on."""
    return render_template("store/help/terms.html", terms=layout.terms())


@bp.get("/privacy")
def privacy() -> str:
    """Tell what is kept about people, for how long, and who sees it."""
    return render_template(
        "store/help/privacy.html",
        terms=layout.terms(),
        sign_in_days=people.SIGN_INS_KEPT.days,
        pays_elsewhere=current_app.config["CASHIER"] == "stripe",
    )
