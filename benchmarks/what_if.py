"""The what-if: a draft tried on a year of all members, as the rule sandbox does it."""

import time
from pathlib import Path

from mall.base.clock import now
from mall.base.db import reading, transaction
from mall.domain import insight, programme

from . import shop
from .table import Figure, at_most

# Days ago on which everybody has bought something.
BOUGHT = (10, 40, 200)
SPAN_DAYS = 90
GOAL_SECONDS = 5


def what_if(name: str, url: str, folder: Path, *, members: int) -> list[Figure]:
    """Measure a draft of thresholds over so many members with three orders each, and one of another growth rate."""
    with shop.opened(url, folder):
        made = shop.fill()
        shares = [shop.copy_member(made, min(shop.MANY, members - begin)) for begin in range(0, members, shop.MANY)]
        for days in BOUGHT:
            for share in shares:  # In shares, each well within a statement's time limit.
                shop.add_order(made, share, days_ago=days)
        shop.tidy()
        thresholds = _draft(made.terms, reach=6_000)
        rates = _draft(made.terms, reach=6_000, growth_per_cents=150)
        found, seconds = _tried(thresholds, made.terms)
        _all, seconds_of_rates = _tried(rates, made.terms)
    if found.live.points != found.issued_points or not found.live.points:
        raise RuntimeError("the rules in force do not give what was issued")
    what = f"what-if: {members:,} members, {members * len(BOUGHT):,} orders, {SPAN_DAYS} days"
    measured = f"{seconds:.1f} s, {len(found.movers):,} move"
    return [
        at_most(what, name, measured, value=seconds, goal=GOAL_SECONDS, words="5 s"),
        Figure("the same with another growth rate", name, f"{seconds_of_rates:.1f} s"),
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
