"""A cash-out approved and withdrawn at once is one of the two. Without the lock it would be both."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from mall.base.db import again, execute, reading, transaction
from mall.base.text import say
from mall.domain import cash_outs, ledger, programme
from mall.domain.cash_outs import deciding
from tests import cast
from tests.conftest import NOON
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 8


@pytest.fixture
def terms(postgres_app: Flask) -> programme.Programme:
    shop = cast.open_shop(at=NOON)
    return programme.terms_of(shop.version, programme.settings_of(shop) | {"cash_out_least_points": 500})


@pytest.fixture
def mei(terms: programme.Programme) -> int:
    member_id = cast.join("mei", at=NOON, terms=terms)
    with transaction():
        ledger.adjust_up(
            ledger.lock(member_id, zone=terms.zone), 1_000, key="g", reference="g",
            expiry=terms.expiry_of(terms.today(NOON)), version=1, worth=terms.worth, why=say("A gift"), by="staff:1",
            at=NOON,
        )  # fmt: skip
        cast.note_adjustment(member_id, 1_000, at=NOON)
        cash_outs.ask(member_id, 600, payee="Mei", account="DE89370400440532013000", key="k", terms=terms, at=NOON)
    return member_id


def at_once(app: Flask, mei: int, terms: programme.Programme) -> list[Any]:
    """Let four of finance approve and four browsers of Mei withdraw, at once."""

    def approve(number: int) -> None:
        with transaction():
            cash_outs.approve(1, own_member_id=None, other_approvers=1, terms=terms, by=f"staff:{number}", at=NOON)

    def withdraw() -> None:
        with transaction():
            cash_outs.withdraw(mei, 1, terms=terms, at=NOON)

    jobs = [lambda n=n: again(lambda: approve(n)) for n in range(1, 5)] + [lambda: again(withdraw)] * 4
    return race(app, jobs, threads=THREADS, seconds=30)


def standing(mei: int) -> tuple[str, int, int]:
    with reading():
        balances = ledger.balances(mei, at=NOON)
        (row,) = cash_outs.cash_outs_of(mei)
    return row.state, balances.ready, balances.held


def test_approved_or_withdrawn_at_once_it_is_one_of_the_two(postgres_app, mei, terms):
    refused = errors(at_once(postgres_app, mei, terms))

    assert {type(each) for each in refused} == {cash_outs.NotWaiting}
    assert standing(mei) in (("approved", 400, 0), ("withdrawn", 1_000, 0))


@pytest.mark.breaks_the_books
def test_without_the_lock_it_breaks_on_what_another_has_done(postgres_app, mei, terms, monkeypatch):
    meet = meeting(THREADS)

    def unlocked(cash_out_id: int, *, terms: programme.Programme, member_id: int | None = None) -> Any:
        row = execute(select(cash_outs.CashOut).where(cash_outs.CashOut.id == cash_out_id)).one()
        purse = execute(select(ledger.Purse).where(ledger.Purse.member_id == row.member_id)).one()
        meet()
        return row, ledger.LockedPurse(*purse, zone=terms.zone)

    monkeypatch.setattr(deciding, "_lock", unlocked)

    outcomes = at_once(postgres_app, mei, terms)

    # All believe that it waits; only the row of the request stops them, in words for another case.
    assert [each for each in errors(outcomes) if not isinstance(each, cash_outs.NotWaiting)]
