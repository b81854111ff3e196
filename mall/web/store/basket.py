"""The basket: put in, change, take out. It reserves nothing; what changed since is pointed out line by line."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from wtforms import IntegerField
from wtforms.validators import InputRequired, NumberRange

from mall.base.clock import now
from mall.base.db import reading, transaction
from mall.base.errors import Refusal
from mall.domain import catalogue, checkout
from mall.web.shared import layout
from mall.web.shared.forms import LARGEST_ID, Form, words_of

bp = Blueprint("basket", __name__, url_prefix="/basket")

MOST_POINTS = 10**9


class PutInForm(Form):
    """What an item's page sends: a variant by a price option, the points a piece, how many."""

    variant_id = IntegerField(validators=[InputRequired(), NumberRange(1, LARGEST_ID)])
    option_id = IntegerField(validators=[InputRequired(), NumberRange(1, LARGEST_ID)])
    points = IntegerField(default=0, validators=[NumberRange(0, MOST_POINTS)])
    quantity = IntegerField(default=1, validators=[NumberRange(1, checkout.MOST_PIECES)])


@bp.get("")
def show():
    """Show the basket with what stands in the way of each line."""
    return basket_page()


@bp.post("")
def add():
    """Put pieces of an item in the basket."""
    form = PutInForm()
    owner = layout.basket_owner()
    slug = None
    try:
        if not form.validate_on_submit():
            raise checkout.BadQuantity(most=checkout.MOST_PIECES)
        with transaction():
            slug, points_each, cents = _as_offered(form)
            checkout.put_in(
                owner,
                variant_id=form.variant_id.data,
                option_id=form.option_id.data,
                points_each=points_each,
                quantity=form.quantity.data,
                seen_cents=cents,
                seen_points=points_each,
                at=now(),
            )
    except Refusal as refusal:
        flash(words_of(refusal), "bad")
        return redirect(_back_to_item(slug))
    flash(_("It is in your basket."))
    return redirect(url_for("store.basket.show"))


@bp.post("/lines/<int:line_id>")
def change(line_id: int):
    """Change how many pieces, or how many points a piece."""
    try:
        with transaction():
            checkout.set_line(
                layout.basket_owner(), line_id, quantity=_number("quantity"), points_each=_number("points")
            )
    except checkout.BadQuantity as refusal:
        return basket_page(refusal=refusal)
    return redirect(url_for("store.basket.show"))


@bp.post("/lines/<int:line_id>/removal")
def remove(line_id: int):
    """Take a line out."""
    with transaction():
        checkout.set_line(layout.basket_owner(), line_id, quantity=0)
    flash(_("It is out of your basket."))
    return redirect(url_for("store.basket.show"))


def basket_page(*, refusal: Refusal | None = None):
    """Render the basket. With a refusal the answer is 422, and says it."""
    terms, viewer = layout.terms(), layout.viewer()
    with reading():
        basket = checkout.basket_of(layout.basket_owner())
        priced = checkout.price(basket, viewer=viewer, level=terms.level(max(viewer.rank, 1)), terms=terms, at=now())
    page = render_template(
        "store/basket/show.html",
        priced=priced,
        quote=priced.quote,
        refusal=refusal,
        signed_in=current_user.is_authenticated,
        ready=viewer.ready_points,
        most_pieces=checkout.MOST_PIECES,
        allowed=catalogue.points_allowed,
    )
    return page, 422 if refusal else 200


def _as_offered(form: PutInForm) -> tuple[str, int, int]:
    """Return (slug, points a piece, cents a piece) of what is asked for. Raises a Refusal where it is not offered."""
    offers = catalogue.offers([form.variant_id.data], at=now())
    if not offers or not offers[0].may_be_seen_by(layout.viewer()):
        raise catalogue.NoSuchProduct()
    option = offers[0].option(form.option_id.data)
    if option is None:
        raise checkout.PriceGone(title=offers[0].title)
    least, _most, _step = catalogue.points_allowed(option)
    points_each = form.points.data or 0
    if option.is_fixed:
        points_each = least  # Nothing to choose: whatever the form says, the price says how many.
    return offers[0].slug, points_each, catalogue.cash_part(option, points_each, layout.terms())


def _back_to_item(slug: str | None) -> str:
    came_from = layout.page_before()
    return url_for("store.item.show", slug=slug) if slug else came_from or url_for("store.basket.show")


def _number(name: str) -> int | None:
    """Read a stepper: <name>_to is the button pressed; empty, it asks for the typed <name>. None: not sent.

    Raises BadQuantity for what is no whole number.
    """
    typed = request.form.get(f"{name}_to") or request.form.get(name)
    if typed is None:
        return None
    digits = typed.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 11):
        raise checkout.BadQuantity(most=checkout.MOST_PIECES)
    return int(digits)
