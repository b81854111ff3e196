"""The points switch offers what a member can really give, in steps they may want."""

import pytest

from mall.domain.checkout.calculator import quote
from mall.domain.checkout.quote import Rules, Wanted
from mall.domain.checkout.tender import switch_for

RULES = Rules()
SCARF = Wanted(variant_id=1, product_id=1, quantity=1, form="cash", unit_cents=4_400, unit_points=0)
SEEDS = Wanted(variant_id=2, product_id=2, quantity=1, form="points", unit_cents=0, unit_points=450)


def choices(*wanted: Wanted, ready: int, expiring: int) -> dict[str, int]:
    switch = switch_for(quote(wanted, rules=RULES), rules=RULES, ready_points=ready, expiring_points=expiring)
    return {preset.name: preset.points for preset in switch.presets}


def test_none_half_and_the_most_of_the_cap_are_offered():
    assert choices(SCARF, ready=9_000, expiring=0) == {"none": 0, "half": 1_100, "most": 2_200}


def test_the_most_is_never_more_than_what_the_gifts_beside_it_leave():
    assert choices(SCARF, SEEDS, ready=1_000, expiring=0)["most"] == 550


@pytest.mark.parametrize(("expiring", "offered"), [(621, 171), (451, 1), (450, None), (171, None), (0, None)])
def test_what_expires_pays_for_the_gifts_first_and_only_the_rest_is_offered(expiring, offered):
    assert choices(SCARF, SEEDS, ready=9_000, expiring=expiring).get("expiring") == offered


def test_all_of_what_expires_is_offered_where_nothing_else_takes_it():
    assert choices(SCARF, ready=9_000, expiring=621)["expiring"] == 621
