"""The wish list: what a member keeps in mind and how far their points are from it; and what they wait for in stock."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from msgspec import Struct
from sqlalchemy import Row

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import catalogue, checkout, interest
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import words_of
from mall.web.shared.numbers import whole
from mall.web.shared.signing_in import me, members_only, safe_next
from mall.web.shared.texts import local

from .shop import for_cards

bp = Blueprint("wishes", __name__, url_prefix="/wishes")
bp.before_request(members_only)


class Wished(Struct, frozen=True):
    """An item on the list. `card` is None while it is not in the shop; `to_go` points are missing, None: not known."""

    row: Row[Any]
    card: catalogue.Card | None
    to_go: int | None

    @property
    def can_be_had(self) -> bool:
        """Tell whether it could go into the basket now."""
        return self.card is not None and self.card.gate.is_open and not self.card.sold_out


@bp.get("")
def show():
    """Show the list, newest wish first, and what the member waits for."""
    return wishes_page()


def wishes_page(*, refusal: Refusal | None = None):
    """Render the list; with a refusal the answer is 422, and says it."""
    terms, viewer, at = layout.terms(), layout.viewer(), now()
    with reading():
        rows = interest.wishes_of(me())
        ids = tuple(row.product_id for row in rows)
        shelf = catalogue.shelf(viewer, catalogue.Wishes(ids=ids), terms=terms, at=at, limit=len(ids)) if ids else []
        waiting = interest.waiting_for(me())
    page = render_template(
        "store/wishes/show.html",
        wishes=wished(rows, shelf, ready=viewer.ready_points or 0),
        waiting=waiting,
        ready=viewer.ready_points or 0,
        refusal=refusal,
        **for_cards(terms, viewer),
    )
    return page, 422 if refusal else 200


def wished(rows: Sequence[Row[Any]], shelf: list[catalogue.Card], *, ready: int) -> list[Wished]:
    """Return the list's items with how many points are missing for each that takes any."""
    cards = {card.id: card for card in shelf}
    return [
        Wished(row, card, None if card is None or card.least_points is None else max(0, card.least_points - ready))
        for row in rows
        for card in [cards.get(row.product_id)]
    ]


@bp.post("")
def change():
    """Put an item on the list, or take it off, and go back to the page whose heart was pressed."""
    put_on, take_off = request.form.get("on", ""), request.form.get("off", "")
    if take_off:
        done_once(interest.take_off, me(), take_off)
        flash(_("Taken off your wish list."))
    else:
        try:
            done_once(interest.wish, me(), put_on, viewer=layout.viewer(), at=now())
        except interest.TooManyWishes as refusal:
            return wishes_page(refusal=refusal)
        flash(_("It is on your wish list."))
    return redirect(safe_next((request.form.get("next") or "").rstrip("?")) or url_for("store.wishes.show"), 303)


@bp.post("/<slug>/basket")
def move(slug: str):
    """Move one piece of an item into the basket, by the way to pay that its card shows; then it is off the list."""
    terms, viewer, at = layout.terms(), layout.viewer(), now()
    with reading():
        item = catalogue.item(slug, viewer, terms=terms, at=at)
    variant, choice = item.variant(None), item.cheapest
    if len(item.variants) != 1 or variant is None or choice is None or not item.gate.is_open:
        return redirect(url_for("store.item.show", slug=slug), 303)  # There it is chosen, or said what is missing.

    def unit() -> None:
        checkout.choose(
            layout.basket_owner(), variant_id=variant.id, option_id=choice.id, points=choice.least, viewer=viewer,
            terms=terms, at=at,
        )  # fmt: skip
        interest.take_off(me(), slug)

    try:
        if variant.sold_out:
            raise catalogue.OutOfStock(variant.id, title=item.product.title, sku=variant.sku, left=0)
        done_once(unit)
    except Refusal as refusal:
        return wishes_page(refusal=refusal)
    flash(_("It is in your basket."))
    return redirect(url_for("store.wishes.show"), 303)


@bp.post("/waiting")
def wait():
    """Wait for a variant that is sold out: the member is told when it is back."""
    slug, variant_id = request.form.get("item", ""), whole(request.form.get("variant_id"))
    with reading():
        item = catalogue.item(slug, layout.viewer(), terms=layout.terms(), at=now())
    try:
        done_once(interest.ask_for_stock, me(), item, variant_id=variant_id, at=now())
    except interest.NothingToWaitFor as refusal:
        flash(words_of(refusal), "info")
    except interest.TooManyRequests as refusal:
        return wishes_page(refusal=refusal)
    else:
        flash(_("We tell you here and by mail when it is back."))
    return redirect(url_for("store.item.show", slug=slug, variant_id=variant_id), 303)


@bp.post("/waiting/withdrawal")
def withdraw():
    """Wait for a variant no longer."""
    done_once(interest.withdraw, me(), whole(request.form.get("variant_id")) or 0, at=now())
    flash(_("You no longer wait for it."))
    return redirect(safe_next(request.form.get("next")) or url_for("store.wishes.show"), 303)


def title_of(row: Row[Any]) -> str:
    """Return what a row of an item is called, its kind included."""
    kind = local(row.variant_title)
    return f"{local(row.title)}, {kind}" if kind else local(row.title)
