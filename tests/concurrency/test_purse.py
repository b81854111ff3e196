"""One purse, many at once: its lock lets one in at a time. Without the lock every one of these goes wrong.

Each race has a twin that reads the purse without locking it. The twin's threads meet after they have read, so that
what can go wrong does, every time.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError

from mall.base.clock import moved_to
from mall.base.db import db, execute, reading, transaction
from mall.domain import ledger
from mall.domain.ledger import expiry, giving_back, holds, purses, taking_back, writing
from tests.conftest import NOON
from tests.domain.ledger import steps
from tests.domain.ledger.steps import ZONE, broken, give, hold, new_member, purse, redeem
from tests.threads import errors, meeting, race

pytestmark = [pytest.mark.concurrency, pytest.mark.alone]

THREADS = 8
SECONDS = 30


@pytest.fixture
def mei(postgres_app: Flask) -> int:
    return new_member("mei")


def let_off(app: Flask, *jobs: Callable[[], object]) -> list:
    """Run jobs at once, by 8 threads."""
    return race(app, jobs, threads=THREADS, seconds=SECONDS)


def unlocked(member_ids: list[int], *, zone: str) -> dict[int, ledger.LockedPurse]:
    """Read purses as lock_many() does, and lock nothing."""
    rows = execute(select(ledger.Purse).where(ledger.Purse.member_id.in_(member_ids)))
    return {row.member_id: ledger.LockedPurse(*tuple(row), zone=zone) for row in rows}


@pytest.fixture
def lock_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the lock away, and let the threads of a race meet once between reading and writing."""
    meet = meeting(THREADS)

    def post_together(handles, lines):
        meet()
        return writing.post(handles, lines)

    monkeypatch.setattr(purses, "lock_many", unlocked)
    for room in (holds, giving_back, taking_back):
        monkeypatch.setattr(room, "post", post_together)


# One key, fifty times.


def fifty_times_one_key(app: Flask, member: int) -> list:
    give(member, 1_000)
    return let_off(app, *[lambda: hold(member, 100, "order:7")] * 50)


def test_one_key_fifty_times_is_one_hold(postgres_app, mei):
    outcomes = fifty_times_one_key(postgres_app, mei)

    assert errors(outcomes) == []
    assert all(lines == outcomes[0] for lines in outcomes)
    assert purse(mei) == {"wallet": 900, "held": 100}


def test_one_key_without_the_lock_breaks_on_the_key(postgres_app, mei, lock_off):
    outcomes = fifty_times_one_key(postgres_app, mei)

    # The key is unique in the table itself, so that even now there is one hold; the others see a bare error.
    broken_on = {type(error.orig) for error in errors(outcomes) if isinstance(error, DBAPIError)}
    assert psycopg.errors.UniqueViolation in broken_on
    assert purse(mei) == {"wallet": 900, "held": 100}


# One wallet, fifty orders, points for one.


def fifty_orders(app: Flask, member: int) -> list:
    give(member, 100)
    return let_off(app, *[lambda n=n: hold(member, 100, f"order:{n}") for n in range(100, 150)])


def test_points_for_one_order_pay_for_one(postgres_app, mei):
    outcomes = fifty_orders(postgres_app, mei)

    refused = errors(outcomes)
    assert len(refused) == 49
    assert {type(error) for error in refused} == {ledger.InsufficientPoints}
    assert purse(mei) == {"held": 100}


def test_points_for_one_order_without_the_lock_are_stopped_by_the_row_only(postgres_app, mei, lock_off):
    outcomes = fifty_orders(postgres_app, mei)

    # Several believe they may: what stops them is that the position they read is no longer there.
    surprised = [error for error in errors(outcomes) if not isinstance(error, ledger.InsufficientPoints)]
    assert surprised
    assert {type(error) for error in surprised} <= {AssertionError, DBAPIError}
    assert purse(mei) == {"held": 100}


# One order, twenty refunds of all of it.


def twenty_refunds(app: Flask, member: int) -> list:
    give(member, 100)
    redeem(member, 100, "order:7")
    return let_off(app, *[lambda n=n: steps.give_back(member, 100, "order:7", key=f"refund:{n}") for n in range(20)])


def test_an_order_refunded_twenty_times_is_refunded_once(postgres_app, mei):
    outcomes = twenty_refunds(postgres_app, mei)

    refused = errors(outcomes)
    assert len(refused) == 19
    assert {type(error) for error in refused} == {ledger.MoreThanRedeemed}
    assert purse(mei) == {"wallet": 100}


@pytest.mark.breaks_the_books
def test_an_order_refunded_without_the_lock_makes_points_from_nothing(postgres_app, mei, lock_off):
    outcomes = twenty_refunds(postgres_app, mei)

    assert len(outcomes) - len(errors(outcomes)) > 1
    assert purse(mei)["wallet"] > 100
    assert "no more is given back than was redeemed" in broken()


# One order, twenty times its earnings taken back.


def twenty_take_backs(app: Flask, member: int) -> list:
    lot = give(member, 100)
    give(member, 1_000, "order:2")
    return let_off(app, *[lambda n=n: steps.take_back(member, {lot: 0}, key=f"refund:{n}") for n in range(20)])


def test_what_was_earned_is_taken_back_once(postgres_app, mei):
    outcomes = twenty_take_backs(postgres_app, mei)

    assert errors(outcomes) == []
    assert sum(len(lines) for lines in outcomes) == 1
    assert purse(mei) == {"wallet": 1_000}


def test_what_was_earned_without_the_lock_is_taken_back_by_luck(postgres_app, mei, lock_off):
    outcomes = twenty_take_backs(postgres_app, mei)

    assert {type(error) for error in errors(outcomes)} == {AssertionError}
    assert purse(mei) == {"wallet": 1_000}


# A capture and a release of the same hold.


def ended_both_ways(app: Flask, member: int) -> list:
    give(member, 1_000)
    hold(member, 100, "order:7")
    verbs = [steps.capture, steps.release] * 10
    return let_off(app, *[lambda verb=verb: verb(member, "order:7") for verb in verbs])


def test_a_hold_ends_one_way(postgres_app, mei):
    outcomes = ended_both_ways(postgres_app, mei)

    assert {type(error) for error in errors(outcomes)} == {ledger.KeyReused}
    assert len(errors(outcomes)) == 10
    assert purse(mei) in ({"wallet": 900}, {"wallet": 1_000})


def test_a_hold_without_the_lock_breaks_on_the_key(postgres_app, mei, lock_off):
    outcomes = ended_both_ways(postgres_app, mei)

    broken_on = {type(error.orig) for error in errors(outcomes) if isinstance(error, DBAPIError)}
    assert psycopg.errors.UniqueViolation in broken_on


# Two purses, locked in opposite orders.


def deadlocks() -> int:
    """Count the deadlocks the database has seen. Its backends report when they leave, so all but ours must have."""
    for engine in db.engines.values():
        engine.dispose()
    until = time.monotonic() + SECONDS
    with reading():
        while execute(_OTHERS).scalar_one() > 0:
            assert time.monotonic() < until, "somebody is still connected"
        return execute(_DEADLOCKS).scalar_one()


_OTHERS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
_DEADLOCKS = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")


def locked_together(members: list[int], lock: Callable[[list[int]], object]) -> None:
    with transaction():
        lock(members)


def opposite_orders(app: Flask, members: list[int], lock: Callable[[list[int]], object]) -> list:
    return let_off(
        app,
        *[lambda n=n: locked_together(members if n % 2 else members[::-1], lock) for n in range(100)],
    )


@pytest.mark.fresh_copy
def test_purses_named_in_opposite_orders_are_locked_in_one(postgres_app, mei):
    members = [mei, *(new_member(f"m{number}") for number in range(3))]

    outcomes = opposite_orders(postgres_app, members, lambda some: ledger.lock_many(some, zone=ZONE))

    assert errors(outcomes) == []
    assert deadlocks() == 0


@pytest.mark.fresh_copy
def test_purses_locked_one_by_one_as_they_are_named_deadlock(postgres_app, mei):
    members = [mei, new_member("tom")]
    both = threading.Barrier(2)

    def one_by_one(some: list[int]) -> None:
        ledger.lock(some[0], zone=ZONE)
        both.wait(SECONDS)
        ledger.lock(some[1], zone=ZONE)

    outcomes = let_off(
        postgres_app,
        lambda: locked_together(members, one_by_one),
        lambda: locked_together(members[::-1], one_by_one),
    )

    assert [type(error.orig) for error in errors(outcomes)] == [psycopg.errors.DeadlockDetected]
    assert deadlocks() == 1


@pytest.mark.fresh_copy
def test_month_ends_run_twice_at_once_expire_each_lot_once(postgres_app):
    members = [new_member(f"m{number}") for number in range(20)]
    after = steps.instant("2026-04-01 03:00")
    for number, member in enumerate(members):
        give(member, 10, f"order:{number}", last=steps.date(2026, 3, 31))

    outcomes = let_off(postgres_app, *[lambda: steps.expire_due(at=after)] * 4)

    assert errors(outcomes) == []
    assert [purse(member) for member in members] == [{}] * 20
    assert deadlocks() == 0


def expiring_and_spending(app: Flask, mei: int) -> list:
    """Give 10 points that end and 10 that last, and spend 10 timed at the last instant while the night is at work."""
    after, last = steps.instant("2026-04-01 03:00"), steps.date(2026, 3, 31)
    give(mei, 10, "order:1", last=last)
    give(mei, 10, "order:2")
    return let_off(app, lambda: steps.expire_due(at=after), lambda: redeem(mei, 10, at=steps.end(last)))


def test_who_spends_while_the_night_expires_does_so_before_or_after(postgres_app, mei):
    outcomes = expiring_and_spending(postgres_app, mei)

    assert errors(outcomes) == []
    assert purse(mei) in ({"wallet": 10}, {})
    assert broken() == []


def test_without_the_lock_spending_and_expiring_take_the_same_points(postgres_app, mei, monkeypatch):
    meet = meeting(2)

    def post_together(handles, lines):
        meet()
        return writing.post(handles, lines)

    for room in (purses, expiry):
        monkeypatch.setattr(room, "lock_many", unlocked)
    for room in (holds, expiry):
        monkeypatch.setattr(room, "post", post_together)
    outcomes = expiring_and_spending(postgres_app, mei)

    assert [str(error).partition(":")[0] for error in errors(outcomes)] == ["positions are not what was read"]


# A row that refers to the purse, written before the purse is locked.


def earned_after_locking(member: int, number: int) -> int:
    return steps.earn(member, 10, f"order:{number}")


def earned_before_locking(member: int, number: int, both: threading.Barrier) -> None:
    """Write the lot first, which takes a share of the purse's key, and then lock the purse as a plain FOR UPDATE."""
    with moved_to(NOON), transaction():
        write_lot(member, number)
        both.wait(SECONDS)
        execute(select(ledger.Purse.member_id).where(ledger.Purse.member_id == member).with_for_update())


def write_lot(member: int, number: int) -> None:
    execute(
        insert(ledger.Lot).values(
            member_id=member,
            origin="task",
            points=1,
            expires_on=steps.LAST,
            expires_at=steps.end(steps.LAST),
            reference=f"order:{number}",
            rule="task",
            version=1,
            worth_points=100,
            worth_cents=100,
            made_at=NOON,
        )
    )


@pytest.mark.fresh_copy
def test_rows_that_refer_to_the_purse_are_written_behind_its_lock(postgres_app, mei):
    outcomes = let_off(postgres_app, *[lambda n=n: earned_after_locking(mei, n) for n in range(20)])

    assert errors(outcomes) == []
    assert purse(mei) == {"pending": 200}
    assert deadlocks() == 0


@pytest.mark.fresh_copy
@pytest.mark.breaks_the_books
def test_rows_written_before_the_lock_deadlock(postgres_app, mei):
    both = threading.Barrier(2)

    outcomes = let_off(postgres_app, *[lambda n=n: earned_before_locking(mei, n, both) for n in range(2)])

    assert [type(error.orig) for error in errors(outcomes)] == [psycopg.errors.DeadlockDetected]
    assert deadlocks() == 1


def test_a_purse_that_is_locked_may_still_be_referred_to(postgres_app, mei):
    """FOR NO KEY UPDATE: who only writes a row that names the member does not wait for the member's verb.

    Who waited here would wait in vain, since the verb ends after it, and be told so by the database.
    """
    with transaction():
        ledger.lock(mei, zone=ZONE)
        [outcome] = let_off(postgres_app, lambda: in_a_transaction(lambda: referred(mei)))
        assert outcome is None

    with reading():
        assert execute(select(func.count()).select_from(ledger.Lot)).scalar_one() == 0


class Undone(Exception):
    """Leaves no row behind."""


def in_a_transaction(unit: Callable[[], object]) -> None:
    with suppress(Undone), transaction():
        unit()


def referred(member: int) -> None:
    write_lot(member, 1)
    raise Undone
