"""Habits: who of the demo's members comes by every day, for a while."""

from datetime import datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from mall.base.clock import now
from mall.base.db import transaction
from mall.domain import earning

from .story import Shopper, Story

# Of so many members one comes by for some days in a row.
ONE_IN = 8
LONGEST_DAYS = 9
# So many days ago: Mei has checked in on five days and may today; Grace never missed one of three weeks.
CAST = {"mei": range(5, 0, -1), "grace": range(21, 0, -1), "wei": (9, 8, 7, 2, 1)}


def plan(story: Story, shopper: Shopper) -> None:
    """Plan the days on which a member checks in."""
    if shopper.name in CAST:
        noon = datetime.combine(story.terms.today(story.end), time(12), ZoneInfo(story.terms.zone))
        days = [noon - timedelta(days=back) for back in CAST[shopper.name]]
    elif story.chance.randrange(ONE_IN) == 0:
        joined = now()
        first = joined + (story.end - joined) * story.chance.random()
        days = [first + timedelta(days=day) for day in range(story.chance.randrange(2, LONGEST_DAYS))]
    else:
        return
    for day in days:
        if now() < day < story.end:
            story.queue.at(day, partial(_check_in, story, shopper, day))


def _check_in(story: Story, shopper: Shopper, at: datetime) -> None:
    with transaction():
        earning.check_in(shopper.member_id, terms=story.terms, at=at)
