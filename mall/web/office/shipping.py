"""Delivery as it is agreed in the programme: ways, prices, from which amount each level has it free."""

from flask import Blueprint, render_template

from mall.base.clock import now
from mall.domain import checkout
from mall.web.shared import layout

bp = Blueprint("shipping", __name__, url_prefix="/shipping")


@bp.get("")
def show():
    """Show the ways of delivery in force, and what each costs whom."""
    terms, at = layout.terms(), now()
    return render_template(
        "office/shipping/show.html",
        terms=terms,
        methods=[
            (
                method,
                [(level, checkout.shipping_of(method, level=level, terms=terms, at=at)) for level in terms.levels],
            )
            for method in terms.shipping_methods
        ],
    )
