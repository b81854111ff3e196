"""The home page: what my points get me today, what is new, and what the next levels open."""

from flask import Blueprint, Response, current_app, render_template

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import catalogue, ledger, membership
from mall.web.shared import layout

from . import lately
from .shop import for_cards

bp = Blueprint("home", __name__)

ON_A_SHELF = 5
A_WEEK = 7 * 24 * 3600


@bp.get("/")
def show() -> str:
    """Show the shelves of the home page; an empty one is left out."""
    terms, viewer, at = layout.terms(), layout.viewer(), now()
    member_id = viewer.member_id
    with reading(stale_ok=True):
        within_reach = catalogue.shelf(
            viewer,
            catalogue.Wishes(affordable=member_id is not None, my_level=True, in_stock=True, sort="points"),
            terms=terms,
            at=at,
            limit=ON_A_SHELF,
        )
        newest = catalogue.shelf(viewer, catalogue.Wishes(my_level=True), terms=terms, at=at, limit=ON_A_SHELF)
        above = catalogue.shelf(viewer, catalogue.Wishes(above_my_level=True), terms=terms, at=at, limit=ON_A_SHELF)
        categories = catalogue.categories()
    with reading():
        standing = None if member_id is None else membership.standing(member_id, terms=terms, at=at)
        balances = None if member_id is None else ledger.balances(member_id, at=at)
    return render_template(
        "store/home/show.html",
        lately=lately.cards(viewer, terms=terms, at=at, everywhere=True),
        within_reach=within_reach,
        newest=newest,
        above=above,
        categories=categories,
        standing=standing,
        balances=balances,
        ready=viewer.ready_points,
        coupon_count=layout.strip().coupon_count,
        **for_cards(terms, viewer),
    )


@bp.get("/favicon.ico")
def mark() -> Response:
    """Send the shop's mark to who looks for it without having read a page of ours."""
    answer = current_app.send_static_file("img/mark.svg")
    answer.cache_control.public = True
    answer.cache_control.no_cache = None
    answer.cache_control.max_age = A_WEEK
    return answer
