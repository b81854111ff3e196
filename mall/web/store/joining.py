"""Joining at checkout: who is no member yet registers and places the order with one short form, in one go.

There are no guest orders. A known e-mail is told to sign in, counted like every registering (PRODUCT 1).
"""

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from msgspec import Struct
from msgspec.structs import asdict
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import catalogue, checkout, people, programme
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import words_of
from mall.web.shared.numbers import whole
from mall.web.shared.signing_in import check_password, let_member_in, me

from . import lately
from .addresses import AddressForm
from .basket import basket_page, lines_of
from .checkout import go_and_pay
from .registration import RegisterForm, newcomer
from .stamps import coming_with

bp = Blueprint("joining", __name__, url_prefix="/checkout/join")

PARCEL = ("line1", "line2", "postcode", "city", "region", "country", "phone")


class KnownEmail(Refusal):
    message = N_("There is an account with this e-mail address. Sign in, and your basket comes along.")


class JoinForm(RegisterForm, AddressForm):
    """What registering asks, where the parcel goes, and the basket as it was shown."""

    recipient = None
    as_default = None
    next = None
    method = StringField()
    key = HiddenField()
    shown = HiddenField()
    earns = HiddenField()

    def ask_no_address(self) -> None:
        """Take the order without an address; one that was typed stays in the form."""
        for name in PARCEL:
            self[name].validators = ()
        self.country.validate_choice = False

    @property
    def lines(self) -> people.AddressLines:
        """The address as the domain takes it: the parcel goes to who registers."""
        return people.AddressLines(
            recipient=self.display_name.data, **{name: self[name].data or "" for name in PARCEL}
        )


class Seen(Struct, frozen=True):
    """A visitor's basket, priced as for a new member."""

    basket: checkout.BasketNow
    priced: checkout.Priced
    level: programme.Level

    @property
    def needs_address(self) -> bool:
        """Tell whether something has to be sent to an address."""
        method = self.priced.method
        return self.priced.ships and (method is None or method.kind != "pickup")


@bp.get("")
def show():
    """Show what the basket costs a new member, and the form."""
    if layout.visitor():
        return redirect(url_for("store.checkout.show"))
    return joining_page(JoinForm(formdata=None), seen_now(request.args.get("method")))


@bp.post("")
def create():
    """Make a member, place the order and go and pay for it. Sent again, it leads to the same order."""
    if layout.visitor():
        return _to_their_order(JoinForm())
    form = JoinForm()
    seen = seen_now(form.method.data)
    if "look" in request.form:
        return joining_page(form, seen)
    if not seen.needs_address:
        form.ask_no_address()
    if not form.validate_on_submit():
        return joining_page(form, seen, refused=True)
    try:
        placed = done_once(
            checkout.join,
            newcomer(form),
            basket_token=session.get("basket", ""),
            key=form.key.data,
            shown=form.shown.data,
            earns_shown=whole(form.earns.data) or 0,
            terms=layout.terms(),
            cashier=current_app.extensions["cashier"] is not None,
            address=form.lines if seen.needs_address else None,
            method_key=form.method.data,
            at=now(),
        )
        if placed is None:
            return _known(form)
    except people.WeakPassword as weak:
        form.refuse(weak, at="password")
    except KnownEmail as known:
        session["registering"] = form.email.data
        form.refuse(known, at="email")
    except Refusal as refusal:
        return joining_page(form, seen_now(form.method.data), refusal=refusal)
    else:
        member_id, order = placed
        let_member_in(member_id)
        session.pop("basket", None)
        return go_and_pay(order)
    return joining_page(form, seen, refused=True)


def seen_now(method_key: str | None) -> Seen:
    """Price this browser's basket for somebody on the lowest level who has no points. Three statements."""
    terms, at = layout.terms(), now()
    level = terms.level(1)
    viewer = catalogue.Viewer(level.rank, None, 0, level.early_access_hours)
    with reading():
        basket = checkout.basket_of(layout.basket_owner())
        priced = checkout.price(basket, viewer=viewer, level=level, terms=terms, method_key=method_key, at=at)
    return Seen(basket, priced, level)


def joining_page(form: JoinForm, seen: Seen, *, refusal: Refusal | None = None, refused: bool = False):
    """Render the form under what it is about: 422 with everything typed when refused, 429 after too many tries."""
    if not seen.basket.lines:
        return basket_page(refusal=refusal) if refusal else redirect(url_for("store.basket.show"), 303)
    g.private = True
    terms, priced = layout.terms(), seen.priced
    with reading():
        earned = checkout.will_earn(priced.quote, layout.campaigns(), level=seen.level, terms=terms, at=now())
        stamps = coming_with(priced.quote, rank=seen.level.rank, at=now(), mine=False)
    # What is shown now is what may be agreed to.
    form.key.data, form.shown.data = seen.basket.key, priced.quote.fingerprint
    form.earns.data = str(earned.points)
    page = render_template(
        "store/joining/show.html",
        form=form,
        priced=priced,
        quote=priced.quote,
        lines=lines_of(priced),
        ways=priced.ways if priced.ships else (),
        method=priced.method,
        needs_address=seen.needs_address,
        parcel=PARCEL,
        level=seen.level,
        earned=earned,
        stamps=stamps,
        terms=terms,
        takes_cash=current_app.extensions["cashier"] is not None,
        refusal=refusal,
    )
    return page, 429 if isinstance(refusal, people.TooManyTries) else 422 if refusal or refused else 200


def _known(form: JoinForm) -> Response:
    """Answer someone who is a member already: with their password they are let in. Raises KnownEmail, TooManyTries."""
    try:
        known = check_password("member", people.read_email(form.email.data), form.password.data)
        assert known.person_id is not None
        let_member_in(known.person_id, known=known, language=known.language)
    except people.WrongPassword:
        raise KnownEmail from None
    layout.bring_basket(known.person_id)
    lately.bring(known.person_id)
    return _to_their_order(form)


def _to_their_order(form: JoinForm) -> Response:
    """Lead a member to the order this form was placed as before; if it was not, to the checkout.

    Where the form now asks for another address or delivery, the order's page says that it was placed with the first.
    """
    with reading():
        order = checkout.placed_as(form.key.data or "", member_id=me())
    if order is None:
        flash(_("You are a member already, and signed in. Look at the total once more, then place the order."), "info")
        return redirect(url_for("store.checkout.show"), 303)
    address = asdict(form.lines) if order.address else None
    if checkout.asked_otherwise(order, address=address, method_key=form.method.data, terms=layout.terms()):
        number = checkout.number_of(order.id)
        flash(words_of(checkout.PlacedOtherwise(number=number)), "warn")
        return redirect(url_for("store.orders.show", number=number), 303)
    return go_and_pay(order)
