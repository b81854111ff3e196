"""Invitations of the demo: friends of Mei who joined by her link, and one that looks as if she had invited herself."""

from mall.base.clock import now
from mall.base.db import transaction
from mall.domain import earning

from .story import Story

INVITER = "mei"
# Of the others who join once Mei has, these come by her link: the first, the fourth ...; the last in her own browser.
FRIENDS, SUSPECT = (1, 4, 9, 15), 15


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
