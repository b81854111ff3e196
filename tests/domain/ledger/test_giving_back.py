"""Spent points come back to the lots they left, last drawn first; a last day that is over, or near, gets a child."""

from datetime import date, timedelta
from itertools import product

import pytest

from mall.domain import ledger
from mall.domain.ledger.giving_back import MoreThanRedeemed, Spent, last_drawn_first
from tests.conftest import NOON

from .steps import (
    capture,
    children,
    end,
    flow,
    give,
    give_back,
    hold,
    instant,
    locked,
    lot_of,
    owing,
    positions,
    purse,
    ready,
    redeem,
)

SOON = date(2026, 3, 31)
AFTER = instant("2026-04-01 09:00")


def test_every_small_case_of_what_goes_back():
    for wanted, *out in product(range(1, 8), range(4), range(4), range(4)):
        spent = [Spent(number, points, NOON, None, SOON) for number, points in enumerate(out, start=1)]

        if wanted > sum(out):
            with pytest.raises(MoreThanRedeemed) as refused:
                last_drawn_first(spent, wanted)
            assert refused.value.values == {"wanted": wanted, "left": sum(out)}
            continue

        back = last_drawn_first(spent, wanted)
        assert sum(points for _part, points in back) == wanted
        assert all(0 < points <= part.points for part, points in back)
        assert all(points == part.points for part, points in back[:-1])
        assert [part.lot_id for part, _points in back] == [n for n in (3, 2, 1) if out[n - 1]][: len(back)]


def test_to_the_lot_drawn_last_first(mei):
    soon, late = give(mei, 100, "order:1", last=date(2027, 3, 31)), give(mei, 100, "order:2", last=date(2027, 4, 30))
    redeem(mei, 150)

    assert flow(give_back(mei, 70)) == [
        ("give_back", "redemption", "wallet", late, 50),
        ("give_back", "redemption", "wallet", soon, 20),
    ]
    assert positions(mei) == {("wallet", late): 100, ("wallet", soon): 20}


def test_what_was_held_first_comes_back_in_the_same_order(mei):
    soon, late = give(mei, 100, "order:1", last=date(2027, 3, 31)), give(mei, 100, "order:2", last=date(2027, 4, 30))
    hold(mei, 150)
    capture(mei)

    assert [line.lot_id for line in give_back(mei, 70)] == [late, soon]


def test_partial_refunds_add_up_to_one(mei):
    give(mei, 100, "order:1", last=date(2027, 3, 31))
    give(mei, 100, "order:2", last=date(2027, 4, 30))
    before = positions(mei)
    redeem(mei, 150)

    for number, points in enumerate((40, 1, 59, 50)):
        give_back(mei, points, key=f"refund:{number}")

    assert positions(mei) == before


def test_no_more_than_was_redeemed(mei):
    give(mei, 100)
    redeem(mei, 60)
    give_back(mei, 50, key="refund:1")

    with pytest.raises(MoreThanRedeemed, match="11 points cannot go back: 10 of those spent are still out"):
        give_back(mei, 11, key="refund:2")
    assert purse(mei) == {"wallet": 90}


def test_nothing_goes_back_from_what_is_only_held(mei):
    give(mei, 100)
    hold(mei, 60)

    with pytest.raises(MoreThanRedeemed, match="0 of those spent"):
        give_back(mei, 1)


def test_no_points_are_not_given_back(mei):
    give(mei, 100)
    redeem(mei, 60)

    with pytest.raises(ledger.NoPoints):
        give_back(mei, 0)


def test_another_members_order_gives_nothing_back(mei, tom):
    give(tom, 100)
    redeem(tom, 60, "order:7")

    with pytest.raises(MoreThanRedeemed):
        give_back(mei, 10, "order:7")


def test_a_cancel_before_shipping_never_adds_a_day_to_a_living_lot(mei):
    lot = give(mei, 100, last=SOON)
    redeem(mei, 100)

    give_back(mei, 100, at=end(SOON))

    assert positions(mei) == {("wallet", lot): 100}
    assert ready(mei, at=AFTER) == 0


def test_a_cancel_after_the_last_day_makes_a_child_of_7_days(mei):
    lot = give(mei, 100, last=SOON)
    redeem(mei, 100)

    lines = give_back(mei, 100, at=end(SOON) + timedelta(microseconds=1))

    [child] = children(lot)
    assert flow(lines) == [
        ("give_back", "redemption", "renewal", lot, 100),
        ("renew", "renewal", "wallet", child.id, 100),
    ]
    # The first instant after 31 March is 1 April in the shop's zone.
    assert child.expires_on == date(2026, 4, 8)


def test_a_refund_of_shipped_goods_after_the_last_day_makes_a_child_of_30_days(mei):
    lot = give(mei, 100, last=SOON)
    redeem(mei, 100)

    give_back(mei, 100, shipped=True, at=AFTER)

    [child] = children(lot)
    assert child.expires_on == date(2026, 5, 1)
    assert positions(mei) == {("wallet", child.id): 100}


@pytest.mark.parametrize(
    ("at", "renewed"),
    [
        # 7 days are left all through 24 March, 6 from its midnight on; the clock goes forward on 29 March.
        ("2026-03-23 23:00", False),
        ("2026-03-24 12:00", False),
        ("2026-03-24 22:59:59", False),
        ("2026-03-24 23:00", True),
        ("2026-03-31 21:59:59", True),
    ],
)
def test_a_refund_of_shipped_goods_with_fewer_than_7_days_left_makes_a_child(mei, at, renewed):
    lot = give(mei, 100, last=SOON)
    redeem(mei, 100)

    give_back(mei, 100, shipped=True, at=instant(at))

    assert bool(children(lot)) == renewed
    assert ready(mei, at=instant(at)) == 100


def test_a_shipped_refund_with_many_days_left_keeps_the_last_day(mei):
    lot = give(mei, 100)
    redeem(mei, 100)

    give_back(mei, 100, shipped=True, at=AFTER)

    assert positions(mei) == {("wallet", lot): 100}


def test_each_refund_has_a_child_of_its_own(mei):
    lot = give(mei, 100, last=SOON)
    redeem(mei, 100)

    give_back(mei, 30, key="refund:1", at=AFTER)
    give_back(mei, 70, key="refund:2", at=AFTER + timedelta(days=1))

    assert [(child.points, child.expires_on) for child in children(lot)] == [
        (30, date(2026, 4, 8)),
        (70, date(2026, 4, 9)),
    ]


def test_a_child_is_worth_what_its_parent_was(mei):
    lot = give(mei, 100, last=SOON)
    redeem(mei, 100)

    give_back(mei, 100, at=AFTER)

    [child] = children(lot)
    parent = lot_of(lot)
    assert (child.worth_points, child.worth_cents, child.version) == (
        parent.worth_points,
        parent.worth_cents,
        parent.version,
    )


def spent_child(member: int) -> int:
    """Bring 100 points into a child that is spent on order:8. Returns the child; its last day is 8 April 2026."""
    lot = give(member, 100, last=SOON)
    redeem(member, 100, "order:7")
    give_back(member, 100, "order:7", at=AFTER)
    [child] = children(lot)
    redeem(member, 100, "order:8", at=AFTER)
    return child.id


def test_points_of_a_living_child_go_back_to_it_even_near_its_end(mei):
    child = spent_child(mei)

    lines = give_back(mei, 100, "order:8", key="refund:2", shipped=True, at=instant("2026-04-08 12:00"))

    assert flow(lines) == [("give_back", "redemption", "wallet", child, 100)]
    assert positions(mei) == {("wallet", child): 100}


@pytest.mark.parametrize("shipped", [False, True])
def test_points_of_a_child_past_its_last_day_expire_as_they_come(mei, shipped):
    child = spent_child(mei)

    lines = give_back(mei, 100, "order:8", key="refund:2", shipped=shipped, at=instant("2026-04-09 12:00"))

    assert flow(lines) == [
        ("give_back", "redemption", "wallet", child, 100),
        ("expire", "wallet", "expiry", child, 100),
    ]
    assert children(child) == []
    assert purse(mei) == {}


def test_points_of_a_child_past_its_last_day_repay_debt_first(mei):
    child = spent_child(mei)
    owing(mei, 40, at=AFTER)

    lines = give_back(mei, 100, "order:8", key="refund:2", at=instant("2026-04-09 12:00"))

    assert flow(lines)[1:] == [("repay", "wallet", "debt", child, 40), ("expire", "wallet", "expiry", child, 60)]


def test_debt_is_repaid_first_by_what_would_expire_first(mei):
    soon, late = give(mei, 50, "order:1", last=date(2027, 3, 31)), give(mei, 50, "order:2", last=date(2027, 4, 30))
    redeem(mei, 100)
    owing(mei, 60)

    lines = give_back(mei, 100)

    assert flow(lines)[2:] == [("repay", "wallet", "debt", soon, 50), ("repay", "wallet", "debt", late, 10)]
    assert positions(mei) == {("wallet", late): 40}


def test_what_an_order_has_spent_and_not_got_back_can_be_read(mei):
    soon, late = give(mei, 100, "order:1", last=date(2027, 3, 31)), give(mei, 100, "order:2", last=date(2027, 4, 30))
    redeem(mei, 150)
    give_back(mei, 20)

    with locked(mei):
        assert [(part.lot_id, part.points) for part in ledger.spent_by("order:7")] == [(soon, 100), (late, 30)]
