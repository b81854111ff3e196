"""Help: how points work and how goods go back, told with the figures of the programme in force."""

from flask import Blueprint, render_template

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
