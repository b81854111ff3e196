"""The cashier's statement and our books agree, or finance has a list of what does not, and who looks after it."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select, update

from mall.base.cashier import DisputeState, RefundState, Taking
from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.domain import aftersales, cash, catalogue, checkout, finance
from tests import cast
from tests.stage import NOON, open_shop

DAY = timedelta(days=1)
WEEK = NOON + 7 * DAY


class Bench:
    """A shop with orders paid at the sandbox, whose books can be bent."""

    name = "sandbox"

    def __init__(self):
        self.stage = open_shop()
        self.mei = self.stage.member("mei")
        self.mug = self.stage.item(prices=(catalogue.cash_price(1_590),), stock=50)
        self.more: list[Taking] = []
        self.bend = lambda line: line
        self.leave_out: set[str] = set()

    def paid(self, *, at=NOON):
        self.stage.put_in(self.mei, self.mug, "cash", at=at)
        order = self.stage.place(self.mei, at=at)
        self.stage.pay(order, at=at)
        with reading():
            return order, cash.payments_of(checkout.reference_of(order.id))[-1]

    def takings_since(self, instant):
        lines = [*self.stage.cashier.takings_since(instant), *self.more]
        return iter([self.bend(line) for line in lines if line.source not in self.leave_out])

    def read(self, *, at=WEEK):
        return finance.reconcile(self, zone=self.stage.terms.zone, at=at).matched

    def match(self, *, at=WEEK):
        return finance.reconcile(None, zone=self.stage.terms.zone, at=at).matched

    def line(self, number, kind, amount, source="", *, fee=0, currency="USD", at=NOON):
        self.more.append(Taking(f"txn_{number}", kind, amount, fee, currency, source, at))

    def breaks(self, state="open"):
        with reading():
            rows = finance.breaks_page(state).rows
        return [(row.kind, row.source, row.theirs_cents, row.ours_cents) for row in rows]


@pytest.fixture
def bench(app):
    return Bench()


@pytest.fixture
def finn(app, bench):
    return f"staff:{cast.hire('finn', at=NOON)}"


def send(bench, *, at=NOON):
    with moved_to(at):
        aftersales.send_refunds(bench.stage.cashier, terms=bench.stage.terms, at=at)


def test_what_agrees_is_no_break(bench):
    order, _payment = bench.paid()
    bench.paid()
    bench.stage.refund(order)
    send(bench)

    assert bench.read() == finance.Matched(0, 0)
    assert bench.breaks() == []


def test_in_theirs_not_in_ours(bench):
    bench.paid()
    bench.line(9, "charge", 500, "pi_other", fee=30)
    bench.read()

    assert bench.breaks() == [("theirs", "pi_other", 500, None)]


def test_in_ours_not_in_theirs_after_two_days(bench):
    _order, payment = bench.paid()
    bench.leave_out.add(payment.cashier_id)
    bench.read(at=NOON + 2 * DAY - timedelta(seconds=1))
    assert bench.breaks() == []

    bench.read(at=NOON + 2 * DAY)
    assert bench.breaks() == [("ours", payment.cashier_id, None, payment.captured_cents)]


def test_before_anything_is_imported_nothing_is_missing(bench):
    bench.paid()

    assert bench.match() == finance.Matched(0, 0)


def test_the_amount_differs(bench):
    _order, payment = bench.paid()
    bench.bend = lambda line: replace(line, amount_cents=line.amount_cents - 1)
    bench.read()

    assert bench.breaks() == [("amount", payment.cashier_id, payment.captured_cents - 1, payment.captured_cents)]


def test_the_currency_differs(bench):
    _order, payment = bench.paid()
    bench.bend = lambda line: replace(line, currency="EUR")
    bench.read()

    assert bench.breaks() == [("currency", payment.cashier_id, payment.captured_cents, payment.captured_cents)]


def test_a_fee_of_no_payment_and_one_above_what_it_is_of_are_to_be_explained(bench):
    _order, payment = bench.paid()
    bench.bend = lambda line: replace(line, fee_cents=99_999) if line.kind == "charge" else line
    bench.line(1, "stripe_fee", -2_500)
    bench.line(2, "payout", -1_000, "po_1")
    bench.read()

    assert sorted(bench.breaks()) == [
        ("fee", "txn_1", 2_500, None),
        ("fee", f"txn_{payment.cashier_id}", 99_999, None),
    ]


def test_a_refund_is_matched_by_its_own_number(bench):
    order, payment = bench.paid()
    bench.stage.refund(order)
    send(bench)
    with reading():
        (refund,) = cash.refunds_of_payment(payment.id)
    bench.leave_out.add(refund.cashier_id)
    bench.read()

    assert bench.breaks() == [("ours", refund.cashier_id, None, -payment.captured_cents)]


def test_a_refund_that_fell_through_at_both_is_no_break(bench):
    order, payment = bench.paid()
    bench.stage.refund(order)
    send(bench)
    with reading():
        (refund,) = cash.refunds_of_payment(payment.id)
    failed = RefundState(refund.cashier_id, "failed", refund.amount_cents, "USD", "", cash.cashier_key(refund))
    with transaction():
        cash.record_refund(refund.id, failed, at=NOON)
    bench.read()
    assert bench.breaks() == [("theirs", refund.cashier_id, -refund.amount_cents, None)]

    bench.line(1, "refund_failure", refund.amount_cents, refund.cashier_id)
    assert bench.read(at=WEEK + DAY) == finance.Matched(0, 1)


@pytest.mark.parametrize(("status", "lines", "breaks"), [("open", 1, 0), ("lost", 1, 0), ("won", 1, 1), ("won", 2, 0)])
def test_a_dispute_is_what_the_bank_took_and_gave_back(bench, status, lines, breaks):
    _order, payment = bench.paid()
    state = DisputeState("du_1", status, payment.captured_cents, "USD", payment.cashier_id, "fraudulent")
    with transaction():
        aftersales.told_of_dispute(payment.id, state, terms=bench.stage.terms, at=NOON)
    for number in range(lines):
        bench.line(number, "adjustment", payment.captured_cents * (-1) ** (number + 1), "du_1", fee=1_500)
    bench.read()

    assert len([each for each in bench.breaks() if each[0] != "fee"]) == breaks


def test_a_break_that_came_right_closes_by_itself(bench):
    _order, payment = bench.paid()
    bench.leave_out.add(payment.cashier_id)
    bench.read(at=NOON + 2 * DAY)
    bench.leave_out.clear()

    assert bench.read(at=NOON + 3 * DAY) == finance.Matched(0, 1)
    assert bench.match() == finance.Matched(0, 0)
    assert bench.breaks("closed") == [("ours", payment.cashier_id, None, payment.captured_cents)]


def test_closed_by_itself_it_opens_again_when_more_is_said_of_it(bench):
    bench.line(9, "charge", 500, "pi_other")
    bench.read(at=NOON + DAY)
    bench.line(10, "refund", -500, "pi_other", at=NOON + DAY)
    assert bench.read(at=NOON + 2 * DAY) == finance.Matched(0, 1)

    bench.line(11, "charge", 500, "pi_other", at=NOON + 2 * DAY)
    assert bench.read(at=NOON + 3 * DAY) == finance.Matched(1, 0)
    assert bench.breaks() == [("theirs", "pi_other", 500, None)]


def test_done_again_nothing_changes(bench):
    bench.line(9, "charge", 500, "pi_other")
    bench.read()

    assert bench.match() == finance.Matched(0, 0)
    with reading():
        assert execute(select(func.count()).select_from(finance.StatementBreak)).scalar_one() == 1


# Looking after a break


@pytest.fixture
def broken(bench, finn):
    bench.line(9, "charge", 500, "pi_other")
    bench.read()
    with reading():
        return finance.breaks_page("open").rows[0]


def look_after(row, *, owner="", state="explained", note="Of the other shop", version=None):
    with transaction():
        return finance.look_after_break(
            row.id, version=version or row.version, owner=owner, state=state, note=note, by="staff:1", at=WEEK
        )


def test_a_break_has_an_owner_a_note_and_a_state_and_is_kept_when_matched_again(bench, broken, finn):
    changed = look_after(broken, owner=finn)
    bench.match()

    assert (changed.owner, changed.state, changed.note) == (finn, "explained", "Of the other shop")
    assert bench.breaks("explained") == [("theirs", "pi_other", 500, None)]


def test_explained_it_opens_again_when_another_line_says_more(bench, broken):
    look_after(broken, state="closed")
    bench.line(10, "charge", 100, "pi_other", at=WEEK)

    assert bench.read(at=WEEK + DAY) == finance.Matched(1, 0)
    assert bench.breaks() == [("theirs", "pi_other", 600, None)]


def test_pressed_twice_it_is_done_once_and_never_over_what_somebody_else_saved(broken):
    first = look_after(broken)
    assert look_after(broken).version == first.version

    with pytest.raises(finance.BreakChanged):
        look_after(broken, note="I did not see that")


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"note": "  "}, finance.NotExplained),
        ({"state": "gone"}, finance.NoSuchState),
        ({"owner": "staff:999"}, finance.NoSuchOwner),
        ({"note": "x" * 501}, finance.NoteTooLong),
    ],
)
def test_a_break_is_not_put_away_without_a_reason(broken, values, refusal):
    with pytest.raises(refusal):
        look_after(broken, **values)


@pytest.mark.breaks_the_books
def test_a_break_put_away_without_a_reason_is_seen(broken):
    look_after(broken)
    with transaction():
        execute(update(finance.StatementBreak).values(changed_by="system"))
    with reading():
        broken_checks = [check.name for check in finance.checks() if execute(check.breaks).first() is not None]

    assert broken_checks == ["a break that is explained or closed says why"]


# By day


def test_the_days_add_up_to_the_balance(bench):
    bench.paid()
    bench.paid(at=NOON + DAY)
    order, _payment = bench.paid(at=NOON + DAY)
    bench.stage.refund(order, at=NOON + DAY)
    send(bench, at=NOON + DAY)
    bench.bend = lambda line: replace(line, fee_cents=57) if line.kind == "charge" else line
    bench.line(1, "stripe_fee", -2_500, at=NOON + 2 * DAY)
    bench.line(2, "payout", -1_000, "po_1", at=NOON + 2 * DAY, fee=25)
    bench.line(3, "topup", 300, "", at=NOON + 2 * DAY)
    bench.read()
    month = finance.read_month("2026-03", zone=bench.stage.terms.zone, at=WEEK)
    with reading():
        found = finance.statement_month(month, currency="USD")
        whole = execute(select(func.sum(cash.StatementLine.net_cents))).scalar_one()

    assert [day.lines for day in found.days] == [1, 3, 3]
    last = found.days[-1].sums
    assert (last.fees, last.payouts, last.other) == (-2_525, -1_000, 300)
    assert found.opening_cents + found.total.net == found.closing_cents == int(whole)
    assert sum(day.sums.net for day in found.days) == found.total.net
    assert [day.open_breaks for day in found.days] == [0, 0, 2]
