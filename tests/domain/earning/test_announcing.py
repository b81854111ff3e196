"""A campaign is told ahead to levels that hear of events earlier: once, by as many days as the level has."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import earning, membership, notices, people, programme
from tests.stage import NOON, open_shop

DAY = timedelta(days=1)
VIP, TOP = 4, 5  # Three days and seven, of the five steps.


def announce(at, *, share=1_000):
    """Tell of campaigns, share by share, as the worker does."""
    after = 0
    while after is not None:
        with transaction():
            after = earning.announce_campaigns(terms=programme.current(at), after=after, at=at, share=share)


def told():
    """Return who was told of which campaign, in the order it was said."""
    with reading():
        notice = notices.Notice
        rows = execute(select(notice).where(notice.kind == "campaign_ahead").order_by(notice.id))
        return [(row.member_id, row.details["title"]["en"]) for row in rows]


def lend(stage, member_id, rank, *, at=NOON):
    """Lend a member a level for a month."""
    grant = membership.Grant(
        key=f"lent:{member_id}", member_id=member_id, rank=rank, kind=membership.MANUAL,
        last_day=(at + 30 * DAY).date(), reason="A test", by="staff:1",
    )  # fmt: skip
    with transaction():
        earning.grant_level(grant, terms=stage.terms, at=at)


@pytest.fixture
def stage(app):
    return open_shop()


@pytest.fixture
def mei(stage):
    return stage.member("mei")


@pytest.fixture
def jonas(stage):
    return stage.member("jonas")


def test_a_level_hears_of_a_campaign_so_many_days_before_it_begins(stage, mei, jonas):
    lend(stage, jonas, VIP)
    stage.campaign(starts_at=NOON + 5 * DAY, ends_at=NOON + 7 * DAY)
    announce(NOON + 2 * DAY - timedelta(seconds=1))
    assert told() == []

    announce(NOON + 2 * DAY)
    assert told() == [(jonas, "Double points Saturday")]


def test_a_higher_level_hears_of_it_sooner(stage, mei, jonas):
    lend(stage, mei, VIP)
    lend(stage, jonas, TOP)
    stage.campaign(starts_at=NOON + 8 * DAY, ends_at=NOON + 9 * DAY)
    announce(NOON + DAY)
    assert told() == [(jonas, "Double points Saturday")]

    announce(NOON + 5 * DAY)
    assert told()[1:] == [(mei, "Double points Saturday")]


def test_it_is_told_once_however_often_the_round_comes(stage, jonas):
    lend(stage, jonas, VIP)
    stage.campaign(starts_at=NOON + DAY, ends_at=NOON + 2 * DAY)
    for hours in range(3):
        announce(NOON + timedelta(hours=hours))
    assert len(told()) == 1


def test_nobody_is_told_of_what_has_begun_was_not_approved_or_is_not_for_them(stage, jonas):
    lend(stage, jonas, VIP)
    stage.campaign(starts_at=NOON - DAY, ends_at=NOON + DAY)
    stage.campaign(approved=False, starts_at=NOON + DAY, ends_at=NOON + 2 * DAY)
    stage.campaign(min_rank=TOP, starts_at=NOON + DAY, ends_at=NOON + 2 * DAY)
    announce(NOON)
    assert told() == []


def test_a_campaign_that_is_put_off_is_told_anew(stage, jonas):
    lend(stage, jonas, VIP)
    campaign_id = stage.campaign(starts_at=NOON + DAY, ends_at=NOON + 3 * DAY)
    announce(NOON)
    with reading():
        row = earning.campaign_of(campaign_id)
    with transaction():
        details = {name: getattr(row, name) for name in ("title", "multiplier_percent", "min_rank", "scope")}
        earning.edit_campaign(
            campaign_id, seen_version=row.version, terms=stage.terms, by="staff:1", at=NOON, reason="Put off",
            **details, cap_points=None, starts_at=NOON + 2 * DAY, ends_at=NOON + 3 * DAY,
        )  # fmt: skip
    stage.approve_campaign(campaign_id)
    announce(NOON)
    assert len(told()) == 2


def test_somebody_frozen_is_not_told(stage, jonas):
    lend(stage, jonas, VIP)
    stage.campaign(starts_at=NOON + DAY, ends_at=NOON + 2 * DAY)
    with transaction():
        people.freeze_member(jonas, own_member_id=None, by="staff:1", reason="A test", at=NOON)
    announce(NOON)
    assert told() == []


def test_members_are_told_share_by_share(stage, mei, jonas):
    for member_id in (mei, jonas):
        lend(stage, member_id, VIP)
    stage.campaign(starts_at=NOON + DAY, ends_at=NOON + 2 * DAY)
    announce(NOON, share=1)
    assert {member_id for member_id, _title in told()} == {mei, jonas}
