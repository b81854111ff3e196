"""My stamp cards: how full each is, what a full one gives, the full ones there were, and what came and went."""

from datetime import datetime
from typing import Any

from flask import Blueprint, render_template
from flask_babel import gettext as _
from flask_babel import ngettext
from msgspec import Struct

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import catalogue, checkout, earning
from mall.web.shared import layout
from mall.web.shared.coupons import standing_of
from mall.web.shared.moves import order_number
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.signing_in import me, members_only
from mall.web.shared.texts import day_words, local, money_words, number

bp = Blueprint("stamps", __name__, url_prefix="/member/stamps")
bp.before_request(members_only)

PER_PAGE = 20
MOST_ITEMS = 6


class Shown(Struct, frozen=True):
    """A stamp card as a member reads it; `about` are the things it is for: (title, address), none where all are."""

    card: earning.MemberCard
    title: dict[str, str]
    needed: int
    filled: int
    count: str
    rule: str
    state: str
    about: tuple[tuple[str, dict[str, Any]], ...] = ()


@bp.get("")
def index() -> str:
    """Show the member's stamp cards, those that run first, and their history."""
    at, page = now(), page_number()
    viewer = layout.viewer()
    with reading():
        cards = earning.cards_seen(me(), rank=max(viewer.rank, 1), at=at)
        scopes = earning.scopes_of_cards([each.card.id for each in cards if each.scope != "all"])
        products = tuple({row.product_id for rows in scopes.values() for row in rows if row.product_id})
        wishes = catalogue.Wishes(ids=products)
        found = catalogue.shelf(viewer, wishes, terms=layout.terms(), at=at, limit=len(products)) if products else []
        full = earning.full_cards_of(me())
        moves, total = earning.stamps_of(me(), page=page, per_page=PER_PAGE)
    items = {card.id: card for card in found}
    return render_template(
        "store/stamps/index.html",
        cards=[shown(each, about=about_of(scopes.get(each.card.id, ()), items)) for each in cards],
        full=[(row, coupon_note(row, at=at)) for row in full],
        moves=[(row, order_number(row.reference)) for row in moves],
        page=page,
        pages=pages_of(total, PER_PAGE),
        total=total,
        per_page=PER_PAGE,
    )


def shown(each: earning.MemberCard, *, about: Any = ()) -> Shown:
    """Return a stamp card in words."""
    needed = each.card.stamps_needed
    count = _("%(filled)s of %(needed)s", filled=number(each.filled), needed=number(needed))
    return Shown(each, each.card.title, needed, each.filled, count, rule_words(each), state_words(each), tuple(about))


def rule_words(each: earning.MemberCard) -> str:
    """Return what gives a stamp and what a full card gives, in one sentence each."""
    card, cash = each.card, money_words(each.card.least_cents)
    if card.counts == "order":
        gives = _("Each order that is paid in cash and kept is a stamp.")
        if card.least_cents:
            gives = _("Each order of %(cash)s or more in cash that is kept is a stamp.", cash=cash)
    else:
        gives = _("Each piece that is paid in cash and kept is a stamp.")
        if card.least_cents:
            gives = _("Each piece of %(cash)s or more in cash that is kept is a stamp.", cash=cash)
    full = _("A full card gives “%(coupon)s”.", coupon=local(each.coupon))
    return " ".join((gives, full))


def filling_words(each: earning.Filling, *, mine: bool) -> str:
    """Return what an item does for a stamp card, what a full one gives, and how far a member (`mine`) is."""
    card = each.open.card
    needed, cash = number(card.stamps_needed), money_words(card.least_cents)
    if card.counts == "order" and card.least_cents:
        fills = _("An order of %(cash)s or more in cash fills one of %(needed)s fields.", cash=cash, needed=needed)
    elif card.counts == "order":
        fills = _("An order that is paid in cash fills one of %(needed)s fields.", needed=needed)
    elif card.least_cents:
        fills = _("Each piece of %(cash)s or more in cash fills one of %(needed)s fields.", cash=cash, needed=needed)
    else:
        fills = _("Each piece that is paid in cash fills one of %(needed)s fields.", needed=needed)
    said = [fills, _("A full card gives “%(coupon)s”.", coupon=local(each.open.coupon)), *bound_words(card)]
    if mine:
        said.append(_("You have %(count)s.", count=number(each.has)))
    return " ".join(said)


def bound_words(card: earning.StampCard) -> list[str]:
    """Return, where all members together fill so many cards at most, that it is so: others may have the last."""
    if card.total_limit is None:
        return []
    return [_("All members together can fill %(total)s: the first ones have them.", total=number(card.total_limit))]


def due_words(stamps: int) -> str:
    """Return how many stamps an order brings once it is kept."""
    return ngettext("%(num)s stamp when it is kept.", "%(num)s stamps when it is kept.", stamps)


def given_words(stamps: int, *, went: int) -> str:
    """Return how many stamps an order has brought, and how many of them went back."""
    brought = ngettext("It brought %(num)s stamp.", "It brought %(num)s stamps.", stamps)
    gone = ngettext("%(num)s of them went back.", "%(num)s of them went back.", went) if went else ""
    return f"{brought} {gone}".strip()


def coming_words(each: earning.Filling, *, mine: bool) -> str:
    """Return how many stamps an order will bring, how many a member (`mine`) has, and whether they fill the card."""
    card = each.open.card
    said = [due_words(each.stamps)]
    if mine:
        needed = number(card.stamps_needed)
        said.append(_("You have %(filled)s of %(needed)s.", filled=number(each.has), needed=needed))
    if each.fills:
        full = ngettext(
            "The card is full then, and gives “%(coupon)s”.",
            "%(num)s cards are full then, and each gives “%(coupon)s”.",
            each.fills,
            coupon=local(each.open.coupon),
        )
        said += [full, *bound_words(card)]
    return " ".join(said)


def coming_with(quote: checkout.Quote, *, rank: int, at: datetime, mine: bool) -> list[tuple[dict[str, str], str]]:
    """Return what an order of a quote will bring of stamps, in words, inside a reading(): [(title of a card, words)].

    No statement unless cards, or the member's stamps, have changed.
    """
    if not (cards := layout.stamp_cards()):
        return []
    standings = layout.stamp_standings() if mine else {}
    coming = checkout.will_stamp(quote, cards, standings=standings, rank=rank, at=at)
    return [(each.open.card.title, coming_words(each, mine=mine)) for each in coming]


def state_words(each: earning.MemberCard) -> str:
    """Return how a card stands and until when it runs."""
    day = day_words(each.ends_at)
    if each.owed:
        return ngettext(
            "Goods of a full card went back after its coupon was used: %(num)s stamp makes up for them first.",
            "Goods of a full card went back after its coupon was used: %(num)s stamps make up for them first.",
            each.owed,
        )
    if each.had_all:
        return _("You have filled as many as one member may.")
    if each.used_up:
        return _("All cards there were are full.")
    if not each.runs:
        return _("Over since %(day)s. What was ordered before still counts when it is kept.", day=day)
    left = each.card.stamps_needed - each.filled
    return ngettext("%(num)s stamp to go; until %(day)s", "%(num)s stamps to go; until %(day)s", left, day=day)


def about_of(rows: Any, items: dict[int, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return what a card is for, as this member may see it: categories, and items on their shelves."""
    found = [(local(row.title), {"endpoint": "store.shop.index", "category": row.slug}) for row in rows if row.title]
    seen = [items[row.product_id] for row in rows if row.product_id in items]
    return found + [
        (local(card.title), {"endpoint": "store.item.show", "slug": card.slug}) for card in seen[:MOST_ITEMS]
    ]


def coupon_note(row: Any, *, at: Any) -> str:
    """Return what became of a full card."""
    if row.voided_at is not None:
        return _("Void since %(day)s: goods it was filled with went back", day=day_words(row.voided_at))
    standing = standing_of(row, at=at)
    if standing == "used":
        return _("Coupon used")
    if standing == "revoked":
        return _("Coupon taken back")
    if standing == "expired":
        return _("Coupon ended on %(day)s, not used", day=day_words(row.ends_at))
    return _("Coupon ready to use, until %(day)s", day=day_words(row.ends_at))
