"""A round does its rows one by one: a row that fails is put off, each time longer, and forgotten once it was done."""

from datetime import timedelta

import pytest
from psycopg.errors import LockNotAvailable
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from mall.base.db import execute, reading, transaction
from mall.domain import notices
from tests.conftest import NOON

MINUTE = timedelta(minutes=1)


def bad(*row_ids):
    def do(row_id):
        if row_id in row_ids:
            raise ValueError(f"row {row_id}")

    return do


def resting(at=NOON):
    with reading():
        return set(execute(notices.put_off("tea", at=at)).scalars())


def test_the_others_are_done(either):
    tally = notices.one_by_one("tea", [1, 2, 3], bad(2), at=NOON)

    assert tally == notices.Tally(2, (2,))
    assert resting() == {2}
    assert resting(NOON + MINUTE) == set()


def test_each_time_it_waits_longer_at_most_six_hours(either):
    at, waits = NOON, []
    for _try in range(11):
        notices.one_by_one("tea", [2], bad(2), at=at)
        with reading():
            until = execute(select(notices.Setback.next_try_at)).scalar_one()
        waits.append(until - at)
        at = until

    assert waits[:4] == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert waits[-1] == timedelta(hours=6)


def test_once_done_it_is_forgotten(either):
    notices.one_by_one("tea", [2], bad(2), at=NOON)
    notices.one_by_one("tea", [1, 2], bad(), at=NOON + MINUTE)

    with reading():
        assert execute(select(notices.Setback)).all() == []


def test_a_row_of_another_round_is_another_row(either):
    notices.one_by_one("cake", [2], bad(2), at=NOON)

    assert resting() == set()


def test_what_somebody_else_did_meanwhile_is_forgotten_after_a_while(either):
    notices.one_by_one("tea", [2], bad(2), at=NOON)
    with transaction():
        assert notices.forget_setbacks(before=NOON + MINUTE) == 0
        assert notices.forget_setbacks(before=NOON + 2 * MINUTE) == 1


def test_a_database_that_says_not_now_is_asked_again(either):
    said = []

    def busy(row_id):
        if not said:
            said.append(row_id)
            raise OperationalError("SELECT 1", {}, LockNotAvailable())

    assert notices.one_by_one("tea", [2], busy, at=NOON) == notices.Tally(1, ())


def test_what_went_wrong_is_in_the_log_with_its_row(app):
    with capture_logs() as lines:
        notices.one_by_one("tea", [7], bad(7), at=NOON)

    (line,) = lines
    assert (line["log_level"], line["round"], line["row"], line["tries"]) == ("error", "tea", 7, 1)
    assert str(line["exc_info"]) == "row 7"


def test_it_is_no_round_inside_a_transaction(app):
    with transaction(), pytest.raises(AssertionError):
        notices.one_by_one("tea", [1], bad(), at=NOON)
