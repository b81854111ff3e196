"""The what-if: a draft tried on a year of all members, as the rule sandbox does it."""

import time
from pathlib import Path

from mall.base.clock import now
from mall.base.db import reading, transaction
from mall.domain import insight, programme

from . import shop
from .table import Figure, at_most

# Days ago on which a fifth of the members each has bought and kept something: two fifths were away for 90 days.
BOUGHT = ((5, 35, 60), (10, 40, 200), (20, 70, 120), (100, 160, 220), (30, 85, 150))
JOINED_DAYS_AGO = 400
SPAN_DAYS = 90
GOAL_SECONDS = 5


def what_if(name: str, url: str, folder: Path, *, members: int) -> list[Figure]:
    """Measure a draft of thresholds over so many members with three orders each, and others of what moves growth."""
    with shop.opened(url, folder):
        made = shop.fill()
        for bought in BOUGHT:  # In shares, each well within a statement's time limit.
            share = shop.copy_member(made, members // len(BOUGHT))
            for days in bought:
                shop.add_order(made, share, days_ago=days)
        shop.let_all_have_joined(days_ago=JOINED_DAYS_AGO)
        shop.tidy()
        thresholds = _draft(made.terms, reach=6_000)
        rates = _draft(made.terms, reach=6_000, growth_per_cents=150)
        dormancy = _draft(made.terms, reach=6_000, dormancy_after_days=60, dormancy_percent=20)
        found, seconds = _tried(thresholds, made.terms)
        rated, seconds_of_rates = _tried(rates, made.terms)
        asleep, seconds_of_dormancy = _tried(dormancy, made.terms)
    if found.live.points != found.issued_points or not found.live.points:
        raise RuntimeError("the rules in force do not give what was issued")
    if asleep.draft.pyramid.growth >= asleep.live.pyramid.growth:
        raise RuntimeError("a harder dormancy takes off nothing more")
    orders = sum(len(bought) for bought in BOUGHT) * members // len(BOUGHT)
    drafts = {
        f"what-if: {members:,} members, {orders:,} orders, {SPAN_DAYS} days": (found, seconds),
        "the same with another growth rate": (rated, seconds_of_rates),
        "the same with another dormancy": (asleep, seconds_of_dormancy),
    }
    return [
        at_most(what, name, f"{took:.1f} s, {len(each.movers):,} move", value=took, goal=GOAL_SECONDS, words="5 s")
        for what, (each, took) in drafts.items()
    ]


def _draft(terms: programme.Programme, *, reach: int, **changes: int) -> programme.Programme:
    settings = programme.settings_of(terms) | changes
    settings["levels"][3] |= {"reach": reach, "keep": reach}
    at = now()
    with transaction():
        number = programme.sketch(
            settings, based_on=terms.version, effective_from=at, by="staff:1", at=at, reason="Measured"
        )
    with reading():
        return programme.version(number)


def _tried(draft: programme.Programme, terms: programme.Programme) -> tuple[insight.WhatIf, float]:
    began = time.perf_counter()
    with reading(scan=True):
        found = insight.what_if(draft, days=SPAN_DAYS, terms=terms, at=now())
    return found, time.perf_counter() - began
