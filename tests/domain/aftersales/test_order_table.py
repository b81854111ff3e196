"""The order table: each cell is tried, and told by what happened to the order, its points, its cash and its alarms.

An order of 900 points and cash is brought into a state, then something happens to it.
"""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from mall.base.cashier import DisputeState, RefundState, SessionState
from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.domain import aftersales, cash, catalogue, checkout, ledger
from mall.domain.aftersales import hearing
from tests.stage import NOON, SITE, open_shop

life = checkout.life
GIVEN, SPENT, EARNED = 2_000, 900, 69
PIECES = 10
LATER = NOON + timedelta(days=120)

# What cannot even be forced: there is nothing captured that could be refunded.
IMPOSSIBLE = {(life.REFUND_FAILED, checkout.AWAITING), (life.REFUND_FAILED, checkout.PROCESSING)}
# An order comes into review unpaid, after it was paid, or while its payment is under way.
REVIEWS = {
    life.PAID_AS_ASKED: ["processing"],
    life.PAID_OTHERWISE: ["processing", "paid"],
    life.PAYMENT_ENDED: ["processing"],
}
CELLS = [
    pytest.param(event, state, how, id=f"{event}, {state}{f' ({how})' if how else ''}")
    for event in life.LIFE
    for state in life.STATES
    for how in (REVIEWS.get(event, ["unpaid", "paid"]) if state == checkout.REVIEW else [""])
]


class Case:
    """An order of Mei's, and what can happen to it."""

    def __init__(self, stage, *, pieces=1):
        self.stage = stage
        self.mei = stage.member("mei")
        self.mug = stage.item(prices=(catalogue.mix_price(1_590, least=600, most=1_500, step=100),), stock=PIECES)
        stage.give(self.mei, GIVEN)
        stage.put_in(self.mei, self.mug, "mix", points=SPENT, quantity=pieces)
        self.order = stage.place(self.mei)
        self.due = checkout.cash_cents_of(self.order)
        self.at = NOON
        self.first = self.begin()
        with transaction():  # The first page could not be opened, so there is another attempt to be paid.
            cash.could_not_open(self.first.id, why="refused", at=NOON)
        self.session_id = stage.open_page(self.order)
        self.payment_id = self.payments()[-1].id

    def begin(self):
        with transaction():
            return cash.begin(
                self.reference, member_id=self.mei, amount_cents=self.due, currency="USD", cashier="sandbox",
                live=False, expires_at=NOON + timedelta(minutes=35), at=NOON,
            )  # fmt: skip

    @property
    def reference(self):
        return checkout.reference_of(self.order.id)

    def payments(self):
        with reading():
            return cash.payments_of(self.reference)

    # Into a state

    def into(self, state, how):
        match state:
            case checkout.PROCESSING:
                self.says(status="complete", paid=False)
            case checkout.PAID | checkout.SHIPPED | checkout.COMPLETED | checkout.REFUNDED:
                self.says(paid=True)
            case checkout.TIMED_OUT:
                self.says(status="expired", paid=False)
            case checkout.CANCELLED:
                self.give_up()
            case checkout.REVIEW:
                self.into_review(how)
        if state in (checkout.SHIPPED, checkout.COMPLETED):
            self.stage.ship(self.order)
        if state == checkout.COMPLETED:
            self.stage.deliver(self.order)
        if state == checkout.REFUNDED:
            self.stage.refund(self.order)
        assert self.state() == state

    def into_review(self, how):
        if how == "unpaid":
            self.says(paid=True, amount_cents=self.due + 5)
        else:
            self.into({"paid": checkout.PAID, "processing": checkout.PROCESSING}[how], "")
            self.refund_is_seen("re_before", 30)

    # What happens

    def says(self, *, payment_id=None, **changes):
        """The cashier says how the session of a payment stands."""
        payment = next(each for each in self.payments() if each.id == (payment_id or self.payment_id))
        given = {
            "id": payment.session_id or "cs_first", "status": "complete", "paid": False,
            "amount_cents": self.due, "currency": "USD", "reference": self.reference, "live": False,
            "payment_id": f"pi_{payment.id}",
        }  # fmt: skip
        with transaction():
            checkout.settle(payment, SessionState(**(given | changes)), terms=self.stage.terms, at=self.at)

    def refund_is_seen(self, refund_id, amount, status="succeeded", *, ours=None, key=""):
        """The cashier says how a refund stands: one of `ours`, or one made at its own desk."""
        state = RefundState(refund_id, status, amount, "USD", f"pi_{self.payment_id}", key)
        with transaction():
            hearing.told_of_refund(self.payment_id, state, refund_id=ours, terms=self.stage.terms, at=self.at)

    def dispute_is(self, status, *, amount=None, payment_id=None):
        """The cashier says how a dispute of the payment stands: by default of all that came."""
        amount = amount or self.payments()[-1].captured_cents or self.due
        state = DisputeState("du_1", status, amount, "USD", f"pi_{self.payment_id}", "fraudulent")
        with transaction():
            aftersales.told_of_dispute(payment_id or self.payment_id, state, terms=self.stage.terms, at=self.at)

    def give_up(self):
        """The member presses the one button for both: give up what is unpaid, cancel what is paid."""
        state = self.state()
        if state in checkout.UNPAID:
            cashier = Bank(self) if state == checkout.PROCESSING else self.stage.cashier
            with moved_to(self.at):
                checkout.give_up(self.order.id, by="member:1", cashier=cashier, terms=self.stage.terms, site=SITE)
        elif state not in (checkout.CANCELLED, checkout.TIMED_OUT):
            with transaction():
                aftersales.cancel(self.order.id, by="member:1", terms=self.stage.terms, at=self.at)

    def happens(self, event):
        """Let something happen. Returns what does it; all that must be there before is brought about at once."""
        decided = {"by": "staff:1", "reason": "Asked the bank", "terms": self.stage.terms}
        match event:
            case life.PAID_AS_ASKED:
                return lambda: self.says(paid=True)
            case life.PAID_OTHERWISE:
                return lambda: self.says(paid=True, amount_cents=self.due + 1)
            case life.PAID_AGAIN:
                if self.state() in checkout.UNPAID:
                    return lambda: self.says(paid=True, status="expired")
                return lambda: self.says(paid=True, payment_id=self.first.id)
            case life.PAYING:
                return lambda: self.says()
            case life.CARD_DECLINED:
                return lambda: self.says(status="open", declined=True)
            case life.PAYMENT_ENDED:
                return lambda: self.says(status="expired")
            case life.GIVEN_UP:
                return self.give_up
            case life.PARCEL_LEAVES:
                return self.another_parcel_leaves
            case life.ARRIVED:
                return lambda: self.stage.deliver(self.order)
            case life.WINDOW_OVER:
                return lambda: self.stage.close(self.order, at=LATER)
            case life.REFUND_WANTED:
                return lambda: self.stage.refund(self.order, reason="damaged", at=self.at)
            case life.REFUND_FAILED:
                refund = self.refund_that_was_sent()
                return lambda: self.refund_is_seen(
                    "re_ours", refund.amount_cents, "failed", ours=refund.id, key=f"refund:{refund.id}"
                )
            case life.REFUND_SEEN:
                return lambda: self.refund_is_seen("re_theirs", 20)
            case life.DISPUTE_OPENED:
                self.keep()
                return lambda: self.dispute_is("open")
            case life.DISPUTE_WON | life.DISPUTE_LOST:
                self.keep()
                self.dispute_is("open")
                return lambda: self.dispute_is("won" if event == life.DISPUTE_WON else "lost")
            case life.ACCEPTED:
                return lambda: self.decide(aftersales.accept, **decided)
            case life.GIVEN_BACK:
                return lambda: self.decide(aftersales.give_back, **decided)
        raise AssertionError(event)

    def another_parcel_leaves(self):
        with transaction():
            checkout.ship(self.order.id, carrier="Swift", tracking="T-other", by="staff:1", at=self.at)

    def decide(self, verb, **decided):
        with transaction():
            verb(self.order.id, at=self.at, **decided)

    def keep(self):
        """Let the window of a completed order end, so that there is something in the wallet to freeze."""
        if self.state() == checkout.COMPLETED:
            self.at = LATER
            assert self.stage.close(self.order, at=self.at)

    def refund_that_was_sent(self):
        match self.state():
            case checkout.CANCELLED | checkout.TIMED_OUT:
                self.says(paid=True)  # Too late, so that it goes back.
            case checkout.REVIEW:
                self.says(paid=True, payment_id=self.first.id)  # Once more, so that it goes back.
            case checkout.PAID | checkout.SHIPPED | checkout.COMPLETED:
                self.stage.refund(self.order, reason="damaged", pieces={1: 1}, restock=False, at=self.at)
        with reading():
            refund = next(each for each in cash.refunds_of(self.reference) if each.origin == "mall")
        with transaction():
            key = cash.cashier_key(refund)
            state = RefundState("re_ours", "succeeded", refund.amount_cents, "USD", "pi", key)
            return cash.record_refund(refund.id, state, at=self.at).refund

    # What is there

    def state(self):
        return self.stage.order(self.order).state

    def seen(self):
        """Return all that the table speaks of."""
        order, balances, payments = self.stage.order(self.order), self.stage.balances(self.mei, at=self.at), None
        payments = self.payments()
        on_hand, reserved = self.stage.stock(self.mug)
        with reading():
            frozen = sum(points for name, points in ledger.set_aside(self.mei) if name.startswith("dispute:"))
            declined = execute(select(func.count()).where(checkout.OrderEvent.kind == "declined")).scalar_one()
            sent_by_us = sum(each.amount_cents for each in cash.refunds_of(self.reference) if each.origin == "mall")
            return {
                "state": order.state, "from": order.state_before_review, "flagged": order.disputed_at is not None,
                "difference": order.accepted_difference_cents,
                "ready": balances.ready, "pending": balances.pending, "held": balances.held - frozen,
                "owed": balances.owed, "frozen": frozen, "on hand": on_hand, "reserved": reserved,
                "came": sum(each.captured_cents for each in payments),
                "back": sum(each.refunded_cents for each in payments), "by us": sent_by_us,
                "alarms": len(checkout.alarms_of(order.id)), "declined": declined,
                "parcels": len(checkout.parcels_of(order.id)), "closed": order.window_closed_at is not None,
            }  # fmt: skip


class Bank:
    """A cashier whose payment is under way: its page cannot be ended any more."""

    name = "sandbox"

    def __init__(self, case):
        self.case = case

    def expire_session(self, session_id):
        return SessionState(session_id, "complete", False, self.case.due, "USD", self.case.reference, False)


def expected(case, does, event, before):
    """Return what the words of a cell promise, starting from what was before: what no word speaks of stays."""
    then = dict(before)
    released = {"held": 0, "ready": GIVEN, "reserved": 0}
    if event == life.REFUND_SEEN and before["came"]:
        then["back"] += min(20, before["came"] - before["back"])
    if event in (life.PAID_AS_ASKED, life.PAID_OTHERWISE) and case.payments()[-1].captured_cents:
        then["came"] = case.payments()[-1].captured_cents
    for word in sorted(does):
        match word:
            case life.PAY:
                then |= {"state": "paid", "held": 0, "pending": EARNED}
            case life.TO_REVIEW:
                then |= {"state": "review", "from": before["state"]}
            case life.LATE:
                amount = case.due + (1 if event == life.PAID_OTHERWISE else 0)
                then["came"] = before["came"] + amount
                then["back"] += amount
                then["by us"] += amount
            case life.ALARM:
                then["alarms"] += 1
            case life.WAIT:
                then["state"] = "processing"
            case life.NOTE:
                then["declined"] += 1
            case life.LET_GO:
                then |= {"state": "timed_out"} | released
            case life.CALL_OFF:
                then |= {"state": "cancelled"} | released
            case life.REFUND | life.LOSE:
                never_paid = before["state"] == "review" and before["from"] in checkout.UNPAID
                sent = before["parcels"] > 0
                then |= released | {
                    "state": "cancelled" if never_paid else "refunded", "from": None, "pending": 0,
                    "ready": GIVEN, "back": before["came"], "on hand": PIECES,
                }  # fmt: skip
                if word == life.REFUND:
                    then["by us"] += before["came"] - before["back"]
                elif sent:
                    then["on hand"] = PIECES - 1  # The goods stay where they are.
            case life.SEND:
                then |= {"state": "shipped", "parcels": 1, "on hand": PIECES - 1, "reserved": 0}
            case life.COMPLETE:
                then["state"] = "completed"
            case life.CLOSE:
                then |= {"closed": True, "pending": 0, "ready": before["ready"] + EARNED}
            case life.FLAG:
                then["flagged"] = True
            case life.UNFLAG:
                then["flagged"] = False
            case life.FREEZE if before["closed"]:
                then |= {"frozen": EARNED, "ready": before["ready"] - EARNED}
            case life.THAW if before["frozen"] and life.LOSE not in does:
                then |= {"frozen": 0, "ready": before["ready"] + EARNED}
            case life.THAW:
                then["frozen"] = 0
            case life.ACCEPT if before["from"] in checkout.UNPAID:
                then |= {"state": "paid", "held": 0, "pending": EARNED, "from": None, "difference": 5}
            case life.ACCEPT:
                then |= {"state": before["from"], "from": None}
    return then


@pytest.fixture
def case(app):
    return Case(open_shop())


@pytest.mark.parametrize(("event", "state", "how"), CELLS)
def test_the_cell(app, event, state, how):
    # A refund that fails is of one of two pieces, so that the order stays in its state.
    case = Case(open_shop(), pieces=2 if event == life.REFUND_FAILED else 1)
    case.into(state, how)
    if (event, state) in IMPOSSIBLE:
        with pytest.raises(cash.RefundTooLarge), transaction():
            cash.ask_refund(case.payment_id, 10, key="part", reason="returned", at=case.at)
        return
    act = case.happens(event)
    before = case.seen()
    does = life.follows(event, state)

    if life.REFUSE in does:
        with pytest.raises(Refusal):
            act()
        assert case.seen() == before
        return
    act()

    assert case.seen() == expected(case, does, event, before)


def test_the_table_is_whole():
    assert set(life.STATES) == set(checkout.NEXT)
    words = {value for name, value in vars(life).items() if name.isupper() and isinstance(value, str)}
    assert all(set(row) == set(life.STATES) for row in life.LIFE.values())
    assert {word for row in life.LIFE.values() for cell in row.values() for word in cell} <= words


def test_a_dispute_lost_in_part_is_for_a_person_to_decide(case):
    case.into(checkout.SHIPPED, "")
    case.dispute_is("open", amount=100)
    case.dispute_is("lost", amount=100)
    seen = case.seen()

    assert (seen["state"], seen["from"], seen["flagged"], seen["back"], seen["by us"]) == (
        "review", "shipped", False, 100, 0,
    )  # fmt: skip
    case.happens(life.GIVEN_BACK)()
    seen = case.seen()
    assert (seen["state"], seen["back"], seen["by us"]) == ("refunded", case.due, case.due - 100)


def test_what_the_bank_may_yet_take_is_not_refunded(case):
    case.into(checkout.PAID, "")
    case.dispute_is("open")

    for verb in (lambda: case.stage.refund(case.order), case.give_up):
        with pytest.raises(checkout.UnderDispute, match="bank is deciding"):
            verb()
    with reading(), pytest.raises(checkout.UnderDispute):
        aftersales.plan_refund(case.stage.order(case.order), reason="damaged", at=NOON, zone=case.stage.terms.zone)


def test_no_window_closes_while_the_bank_decides(case):
    case.into(checkout.COMPLETED, "")
    case.dispute_is("open")
    assert not case.stage.close(case.order, at=LATER)
    assert aftersales.close_due_windows(terms=case.stage.terms, at=LATER) == 0

    case.dispute_is("won")
    assert aftersales.close_due_windows(terms=case.stage.terms, at=LATER) == 1
    assert case.stage.balances(case.mei, at=LATER).ready == GIVEN - SPENT + EARNED


def test_a_lost_dispute_of_a_payment_that_came_late_leaves_the_order_alone(case):
    case.says(paid=True)
    case.says(paid=True, payment_id=case.first.id)
    before = case.seen()

    for status in ("open", "lost"):
        case.dispute_is(status, payment_id=case.first.id)

    assert case.seen() == before | {"alarms": before["alarms"] + 2}


def test_frozen_points_that_were_spent_already_become_debt_when_the_dispute_is_lost(case):
    case.into(checkout.COMPLETED, "")
    case.keep()
    with transaction():
        purse = ledger.lock(case.mei, zone=case.stage.terms.zone)
        ledger.redeem(purse, GIVEN - SPENT + 40, reference="order:900", at=case.at)
    case.dispute_is("open")
    assert case.seen()["frozen"] == 29
    case.dispute_is("lost")

    # Of 69 earned 29 are there to be taken; 40 are owed, and repaid at once by the 900 that come back.
    assert case.seen()["ready"] == SPENT - 40
    assert case.seen()["owed"] == 0


@pytest.mark.parametrize("verb", [aftersales.accept, aftersales.give_back])
def test_a_review_is_decided_once_for_a_reason_and_as_it_was_seen(case, verb):
    case.into(checkout.REVIEW, "unpaid")
    with reading():
        shown = aftersales.review_of(case.stage.order(case.order)).fingerprint
    told = {"by": "staff:1", "terms": case.stage.terms}

    with pytest.raises(Refusal, match="Say why"):
        case.decide(verb, reason=" ", **told)
    with pytest.raises(aftersales.ReviewChanged):
        case.decide(verb, reason="Rang the bank", shown="otherwise", **told)
    case.decide(verb, reason="Rang the bank", shown=shown, **told)
    with pytest.raises(aftersales.NotInReview):
        case.decide(verb, reason="Rang the bank", shown=shown, **told)


def test_another_currency_is_never_accepted_and_goes_back_whole(case):
    case.says(paid=True, currency="EUR")
    with pytest.raises(aftersales.OtherCurrency):
        case.happens(life.ACCEPTED)()
    case.happens(life.GIVEN_BACK)()

    assert case.state() == "cancelled"
    assert case.seen()["back"] == case.due


def test_what_has_not_come_is_not_accepted(case):
    case.into(checkout.REVIEW, "processing")
    with pytest.raises(checkout.StillPaying):
        case.happens(life.ACCEPTED)()
    with pytest.raises(checkout.StillPaying):
        case.happens(life.GIVEN_BACK)()
    case.says(status="expired")
    with pytest.raises(Refusal, match="No money came"):
        case.happens(life.ACCEPTED)()
    case.happens(life.GIVEN_BACK)()

    assert case.state() == "cancelled"
    assert case.stage.balances(case.mei).ready == GIVEN


@pytest.mark.parametrize(("more", "back"), [(-40, -40), (40, 0)])
def test_an_order_whose_amount_was_accepted_can_be_refunded_by_what_came(case, more, back):
    case.says(paid=True, amount_cents=case.due + more)
    case.happens(life.ACCEPTED)()
    plan = case.stage.refund(case.order, reason="damaged")

    assert (plan.cash_cents, plan.gone_cents) == (case.due, -back)
    assert case.seen()["back"] == case.due + back


def test_the_cashier_changing_its_word_is_one_alarm_however_often_it_is_told(case):
    case.into(checkout.PAID, "")
    for _time in range(3):
        case.says(paid=True, amount_cents=case.due + 1)

    assert case.seen()["alarms"] == 1


def test_an_alarm_stands_until_somebody_has_looked(case):
    case.into(checkout.SHIPPED, "")
    case.refund_is_seen("re_theirs", 20)
    with reading():
        (alarm,) = checkout.alarms()
    for _press in range(2):
        with transaction():
            checkout.looked_at(alarm.id, by="staff:1", at=NOON)

    with reading():
        assert checkout.alarms() == []
        assert [each.looked_by for each in checkout.alarms_of(case.order.id)] == ["staff:1"]


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (life.GIVEN_UP, checkout.PAID),
        (life.PARCEL_LEAVES, checkout.PAID),
        (life.ARRIVED, checkout.SHIPPED),
        (life.GIVEN_BACK, checkout.REVIEW),
    ],
)
def test_the_verbs_ask_the_table(case, monkeypatch, event, state):
    """What it says otherwise is done otherwise: no verb knows the states by itself."""
    case.into(state, "unpaid")
    before = case.seen()
    monkeypatch.setitem(life.LIFE[event], state, frozenset({life.REFUSE}))

    with pytest.raises(Refusal):
        case.happens(event)()

    assert case.seen() == before
