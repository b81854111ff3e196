"""An item's page: its pictures, what it is, the ways to pay for it - or what still stands before it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from msgspec import Struct
from msgspec.structs import replace

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import catalogue, checkout, coupons, earning, interest, membership
from mall.web.shared import layout
from mall.web.shared.benefits import benefits_of
from mall.web.shared.coupons import terms_words, worth_words
from mall.web.shared.forms import words_of
from mall.web.shared.level_words import length_words
from mall.web.shared.numbers import asked, stepped, whole

from . import lately, shares
from .item_questions import latest_questions
from .item_reviews import latest_reviews
from .shop import for_cards
from .stamps import filling_words

bp = Blueprint("item", __name__, url_prefix="/items")

CHOICES = ("variant_id", "option_id", "points", "quantity")
ON_A_SHELF = 3
MOST_TYPED = 20


class NoNumber(Refusal):
    message = N_("Type a whole number.")


class Choosing(Struct, frozen=True):
    """What is chosen on the page now. Points and cents are per piece; `list_cents` before the level's discount.

    `trouble` is what is wrong with the quantity as `typed`, `points_trouble` with the points; the page counts with the
    nearest that can be had.
    `left_after` is what the purse holds afterwards, below 0 what is missing; None where the purse is not known.
    """

    variant: catalogue.ItemVariant
    choice: catalogue.Choice
    points: int
    cents: int
    list_cents: int
    quantity: int
    most: int
    typed: str
    trouble: Refusal | None
    points_typed: str
    points_trouble: Refusal | None
    left_after: int | None


@bp.get("/<slug>")
def show(slug: str) -> str:
    """Show an item. The address may carry a choice: variant, price option, points and quantity."""
    return item_page(slug)


def item_page(slug: str, *, refusal: Refusal | None = None) -> str:
    """Render an item's page; `refusal` is why it did not go into the basket, said at the field it is about."""
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
        earns = item.product.kind != catalogue.MEMBERSHIP
        campaign = campaign_for(item, viewer, at=at) if earns else None
        cards = layout.stamp_cards() if earns else ()
        standings = layout.stamp_standings() if cards else {}
        contents = contents_of(item.product.id, at=at) if item.product.kind == "coupon" else []
        gives = level_given(item.product)
        if gives is not None and standing is None and viewer.member_id is not None:
            standing = membership.standing(viewer.member_id, terms=terms, at=at)
        waits: set[int] = set()
        if viewer.member_id is not None and any(variant.sold_out for variant in item.variants):
            waits = interest.waits_for(viewer.member_id)
    if request.method == "GET":
        lately.note(item.product.id)
        shares.note_visit(slug)
    shelf = for_cards(terms, viewer)
    chosen = None if gated else choosing(item, viewer=viewer, mine=shelf["mine"])
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
        standing=standing,
        waits=waits,
        contents=contents,
        gives=gives,
        reviews=latest_reviews(item.product),
        questions=latest_questions(item.product),
        campaign=campaign,
        seen=lately.cards(viewer, terms=terms, at=at, everywhere=False, but=item.product.id),
        more=[card for card in more if card.id != item.product.id][:ON_A_SHELF],
        stamps=stamps_for(item, chosen, cards, standings=standings, mine=shelf["mine"], at=at) if chosen else [],
        terms=terms,
        **shelf,
    )


def campaign_for(item: catalogue.Item, viewer: catalogue.Viewer, *, at: Any) -> earning.Campaign | None:
    """Return the campaign that an item is in now for this viewer, who is a new member where they are none, or None."""
    products = {item.product.id: item.categories}
    return earning.best_of(layout.campaigns(), products, rank=max(viewer.rank, 1), at=at).get(item.product.id)


def stamps_for(
    item: catalogue.Item,
    chosen: Choosing,
    cards: Iterable[earning.OpenCard],
    *,
    standings: Mapping[int, earning.Standing],
    mine: checkout.PieceFor,
    at: datetime,
) -> list[tuple[earning.Filling, str]]:
    """Return the stamp cards that a piece of what is chosen fills in cash, each with the sentences that say so."""
    cents = [mine.cents(each.cash_cents, form=each.form) for each in chosen.variant.choices]
    found = earning.filled_by(
        cards,
        item.product.id,
        item.categories,
        most_cents=max(cents),
        standings=standings,
        rank=mine.level.rank,
        at=at,
    )
    return [(each, filling_words(each, mine=layout.viewer().member_id is not None)) for each in found]


def contents_of(product_id: int, *, at: Any) -> list[dict[str, Any]]:
    """Return the coupons that a piece of an item gives now: how many, what they take off, on what terms."""
    gives = coupons.sold_by([product_id], at=at)
    terms = layout.terms()
    return [
        {
            "row": each,
            "worth": " ".join(worth_words(each)),
            "terms": ", ".join(terms_words(each, terms)),
        }
        for contents in coupons.contents_of(gives.values()).values()
        for each in contents
    ]


def level_given(product: Any) -> dict[str, Any] | None:
    """Return what a membership gives: the level, for how long, and what that brings; None for any other item."""
    terms = layout.terms()
    level = next((each for each in terms.levels if each.key == product.plan_level), None)
    if level is None:
        return None
    by_growth = (_("Growth to reach it"), _("On reaching it, once"))  # Neither is paid for.
    rows = [row for row in benefits_of(terms) if row["name"] not in by_growth]
    brings = [(row["name"], row["cells"][level.rank - 1]) for row in rows]
    return {
        "level": level,
        "length": length_words(product.plan_length, product.plan_unit),
        "least": terms.membership_least_days,
        "return_days": terms.return_window_days,
        "brings": [(name, cell) for name, cell in brings if cell is not None],
    }


@bp.post("/<slug>")
def choose(slug: str):
    """Count again with what is chosen now: back to the page, with the choice in its address."""
    chosen: dict[str, Any] = {name: whole(sent(name)) for name in CHOICES}
    for name in ("quantity", "points"):
        chosen[name] = sent(name)[:MOST_TYPED] or None  # As typed: the page says what is wrong with it.
    return redirect(url_for(".show", slug=slug, **chosen), 303)


def choosing(item: catalogue.Item, *, viewer: catalogue.Viewer, mine: checkout.PieceFor) -> Choosing | None:
    """Return what is chosen: what the address says, as far as it can be had; else the fewest points. None: nothing."""
    variant = item.variant(whole(sent("variant_id")))
    if variant is None or not variant.choices:
        return None
    choice = next((each for each in variant.choices if each.id == whole(sent("option_id"))), variant.cheapest)
    most = checkout.MOST_PIECES if item.product.kind != catalogue.MEMBERSHIP else 1
    most = max(1, min(most, variant.left, item.product.limit_per_member or most))
    typed = sent("quantity")
    asked_for = whole(typed or "1")
    quantity = min(max(asked_for or 1, 1), most)
    points_typed = sent("points")
    wanted = whole(points_typed or str(choice.least))
    points = choice.nearest(choice.least if wanted is None else wanted)
    points_trouble: Refusal | None = None
    if not choice.price.is_fixed and points != wanted:
        points_trouble = (
            NoNumber() if wanted is None else catalogue.BadMix(least=choice.least, most=choice.most, step=choice.step)
        )
    list_cents = choice.at(points)
    return Choosing(
        variant=variant,
        choice=choice,
        points=points,
        cents=mine.cents(list_cents, form=choice.form),
        list_cents=list_cents,
        quantity=quantity,
        most=most,
        typed="" if quantity == asked_for else typed,
        trouble=None if quantity == asked_for else checkout.BadQuantity(most=most),
        points_typed=points_typed[:MOST_TYPED] if points_trouble else "",
        points_trouble=points_trouble,
        left_after=None if viewer.ready_points is None else viewer.ready_points - points * quantity,
    )


def at_its_field(chosen: Choosing, refusal: Refusal) -> tuple[Choosing, Refusal | None]:
    """Return the choice with a refusal put at its field, and the refusal again where the page has no such field."""
    if isinstance(refusal, checkout.BadQuantity):
        return replace(chosen, trouble=chosen.trouble or refusal), None
    if isinstance(refusal, NoNumber | catalogue.BadMix) and chosen.points_trouble:
        return chosen, None
    return chosen, refusal


def wrong_boxes(chosen: Choosing) -> list[tuple[str, Refusal]]:
    """Return what is wrong with what was typed: (id of the box, why), in the order of the page."""
    points = chosen.points_trouble if chosen.choice.form == "mix" else None
    boxes = (("points", points), ("quantity", chosen.trouble))
    return [(box, trouble) for box, trouble in boxes if trouble is not None]


def picture_shown(item: catalogue.Item) -> Any:
    """Return the picture shown large: the one the address names by its place, or the first; None without any."""
    place = (asked("picture") or 1) - 1
    return item.pictures[place if place < len(item.pictures) else 0] if item.pictures else None


def sent(name: str) -> str:
    """Return what the form or the address says of a choice; a pressed stepper's button wins."""
    return (stepped(name) or request.args.get(name, "")).strip()
