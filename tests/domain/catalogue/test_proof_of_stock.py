"""The proof finds pieces that came in or went by nobody's hand, though the counters agree with their moves."""

import pytest
from sqlalchemy import insert, update

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue
from tests.stage import NOON, open_shop

BY_HAND = "stock that came in or was corrected is what the audit says, item by item"


@pytest.fixture
def stage(either):
    return open_shop()


@pytest.fixture
def mug(stage):
    return stage.item()


def broken():
    with reading():
        return [check.name for check in catalogue.checks() if execute(check.breaks).first() is not None]


def test_what_the_desk_does_with_stock_agrees(stage, mug):
    ticket = stage.item("Ticket", prices=(catalogue.cash_price(900),), kind="code", stock=3)
    with transaction():
        catalogue.adjust(mug.variant_id, -2, reason="Broken", by="staff:1", at=NOON)
        catalogue.receive(mug.variant_id, 4, by="staff:2", at=NOON)
        catalogue.set_on_hand(mug.variant_id, 9, reason="Counted", by="staff:1", at=NOON)
        catalogue.withdraw_codes(ticket.variant_id, upload_id=1, reason="Faulty", by="staff:1", at=NOON)

    assert broken() == []


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(("kind", "pieces"), [("receive", 5), ("adjust", 5), ("adjust", -5), ("stocktake", 1)])
def test_a_move_that_nobody_made(mug, kind, pieces):
    about = {"reference": "", "reason": "", "by": "staff:1", "at": NOON, "reserved_change": 0}
    with transaction():
        move = {"variant_id": mug.variant_id, "kind": kind, "on_hand_change": pieces} | about
        execute(insert(catalogue.StockMove), [move])
        execute(update(catalogue.Stock).values(on_hand=catalogue.Stock.on_hand + pieces))

    assert broken() == [BY_HAND]


@pytest.mark.breaks_the_books
def test_codes_that_nobody_uploaded(stage):
    ticket = stage.item("Ticket", prices=(catalogue.cash_price(900),), kind="code", stock=3)
    about = {"reference": "codes:1", "reason": "", "by": "staff:1", "at": NOON, "reserved_change": 0}
    with transaction():
        move = {"variant_id": ticket.variant_id, "kind": "receive", "on_hand_change": 1} | about
        execute(insert(catalogue.StockMove), [move])

    assert BY_HAND in broken()
