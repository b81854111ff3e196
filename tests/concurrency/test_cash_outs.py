"""A cash-out approved and withdrawn at once is one of the two, and sent back by the bank it comes back once.

Without the lock each would break on what another has done.
"""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from mall.base.db import again, execute, reading, transaction
from mall.base.errors import Refusal
from mall.base.text import say
from mall.domain import audit, cash_outs, ledger, notices, people, programme
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


def unlocked_after(meet: Any) -> Any:
    """Return a lock that only looks, and lets all meet before any of them writes."""

    def unlocked(cash_out_id: int, *, terms: programme.Programme, member_id: int | None = None) -> Any:
        row = execute(select(cash_outs.CashOut).where(cash_outs.CashOut.id == cash_out_id)).one()
        purse = execute(select(ledger.Purse).where(ledger.Purse.member_id == row.member_id)).one()
        meet()
        return row, ledger.LockedPurse(*tuple(purse), zone=terms.zone)

    return unlocked


@pytest.mark.breaks_the_books
def test_without_the_lock_it_breaks_on_what_another_has_done(postgres_app, mei, terms, monkeypatch):
    monkeypatch.setattr(deciding, "_lock", unlocked_after(meeting(THREADS)))

    outcomes = at_once(postgres_app, mei, terms)

    # All believe that it waits; only the row of the request stops them, in words for another case.
    assert [each for each in errors(outcomes) if not isinstance(each, cash_outs.NotWaiting)]


@pytest.fixture
def paid(mei: int, terms: programme.Programme) -> int:
    """Mei's request, approved and paid."""
    with transaction():
        cash_outs.approve(1, own_member_id=None, other_approvers=1, terms=terms, by="staff:9", at=NOON)
    with transaction():
        cash_outs.note_paid(1, payout_reference="TX", own_member_id=None, terms=terms, by="staff:9", at=NOON)
    return mei


def note_bounced(number: int, terms: programme.Programme) -> None:
    with transaction():
        cash_outs.note_bounced(
            1, reason="The account is closed.", bounce_reference="RT-1", own_member_id=None, terms=terms,
            by=f"staff:{number}", at=NOON,
        )  # fmt: skip


def test_sent_back_at_once_while_its_member_is_frozen_and_asks_anew_it_comes_back_once(postgres_app, paid, terms):
    """Whoever is first: one move, one notice and one entry; who is frozen asks for no more."""

    def freeze() -> None:
        with transaction():
            people.freeze_member(paid, own_member_id=None, by="staff:1", reason="x", at=NOON)

    def ask(number: int) -> None:
        with transaction():
            cash_outs.ask(
                paid, 1_000, payee="Mei", account="DE89370400440532013000", key=f"new{number}", terms=terms, at=NOON
            )

    jobs = [
        *(lambda n=n: again(lambda: note_bounced(n, terms)) for n in range(1, 5)),
        *[lambda: again(freeze)] * 2,
        *(lambda n=n: again(lambda: ask(n)) for n in range(2)),
    ]
    refused = errors(race(postgres_app, jobs, threads=THREADS, seconds=30))

    assert {type(each) for each in refused} <= {
        cash_outs.MemberFrozen, cash_outs.OneAtATime, ledger.InsufficientPoints,
    }  # fmt: skip
    with reading():
        rows = cash_outs.cash_outs_of(paid)
        has = ledger.balances(paid, at=NOON)
        frozen_at = people.member_of(paid).deactivated_at
        told = [each for each in execute(select(notices.Notice.kind)).scalars() if each == "points_cash_bounced"]
        acts = [entry.act for entry in audit.entries(subject=f"member:{paid}")]
    assert (rows[-1].state, has.ready + has.held, frozen_at) == ("bounced", 1_000, NOON)
    assert has.held == sum(row.points for row in rows if row.state == "asked")
    assert (len(told), acts.count("points.cash_out.bounced"), acts.count("member.frozen")) == (1, 1, 1)


@pytest.mark.breaks_the_books
def test_without_the_lock_all_who_note_it_would_bring_the_points_back(postgres_app, paid, terms, monkeypatch):
    monkeypatch.setattr(deciding, "_lock", unlocked_after(meeting(THREADS)))

    jobs = [lambda n=n: note_bounced(n, terms) for n in range(1, THREADS + 1)]
    broken = errors(race(postgres_app, jobs, threads=THREADS, seconds=30))

    # All believe that it is paid; only the keys of the books stop all but one of them.
    assert len(broken) == THREADS - 1
    assert not [each for each in broken if isinstance(each, Refusal)]
