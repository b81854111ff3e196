"""The last day of the demo: what members and the desk have left just now, so that every page shows something."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mall import worker
from mall.base.db import transaction
from mall.domain import programme

from . import colleagues, facets
from .cast import ADMIN, OPERATOR
from .consulting import consult
from .coupons import give_coupons
from .interests import show_interest
from .invitations import share_items
from .levels import grant_levels
from .story import Story


def spend_last_day(story: Story, stocked: Sequence[Any], *, tea: int) -> None:
    """Do what is done on the last day. `stocked` are all shelves, the last two of a pack of coupons and a voucher."""
    terms, at = story.terms, story.end
    member_of = {shopper.name: shopper.member_id for shopper in story.members}
    kinds = give_coupons(
        member_of,
        tea=tea,
        candle=next(shelf.product_id for shelf in stocked if shelf.goods.art.startswith("candle-ivory")),
        voucher=stocked[-1].product_id,
        pack=stocked[-2].product_id,
        terms=terms,
        by=OPERATOR,
        at=at,
    )
    colleagues.give_from_file(kinds["parcel"], terms=terms, by=ADMIN, at=at)
    by_art = {shelf.goods.art.removesuffix(".svg"): shelf.product_id for shelf in stocked}
    show_interest(member_of, by_art, terms=terms, by=OPERATOR, at=at)
    worker.reward_invitations(at)
    grant_levels(member_of["wei"], min(member_of.values()), terms=terms, by=OPERATOR, at=at)
    consult(member_of, [shelf.product_id for shelf in stocked[:3]], terms=terms, by=OPERATOR, at=at)
    facets.ask(story.members, terms=terms, by=OPERATOR, at=at)
    share_items(story, [shelf.product_id for shelf in stocked[:2]], at=at)
    try_levels(terms, by=ADMIN, at=at)
    worker.tell_of_points(at)
    worker.tell_of_coupons(at)
    worker.look_around(at)


def try_levels(terms: programme.Programme, *, by: str, at: datetime) -> None:
    """Leave a draft of levels to be tried: Senior nearer, VIP kept by less, and SVIP dearer."""
    settings = programme.settings_of(terms)
    figures: dict[str, dict[str, int]] = {
        "senior": {"reach": 1_000, "keep": 900},
        "vip": {"keep": 4_000, "multiplier_percent": 160},
        "svip": {"reach": 18_000, "keep": 18_000},
    }
    settings["levels"] = [level | figures.get(level["key"], {}) for level in settings["levels"]]
    with transaction():
        programme.sketch(
            settings,
            based_on=terms.version,
            effective_from=at,
            by=by,
            at=at,
            reason="More Seniors, and VIP is kept more easily",
        )
