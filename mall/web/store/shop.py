"""The shop: every item on the shelf, found by words and filters; all of it stands in the address."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, render_template, request
from flask_babel import gettext as _
from markupsafe import Markup
from msgspec import Struct

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import catalogue, checkout, earning, programme
from mall.web.shared import layout, visit
from mall.web.shared.kept import kept
from mall.web.shared.paging import page_number
from mall.web.shared.texts import language

bp = Blueprint("shop", __name__, url_prefix="/shop")

PER_PAGE = 24
# The filters of the page by the name they have in its address.
TICKS = ("affordable", "my_level", "in_stock")


class Listed(Struct, frozen=True):
    """The listing as it is kept: its heading, and all of the page but the frame."""

    heading: Mapping[str, str] | None
    html: Markup


@bp.get("", defaults={"category": None})
@bp.get("/<category>")
@visit.of_shelves
def index(category: str | None):
    """Show a page of items, with what each filter would leave."""
    terms, viewer, at = layout.terms(), layout.viewer(), now()
    key = (
        layout.strip().shelf_mark, layout.strip().campaign_mark, terms.version, language(), viewer.rank,
        viewer.member_id is None, viewer.ready_points, viewer.early_access_hours, request.full_path,
        request.script_root,
    )  # fmt: skip
    try:
        listed = kept(key, lambda: listed_now(category, terms=terms, viewer=viewer, at=at), at=at)
        refusal = None
    except catalogue.TooManyWords as too_many:
        refusal = too_many
        listed = listed_now(category, terms=terms, viewer=viewer, at=at, refusal=refusal)
    wished = wished_by(viewer)
    page = render_template(
        "store/shop/index.html", listed=listed, html=marked(listed.html, wished or frozenset()), wished=wished
    )
    return page, 422 if refusal else 200


def marked(html: Markup, wished: frozenset[int]) -> Markup:
    """Return a listing, kept as nobody's own, with the hearts of a member's wishes filled."""
    plain = str(html)
    for product_id in wished:
        item = f'data-item="{product_id}"'
        plain = plain.replace(f'{item} name="on" aria-pressed="false"', f'{item} name="off" aria-pressed="true"')
    return Markup(plain)


def wished_by(viewer: catalogue.Viewer) -> frozenset[int] | None:
    """Return the items on a member's wish list; None for visitors, who have none."""
    return None if viewer.member_id is None else layout.strip().wished


def listed_now(
    category: str | None,
    *,
    terms: programme.Programme,
    viewer: catalogue.Viewer,
    at: datetime,
    refusal: catalogue.TooManyWords | None = None,
) -> Listed:
    """Return the listing that the address asks for, two statements. With a refusal its words are passed over.

    Raises TooManyWords.
    """
    words = request.args.get("q", "").strip()
    ticked = {name: request.args.get(name) == "1" for name in TICKS}
    wishes = catalogue.Wishes(
        words="" if refusal else words,
        category=category,
        affordable=ticked["affordable"] and viewer.member_id is not None,
        my_level=ticked["my_level"],
        in_stock=ticked["in_stock"],
        form=request.args.get("pay"),
        sort=request.args.get("sort", ""),
    )
    with reading(stale_ok=True):
        page = catalogue.listing(viewer, wishes, terms=terms, at=at, page=page_number(), per_page=PER_PAGE)
    here = next((each for each in page.facets.categories if each.slug == category), None)
    if category is not None and here is None:
        abort(404)
    html = render_template(
        "store/shop/_listing.html",
        page=page,
        words=words,
        wordless=bool(words) and not any(sign.isalnum() for sign in words),
        here=here,
        pays=pays(),
        sorts=sorts(searching=bool(words)),
        ticks=ticks(viewer),
        refusal=refusal,
        **for_cards(terms, viewer) | {"wished": None if viewer.member_id is None else frozenset()},
    )
    return Listed(here.title if here else None, Markup(html))


def for_cards(terms: programme.Programme, viewer: catalogue.Viewer) -> dict[str, Any]:
    """Return what the cards of items need beside themselves: the levels' names, what a piece is to this viewer, and
    which of them the viewer wishes for. A visitor sees what a new member would pay and earn. No statement, unless the
    campaigns have changed.
    """
    level = terms.level(max(viewer.rank, 1))
    with reading():
        campaigns = earning.open_to(layout.campaigns(), level.rank, at=now())
    mine = checkout.PieceFor(level, terms, campaigns)
    return {
        "level_names": {level.rank: level.name for level in terms.levels},
        "mine": mine,
        "wished": wished_by(viewer),
    }


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
