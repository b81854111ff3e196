"""Reports of partners at once: one effect for one key, never more refunded than paid, a month's cap met exactly.

And at the desk: a version is approved once, and nobody comes to both the approval and the key by pressing at once.

Each race has a twin with a lock off, which goes wrong.
"""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from mall.base.db import again, execute, reading, transaction
from mall.domain import approvals, audit, ledger, partners, people, programme
from mall.domain.approvals import requests
from mall.domain.ledger import purses
from mall.domain.partners import keys, refunding, reporting, versions
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
    return cast.partner(rates=partners.Rates(1, 10, **caps), at=NOON)[0]


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
    meet, count = meeting(THREADS), refunding.refunded_cents

    def count_together(purchase_id: int) -> int:
        cents = count(purchase_id)
        meet()
        return cents

    def unlocked(member_ids: list[int], *, zone: str) -> dict[int, ledger.LockedPurse]:
        rows = execute(select(ledger.Purse).where(ledger.Purse.member_id.in_(member_ids)))
        return {row.member_id: ledger.LockedPurse(*tuple(row), zone=zone) for row in rows}

    monkeypatch.setattr(refunding, "refunded_cents", count_together)
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
    meet, lock = meeting(THREADS), reporting._lock_month

    def unlocked(partner_id: int, month: Any) -> int:
        with reading():
            given = partners.given_in_month(partner_id, today=month)
        meet()
        lock(partner_id, month)
        return given

    monkeypatch.setattr(reporting, "_lock_month", unlocked)
    eight_members(postgres_app, shop, members)
    assert total(partners.Purchase.points) > 250


# A colleague proposes a change; of eight others who approve it at once, one does.


def proposed() -> None:
    open_partner()
    with transaction():
        partners.change_partner(1, "Rides", partners.Rates(5, 10), seen=1, by="staff:9", at=NOON, reason="Agreed anew")


def approve(by: str) -> None:
    def unit() -> None:
        with transaction():
            partners.approve_version(1, seen=2, by=by, at=NOON, other_approvers=1)

    again(unit)


def key_for(by: str) -> None:
    def unit() -> None:
        with transaction():
            partners.make_key(1, by=by, at=NOON)

    again(unit)


def approvals_kept() -> int:
    with reading():
        return len(audit.entries(act="partner.approved", subject="partner:1"))


def eight_approve(app: Flask) -> list[Any]:
    proposed()
    return let_off(app, [lambda n=n: approve(f"staff:{n + 10}") for n in range(THREADS)])


def test_two_who_approve_at_once_are_one_approval(postgres_app, shop):
    refused = errors(eight_approve(postgres_app))

    assert [type(each) for each in refused] == [approvals.AlreadyDecided] * 7
    assert approvals_kept() == 2  # The opening, and this.


@pytest.mark.breaks_the_books
def test_without_a_condition_and_a_lock_all_of_them_approve(postgres_app, shop, monkeypatch):
    meet, look = meeting(THREADS), requests.request_for

    def decide(request: Any, decision: str, *, by: str, at: Any, reason: str, by_one_person: bool) -> Any:
        meet()
        taken = update(approvals.Approval).where(approvals.Approval.id == request.id)
        execute(taken.values(decision=decision, decided_by=by, decided_at=at))
        audit.write("partner.approved", by=by, subject="partner:1", at=at)
        return look(request.id)

    monkeypatch.setattr(requests, "_decide", decide)
    monkeypatch.setattr(versions, "lock_partner", partners.partner_of)

    assert errors(eight_approve(postgres_app)) == []
    assert approvals_kept() > 2


# One person approves a colleague's change in one tab and makes the key in another.


def both_at_once(app: Flask) -> list[Any]:
    proposed()
    return race(app, [lambda: approve("staff:5"), lambda: key_for("staff:5")], threads=2, seconds=30)


def in_one_hand() -> bool:
    with reading():
        return any(
            execute(check.breaks).first()
            for check in partners.checks()
            if check.name == "nobody both approved what a partner gives and made its key"
        )


def test_nobody_approves_and_has_the_key_by_pressing_at_once(postgres_app, shop):
    outcome = both_at_once(postgres_app)

    assert [type(each) for each in errors(outcome)] in ([partners.ApproverHasNoKey], [partners.KeyHolder])
    assert not in_one_hand()


@pytest.mark.breaks_the_books
def test_without_the_lock_of_the_partner_one_person_has_both(postgres_app, shop, monkeypatch):
    meet = meeting(2)

    def unlocked(partner_id: int) -> Any:
        row = partners.partner_of(partner_id)
        meet()
        return row

    monkeypatch.setattr(versions, "lock_partner", unlocked)
    monkeypatch.setattr(keys, "lock_partner", unlocked)

    assert errors(both_at_once(postgres_app)) == []
    assert in_one_hand()
