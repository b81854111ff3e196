"""Tasks pay for behaviour besides buying: at once, once for each thing done, and never beyond their caps."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import earning, ledger, membership, programme

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TOLD = {
    "verify_email": earning.EMAIL_VERIFIED,
    "add_birthday": earning.BIRTHDAY_ADDED,
    "add_address": earning.ADDRESS_ADDED,
    "news_consent": earning.NEWS_WANTED,
}


def tell(member_id, *kinds, at=NOON):
    with transaction():
        return earning.told(member_id, *kinds, terms=programme.current(at), at=at)


def task(key, **changes):
    """The settings of one task of the ready-made ones, changed."""
    known = next(each for each in programme.default_settings(shop_name="Tessera")["tasks"] if each["key"] == key)
    return [known | changes]


def ready(member_id):
    with reading():
        return ledger.balances(member_id, at=NOON).ready


def test_every_task_of_the_programme_is_a_behaviour_that_a_fact_shows():
    assert set(programme.TASK_KEYS) == set(earning.BEHAVIOURS)
    assert {behaviour.kind for behaviour in earning.BEHAVIOURS.values()} <= set(earning.FACTS)
    assert {each.key for each in programme.READY_MADE_TASKS} == set(programme.TASK_KEYS)


@pytest.mark.parametrize("key", TOLD)
def test_what_a_member_tells_of_themselves_is_paid_once(mei, key):
    assert tell(mei, TOLD[key]) == (earning.Reward(key, 20, 0),)
    assert tell(mei, TOLD[key], at=NOON + 400 * DAY) == ()
    assert ready(mei) == 20


def test_what_is_told_at_once_is_paid_at_once(mei):
    given = tell(mei, earning.BIRTHDAY_ADDED, earning.NEWS_WANTED)
    assert [reward.task for reward in given] == ["add_birthday", "news_consent"]
    assert ready(mei) == 40


def test_a_sign_up_is_paid_where_the_shop_wants_it(app, open_shop):
    mei = open_shop(tasks=task("sign_up", active=True))
    assert ready(mei) == 50


def test_every_payment_says_why(mei):
    tell(mei, earning.BIRTHDAY_ADDED)
    with reading():
        lot = execute(select(ledger.Lot)).one()
    assert (lot.origin, lot.rule, lot.reference) == ("task", "add_birthday", "task:1")
    assert str(lot.why) == "Told us the birthday on 2026-03-02"


def test_points_of_a_task_repay_what_is_owed_first(mei, sale_of):
    with transaction():
        terms = programme.current(NOON)
        purse = ledger.lock(mei, zone=terms.zone)
        earning.order_paid(sale_of(mei, 1_590), purse=purse, terms=terms, at=NOON)
        earning.order_kept(sale_of(mei, 1_590), purse=purse, terms=terms, at=NOON)
        ledger.hold(purse, 159, reference="order:8", at=NOON)
        ledger.capture(purse, reference="order:8", at=NOON)
        earning.order_reduced(sale_of(mei, 0), key="order:7:refund", purse=purse, terms=terms, at=NOON)

    tell(mei, earning.BIRTHDAY_ADDED)
    with reading():
        assert ledger.balances(mei, at=NOON) == ledger.Balances(ready=0, pending=0, held=0, owed=139)


@pytest.mark.parametrize(
    ("changes", "paid"),
    [
        ({}, True),
        ({"active": False}, False),
        ({"begins_on": "2026-03-03"}, False),
        ({"ends_on": "2026-03-01"}, False),
        ({"begins_on": "2026-03-02", "ends_on": "2026-03-02"}, True),
        ({"from_rank": 2}, False),
    ],
)
def test_a_task_is_paid_while_it_runs_and_to_those_it_is_for(app, open_shop, changes, paid):
    mei = open_shop(tasks=task("add_birthday", **changes))
    assert bool(tell(mei, earning.BIRTHDAY_ADDED)) is paid


def test_who_has_the_level_is_paid(app, open_shop, sale_of):
    mei = open_shop(tasks=task("add_birthday", from_rank=2))
    with transaction():
        terms = programme.current(NOON)
        purse = ledger.lock(mei, zone=terms.zone)
        earning.order_paid(sale_of(mei, 1_590), purse=purse, terms=terms, at=NOON)
        earning.order_kept(sale_of(mei, 1_590), purse=purse, terms=terms, at=NOON)

    assert tell(mei, earning.BIRTHDAY_ADDED)


def test_a_task_may_give_growth_alone(app, open_shop):
    mei = open_shop(tasks=task("add_birthday", points=0, growth=7))
    assert tell(mei, earning.BIRTHDAY_ADDED) == (earning.Reward("add_birthday", 0, 7),)
    with reading():
        event = execute(select(membership.GrowthEvent)).one()
        assert execute(select(ledger.Lot)).all() == []
    assert (event.points, event.source, event.reference) == (7, "add_birthday", "task:1")


def test_what_was_done_is_counted_for_the_day_the_month_and_ever(mei):
    for day in (29, 30, 31):  # The last of March, and two days of April.
        at = NOON + day * DAY
        with transaction():
            earning.check_in(mei, terms=programme.current(at), at=at)
    with reading():
        done = earning.done_by(mei, today=(NOON + 31 * DAY).date())
    assert done["check_in"] == earning.Done(that_day=1, that_month=2, ever=3)
    assert done["streak_3"] == earning.Done(that_day=1, that_month=1, ever=1)
    assert set(done) == {"check_in", "streak_3"}


def broken():
    with reading():
        return [check.name for check in earning.checks() if execute(check.breaks).first()]


def reward(member_id, **values):
    """Write a reward by hand."""
    with reading():
        fact_id = execute(select(earning.FactRow.id).where(earning.FactRow.kind == "birthday_added")).scalar_one()
    row = {
        "member_id": member_id, "task": "add_birthday", "fact_id": fact_id, "points": 20, "growth": 0, "version": 1,
        "day": NOON.date(), "month": NOON.date().replace(day=1), "per_day": None, "per_month": None, "in_all": 1,
        "at": NOON,
    }  # fmt: skip
    with transaction():
        execute(insert(earning.TaskReward).values(row | values))


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_task_that_was_paid_for_nothing(app, open_shop):
    mei = open_shop(tasks=task("add_birthday", active=False))
    tell(mei, earning.BIRTHDAY_ADDED)
    assert broken() == []

    reward(mei, task="add_address")
    found = broken()
    assert "a task is paid for what its member did" in found
    assert "a task has given the points and the growth it says" in found


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_task_that_was_paid_beyond_its_cap(app, open_shop):
    mei = open_shop(tasks=task("add_birthday"))
    tell(mei, earning.BIRTHDAY_ADDED)
    tell(mei, earning.ADDRESS_ADDED)
    with reading():
        other = execute(select(earning.FactRow.id).where(earning.FactRow.kind == "address_added")).scalar_one()

    reward(mei, fact_id=other)
    assert "no task is paid more often than its caps allow" in broken()


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(("points", "growth"), [(10, 0), (0, 3)])
def test_the_proof_finds_what_no_task_gave(mei, points, growth):
    with transaction():
        terms = programme.current(NOON)
        purse = ledger.lock(mei, zone=terms.zone)
        if points:
            ledger.earn(
                purse, points, reference="task:9", rule="check_in", origin="task",
                expiry=terms.expiry_of(NOON.date()), version=1, worth=terms.worth, why=say("Made up"), at=NOON,
            )  # fmt: skip
        if growth:
            membership.add_growth(
                mei, growth, source="check_in", reference="task:9", counts_on=NOON.date(), version=1,
                why=say("Made up"), key="made up", terms=terms, at=NOON,
            )  # fmt: skip

    assert "points and growth of tasks come from a reward" in broken()
