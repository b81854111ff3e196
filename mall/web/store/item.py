"""An item's page: its pictures, what it is, the ways to pay for it - or what still stands before it."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import catalogue, checkout, membership
from mall.web.shared import layout

from .shop import for_cards

bp = Blueprint("item", __name__, url_prefix="/items")

CHOICES = ("variant_id", "option_id", "points", "quantity")
ON_A_SHELF = 3


@dataclass(frozen=True)
class Choosing:
    """What is chosen on the page now. Points and cents are per piece; `list_cents` before the level's discount.

    `left_after` is what the purse holds afterwards, below 0 what is missing; None where the purse is not known.
    """

    variant: catalogue.ItemVariant
    choice: catalogue.Choice
    points: int
    cents: int
    list_cents: int
    quantity: int
    most: int
    left_after: int | None


@bp.get("/<slug>")
def show(slug: str) -> str:
    """Show an item. The address may carry a choice: variant, price option, points and quantity."""
    terms, viewer, at = layout.terms(), layout.viewer(), now()
    with reading():
        item = catalogue.item(slug, viewer, terms=terms, at=at)
        gated = not item.gate.is_open
        standing = None
        if item.gate.required_rank is not None and viewer.member_id is not None:
            standing = membership.standing(viewer.member_id, terms=terms, at=at)
        more = catalogue.shelf(
            viewer,
            catalogue.Wishes(
                category=None if gated else item.product.category_slug,
                affordable=gated and viewer.member_id is not None,
                my_level=gated,
                in_stock=True,
            ),
            terms=terms,
            at=at,
            limit=ON_A_SHELF + 1,
        )
    cards = for_cards(terms, viewer)
    return render_template(
        "store/item/show.html",
        item=item,
        product=item.product,
        shown=picture_shown(item),
        gate=item.gate,
        required=terms.level(item.gate.required_rank) if item.gate.required_rank else None,
        choosing=None if gated else choosing(item, viewer=viewer, mine=cards["mine"]),
        cash_closed=current_app.config["CASHIER"] == "none",
        my_level=terms.level(viewer.rank) if viewer.rank else None,
        ready=viewer.ready_points,
        standing=standing,
        more=[card for card in more if card.id != item.product.id][:ON_A_SHELF],
        terms=terms,
        **cards,
    )


@bp.post("/<slug>")
def choose(slug: str):
    """Count again with what is chosen now: back to the page, with the choice in its address."""
    chosen: dict[str, Any] = {name: number(name) for name in CHOICES}
    return redirect(url_for(".show", slug=slug, **chosen), 303)


def choosing(item: catalogue.Item, *, viewer: catalogue.Viewer, mine: checkout.PieceFor) -> Choosing | None:
    """Return what is chosen: what the address says, as far as it can be had; else the fewest points. None: nothing."""
    variant = item.variant(number("variant_id"))
    if variant is None or not variant.choices:
        return None
    choice = next((each for each in variant.choices if each.id == number("option_id")), variant.cheapest)
    most = max(1, min(variant.left, item.product.limit_per_member or checkout.MOST_PIECES, checkout.MOST_PIECES))
    quantity = min(max(number("quantity") or 1, 1), most)
    points = choice.nearest(number("points") or choice.least)
    list_cents = choice.at(points)
    return Choosing(
        variant=variant,
        choice=choice,
        points=points,
        cents=mine.cents(list_cents, form=choice.form),
        list_cents=list_cents,
        quantity=quantity,
        most=most,
        left_after=None if viewer.ready_points is None else viewer.ready_points - points * quantity,
    )


def picture_shown(item: catalogue.Item) -> Any:
    """Return the picture shown large: the one the address names by its place, or the first; None without any."""
    place = (number("picture") or 1) - 1
    return item.pictures[place if place < len(item.pictures) else 0] if item.pictures else None


def number(name: str) -> int | None:
    """Read a whole number of the form or the address; a pressed stepper's wins. None for what is none."""
    typed = request.form.get(f"{name}_to") or request.form.get(name) or request.args.get(name, "")
    digits = typed.replace(",", "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
