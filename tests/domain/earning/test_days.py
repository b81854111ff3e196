"""A birthday and the day of joining are celebrated once a year, and being here counts once a day."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from mall.base.db import execute, reading, transaction
from mall.domain import earning, ledger, membership, notices, people, programme

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
BORN = date(1990, 5, 17)


def at(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00+00:00")


def tell_birthday(member_id, birthday=BORN, *, when=NOON):
    with transaction():
        people.save_profile(
            member_id, display_name="Mei", birthday=birthday, phone="", language="en", wants_news=False, at=when
        )


def night(when):
    """What a night gives for birthdays and for years with the shop: {task: points}."""
    with reading():
        terms = programme.current(when)
        birthdays = earning.due_birthdays(terms=terms, at=when)
        years = earning.due_anniversaries(terms=terms, at=when)
    given = {}
    with transaction():
        for member_id in birthdays:
            for reward in earning.celebrate_birthday(member_id, terms=terms, at=when):
                given[reward.task] = given.get(reward.task, 0) + reward.points
        for member_id, count in years:
            for reward in earning.celebrate_anniversary(member_id, years=count, terms=terms, at=when):
                given[reward.task] = given.get(reward.task, 0) + reward.points
    return given


def ready(member_id, when=NOON):
    with reading():
        return ledger.balances(member_id, at=when).ready


def test_a_birthday_is_paid_on_the_day_and_again_a_year_later(mei):
    tell_birthday(mei)
    assert night(at("2026-05-16")) == {}
    assert night(at("2026-05-17")) == {"birthday": 100}
    assert night(at("2026-05-18")) == {}
    assert night(at("2027-05-17")) == {"birthday": 100}


def test_the_day_of_a_birthday_is_the_shops(mei):
    tell_birthday(mei)
    # Half past eleven in the evening of the 16th in London is the 17th in Berlin, where the shop is.
    assert night(datetime(2026, 5, 16, 22, 30, tzinfo=UTC)) == {"birthday": 100}


def test_a_night_that_was_slept_through_is_made_up_for(mei):
    tell_birthday(mei)
    assert night(at("2026-05-20")) == {"birthday": 100}
    assert night(at("2026-05-21")) == {}


def test_a_birthday_told_on_the_day_waits_for_the_next(mei):
    tell_birthday(mei, when=at("2026-05-17"))
    assert night(at("2026-05-17")) == {}
    assert night(at("2027-05-17")) == {"birthday": 100}


@pytest.mark.parametrize(("day", "celebrated"), [("2027-02-28", True), ("2028-02-28", False), ("2028-02-29", True)])
def test_who_was_born_on_29_february_has_a_birthday_every_year(mei, day, celebrated):
    tell_birthday(mei, date(1992, 2, 29))
    assert ("birthday" in night(at(day))) is celebrated


def test_sec_64_a_birthday_that_is_changed_comes_once_a_year_all_the_same(mei):
    tell_birthday(mei, when=at("2025-05-01"))
    assert night(at("2026-05-17")) == {"birthday": 100}
    tell_birthday(mei, date(1990, 7, 1), when=at("2026-06-01"))
    assert night(at("2026-07-01")) == {}
    assert night(at("2027-07-01")) == {"birthday": 100}
    assert ready(mei, at("2027-07-01")) == 100  # The first hundred has expired.


def test_two_celebrations_at_once_are_one(mei):
    tell_birthday(mei)
    with transaction():
        terms = programme.current(NOON)
        for _time in range(2):
            earning.celebrate_birthday(mei, terms=terms, at=at("2026-05-17"))
            earning.celebrate_birthday(mei, terms=terms, at=at("2026-05-18"))
    assert ready(mei, at("2026-05-18")) == 100


def test_the_day_of_joining_is_paid_every_year(mei):
    assert night(at("2026-03-02")) == {}
    assert night(at("2027-03-02")) == {"anniversary": 50}
    assert night(at("2027-03-03")) == {}
    assert night(at("2028-03-04")) == {"anniversary": 50}
    with reading():
        whys = [str(lot.why) for lot in execute(select(ledger.Lot).order_by(ledger.Lot.id))]
    assert whys == ["Year 1 with us, completed on 2027-03-02", "Year 2 with us, completed on 2028-03-04"]


def test_being_here_gives_growth_once_a_day_where_the_shop_wants_it(app, open_shop):
    mei = open_shop(tasks=[{"key": "visit", "points": 0, "growth": 1, "per_day": 1}])
    for hours in (0, 2, 5, 24):
        when = NOON + timedelta(hours=hours)
        with transaction():
            earning.visited(mei, terms=programme.current(when), at=when)
    with reading():
        assert [row.points for row in execute(select(membership.GrowthEvent))] == [1, 1]


def test_being_here_is_no_fact_where_nothing_is_paid_for_it(mei):
    with transaction():
        assert earning.visited(mei, terms=programme.current(NOON), at=NOON) == ()
    with reading():
        assert not execute(select(earning.FactRow).where(earning.FactRow.kind == "visited")).all()


def test_a_level_is_paid_once_for_each_that_is_reached(app, open_shop, sale_of):
    mei = open_shop(tasks=[{"key": "level_reached", "points": 100, "growth": 0}])
    with transaction():
        terms = programme.current(NOON)
        purse = ledger.lock(mei, zone=terms.zone)
        # 1,600 growth: from the first level past the second to the third.
        earning.order_paid(sale_of(mei, 160_000), purse=purse, terms=terms, at=NOON)
        earning.order_kept(sale_of(mei, 160_000), purse=purse, terms=terms, at=NOON)
        earning.review_level(mei, terms=terms, at=NOON)
    with reading():
        rewards = execute(select(earning.TaskReward.points)).scalars().all()
    assert rewards == [100, 100]


def test_a_level_reached_by_the_nights_review_of_many_is_paid_once(app, open_shop, sale_of):
    mei = open_shop(tasks=[{"key": "level_reached", "points": 30, "growth": 0}])
    later = NOON + timedelta(days=1)
    with transaction():
        terms = programme.current(NOON)
        purse = ledger.lock(mei, zone=terms.zone)
        earning.order_paid(sale_of(mei, 160_000), purse=purse, terms=terms, at=NOON)
        earning.order_kept(sale_of(mei, 160_000), purse=purse, terms=terms, at=NOON)
        settings = programme.settings_of(terms)
        settings["levels"][3] |= {"reach": 1_550, "keep": 1_550}
        number = programme.draft(settings, based_on=1, effective_from=NOON, by="staff:1", at=NOON, reason="Lower")
        programme.approve(number, by="staff:2", at=NOON, other_approvers=1)
    before = ready(mei, later)
    for _twice in range(2):
        with transaction():
            assert earning.review_share(terms=programme.current(later), after=0, at=later) is None

    # VIP; Ordinary and Senior came with the order.
    assert ready(mei, later) == before + 30


def test_a_level_reached_by_a_tasks_growth_is_paid_too(app, open_shop):
    tasks = [
        {"key": "add_birthday", "points": 0, "growth": 5},
        {"key": "level_reached", "points": 100, "growth": 0},
    ]
    mei = open_shop(tasks=tasks)
    with transaction():
        earning.told(mei, earning.BIRTHDAY_ADDED, terms=programme.current(NOON), at=NOON)
    assert ready(mei) == 100


@pytest.mark.breaks_the_books
def test_the_proof_finds_two_birthdays_in_a_year(mei):
    tell_birthday(mei)
    night(at("2026-05-17"))
    with transaction():
        execute(
            insert(earning.FactRow).values(
                kind="had_birthday", member_id=mei, reference=f"member:{mei}", cents=0, key="made up",
                attributes={"day": "2026-09-01"}, at=at("2026-09-01"),
            )
        )  # fmt: skip
    with reading():
        broken = [check.name for check in earning.checks() if execute(check.breaks).first()]
    assert broken == ["nobody has two birthdays in a year"]


NOT_CELEBRATED = "as of the last night who has a birthday was given what it is worth"


def celebrated(when):
    """Let the outbox say that the job of a night was done."""
    with transaction():
        notices.later("members.celebrate", {}, key=f"members.celebrate:{when.date().isoformat()}", at=when)
        done = update(notices.Notice).where(notices.Notice.sent_at.is_(None))
        execute(done.values(sent_at=when + timedelta(minutes=1)))
    with reading():
        return [check.name for check in earning.checks() if execute(check.breaks).first() is not None]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_birthday_that_was_never_celebrated(either, open_shop):
    mei = open_shop()
    tell_birthday(mei)
    assert celebrated(at("2026-05-16")) == []
    assert celebrated(at("2026-05-17")) == [NOT_CELEBRATED]
    night(at("2026-05-17"))
    assert celebrated(at("2026-05-17")) == []
    # A night that was slept through is made up for by the next, and says nothing itself.
    assert celebrated(at("2027-05-18")) == []


@pytest.mark.breaks_the_books
def test_a_birthday_told_too_late_is_not_missed(mei):
    tell_birthday(mei, when=at("2026-05-15"))
    assert celebrated(at("2026-05-17")) == []
