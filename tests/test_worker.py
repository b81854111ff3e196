"""The worker sends each mail and does each job once, however many workers there are, and tries again what failed."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from mall import worker
from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import aftersales, cash, checkout, earning, ledger, membership, notices, people, programme
from mall.gateway.mailers import FileMailer, MailNotSent
from tests import cast
from tests.threads import errors, race

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class Postman:
    """Keeps what it is given, or fails as told."""

    def __init__(self, *, fails=0):
        self.sent, self.fails = [], fails

    def send(self, mail):
        if self.fails:
            self.fails -= 1
            raise MailNotSent("the mail server does not answer")
        self.sent.append(mail)


def open_shop():
    """Set up a shop and welcome Mei. Returns her id."""
    with transaction():
        programme.establish(
            programme.default_settings(shop_name="Tessera", currency="EUR", zone="Europe/Berlin"), by="system", at=NOON
        )
    return join("mei")


def join(name):
    """Welcome a member. Returns the id."""
    with transaction():
        member_id = people.register(
            email=people.read_email(f"{name}@example.com"),
            password=people.PasswordHash("-"),
            display_name=name.title(),
            language="en",
            wants_news=False,
            verify_page="http://localhost/verify-email/",
            at=NOON,
        )
        earning.welcome(member_id, terms=programme.current(NOON), at=NOON)
    return member_id


@pytest.fixture
def mei(app):
    return open_shop()


def tell(member_id, number, at=NOON):
    values = {"number": str(number), "points": 0, "total_cents": 690, "earned_points": 69}
    values |= dict.fromkeys(("codes", "coupons", "digital"), False)
    with transaction():
        notices.tell(member_id, "order_paid", values=values, key=f"order:{number}:paid", at=at)


def drain(postman, at=NOON):
    with moved_to(at):
        return worker.drain(postman)


def rounds(at, started=None):
    return worker.start_rounds(at, set() if started is None else started)


def keys(channel="job"):
    with reading():
        return set(execute(select(notices.Notice.key).where(notices.Notice.channel == channel)).scalars())


def test_a_mail_is_sent_once(mei):
    postman = Postman()

    assert drain(postman) == 1
    assert drain(postman) == 0
    assert [mail.subject for mail in postman.sent] == ["Confirm your e-mail address"]


def test_mails_for_many_wait_until_nothing_else_is_due_and_go_by_the_batch(mei, monkeypatch):
    monkeypatch.setattr(worker, "BATCH", 2)
    values = {"points": 90, "expires_on": "2026-03-31"}
    before = NOON - timedelta(days=1)
    with transaction():
        notices.tell_all(
            "points_expiring", [notices.Telling(mei, f"many:{number}", values) for number in range(3)], at=before
        )
    postman = Postman()

    assert drain(postman) == 3
    assert [mail.subject for mail in postman.sent] == [
        "Confirm your e-mail address", "90 points expire on 31 March 2026", "90 points expire on 31 March 2026",
    ]  # fmt: skip
    tell(mei, 1042)
    assert drain(postman) == 2
    assert [mail.subject for mail in postman.sent][3:] == [
        "Order 1042 is paid", "90 points expire on 31 March 2026",
    ]  # fmt: skip
    assert drain(postman) == 0


def test_a_mail_that_failed_is_sent_later(mei):
    postman = Postman(fails=1)

    drain(postman)
    assert postman.sent == []
    assert drain(postman, NOON + timedelta(seconds=59)) == 0
    assert drain(postman, NOON + timedelta(minutes=1)) == 1
    assert len(postman.sent) == 1


def test_one_mail_that_fails_holds_up_no_other(mei):
    tell(mei, 1)
    tell(mei, 2)
    postman = Postman(fails=1)

    assert drain(postman) == 3
    assert len(postman.sent) == 2


class Slow(Postman):
    """Takes longer for its first mail than a lease is, and then fails; meanwhile another worker begins."""

    def __init__(self, other):
        super().__init__(fails=1)
        self.other = other

    def send(self, mail):
        if self.fails:
            drain(self.other, NOON + notices.outbox.LEASE)
        super().send(mail)


def test_what_another_worker_took_over_when_the_lease_ended_is_not_sent_again(mei):
    tell(mei, 1)
    tell(mei, 2)
    other = Postman()
    slow = Slow(other)

    assert drain(slow) == 1
    assert (len(slow.sent), len(other.sent)) == (0, 3)


def test_without_looking_at_the_lease_they_would_be_sent_twice(mei, monkeypatch):
    monkeypatch.setattr(notices, "renew", lambda notice, *, at: True)
    tell(mei, 1)
    other = Postman()
    slow = Slow(other)
    drain(slow)

    assert (len(slow.sent), len(other.sent)) == (1, 2)


def test_a_job_that_takes_long_keeps_no_mail_and_no_other_job_from_another_worker(mei, monkeypatch):
    done = []

    def slow_job(at):
        done.append("slow")
        with moved_to(NOON + 2 * notices.outbox.LEASE):
            done.append(worker.drain(Postman()))

    monkeypatch.setitem(worker.JOBS, "slow", worker.Round(slow_job))
    monkeypatch.setitem(worker.JOBS, "quick", worker.Round(lambda at: done.append("quick")))
    drain(Postman())
    with transaction():
        notices.later("slow", {}, key="slow", at=NOON)
        notices.later("quick", {}, key="quick", at=NOON)

    assert drain(Postman()) == 1
    assert done == ["slow", "quick", 1]


def test_a_mail_is_sent_outside_any_transaction(mei):
    class Prying(Postman):
        def send(self, mail):
            with transaction():
                super().send(mail)

    postman = Prying()
    drain(postman)

    assert len(postman.sent) == 1


def test_a_job_nobody_knows_is_kept_to_be_seen(mei):
    drain(Postman())
    with transaction():
        notices.later("tea.make", {}, key="tea", at=NOON)
    drain(Postman())

    (seen,) = cast.undone()
    assert (seen.kind, seen.last_error) == ("tea.make", "KeyError: 'tea.make'")


def test_what_comes_round_at_night_starts_once_a_day_of_the_shop(mei):
    nightly = {name for name, turn in worker.JOBS.items() if turn.minutes == 0}
    late = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
    rounds(late)
    rounds(late)
    # In Berlin the next day has begun.
    rounds(late + timedelta(hours=1))

    assert {key for key in keys() if key.endswith(("2026-03-02", "2026-03-03"))} == {
        f"{name}:{day}" for name in nightly for day in ("2026-03-02", "2026-03-03")
    }


def test_what_comes_round_every_few_minutes_starts_once_a_turn(mei):
    started = set()

    assert rounds(NOON, started) == len(worker.JOBS)
    assert rounds(NOON + timedelta(seconds=59), started) == 0
    assert rounds(NOON + timedelta(seconds=60), started) == len(
        [job for job in worker.JOBS.values() if job.minutes == 1]
    )
    assert rounds(NOON + timedelta(seconds=60)) == 0


def test_a_worker_with_nothing_to_start_or_send_writes_nothing(mei, count_statements):
    drain(Postman())
    started = set()
    rounds(NOON, started)
    with moved_to(NOON):
        drain(Postman())
        count_statements.clear()
        rounds(NOON, started)
        worker.drain(Postman())

    assert not [sql for sql in count_statements if sql.startswith(("INSERT", "UPDATE", "DELETE"))]


def test_before_the_shop_is_set_up_nothing_comes_round(app):
    assert rounds(NOON) == 0
    assert drain(Postman()) == 0


def test_every_job_that_comes_round_can_be_done(mei):
    rounds(NOON)
    drain(Postman())

    assert [(notice.kind, notice.last_error) for notice in cast.undone()] == []


def test_the_catch_up_looks_back_to_when_it_last_succeeded_and_at_least_three_days(mei, monkeypatch):
    asked = []
    monkeypatch.setattr(cash, "catch_up", lambda _cashier, *, since, at: asked.append(at - since))
    for at in (NOON, NOON + DAY, NOON + 8 * DAY, NOON + 15 * DAY):
        rounds(at)
        drain(Postman(), at)

    assert asked == [3 * DAY, 3 * DAY, 7 * DAY, 7 * DAY]


def test_the_night_forgets_the_baskets_visitors_left(mei):
    put_in_on = {"visitor": NOON - timedelta(days=61), "another": NOON - timedelta(days=59)}
    with transaction():
        for token, at in put_in_on.items():
            execute(insert(checkout.Basket).values(token=token, key=token, touched_at=at))

    worker.of_the_house.tidy(NOON)

    with reading():
        assert execute(select(checkout.Basket.token)).scalars().all() == ["another"]


def test_the_night_expires_points_and_lowers_levels(mei):
    with transaction():
        terms = programme.current(NOON)
        purse = ledger.lock(mei, zone=terms.zone)
        lot = ledger.earn(
            purse,
            500,
            reference=f"member:{mei}",
            rule="order",
            origin="purchase",
            expiry=terms.expiry_of(terms.today(NOON)),
            version=1,
            worth=terms.worth,
            why=say("Order 1007"),
            at=NOON,
        )
        ledger.unlock(purse, [lot], at=NOON)
        membership.add_growth(
            mei,
            1_500,
            source="task",
            reference="task:1",
            counts_on=terms.today(NOON),
            version=1,
            why=say("A task"),
            key="task:1",
            terms=terms,
            at=NOON,
        )
    for night in (NOON + 335 * DAY, NOON + 365 * DAY, NOON + 395 * DAY):
        rounds(night)
        drain(Postman(), night)

    with reading():
        purse = execute(select(ledger.Purse.wallet).where(ledger.Purse.member_id == mei)).scalar_one()
        assert membership.standing(mei, terms=programme.current(NOON), at=night).rank == 2
    assert purse == 50  # The 500 are gone; a year with the shop has given 50.


def give_points_that_end(member_id, *, at):
    with transaction():
        terms = programme.current(at)
        ledger.adjust_up(
            ledger.lock(member_id, zone=terms.zone), 100, key=f"gift:{member_id}", reference="gift",
            expiry=terms.expiry_of(terms.today(at)), version=1, worth=terms.worth, why=say("A gift"), by="staff:1",
            at=at,
        )  # fmt: skip
        cast.note_adjustment(member_id, 100, at=at)


def test_a_purse_that_cannot_be_opened_keeps_no_other_points_from_expiring(mei, monkeypatch):
    others = [join(name) for name in ("lin", "tom")]
    for member in (mei, *others):
        give_points_that_end(member, at=NOON)
    locked = ledger.purses.lock_many

    def failing(member_ids, *, zone):
        if mei in member_ids:
            raise ValueError("a purse nobody can open")
        return locked(member_ids, zone=zone)

    monkeypatch.setattr(ledger.purses, "lock_many", failing)
    monkeypatch.setattr(ledger.expiry, "lock_many", failing)
    night = NOON + 400 * DAY
    with pytest.raises(notices.SomePutOff):
        worker.of_members.expire_points(night)

    with reading():
        wallets = dict(execute(select(ledger.Purse.member_id, ledger.Purse.wallet)).all())
    assert wallets == {mei: 100, others[0]: 0, others[1]: 0}
    monkeypatch.undo()
    worker.of_members.expire_points(night)


def test_a_member_whose_level_cannot_be_reviewed_keeps_no_other_from_it(mei, monkeypatch):
    others = [join(name) for name in ("lin", "tom")]
    reviewed = []

    def review(member_id, *, terms, at):
        if member_id == mei:
            raise ValueError("no level")
        reviewed.append(member_id)

    def broken(**_values):
        raise ValueError("not all at once")

    monkeypatch.setattr(membership, "due_in_share", broken)
    monkeypatch.setattr(membership, "to_review", lambda **_values: [mei, *others])
    monkeypatch.setattr(membership, "review", review)
    noted = []
    monkeypatch.setattr(membership, "note_review", lambda **_values: noted.append(True))

    with pytest.raises(notices.SomePutOff):
        worker.review_levels(NOON)

    assert reviewed == others
    assert not noted, "not everybody was looked at, so the night is not over"


def test_a_round_that_fails_keeps_no_other_round_from_running(mei, monkeypatch):
    def broken(*_rest, **_named):
        raise ValueError("the whole of it")

    monkeypatch.setattr(aftersales, "hear_all", broken)
    monkeypatch.setattr(checkout, "sweep", broken)
    rounds(NOON)
    drain(Postman())

    assert {notice.kind for notice in cast.undone()} == {"cashier.hear", "payments.look_after"}


def test_the_background_worker_sends_and_stops(app, mei):
    stop = worker.run_in_background(app)
    until = time.monotonic() + 10
    outbox = FileMailer(app.config["OUTBOX_DIR"]).folder
    while time.monotonic() < until and not list(outbox.glob("*.eml")):
        threading.Event().wait(0.02)
    stop()

    assert len(list(outbox.glob("*.eml"))) == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "worker"]


@pytest.mark.concurrency
def test_several_workers_send_each_mail_once_and_start_each_round_once(postgres_app):
    mei = open_shop()
    for number in range(40):
        tell(mei, number)
    postman = Postman()

    def work():
        with moved_to(NOON):
            worker.start_rounds(NOON, set())
            return worker.drain(postman)

    outcomes = race(postgres_app, [work] * 6, threads=6)

    assert not errors(outcomes)
    assert sum(outcomes) == 41 + len(worker.JOBS)
    assert len(postman.sent) == 41
    assert len({mail.key for mail in postman.sent}) == 41
    assert len(keys()) == len(worker.JOBS)
