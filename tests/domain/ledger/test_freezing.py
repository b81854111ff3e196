"""Points frozen while a bank decides are out of reach, come back whole, and are only those that the order earned."""

from datetime import date

import pytest

from mall.domain import ledger
from tests.conftest import NOON

from .steps import earn, flow, give, instant, locked, positions, purse, ready, redeem, take_back

AFTER = instant("2026-04-01 09:00")


def freeze(member, *lots, at=NOON):
    with locked(member, at=at) as of_member:
        return ledger.freeze(of_member, lots, reference="dispute:1", at=at)


def thaw(member, *, at=NOON):
    with locked(member, at=at) as of_member:
        return ledger.thaw(of_member, reference="dispute:1", at=at)


def test_what_the_wallet_has_of_the_lots_is_frozen_and_nothing_else(mei):
    kept, frozen = give(mei, 100, "order:1"), give(mei, 60, "order:2")
    redeem(mei, 110)

    assert flow(freeze(mei, frozen)) == [("hold", "wallet", "held", frozen, 50)]
    assert ready(mei) == 0
    assert (kept, frozen) == (1, 2)
    with pytest.raises(ledger.InsufficientPoints):
        redeem(mei, 1, "order:8")


def test_what_is_on_the_way_stays_there(mei):
    lot = earn(mei, 100)

    assert freeze(mei, lot) == []
    assert purse(mei) == {"pending": 100}
    assert thaw(mei) == []


def test_frozen_twice_is_once_and_thawed_twice_is_once(mei):
    lot = give(mei, 100)

    assert freeze(mei, lot) == freeze(mei, lot)
    assert thaw(mei) == thaw(mei)
    assert positions(mei) == {("wallet", lot): 100}


def test_past_points_are_not_frozen_and_those_that_passed_meanwhile_get_seven_days(mei):
    soon = give(mei, 100, last=date(2026, 3, 31))
    assert freeze(mei, soon, at=AFTER) == []

    freeze(mei, soon)
    thaw(mei, at=AFTER)

    assert ready(mei, at=AFTER) == 100
    assert ready(mei, at=instant("2026-04-09 09:00")) == 0


def test_thawed_points_are_taken_back_before_any_other(mei):
    other, frozen = give(mei, 100, "order:1"), give(mei, 60, "order:2")
    freeze(mei, frozen)
    thaw(mei)
    take_back(mei, {frozen: 0}, reference="order:2", key="order:2:back")

    assert positions(mei) == {("wallet", other): 100}
