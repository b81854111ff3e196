"""What every page's frame shows: the shop, who is signed in, and links to pages that exist."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Flask, current_app, g, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.routing import BuildError

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import ledger, programme

from .texts import local, money_words, number

# What a shop is called and how it counts before it is set up.
UNNAMED = programme.terms_of(0, programme.default_settings(shop_name={"en": "Points mall", "zh": "积分商城"}))


@dataclass(frozen=True)
class Shop:
    """The shop as a page's frame shows it. `worth` is the sentence with the rate."""

    name: str
    worth: str
    support_email: str
    currency: str
    zone: str


@dataclass(frozen=True)
class Visitor:
    """Who is signed in, as a page's frame shows them. None: not known, or not theirs to have."""

    name: str
    is_staff: bool
    roles: frozenset[str] = field(default_factory=frozenset)
    verified: bool = True
    points_ready: int | None = None
    level_rank: int | None = None
    level_name: str | None = None
    basket_count: int | None = None


def prepare(app: Flask) -> None:
    """Give every template `me`, `shop`, `request_id` and `link(endpoint)`."""

    @app.context_processor
    def frame() -> dict[str, Any]:
        return {"me": visitor(), "shop": shop(), "request_id": g.get("request_id", ""), "link": link}


def terms(at: datetime | None = None) -> programme.Programme:
    """Return the programme in force, asked once a request; before set-up one without a name of its own."""
    if "shop" not in g:
        try:
            with reading():
                g.shop = programme.current(at or now())
        except programme.NoProgramme:
            g.shop = UNNAMED
    return g.shop


def shop() -> Shop:
    """Return what the frame says of the shop. The frame of a problem page stands even without a database."""
    try:
        found = terms()
    except SQLAlchemyError:
        g.shop = found = UNNAMED
    return Shop(
        name=local(found.shop_name),
        worth=_("%(points)s points are worth %(money)s", points=number(found.worth_points), money=_worth(found)),
        support_email=found.support_email,
        currency=found.currency,
        zone=found.zone,
    )


def visitor() -> Visitor | None:
    """Return who is signed in at this face, or None."""
    try:
        if not current_user.is_authenticated:
            return None
        if current_user.kind == "staff":
            return Visitor(name=current_user.name, is_staff=True, roles=current_user.roles)
        with reading():
            ready = ledger.spendable(current_user.id, at=now())
    except SQLAlchemyError:
        return None
    return Visitor(name=current_user.name, is_staff=False, verified=current_user.verified, points_ready=ready)


def link(endpoint: str, **values: Any) -> str | None:
    """Return the address of a page, or None while there is no such page."""
    try:
        return url_for(endpoint, **values)
    except BuildError:
        return None


def public_link(endpoint: str, **values: Any) -> str:
    """Return an address to put in a mail: under the configured host, whatever the request's Host header says."""
    return current_app.config["PUBLIC_URL"] + url_for(endpoint, **values)


def _worth(found: programme.Programme) -> str:
    return money_words(found.worth_cents)
