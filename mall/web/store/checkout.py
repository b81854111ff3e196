"""Checkout: address, delivery, points or cash, the total - and one button that names what it does."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from msgspec import Struct
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from mall.base.cashier import CashierRefused, CashierUnreachable
from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.domain import checkout, ledger, people
from mall.web.shared import layout
from mall.web.shared.coupons import terms_words, worth_words
from mall.web.shared.done import done_once
from mall.web.shared.forms import words_of
from mall.web.shared.numbers import whole
from mall.web.shared.signing_in import me, members_only, person
from mall.web.shared.texts import language, money_words, number

from .addresses import countries
from .basket import basket_page, lines_of
from .orders import thank_for
from .stamps import coming_with

bp = Blueprint("checkout", __name__, url_prefix="/checkout")

CHOICES = ("points", "method", "address", "coupon", "together")
NO_COUPON = "none"
MOST_TOGETHER = 10


@bp.before_request
def locked() -> Response | None:
    """Let members in; a visitor with something in the basket may join on the way."""
    if request.method == "GET" and layout.visitor() is None and layout.basket_count():
        return redirect(url_for("store.joining.show"))
    return members_only()


class NoPointsNumber(Refusal):
    message = N_("Type how many points to use, as a whole number.")


class Asked(Struct, frozen=True):
    """What was chosen and typed so far. `refusal`: the points typed are no number.

    `coupon` is the id of one, or NO_COUPON; "": nothing was chosen yet, and the best is proposed. `together` are the
    ids of those to be used with it.
    """

    points: int
    typed_points: str
    method: str | None
    address: str
    coupon: str
    together: tuple[str, ...]
    refusal: Refusal | None

    @property
    def coupon_ids(self) -> list[int]:
        """The coupons chosen; what is no number stands for one that is not there."""
        if self.coupon in ("", NO_COUPON):
            return []
        return [whole(each) or 0 for each in (self.coupon, *self.together)]


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


def asked_for(values: MultiDict[str, str]) -> Asked:
    """Read the choices of a form or an address. A points button's number goes before the typed one.

    Where what is typed is no number, as many points are asked for as the page used when it was shown.
    """
    typed = (values.get("points_to") or values.get("points") or "0").strip()
    number = whole(typed)
    return Asked(
        points=(whole(values.get("points_used")) or 0) if number is None else number,
        typed_points=typed,
        method=values.get("method"),
        address=values.get("address", ""),
        coupon=values.get("coupon", ""),
        together=tuple(values.getlist("together")[:MOST_TOGETHER]),
        refusal=NoPointsNumber() if number is None else None,
    )


def checkout_page(asked: Asked, *, refusal: Refusal | None = None, looking: bool = False):
    """Render the checkout with everything that was chosen. With a refusal the answer is 422, and says it.

    `looking`: where nothing is wrong with the choices, lead to their own address instead.
    """
    terms, viewer, at = layout.terms(), layout.viewer(), now()
    level, ready = terms.level(viewer.rank), viewer.ready_points or 0
    with reading():
        basket = checkout.basket_of(checkout.Owner(member_id=me()))
        priced = _priced(basket, asked, ready=ready, at=at)
        addresses = people.addresses_of(me()) if priced.ships else []
        expiring = ledger.expiring(me(), at=at)
        earned = checkout.will_earn(priced.quote, layout.campaigns(), level=level, terms=terms, at=at)
        stamps = coming_with(priced.quote, rank=level.rank, at=at, mine=True)
    if not basket.lines:
        if refusal:
            return basket_page(refusal=refusal)
        return redirect(url_for("store.basket.show"), 303)
    quote = priced.quote
    soon = expiring[0] if expiring else None
    switch = checkout.switch_for(
        quote,
        rules=checkout.rules_of(terms, level),
        ready_points=ready,
        expiring_points=soon[1] if soon else 0,
    )
    if refusal is None and asked.points > max(switch.most, switch.used):
        refusal = checkout.TooManyPoints(most=switch.most)
    if looking and refusal is None:
        part = "pay-with" if "points_to" in request.form else None
        return redirect(url_for("store.checkout.show", **_kept(asked), _anchor=part), 303)
    page = render_template(
        "store/checkout/show.html",
        priced=priced,
        quote=quote,
        lines=lines_of(priced),
        basket=basket,
        asked=asked,
        switch=switch,
        presets=[
            {"label": _preset_words(preset.name), "points": preset.points, "cents": preset.cents}
            for preset in switch.presets
        ],
        why_limited=_why_limited(switch, terms),
        first_to_go=(soon[0], min(soon[1], quote.points)) if soon and quote.points else None,
        addresses=addresses,
        countries=dict(countries(language())),
        chosen_address=_chosen_address(addresses, asked),
        here=url_for("store.checkout.show", **_kept(asked)),
        ways=priced.ways if priced.ships else (),
        method=priced.method,
        **_coupon_choices(priced, asked, terms),
        level=level,
        ready=ready,
        left=ready - quote.points,
        earned=earned,
        stamps=stamps,
        terms=terms,
        takes_cash=current_app.extensions["cashier"] is not None,
        verified=person().verified,
        refusal=refusal,
        at="points" if switch.most and (asked.refusal or asked.points > switch.most) else "",
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


def _priced(basket: checkout.BasketNow, asked: Asked, *, ready: int, at: Any) -> checkout.Priced:
    """Price the basket with what was asked for, as far as it goes. Where no coupon was chosen yet, the best is."""
    terms, viewer = layout.terms(), layout.viewer()
    return checkout.price_as_far_as(
        ready,
        basket,
        viewer=viewer,
        level=terms.level(viewer.rank),
        terms=terms,
        points_offered=asked.points,
        method_key=asked.method,
        coupon_ids=asked.coupon_ids if asked.coupon else None,
        propose=layout.strip().coupon_count > 0,
        at=at,
    )


def _coupon_choices(priced: checkout.Priced, asked: Asked, terms: Any) -> dict[str, Any]:
    """Return the member's coupons as the page shows them: those that fit, those to go along, those that do not fit."""
    used = [taken.coupon.id for taken in priced.quote.coupons]
    main = next((id_ for id_ in asked.coupon_ids if id_ in used), used[0] if used else None)
    cards = [
        {
            "id": each.coupon.id,
            "title": each.coupon.title,
            "worth": " ".join(worth_words(each.coupon)),
            "terms": ", ".join(terms_words(each.coupon, terms)),
            "ends_at": each.coupon.ends_at,
            "saves_cents": each.saves_cents,
            "trouble": each.trouble,
            "best": each.best,
            "used": each.coupon.id in used,
            "stacks": each.stacks,
        }
        for each in priced.coupons
    ]
    fit = [card for card in cards if not card["trouble"]]
    return {
        "fitting": [card for card in fit if not card["used"] or card["id"] == main],
        "alongside": [card for card in fit if card["stacks"] and card["id"] != main],
        "unfit": [card for card in cards if card["trouble"]],
        "main_coupon": main,
    }


def _preset_words(name: str) -> str:
    return {
        "none": _("No points"),
        "half": _("Half"),
        "most": _("The most"),
        "expiring": _("Only the expiring"),
    }[name]


def _why_limited(switch: checkout.Switch, terms: Any) -> str:
    if switch.limit == "least":
        return _(
            "Fewer points are taken than asked, because at least %(cash)s must stay for the payment page.",
            cash=money_words(terms.least_cash_cents),
        )
    if switch.limit == "ready":
        return _("%(points)s points are all you have ready beside what the items take.", points=number(switch.most))
    return _(
        "Points pay for up to %(percent)s %% of items bought with cash: here %(points)s points.",
        percent=terms.points_cap_percent,
        points=number(switch.most),
    )


def _kept(asked: Asked) -> dict[str, Any]:
    return {name: value for name in CHOICES if (value := getattr(asked, name))}


def _chosen_address(addresses: Sequence[Any], asked: Asked) -> int | None:
    known = {str(address.id): address.id for address in addresses}
    default = next((address.id for address in addresses if address.is_default), None)
    return known.get(asked.address, default)


def _address(asked: Asked) -> dict[str, str] | None:
    """Return the chosen address as an order keeps it. Raises NotFound: another member's is not there."""
    if not asked.address:
        return None
    address = people.address_of(me(), whole(asked.address) or 0)
    names = ("recipient", "line1", "line2", "postcode", "city", "region", "country", "phone")
    return {name: getattr(address, name) for name in names}
