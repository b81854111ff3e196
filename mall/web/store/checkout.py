"""Checkout: address, delivery, points or cash, the total - and one button that names what it does."""

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mall.base.cashier import CashierRefused, CashierUnreachable
from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.domain import checkout, people
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import words_of
from mall.web.shared.numbers import whole
from mall.web.shared.signing_in import me, members_only, person

from .basket import basket_page
from .checkout_asked import Asked, asked_for, kept
from .checkout_costs import costs_shown, counted
from .orders import thank_for

bp = Blueprint("checkout", __name__, url_prefix="/checkout")


@bp.before_request
def locked() -> Response | None:
    """Let members in; a visitor with something in the basket may join on the way."""
    if request.method == "GET" and layout.visitor() is None and layout.basket_count():
        return redirect(url_for("store.joining.show"))
    return members_only()


@bp.get("")
def show():
    """Show what the basket costs, and the choices."""
    return checkout_page(asked_for(request.args))


@bp.post("")
def create():
    """Place the order, then go and pay for it. The buttons that only change the choices lead to the page with them.

    So that whoever comes back from the payment page comes back to a page that can be shown.
    """
    asked = asked_for(request.form)
    if asked.refusal:
        return checkout_page(asked, refusal=asked.refusal)
    if "points_to" in request.form or "look" in request.form:
        return checkout_page(asked, looking=True)
    try:
        order = _place(asked)
    except NotFound:
        raise  # Another's address or basket is not there.
    except Refusal as refusal:
        return checkout_page(asked, refusal=refusal)
    return go_and_pay(order)


def go_and_pay(order: Any) -> Response:
    """Lead to the payment page of an order that waits for cash, else to the order itself."""
    order_page = url_for("store.orders.show", number=checkout.number_of(order.id))
    if order.state != checkout.AWAITING:
        thank_for(order)
        return redirect(order_page, 303)
    try:
        page = checkout.open_page(
            order.id, cashier=current_app.extensions["cashier"], site=current_app.config["PUBLIC_URL"]
        )
    except (CashierUnreachable, CashierRefused) as refusal:
        flash(words_of(refusal), "warn")
        return redirect(order_page, 303)
    return redirect(page, 303)


def checkout_page(asked: Asked, *, refusal: Refusal | None = None, looking: bool = False):
    """Render the checkout with everything that was chosen. With a refusal the answer is 422, and says it.

    `looking`: where nothing is wrong with the choices, lead to their own address instead.
    """
    costs = counted(asked, at=now())
    switch = costs.switch
    if not costs.basket.lines:
        return basket_page(refusal=refusal) if refusal else redirect(url_for("store.basket.show"), 303)
    if refusal is None and asked.points > max(switch.most, switch.used):
        refusal = checkout.TooManyPoints(most=switch.most)
    if looking and refusal is None:
        part = "pay-with" if "points_to" in request.form else None
        return redirect(url_for("store.checkout.show", **kept(asked), _anchor=part), 303)
    page = render_template(
        "store/checkout/show.html",
        asked=asked,
        refusal=refusal,
        at="points" if switch.most and (asked.refusal or asked.points > switch.most) else "",
        here=url_for("store.checkout.show", **kept(asked)),
        takes_cash=current_app.extensions["cashier"] is not None,
        verified=person().verified,
        **costs_shown(costs, asked),
    )
    return page, 422 if refusal else 200


def _place(asked: Asked) -> Any:
    with reading():
        address = _address(asked)
    return done_once(
        checkout.place,
        me(),
        key=request.form.get("key", ""),
        shown=request.form.get("shown", ""),
        points_offered=asked.points,
        terms=layout.terms(),
        verified=person().verified,
        cashier=current_app.extensions["cashier"] is not None,
        address=address,
        method_key=asked.method,
        coupon_ids=asked.coupon_ids,
        earns_shown=whole(request.form.get("earns", "")) or 0,
        at=now(),
    )


def _address(asked: Asked) -> dict[str, str] | None:
    """Return the chosen address as an order keeps it. Raises NotFound: another member's is not there."""
    if not asked.address:
        return None
    address = people.address_of(me(), whole(asked.address) or 0)
    names = ("recipient", "line1", "line2", "postcode", "city", "region", "country", "phone")
    return {name: getattr(address, name) for name in names}
