"""A year of days: members join, buy, redeem, return; parcels leave and arrive; the nights do their rounds.

Acts stand in a queue by time and put further acts in it: who pays today is shipped tomorrow. Each runs with the clock
at its own instant and goes through the same verbs as a face would call.
"""

from datetime import timedelta
from functools import partial

from mall.base.clock import moved_to

from . import colleagues, desk, joining, opinions
from .story import Story

MEMBERS = 300
ORDERS = 1_500


def live(story: Story, *, members: int, orders: int) -> None:
    """Let the year happen."""
    joining.plan_members(story, members, orders)
    opinions.plan(story)
    colleagues.plan(story)
    night = story.begin.replace(hour=9, minute=30, second=0, microsecond=0)
    while night < story.end:
        story.queue.at(night, partial(desk.night, story))
        night += timedelta(days=1)
    story.queue.run()
    with moved_to(story.end):
        desk.tidy_outbox(story)
        desk.exchange_two(story)
        desk.ask_for_more(story)
