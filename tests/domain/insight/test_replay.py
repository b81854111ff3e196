"""What a draft changes is replayed by itself: campaigns within their caps, partners', packs, and monthly limits."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from mall.domain import earning, programme
from mall.domain.insight.replay_campaigns import InCampaign, InCampaigns
from mall.domain.insight.replay_packs import Climb, Climbers, Occasion, Packs, Worth, packs_under
from mall.domain.insight.replay_partners import AtPartners, Bought
from mall.domain.insight.replay_redemptions import Redeemed, refused_pieces
from tests.stage import NOON

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
SAME = {rank: rank for rank in range(1, 6)}


@pytest.fixture(scope="module")
def terms():
    """10 points per 1.00; VIP earns 150 %."""
    return programme.terms_of(1, programme.default_settings(shop_name="-"))


def with_level(terms, rank, **figures):
    levels = [replace(level, **figures) if level.rank == rank else level for level in terms.levels]
    return replace(terms, levels=tuple(levels))


def drew(cents, given_points, *, kept=None, campaign_id=1):
    """An order in a double campaign that has a cap."""
    return InCampaign(200, cents, cents if kept is None else kept, 10, 100, 1, campaign_id, given_points)


def test_a_campaign_at_another_rate_gives_up_to_its_cap_and_no_further(terms):
    found = InCampaigns(capped=(drew(3_000, 300), drew(4_000, 400), drew(9_000, 0)), left={1: 700})
    assert found.points_under(terms) == found.issued_points == 700
    assert found.points_under(replace(terms, earn_points=5)) == 150 + 200 + 350
    assert found.points_under(replace(terms, earn_points=20)) == 600 + 100


def test_what_goes_back_opens_no_campaign_again(terms):
    found = InCampaigns(capped=(drew(5_000, 500, kept=1_000), drew(5_000, 200)), left={1: 700})
    assert found.points_under(terms) == found.issued_points == 100 + 200
    assert found.points_under(replace(terms, earn_points=20)) == 200


def test_every_campaign_has_a_cap_of_its_own_and_one_without_has_none(terms):
    free = InCampaign(350, 1_999, 1_999, 10, 100, times=3)
    found = InCampaigns((free,), (drew(1_000, 100), drew(1_000, 60, campaign_id=2)), {1: 100, 2: 60})
    assert found.issued_points == found.points_under(terms) == 3 * 499 + 100 + 60
    assert found.points_under(replace(terms, earn_points=11)) == 3 * 549 + 100 + 60


def rode(cents, *, kept=None, rank=1, counts=True, percent=100, given_points=0, **caps):
    day = {"month": (1, MARCH), "day": (1, 7, MARCH)} if caps else {}
    kept = cents if kept is None else kept
    return Bought(rank, 0, counts, percent, 1, 10, cents, kept, given_points=given_points, **day, **caps)


def by_rank(each):
    return each.rank


def test_a_levels_multiplier_changes_what_partners_purchases_give_where_it_counts_there(terms):
    found = AtPartners((rode(1_005, rank=4, percent=150), rode(1_005, rank=4, counts=False)))
    assert found.issued_points == 150 + 100
    given = found.points_under(terms, rank_of=by_rank)
    assert (given.points, given.multiplier_points) == (150 + 100, 50)
    dearer = found.points_under(with_level(terms, 4, multiplier_percent=300), rank_of=by_rank)
    assert (dearer.points, dearer.multiplier_points) == (301 + 100, 201)
    assert found.points_under(terms, rank_of=lambda _each: 1).points == 200


def test_a_partners_caps_bound_a_draft_too(terms):
    by_day = (
        rode(1_000, rank=4, percent=150, given_points=150, day_points=180),
        rode(1_000, rank=4, percent=150, given_points=30, day_points=180),
    )
    found = AtPartners(capped=by_day)
    assert found.issued_points == found.points_under(terms, rank_of=by_rank).points == 180
    twice = with_level(terms, 4, multiplier_percent=300)
    assert found.points_under(twice, rank_of=by_rank).points == 180
    assert found.points_under(terms, rank_of=lambda _each: 1).points == 180
    assert AtPartners(capped=by_day, days={(1, 7, MARCH): 100}).points_under(twice, rank_of=by_rank).points == 80

    by_month = (rode(1_000, rank=4, percent=150, given_points=120, month_points=120),)
    assert AtPartners(capped=by_month).points_under(twice, rank_of=by_rank).points == 120
    late = AtPartners(capped=by_month, months={(1, MARCH): 90})
    assert late.points_under(twice, rank_of=by_rank).points == 30


def test_what_was_given_back_at_a_partners_gives_nothing_under_a_draft_either(terms):
    found = AtPartners((rode(1_000, kept=0, rank=4, percent=150), rode(1_000, kept=400, rank=4, percent=150)))
    assert found.issued_points == found.points_under(terms, rank_of=by_rank).points == 60


PACKED = {2: {"upgrade_points": 10}, 3: {"upgrade_points": 200, "birthday_points": 50}, 4: {"upgrade_coupon": 9}}
UP, BIRTHDAY = earning.UPGRADE, earning.BIRTHDAY


@pytest.fixture(scope="module")
def packed(terms):
    for rank, figures in PACKED.items():
        terms = with_level(terms, rank, **figures)
    return terms


def packs(terms, occasions, **more):
    worths = {9: Worth(1_000, 1, None, NOON + timedelta(days=5))}
    return packs_under(terms, occasions, worths, **{"places": SAME, "at": NOON} | more)


def reached(rank, *, member_id=7, at=NOON):
    return Occasion(UP, member_id, rank, 0, at)


def test_packs_count_points_and_coupons_at_face_as_long_as_they_were_given_out(packed):
    found = packs(packed, [reached(3), reached(4), reached(4, member_id=8, at=NOON + timedelta(days=5))])
    assert found == {UP: Packs(200, 1_000, 1), BIRTHDAY: Packs()}


def test_a_birthday_gives_the_pack_of_the_level_that_a_draft_moves_somebody_to(packed):
    at_senior, higher = Occasion(BIRTHDAY, 7, 3, 0, NOON), Occasion(BIRTHDAY, 7, 2, 1, NOON)
    assert packs(packed, [at_senior, higher])[BIRTHDAY] == Packs(100)
    assert packs(packed, [at_senior.unmoved, higher.unmoved])[BIRTHDAY] == Packs(50)


def test_who_stands_lower_by_a_draft_has_not_reached_what_is_above(packed):
    assert packs(packed, [reached(2), reached(3), reached(4)], lowered={7: 3})[UP] == Packs(210)
    assert packs(packed, [reached(4)], lowered={8: 3})[UP] == Packs(0, 1_000, 1)


def test_who_stands_higher_has_reached_it_in_these_days_where_growth_from_before_did_not_do(packed):
    climb = [Climb(7, 1, 4)]
    assert packs(packed, [], climbs=climb)[UP] == Packs(210, 1_000, 1)
    # 1,500 growth is Senior's: reached before these days.
    assert packs(packed, [], climbs=climb, climbers=Climbers({7: 1_500}))[UP] == Packs(0, 1_000, 1)
    assert packs(packed, [], climbs=climb, climbers=Climbers({}, {7: frozenset({2, 4})}))[UP] == Packs(200)


def test_two_levels_that_become_one_give_its_pack_once(packed):
    found = packs(packed, [reached(3), reached(4)], places={1: 1, 2: 2, 3: 3, 4: 3, 5: 4})
    assert found[UP] == Packs(200)


def took(pieces, *, month=MARCH, rank=3, replayed=True):
    return Redeemed(7, month, rank, 0, pieces, replayed)


def test_pieces_above_a_months_limit_are_counted_and_the_next_month_begins_anew(terms):
    limited = with_level(terms, 3, redemptions_per_month=4)
    orders = [took(3), took(2), took(2), took(3, month=APRIL)]
    assert refused_pieces(orders, terms=terms, rank_of=by_rank) == 0
    assert refused_pieces(orders, terms=limited, rank_of=by_rank) == 1 + 2
    assert refused_pieces(orders, terms=limited, rank_of=lambda _each: 4) == 0
    # What was had before the days replayed uses the limit up, and is not counted.
    assert refused_pieces([took(5, replayed=False), took(1)], terms=limited, rank_of=by_rank) == 1
