"""Tries are counted, each, whatever happens to them; a window's end forgets them."""

from datetime import UTC, datetime, timedelta

import pytest

from mall.base.db import execute, reading, transaction
from mall.domain.people import throttle
from mall.domain.people.throttle import Limit, count, forgive, network_of, sweep_throttle
from tests.threads import errors, race

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
THREE = Limit("try", 3, timedelta(minutes=15))


def tried(subject="mei", *, at=NOON, limit=THREE):
    with transaction():
        return count(limit, subject, at=at)


def test_so_many_tries_and_no_more(either):
    counts = [tried() for _ in range(6)]

    assert [each.allowed for each in counts] == [True, True, True, False, False, False]
    assert [each.just_over for each in counts] == [False, False, False, True, False, False]


def test_the_window_runs_from_the_first_try(either):
    for minute in range(4):
        tried(at=NOON + timedelta(minutes=minute))

    last = tried(at=NOON + timedelta(minutes=14))
    assert not last.allowed
    assert str(last.refusal(NOON + timedelta(minutes=14))).endswith("Wait 1 minutes, then try again.")
    assert tried(at=NOON + timedelta(minutes=15)).allowed


def test_a_clock_that_was_ahead_and_is_set_right_shuts_nobody_out_for_long(either):
    for _ in range(4):
        tried(at=NOON + timedelta(days=400))

    assert [tried().allowed for _ in range(4)] == [True, True, True, False]


def test_who_comes_a_moment_before_the_first_try_is_counted_with_it(either):
    for seconds in (2, 1, 0, 0):
        last = tried(at=NOON + timedelta(seconds=seconds))

    assert not last.allowed


def test_subjects_and_purposes_are_counted_apart(either):
    for _ in range(4):
        tried()

    assert tried("tom").allowed
    assert tried(limit=Limit("other", 3, timedelta(minutes=15))).allowed


def test_the_right_person_is_forgiven(either):
    for _ in range(4):
        tried()
    with transaction():
        forgive(THREE, "mei")

    assert tried().allowed


def test_parallel_tries_are_all_counted(either):
    outcomes = race(either, [lambda: tried().allowed] * 30)

    assert errors(outcomes) == []
    assert sorted(outcomes) == [False] * 27 + [True] * 3


def test_the_table_names_nobody_and_is_swept(either):
    tried("mei@tessera.example")
    with reading():
        assert "mei" not in execute(throttle.Throttle.__table__.select()).one().key
    with transaction():
        assert sweep_throttle(at=NOON) == 0
        assert sweep_throttle(at=NOON + timedelta(minutes=15)) == 1


@pytest.mark.parametrize(
    ("address", "stands_for"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"),
        ("2001:db8:1:2::1", "2001:0db8:0001:0002"),
        ("", "unknown"),
        (None, "unknown"),
        ("no address", "unknown"),
    ],
)
def test_an_address_stands_for_its_household(address, stands_for):
    assert network_of(address) == stands_for
