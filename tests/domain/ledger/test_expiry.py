"""Points leave the wallet when their last day is over, in the shop's zone, whether or not the nightly job has run."""

from datetime import date, timedelta

import pytest

from mall.base.clock import end_of, moved_to
from mall.base.db import reading, transaction
from mall.domain import ledger
from tests.conftest import NOON

from .steps import (
    ZONE,
    capture,
    earn,
    end,
    expire_due,
    give,
    give_back,
    hold,
    instant,
    locked,
    new_member,
    positions,
    postings,
    purse,
    ready,
    redeem,
    release,
    take_back,
)

SOON = date(2026, 3, 31)
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("day", "zone", "ends"),
    [
        # Berlin changes to summer time on 29 March 2026 and back on 25 October 2026.
        (date(2026, 3, 28), "Europe/Berlin", "2026-03-28 22:59:59.999999"),
        (date(2026, 3, 29), "Europe/Berlin", "2026-03-29 21:59:59.999999"),
        (date(2026, 10, 24), "Europe/Berlin", "2026-10-24 21:59:59.999999"),
        (date(2026, 10, 25), "Europe/Berlin", "2026-10-25 22:59:59.999999"),
        (date(2026, 12, 31), "Asia/Shanghai", "2026-12-31 15:59:59.999999"),
        (date(2026, 12, 31), "Pacific/Kiritimati", "2026-12-31 09:59:59.999999"),
        # In Santiago the clock goes from 23:59:59 to 01:00: 6 September 2026 has no midnight.
        (date(2026, 9, 5), "America/Santiago", "2026-09-06 03:59:59.999999"),
    ],
)
def test_a_last_day_ends_where_the_shop_is(day, zone, ends):
    assert ledger.last_day(day, zone) == (day, instant(ends))


@pytest.mark.parametrize("day", [SOON, date(2026, 3, 29), date(2026, 10, 25)])
def test_spendable_up_to_the_last_instant(mei, day):
    give(mei, 100, last=day)

    assert ready(mei, at=end(day)) == 100
    assert ready(mei, at=end(day) + MOMENT) == 0


def test_the_balance_does_not_wait_for_the_job(mei):
    give(mei, 100, last=SOON)
    give(mei, 30, "order:2")
    after = end(SOON) + MOMENT

    with reading():
        before_job = ledger.balances(mei, at=after)
    expire_due(at=after)
    with reading():
        assert ledger.balances(mei, at=after) == before_job == ledger.Balances(ready=30, pending=0, held=0, owed=0)


def test_the_job_takes_what_is_past_and_nothing_else(mei):
    past, living = give(mei, 100, last=SOON), give(mei, 30, "order:2", last=date(2026, 4, 30))
    pending = earn(mei, 20, "order:3", last=SOON)

    assert expire_due(at=end(SOON)) == 0
    assert expire_due(at=end(SOON) + MOMENT) == 1

    assert positions(mei) == {("wallet", living): 30, ("pending", pending): 20}
    [line] = [row for row in postings(mei) if row.kind == "expire"]
    assert (line.move, line.source, line.destination) == (f"lot:{past}:expire", "wallet", "expiry")


def test_an_expiry_counts_from_the_last_instant_and_is_written_when_it_is(mei):
    give(mei, 100, last=SOON)
    late = instant("2026-04-05 03:00")

    expire_due(at=late)

    [line] = [row for row in postings(mei) if row.kind == "expire"]
    assert (line.happened_at, line.happened_on, line.written_at) == (end(SOON), SOON, late)


def test_the_job_run_again_does_nothing(mei):
    give(mei, 100, last=SOON)
    after = end(SOON) + MOMENT

    assert [expire_due(at=after), expire_due(at=after)] == [1, 0]
    assert purse(mei) == {}


def test_the_job_goes_on_where_it_stopped(either):
    members = [new_member(f"m{number}") for number in range(5)]
    for number, member in enumerate(members):
        give(member, 10, f"order:{number}", last=SOON)
    after = end(SOON) + MOMENT

    with moved_to(after), transaction():
        begin = ledger.expire_due(zone=ZONE, after=members[0] - 1, at=after, share=2)
    assert begin == members[1]
    assert [purse(member) for member in members] == [{}] * 2 + [{"wallet": 10}] * 3

    assert expire_due(at=after, share=2) == 3  # As after a crash: from the first member on.
    assert [purse(member) for member in members] == [{}] * 5
    assert [len([row for row in postings(member) if row.kind == "expire"]) for member in members] == [1] * 5


def test_the_last_share_says_that_it_is_the_last(mei, tom):
    give(tom, 10, last=SOON)

    with transaction():
        assert ledger.expire_due(zone=ZONE, after=mei - 1, at=NOON, share=tom - mei) == tom - 1
        assert ledger.expire_due(zone=ZONE, after=mei - 1, at=NOON, share=tom - mei + 1) is None


def test_one_member_alone(mei, tom):
    give(mei, 10, "order:1", last=SOON)
    give(tom, 10, "order:2", last=SOON)
    after = end(SOON) + MOMENT

    with locked(mei, at=after) as purse_of_mei:
        ledger.expire(purse_of_mei, at=after)
        assert purse_of_mei.wallet == 0

    assert (purse(mei), purse(tom)) == ({}, {"wallet": 10})


def test_a_zone_that_changes_later_moves_no_lot(mei):
    lot = earn(mei, 100, last=SOON, zone="Asia/Shanghai")
    with locked(mei, zone=ZONE) as purse_of_mei:
        ledger.unlock(purse_of_mei, [lot], at=NOON)

    assert ready(mei, at=end_of(SOON, "Asia/Shanghai")) == 100
    assert ready(mei, at=end_of(SOON, "Asia/Shanghai") + MOMENT) == 0


def test_points_back_in_a_lot_that_the_job_has_emptied_expire_again(mei):
    """A release is timed at the last instant, waits for the lock, and is written after the job."""
    lot = give(mei, 100, last=SOON)
    hold(mei, 40)
    expire_due(at=end(SOON) + MOMENT)
    release(mei, at=end(SOON))
    assert positions(mei) == {("wallet", lot): 40}

    assert expire_due(at=end(SOON) + MOMENT) == 1

    assert [row.move for row in postings(mei) if row.kind == "expire"] == [f"lot:{lot}:expire", f"lot:{lot}:expire:2"]
    assert purse(mei) == {}


def a_story(member: int, name: str, *, nightly: bool) -> list[tuple[int, int]]:
    """Spend, hold, refund and take back around the end of a lot; with the job run every night, or never."""
    seen = []

    def night(at):
        if nightly:
            expire_due(at=at)
        with reading():
            there = ledger.balances(member, at=at)
        seen.append((there.ready, there.owed))

    after = end(SOON) + MOMENT
    soon = give(member, 100, f"{name}:1", last=SOON)
    give(member, 50, f"{name}:2")
    redeem(member, 30, f"{name}:3")
    hold(member, 30, f"{name}:4")
    night(after)
    release(member, f"{name}:4", at=after)
    night(after)
    take_back(member, {soon: 20}, f"{name}:1", key=f"{name}:taken", at=after)
    night(after)
    give_back(member, 30, f"{name}:3", key=f"{name}:back", shipped=True, at=after + timedelta(days=3))
    hold(member, 10, f"{name}:5", at=after + timedelta(days=3))
    night(after + timedelta(days=10))
    capture(member, f"{name}:5", at=after + timedelta(days=10))
    night(after + timedelta(days=40))
    return seen


def test_no_outcome_depends_on_whether_the_job_has_run(mei, tom):
    asleep = a_story(mei, "asleep", nightly=False)

    assert a_story(tom, "awake", nightly=True) == asleep
    assert asleep == [(50, 0), (80, 0), (20, 0), (40, 0), (20, 0)]
