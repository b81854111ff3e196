"""The night: what comes round once a day, over all members and their lots, and the same night once more."""

import time
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from mall import worker
from mall.base.clock import end_of
from mall.base.db import execute, reading
from mall.domain import earning, ledger, membership, notices, radar

from . import habits, shop
from .table import Figure, at_most

# Of each member's lots one is past its last day in the night that is measured, another will be within a month.
LOTS_EACH = 10
GOAL_SECONDS = 300
NIGHT = (
    "points.expire",
    "points.tell",
    "growth.dormancy",
    "levels.review",
    "members.celebrate",
    "windows.close",
    "purchases.keep",
    "coupons.tell",
    "levels.tell",
    "campaigns.tell",
    "radar.look",
    "house.tidy",
)
# A day's share of a year: so many members have their birthday, and of so many lots the order's return window ends.
DAYS = 365


def night(name: str, url: str, folder: Path, *, members: int) -> list[Figure]:
    """Measure the jobs of a night over so many members with ten lots each, and that a second night changes nothing.

    And the expiry of the rarest night, the last day of all lots that are left.
    """
    with shop.opened(url, folder):
        made = shop.fill()
        theirs = shop.copy_member(made, members)
        days = shop.add_lots(theirs, LOTS_EACH, terms=made.terms)
        at = end_of(days[0], made.terms.zone) + timedelta(hours=3)
        shop.add_growth(theirs, terms=made.terms, at=at)
        born, bought = max(1, members // DAYS), max(1, members * LOTS_EACH // DAYS)
        shop.add_birthdays(theirs[:born], on=made.terms.today(at))
        shop.add_order(made, theirs[:bought], days_ago=1, kept=False)
        habits.add_habits(made, theirs, at=at)
        shop.tidy()
        first, seconds = _once(at)
        again, seconds_again = _once(at)
        last = _seconds(NIGHT[0], end_of(days[-1], made.terms.zone) + timedelta(hours=3))
        with reading(scan=True):
            left = execute(_EXPIRED).scalar_one() - first["expired"]
        suspected = habits.suspected()
        told = _told()
        demanded = habits.to_be_told(made, theirs, at=at)
    if told != demanded:
        raise RuntimeError(f"a night that told other members than it had to: {told}, not {demanded}")
    if first != again:
        raise RuntimeError(f"the second night changed something: {first} became {again}")
    if first["expired"] < members:
        raise RuntimeError(f"not all that was past has expired: {first}")
    if first["unlocked"] < bought or first["birthdays"] != born:
        raise RuntimeError(f"a night without its orders or birthdays: {first}")
    if left < members * (LOTS_EACH - 1):
        raise RuntimeError(f"on the last day of all lots {left} expired")
    if not (first["taken off"] > 0 < first["announced"] and first["levels"] > 0 < first["warned"]):
        raise RuntimeError(f"a night without dormancy or a review of levels: {first}")
    if suspected != habits.farmers(theirs):
        raise RuntimeError(f"the radar shows others than those who farm: {suspected}")
    each = ", ".join(f"{job} {took:.1f}" for job, took in seconds.items())
    whole, whole_again = sum(seconds.values()), sum(seconds_again.values())
    of_these = f"{members:,} of them past, {bought:,} windows ended, {born:,} birthdays"
    what = f"a night: {members:,} members, {members * LOTS_EACH:,} lots; {of_these}"
    measured = f"{whole:,.0f} s ({each})"
    return [
        at_most(what, name, measured, value=whole, goal=GOAL_SECONDS, words="300 s"),
        Figure("the same night once more", name, f"{whole_again:,.1f} s, nothing changed"),
        at_most(
            f"expiry where one day ends {left:,} lots",
            name,
            f"{last:,.0f} s",
            value=last,
            goal=GOAL_SECONDS,
            words="300 s",
        ),
    ]


def _once(at: datetime) -> tuple[dict[str, int], dict[str, float]]:
    """Do the night's jobs. Returns what there is of their rows then, and the seconds each took."""
    seconds = {job: _seconds(job, at) for job in NIGHT}
    event, step = membership.GrowthEvent, membership.LevelHistory
    questions = {
        "expired": _EXPIRED,
        "unlocked": select(func.count()).where(ledger.Posting.kind == "unlock"),
        "birthdays": select(func.count()).where(earning.FactRow.kind == "had_birthday"),
        "told": select(func.count()).select_from(notices.Notice),
        "taken off": select(func.count()).where(event.source == membership.DORMANCY),
        "announced": select(func.count()).where(earning.DormancyNotice.told_at == at),
        "levels": select(func.count()).where(step.began_at == at),
        "suspected": select(func.coalesce(func.sum(radar.Suspect.revision), 0)),
        "warned": select(func.count()).where(membership.LevelNotice.told_at == at),
    }
    with reading(scan=True):
        counts = {name: execute(question).scalar_one() for name, question in questions.items()}
    return counts, seconds


def _told() -> dict[str, int]:
    """Return how many members were told of what is near, by kind."""
    kind = notices.Notice.kind
    asked = select(kind, func.count()).where(kind.in_(habits.TOLD)).group_by(kind)
    with reading(scan=True):
        counts = {row[0]: row[1] for row in execute(asked)}
    return dict.fromkeys(habits.TOLD, 0) | counts


def _seconds(job: str, at: datetime) -> float:
    """Do one job. Returns the seconds it took."""
    began = time.perf_counter()
    worker.JOBS[job].job(at)
    return time.perf_counter() - began


_EXPIRED = select(func.count()).where(ledger.Posting.kind == "expire")
