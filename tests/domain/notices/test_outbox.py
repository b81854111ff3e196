"""What is to be told or done is written with its cause, done by one worker at a time, tried until it works."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import notices
from mall.domain.notices.outbox import MOST_TRIES, wait_after
from tests.cast import undone
from tests.threads import errors, race

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PAID = {
    "number": "1042", "total_cents": 690, "points": 900, "earned_points": 69, "codes": False, "coupons": False,
    "digital": False,
}  # fmt: skip


def tell(key="order_paid:7", **values):
    with transaction():
        return notices.tell(**{"member_id": 7, "kind": "order_paid", "values": PAID, "key": key, "at": NOON} | values)


def claim(at=NOON, **values):
    with transaction():
        return notices.claim(at=at, **values)


def rows():
    with reading():
        return execute(select(notices.Notice).order_by(notices.Notice.id)).all()


def test_a_mail_is_written_once_per_key(either):
    assert tell()
    assert not tell(values=PAID | {"number": "other"})

    (row,) = rows()
    assert (row.kind, row.member_id, row.details, row.sent_at) == ("order_paid", 7, PAID, None)


def test_a_mail_is_not_written_when_its_cause_fails(app):
    with pytest.raises(ZeroDivisionError), transaction():
        notices.tell(7, "order_paid", values=PAID, key="order_paid:7", at=NOON)
        _ = 1 / 0

    assert rows() == []


def test_a_kind_without_a_template_is_our_own_mistake(app):
    with pytest.raises(AssertionError, match="no mail is called"):
        tell(kind="birthday_cake")


def test_what_is_claimed_is_passed_over_by_others_until_its_lease_ends(either):
    tell()
    (mine,) = claim()

    assert mine.tries == 1
    assert claim() == []
    assert claim(at=NOON + 4 * MINUTE) == []
    (again,) = claim(at=NOON + 5 * MINUTE)
    assert (again.id, again.tries) == (mine.id, 2)


def test_what_is_done_is_not_due_again(either):
    tell()
    (notice,) = claim()
    with transaction():
        notices.done(notice, at=NOON)

    assert claim(at=NOON + timedelta(days=30)) == []
    assert rows()[0].sent_at == NOON


def test_what_failed_is_tried_again_later_and_later(app):
    tell()
    at = NOON
    for tries in range(1, MOST_TRIES):
        (notice,) = claim(at=at)
        assert notice.tries == tries
        with transaction():
            assert notices.failed(notice, "the mail server does not answer", at=at)
        assert claim(at=at + wait_after(tries) - timedelta(seconds=1)) == []
        at += wait_after(tries)

    assert rows()[0].last_error == "the mail server does not answer"


def test_the_wait_doubles_up_to_six_hours():
    assert [wait_after(tries) // MINUTE for tries in range(1, 12)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]


def test_after_the_last_try_it_is_given_up_and_stays_to_be_seen(app):
    tell()
    at = NOON
    for _try in range(MOST_TRIES):
        (notice,) = claim(at=at)
        with transaction():
            kept = notices.failed(notice, "no such mailbox", at=at)
        at += timedelta(hours=7)

    assert not kept
    assert claim(at=at + timedelta(days=30)) == []
    (seen,) = undone()
    assert (seen.tries, seen.last_error) == (MOST_TRIES, "no such mailbox")


def test_a_worker_that_outlived_its_lease_does_not_disturb_the_next(app):
    tell()
    (slow,) = claim()
    (quick,) = claim(at=NOON + 6 * MINUTE)
    with transaction():
        notices.failed(slow, "too slow", at=NOON + 7 * MINUTE)

    assert claim(at=NOON + 8 * MINUTE) == []
    with transaction():
        notices.done(quick, at=NOON + 8 * MINUTE)
        notices.failed(slow, "too slow", at=NOON + 9 * MINUTE)
    assert rows()[0].sent_at == NOON + 8 * MINUTE


@pytest.mark.parametrize("kind", ["verify_email", "reset_password", "confirm_email"])
def test_a_link_that_opens_an_account_does_not_stay_in_the_outbox(app, kind):
    tell(kind=kind, values={"name": "Mei", "link": "https://shop.test/verify/secret"})
    (notice,) = claim()
    with transaction():
        notices.done(notice, at=NOON)

    assert notice.details["link"].endswith("secret")
    assert rows()[0].details == {}


def test_the_longest_due_go_first_and_a_batch_has_a_limit(app):
    tell(key="second", at=NOON)
    tell(key="first", at=NOON - MINUTE)
    tell(key="third", at=NOON)

    assert {notice.key for notice in claim(limit=2)} == {"first", "second"}
    assert {notice.key for notice in claim(limit=2)} == {"third"}


def test_a_job_waits_for_its_time(app):
    with transaction():
        assert notices.later("points.expire", {"day": "2026-03-03"}, key="points.expire:2026-03-03", at=NOON + MINUTE)
        assert not notices.later("points.expire", {}, key="points.expire:2026-03-03", at=NOON)

    with reading():
        assert not notices.is_due(notices.JOB, at=NOON)
        assert notices.is_due(notices.JOB, at=NOON + MINUTE)
    assert claim() == []
    (job,) = claim(at=NOON + MINUTE)
    assert (job.channel, job.kind, job.details) == ("job", "points.expire", {"day": "2026-03-03"})


def test_jobs_done_long_ago_are_forgotten_but_for_the_last_and_mails_are_not(app):
    tell()
    with transaction():
        for number in (1, 2):
            notices.later("points.expire", {}, key=f"points.expire:{number}", at=NOON)
    with transaction():
        for notice in notices.claim(at=NOON):
            notices.done(notice, at=NOON)
        notices.later("points.expire", {}, key="points.expire:3", at=NOON + MINUTE)

    with transaction():
        assert notices.forget(before=NOON + MINUTE) == 1
    assert [row.key for row in rows()] == ["order_paid:7", "points.expire:2", "points.expire:3"]
    with reading():
        assert notices.last_done("points.expire") == NOON
        assert notices.last_done("levels.review") is None


@pytest.mark.concurrency
def test_many_workers_at_once_do_each_notice_once(postgres_app):
    for number in range(60):
        tell(key=f"order_paid:{number}")

    def work():
        return [notice.key for notice in claim(limit=5)]

    outcomes = race(postgres_app, [work] * 24)

    assert not errors(outcomes)
    claimed = [key for outcome in outcomes for key in outcome]
    assert sorted(claimed) == sorted(f"order_paid:{number}" for number in range(60))
