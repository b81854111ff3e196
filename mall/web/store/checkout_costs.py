"""What a basket costs by what is asked for at checkout, and what else there is to choose."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from msgspec import Struct

from mall.base.db import reading
from mall.domain import checkout, ledger, people, programme
from mall.web.shared import layout
from mall.web.shared.coupons import terms_words, worth_words
from mall.web.shared.signing_in import me
from mall.web.shared.texts import language, money_words, number

from .addresses import countries
from .basket import lines_of
from .checkout_asked import Asked
from .stamps import coming_with


class Costs(Struct, frozen=True):
    """What a basket costs now, and what it is counted by. `soon` are the points that expire first: (last day, points);
    `earned` and `stamps` are what the order will bring.
    """

    basket: checkout.BasketNow
    priced: checkout.Priced
    switch: checkout.Switch
    terms: programme.Programme
    level: programme.Level
    ready: int
    addresses: Sequence[Any]
    soon: tuple[date, int] | None
    earned: checkout.WillEarn
    stamps: list[tuple[dict[str, str], str]]


def counted(asked: Asked, *, at: datetime) -> Costs:
    """Count what the member's basket costs by what is asked for, as far as it goes."""
    terms, viewer = layout.terms(), layout.viewer()
    level, ready = terms.level(viewer.rank), viewer.ready_points or 0
    with reading():
        basket = checkout.basket_of(checkout.Owner(member_id=me()))
        priced = _priced(basket, asked, ready=ready, at=at)
        addresses = people.addresses_of(me()) if priced.ships else []
        expiring = ledger.expiring(me(), at=at)
        earned = checkout.will_earn(priced.quote, layout.campaigns(), level=level, terms=terms, at=at)
        stamps = coming_with(priced.quote, rank=level.rank, at=at, mine=True)
    soon = expiring[0] if expiring else None
    switch = checkout.switch_for(
        priced.quote,
        rules=checkout.rules_of(terms, level),
        ready_points=ready,
        expiring_points=soon[1] if soon else 0,
    )
    return Costs(basket, priced, switch, terms, level, ready, addresses, soon, earned, stamps)


def costs_shown(costs: Costs, asked: Asked) -> dict[str, Any]:
    """Return what the page shows of the costs, and the choices it offers."""
    priced, quote = costs.priced, costs.priced.quote
    return {
        "priced": priced,
        "quote": quote,
        "lines": lines_of(priced),
        "basket": costs.basket,
        "ways": priced.ways if priced.ships else (),
        "method": priced.method,
        "addresses": costs.addresses,
        "countries": dict(countries(language())),
        "chosen_address": _chosen_address(costs.addresses, asked),
        **_points_choices(costs),
        **_coupon_choices(priced, asked, costs.terms),
        "level": costs.level,
        "ready": costs.ready,
        "left": costs.ready - quote.points,
        "earned": costs.earned,
        "stamps": costs.stamps,
        "terms": costs.terms,
    }


def _points_choices(costs: Costs) -> dict[str, Any]:
    """Return the points switch with its ready choices, and which points go first."""
    switch, soon, points = costs.switch, costs.soon, costs.priced.quote.points
    return {
        "switch": switch,
        "presets": [
            {"label": _preset_words(preset.name), "points": preset.points, "cents": preset.cents}
            for preset in switch.presets
        ],
        "why_limited": _why_limited(switch, costs.terms),
        "first_to_go": (soon[0], min(soon[1], points)) if soon and points else None,
    }


def _priced(basket: checkout.BasketNow, asked: Asked, *, ready: int, at: datetime) -> checkout.Priced:
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


def _coupon_choices(priced: checkout.Priced, asked: Asked, terms: programme.Programme) -> dict[str, Any]:
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


def _why_limited(switch: checkout.Switch, terms: programme.Programme) -> str:
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


def _chosen_address(addresses: Sequence[Any], asked: Asked) -> int | None:
    known = {str(address.id): address.id for address in addresses}
    default = next((address.id for address in addresses if address.is_default), None)
    return known.get(asked.address, default)
