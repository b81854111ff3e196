"""Two shares of a night's review that each raise members to levels with packs of which there are so many.

A review locks the packs of all levels above the lowest it raises from before it gives the first. The twin gives them
as they come: the one share begins with the higher level's, the other with the lower one's.
"""

import threading
import time
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select, text

from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import coupons, earning, ledger, membership, programme
from mall.domain.earning import days, tasks
from tests.stage import NOON, Stage, open_shop
from tests.threads import errors, race

pytestmark = pytest.mark.concurrency

SECONDS = 40
# The packs of Ordinary and Senior, after the coupon that is in both.
ORDINARY_PACK, SENIOR_PACK = 2, 3
WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    packs = {"ordinary": {"upgrade_coupon": ORDINARY_PACK}, "senior": {"upgrade_coupon": SENIOR_PACK}}
    levels = programme.default_settings(shop_name="-")["levels"]
    stage = open_shop(levels=[level | packs.get(level["key"], {}) for level in levels])
    inside = stage.coupon_kind()
    with transaction():
        made = [
            coupons.make_pack(
                key=f"pack {number}", parts={inside: 2}, title={"en": "Welcome"}, total_limit=9, by="staff:1", at=NOON
            )
            for number in range(2)
        ]
    assert made == [ORDINARY_PACK, SENIOR_PACK]
    return stage


def grown(stage: Stage, name: str, *, points: int, before: int = 0) -> int:
    """Register a member whom growth will raise at the night's review; `before` has raised them already."""
    member_id = stage.member(name)
    today, version = stage.terms.today(NOON), stage.terms.version
    with transaction():
        if before:
            purse = ledger.lock(member_id, zone=stage.terms.zone)
            change = membership.add_growth(
                member_id, before, source="order", reference=f"order:{member_id}", counts_on=today, version=version,
                why=say("-"), key=f"order:{member_id}:growth", terms=stage.terms, at=NOON,
            )  # fmt: skip
            tasks.note_level(change, purse=purse, terms=stage.terms, at=NOON)
        later = f"order:9{member_id}"
        membership.change_growth(
            [membership.GrowthChange(member_id, points, "order", later, today, version, say("-"), f"{later}:growth")],
            at=NOON,
        )
    return member_id


def both_shares_at_once(app: Flask, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let two workers review a share each: the second begins once the first has given the higher level's pack, and the
    first goes on once the second waits.
    """
    first = [grown(stage, "ann", points=1_600, before=5), grown(stage, "bo", points=5)]
    second = [grown(stage, "lin", points=5), grown(stage, "tom", points=1_600, before=5)]
    assert [*first, *second] == sorted([*first, *second])
    given, note_level = threading.Event(), days.note_level

    def noted(change: Any, **more: Any) -> None:
        note_level(change, **more)
        if change.member_id == first[0]:
            given.set()
            until = time.monotonic() + SECONDS / 2
            while execute(WAITING).scalar_one() == 0 and time.monotonic() < until:
                threading.Event().wait(0.01)

    monkeypatch.setattr(days, "note_level", noted)

    def review(after: int) -> None:
        if after:
            assert given.wait(SECONDS / 2)
        with transaction():
            earning.review_share(terms=stage.terms, after=after, at=NOON, share=2 if after else first[-1])

    return race(app, [lambda: review(0), lambda: review(first[-1])], threads=2, seconds=SECONDS)


def given_packs() -> int:
    with reading():
        return int(execute(select(func.count()).select_from(coupons.GivenPack)).scalar_one())


def test_two_shares_of_a_review_that_raise_members_do_not_deadlock(postgres_app, stage, monkeypatch):
    outcomes = both_shares_at_once(postgres_app, stage, monkeypatch)

    assert errors(outcomes) == []
    assert given_packs() == 6


def test_packs_that_a_review_gives_as_it_comes_to_them_deadlock(postgres_app, stage, monkeypatch):
    monkeypatch.setattr(days, "lock_level_packs", lambda **_more: None)

    outcomes = both_shares_at_once(postgres_app, stage, monkeypatch)

    assert [type(error.orig) for error in errors(outcomes)] == [psycopg.errors.DeadlockDetected]
