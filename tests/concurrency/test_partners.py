"""Reports of partners at once: one effect for one key, never more refunded than paid, a month's cap met exactly.

Each race has a twin with a lock off, which goes wrong.
"""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from mall.base.db import again, execute, reading, transaction
from mall.domain import ledger, partners, people, programme
from mall.domain.ledger import purses
from mall.domain.partners import purchases
from tests import cast
from tests.conftest import NOON
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 8


@pytest.fixture
def shop(postgres_app: Flask) -> programme.Programme:
    return cast.open_shop(at=NOON)


@pytest.fixture
def members(shop: programme.Programme) -> list[str]:
    """The numbers of eight members."""
    ids = [cast.join(f"member{number}", at=NOON, terms=shop) for number in range(THREADS)]
    with reading():
        return [people.member_of(member_id).number for member_id in ids]


def open_partner(**caps: int) -> int:
    with transaction():
        return partners.open_partner("Rides", partners.Rates(1, 10, **caps), by="staff:1", at=NOON)[0]


def told(shop: programme.Programme, reference: str, cents: int) -> partners.Reporting:
    return partners.Reporting(reference, cents, shop.currency, NOON)


def report(shop: programme.Programme, reference: str, number: str, *, key: str) -> Any:
    def unit() -> Any:
        with transaction():
            return partners.report(
                1, told(shop, reference, 1_000), member_number=number, key=key, of_body=reference, terms=shop, at=NOON
            )

    return again(unit)


def give_back(shop: programme.Programme, reference: str) -> Any:
    def unit() -> Any:
        with transaction():
            return partners.refund(
                1, told(shop, reference, 300), purchase="R", key=reference, of_body=reference, terms=shop, at=NOON
            )

    return again(unit)


def total(column: Any) -> int:
    with reading():
        return int(execute(select(func.coalesce(func.sum(column), 0))).scalar_one())


def let_off(app: Flask, jobs: list[Callable[[], Any]]) -> list[Any]:
    return race(app, jobs, threads=THREADS, seconds=30)


# One request, sent eight times at once.


def test_one_key_at_once_is_one_purchase_and_one_answer(postgres_app, shop, members):
    open_partner()
    jobs = [lambda: report(shop, "R", members[0], key="k")] * THREADS

    answers = let_off(postgres_app, jobs)

    assert errors(answers) == []
    assert {str(each.answer) for each in answers} == {str(answers[0].answer)}
    assert sorted(each.again for each in answers) == [False, *[True] * 7]
    assert total(partners.Purchase.points) == 100


def test_one_reference_at_once_under_many_keys_and_members_is_one_purchase(postgres_app, shop, members):
    open_partner()
    jobs = [lambda n=n: report(shop, "R", members[n], key=f"k{n}") for n in range(THREADS)]

    refused = errors(let_off(postgres_app, jobs))

    assert [type(each) for each in refused] == [partners.ReferenceTaken] * 7
    assert total(partners.Purchase.points) == 100


# Eight refunds of 300 for a purchase of 1,000.


def eight_refunds(app: Flask, shop: programme.Programme, members: list[str]) -> list[Any]:
    open_partner()
    report(shop, "R", members[0], key="k")
    return let_off(app, [lambda n=n: give_back(shop, f"B{n}") for n in range(THREADS)])


def test_never_more_is_refunded_than_was_paid(postgres_app, shop, members):
    outcomes = eight_refunds(postgres_app, shop, members)

    assert [type(each) for each in errors(outcomes)] == [partners.TooMuchBack] * 5
    assert total(partners.PurchaseRefund.cents) == 900


@pytest.mark.breaks_the_books
def test_without_the_lock_of_the_purse_more_is_refunded(postgres_app, shop, members, monkeypatch):
    meet, count = meeting(THREADS), purchases.refunded_cents

    def count_together(purchase_id: int) -> int:
        cents = count(purchase_id)
        meet()
        return cents

    def unlocked(member_ids: list[int], *, zone: str) -> dict[int, ledger.LockedPurse]:
        rows = execute(select(ledger.Purse).where(ledger.Purse.member_id.in_(member_ids)))
        return {row.member_id: ledger.LockedPurse(*row, zone=zone) for row in rows}

    monkeypatch.setattr(purchases, "refunded_cents", count_together)
    monkeypatch.setattr(purses, "lock_many", unlocked)

    outcomes = eight_refunds(postgres_app, shop, members)

    # What is refunded once too often, or stumbles over what another has taken.
    surprised = [each for each in errors(outcomes) if not isinstance(each, partners.TooMuchBack)]
    assert surprised or total(partners.PurchaseRefund.cents) > 1_000


# A month of 250 points, for eight members who would earn 800.


def eight_members(app: Flask, shop: programme.Programme, members: list[str]) -> None:
    open_partner(month_points=250)
    jobs = [lambda n=n: report(shop, f"R{n}", members[n], key=f"k{n}") for n in range(THREADS)]
    assert errors(let_off(app, jobs)) == []


def test_a_months_cap_is_met_exactly(postgres_app, shop, members):
    eight_members(postgres_app, shop, members)
    assert total(partners.Purchase.points) == 250


@pytest.mark.breaks_the_books
def test_without_the_lock_of_the_month_more_is_given(postgres_app, shop, members, monkeypatch):
    meet, lock = meeting(THREADS), purchases._lock_month

    def unlocked(partner_id: int, month: Any) -> int:
        with reading():
            given = partners.given_in_month(partner_id, today=month)
        meet()
        lock(partner_id, month)
        return given

    monkeypatch.setattr(purchases, "_lock_month", unlocked)
    eight_members(postgres_app, shop, members)
    assert total(partners.Purchase.points) > 250
