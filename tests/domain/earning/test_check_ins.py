"""The daily check-in: once a day of the shop, days in a row bring more, and a missed day begins anew."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from mall.base.db import execute, reading, transaction
from mall.domain import earning, ledger, membership, programme
from mall.domain.earning import check_ins as earning_check_ins
from tests.domain.ledger.test_proof import lower_the_guards

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")


def check_in(member_id, at=NOON):
    with transaction():
        return earning.check_in(member_id, terms=programme.current(at), at=at)


def check_in_on(member_id, days):
    """Check in on the first so many days, one after the other; returns what each gave in points."""
    return [check_in(member_id, NOON + day * DAY).points for day in days]


def ready(member_id, at=NOON):
    with reading():
        return ledger.balances(member_id, at=at).ready


def growth(member_id):
    event = membership.GrowthEvent
    with reading():
        return execute(select(func.coalesce(func.sum(event.points), 0)).where(event.member_id == member_id)).scalar()


def streak(member_id, at):
    with reading():
        today = programme.current(at).today(at)
        return earning.streak_of(member_id, since=today - 6 * DAY, today=today)


def test_a_check_in_gives_points_that_are_ready_at_once(mei):
    done = check_in(mei)

    assert (done.streak, done.points, done.again) == (1, 10, False)
    assert ready(mei) == 10


def test_a_second_one_on_the_same_day_gives_nothing_more(mei):
    check_in(mei)
    again = check_in(mei, NOON + timedelta(hours=9))

    assert (again.again, again.streak, again.points) == (True, 1, 0)
    assert ready(mei) == 10


def test_three_seven_fourteen_and_thirty_days_in_a_row_bring_more(mei):
    given = check_in_on(mei, range(30))

    assert [day + 1 for day, points in enumerate(given) if points > 10] == [3, 7, 14, 30]
    assert (given[2], given[6], given[13], given[29]) == (20, 50, 90, 210)
    assert ready(mei, NOON + 30 * DAY) == 30 * 10 + 10 + 40 + 80 + 200
    assert growth(mei) == 5 + 10 + 30


def test_after_thirty_days_the_round_begins_anew(mei):
    given = check_in_on(mei, range(37))

    assert (given[30], given[32], given[36]) == (10, 20, 50)
    assert streak(mei, NOON + 36 * DAY).days == 37


def test_a_missed_day_begins_at_one(mei):
    check_in_on(mei, [0, 1])
    late = check_in(mei, NOON + 3 * DAY)

    assert (late.streak, late.points) == (1, 10)


def test_the_caps_of_a_month_hold_for_those_who_begin_again_and_again(mei):
    # Three days, one missed, and so on: seven streaks of three in March, of which four are paid.
    given = check_in_on(mei, [day for day in range(28) if day % 4 != 3])

    assert given.count(20) == 4
    assert given.count(10) == 17


def test_the_day_is_the_shop_s_and_changes_at_its_midnight(mei):
    late = datetime(2026, 3, 2, 23, 59, 59, tzinfo=BERLIN)
    assert check_in(mei, late).day == date(2026, 3, 2)
    assert check_in(mei, late + timedelta(seconds=1)).day == date(2026, 3, 3)
    assert check_in(mei, late + timedelta(hours=2)).again


def test_a_clock_that_goes_back_finds_its_day_done(mei):
    check_in(mei, NOON + DAY)
    again = check_in(mei, NOON)

    assert again.again
    assert ready(mei, NOON + DAY) == 10


MIDNIGHT = datetime(2026, 3, 4, 23, 0, tzinfo=UTC)  # Of 4 to 5 March in Berlin.
BEFORE, AFTER = MIDNIGHT - timedelta(milliseconds=1), MIDNIGHT + timedelta(milliseconds=1)


@pytest.mark.parametrize("taps", [(BEFORE, AFTER), (AFTER, BEFORE), (AFTER, BEFORE, AFTER), (AFTER,)])
def test_taps_about_midnight_lose_no_day_in_whatever_order_they_come(app, open_shop, taps):
    mei = open_shop(zone="Europe/Berlin")
    for day in (1, 2):
        check_in(mei, NOON + (day - 1) * DAY)
    points = sum(check_in(mei, tap).points for tap in taps)
    points += check_in(mei, MIDNIGHT + 9 * timedelta(hours=1)).points

    now = streak(mei, MIDNIGHT + 10 * timedelta(hours=1))
    assert (now.days, now.today_done) == (4, True)
    assert set(now.days_here) == {date(2026, 3, day) for day in range(2, 6)}
    assert points == 20 + 10  # The third day in a row, with its bonus, and the fourth.


def test_later_than_that_a_missed_day_is_missed_and_nobody_gets_one_who_had_no_days_in_a_row(app, open_shop):
    mei = open_shop(zone="Europe/Berlin")
    assert (check_in(mei, AFTER).day, check_in(mei, BEFORE).again) == (date(2026, 3, 5), True)
    done = check_in(mei, AFTER + 2 * DAY + earning_check_ins.CROSSING)
    assert (done.day, done.streak) == (date(2026, 3, 7), 1)


def test_without_that_a_tap_that_comes_too_late_ends_the_days_in_a_row(app, open_shop, monkeypatch):
    monkeypatch.setattr(earning_check_ins, "CROSSING", timedelta())
    mei = open_shop(zone="Europe/Berlin")
    for day in (1, 2):
        check_in(mei, NOON + (day - 1) * DAY)
    for tap in (AFTER, BEFORE):
        check_in(mei, tap)
    assert streak(mei, AFTER).days == 1


@pytest.mark.parametrize("change", [date(2026, 3, 8), date(2026, 11, 1)])
@pytest.mark.parametrize("hour", [0, 1, 2, 23])
def test_days_in_a_row_go_on_over_the_days_on_which_the_clocks_change(app, open_shop, change, hour):
    zone = ZoneInfo("America/New_York")
    mei = open_shop(zone=str(zone))
    for number in range(5):
        day = change + (number - 2) * DAY
        local = datetime(day.year, day.month, day.day, hour, 59, 59, tzinfo=zone)
        done = check_in(mei, local.astimezone(UTC))
        assert (done.day, done.streak, done.again) == (day, number + 1, False)
        assert check_in(mei, local.astimezone(UTC)).again


@pytest.mark.parametrize(
    ("days", "looked_at", "in_a_row", "today_done"),
    [
        ([], 0, 0, False),
        ([0], 0, 1, True),
        ([0, 1], 2, 2, False),
        ([0, 1], 3, 0, False),
        ([0, 2], 2, 1, True),
    ],
)
def test_a_streak_lasts_until_the_day_after_its_last(mei, days, looked_at, in_a_row, today_done):
    check_in_on(mei, days)
    found = streak(mei, NOON + looked_at * DAY)

    assert (found.days, found.today_done) == (in_a_row, today_done)
    assert found.days_here == {(NOON + day * DAY).date(): 10 for day in days}


def test_a_shop_that_pays_nothing_for_it_notes_it_all_the_same(app, open_shop):
    mei = open_shop(tasks=[])
    done = check_in(mei)

    assert (done.streak, done.points, done.again) == (1, 0, False)
    assert ready(mei) == 0


def test_a_streak_that_lifts_to_a_level_lifts_at_once(mei):
    check_in_on(mei, range(7))
    with reading():
        at = NOON + 6 * DAY
        assert membership.standing(mei, terms=programme.current(at), at=at).rank == 2


def broken():
    with reading():
        return [check.name for check in earning.checks() if execute(check.breaks).first()]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(("day", "streak"), [(1, 1), (2, 2), (1, 5)])
def test_the_proof_finds_days_in_a_row_that_were_none(mei, day, streak):
    check_in(mei)
    assert broken() == []
    with transaction():
        values = {"member_id": mei, "day": (NOON + day * DAY).date(), "streak": streak, "at": NOON}
        execute(insert(earning.CheckIn).values(values))

    assert "a check-in counts the days in a row" in broken()
    assert "who checked in did so once, as a fact says" in broken()


FACT = "a fact of a check-in has its check-in, on its day and of its round"
PAYS = "a task paid what its version says, within the caps of its version"


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ("DELETE FROM check_in", FACT),
        ("UPDATE check_in SET day = '2026-03-09' WHERE streak = 3", FACT),
        ("UPDATE fact SET at = '2026-03-04 12:00:00.000001' WHERE kind = 'checked_in' AND id > 3", FACT),
        ("UPDATE fact SET attributes = json_set(attributes, '$.round_day', 7) WHERE kind = 'checked_in'", FACT),
        ("UPDATE task_reward SET points = points + 1 WHERE task = 'streak_3'", PAYS),
        ("UPDATE task_reward SET growth = 1 WHERE task = 'check_in'", PAYS),
        ("UPDATE task_reward SET per_day = NULL", PAYS),
        ("UPDATE task_reward SET per_month = 5 WHERE task = 'streak_3'", PAYS),
        ("UPDATE task_reward SET task = 'streak_5' WHERE task = 'streak_3'", PAYS),
        ("UPDATE task_reward SET version = 7", PAYS),
    ],
)
def test_the_proof_finds_a_streak_that_was_none_and_one_paid_otherwise(mei, changed, found):
    check_in_on(mei, range(3))
    assert broken() == []
    with transaction():
        lower_the_guards()
        execute(text(changed))

    assert found in broken()


def test_a_round_that_begins_anew_is_sound_and_so_is_what_another_version_pays(mei):
    check_in_on(mei, range(31))
    with transaction():
        settings = programme.settings_of(programme.current(NOON))
        settings["tasks"] = [
            each | ({"points": 99} if each["key"] == "check_in" else {}) for each in settings["tasks"]
        ]
        number = programme.draft(
            settings, based_on=1, effective_from=NOON + 31 * DAY, by="staff:1", at=NOON + 30 * DAY, reason="More"
        )
        programme.approve(number, by="staff:2", at=NOON + 30 * DAY, other_approvers=1)
    check_in_on(mei, range(31, 34))

    assert broken() == []


def test_a_check_in_cannot_be_changed(mei):
    check_in(mei)
    with pytest.raises(DBAPIError), transaction():
        execute(update(earning.CheckIn).values(streak=29))
