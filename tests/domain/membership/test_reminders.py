"""A granted level that ends soon is announced 14 and 3 days before, each once; one that goes on is not."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from mall.base.clock import end_of
from mall.base.db import execute, reading, transaction
from mall.domain import membership, notices, programme

from .conftest import START

DAY = timedelta(days=1)
LAST = date(2026, 3, 31)


def grant(member_id, rank=4, *, last_day=LAST, at=START, key="once"):
    with transaction():
        return membership.write_grant(
            membership.Grant(member_id, rank, last_day, "A friend", "staff:1", key), terms=programme.current(at), at=at
        )


def pay(member_id, rank=4, *, at=START, reference="order:1:1"):
    with transaction():
        membership.write_paid_grant(
            member_id, rank, length=30, unit="days", reference=reference, terms=programme.current(at), at=at
        )


def night(day):
    at = end_of(day - DAY, "Europe/Berlin") + timedelta(hours=3)
    with transaction():
        assert membership.tell_ending(after=0, terms=programme.current(at), at=at) is None


def told():
    with reading():
        rows = execute(
            select(notices.Notice.details).where(notices.Notice.kind == "level_ending").order_by(notices.Notice.id)
        )
        return [(row.details["last_day"], row.details["paid"]) for row in rows]


def test_by_hand_it_is_told_14_days_before_and_3_and_each_once(mei):
    grant(mei)

    counts = []
    for left in (15, 14, 13, 4, 3, 2, 0, -1):
        night(LAST - left * DAY)
        counts.append(len(told()))

    assert counts == [0, 1, 1, 1, 2, 2, 2, 2]
    assert told() == [("2026-03-31", False)] * 2


def test_after_nights_that_were_missed_it_is_told_once_and_not_of_both(mei):
    grant(mei)

    night(LAST - 2 * DAY)

    assert len(told()) == 1


def test_one_that_was_granted_for_a_few_days_is_not_announced_at_once(mei):
    grant(mei, last_day=date(2026, 1, 20))  # Ten days.

    night(date(2026, 1, 11))
    assert told() == []
    night(date(2026, 1, 17))
    assert len(told()) == 1


@pytest.mark.breaks_the_books  # No order has paid for it here.
def test_paid_time_that_was_lengthened_is_announced_anew_before_its_own_end(mei):
    pay(mei)  # Until 8 February.
    night(date(2026, 1, 25))
    assert told() == [("2026-02-08", True)]

    pay(mei, at=START + 20 * DAY, reference="order:2:1")
    night(date(2026, 2, 6))
    assert len(told()) == 1
    night(date(2026, 2, 24))
    assert told()[1:] == [("2026-03-10", True)]


def test_beside_one_as_high_that_lasts_longer_it_is_not_announced(mei):
    grant(mei)
    grant(mei, 5, last_day=date(2026, 6, 30), key="another")

    night(LAST - 3 * DAY)

    assert told() == []


def test_one_that_has_ended_is_not_announced(mei):
    grant_id = grant(mei)
    with transaction():
        membership.withdraw_grant(
            grant_id, member_id=mei, reason="So", by="staff:1", terms=programme.current(START), at=START + DAY
        )

    night(LAST - 3 * DAY)

    assert told() == []


@pytest.mark.parametrize("share", [1, 5_000])
def test_members_are_told_share_by_share(mei, share):
    grant(mei)
    at, after, rounds = end_of(LAST - 4 * DAY, "Europe/Berlin") + timedelta(hours=3), 0, 0
    while after is not None:
        with transaction():
            after = membership.tell_ending(after=after, terms=programme.current(at), at=at, share=share)
        rounds += 1

    assert (len(told()), rounds) == (1, 1)
