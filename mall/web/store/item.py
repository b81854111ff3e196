"""An item's page: its pictures, what it is, the ways to pay for it - or what still stands before it."""

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import catalogue
from mall.web.shared import layout
from mall.web.shared.forms import words_of
from mall.web.shared.numbers import asked, whole

from . import lately, shares
from .item_around import read_around, stamps_for
from .item_choosing import MOST_TYPED, at_its_field, choosing, sent, wrong_boxes
from .item_questions import latest_questions
from .item_reviews import latest_reviews
from .shop import for_cards

bp = Blueprint("item", __name__, url_prefix="/items")

CHOICES = ("variant_id", "option_id", "points", "quantity")


@bp.get("/<slug>")
def show(slug: str) -> str:
    """Show an item. The address may carry a choice: variant, price option, points and quantity."""
    return item_page(slug)


def item_page(slug: str, *, refusal: Refusal | None = None) -> str:
    """Render an item's page; `refusal` is why it did not go into the basket, said at the field it is about."""
    terms, viewer, at = layout.terms(), layout.viewer(), now()
    with reading():
        item = catalogue.item(slug, viewer, terms=terms, at=at)
        beside = read_around(item, viewer, terms=terms, at=at)
    if request.method == "GET":
        lately.note(item.product.id)
        shares.note_visit(slug)
    shelf = for_cards(terms, viewer)
    chosen = choosing(item, viewer=viewer, mine=shelf["mine"]) if item.gate.is_open else None
    if refusal is not None and chosen is not None:
        chosen, refusal = at_its_field(chosen, refusal)
    if refusal is not None:
        flash(words_of(refusal), "bad")
    return render_template(
        "store/item/show.html",
        item=item,
        product=item.product,
        shown=picture_shown(item),
        gate=item.gate,
        required=terms.level(item.gate.required_rank) if item.gate.required_rank else None,
        choosing=chosen,
        wrong=wrong_boxes(chosen) if chosen else [],
        cash_closed=current_app.config["CASHIER"] == "none",
        my_level=terms.level(viewer.rank) if viewer.rank else None,
        ready=viewer.ready_points,
        standing=beside.standing,
        waits=beside.waits,
        contents=beside.contents,
        gives=beside.gives,
        reviews=latest_reviews(item.product),
        questions=latest_questions(item.product),
        campaign=beside.campaign,
        seen=lately.cards(viewer, terms=terms, at=at, everywhere=False, but=item.product.id),
        more=beside.more,
        stamps=stamps_for(item, chosen, beside, mine=shelf["mine"], at=at) if chosen else [],
        terms=terms,
        **shelf,
    )


@bp.post("/<slug>")
def choose(slug: str):
    """Count again with what is chosen now: back to the page, with the choice in its address."""
    chosen: dict[str, Any] = {name: whole(sent(name)) for name in CHOICES}
    for name in ("quantity", "points"):
        chosen[name] = sent(name)[:MOST_TYPED] or None  # As typed: the page says what is wrong with it.
    return redirect(url_for(".show", slug=slug, **chosen), 303)


def picture_shown(item: catalogue.Item) -> Any:
    """Return the picture shown large: the one the address names by its place, or the first; None without any."""
    place = (asked("picture") or 1) - 1
    return item.pictures[place if place < len(item.pictures) else 0] if item.pictures else None
