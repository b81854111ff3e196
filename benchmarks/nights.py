"""The night: what comes round once a day, over all members and their lots, and the same night once more."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from mall import worker
from mall.base.clock import end_of
from mall.base.db import execute, reading
from mall.domain import earning, ledger, membership, notices

from . import shop
from .table import Figure, at_most

# Of each member's lots one is past its last day in the night that is measured, another will be within a month.
LOTS_EACH = 10
GOAL_SECONDS = 300
NIGHT = ("points.expire", "points.tell", "growth.dormancy", "levels.review")


def night(name: str, url: str, folder: Path, *, members: int) -> list[Figure]:
    """Measure the jobs of a night over so many members with ten lots each, and that a second night changes nothing."""
    with shop.opened(url, folder):
        made = shop.fill()
        theirs = shop.copy_member(made, members)
        days = shop.add_lots(theirs, LOTS_EACH, terms=made.terms)
        at = end_of(days[0], made.terms.zone) + timedelta(hours=3)
        shop.add_growth(theirs, terms=made.terms, at=at)
        shop.tidy()
        first, seconds = _once(at)
        again, seconds_again = _once(at)
    if first != again:
        raise RuntimeError(f"the second night changed something: {first} became {again}")
    if first["expired"] < members:
        raise RuntimeError(f"not all that was past has expired: {first}")
    if not (first["taken off"] > 0 < first["announced"] and first["levels"] > 0 < first["warned"]):
        raise RuntimeError(f"a night without dormancy or a review of levels: {first}")
    each = ", ".join(f"{job} {took:.1f}" for job, took in seconds.items())
    whole, whole_again = sum(seconds.values()), sum(seconds_again.values())
    what = f"a night: {members:,} members, {members * LOTS_EACH:,} lots, {members:,} of them past"
    measured = f"{whole:,.0f} s ({each})"
    return [
        at_most(what, name, measured, value=whole, goal=GOAL_SECONDS, words="300 s"),
        Figure("the same night once more", name, f"{whole_again:,.1f} s, nothing changed"),
    ]


def _once(at: Any) -> tuple[dict[str, int], dict[str, float]]:
    """Do the night's jobs. Returns what there is of their rows then, and the seconds each took."""
    seconds = {}
    for job in NIGHT:
        began = time.perf_counter()
        worker.JOBS[job].job(at)
        seconds[job] = time.perf_counter() - began
    expired = select(func.count()).select_from(ledger.Posting).where(ledger.Posting.kind == "expire")
    event, step = membership.GrowthEvent, membership.LevelHistory
    questions = {
        "expired": expired,
        "told": select(func.count()).select_from(notices.Notice),
        "taken off": select(func.count()).where(event.source == membership.DORMANCY),
        "announced": select(func.count()).where(earning.DormancyNotice.told_at == at),
        "levels": select(func.count()).where(step.began_at == at),
        "warned": select(func.count()).where(membership.LevelNotice.told_at == at),
    }
    with reading(scan=True):
        counts = {name: execute(question).scalar_one() for name, question in questions.items()}
    return counts, seconds
