"""Verbs that touch different places may write together: the same outcome, each table once."""

import pytest

from mall.base.db import transaction
from mall.base.text import say
from mall.domain import ledger
from tests.stage import NOON, open_shop

pytestmark = pytest.mark.alone


@pytest.fixture
def stage(app):
    return open_shop()


@pytest.fixture
def lin(stage):
    return stage.member("lin")


def earn(purse, terms, points):
    return ledger.earn(
        purse, points, reference="order:9", rule="order", origin="purchase", expiry=terms.expiry_of(terms.today(NOON)),
        version=1, worth=terms.worth, why=say("why"), at=NOON, first=True,
    )  # fmt: skip


def test_capture_and_earn_written_together_are_the_same_as_one_by_one(stage, lin, count_statements):
    stage.give(lin, 500)
    with transaction():
        ledger.hold(ledger.lock(lin, zone="UTC"), 300, reference="order:9", at=NOON)
    count_statements.clear()

    with transaction():
        purse = ledger.lock(lin, zone="UTC")
        with ledger.one_write(purse):
            ledger.capture(purse, reference="order:9", at=NOON, first=True)
            earn(purse, stage.terms, 40)
        assert (purse.held, purse.pending) == (0, 40)

    assert stage.balances(lin) == ledger.Balances(ready=200, pending=40, held=0, owed=0)
    assert len([said for said in count_statements if said.startswith("INSERT INTO posting")]) == 1
    assert len([said for said in count_statements if said.startswith("UPDATE purse")]) == 1


def test_what_fails_inside_leaves_nothing(stage, lin):
    stage.give(lin, 500)
    with pytest.raises(ledger.InsufficientPoints), transaction():
        purse = ledger.lock(lin, zone="UTC")
        with ledger.one_write(purse):
            earn(purse, stage.terms, 40)
            ledger.redeem(purse, 501, reference="order:9", at=NOON)

    assert stage.balances(lin) == ledger.Balances(ready=500, pending=0, held=0, owed=0)


def test_one_write_is_not_nested(stage, lin):
    with transaction():
        purse = ledger.lock(lin, zone="UTC")
        with ledger.one_write(purse), pytest.raises(AssertionError), ledger.one_write(purse):
            pass
