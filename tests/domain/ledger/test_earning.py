"""Points are earned once per reference and rule, wait on the way, and are ready when the room that knows says so."""

from datetime import date

import pytest

from mall.base.clock import end_of
from mall.domain import ledger
from tests.conftest import NOON

from .steps import (
    earn,
    flow,
    give,
    instant,
    locked,
    lot_of,
    owing,
    positions,
    postings,
    purse,
    ready,
    unlock,
)


def test_earned_points_are_on_the_way_and_cannot_be_spent(mei):
    lot = earn(mei, 100)

    assert purse(mei) == {"pending": 100}
    assert positions(mei) == {("pending", lot): 100}
    assert ready(mei) == 0


def test_a_lot_keeps_its_last_day_its_worth_and_why(mei):
    lot = lot_of(earn(mei, 100, "order:1", last=date(2027, 3, 31)))

    assert (lot.points, lot.origin, lot.reference, lot.rule, lot.version) == (100, "purchase", "order:1", "order", 1)
    assert (lot.expires_on, lot.expires_at) == (date(2027, 3, 31), end_of(date(2027, 3, 31), "Europe/Berlin"))
    assert (lot.worth_points, lot.worth_cents, lot.parent_id) == (100, 100, None)
    assert str(lot.why) == "100 points for a purchase"


def test_the_same_rule_pays_an_order_once(mei):
    first = earn(mei, 100, "order:1", rule="order")

    assert earn(mei, 100, "order:1", rule="order") == first
    assert earn(mei, 50, "order:1", rule="double-saturday") != first
    assert purse(mei) == {"pending": 150}


def test_the_same_rule_with_other_points_is_refused(mei):
    earn(mei, 100, "order:1")

    with pytest.raises(ledger.KeyReused):
        earn(mei, 101, "order:1")
    assert purse(mei) == {"pending": 100}


def test_no_points_are_not_earned(mei):
    for points in (0, -1):
        with pytest.raises(ledger.NoPoints):
            earn(mei, points)


def test_an_order_knows_what_it_has_earned(mei):
    lots = [earn(mei, 100, "order:1"), earn(mei, 50, "order:1", rule="campaign:3")]
    earn(mei, 10, "order:2")

    with locked(mei):
        assert ledger.earned_by("order:1") == lots


def test_the_longest_reference_and_rule_fit(mei):
    reference, rule = "r" * 60, "x" * 40

    assert earn(mei, 1, reference, rule=rule) == earn(mei, 1, reference, rule=rule)


def test_unlocked_points_are_ready(mei):
    lot = earn(mei, 100)

    assert flow(unlock(mei, lot)) == [("unlock", "pending", "wallet", lot, 100)]
    assert purse(mei) == {"wallet": 100}
    assert ready(mei) == 100


def test_only_the_lots_named_are_unlocked(mei):
    one, other = earn(mei, 100, "order:1"), earn(mei, 30, "order:2")

    unlock(mei, other)

    assert positions(mei) == {("pending", one): 100, ("wallet", other): 30}


def test_unlocking_again_does_nothing(mei):
    lot = earn(mei, 100)
    unlock(mei, lot)

    assert unlock(mei, lot) == []
    assert purse(mei) == {"wallet": 100}


def test_another_members_lot_is_not_unlocked(mei, tom):
    lot = earn(tom, 100)

    assert unlock(mei, lot) == []
    assert purse(tom) == {"pending": 100}


def test_an_unlocking_is_a_move_per_lot_that_names_the_order(mei):
    lots = [earn(mei, 100, "order:1"), earn(mei, 30, "order:2")]

    unlock(mei, *lots)

    assert [(row.move, row.line, row.reference) for row in postings(mei) if row.kind == "unlock"] == [
        (f"lot:{lots[0]}:unlock", 1, "order:1"),
        (f"lot:{lots[1]}:unlock", 1, "order:2"),
    ]


def test_unlocking_several_lots_repays_each_point_of_debt_once(mei):
    owing(mei, 50)
    late, soon = earn(mei, 30, "order:1", last=date(2027, 4, 30)), earn(mei, 30, "order:2", last=date(2027, 3, 31))

    assert flow(unlock(mei, late, soon)) == [
        ("unlock", "pending", "wallet", soon, 30),
        ("repay", "wallet", "debt", soon, 30),
        ("unlock", "pending", "wallet", late, 30),
        ("repay", "wallet", "debt", late, 20),
    ]
    assert positions(mei) == {("wallet", late): 10}


def test_points_unlocked_after_their_last_day_expire_as_they_arrive(mei):
    lot = earn(mei, 100, last=date(2026, 3, 31))
    after = instant("2026-04-02 10:00")

    assert flow(unlock(mei, lot, at=after)) == [
        ("unlock", "pending", "wallet", lot, 100),
        ("expire", "wallet", "expiry", lot, 100),
    ]
    assert purse(mei) == {}
    assert {row.happened_at for row in postings(mei) if row.kind == "expire"} == {after}


def test_points_unlocked_after_their_last_day_still_repay(mei):
    owing(mei, 40)
    lot = earn(mei, 100, last=date(2026, 3, 31))

    assert flow(unlock(mei, lot, at=instant("2026-04-02 10:00"))) == [
        ("unlock", "pending", "wallet", lot, 100),
        ("repay", "wallet", "debt", lot, 40),
        ("expire", "wallet", "expiry", lot, 60),
    ]
    assert purse(mei) == {}


def test_a_member_without_a_purse_cannot_be_locked(either):
    with pytest.raises(LookupError), locked(404, at=NOON):
        pass


def test_a_verb_outside_a_transaction_is_our_mistake(mei):
    with locked(mei) as purse_of_mei:
        pass

    with pytest.raises(AssertionError, match="outside transaction"):
        ledger.lock_many([mei], zone="Europe/Berlin")
    with pytest.raises(RuntimeError, match="outside transaction"):
        ledger.hold(purse_of_mei, 1, reference="order:7", at=NOON)


def test_giving_points_is_earning_and_unlocking_in_two_moves(mei):
    give(mei, 100, "task:1")

    assert [(row.kind, row.source, row.destination) for row in postings(mei)] == [
        ("earn", "issuance", "pending"),
        ("unlock", "pending", "wallet"),
    ]
