"""Invitations of the demo: friends of Mei who joined by her link, and one that looks as if she had invited herself."""

from datetime import datetime

from mall.base.clock import now
from mall.base.db import transaction
from mall.domain import earning

from .story import Story

INVITER = "mei"
# Of the others who join once Mei has, these come by her link: the first, the fourth ...; the last in her own browser.
FRIENDS, SUSPECT = (1, 4, 9, 15), 15
VISITORS = 4


def invited(story: Story) -> earning.Invited | None:
    """Return by whose invitation the next member joins, if by one."""
    inviter = next((shopper for shopper in story.members if shopper.name == INVITER), None)
    if inviter is None:
        return None
    came_later = len(story.members) - story.members.index(inviter)
    if came_later not in FRIENDS:
        return None
    with transaction():
        code = earning.make_code(inviter.member_id, at=now())
    return earning.Invited(code, same_browser=came_later == SUSPECT)


def share_items(story: Story, product_ids: list[int], *, at: datetime) -> None:
    """Let Mei share two items, by whose links a few visitors came today."""
    inviter = next(shopper for shopper in story.members if shopper.name == INVITER)
    for number, product_id in enumerate(product_ids):
        with transaction():
            code = earning.share(inviter.member_id, product_id, at=at)
            shared = earning.shared_by(code)
            assert shared is not None
            for visitor in range(VISITORS - 2 * number):
                name = f"demo-{number}-{visitor}"
                earning.note_share_visit(shared, visitor=name, network=name, terms=story.terms, at=at)
