"""What stands around an item on its page: what it brings and gives, where its member stands, what else there is."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from msgspec import Struct

from mall.domain import catalogue, checkout, coupons, earning, interest, membership, programme
from mall.web.shared import layout
from mall.web.shared.benefits import benefits_of
from mall.web.shared.coupons import terms_words, worth_words
from mall.web.shared.level_words import length_words

from .item_choosing import Choosing
from .stamps import filling_words

ON_A_SHELF = 3


class Around(Struct, frozen=True):
    """What is read for an item's page beside the item itself.

    `more` are other items: like it, or for who may not have it yet ones that they may. `waits` are the variants that
    the member is to be told of.
    """

    standing: membership.Standing | None
    more: list[catalogue.Card]
    campaign: earning.Campaign | None
    cards: Iterable[earning.OpenCard]
    card_standings: Mapping[int, earning.Standing]
    contents: list[dict[str, Any]]
    gives: dict[str, Any] | None
    waits: set[int]


def read_around(item: catalogue.Item, viewer: catalogue.Viewer, *, terms: programme.Programme, at: datetime) -> Around:
    """Read what belongs around an item, inside a reading()."""
    product, member_id = item.product, viewer.member_id
    gives = level_given(product)
    earns = product.kind != catalogue.MEMBERSHIP
    standing = None
    if member_id is not None and (gives is not None or item.gate.required_rank is not None):
        standing = membership.standing(member_id, terms=terms, at=at)
    cards = layout.stamp_cards() if earns else ()
    sold_out = any(variant.sold_out for variant in item.variants)
    return Around(
        standing=standing,
        more=_more(item, viewer, terms=terms, at=at),
        campaign=campaign_for(item, viewer, at=at) if earns else None,
        cards=cards,
        card_standings=layout.stamp_standings() if cards else {},
        contents=contents_of(product.id, at=at) if product.kind == "coupon" else [],
        gives=gives,
        waits=interest.waits_for(member_id) if member_id is not None and sold_out else set(),
    )


def _more(
    item: catalogue.Item, viewer: catalogue.Viewer, *, terms: programme.Programme, at: datetime
) -> list[catalogue.Card]:
    gated = not item.gate.is_open
    wishes = catalogue.Wishes(
        category=None if gated else item.product.category_slug,
        affordable=gated and viewer.member_id is not None,
        my_level=gated,
        in_stock=True,
    )
    found = catalogue.shelf(viewer, wishes, terms=terms, at=at, limit=ON_A_SHELF + 1)
    return [card for card in found if card.id != item.product.id][:ON_A_SHELF]


def campaign_for(item: catalogue.Item, viewer: catalogue.Viewer, *, at: Any) -> earning.Campaign | None:
    """Return the campaign that an item is in now for this viewer, who is a new member where they are none, or None."""
    products = {item.product.id: item.categories}
    return earning.best_of(layout.campaigns(), products, rank=max(viewer.rank, 1), at=at).get(item.product.id)


def stamps_for(
    item: catalogue.Item, chosen: Choosing, beside: Around, *, mine: checkout.PieceFor, at: datetime
) -> list[tuple[earning.Filling, str]]:
    """Return the stamp cards that a piece of what is chosen fills in cash, each with the sentences that say so."""
    cents = [mine.cents(each.cash_cents, form=each.form) for each in chosen.variant.choices]
    found = earning.filled_by(
        beside.cards,
        item.product.id,
        item.categories,
        most_cents=max(cents),
        standings=beside.card_standings,
        rank=mine.level.rank,
        at=at,
    )
    return [(each, filling_words(each, mine=layout.viewer().member_id is not None)) for each in found]


def contents_of(product_id: int, *, at: Any) -> list[dict[str, Any]]:
    """Return the coupons that a piece of an item gives now: how many, what they take off, on what terms."""
    gives = coupons.sold_by([product_id], at=at)
    terms = layout.terms()
    return [
        {
            "row": each,
            "worth": " ".join(worth_words(each)),
            "terms": ", ".join(terms_words(each, terms)),
        }
        for contents in coupons.contents_of(gives.values()).values()
        for each in contents
    ]


def level_given(product: Any) -> dict[str, Any] | None:
    """Return what a membership gives: the level, for how long, and what that brings; None for any other item."""
    terms = layout.terms()
    level = next((each for each in terms.levels if each.key == product.plan_level), None)
    if level is None:
        return None
    by_growth = (_("Growth to reach it"), _("On reaching it, once"))  # Neither is paid for.
    rows = [row for row in benefits_of(terms) if row["name"] not in by_growth]
    brings = [(row["name"], row["cells"][level.rank - 1]) for row in rows]
    return {
        "level": level,
        "length": length_words(product.plan_length, product.plan_unit),
        "least": terms.membership_least_days,
        "return_days": terms.return_window_days,
        "brings": [(name, cell) for name, cell in brings if cell is not None],
    }
