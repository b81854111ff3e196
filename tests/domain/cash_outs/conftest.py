"""A shop that turns points into cash: from 500 points on, 100 for 80 cents, less a fee of 50 cents."""

from itertools import count

import pytest

from mall.base.db import reading, transaction
from mall.base.text import say
from mall.domain import cash_outs, ledger, programme
from tests.cast import note_adjustment
from tests.conftest import NOON

ACCOUNT = "DE89 3704 0044 0532 0130 00"
RATES = {
    "cash_out_least_points": 500,
    "cash_out_points": 100,
    "cash_out_cents": 80,
    "cash_out_fee_cents": 50,
}


@pytest.fixture
def terms(shop):
    """The shop's programme, with cash for points."""
    return programme.terms_of(shop.version, programme.settings_of(shop) | RATES)


@pytest.fixture
def give(terms):
    """Give a member points that are ready: `give(mei, 1_000)`."""
    numbers = count(1)

    def points(member_id, points):
        key = f"gift:{next(numbers)}"
        with transaction():
            ledger.adjust_up(
                ledger.lock(member_id, zone=terms.zone), points, key=key, reference=key,
                expiry=terms.expiry_of(terms.today(NOON)), version=terms.version, worth=terms.worth, why=say("A gift"),
                by="staff:1", at=NOON,
            )  # fmt: skip
            note_adjustment(member_id, points, at=NOON)

    return points


@pytest.fixture
def ask(terms):
    """Ask for cash: `ask(mei, 1_000)`; returns the request's id."""
    numbers = count(1)

    def cash(member_id, points, *, key="", payee="Mei Lin", account=ACCOUNT, terms=terms, at=NOON):
        with transaction():
            return cash_outs.ask(
                member_id, points, payee=payee, account=account, key=key or f"k{next(numbers)}", terms=terms, at=at
            )

    return cash


@pytest.fixture
def desk(terms):
    """What finance does: `desk("approve", 1)`."""

    def act(verb, cash_out_id, *, own=None, by="staff:9", at=NOON, **more):
        if verb == "approve":
            more["other_approvers"] = 1
        with transaction():
            return getattr(cash_outs, verb)(cash_out_id, own_member_id=own, terms=terms, by=by, at=at, **more)

    return act


@pytest.fixture
def purse():
    """A member's balances: ready, held."""

    def of(member_id, *, at=NOON):
        with reading():
            has = ledger.balances(member_id, at=at)
        return has.ready, has.held

    return of
