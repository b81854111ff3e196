"""Points held for an order are out of reach, are spent or come back once, and never become another order's."""

from datetime import date, timedelta

import pytest

from mall.base.clock import end_of
from mall.domain import ledger
from tests.conftest import NOON

from .steps import (
    ZONE,
    capture,
    children,
    end,
    expire_due,
    flow,
    give,
    hold,
    instant,
    locked,
    lot_of,
    owing,
    positions,
    postings,
    purse,
    ready,
    redeem,
    release,
    take_back,
    unlock,
)

SOON = date(2026, 3, 31)
AFTER = instant("2026-04-01 09:00")


def test_held_points_cannot_be_spent_twice(mei):
    give(mei, 1_000)
    hold(mei, 800, "order:1")

    with pytest.raises(ledger.InsufficientPoints, match="needs 300 points; 200 are available"):
        hold(mei, 300, "order:2")
    assert purse(mei) == {"wallet": 200, "held": 800}
    assert ready(mei) == 200


def test_a_hold_takes_the_soonest_to_expire_and_keeps_the_lots_apart(mei):
    late, soon = give(mei, 100, "order:1", last=date(2027, 4, 30)), give(mei, 100, "order:2", last=date(2027, 3, 31))

    assert flow(hold(mei, 150)) == [("hold", "wallet", "held", soon, 100), ("hold", "wallet", "held", late, 50)]
    assert positions(mei) == {("held", soon): 100, ("held", late): 50, ("wallet", late): 50}


def test_points_on_the_way_are_not_held(mei):
    give(mei, 100, "order:1")
    with locked(mei) as purse_of_mei:
        ledger.earn(
            purse_of_mei,
            100,
            reference="order:2",
            rule="order",
            origin="purchase",
            expiry=ledger.last_day(date(2027, 3, 31), ZONE),
            version=1,
            worth=(100, 100),
            why=None,
            at=NOON,
        )

    with pytest.raises(ledger.InsufficientPoints):
        hold(mei, 101)


@pytest.mark.parametrize("verb", [hold, redeem])
@pytest.mark.parametrize("points", [0, -5])
def test_no_points_are_not_spent(mei, verb, points):
    give(mei, 100)

    with pytest.raises(ledger.NoPoints):
        verb(mei, points)


@pytest.mark.parametrize("verb", [hold, redeem])
def test_more_than_any_number_is_refused_not_a_fault(mei, verb):
    give(mei, 100)

    with pytest.raises(ledger.InsufficientPoints):
        verb(mei, 2**63)


@pytest.mark.parametrize("verb", [hold, redeem])
def test_points_of_a_lot_are_spendable_to_the_last_microsecond_of_its_last_day(mei, verb):
    give(mei, 100, last=SOON)

    with pytest.raises(ledger.InsufficientPoints):
        verb(mei, 100, "order:8", at=end(SOON) + timedelta(microseconds=1))
    assert len(verb(mei, 100, "order:7", at=end(SOON))) == 1


def test_captured_points_are_redeemed_from_their_lots(mei):
    soon, late = give(mei, 100, "order:1", last=date(2027, 3, 31)), give(mei, 100, "order:2", last=date(2027, 4, 30))
    hold(mei, 150)

    assert flow(capture(mei)) == [
        ("redeem", "held", "redemption", soon, 100),
        ("redeem", "held", "redemption", late, 50),
    ]
    assert purse(mei) == {"wallet": 50}


def test_what_was_held_in_time_may_be_captured_late(mei):
    give(mei, 100, last=SOON)
    hold(mei, 100, at=end(SOON))

    capture(mei, at=AFTER)

    assert purse(mei) == {}


def test_two_orders_hold_the_same_lot_and_end_apart(mei):
    lot = give(mei, 100)
    hold(mei, 60, "order:1")
    hold(mei, 40, "order:2")
    assert positions(mei) == {("held", lot): 100}

    assert flow(capture(mei, "order:1")) == [("redeem", "held", "redemption", lot, 60)]
    assert flow(release(mei, "order:2")) == [("release", "held", "wallet", lot, 40)]
    assert positions(mei) == {("wallet", lot): 40}


def test_released_points_go_back_to_their_lots_with_their_last_day(mei):
    soon, late = give(mei, 100, "order:1", last=date(2027, 3, 31)), give(mei, 100, "order:2", last=date(2027, 4, 30))
    before = positions(mei)
    hold(mei, 150)

    assert flow(release(mei)) == [("release", "held", "wallet", soon, 100), ("release", "held", "wallet", late, 50)]
    assert positions(mei) == before
    assert children(soon) == []


def test_holding_and_releasing_again_and_again_adds_no_day(mei):
    lot = give(mei, 100, last=SOON)
    for number in range(5):
        at = NOON + timedelta(days=number)
        hold(mei, 100, f"order:{number}", at=at)
        release(mei, f"order:{number}", at=at + timedelta(hours=1))

    assert positions(mei) == {("wallet", lot): 100}
    assert ready(mei, at=AFTER) == 0


def test_at_the_last_instant_a_release_goes_to_the_lot_itself(mei):
    lot = give(mei, 100, last=SOON)
    hold(mei, 100)

    release(mei, at=end(SOON))

    assert positions(mei) == {("wallet", lot): 100}
    assert children(lot) == []


def test_after_the_last_day_a_release_makes_a_child_of_7_days(mei):
    lot = give(mei, 100, last=SOON)
    hold(mei, 100)

    lines = release(mei, at=AFTER)

    [child] = children(lot)
    assert flow(lines) == [
        ("release", "held", "renewal", lot, 100),
        ("renew", "renewal", "wallet", child.id, 100),
    ]
    assert (child.expires_on, child.expires_at) == (date(2026, 4, 8), end_of(date(2026, 4, 8), ZONE))
    assert (child.points, child.origin, child.reference, child.made_at) == (100, "renewal", "order:7", AFTER)
    parent = lot_of(lot)
    same = ("member_id", "worth_points", "worth_cents", "version", "rule", "why")
    assert {name: getattr(child, name) for name in same} == {name: getattr(parent, name) for name in same}
    assert ready(mei, at=AFTER) == 100


def test_only_the_lots_that_are_past_get_children(mei):
    past, living = give(mei, 30, "order:1", last=SOON), give(mei, 70, "order:2")
    hold(mei, 100)

    release(mei, at=AFTER)

    [child] = children(past)
    assert positions(mei) == {("wallet", child.id): 30, ("wallet", living): 70}


def test_a_release_to_a_living_child_goes_to_the_child(mei):
    lot = give(mei, 100, last=SOON)
    hold(mei, 100, "order:1")
    release(mei, "order:1", at=AFTER)
    [child] = children(lot)
    hold(mei, 100, "order:2", at=AFTER)

    release(mei, "order:2", at=child.expires_at)

    assert positions(mei) == {("wallet", child.id): 100}


def test_a_child_has_no_child_what_comes_back_to_it_too_late_expires(mei):
    lot = give(mei, 100, last=SOON)
    hold(mei, 100, "order:1")
    release(mei, "order:1", at=AFTER)
    [child] = children(lot)
    hold(mei, 100, "order:2", at=AFTER)

    lines = release(mei, "order:2", at=child.expires_at + timedelta(microseconds=1))

    assert flow(lines) == [
        ("release", "held", "wallet", child.id, 100),
        ("expire", "wallet", "expiry", child.id, 100),
    ]
    assert children(child.id) == []
    assert purse(mei) == {}


def test_what_comes_back_too_late_to_a_child_repays_debt_first(mei):
    lot = give(mei, 100, last=SOON)
    hold(mei, 100, "order:1")
    release(mei, "order:1", at=AFTER)
    [child] = children(lot)
    hold(mei, 100, "order:2", at=AFTER)
    owing(mei, 30, at=AFTER)

    lines = release(mei, "order:2", at=AFTER + timedelta(days=30))

    assert flow(lines) == [
        ("release", "held", "wallet", child.id, 100),
        ("repay", "wallet", "debt", child.id, 30),
        ("expire", "wallet", "expiry", child.id, 70),
    ]
    assert purse(mei) == {}


def test_a_release_repays_debt_first_from_the_soonest_to_expire(mei):
    soon, late = give(mei, 50, "order:1", last=date(2027, 3, 31)), give(mei, 50, "order:2", last=date(2027, 4, 30))
    hold(mei, 100)
    take_back(mei, {late: 0}, "order:2")
    assert purse(mei) == {"held": 100, "debt": -50}

    assert flow(release(mei)) == [
        ("release", "held", "wallet", soon, 50),
        ("release", "held", "wallet", late, 50),
        ("repay", "wallet", "debt", soon, 50),
    ]
    assert positions(mei) == {("wallet", late): 50}


def test_points_held_do_not_expire(mei):
    lot = give(mei, 100, last=SOON)
    hold(mei, 100)

    assert expire_due(at=AFTER) == 0
    assert positions(mei) == {("held", lot): 100}


@pytest.mark.parametrize("verb", [capture, release])
def test_nothing_held_nothing_to_end(mei, tom, verb):
    give(tom, 100)
    hold(tom, 100, "order:7")

    with pytest.raises(ledger.NothingHeld):
        verb(mei, "order:8")
    with pytest.raises(ledger.NothingHeld):
        verb(mei, "order:7")
    assert purse(tom) == {"held": 100}


def test_a_direct_redemption_is_one_move_from_the_wallet(mei):
    lot = give(mei, 100)

    assert flow(redeem(mei, 60)) == [("redeem", "wallet", "redemption", lot, 60)]
    assert purse(mei) == {"wallet": 40}


def test_who_owes_cannot_spend(mei):
    owing(mei, 50)
    lot = give(mei, 40, "order:1")
    assert purse(mei) == {"debt": -10}

    with pytest.raises(ledger.InsufficientPoints, match="0 are available"):
        redeem(mei, 1)
    assert {row.lot_id for row in postings(mei) if row.kind == "repay"} == {lot}
    unlock(mei, lot)


def test_the_day_of_a_posting_is_the_shops_day(mei):
    give(mei, 100)

    redeem(mei, 1, at=instant("2026-03-10 23:30"))

    assert [row.happened_on for row in postings(mei) if row.kind == "redeem"] == [date(2026, 3, 11)]
