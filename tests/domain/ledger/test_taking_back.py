"""Earned points of goods that came back are taken back in full: where they are, then from others, then as debt."""

from datetime import date
from itertools import product

import pytest

from mall.domain import ledger
from mall.domain.ledger.taking_back import EarnedLot, to_take
from tests.conftest import NOON

from .steps import (
    adjust_up,
    children,
    earn,
    expire_due,
    flow,
    forgive,
    give,
    hold,
    instant,
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


def test_every_small_case_of_how_much():
    for points, taken, expired, keep in product(range(1, 5), range(5), range(5), range(-1, 6)):
        if taken + expired > points:
            continue
        lot = EarnedLot(1, 10, points, taken, expired)

        wanted = dict((each.id, amount) for each, amount in to_take([lot], {1: keep}))

        now_taken = taken + wanted.get(1, 0)
        # Never more than was earned and is not gone, never less than what the kept goods leave, or else nothing more.
        assert now_taken + expired <= points
        if wanted:
            assert points - now_taken == max(keep, expired)
        else:
            assert points - taken <= max(keep, expired)


def test_however_a_refund_is_split_the_sum_is_the_same():
    for points, expired, *keeps in product(range(1, 6), range(4), range(6), range(6), range(6)):
        if expired > points:
            continue
        taken = 0
        for keep in sorted(keeps, reverse=True):
            taken += sum(amount for _lot, amount in to_take([EarnedLot(1, 10, points, taken, expired)], {1: keep}))
        at_once = to_take([EarnedLot(1, 10, points, 0, expired)], {1: min(keeps)})
        assert taken == sum(amount for _lot, amount in at_once)


def test_points_still_on_the_way_go_first(mei):
    give(mei, 500, "order:2")
    lot = earn(mei, 100, "order:1")

    assert flow(take_back(mei, {lot: 30})) == [("clawback", "pending", "clawback", lot, 70)]
    assert purse(mei) == {"wallet": 500, "pending": 30}


def test_then_what_is_ready_of_the_same_lot_before_any_sooner_one(mei):
    give(mei, 500, "order:2", last=date(2027, 2, 28))
    lot = give(mei, 100, "order:1")

    assert flow(take_back(mei, {lot: 0})) == [("clawback", "wallet", "clawback", lot, 100)]


def test_then_any_other_free_points_soonest_to_expire_and_never_those_on_the_way(mei):
    lot = give(mei, 100, "order:1", last=date(2027, 1, 31))
    redeem(mei, 80)
    late, soon = give(mei, 40, "order:2", last=date(2027, 4, 30)), give(mei, 20, "order:3", last=date(2027, 3, 31))
    waiting = earn(mei, 500, "order:4")

    assert flow(take_back(mei, {lot: 0})) == [
        ("clawback", "wallet", "clawback", lot, 20),
        ("clawback", "wallet", "clawback", soon, 20),
        ("clawback", "wallet", "clawback", late, 40),
        ("clawback", "debt", "clawback", lot, 20),
    ]
    assert purse(mei) == {"pending": 500, "debt": -20}
    assert positions(mei) == {("pending", waiting): 500}


def test_another_orders_hold_is_never_touched(mei):
    lot = give(mei, 100)
    hold(mei, 100, "order:7")

    take_back(mei, {lot: 0})

    assert purse(mei) == {"held": 100, "debt": -100}
    assert positions(mei) == {("held", lot): 100}


def test_every_line_names_the_earning_it_takes_back(mei):
    lot = give(mei, 100, "order:1")
    redeem(mei, 100)
    give(mei, 40, "order:2")

    take_back(mei, {lot: 0})

    [earning] = [row.id for row in postings(mei) if row.kind == "earn" and row.lot_id == lot]
    assert {row.reverses for row in postings(mei) if row.kind == "clawback"} == {earning}


def test_children_count_as_their_lot(mei):
    lot = give(mei, 100, "order:1", last=SOON)
    hold(mei, 100, "order:7")
    release(mei, "order:7", at=AFTER)
    give(mei, 50, "order:2", last=date(2026, 4, 2), at=AFTER)
    [child] = children(lot)

    assert flow(take_back(mei, {lot: 10}, at=AFTER)) == [("clawback", "wallet", "clawback", child.id, 90)]


def test_what_has_expired_is_not_taken_again(mei):
    lot = give(mei, 100, last=SOON)
    redeem(mei, 30)
    expire_due(at=AFTER)
    give(mei, 500, "order:2", at=AFTER)

    # 70 have expired, and 40 could be kept: the 30 that were spent are all there is to take.
    assert sum(line.points for line in take_back(mei, {lot: 40}, at=AFTER)) == 30
    assert take_back(mei, {lot: 0}, key="refund:2", at=AFTER) == []


def test_what_is_kept_may_be_what_expired(mei):
    lot = give(mei, 100, last=SOON)
    redeem(mei, 60)
    expire_due(at=AFTER)
    give(mei, 500, "order:2", at=AFTER)

    assert sum(line.points for line in take_back(mei, {lot: 70}, at=AFTER)) == 30
    assert sum(line.points for line in take_back(mei, {lot: 0}, key="refund:2", at=AFTER)) == 30
    assert take_back(mei, {lot: 0}, key="refund:3", at=AFTER) == []


def test_what_expired_of_a_child_counts_as_well(mei):
    lot = give(mei, 100, last=SOON)
    hold(mei, 100, "order:7")
    release(mei, "order:7", at=AFTER)
    give(mei, 500, "order:2", at=AFTER)
    much_later = instant("2026-06-01 12:00")

    assert take_back(mei, {lot: 0}, at=much_later) == []
    assert purse(mei) == {"wallet": 500}


def test_it_does_not_matter_whether_the_nightly_job_has_run(mei, tom):
    for member, prefix in ((mei, "a"), (tom, "b")):
        lot = give(member, 100, f"{prefix}:1", last=SOON)
        give(member, 500, f"{prefix}:2")
        redeem(member, 30, f"{prefix}:3")
        if member == tom:
            expire_due(at=AFTER)
        take_back(member, {lot: 0}, f"{prefix}:1", key=f"{prefix}:refund", at=AFTER)

    assert purse(mei) == purse(tom) == {"wallet": 470}


def test_again_and_again_takes_only_what_is_missing(mei):
    lot = give(mei, 100)

    for number, (keep, taken) in enumerate([(80, 20), (80, 0), (90, 0), (50, 30), (0, 50), (0, 0)]):
        assert sum(line.points for line in take_back(mei, {lot: keep}, key=f"refund:{number}")) == taken
    assert purse(mei) == {}


def test_taken_back_so_far_counts_under_whatever_reference_it_was_taken(mei):
    lot = give(mei, 100, "order:1")
    give(mei, 100, "order:2")

    take_back(mei, {lot: 40}, "return:1", key="return:1")
    take_back(mei, {lot: 0}, "return:2", key="return:2")

    assert purse(mei) == {"wallet": 100}


def test_several_lots_of_an_order_each_by_its_own_kept_points(mei):
    one, other = earn(mei, 100, "order:1"), earn(mei, 50, "order:1", rule="campaign:3")
    unlock(mei, one)

    assert flow(take_back(mei, {one: 60, other: 20})) == [
        ("clawback", "wallet", "clawback", one, 40),
        ("clawback", "pending", "clawback", other, 30),
    ]
    assert positions(mei) == {("wallet", one): 60, ("pending", other): 20}


def test_the_second_lot_pays_for_itself_before_it_pays_for_the_first(mei):
    one = give(mei, 100, "order:1", last=date(2027, 2, 28))
    redeem(mei, 100)
    other = give(mei, 50, "order:2")

    assert flow(take_back(mei, {one: 0, other: 0})) == [
        ("clawback", "wallet", "clawback", other, 50),
        ("clawback", "debt", "clawback", one, 100),
    ]


def test_nothing_to_take_writes_nothing_and_refuses_nothing(mei):
    lot = give(mei, 100)

    assert take_back(mei, {lot: 100}) == []
    assert take_back(mei, {lot: 200}) == []
    assert take_back(mei, {}) == []
    assert purse(mei) == {"wallet": 100}


@pytest.mark.parametrize("whose", ["tom", "nobody", "adjusted"])
def test_only_what_this_member_has_earned_can_be_taken_back(mei, tom, whose):
    if whose == "tom":
        lot = give(tom, 100)
    elif whose == "nobody":
        lot = 4_711
    else:
        lot = adjust_up(mei, 100)[0].lot_id

    with pytest.raises(LookupError):
        take_back(mei, {lot: 0})


def test_debt_is_more_debt_while_nothing_is_free(mei):
    owing(mei, 50)
    lot = earn(mei, 100, "order:1")
    unlock(mei, lot)
    assert purse(mei) == {"wallet": 50}

    take_back(mei, {lot: 0})

    assert purse(mei) == {"debt": -50}


def test_debt_does_not_expire(mei):
    owing(mei, 50)

    expire_due(at=instant("2036-01-01 00:00"))

    assert purse(mei) == {"debt": -50}
    assert ready(mei) == 0


def test_every_rise_of_the_wallet_repays_first(mei):
    give(mei, 30, "order:1", last=date(2027, 1, 31))
    redeem(mei, 30, "order:2")
    lot = give(mei, 100, "order:3")
    hold(mei, 100, "order:4")
    take_back(mei, {lot: 0}, "order:3")
    assert purse(mei) == {"held": 100, "debt": -100}

    adjust_up(mei, 10)
    assert purse(mei) == {"held": 100, "debt": -90}
    unlock(mei, earn(mei, 20, "order:5"))
    assert purse(mei) == {"held": 100, "debt": -70}
    release(mei, "order:4")
    assert purse(mei) == {"wallet": 30}


def test_debt_above_the_cap_is_forgiven_by_an_adjustment_that_repays_at_once(mei):
    owing(mei, 80)

    lines = forgive(mei, cap=50)

    [lot] = {line.lot_id for line in lines}
    assert flow(lines) == [("adjust", "adjustment", "wallet", lot, 30), ("repay", "wallet", "debt", lot, 30)]
    assert (lot_of(lot).origin, lot_of(lot).points) == ("adjustment", 30)
    assert str(lines[0].reason) == "Debt above the cap of 50 points is forgiven"
    assert purse(mei) == {"debt": -50}


def test_debt_up_to_the_cap_is_not_forgiven(mei):
    owing(mei, 50)

    assert forgive(mei, cap=50) == []
    assert forgive(mei, cap=60) == []
    assert purse(mei) == {"debt": -50}


def test_a_last_day_that_is_over_does_not_hide_points_on_the_way(mei):
    lot = earn(mei, 100, last=SOON)

    assert flow(take_back(mei, {lot: 0}, at=AFTER)) == [("clawback", "pending", "clawback", lot, 100)]


def test_a_taking_back_keeps_its_reason(mei):
    lot = earn(mei, 100, at=NOON)
    take_back(mei, {lot: 0})

    assert {str(row.reason) for row in postings(mei) if row.kind == "clawback"} == {"Goods came back"}
    with pytest.raises(ledger.KeyReused):
        take_back(mei, {lot: 0}, "order:2")
