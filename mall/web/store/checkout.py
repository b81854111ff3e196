"""Checkout: address, delivery, points or cash, the total - and one button that names what it does."""

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from mall.base.cashier import CashierRefused, CashierUnreachable
from mall.base.clock import now
from mall.base.db import again, reading, transaction
from mall.base.errors import Refusal
from mall.domain import checkout, earning, ledger, people
from mall.web.shared import layout
from mall.web.shared.forms import words_of
from mall.web.shared.signing_in import me, members_only, person

bp = Blueprint("checkout", __name__, url_prefix="/checkout")
bp.before_request(members_only)

MOST_DIGITS = 11


@bp.get("")
def show():
    """Show what the basket costs, and the choices."""
    return checkout_page(points=_points())


@bp.post("")
def create():
    """Place the order, then go and pay for it. The buttons that only change the choices show the page again."""
    if "points_to" in request.form or "look" in request.form:
        return checkout_page(points=_points(), typed=request.form)
    terms = layout.terms()
    key, shown, points = request.form.get("key", ""), request.form.get("shown", ""), _points()

    def unit() -> Any:
        with transaction():
            return checkout.place(
                me(),
                key=key,
                shown=shown,
                points_offered=points,
                terms=terms,
                verified=person().verified,
                cashier=current_app.extensions["cashier"] is not None,
                address=_address(),
                method_key=request.form.get("method"),
                at=now(),
            )

    try:
        order = again(unit)
    except Refusal as refusal:
        return checkout_page(points=points, typed=request.form, refusal=refusal)
    number = checkout.number_of(order.id)
    if order.state != checkout.AWAITING:
        return redirect(url_for("store.orders.show", number=number))
    try:
        return redirect(
            checkout.open_page(
                order.id, cashier=current_app.extensions["cashier"], site=current_app.config["PUBLIC_URL"]
            ),
            303,
        )
    except (CashierUnreachable, CashierRefused) as refusal:
        flash(words_of(refusal), "warn")
        return redirect(url_for("store.orders.show", number=number))


def checkout_page(*, points: int, typed: Any = None, refusal: Refusal | None = None):
    """Render the checkout with everything that was typed. With a refusal the answer is 422, and says it."""
    terms, viewer, at = layout.terms(), layout.viewer(), now()
    level = terms.level(viewer.rank)
    chosen_method = (typed or request.args).get("method")
    with reading():
        basket = checkout.basket_of(checkout.Owner(member_id=me()))
        priced = checkout.price(
            basket,
            viewer=viewer,
            level=level,
            terms=terms,
            points_offered=min(points, viewer.ready_points or 0),
            method_key=chosen_method,
            at=at,
        )
        addresses = people.addresses_of(me()) if priced.ships else []
        expiring = ledger.expiring(me(), at=at)
    if not basket.lines:
        return redirect(url_for("store.basket.show"))
    quote = priced.quote
    soon = expiring[0] if expiring else None
    switch = checkout.switch_for(
        quote,
        rules=checkout.rules_of(terms, level),
        ready_points=viewer.ready_points or 0,
        expiring_points=soon[1] if soon else 0,
    )
    page = render_template(
        "store/checkout/show.html",
        priced=priced,
        quote=quote,
        basket=basket,
        switch=switch,
        presets=[
            {"label": _preset_words(preset.name), "points": preset.points, "cents": preset.cents}
            for preset in switch.presets
        ],
        asked=points,
        soon=soon,
        addresses=addresses,
        chosen_address=_chosen_address(addresses, typed),
        methods=terms.shipping_methods if priced.ships else (),
        method=priced.method,
        ready=viewer.ready_points or 0,
        left=(viewer.ready_points or 0) - quote.points,
        earned=earning.preview(quote.goods_cents, terms=terms, level=level),
        window_days=terms.return_window_days,
        pay_minutes=terms.pay_within_minutes,
        cap_percent=terms.points_cap_percent,
        cashier=current_app.extensions["cashier"] is not None,
        verified=person().verified,
        refusal=refusal,
    )
    return page, 422 if refusal else 200


def _preset_words(name: str) -> str:
    return {
        "none": _("No points"),
        "half": _("Half"),
        "most": _("The most"),
        "expiring": _("Only the expiring"),
    }[name]


def _points() -> int:
    """Read how many points are to be used: a button's number, else the typed one, else none."""
    typed = (request.values.get("points_to") or request.values.get("points") or "0").strip().replace(",", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < MOST_DIGITS else 0


def _chosen_address(addresses: list[Any], typed: Any) -> int | None:
    chosen = (typed or request.args).get("address", "")
    known = {str(address.id): address.id for address in addresses}
    default = next((address.id for address in addresses if address.is_default), None)
    return known.get(chosen, default)


def _address() -> dict[str, str] | None:
    """Return the chosen address as an order keeps it; another member's is not there."""
    chosen = request.form.get("address", "")
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) < 19):
        return None
    address = people.address_of(me(), int(chosen))
    names = ("recipient", "line1", "line2", "postcode", "city", "region", "country", "phone")
    return {name: getattr(address, name) for name in names}
