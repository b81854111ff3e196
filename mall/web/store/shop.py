"""The shop: every item on the shelf, found by words and filters; all of it stands in the address."""

from typing import Any

from flask import Blueprint, abort, render_template, request
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import catalogue, earning, programme
from mall.web.shared import layout
from mall.web.shared.paging import page_number

bp = Blueprint("shop", __name__, url_prefix="/shop")

PER_PAGE = 24
# The filters of the page by the name they have in its address.
TICKS = ("affordable", "my_level", "in_stock")


@bp.get("", defaults={"category": None})
@bp.get("/<category>")
def index(category: str | None):
    """Show a page of items, with what each filter would leave."""
    terms, viewer, at = layout.terms(), layout.viewer(), now()
    words = request.args.get("q", "").strip()
    ticked = {name: request.args.get(name) == "1" for name in TICKS}
    wishes: dict[str, Any] = {
        **ticked,
        "affordable": ticked["affordable"] and viewer.member_id is not None,
        "category": category,
        "form": request.args.get("pay"),
        "sort": request.args.get("sort", ""),
        "page": page_number(),
        "per_page": PER_PAGE,
    }
    refusal = None
    with reading():
        categories = catalogue.categories()
        here = next((each for each in categories if each.slug == category), None)
        if category is not None and here is None:
            abort(404)
        try:
            page = catalogue.listing(viewer, terms=terms, at=at, words=words, **wishes)
        except catalogue.TooManyWords as too_many:
            refusal = too_many
            page = catalogue.listing(viewer, terms=terms, at=at, **wishes)
    answer = render_template(
        "store/shop/index.html",
        page=page,
        words=words,
        categories=categories,
        here=here,
        pays=pays(),
        sorts=sorts(searching=bool(words)),
        ticks=ticks(viewer),
        refusal=refusal,
        **for_cards(terms, viewer),
    )
    return answer, 422 if refusal else 200


def for_cards(terms: programme.Programme, viewer: catalogue.Viewer) -> dict[str, Any]:
    """Return what the cards of items need beside themselves: the levels' names, and what cash earns this viewer."""
    multiplier = terms.level(max(viewer.rank, 1)).multiplier_percent

    def earns(cents: int) -> int:
        return earning.points_for(
            cents,
            earn_points=terms.earn_points,
            earn_per_cents=terms.earn_per_cents,
            multiplier_percent=multiplier,
        )

    return {"level_names": {level.rank: level.name for level in terms.levels}, "earns": earns}


def pays() -> list[tuple[str, str]]:
    """Return the ways to pay one may filter by, as (value, words)."""
    return [("points", _("Points only")), ("mix", _("Points + cash")), ("cash", _("Cash, earns points"))]


def sorts(*, searching: bool) -> list[tuple[str, str]]:
    """Return the orders of the list, as (value, words)."""
    first = [("", _("Best match")), ("newest", _("Newest"))] if searching else [("", _("Newest"))]
    return [*first, ("points", _("Fewest points")), ("cash", _("Lowest price in cash"))]


def ticks(viewer: catalogue.Viewer) -> list[tuple[str, str]]:
    """Return the filters that are on or off, as (name, words). What one can afford needs a balance."""
    every = [
        ("affordable", _("I can afford")),
        ("my_level", _("My level")),
        ("in_stock", _("In stock")),
    ]
    return every if viewer.member_id is not None else every[1:]
