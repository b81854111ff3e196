"""The doors, many at once: people come in at the same moment, and nobody meets an error.

Counts of tries are locked in one order, at counting and at forgiving. The twin forgives the other way round, and there
the database has to break the embrace.
"""

import threading
from contextlib import suppress

import pytest
from flask import Flask

from mall.base.db import transaction
from mall.domain import people
from mall.domain.people import credentials
from tests import cast
from tests.conftest import NOON
from tests.threads import errors, race

pytestmark = pytest.mark.concurrency

THREADS = 8
NETWORK = "203.0.113.7"


@pytest.fixture
def mei(postgres_app: Flask) -> int:
    return cast.join("mei", at=NOON, terms=cast.open_shop(at=NOON))


def test_one_account_comes_in_on_eight_devices_at_once(postgres_app, mei):
    def come_in() -> int:
        return cast.sign_in(postgres_app.test_client(), mei).status_code

    assert race(postgres_app, [come_in] * THREADS * 4, threads=THREADS) == [302] * THREADS * 4


def one_counts_while_another_is_forgiven(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list:
    """Let a try and the forgetting of tries each take a lock before either goes on. Nothing is done again."""
    email = people.read_email("mei@tessera.example")
    meeting = threading.Barrier(2)
    met = threading.local()

    def after_the_first(act):
        def slow(limit, subject, **named):
            answer = act(limit, subject, **named)
            if limit is not credentials.SIGN_IN_BY_NETWORK and not hasattr(met, "once"):
                met.once = True
                with suppress(threading.BrokenBarrierError):
                    meeting.wait(1)
            return answer

        return slow

    with transaction():
        people.count_sign_in("member", email, network=NETWORK, at=NOON)
    monkeypatch.setattr(credentials, "count", after_the_first(credentials.count))
    monkeypatch.setattr(credentials, "forgive", after_the_first(credentials.forgive))

    def count():
        with transaction():
            return people.count_sign_in("member", email, network=NETWORK, at=NOON).allowed

    def forgive():
        with transaction():
            credentials.forgive_sign_in("member", email.key, network=NETWORK)

    return race(app, [count, forgive])


def test_counting_and_forgetting_take_their_locks_in_one_order(postgres_app, mei, monkeypatch):
    assert errors(one_counts_while_another_is_forgiven(postgres_app, monkeypatch)) == []


def test_in_opposite_orders_they_wait_for_each_other(postgres_app, mei, monkeypatch):
    def backwards(door, key, *, network):
        account = f"{door}:{key}"
        credentials.forgive(credentials.SIGN_IN_BY_ACCOUNT, account)
        credentials.forgive(credentials.SIGN_IN_FROM_NETWORK, f"{account}:{network}")

    monkeypatch.setattr(credentials, "forgive_sign_in", backwards)
    outcomes = one_counts_while_another_is_forgiven(postgres_app, monkeypatch)

    assert [error.orig.sqlstate for error in errors(outcomes)] == ["40P01"]
