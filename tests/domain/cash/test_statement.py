"""The cashier's statement is stored line by line, once each, and never changed; a file says the same or is refused."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError

from mall.base.cashier import Taking
from mall.base.db import execute, reading, transaction
from mall.domain import cash
from tests.conftest import NOON

from .conftest import join, paid_payment

ZONE = "America/New_York"
DAY = timedelta(days=1)


def line(number, *, at=NOON, amount=690, fee=43, kind="charge", source="pi_1", **changes):
    given = {
        "id": f"txn_{number}", "kind": kind, "amount_cents": amount, "fee_cents": fee, "currency": "USD",
        "source": source, "created_at": at,
    }  # fmt: skip
    return Taking(**(given | changes))


class Desk:
    """A cashier with books of its own."""

    name = "stripe"

    def __init__(self, *lines):
        self.lines, self.asked = list(lines), []

    def takings_since(self, instant):
        self.asked.append(instant)
        return iter([each for each in self.lines if each.created_at >= instant])


def stored():
    with reading():
        return execute(select(cash.StatementLine).order_by(cash.StatementLine.id)).all()


def ask(desk, *, at=NOON + DAY):
    return cash.import_statement(desk, zone=ZONE, at=at)


def test_lines_are_stored_once_however_often_they_are_told(either):
    join()
    desk = Desk(line(1), line(2, kind="refund", amount=-200, fee=0, source="re_1"))
    first, second = ask(desk), ask(desk)

    assert (len(first.new), len(second.new), len(second.known)) == (2, 0, 2)
    assert [(row.line_id, row.amount_cents, row.fee_cents, row.net_cents) for row in stored()] == [
        ("txn_1", 690, 43, 647),
        ("txn_2", -200, 0, -200),
    ]


def test_a_line_is_of_the_shops_day(mei):
    ask(Desk(line(1, at=NOON.replace(hour=4))))

    assert [row.happened_on for row in stored()] == [NOON.date() - DAY]


def test_days_that_were_missed_are_caught_up_with(mei):
    desk = Desk(line(1))
    ask(desk)
    desk.lines += [line(number, at=NOON + number * DAY) for number in range(2, 20)]
    ask(desk, at=NOON + 30 * DAY)

    assert desk.asked[1] == NOON + DAY - timedelta(days=3)
    assert len(stored()) == 19
    with reading():
        (covered,) = cash.covered()
    assert (covered.cashier, covered.ends) == ("stripe", NOON + 30 * DAY)


def test_the_first_time_it_begins_before_the_first_payment(mei):
    payment = paid_payment(mei)
    desk = Desk()
    ask(desk)

    assert desk.asked == [payment.begun_at - timedelta(days=3)]


def test_more_lines_than_a_batch_are_all_stored(mei):
    desk = Desk(*(line(number, source=f"pi_{number}") for number in range(1_101)))

    assert len(ask(desk).new) == 1_101
    assert len(ask(desk).new) == 0


def test_what_is_said_differently_later_stays_as_it_came(mei):
    ask(Desk(line(1)))
    again = ask(Desk(line(1, fee=50)))

    assert [each.id for each in again.differing] == ["txn_1"]
    assert [row.fee_cents for row in stored()] == [43]


def test_a_line_is_never_changed_or_deleted(either):
    join()
    ask(Desk(line(1)))

    for change in (update(cash.StatementLine).values(fee_cents=0), text("DELETE FROM statement_line")):
        with pytest.raises(IntegrityError, match="append-only"), transaction():
            execute(change)


@pytest.mark.breaks_the_books
def test_a_net_that_is_not_the_amount_less_the_fee_is_seen(mei):
    ask(Desk(line(1)))
    with transaction():
        execute(text("PRAGMA ignore_check_constraints=ON"))
        execute(text("DROP TRIGGER statement_line_no_update"))
        execute(update(cash.StatementLine).values(net_cents=1))
    with reading():
        found = [check.name for check in cash.checks() if execute(check.breaks).first() is not None]

    assert found == ["A line of the cashier's statement is its amount less its fee"]


# From a file

HEAD = "id,type,amount,fee,net,currency,source,created,available_on,payout\n"
ROW = "txn_1,charge,6.90,0.43,6.47,usd,pi_1,2026-03-02 12:00:00,2026-03-04,\n"
STRIPES = (
    "balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id,"
    "payment_intent_id,automatic_payout_id\n"
    "txn_1,2026-03-02 12:00:00,2026-03-04 00:00:00,usd,6.90,0.43,6.47,charge,ch_1,pi_1,po_1\n"
    "txn_2,2026-03-02 13:00:00,2026-03-04 00:00:00,usd,-2.00,0.00,-2.00,refund,re_1,pi_1,po_1\n"
)


def test_a_file_is_read():
    (read,) = cash.read_statement(HEAD + ROW).lines

    assert read == line(1, available_at=NOON.replace(day=4, hour=0))


def test_the_export_of_stripe_is_read_and_a_charge_is_of_its_payment():
    lines = cash.read_statement("\ufeff" + STRIPES).lines

    assert [(each.kind, each.source, each.payout, each.net_cents) for each in lines] == [
        ("charge", "pi_1", "po_1", 647),
        ("refund", "re_1", "po_1", -200),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column “id”"),
        ("id,type\n1,2\n", "no column “amount”"),
        (HEAD, "no lines"),
        (HEAD + ROW.replace("6.90", "6,9O"), "Line 2"),
        (HEAD + ROW.replace("6.90,", "six,"), "Line 2: “six” under “amount” is no amount"),
        (HEAD + ROW.replace("6.47", "6.48"), "Line 2: the amount less the fee is not the net"),
        (HEAD + ROW + ROW.replace("6.90,0.43,6.47", "7.90,0.43,7.47"), "Line 3: “txn_1” is in the file already"),
        (HEAD + ROW.replace("2026-03-02 12:00:00", "yesterday"), "Line 2: “yesterday” under “created” is no time"),
        (HEAD + ROW.replace("usd", "dollars"), "Line 2: “currency” is empty, or too long"),
        (HEAD + ROW.replace("txn_1", "x" * 201), "Line 2: “id” is empty, or too long"),
        (HEAD + ROW.replace("6.90,", "99999999999999999999,"), "Line 2"),
        (HEAD + ROW.replace("txn_1", "txn_{n}") * 2_001, "more than 2000 lines"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole_with_the_line(text, said):
    read = cash.read_statement(text)

    assert read.lines == ()
    assert said in " ".join(str(fault) for fault in read.faults)


def test_a_file_imported_twice_changes_nothing(mei):
    lines = cash.read_statement(STRIPES).lines
    for expected in (2, 0):
        with transaction():
            found = cash.import_lines(lines, cashier="stripe", zone=ZONE, at=NOON, by="staff:1")
        assert len(found.new) == expected
    with reading():
        assert execute(select(func.count()).select_from(cash.StatementImport)).scalar_one() == 1
        assert [row.via for row in stored()] == ["file", "file"]
