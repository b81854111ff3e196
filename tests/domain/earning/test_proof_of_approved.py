"""A campaign and a stamp card run with the figures, the window and the goods that were asked for and approved."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, earning
from tests.stage import NOON, open_shop

DAY = timedelta(days=1)
CAMPAIGN = "a campaign has the figures, the window and the goods that were asked for"
CARD = "a stamp card has the figures, the window and the goods that were asked for"
ENDED = "a campaign or a stamp card was ended early when the audit says so"
APPROVED = "a campaign that may give points was approved by a person"
CARD_ROW, CAMPAIGN_ROW = earning.StampCardRow, earning.CampaignRow


@pytest.fixture
def stage(either):
    return open_shop()


def broken():
    with reading():
        return [check.name for check in earning.checks() if execute(check.breaks).first()]


def tamper(row, **values):
    with transaction():
        execute(update(row).values(**values))


def edit_campaign(stage, campaign_id, **changed):
    with reading():
        row = earning.campaign_of(campaign_id)
    plain = {name: getattr(row, name) for name in (
        "title", "starts_at", "ends_at", "multiplier_percent", "min_rank", "scope", "cap_points",
    )}  # fmt: skip
    with transaction():
        earning.edit_campaign(
            campaign_id, seen_version=row.version, terms=stage.terms, by="staff:1", at=NOON, reason="Better",
            **(plain | changed),
        )  # fmt: skip


def end_campaign(campaign_id, at):
    with transaction():
        earning.end_campaign(campaign_id, by="staff:1", at=at, reason="Enough")


def test_what_was_asked_for_changed_approved_and_ended_is_sound(stage):
    mug, jug = stage.mug(), stage.mug()
    stage.campaign(cap_points=500, scope="product", scope_ids=[mug.product_id, jug.product_id])
    late = stage.campaign(approved=False, starts_at=NOON + timedelta(microseconds=7), at=NOON)
    stage.approve_campaign(late, at=NOON + DAY)  # It begins when it is approved.
    changed = stage.campaign(starts_at=NOON + DAY, ends_at=NOON + 3 * DAY, cap_points=900)
    edit_campaign(stage, changed, cap_points=None, multiplier_percent=300, scope="product", scope_ids=[mug.product_id])
    edit_campaign(stage, changed, min_rank=2)
    stage.approve_campaign(changed)
    stage.campaign(approved=False)
    ended = stage.campaign()
    end_campaign(ended, NOON + timedelta(hours=3))
    stage.stamp_card(least_cents=900, total_limit=40, scope="product", scope_ids=[mug.product_id])
    stage.stamp_card(approved=False, counts="order", member_limit=2)
    assert broken() == []


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    "values",
    [
        {"multiplier_percent": 300},
        {"cap_points": 5_000},
        {"cap_points": None},
        {"min_rank": 2},
        {"starts_at": NOON - DAY},
        {"ends_at": NOON + 3 * DAY},
        {"ends_at": NOON + 2 * DAY + timedelta(microseconds=1)},
        {"scope": "all"},
    ],
    ids=str,
)
def test_the_proof_finds_a_campaign_that_is_other_than_was_asked_for(stage, values):
    stage.campaign(cap_points=500, scope="product", scope_ids=[stage.mug().product_id])
    assert broken() == []
    tamper(CAMPAIGN_ROW, **values)
    assert broken() == [CAMPAIGN]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_draft_that_was_changed_between_asking_and_approving(stage):
    late = stage.campaign(approved=False)
    tamper(CAMPAIGN_ROW, multiplier_percent=1_000)
    stage.approve_campaign(late)
    assert broken() == [CAMPAIGN]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize("row", ["campaign", "stamp_card"])
@pytest.mark.parametrize("how", ["one more", "one less", "another"])
def test_the_proof_finds_what_is_for_other_goods_than_were_asked_for(stage, row, how):
    mug, jug, bowl = stage.mug(), stage.mug(), stage.mug()
    getattr(stage, row)(scope="product", scope_ids=[mug.product_id, jug.product_id])
    scope: Any = earning.CampaignScope if row == "campaign" else earning.StampScope
    owner, name = ("campaign_id", CAMPAIGN) if row == "campaign" else ("card_id", CARD)
    with transaction():
        if how == "one more":
            execute(insert(scope).values({owner: 1, "product_id": bowl.product_id}))
        elif how == "one less":
            execute(delete(scope).where(scope.product_id == jug.product_id))
        else:
            execute(update(scope).where(scope.product_id == jug.product_id).values(product_id=bowl.product_id))
    assert broken() == [name]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_category_in_the_place_of_an_item(stage):
    with transaction():
        shelves = [catalogue.create_category({"en": name}, by="staff:1", at=NOON) for name in ("Pottery", "Tea")]
    stage.campaign(scope="category", scope_ids=shelves[:1])
    assert broken() == []
    tamper(earning.CampaignScope, category_id=shelves[1])
    assert broken() == [CAMPAIGN]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    "values",
    [
        {"least_cents": 0},
        {"least_cents": 500},
        {"stamps_needed": 2},
        {"counts": "order"},
        {"member_limit": None},
        {"member_limit": 5},
        {"min_rank": 1},
        {"starts_at": NOON - DAY},
        {"ends_at": NOON + 31 * DAY},
    ],
    ids=str,
)
def test_the_proof_finds_a_stamp_card_that_is_other_than_was_asked_for(stage, values):
    stage.stamp_card(least_cents=1_000, member_limit=1)
    assert broken() == []
    tamper(CARD_ROW, **values)
    assert broken() == [CARD]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_stamp_card_that_gives_another_coupon_than_was_asked_for(stage):
    stage.stamp_card()
    tamper(CARD_ROW, template_id=stage.coupon_kind())
    assert broken() == [CARD]


@pytest.mark.breaks_the_books
def test_the_proof_finds_what_was_ended_by_nobody_or_goes_on_though_somebody_ended_it(stage):
    ended = stage.campaign()
    tamper(CAMPAIGN_ROW, state="ended", ended_at=NOON + DAY)
    assert broken() == [ENDED]
    tamper(CAMPAIGN_ROW, state="approved", ended_at=None)
    assert broken() == []
    end_campaign(ended, NOON + DAY)
    assert broken() == []
    tamper(CAMPAIGN_ROW, ended_at=NOON + DAY / 2)
    assert broken() == [ENDED]
    tamper(CAMPAIGN_ROW, state="approved", ended_at=None)
    assert broken() == [ENDED]
    with reading():
        assert execute(select(func.count()).select_from(CAMPAIGN_ROW)).scalar_one() == 1
