"""Points last as long as the rule says that was in force when they were given; points that came back, some days."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text

from mall.base.clock import end_of
from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import earning, ledger, programme
from tests.cast import note_adjustment
from tests.domain.ledger.test_proof import lower_the_guards
from tests.stage import NOON, open_shop

RULE = "points last as long as the rule says that was in force when they were given"
RENEWED = "points that came back after their last day last so many days more, and no longer"
INSTANT = "points of one version that end on one day end at one instant"
DAY = timedelta(days=1)
TASKS = [{"key": "check_in", "points": 5, "growth": 1}]


@pytest.fixture
def stage(either):
    return open_shop(tasks=TASKS)


@pytest.fixture
def mei(stage):
    return stage.member("mei")


def broken():
    with reading():
        return [check.name for check in earning.checks() if execute(check.breaks).first()]


def check_in(stage, member_id, at=NOON):
    with transaction():
        earning.check_in(member_id, terms=programme.current(at), at=at)


def lots():
    with reading():
        return execute(select(ledger.Lot).order_by(ledger.Lot.id)).all()


def spend_and_get_back(stage, member_id, *, shipped, after):
    """Spend all that a gift of today left, and get it back when its last day is over."""
    stage.give(member_id, 300)
    [gift] = lots()
    with transaction():
        purse = ledger.lock(member_id, zone=stage.terms.zone)
        ledger.redeem(purse, 300, reference="order:1", at=NOON)
    with transaction():
        purse = ledger.lock(member_id, zone=stage.terms.zone)
        at = gift.expires_at + after
        ledger.give_back(purse, 300, reference="order:1", key="order:1:back", shipped=shipped, at=at)


def test_points_of_a_version_last_as_long_as_it_says_whatever_holds_since(stage, mei):
    check_in(stage, mei)
    with transaction():
        settings = programme.settings_of(stage.terms) | {"validity_months": 3}
        number = programme.draft(settings, based_on=1, effective_from=NOON, by="staff:1", at=NOON, reason="Shorter")
        programme.approve(number, by="staff:2", at=NOON, other_approvers=1)
    check_in(stage, mei, NOON + DAY)

    assert [lot.expires_on.isoformat() for lot in lots()] == ["2027-03-31", "2026-06-30"]
    assert broken() == []


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Shanghai", "Europe/Berlin"])
def test_the_day_is_that_of_the_shop_whatever_its_clock(either, zone):
    stage = open_shop(zone=zone, tasks=TASKS)
    mei = stage.member("mei")
    for begins in (datetime(2026, 3, 31, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC)):
        for hours in (1, 9, 12, 23, 33):
            check_in(stage, mei, begins + timedelta(hours=hours))

    assert broken() == []


def test_who_adjusts_may_name_an_earlier_last_day(stage, mei):
    last = (NOON + 120 * DAY).date()
    with transaction():
        ledger.adjust_up(
            ledger.lock(mei, zone=stage.terms.zone), 50, key="card", reference="card:1",
            expiry=(last, end_of(last, stage.terms.zone)), version=1, worth=stage.terms.worth, why=say("Brought over"),
            by="staff:1", at=NOON,
        )  # fmt: skip
        note_adjustment(mei, 50, at=NOON)

    assert broken() == []


@pytest.mark.parametrize(("shipped", "days"), [(False, 7), (True, 30)])
def test_what_came_back_after_its_last_day_lasts_some_days_more(stage, mei, shipped, days):
    spend_and_get_back(stage, mei, shipped=shipped, after=timedelta(hours=5))

    gift, child = lots()
    assert child.expires_on == gift.expires_on + (days + 1) * DAY
    assert broken() == []


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ("UPDATE lot SET expires_on = '2027-04-30' WHERE origin = 'task'", RULE),
        ("UPDATE lot SET expires_on = '2027-03-30' WHERE origin = 'task'", RULE),
        ("UPDATE lot SET expires_on = '2027-04-01' WHERE reference = 'gift'", RULE),
        ("UPDATE lot SET expires_on = '2026-03-01' WHERE reference = 'gift'", RULE),
        ("UPDATE lot SET version = 7 WHERE origin = 'task'", RULE),
        ("UPDATE lot SET expires_on = '2027-04-09' WHERE parent_id IS NOT NULL", RENEWED),
        ("UPDATE lot SET expires_on = '2027-04-07' WHERE parent_id IS NOT NULL", RENEWED),
        ("UPDATE lot SET expires_at = '2027-04-01 12:00:00.000000' WHERE origin = 'task'", INSTANT),
    ],
)
def test_the_proof_finds_points_that_last_longer_or_shorter(stage, mei, changed, found):
    spend_and_get_back(stage, mei, shipped=False, after=timedelta(hours=5))
    check_in(stage, mei)
    assert broken() == []

    with transaction():
        lower_the_guards()
        execute(text(changed))

    assert found in broken()


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_renewed_lot_that_nothing_brought_back(stage, mei):
    check_in(stage, mei)
    [lot] = lots()
    with transaction():
        values = dict(lot._mapping) | {"id": 99, "parent_id": lot.id, "origin": "renewal", "reference": "order:9"}
        execute(insert(ledger.Lot).values(values))

    assert RENEWED in broken()
