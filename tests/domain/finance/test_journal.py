"""The journal is accepted by hledger and by beancount, and its balances are those of the liability."""

import re
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from mall.base.cashier import RefundState, Taking
from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.demo.joining import token_mailed_to
from mall.domain import aftersales, cash, cash_outs, catalogue, finance, people, programme
from tests.conftest import could_not_run
from tests.stage import Stage, open_shop

from .conftest import APRIL, ZONE, Books, instant

BEAN_CHECK = shutil.which("bean-check", path=str(Path(sys.executable).parent)) or shutil.which("bean-check")
FIRST, LAST = date(2026, 1, 1), date(2026, 4, 10)


def text_of(books: Books, form: str, *, first: date = FIRST, last: date = LAST, at: datetime = APRIL) -> str:
    with reading():
        journal = finance.journal(first=first, last=last, terms=books.terms, at=at)
    return "\n".join(finance.journal_text(journal, form=form)) + "\n"


def hledger(text: str, *command: str) -> str:
    """Let hledger read a journal strictly; return what it says."""
    program = shutil.which("hledger")
    if program is None:
        could_not_run("no hledger here: install the package hledger")
    done = subprocess.run(
        [program, "-f", "-", "--strict", *command], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + text
    return done.stdout


def bean_check(text: str, folder: Path) -> str:
    """Let beancount read a journal; return its complaints."""
    if BEAN_CHECK is None:
        could_not_run("no bean-check here: install beancount")
    path = folder / "journal.beancount"
    path.write_text(text)
    done = subprocess.run([BEAN_CHECK, str(path)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr + ("" if done.returncode == 0 else f"status {done.returncode}")


def test_hledger_accepts_it_with_the_liability_as_its_balance(odd_history):
    text = text_of(odd_history, "hledger")

    hledger(text, "check")
    with reading():
        total = finance.liability(as_of=finance.settled(APRIL), zone=ZONE).total
    assert total == finance.Amount(1018, 679)
    assert "-1018 PTS" in hledger(text, "balance", "Liabilities:Points")
    assert "-6.79 EUR" in hledger(text, "balance", "Liabilities:Points")
    # Everything adds up to nothing, in money and in points.
    assert hledger(text, "balance", "--depth", "1").splitlines()[-1].split() == ["0"]


def test_beancount_accepts_it(odd_history, tmp_path):
    assert bean_check(text_of(odd_history, "beancount"), tmp_path) == ""


@pytest.mark.parametrize("form", ["hledger", "beancount"])
def test_a_balance_that_is_not_ours_is_refused(history, tmp_path, form):
    text = text_of(history, form)
    forged = re.sub(r"(Liabilities:Points:Contract {2})-(\d)", r"\1-1\2", text, count=1)
    assert forged != text

    if form == "beancount":
        assert "not balance" in bean_check(forged, tmp_path)
    else:
        with pytest.raises(AssertionError, match="could not balance"):
            hledger(forged, "check")
    # A whole entry left out balances, and is noticed by the balances at the month's end.
    entries = text.split("\n\n")
    left_out = "\n\n".join(entry for entry in entries if "Expired" not in entry)
    assert left_out != text
    if form == "beancount":
        assert "Balance failed" in bean_check(left_out, tmp_path)
    else:
        with pytest.raises(AssertionError, match="balance assertion"):
            hledger(left_out, "check")


@pytest.mark.parametrize("first", ["2026-01-31", "2026-02-01", "2026-02-23", "2026-03-06"])
def test_it_may_begin_in_the_middle(odd_history, tmp_path, first):
    days = {"first": date.fromisoformat(first), "last": date(2026, 3, 20)}

    hledger(text_of(odd_history, "hledger", **days), "check")
    assert bean_check(text_of(odd_history, "beancount", **days), tmp_path) == ""


def test_a_month_at_a_time_is_the_same_as_all_at_once(odd_history):
    whole = text_of(odd_history, "hledger", last=date(2026, 3, 31))
    parts = [
        text_of(odd_history, "hledger", first=month.first, last=month.last)
        for month in finance.months_between(finance.Month(2026, 1), finance.Month(2026, 3))
    ]

    def moved(text: str) -> list[str]:
        return [
            block for block in text.split("\n\n")[2:] if "brought forward" not in block and "Balances" not in block
        ]

    assert [block.strip() for part in parts for block in moved(part)] == [block.strip() for block in moved(whole)]


def test_the_roll_up_changes_nothing(odd_history):
    before = text_of(odd_history, "beancount", first=date(2026, 2, 10))
    finance.roll_up(odd_history.terms, APRIL)

    assert text_of(odd_history, "beancount", first=date(2026, 2, 10)) == before


def test_entries_name_their_documents_and_postings(history):
    text = text_of(history, "hledger")
    (redeemed,) = [block for block in text.split("\n\n") if block.startswith("2026-02-03 Redeemed")]

    assert "; documents: shop/2" in redeemed
    assert re.search(r"; postings: \d+\n", redeemed)
    assert "Income:Points:Redeemed  -3.00 EUR" in redeemed
    assert "Liabilities:Points:Contract  3.00 EUR" in redeemed
    assert "Liabilities:Points:Contract  300 PTS" in redeemed


def test_points_without_a_sale_are_kept_apart(history):
    with reading():
        found = finance.journal(first=FIRST, last=date(2026, 1, 30), terms=history.terms, at=APRIL)
    by_name = {entry.name: {line.account: line.cents for line in entry.lines if line.cents} for entry in found.entries}

    assert by_name["Earned on orders"] == {"deferred": 1_000, "contract": -1_000}
    assert by_name["Earned by tasks"] == {"marketing": 500, "bonus": -500}


def test_an_account_of_our_own(history, tmp_path):
    with transaction():
        finance.name_accounts({"redeemed": "Income:4010-Redeemed"}, by="staff:1", at=APRIL)

    assert "Income:4010-Redeemed" in text_of(history, "hledger")
    assert bean_check(text_of(history, "beancount"), tmp_path) == ""


@pytest.mark.parametrize(
    "names, refusal",
    [
        ({"redeemed": "income:points"}, finance.BadAccount),
        ({"redeemed": "Income:Points\n  Equity:Theft  100 EUR"}, finance.BadAccount),
        ({"redeemed": "Income:" + "X" * 200}, finance.BadAccount),
        ({"contract": "Liabilities:Elsewhere"}, finance.OutsidePoints),
        ({"redeemed": "Income:Points:Breakage"}, finance.AccountTaken),
        ({"moon": "Assets:Moon"}, finance.NoSuchAccount),
    ],
)
def test_what_is_no_chart_is_refused(history, names, refusal):
    with pytest.raises(refusal), transaction():
        finance.name_accounts(names, by="staff:1", at=APRIL)


def test_days_the_wrong_way_round(history):
    with pytest.raises(finance.WrongWayRound):
        text_of(history, "hledger", first=LAST, last=FIRST)


def test_an_empty_ledger_has_an_empty_journal(books, tmp_path):
    hledger(text_of(books, "hledger"), "check")
    assert bean_check(text_of(books, "beancount"), tmp_path) == ""


def test_a_shop_whose_name_is_code_stays_a_comment(books, tmp_path):
    books.terms = replace(books.terms, legal_name='x"\n2026-01-01 open Assets:Theft\n')

    assert bean_check(text_of(books, "beancount"), tmp_path) == ""
    assert "\n2026-01-01 open Assets:Theft" not in text_of(books, "beancount")


@pytest.fixture
def sold(app) -> Stage:
    """A month of orders: one kept, one refunded before and one after it was sent, one by points, tax inside."""
    start = instant("2026-02-01 09:00")
    stage = open_shop(
        start,
        zone=ZONE,
        currency="EUR",
        tax_classes={"standard": {"name": {"en": "Standard"}, "rates": [["2000-01-01", 1_900]]}},
    )
    with moved_to(start):
        mei = stage.member("mei", at=start)
        mug = stage.item(
            prices=(catalogue.cash_price(1_590), catalogue.points_price(300)), stock=50, at=start, tax_class="standard"
        )
    for number, form in enumerate(("cash", "cash", "cash", "points")):
        at = start + timedelta(days=number * 5)
        with moved_to(at):
            if form == "points":
                stage.give(mei, 400, at=at)
            stage.put_in(mei, mug, form, quantity=1 + number, at=at) if form == "cash" else stage.put_in(
                mei, mug, form, at=at
            )
            order = stage.place(mei, at=at)
            if form == "cash":
                stage.pay(order, at=at)
        with moved_to(at + timedelta(days=2)):
            if number == 1:
                stage.refund(order, at=at + timedelta(days=2))
            else:
                stage.ship(order, at=at + timedelta(days=2))
        if number == 2:
            with moved_to(at + timedelta(days=4)):
                stage.refund(order, at=at + timedelta(days=4))
    return stage


def test_the_cash_side_ties_as_well(sold, tmp_path):
    at = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
    books = Books(sold.terms)
    text = text_of(books, "hledger", at=at)

    hledger(text, "check")
    assert bean_check(text_of(books, "beancount", at=at), tmp_path) == ""
    # The kept order, and the shipping of the order that was returned after it was sent.
    shown = hledger(text, "balance", "-N", "--flat")
    totals = {line.split()[-1]: line.split()[0] for line in shown.splitlines() if "EUR" in line}
    assert totals["Income:Sales:Goods"] == "-13.36"
    assert totals["Income:Sales:Shipping"] == "-8.24"
    assert totals["Liabilities:Tax"] == "-4.10"
    assert totals["Liabilities:Payments"] == "-84.40"
    # The refunds were asked for and not yet given; a day later they are.
    with reading():
        held = finance.cash_balances(until=at, zone="UTC", currency="EUR")
    assert totals["Assets:Cashier:Sandbox"] == f"{held['cashier:sandbox'] / 100:.2f}"
    with moved_to(at + timedelta(days=1)):
        aftersales.send_refunds(sold.cashier, terms=sold.terms, at=at + timedelta(days=1))
    later = text_of(books, "hledger", at=at + timedelta(days=2))
    hledger(later, "check")
    assert bean_check(text_of(books, "beancount", at=at + timedelta(days=2)), tmp_path) == ""
    assert "Liabilities:Payments" not in hledger(later, "balance", "-N", "--flat")
    assert "2026-04-01 Refunds given" in later


def test_a_refund_that_fails_a_month_later_leaves_its_day_as_it_was(sold, tmp_path):
    books, given_at = Books(sold.terms), instant("2026-03-20 12:00")
    with moved_to(given_at):
        aftersales.send_refunds(sold.cashier, terms=sold.terms, at=given_at)
    march = {"first": date(2026, 3, 1), "last": date(2026, 3, 31), "at": instant("2026-04-02 12:00")}
    closed = {form: text_of(books, form, **march) for form in ("hledger", "beancount")}
    assert "2026-03-20 Refunds given" in closed["hledger"]

    failed_at = instant("2026-04-20 12:00")
    refund = last_refund()
    with moved_to(failed_at), transaction():
        cash.record_refund(refund.id, said(refund, "failed"), at=failed_at)

    assert {form: text_of(books, form, **march) for form in ("hledger", "beancount")} == closed
    later = {"last": date(2026, 4, 30), "at": instant("2026-05-02 12:00")}
    text = text_of(books, "hledger", **later)
    (back,) = [block for block in text.split("\n\n") if block.startswith("2026-04-20 Refunds sent back by the bank")]
    assert f"Assets:Cashier:Sandbox  {refund.amount_cents / 100:.2f} EUR" in back
    hledger(text, "check")
    assert f"-{refund.amount_cents / 100:.2f} EUR" in hledger(text, "balance", "Liabilities:Payments")
    assert bean_check(text_of(books, "beancount", **later), tmp_path) == ""
    # It goes out again, and is owed no more.
    second = replace(said(last_refund(), "succeeded"), id="re_second")
    with transaction():
        cash.record_refund(refund.id, second, at=instant("2026-04-25 12:00"))
    assert "Payments" not in hledger(text_of(books, "hledger", **later), "balance", "-N", "--flat")
    assert {form: text_of(books, form, **march) for form in ("hledger", "beancount")} == closed


@pytest.mark.parametrize("given", ["pending", "succeeded"])
def test_a_refund_made_at_the_cashier_that_comes_to_nothing_is_put_back_on_the_day_it_does(sold, tmp_path, given):
    books, made_at, failed_at = Books(sold.terms), instant("2026-03-20 12:00"), instant("2026-04-20 12:00")
    with reading():
        payment = cash.payments_of("order:1")[0]
    state = RefundState("re_desk", given, payment.captured_cents, "EUR", payment.cashier_id, "")
    with moved_to(made_at), transaction():
        cash.record_foreign_refund(payment.id, state, at=made_at)
    march = {"first": date(2026, 3, 1), "last": date(2026, 3, 31), "at": instant("2026-04-02 12:00")}
    closed = text_of(books, "hledger", **march)
    assert "2026-03-20 Orders refunded" in closed
    assert ("2026-03-20 Refunds given" in closed) == (given == "succeeded")

    with moved_to(failed_at), transaction():
        cash.record_foreign_refund(payment.id, replace(state, status="failed"), at=failed_at)

    assert text_of(books, "hledger", **march) == closed
    later = {"last": date(2026, 4, 30), "at": instant("2026-05-02 12:00")}
    text = text_of(books, "hledger", **later)
    hledger(text, "check")
    assert bean_check(text_of(books, "beancount", **later), tmp_path) == ""
    assert "2026-04-20 Refunds of orders that came to nothing" in text
    before = text_of(books, "hledger", last=date(2026, 3, 19), at=instant("2026-03-20 11:00"))
    assert totals(text) == totals(before)


def test_a_refund_given_by_hand_leaves_the_money_at_the_cashier(sold, tmp_path):
    books, at = Books(sold.terms), instant("2026-03-20 12:00")
    with reading():
        held = finance.cash_balances(until=at, zone="UTC", currency="EUR")["cashier:sandbox"]
    refund = last_refund()
    with transaction():
        cash.refused_refund(refund.id, why="charge disputed", at=at)
    with transaction():
        cash.given_by_hand(refund.id, by="staff:1", reason="transfer 4711", at=at)

    with reading():
        assert finance.cash_balances(until=at, zone="UTC", currency="EUR") == {
            "cashier:sandbox": held,
            "bank": -refund.amount_cents,
        }
    later = {"at": instant("2026-04-02 12:00"), "last": date(2026, 3, 31)}
    text = text_of(books, "hledger", **later)
    hledger(text, "check")
    assert bean_check(text_of(books, "beancount", **later), tmp_path) == ""
    assert totals(text)["Assets:Bank:RefundsByHand"] == f"-{refund.amount_cents / 100:.2f}"
    assert totals(text)["Assets:Cashier:Sandbox"] == f"{held / 100:.2f}"
    # A month that begins later brings both over.
    april = text_of(books, "hledger", first=date(2026, 4, 1), last=date(2026, 4, 2), at=instant("2026-04-05 12:00"))
    hledger(april, "check")
    assert totals(april)["Assets:Bank:RefundsByHand"] == f"-{refund.amount_cents / 100:.2f}"


def last_refund():
    with reading():
        return [refund for number in range(1, 5) for refund in cash.refunds_of(f"order:{number}")][-1]


def said(refund, status: str) -> RefundState:
    """What the cashier says of a refund of ours."""
    return RefundState(refund.cashier_id, status, refund.amount_cents, "EUR", "", cash.cashier_key(refund))


def totals(text: str) -> dict[str, str]:
    """Return the money in every account, as hledger adds it up."""
    shown = hledger(text, "balance", "-N", "--flat")
    return {line.split()[-1]: line.split()[0] for line in shown.splitlines() if "EUR" in line}


def test_fees_and_payouts_are_booked_by_the_statement_on_the_day_it_came(sold, tmp_path):
    books, came = Books(sold.terms), instant("2026-04-03 04:00")
    march = {"first": date(2026, 3, 1), "last": date(2026, 3, 31), "at": instant("2026-04-02 12:00")}
    closed = {form: text_of(books, form, **march) for form in ("hledger", "beancount")}
    with reading():
        held = finance.cash_balances(until=came, zone="UTC", currency="EUR")["cashier:sandbox"]
    happened = instant("2026-03-31 20:00")
    lines = [
        Taking("txn_1", "charge", 5_000, 95, "EUR", "pay_1", happened),
        Taking("txn_2", "stripe_fee", -1_000, 0, "EUR", "", happened),
        Taking("txn_3", "payout", -4_000, 25, "EUR", "po_1", happened),
        Taking("txn_4", "charge", 700, 70, "USD", "pay_2", happened),  # Not the shop's money: a break, not booked.
    ]
    with transaction():
        cash.import_lines(lines, cashier="sandbox", zone=sold.terms.zone, at=came, by="staff:1")

    assert {form: text_of(books, form, **march) for form in ("hledger", "beancount")} == closed
    april = {"last": date(2026, 4, 30), "at": instant("2026-05-02 12:00")}
    text = text_of(books, "hledger", **april)
    hledger(text, "check")
    assert bean_check(text_of(books, "beancount", **april), tmp_path) == ""
    assert "2026-04-03 Fees of the cashier" in text
    assert "2026-04-03 Payouts to the bank" in text
    assert totals(text)["Expenses:CashierFees"] == "11.20"
    assert totals(text)["Assets:Bank:Payouts"] == "40.00"
    assert totals(text)["Assets:Cashier:Sandbox"] == f"{(held - 4_000 - 1_120) / 100:.2f}"
    # A month that begins later brings the money over, and not the fees.
    may = text_of(books, "hledger", first=date(2026, 5, 1), last=date(2026, 5, 2), at=instant("2026-05-05 12:00"))
    hledger(may, "check")
    assert totals(may)["Assets:Bank:Payouts"] == "40.00"
    assert "Expenses:CashierFees" not in totals(may)


def cash_out(books: Books, *, paid: bool) -> None:
    """Let Mei turn 600 of her points into cash in February: 80 cents for 100, less a fee of 50."""
    rates = {"cash_out_least_points": 500, "cash_out_fee_cents": 50}
    terms = programme.terms_of(books.terms.version, programme.settings_of(books.terms) | rates)
    asked, approved, paid_at = (instant(f"2026-02-{day} 10:00") for day in (10, 12, 13))
    who = {"own_member_id": None, "terms": terms, "by": "staff:1"}
    joined = instant("2026-01-01 10:00")
    with moved_to(joined), transaction():
        people.verify(token_mailed_to(books.members["mei"]), at=joined)
    with moved_to(asked), transaction():
        cash_outs.ask(
            books.members["mei"], 600, payee="Mei", account="DE89370400440532013000", key="k", terms=terms, at=asked
        )
    with moved_to(approved), transaction():
        cash_outs.approve(1, other_approvers=1, at=approved, **who)
    if paid:
        with moved_to(paid_at), transaction():
            cash_outs.note_paid(1, payout_reference="TX-77", at=paid_at, **who)


def bounce(books: Books, *, on: str) -> None:
    """Let the bank send that payment back on a day."""
    at = instant(f"{on} 10:00")
    said = {"reason": "The account is closed.", "bounce_reference": "RT-77"}
    with moved_to(at), transaction():
        cash_outs.note_bounced(1, own_member_id=None, terms=books.terms, by="staff:1", at=at, **said)


@pytest.mark.parametrize("paid", [True, False])
def test_points_turned_into_cash_are_owed_until_they_are_paid(books, tmp_path, paid):
    books.member("mei")
    books.ready("mei", 1_000, "2026-01-05 10:00")
    cash_out(books, paid=paid)

    with reading():
        journal = finance.journal(first=FIRST, last=LAST, terms=books.terms, at=APRIL)
        forward = finance.liability(as_of=finance.settled(APRIL), zone=ZONE)
    said = {entry.name: {line.account: line.cents for line in entry.lines if line.cents} for entry in journal.entries}
    assert said["Cashed out"] == {"contract": 600, "cash_out_value": -600}
    assert said["Points turned into cash"] == {"cash_out_value": 480, "cash_out_fees": -50, "cash_out": -430}
    assert ("Points to cash paid out" in said) is paid
    assert forward.total.points == 400

    text = text_of(books, "hledger")
    hledger(text, "check")
    assert bean_check(text_of(books, "beancount"), tmp_path) == ""
    assert ("-4.30 EUR" in hledger(text, "balance", "Liabilities:CashOut")) is not paid
    for first in ("2026-02-12", "2026-02-13", "2026-03-01"):
        later = text_of(books, "hledger", first=date.fromisoformat(first))
        hledger(later, "check")
        assert bean_check(text_of(books, "beancount", first=date.fromisoformat(first)), tmp_path) == ""


def test_the_roll_forward_shows_points_turned_into_cash(books):
    books.member("mei")
    books.ready("mei", 1_000, "2026-01-05 10:00")
    cash_out(books, paid=True)

    with reading():
        moved = finance.roll_forward(finance.Month(2026, 2), zone=ZONE, at=APRIL)
    assert {line.movement: line.amount.points for line in moved.lines if line.amount.points} == {"cashed_out": -600}
    assert (moved.opening.points, moved.closing.points) == (1_000, 400)


@pytest.mark.parametrize("on", ["2026-02-13", "2026-02-20", "2026-03-02"])
def test_a_payment_the_bank_sends_back_is_booked_the_other_way_round(books, tmp_path, on):
    books.member("mei")
    books.ready("mei", 1_000, "2026-01-05 10:00")
    cash_out(books, paid=True)
    bounce(books, on=on)

    with reading():
        journal = finance.journal(first=FIRST, last=LAST, terms=books.terms, at=APRIL)
        forward = finance.liability(as_of=finance.settled(APRIL), zone=ZONE)
    said = {entry.name: (entry.day.isoformat(), {line.account: line.cents for line in entry.lines if line.cents})
            for entry in journal.entries}  # fmt: skip
    assert said["Cashed out, sent back by the bank"] == (on, {"contract": -600, "cash_out_value": 600})
    assert said["Points to cash sent back by the bank"] == (
        on, {"cash_out_bank": 430, "cash_out_fees": 50, "cash_out_value": -480},
    )  # fmt: skip
    assert forward.total.points == 1_000

    text = text_of(books, "hledger")
    hledger(text, "check")
    assert bean_check(text_of(books, "beancount"), tmp_path) == ""
    left = totals(text)
    assert not {name for name in left if "CashOut" in name or "CashedOut" in name}
    for first in ("2026-02-12", "2026-02-13", "2026-02-14", "2026-02-20", "2026-03-01", "2026-03-02", "2026-03-03"):
        later = text_of(books, "hledger", first=date.fromisoformat(first))
        hledger(later, "check")
        assert bean_check(text_of(books, "beancount", first=date.fromisoformat(first)), tmp_path) == ""


def test_the_roll_forward_of_the_month_it_came_back_in_shows_it_and_the_month_before_is_as_it_was(books):
    books.member("mei")
    books.ready("mei", 1_000, "2026-01-05 10:00")
    cash_out(books, paid=True)
    with reading():
        before = finance.roll_forward(finance.Month(2026, 2), zone=ZONE, at=APRIL)
    bounce(books, on="2026-03-02")

    with reading():
        february = finance.roll_forward(finance.Month(2026, 2), zone=ZONE, at=APRIL)
        march = finance.roll_forward(finance.Month(2026, 3), zone=ZONE, at=APRIL)
    assert (february.lines, february.closing) == (before.lines, before.closing)
    moved = {line.movement: (line.amount.points, line.amount.cents) for line in march.lines if line.amount.points}
    assert moved == {"cashed_back": (600, 600)}
    assert (march.opening.points, march.closing.points) == (400, 1_000)
    finance.roll_up(books.terms, APRIL)
    with reading():
        again = finance.roll_forward(finance.Month(2026, 3), zone=ZONE, at=APRIL)
    assert (again.lines, again.closing) == (march.lines, march.closing)
