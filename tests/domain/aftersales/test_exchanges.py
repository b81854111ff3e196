"""The same again instead of money: set aside, goods back, new ones sent - and nobody has the piece and its money."""

from contextlib import nullcontext
from datetime import timedelta
from itertools import count as counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from mall.base.cashier import DisputeState
from mall.base.db import execute, reading, transaction
from mall.base.errors import NotFound, Refusal
from mall.domain import aftersales, cash, catalogue, checkout, ledger, notices
from mall.domain.aftersales import returns
from tests.domain.aftersales.desk import DELIVERED, WINDOW_OVER, Desk
from tests.stage import open_shop

PICKUP = {"key": "pickup", "name": {"en": "Counter"}, "price_cents": 0, "free_from_cents": None, "kind": "pickup"}
WAYS = {
    returns.ASKED: [],
    returns.APPROVED: [returns.APPROVE],
    returns.RECEIVED: [returns.APPROVE, returns.RECEIVE],
    returns.SPARED: [returns.WAIVE],
    returns.EXCHANGED: [returns.APPROVE, returns.RECEIVE, returns.SEND],
    returns.REPLACED: [returns.WAIVE, returns.SEND],
    returns.REFUNDED: [returns.APPROVE, returns.RECEIVE, returns.PAY],
    returns.WAIVED: [returns.WAIVE, returns.PAY],
    returns.DECLINED: [returns.DECLINE],
    returns.WITHDRAWN: [returns.WITHDRAW],
    returns.LAPSED: [returns.APPROVE, returns.LAPSE],
    returns.CLOSED: [returns.CLOSE],
}


class ExchangeDesk(Desk):
    """The desk where the same again is asked for."""

    counted = (notices.Notice, checkout.Parcel, catalogue.StockMove)

    def plan(self, pieces=None, *, reason="damaged", at=DELIVERED):
        with reading():
            return aftersales.plan_exchange(
                checkout.order_of(self.order.id), pieces=pieces or {1: 1}, reason=reason, at=at
            )

    def ask(self, pieces=None, *, reason="damaged", shown=None, at=DELIVERED, member=None):
        pieces = pieces or {1: 1}
        shown = shown or self.plan(pieces, reason=reason, at=at).fingerprint
        with transaction():
            row, _new = aftersales.ask_exchange(
                self.order.id, member_id=member or self.mei, pieces=pieces, reason=reason, words="A crack",
                pictures=(), shown=shown, terms=self.stage.terms, at=at,
            )  # fmt: skip
        return row

    def offer(self, row, *, at=DELIVERED):
        with transaction():
            return aftersales.offer_money(row.id, by="staff:1", terms=self.stage.terms, words="Sold out", at=at)

    def brought_to(self, state, pieces=None):
        return self.went(self.ask(pieces), WAYS[state], state=state)

    @property
    def line(self):
        with reading():
            (line,) = checkout.lines_of(self.order.id)
        return line

    @property
    def balances(self):
        return self.stage.balances(self.mei, at=DELIVERED)

    @property
    def stock(self):
        return self.stage.stock(self.mug)

    def notes(self):
        with reading():
            return aftersales.credits_of(self.order.id)

    def told(self):
        with reading():
            wanted = select(notices.Notice.kind).where(notices.Notice.key.like("return:%"))
            return list(execute(wanted.order_by(notices.Notice.id)).scalars())


@pytest.fixture
def desk(either):
    return ExchangeDesk(open_shop())


@pytest.fixture
def here(app):
    return ExchangeDesk(open_shop())


# One test for every cell of the table of states.

LIFE = returns.NEXT[returns.FOR_EXCHANGE]
DONE_ALREADY = returns.DONE_ALREADY[returns.FOR_EXCHANGE]
OVER = {state for state, next_ in LIFE.items() if not next_}


@pytest.mark.parametrize("event", [event for event in returns.EVENTS if event != returns.CLOSE])
@pytest.mark.parametrize("state", LIFE)
def test_every_cell_of_an_exchange_s_life(here, state, event):
    row = here.brought_to(state)
    before = here.wrote()

    if event in LIFE[state]:
        assert here.do(event, row).state == LIFE[state][event]
        once = here.wrote()
        assert once[2] > before[2]
        assert here.do(event, row).state == LIFE[state][event]
        assert here.wrote() == once
    elif state in DONE_ALREADY[event]:
        assert here.do(event, row).state == state
        assert here.wrote() == before
    else:
        with pytest.raises(aftersales.ReturnMoved):
            here.do(event, row)
        assert here.wrote() == before


@pytest.mark.parametrize("state", LIFE)
def test_a_refund_of_all_closes_an_exchange_that_is_open_and_no_other(here, state):
    row = here.brought_to(state)
    if state == returns.CLOSED:
        return
    refunded = here.line.refunded
    if refunded < 3:
        here.do(returns.CLOSE, row)

    with reading():
        assert returns.return_of(row.id).state == (returns.CLOSED if state in returns.OPEN else state)
    assert here.stage.order(here.order).state == checkout.REFUNDED
    assert here.stock[1] == 0
    assert (here.line.exchanging, here.line.refunded) == (0, 3)


def test_every_state_is_reached_and_some_are_the_end():
    assert set(WAYS) == set(LIFE)
    assert {
        returns.EXCHANGED, returns.REFUNDED, returns.DECLINED, returns.WITHDRAWN, returns.CLOSED,
    } == OVER  # fmt: skip


# The way of an exchange.


def test_a_mug_is_exchanged_and_nothing_else_moves(desk):
    before = (desk.balances, desk.line.cash_cents, desk.line.shipped, desk.line.refunded)
    row = desk.ask()
    assert desk.stock == (7, 0)
    desk.do(returns.APPROVE, row)
    assert desk.stock == (7, 1)
    desk.do(returns.RECEIVE, row, shelved={1: 1})
    assert desk.stock == (8, 1)

    row = desk.do(returns.SEND, row, tracking="R7")

    assert (row.state, desk.stock) == (returns.EXCHANGED, (7, 0))
    assert (desk.balances, desk.line.cash_cents, desk.line.shipped, desk.line.refunded) == before
    assert (desk.line.replaced, desk.line.exchanging) == (1, 0)
    with reading():
        parcels = checkout.parcels_of(desk.order.id)
        said = [event.kind for event in checkout.order_page(checkout.number_of(desk.order.id)).events][-4:]
    assert [(each.tracking, each.replacement, each.pieces) for each in parcels[1:]] == [("R7", True, {1: 1})]
    assert said == ["return_asked", "return_approved", "return_received", "replacement_sent"]
    assert desk.told() == ["exchange_asked", "exchange_approved", "exchange_received", "exchange_sent"]
    assert desk.notes() == []


def test_what_came_back_broken_is_written_off(desk):
    row = desk.brought_to(returns.EXCHANGED)

    assert desk.stock == (6, 0)
    with reading():
        assert aftersales.return_page(row.id).restocked == {1: 0}


def test_no_more_goes_on_the_shelf_than_was_sent_back(here):
    row = here.brought_to(returns.APPROVED)

    with pytest.raises(aftersales.MoreThanReturned):
        here.do(returns.RECEIVE, row, shelved={1: 2})


def test_it_can_go_on_without_the_goods_and_they_are_taken_in_should_they_come(desk):
    row = desk.brought_to(returns.REPLACED)
    assert desk.stock == (6, 0)

    row = desk.do(returns.RECEIVE, row, shelved={1: 1})

    assert (row.state, desk.stock, desk.line.replaced) == (returns.EXCHANGED, (7, 0), 1)


def test_without_a_free_piece_it_is_not_approved_and_the_money_can_be_offered(desk):
    row = desk.ask({1: 2})
    with transaction():
        catalogue.adjust(desk.mug.variant_id, -6, reason="Broken", by="staff:1", at=DELIVERED)
    for event in (returns.APPROVE, returns.WAIVE):
        with pytest.raises(aftersales.NoneLeft, match="Of Stoneware mugs 1 are free"):
            desk.do(event, row)
    assert desk.stock == (1, 0)

    first, again = desk.offer(row), desk.offer(row)

    assert (first.wish, first.state, again.decided_at) == (returns.FOR_REFUND, returns.APPROVED, first.decided_at)
    assert desk.told() == ["exchange_asked", "return_offered"]
    assert desk.line.exchanging == 0
    row = desk.do(returns.RECEIVE, row, shelved={1: 2})
    assert (row.state, desk.balances.ready, desk.stock) == (returns.REFUNDED, 2_100, (3, 0))


def test_it_is_said_beforehand_of_what_too_few_are_free(here):
    with transaction():
        catalogue.adjust(here.mug.variant_id, -6, reason="Broken", by="staff:1", at=DELIVERED)

    assert here.plan({1: 1}).short == ()
    assert here.plan({1: 2}).short == (1,)


def test_money_offered_for_an_approved_exchange_frees_what_was_set_aside_and_can_be_withdrawn(desk):
    row = desk.brought_to(returns.APPROVED)
    desk.offer(row)
    assert (desk.stock, desk.line.exchanging) == ((7, 0), 0)

    assert desk.do(returns.WITHDRAW, row).state == returns.WITHDRAWN
    assert desk.notes() == []


@pytest.mark.parametrize("state", [state for state in LIFE if state not in returns.UNSETTLED])
def test_money_is_offered_before_the_new_one_is_on_its_way_only(here, state):
    row = here.brought_to(state)

    with pytest.raises(aftersales.ReturnMoved):
        here.offer(row)


@pytest.mark.parametrize("event", [returns.WITHDRAW, returns.DECLINE, returns.LAPSE])
def test_what_was_set_aside_is_free_when_it_comes_to_nothing(desk, event):
    row = desk.brought_to(returns.APPROVED)

    desk.do(event, row)

    assert (desk.stock, desk.line.exchanging) == ((7, 0), 0)
    assert desk.stage.close(desk.order, at=WINDOW_OVER)


def test_goods_that_come_after_it_lapsed_are_refunded(desk):
    row = desk.do(returns.RECEIVE, desk.brought_to(returns.LAPSED), shelved={1: 1})

    assert (row.state, desk.stock, desk.line.refunded) == (returns.REFUNDED, (8, 0), 1)
    assert len(desk.notes()) == 1


def test_an_exchange_that_is_not_sent_is_announced_and_lapses_with_the_night(here):
    row = here.brought_to(returns.APPROVED)
    lapses = aftersales.lapses_at(DELIVERED, terms=here.stage.terms)
    for at in (lapses - timedelta(days=7), lapses):
        aftersales.lapse_due_returns(terms=here.stage.terms, at=at)

    with reading():
        assert returns.return_of(row.id).state == returns.LAPSED
    assert here.told()[2:] == ["exchange_lapsing", "exchange_lapsed"]
    assert here.stock == (7, 0)


def test_the_window_stays_open_while_it_is_under_way_and_ends_as_it_would_have_after_it(desk):
    row = desk.brought_to(returns.RECEIVED)
    assert not desk.stage.close(desk.order, at=WINDOW_OVER)

    desk.do(returns.SEND, row, at=WINDOW_OVER)

    assert aftersales.close_due_windows(terms=desk.stage.terms, at=WINDOW_OVER) == 1
    assert desk.stage.balances(desk.mei, at=WINDOW_OVER) == ledger.Balances(ready=507, pending=0, held=0, owed=0)


# Who may ask for what.


@pytest.mark.parametrize("reason", ["", "goodwill", "changed_mind", "because"])
def test_the_same_again_is_for_what_was_not_right(here, reason):
    with pytest.raises(aftersales.NoReason):
        here.plan(reason=reason)


@pytest.mark.parametrize(
    ("pieces", "refusal"),
    [
        ({1: 4}, aftersales.TooManyPieces), ({1: 0}, aftersales.NothingChosen), ({9: 1}, aftersales.NothingChosen),
        ({1: -1}, aftersales.NothingChosen), ({1: 1, 9: 1}, aftersales.NothingChosen),
    ],
)  # fmt: skip
def test_what_is_exchanged_was_bought_and_is_still_there(here, pieces, refusal):
    with pytest.raises(refusal):
        here.plan(pieces)


@pytest.mark.parametrize(
    ("at", "may"), [(DELIVERED, True), (WINDOW_OVER - timedelta(seconds=1), True), (WINDOW_OVER, False)]
)
def test_it_is_asked_for_within_the_window(here, at, may):
    with nullcontext() if may else pytest.raises(aftersales.NotReturnable):
        here.plan(at=at)


def test_it_is_asked_for_once_and_pieces_in_it_are_spoken_for(desk):
    shown = desk.plan({1: 2}).fingerprint
    first, again = desk.ask({1: 2}, shown=shown), desk.ask({1: 2}, shown=shown)

    assert first.id == again.id
    with pytest.raises(aftersales.TooManyPieces, match="1 can still be given back"):
        desk.plan({1: 2})
    with pytest.raises(aftersales.TooManyPieces):
        desk.ask_money({1: 2})


def test_what_has_changed_since_it_was_shown_is_not_asked_for(here):
    shown = here.plan().fingerprint
    here.stage.refund(here.order, pieces={1: 1}, at=DELIVERED)

    with pytest.raises(aftersales.ReturnChanged):
        here.ask(shown=shown)


def test_anothers_order_is_not_there(here):
    tom = here.stage.member("tom")

    with pytest.raises(NotFound):
        here.ask(member=tom)


# The parcel of the new ones.


def test_a_replacement_has_a_number_of_its_own(here):
    row = here.brought_to(returns.RECEIVED)

    with pytest.raises(checkout.AnotherParcel):
        here.do(returns.SEND, row, tracking=f"T{here.order.id}")
    with pytest.raises(checkout.NoTracking):
        here.do(returns.SEND, row, tracking="  ")


def test_nothing_is_sent_while_the_bank_decides_or_the_order_is_looked_at(here):
    row = here.brought_to(returns.RECEIVED)
    with reading():
        (payment,) = [each for each in cash.payments_of(f"order:{here.order.id}") if each.captured_cents]
    disputed = DisputeState("du_1", "open", payment.captured_cents, "USD", payment.cashier_id, "fraudulent")
    with transaction():
        aftersales.told_of_dispute(payment.id, disputed, terms=here.stage.terms, at=DELIVERED)
    with pytest.raises(checkout.UnderDispute):
        here.do(returns.SEND, row)

    lost = DisputeState("du_1", "lost", payment.captured_cents, "USD", payment.cashier_id, "fraudulent")
    with transaction():
        aftersales.told_of_dispute(payment.id, lost, terms=here.stage.terms, at=DELIVERED)

    with reading():
        assert returns.return_of(row.id).state == returns.CLOSED
    assert here.stock == (7, 0)


def test_what_is_collected_is_handed_over_at_the_counter_each_time(app):
    stage = open_shop(shipping_methods=[PICKUP])
    here = ExchangeDesk(stage, method_key="pickup", address=None)

    for _time in range(2):
        here.brought_to(returns.EXCHANGED)

    with reading():
        parcels = checkout.parcels_of(here.order.id)
    assert [(each.collected, each.replacement) for each in parcels] == [(True, False), (True, True), (True, True)]
    assert here.line.replaced == 2


# Neither twice.


def test_an_exchanged_piece_can_go_back_for_money_and_the_sums_are_those_of_three(desk):
    desk.brought_to(returns.EXCHANGED)
    row = desk.do(returns.APPROVE, desk.ask_money({1: 3}))

    desk.do(returns.RECEIVE, row, shelved={1: 3})

    (note,) = desk.notes()
    assert (note.points, note.goods_cents) == (2_700, 2_070)
    assert desk.balances == ledger.Balances(ready=3_000, pending=0, held=0, owed=0)
    assert desk.stock == (9, 0)
    assert desk.stage.order(desk.order).state == checkout.REFUNDED


def test_a_piece_can_be_exchanged_again(desk):
    for _time in range(4):
        desk.brought_to(returns.EXCHANGED)

    assert (desk.line.replaced, desk.line.shipped, desk.stock) == (4, 3, (3, 0))


def test_pieces_beside_an_exchange_are_refunded_and_it_goes_on(desk):
    row = desk.brought_to(returns.RECEIVED)
    desk.stage.refund(desk.order, pieces={1: 2}, at=DELIVERED)
    assert desk.stock == (9, 1)

    assert desk.do(returns.SEND, row).state == returns.EXCHANGED
    assert (desk.line.refunded, desk.line.replaced, desk.stock) == (2, 1, (8, 0))


def test_a_refund_of_all_puts_no_more_on_the_shelf_than_comes(desk):
    row = desk.ask()
    for event in (returns.APPROVE, returns.RECEIVE):
        row = desk.do(event, row, shelved={1: 1})
    assert desk.stock == (8, 1)

    desk.stage.refund(desk.order, at=DELIVERED)

    assert desk.stock == (10, 0)
    with reading():
        assert returns.return_of(row.id).state == returns.CLOSED
    assert desk.balances.ready == 3_000


@pytest.mark.parametrize("state", [returns.RECEIVED, returns.SPARED])
def test_new_pieces_are_not_refunded_in_part_while_they_are_to_be_sent(here, state):
    row = here.brought_to(state, {1: 2})

    here.stage.refund(here.order, pieces={1: 1}, at=DELIVERED)
    with pytest.raises(aftersales.ExchangeOpen):
        here.stage.refund(here.order, pieces={1: 1}, at=DELIVERED)
    assert here.do(returns.SEND, row).state in (returns.EXCHANGED, returns.REPLACED)


def test_goods_still_with_the_member_are_refunded_in_part_and_the_exchange_is_closed(here):
    row = here.brought_to(returns.APPROVED, {1: 2})

    here.stage.refund(here.order, pieces={1: 2}, at=DELIVERED)

    with reading():
        assert returns.return_of(row.id).state == returns.CLOSED
    assert (here.line.exchanging, here.stock) == (0, (9, 0))


def test_the_last_asked_for_is_closed_first(here):
    first, last = here.ask(), here.brought_to(returns.APPROVED)

    here.stage.refund(here.order, pieces={1: 2}, at=DELIVERED)

    with reading():
        assert [returns.return_of(row.id).state for row in (first, last)] == [returns.ASKED, returns.CLOSED]


def test_an_exchange_without_an_end_is_refunded_after_all_once(desk):
    row = desk.ask({1: 2})
    for event in (returns.APPROVE, returns.RECEIVE):
        row = desk.do(event, row, shelved={1: 1})

    row = desk.do(returns.PAY, row)

    (note,) = desk.notes()
    assert (row.state, row.credit_id, note.points) == (returns.REFUNDED, note.id, 1_800)
    assert (desk.stock, desk.line.exchanging, desk.line.refunded) == ((8, 0), 0, 2)
    with pytest.raises(aftersales.ReturnMoved):
        desk.do(returns.SEND, row)
    assert desk.stage.order(desk.order).state == checkout.COMPLETED


# The table and the proof see what is not so.


def test_the_table_itself_does_not_let_what_is_being_exchanged_be_refunded(desk):
    desk.ask({1: 2})

    with pytest.raises(IntegrityError, match="exchanged_or_refunded"), transaction():
        execute(text("UPDATE order_line SET refunded = 2"))


def broken():
    with reading():
        rooms = (aftersales, catalogue, checkout)
        return {check.name for room in rooms for check in room.checks() if execute(check.breaks).first()}


SET_ASIDE = "what is set aside for exchanges are the new pieces of those that are under way"
SENT = "what was sent once more of a line are the pieces of its exchanges"
PARCEL = "a replacement's parcel holds what its exchange is about"
COUNTED = "what counts as being exchanged is in an open exchange, and not refunded as well"
SAID = "what of an order went back on the shelf is what credit notes and returns say"
SHELF = "no more of an order comes back to the shelf than left it"
PARCELS = "an order's parcels hold what was sent of its lines"


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("state", "changes", "seen"),
    [
        (returns.APPROVED, ["UPDATE reservation SET open = 0 WHERE reference = 'return:1'"], {SET_ASIDE}),
        (returns.ASKED, ["UPDATE reservation SET reference = 'return:1', open = 1"], {SET_ASIDE}),
        (returns.APPROVED, ["UPDATE goods_return SET state = 'withdrawn'"], {SET_ASIDE, COUNTED}),
        (returns.EXCHANGED, ["UPDATE order_line SET replaced = 2"], {SENT, PARCELS}),
        (returns.EXCHANGED, ["UPDATE goods_return_line SET quantity = 2"], {SENT, PARCEL}),
        (returns.EXCHANGED, ["UPDATE parcel SET replacement = FALSE"], {PARCEL, PARCELS}),
        (returns.EXCHANGED, ["UPDATE goods_return SET parcel_id = 1"], {PARCEL}),
        (returns.EXCHANGED, ["UPDATE parcel SET replacement = TRUE"], {PARCEL, PARCELS}),
        (returns.ASKED, ["UPDATE order_line SET exchanging = 2"], {COUNTED}),
        (returns.DECLINED, ["UPDATE order_line SET exchanging = 1"], {COUNTED}),
        (
            returns.EXCHANGED,
            [
                "INSERT INTO stock_move (variant_id, kind, on_hand_change, reserved_change, reference, reason, by, at)"
                " SELECT variant_id, 'return', 4, 0, 'order:1', '', by, at FROM stock_move WHERE kind = 'ship'"
                " AND reference = 'order:1'",
                "UPDATE stock SET on_hand = on_hand + 4",
            ],
            {SAID},
        ),
        (
            returns.EXCHANGED,
            [
                "INSERT INTO stock_move (variant_id, kind, on_hand_change, reserved_change, reference, reason, by, at)"
                " SELECT variant_id, 'return', 5, 0, 'order:1', '', by, at FROM stock_move WHERE kind = 'ship'"
                " AND reference = 'order:1'",
                "UPDATE stock SET on_hand = on_hand + 5",
            ],
            {SAID, SHELF},
        ),
    ],
)
def test_the_proof_sees_an_exchange_that_does_not_add_up(desk, state, changes, seen):
    desk.brought_to(state)
    assert broken() == set()

    with transaction():
        for change in changes:
            assert execute(text(change)).rowcount > 0, change

    assert seen <= broken()


# Whatever is done, in any order: the books are sound, and each piece is with the member once or paid back.


@pytest.fixture
def shopping(app):
    """One member after the other comes with an order of their own."""
    stage = open_shop()
    return (ExchangeDesk(stage, f"mei{number}") for number in counter())


DOING = [*(event for event in returns.EVENTS if event != returns.CLOSE), "offer", "ask", "ask_money", "refund", "all"]
STEPS = st.lists(
    st.tuples(st.sampled_from(DOING), st.integers(0, 4), st.integers(1, 3), st.integers(0, 2)), min_size=4, max_size=14
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_whatever_is_done_in_any_order_leaves_sound_books(shopping, steps):
    here = next(shopping)
    rows = [here.ask()]
    for number, (what, which, count, sound) in enumerate(steps):
        row = rows[which % len(rows)]
        at = DELIVERED + timedelta(hours=number)
        try:
            match what:
                case "ask":
                    rows.append(here.ask({1: count}, at=at))
                case "ask_money":
                    rows.append(here.ask_money({1: count}, at=at))
                case "offer":
                    here.offer(row, at=at)
                case "refund":
                    here.stage.refund(here.order, pieces={1: count}, restock={1: min(count, sound)}, at=at)
                case "all":
                    here.stage.refund(here.order, restock=bool(sound), at=at)
                case _:
                    here.do(what, row, shelved={1: min(sound, count)}, tracking=f"N{number}", at=at)
        except Refusal:
            continue
    line, (on_hand, reserved) = here.line, here.stock
    assert 0 <= line.refunded <= 3 and line.exchanging <= 3 - line.refunded
    assert here.balances.ready == 300 + 900 * line.refunded
    assert 0 <= reserved <= on_hand <= 10
    assert broken() == set()
