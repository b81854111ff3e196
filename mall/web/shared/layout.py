"""What every page's frame shows: the shop, who is signed in, and links to pages that exist."""

import secrets
from typing import Any

from flask import Flask, current_app, g, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup
from msgspec import Struct, field
from sqlalchemy.exc import SQLAlchemyError

from mall.base.clock import now
from mall.base.db import again, reading, transaction
from mall.domain import catalogue, checkout, earning, insight, programme

from . import quick, visit
from .addresses import link as link
from .kept import kept
from .texts import language, local, money_words, number

# What a shop is called and how it counts before it is set up.
UNNAMED = programme.terms_of(0, programme.default_settings(shop_name={"en": "Points mall", "zh": "积分商城"}))


class Shop(Struct, frozen=True):
    """The shop as a page's frame shows it. `worth` and `earning` are the sentences with the rates."""

    name: str
    worth: str
    earning: str
    support_email: str
    currency: str
    zone: str


class Visitor(Struct, frozen=True):
    """Who is signed in, as a page's frame shows them. None: not known, or not theirs to have."""

    name: str
    is_staff: bool
    roles: frozenset[str] = field(default_factory=frozenset)
    verified: bool = True
    points_ready: int | None = None
    level_rank: int | None = None
    level_name: str | None = None
    basket_count: int | None = None
    unread_count: int = 0


def prepare(app: Flask) -> None:
    """Give every template `me`, `shop` and `request_id`."""
    app.jinja_env.globals["csrf_token"] = quick.csrf_token
    app.extensions["shop_terms"] = shop  # Whoever writes or reads a time or an amount asks for it, whenever that is.

    @app.context_processor
    def frame() -> dict[str, Any]:
        return {
            "me": visitor(),
            "shop": shop(),
            "basket_count": basket_count(),
            "csrf_token": quick.csrf_token,
            "levels": len(terms().levels),
            "request_id": g.get("request_id", ""),
            "part": part,
        }


def strip() -> insight.Strip:
    """Return what the frame shows of this visitor, asked once a request, with one statement at most."""
    return visit.strip()


def terms() -> programme.Programme:
    """Return the programme in force, asked once a request; before set-up one without a name of its own."""
    try:
        return g.shop
    except AttributeError:  # The first time in this request; a page asks a dozen times.
        version = strip().version
        g.shop = UNNAMED if version is None else programme.known_version(version) or _read_version(version)
        return g.shop


def _read_version(number: int) -> programme.Programme:
    with reading():
        return programme.version(number)


def campaigns() -> tuple[earning.Campaign, ...]:
    """Return the campaigns that run or will, inside a reading(): no statement unless they have changed."""
    return earning.running(strip().campaign_mark, at=now())


def stamp_cards() -> tuple[earning.OpenCard, ...]:
    """Return the stamp cards that run or will, inside a reading(): no statement unless they have changed."""
    return earning.open_cards(strip().card_mark, at=now())


def stamp_standings() -> dict[int, earning.Standing]:
    """Return how this member stands with those cards, inside a reading(): no statement unless that has changed.

    Empty for who has no stamps, and for visitors.
    """
    seen, person = strip(), visit.who()
    if person is None or not seen.last_stamp:
        return {}
    ids = [each.card.id for each in stamp_cards()]
    key = ("stamps", person.id, seen.last_stamp, seen.card_mark)
    return kept(key, lambda: earning.standings_of(person.id, ids), at=now())


def viewer() -> catalogue.Viewer:
    """Return who looks at the shelves, as the catalogue takes it."""
    person = visit.who()
    if person is None or person.kind != "member":
        return catalogue.ANYBODY
    seen = strip()
    level = terms().level(seen.rank)
    return catalogue.Viewer(level.rank, person.id, seen.ready_points, level.early_access_hours)


def basket_owner() -> checkout.Owner:
    """Return whose basket this is: the member's, or this browser's, which gets a token when it has none."""
    if current_user.is_authenticated and current_user.kind == "member":
        return checkout.Owner(member_id=current_user.id)
    if "basket" not in session:
        session["basket"] = secrets.token_urlsafe(24)
    return checkout.Owner(token=session["basket"])


def bring_basket(member_id: int) -> None:
    """Bring what this browser put in its basket before signing in into the member's."""
    token = session.pop("basket", None)
    if token is None:
        return

    def unit() -> None:
        with transaction():
            checkout.merge(token, member_id, at=now())

    again(unit)


def part(name: str) -> Markup:
    """Return a part of the frame, made once for all to whom it looks the same."""
    signed_in = visitor() is not None

    def made() -> Markup:
        template = current_app.jinja_env.get_or_select_template(f"shared/_{name}.html")
        return Markup(template.render(shop=shop(), signed_in=signed_in))

    try:
        alike: tuple[Any, ...] | None = g.frame_alike
    except AttributeError:  # The first part of this page; there are three.
        root = request.environ.get("SCRIPT_NAME", "")
        searched = request.args.get("q")  # It stands in the search box, and is rarely the same.
        alike = None if searched else (language(), request.blueprint, signed_in, terms().version, root)
        g.frame_alike = alike
    return made() if alike is None else kept((name, alike), made, at=now())


def shop() -> Shop:
    """Return what the frame says of the shop. The frame of a problem page stands even without a database."""
    try:
        found = terms()
    except SQLAlchemyError:
        g.shop = found = UNNAMED
    return kept(("shop", found.version, language()), lambda: _shop_as(found), at=now())


def _shop_as(found: programme.Programme) -> Shop:
    return Shop(
        name=local(found.shop_name),
        worth=_(
            "%(points)s points are worth %(money)s",
            points=number(found.worth_points),
            money=money_words(found.worth_cents),
        ),
        earning=_(
            "%(points)s points for every %(money)s you spend",
            points=number(found.earn_points),
            money=money_words(found.earn_per_cents),
        ),
        support_email=found.support_email,
        currency=found.currency,
        zone=found.zone,
    )


def visitor() -> Visitor | None:
    """Return who is signed in at this face, or None; found out once a request."""
    try:
        return g.visitor
    except AttributeError:
        g.visitor = _visitor()
        return g.visitor


def _visitor() -> Visitor | None:
    try:
        person = visit.who()
        if person is None:
            return None
        if person.kind == "staff":
            return Visitor(name=person.name, is_staff=True, roles=person.roles)
        seen = strip()
    except SQLAlchemyError:
        return None
    level = terms().level(seen.rank)
    return Visitor(
        name=person.name,
        is_staff=False,
        verified=person.verified,
        points_ready=seen.ready_points,
        level_rank=level.rank,
        level_name=local(level.name),
        basket_count=seen.basket_count,
        unread_count=seen.unread_count,
    )


def basket_count() -> int:
    """Return how many pieces are in this visitor's basket."""
    try:
        return strip().basket_count
    except SQLAlchemyError:
        return 0


def public_link(endpoint: str, **values: Any) -> str:
    """Return an address to put in a mail: under the configured host, whatever the request's Host header says."""
    return current_app.config["PUBLIC_URL"] + url_for(endpoint, **values)
