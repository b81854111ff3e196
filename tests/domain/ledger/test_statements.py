"""What each verb costs in statements, however many lots it touches."""

from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask

from mall.base.clock import moved_to
from mall.base.db import transaction
from mall.base.text import say
from mall.domain import ledger

from .steps import LAST, WORTH, ZONE, earn, give, hold, instant, new_member, owing, redeem

pytestmark = pytest.mark.alone

SOON = date(2026, 3, 31)
AFTER = instant("2026-04-01 09:00")

# The lock; the move looked up; what is read to think; then postings, positions (lowered, emptied, raised), purse.
BUDGETS = {
    "earn": 6,
    "unlock": 6,
    "unlock and repay": 6,
    "hold": 8,
    "redeem": 7,
    "capture": 6,
    "release": 7,
    "release to children": 9,
    "give back": 6,
    "give back to children": 8,
    "take back": 10,
    "adjust up": 6,
    "adjust down": 7,
    "expire": 5,
}


def lots(member: int, count: int, *, last: date = LAST) -> list[int]:
    """Give a member so many lots of 10 points."""
    return [give(member, 10, f"order:{100 + number}", last=last) for number in range(count)]


def pending(member: int, count: int) -> list[int]:
    return [earn(member, 10, f"order:{100 + number}") for number in range(count)]


def prepared(verb: str, member: int, count: int) -> Callable[[ledger.LockedPurse], object]:
    """Prepare a member for a verb that touches so many lots; return the verb."""
    points = 10 * count - 5 if count > 1 else 5
    match verb:
        case "earn":
            lots(member, count)
            return lambda purse: ledger.earn(
                purse,
                10,
                reference="order:1",
                rule="order",
                origin="purchase",
                expiry=ledger.last_day(LAST, ZONE),
                version=1,
                worth=WORTH,
                why=say("Bought"),
                at=AFTER,
            )
        case "unlock" | "unlock and repay":
            if verb == "unlock and repay":
                owing(member, 5)
            waiting = pending(member, count)
            return lambda purse: ledger.unlock(purse, waiting, at=AFTER)
        case "hold":
            lots(member, count)
            return lambda purse: ledger.hold(purse, points, reference="order:1", at=AFTER)
        case "redeem":
            lots(member, count)
            return lambda purse: ledger.redeem(purse, points, reference="order:1", at=AFTER)
        case "capture":
            lots(member, count)
            hold(member, points, "order:1")
            return lambda purse: ledger.capture(purse, reference="order:1", at=AFTER)
        case "release" | "release to children":
            lots(member, count, last=SOON if verb.endswith("children") else LAST)
            hold(member, points, "order:1")
            return lambda purse: ledger.release(purse, reference="order:1", at=AFTER)
        case "give back" | "give back to children":
            lots(member, count, last=SOON if verb.endswith("children") else LAST)
            redeem(member, points, "order:1")
            return lambda purse: ledger.give_back(
                purse, points, reference="order:1", key="refund:1", shipped=True, at=AFTER
            )
        case "take back":
            # Most of it from other lots, the rest as debt.
            lot = give(member, 1_000, "order:1")
            redeem(member, 1_000, "order:2")
            lots(member, count)
            return lambda purse: ledger.take_back(
                purse, {lot: 0}, reference="order:1", key="refund:1", why=say("Returned"), at=AFTER
            )
        case "adjust up":
            lots(member, count)
            return lambda purse: ledger.adjust_up(
                purse,
                10,
                key="adjustment:1",
                reference="adjustment:1",
                expiry=ledger.last_day(LAST, ZONE),
                version=1,
                worth=WORTH,
                why=say("Goodwill"),
                by="staff:2",
                at=AFTER,
            )
        case "adjust down":
            lots(member, count)
            return lambda purse: ledger.adjust_down(
                purse,
                points,
                key="adjustment:1",
                reference="adjustment:1",
                why=say("Correction"),
                by="staff:2",
                at=AFTER,
            )
        case "expire":
            lots(member, count, last=SOON)
            return lambda purse: ledger.expire(purse, at=AFTER)
    raise AssertionError(verb)


def statements(app: Flask, seen: list[str], verb: str, *, count: int) -> list[str]:
    """Return the statements of one call of a verb on so many lots, its transaction's BEGIN left out."""
    member = new_member("mei")
    call = prepared(verb, member, count)
    with moved_to(AFTER), transaction():
        seen.clear()
        call(ledger.lock(member, zone=ZONE))
        return [statement for statement in seen if not statement.startswith("BEGIN")]


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("verb", BUDGETS)
def test_a_verb_keeps_its_budget(app, count_statements, verb, count):
    sent = statements(app, count_statements, verb, count=count)

    assert len(sent) <= BUDGETS[verb], "\n".join(sent)


def test_a_month_end_of_many_members_writes_each_table_once(app, count_statements):
    for number in range(20):
        give(new_member(f"m{number}"), 10, f"order:{number}", last=SOON)

    with moved_to(AFTER), transaction():
        count_statements.clear()
        assert ledger.expire_due(zone=ZONE, after=0, at=AFTER) is None
        sent = [statement for statement in count_statements if not statement.startswith("BEGIN")]

    # Who is due, their locks, what is past; postings, positions, purses; and whether there are more.
    assert len(sent) == 7, "\n".join(sent)
