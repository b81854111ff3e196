"""A membership in the demo: VIP for a year, that Omar has, and that another member gave back after some days."""

from datetime import timedelta

from mall.base.clock import moved_to, now
from mall.base.db import reading, transaction
from mall.domain import aftersales, catalogue, membership

from . import buying
from .cast import STARS
from .story import Shopper, Story

KEEPER = "omar"
BOUGHT, GIVEN_BACK = timedelta(days=6), timedelta(days=2)


def sell(story: Story, variants: dict[int, dict[str, catalogue.Price]]) -> None:
    """Let two members buy a membership some days ago, and one of them give it back."""
    keeper = next(shopper for shopper in story.members if shopper.name == KEEPER)
    stars = {star.slug for star in STARS}
    leaver = min(
        (shopper for shopper in story.members if shopper.name not in stars), key=lambda shopper: shopper.member_id
    )
    with moved_to(story.end - BOUGHT):
        buy(story, keeper, variants)
        order_id = buy(story, leaver, variants)
    with moved_to(story.end - GIVEN_BACK), transaction():
        aftersales.refund(
            order_id,
            reason=aftersales.PLAN_ENDED,
            restock=False,
            pieces={1: 1},
            by=f"member:{leaver.member_id}",
            terms=story.terms,
            at=now(),
        )


def buy(story: Story, shopper: Shopper, variants: dict[int, dict[str, catalogue.Price]]) -> int:
    """Buy the membership in cash. Returns the order's id."""
    [(variant_id, prices)] = variants.items()
    with reading():
        level = membership.standing(shopper.member_id, terms=story.terms, at=now()).level
    order = buying.place(story, shopper, [(variant_id, prices["cash"], 0, 1)], 0, level)
    story.placed += 1
    buying.settle(story, order, "paid")
    return int(order.id)
