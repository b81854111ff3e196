"""Points given by hand are a lot of their own; points taken by hand are drawn like a spend, never into debt."""

from datetime import date

import pytest

from mall.domain import ledger

from .steps import (
    adjust_down,
    adjust_up,
    earn,
    flow,
    give,
    hold,
    instant,
    lot_of,
    owing,
    positions,
    postings,
    purse,
)


def test_up_is_a_new_lot_with_a_last_day_ready_at_once(mei):
    lines = adjust_up(mei, 50, last=date(2026, 6, 30))

    lot = lot_of(lines[0].lot_id)
    assert flow(lines) == [("adjust", "adjustment", "wallet", lot.id, 50)]
    assert (lot.points, lot.origin, lot.expires_on) == (50, "adjustment", date(2026, 6, 30))
    assert purse(mei) == {"wallet": 50}


def test_up_repays_debt_first(mei):
    owing(mei, 30)

    assert [line.kind for line in adjust_up(mei, 50)] == ["adjust", "repay"]
    assert purse(mei) == {"wallet": 20}


def test_up_to_a_last_day_that_is_over_expires_at_once(mei):
    assert [line.kind for line in adjust_up(mei, 50, last=date(2026, 3, 1))] == ["adjust", "expire"]
    assert purse(mei) == {}


def test_down_is_drawn_from_the_soonest_to_expire(mei):
    late, soon = give(mei, 100, "order:1", last=date(2027, 4, 30)), give(mei, 100, "order:2", last=date(2027, 3, 31))

    assert flow(adjust_down(mei, 120)) == [
        ("adjust", "wallet", "adjustment", soon, 100),
        ("adjust", "wallet", "adjustment", late, 20),
    ]
    assert positions(mei) == {("wallet", late): 80}


def test_down_never_makes_debt_nor_reaches_what_is_held_on_the_way_or_past(mei):
    give(mei, 100, "order:1")
    hold(mei, 60, "order:2")
    earn(mei, 100, "order:3")
    give(mei, 100, "order:4", last=date(2026, 3, 31))

    with pytest.raises(ledger.InsufficientPoints, match="needs 41 points; 40 are available"):
        adjust_down(mei, 41, at=instant("2026-04-01 09:00"))


@pytest.mark.parametrize("verb", [adjust_up, adjust_down])
@pytest.mark.parametrize("points", [0, -1])
def test_no_points_are_no_adjustment(mei, verb, points):
    give(mei, 100)

    with pytest.raises(ledger.NoPoints):
        verb(mei, points)


def test_who_did_it_and_why_is_kept(mei):
    adjust_up(mei, 50)

    assert [(row.actor, str(row.reason), row.reference) for row in postings(mei)] == [
        ("staff:2", "Goodwill", "adjustment:1")
    ]
