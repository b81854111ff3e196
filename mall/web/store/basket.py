"""The basket: put in, change, take out. It reserves nothing; what changed since is pointed out line by line."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from msgspec import Struct
from wtforms import IntegerField
from wtforms.validators import InputRequired, NumberRange, Optional

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.domain import catalogue, checkout, people
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import LARGEST_ID, Form, Whole
from mall.web.shared.numbers import stepped, whole
from mall.web.shared.signing_in import count_or_refuse, network

from . import item
from .item_choosing import NoNumber
from .stamps import coming_with

bp = Blueprint("basket", __name__, url_prefix="/basket")

MOST_POINTS = 10**9
# What was taken out last, kept in the browser until the basket is shown once more.
REMOVED = "removed"


class PutInForm(Form):
    """What an item's page sends: a variant by a price option, the points a piece, how many."""

    variant_id = IntegerField(validators=[InputRequired(), NumberRange(1, LARGEST_ID)])
    option_id = IntegerField(validators=[InputRequired(), NumberRange(1, LARGEST_ID)])
    points = Whole(default=0, validators=[Optional(), NumberRange(0, MOST_POINTS)])
    quantity = Whole(default=1, validators=[NumberRange(1, checkout.MOST_PIECES)])


class Line(Struct, frozen=True):
    """A line as a page shows it: what it costs in all, and what its steppers lead to."""

    id: int
    offer: Any
    share: Any
    trouble: Refusal | None
    changed: bool
    seen_points: int
    seen_cents: int
    quantity: int
    was_points: int
    was_cents: int
    most: int
    points_each: int
    allowed: tuple[int, int, int] | None
    typed: Mapping[str, str]

    @property
    def has_choice(self) -> bool:
        """Tell whether the member chooses how many points a piece takes."""
        return self.allowed is not None and self.allowed[0] != self.allowed[1]


@bp.get("")
def show():
    """Show the basket with what stands in the way of each line, and what was just taken out, to be put back."""
    return basket_page(removed=session.pop(REMOVED, None))


@bp.post("")
def add():
    """Put pieces of an item in the basket."""
    form = PutInForm()
    owner = layout.basket_owner()
    if owner.token is not None:
        _count_new_basket(owner)
    try:
        if not form.validate_on_submit():
            raise _what_is_wrong(form)

        done_once(
            checkout.choose,
            owner,
            variant_id=form.variant_id.data,
            option_id=form.option_id.data,
            points=form.points.data or 0,
            quantity=form.quantity.data,
            viewer=layout.viewer(),
            terms=layout.terms(),
            at=now(),
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return _item_again(form, refusal)
    flash(_("It is in your basket."))
    return redirect(url_for("store.basket.show"), 303)


@bp.post("/lines/<int:line_id>")
def change(line_id: int):
    """Change how many pieces, or how many points a piece."""
    owner = layout.basket_owner()
    try:
        quantity, points = _number("quantity"), _number("points")
        if quantity is None and points is None:
            raise checkout.BadQuantity(most=checkout.MOST_PIECES)
        if quantity == 0:
            return remove(line_id)
        done_once(checkout.change, owner, line_id, quantity=quantity, points=points, terms=layout.terms(), at=now())
    except NotFound:
        raise
    except Refusal as refusal:
        return basket_page(refusal=refusal, at=line_id)
    return redirect(url_for("store.basket.show"), 303)


@bp.post("/lines/<int:line_id>/removal")
def remove(line_id: int):
    """Take a line out."""
    session[REMOVED] = done_once(_remove, layout.basket_owner(), line_id)
    return redirect(url_for("store.basket.show"), 303)


def basket_page(*, refusal: Refusal | None = None, at: int | None = None, removed: Mapping[str, Any] | None = None):
    """Render the basket. With a refusal the answer is 422, and says it; `at` a line, with what was typed there.

    `removed` is what was just taken out, as the item's page would put it in.
    """
    terms, viewer, rank, moment = layout.terms(), layout.viewer(), max(layout.viewer().rank, 1), now()
    with reading():
        basket = checkout.basket_of(layout.basket_owner())
        priced = checkout.price(basket, viewer=viewer, level=terms.level(rank), terms=terms, at=moment)
        stamps = coming_with(priced.quote, rank=rank, at=moment, mine=viewer.member_id is not None)
        unpaid = checkout.awaiting_payment(viewer.member_id) if viewer.member_id is not None else []
    page = render_template(
        "store/basket/show.html",
        priced=priced,
        quote=priced.quote,
        lines=lines_of(priced, typed={at: request.form} if at else {}),
        refusal=refusal,
        at=at,
        about="points" if isinstance(refusal, NoNumber | catalogue.BadMix) else "quantity",
        removed=removed,
        stamps=stamps,
        unpaid=[(checkout.number_of(order.id), order) for order in unpaid],
        signed_in=current_user.is_authenticated,
        ready=viewer.ready_points,
        left=None if viewer.ready_points is None else viewer.ready_points - priced.quote.points,
    )
    return page, 422 if refusal else 200


def lines_of(priced: checkout.Priced, *, typed: Mapping[int | None, Mapping[str, str]] | None = None) -> list[Line]:
    """Return the lines of a priced basket as a page shows them."""
    shares = iter(priced.quote.lines)
    return [
        Line(
            id=each.line.id,
            offer=each.offer,
            share=next(shares) if each.wanted else None,
            trouble=each.trouble,
            changed=each.changed,
            seen_points=each.line.seen_points or 0,
            seen_cents=each.line.seen_cents or 0,
            quantity=each.line.quantity,
            was_points=each.was_points,
            was_cents=each.was_cents,
            most=min(checkout.MOST_PIECES, max(each.offer.left, 1)) if each.offer else checkout.MOST_PIECES,
            points_each=each.wanted.unit_points if each.wanted else each.line.points_each,
            allowed=catalogue.points_allowed(each.price) if each.price else None,
            typed=(typed or {}).get(each.line.id, {}),
        )
        for each in priced.lines
    ]


def _count_new_basket(owner: checkout.Owner) -> None:
    """Count a visitor's basket that does not exist yet: no network fills our table. Raises TooManyTries."""
    with reading():
        begun = checkout.basket_of(owner).id is not None
    if not begun:
        count_or_refuse(people.BASKETS_BY_NETWORK, network())


def _item_again(form: PutInForm, refusal: Refusal):
    """Show the item's page again, with what was chosen and why it did not go into the basket."""
    with reading():
        offers = catalogue.offers([form.variant_id.data], at=now())
    if not offers or not offers[0].may_be_seen_by(layout.viewer()):
        return basket_page(refusal=refusal)
    return item.item_page(offers[0].slug, refusal=refusal), 422


def _what_is_wrong(form: PutInForm) -> Refusal:
    if form.variant_id.errors or form.option_id.errors:
        return catalogue.NoSuchProduct()
    return NoNumber() if form.points.errors else checkout.BadQuantity(most=checkout.MOST_PIECES)


def _remove(owner: checkout.Owner, line_id: int) -> dict[str, Any]:
    """Take a line out; returns what it was, with the item's title while there is such an item. Raises NotFound."""
    line = checkout.line_of(owner, line_id)
    offer = next(iter(catalogue.offers([line.variant_id], at=now())), None)
    checkout.set_line(owner, line_id, quantity=0)
    return {
        "title": offer.title if offer else None,
        "fields": {
            "variant_id": line.variant_id,
            "option_id": line.option_id,
            "points": line.points_each,
            "quantity": line.quantity,
        },
    }


def _number(name: str) -> int | None:
    """Read a stepper: <name>_to is the button pressed; empty, it asks for the typed <name>. None: not sent.

    Raises NoNumber for what is none.
    """
    typed = stepped(name)
    if typed is None:
        return None
    number = whole(typed)
    if number is None:
        raise checkout.BadQuantity(most=checkout.MOST_PIECES) if name == "quantity" else NoNumber()
    return number
