"""Memberships, many at once: each is paid for once and lengthens what is there; one is given back once."""

from datetime import timedelta
from itertools import pairwise

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from mall.base.db import again, reading, transaction
from mall.domain import aftersales, cash, checkout, ledger, membership, programme
from mall.domain.membership import carrying, grants_carried, paid_grants
from tests.stage import NOON, Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency
TIMES = 10


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop(membership_least_days=1, return_window_days=0)


@pytest.fixture
def mei(stage: Stage) -> int:
    return stage.member("mei")


def periods(member_id):
    with reading():
        return sorted((row.begins_on, row.last_day) for row in membership.grants_of(member_id))


def write_paid(stage, mei, number):
    """Lengthen Mei's time by 30 days, as an order does that is paid: the purse is locked first."""

    def unit():
        with transaction():
            ledger.lock(mei, zone=stage.terms.zone)
            membership.write_paid_grant(
                mei, 4, length=30, unit="days", reference=f"order:{number}:1", terms=stage.terms, at=NOON
            )

    return again(unit)


def give_back(stage, order, mei, shown):
    def unit():
        with transaction():
            return aftersales.refund(
                order.id, reason=aftersales.PLAN_ENDED, restock=False, pieces={1: 1}, shown=shown,
                by=f"member:{mei}", terms=stage.terms, at=NOON + timedelta(days=9),
            )  # fmt: skip

    return again(unit)


@pytest.mark.breaks_the_books  # These have no orders.
def test_paid_ten_times_at_once_the_periods_follow_each_other_without_a_gap_or_an_overlap(postgres_app, stage, mei):
    outcomes = race(postgres_app, [lambda number=number: write_paid(stage, mei, number) for number in range(1, 11)])

    assert errors(outcomes) == []
    days = periods(mei)
    assert len(days) == TIMES
    assert all(begins == ends + timedelta(days=1) for (_b, ends), (begins, _e) in pairwise(days))


@pytest.mark.breaks_the_books
def test_without_the_lock_of_the_purse_they_would_overlap(postgres_app, stage, mei, monkeypatch):
    """The twin: it must fail, or the test above proves nothing."""
    monkeypatch.setattr(ledger, "lock", lambda member_id, *, zone: None)
    race(postgres_app, [lambda number=number: write_paid(stage, mei, number) for number in range(1, 11)])

    days = periods(mei)
    assert any(begins <= ends for (_b, ends), (begins, _e) in pairwise(days))


def test_given_back_ten_times_at_once_it_goes_back_once(postgres_app, stage, mei):
    stage.put_in(mei, stage.membership(), "cash")
    order = stage.pay(stage.place(mei))
    with reading():
        shown = aftersales.plan_refund(
            stage.order(order), reason=aftersales.PLAN_ENDED, at=NOON + timedelta(days=9), zone=stage.terms.zone,
            pieces={1: 1},
        ).fingerprint  # fmt: skip

    outcomes = race(postgres_app, [lambda: give_back(stage, order, mei, shown)] * TIMES)

    assert errors(outcomes) == []
    with reading():
        assert [row.amount_cents for row in cash.refunds_of(checkout.reference_of(order.id))] == [2_000]


def carried_while_given_back(app, stage, mei, monkeypatch):
    """Let the night carry Mei's membership over to other levels in the moment in which she gives it back."""
    stage.put_in(mei, stage.membership(), "cash")
    order = stage.pay(stage.place(mei))
    six = programme.default_settings(shop_name="Tessera", levels="six_steps")["levels"]
    with transaction():
        number = programme.draft(
            programme.settings_of(stage.terms) | {"levels": six},
            based_on=stage.terms.version, effective_from=NOON, by="staff:1", at=NOON, reason="Six",
        )  # fmt: skip
        programme.approve(number, by="staff:2", at=NOON, other_approvers=1)
        terms = programme.current(NOON)
    meet, end, replace = meeting(2), paid_grants.withdraw, grants_carried._as_replaced

    def both_have_read(real):
        def step(*given, **more):
            meet()
            return real(*given, **more)

        return step

    monkeypatch.setattr(paid_grants, "withdraw", both_have_read(end))
    monkeypatch.setattr(grants_carried, "_as_replaced", both_have_read(replace))

    def give():
        with transaction():
            aftersales.refund(
                order.id, reason=aftersales.PLAN_ENDED, restock=False, pieces={1: 1}, by=f"member:{mei}",
                terms=terms, at=NOON + timedelta(days=9),
            )  # fmt: skip

    def carry():
        with transaction():
            membership.carry(terms=terms, after=0, at=NOON + timedelta(days=9))

    outcomes = race(app, [carry, give])
    with reading():
        goes_on = membership.standing(mei, terms=terms, at=NOON + timedelta(days=9)).granted_until
    return outcomes, goes_on


def test_given_back_while_the_night_carries_it_over_it_ends_and_neither_is_in_the_others_way(
    postgres_app, stage, mei, monkeypatch
):
    outcomes, goes_on = carried_while_given_back(postgres_app, stage, mei, monkeypatch)

    assert (errors(outcomes), goes_on) == ([], None)


@pytest.mark.breaks_the_books
def test_without_the_lock_of_the_purse_one_of_them_would_fail(postgres_app, stage, mei, monkeypatch):
    """The twin: it must fail, or the test above proves nothing."""
    monkeypatch.setattr(carrying.ledger, "lock_many", lambda members, *, zone: None)

    outcomes, _goes_on = carried_while_given_back(postgres_app, stage, mei, monkeypatch)

    assert any(isinstance(each, IntegrityError) for each in errors(outcomes))
