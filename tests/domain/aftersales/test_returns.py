"""A return is asked for, decided, received, refunded - each once; while it is open the window of its order is too."""

import runpy
from contextlib import nullcontext
from datetime import timedelta

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from msgspec.structs import replace
from sqlalchemy import select, text

from mall.base.cashier import DisputeState
from mall.base.db import execute, reading, transaction
from mall.base.errors import NotFound
from mall.base.text import say
from mall.config import ROOT
from mall.domain import aftersales, audit, cash, catalogue, checkout, ledger, notices
from mall.domain.aftersales import returns
from tests.domain.aftersales.desk import DELIVERED, WINDOW_OVER, Desk
from tests.stage import open_shop

WAYS = {
    returns.ASKED: [],
    returns.ADVANCED: [],
    returns.APPROVED: [returns.APPROVE],
    returns.WAIVED: [returns.WAIVE],
    returns.REFUNDED: [returns.APPROVE, returns.RECEIVE],
    returns.DECLINED: [returns.DECLINE],
    returns.WITHDRAWN: [returns.WITHDRAW],
    returns.LAPSED: [returns.APPROVE, returns.LAPSE],
}


class ReturnsDesk(Desk):
    """The desk where the money is asked for."""

    def plan(self, pieces, *, reason="changed_mind", at=DELIVERED):
        return self.plan_money(pieces, reason=reason, at=at)

    def ask(self, pieces=None, *, reason="changed_mind", **more):
        return self.ask_money(pieces, reason=reason, words="Too blue", **more)

    def brought_to(self, state):
        if state == returns.ADVANCED:
            self.level = replace(self.level, instant_refund_cents=100_000)
        return self.went(self.ask(), WAYS[state], state=state)


@pytest.fixture
def desk(either):
    return ReturnsDesk(open_shop())


@pytest.fixture
def here(app):
    return ReturnsDesk(open_shop())


# One test for every cell of the table of states.


LIFE = returns.NEXT[returns.FOR_REFUND]
DONE_ALREADY = returns.DONE_ALREADY[returns.FOR_REFUND]
EVENTS = [event for event in returns.EVENTS if event not in (returns.SEND, returns.PAY, returns.CLOSE)]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", LIFE)
def test_every_cell_of_a_returns_life(here, state, event):
    row = here.brought_to(state)
    before = here.wrote()

    if event in LIFE[state]:
        after = here.do(event, row)
        assert after.state == LIFE[state][event]
        refunds = after.credit_id is not None and state not in returns.PAID_OUT
        written_down = event != returns.WITHDRAW
        assert here.wrote() == (before[0] + refunds, before[1] + written_down, before[2] + 1)
        assert here.do(event, row).state == after.state
        assert here.wrote() == (before[0] + refunds, before[1] + written_down, before[2] + 1)
    elif state in DONE_ALREADY[event]:
        assert here.do(event, row).state == state
        assert here.wrote() == before
    else:
        with pytest.raises(aftersales.ReturnMoved):
            here.do(event, row)
        assert here.wrote() == before


def test_the_table_says_the_whole_life():
    assert {state for life in returns.NEXT.values() for state in life} == set(returns.STATES)
    assert {state for state, next_ in LIFE.items() if not next_} == {
        returns.REFUNDED, returns.DECLINED, returns.WITHDRAWN,
    }  # fmt: skip


# The way of a return.


def test_goods_that_arrive_sound_go_on_the_shelf_and_are_refunded_as_was_shown(desk):
    plan = desk.plan({1: 2}).refund
    row = desk.ask({1: 2})
    assert desk.stage.balances(desk.mei, at=DELIVERED).ready == 300
    desk.do(returns.APPROVE, row)

    row = desk.do(returns.RECEIVE, row, shelved={1: 1})

    with reading():
        (credit,) = aftersales.credits_of(desk.order.id)
        page = aftersales.return_page(row.id, member_id=desk.mei)
    assert (credit.goods_cents, credit.points, credit.earned_points) == (plan.goods_cents, plan.points, 138)
    assert (page.credit.id, page.restocked) == (credit.id, {1: 1})
    assert desk.stage.stock(desk.mug) == (8, 0)
    assert desk.stage.balances(desk.mei, at=DELIVERED) == ledger.Balances(ready=2_100, pending=69, held=0, owed=0)


def test_an_open_return_keeps_the_window_open_and_its_end_closes_it(desk):
    row = desk.ask()
    assert not desk.stage.close(desk.order, at=WINDOW_OVER)
    assert aftersales.close_due_windows(terms=desk.stage.terms, at=WINDOW_OVER) == 0
    assert desk.stage.balances(desk.mei, at=WINDOW_OVER).pending == 207

    desk.do(returns.DECLINE, row, at=WINDOW_OVER)

    assert aftersales.close_due_windows(terms=desk.stage.terms, at=WINDOW_OVER) == 1
    assert desk.stage.balances(desk.mei, at=WINDOW_OVER) == ledger.Balances(ready=507, pending=0, held=0, owed=0)


def test_pieces_in_an_open_return_are_spoken_for(desk):
    row = desk.ask({1: 2})
    with pytest.raises(aftersales.TooManyPieces, match="1 can still be given back"):
        desk.plan({1: 2})

    desk.do(returns.WITHDRAW, row)

    assert desk.plan({1: 3}).refund.whole


def test_the_same_return_asked_for_twice_is_one_and_two_alike_are_two(desk):
    shown = desk.plan({1: 1}).fingerprint
    first, again = desk.ask(shown=shown), desk.ask(shown=shown)
    other = desk.ask()

    assert (first.id == again.id, first.id == other.id) == (True, False)


def test_what_has_changed_since_it_was_shown_is_not_asked_for(desk):
    shown = desk.plan({1: 1}).fingerprint
    desk.stage.refund(desk.order, pieces={1: 1}, at=DELIVERED)

    with pytest.raises(aftersales.ReturnChanged):
        desk.ask(shown=shown)


@pytest.mark.parametrize(("limit", "state"), [(1_589, returns.ASKED), (1_590, returns.ADVANCED)])
def test_a_level_is_refunded_at_once_up_to_its_amount_points_counted(desk, limit, state):
    desk.level = replace(desk.level, instant_refund_cents=limit)

    row = desk.ask()

    assert row.state == state
    assert desk.stage.balances(desk.mei, at=DELIVERED).ready == (1_200 if state == returns.ADVANCED else 300)
    assert desk.stage.stock(desk.mug) == (7, 0)


def test_what_a_level_has_at_once_it_has_for_all_goods_still_to_come(desk):
    desk.level = replace(desk.level, instant_refund_cents=2_000)

    first, second = desk.ask(), desk.ask()
    assert (first.state, second.state) == (returns.ADVANCED, returns.ASKED)
    desk.do(returns.RECEIVE, first, shelved={1: 1})

    assert desk.ask().state == returns.ADVANCED


def test_a_return_that_was_to_be_refunded_at_once_and_is_no_longer_is_shown_anew(desk):
    desk.level = replace(desk.level, instant_refund_cents=2_000)
    shown = desk.plan({1: 1}).fingerprint
    desk.level = replace(desk.level, instant_refund_cents=0)

    with pytest.raises(aftersales.ReturnChanged):
        desk.ask(shown=shown)


def test_goods_refunded_at_once_go_on_the_shelf_when_they_come_and_are_not_refunded_again(desk):
    row = desk.brought_to(returns.ADVANCED)

    with pytest.raises(aftersales.MoreThanReturned):
        desk.do(returns.RECEIVE, row, shelved={1: 2})
    desk.do(returns.RECEIVE, row, shelved={1: 1})

    assert desk.stage.stock(desk.mug) == (8, 0)
    assert desk.wrote()[0] == 1


def test_a_return_whose_goods_do_not_come_is_announced_then_lapses_and_its_window_closes(desk):
    row = desk.do(returns.APPROVE, desk.ask())
    lapses = aftersales.lapses_at(DELIVERED, terms=desk.stage.terms)

    def told():
        with reading():
            kinds = execute(select(notices.Notice.kind).where(notices.Notice.kind.like("return_laps%"))).scalars()
            return sorted(kinds)

    def night(at):
        return aftersales.lapse_due_returns(terms=desk.stage.terms, at=at)

    assert (night(lapses - timedelta(days=8)), told()) == (0, [])
    assert (night(lapses - timedelta(days=7)), told()) == (0, ["return_lapsing"])
    assert (night(lapses - timedelta(seconds=1)), told()) == (0, ["return_lapsing"])
    assert not desk.stage.close(desk.order, at=lapses)
    assert (night(lapses), told()) == (1, ["return_lapsed", "return_lapsing"])
    assert (night(lapses), told()) == (0, ["return_lapsed", "return_lapsing"])

    with reading():
        assert returns.return_of(row.id).state == returns.LAPSED
        assert aftersales.credits_of(desk.order.id) == []
    assert desk.stage.close(desk.order, at=lapses)


def test_goods_that_come_after_their_return_lapsed_are_taken_in_and_refunded(desk):
    row = desk.do(returns.RECEIVE, desk.brought_to(returns.LAPSED), shelved={1: 1})

    assert (row.state, desk.stage.stock(desk.mug)) == (returns.REFUNDED, (8, 0))
    assert desk.wrote()[0] == 1


def test_goods_that_come_after_they_were_waived_go_on_the_shelf_and_are_not_refunded_again(desk):
    row = desk.brought_to(returns.APPROVED)
    desk.do(returns.WAIVE, row)

    row = desk.do(returns.RECEIVE, row, shelved={1: 1})

    with reading():
        (credit,) = aftersales.credits_of(desk.order.id)
        page = aftersales.return_page(row.id)
        (received,) = audit.entries(act="return.receive")
    assert (row.state, row.credit_id, page.restocked) == (returns.REFUNDED, credit.id, {1: 1})
    assert desk.stage.stock(desk.mug) == (8, 0)
    assert received.after == {"return": row.id, "shelved": 1}


def test_what_was_received_is_not_refunded_without_the_goods_as_well(desk):
    row = desk.brought_to(returns.REFUNDED)

    with pytest.raises(aftersales.ReturnMoved):
        desk.do(returns.WAIVE, row)


@pytest.mark.parametrize(
    ("at", "may"), [(DELIVERED, True), (WINDOW_OVER - timedelta(seconds=1), True), (WINDOW_OVER, False)]
)
def test_a_return_is_asked_for_within_the_window(here, at, may):
    with nullcontext() if may else pytest.raises(aftersales.NotReturnable):
        here.plan({1: 1}, at=at)


def test_what_was_not_sent_is_cancelled_not_returned(here):
    here.stage.put_in(here.mei, here.mug, "mix", points=600)
    here.stage.give(here.mei, 5_000)
    here.order = here.stage.pay(here.stage.place(here.mei))

    with pytest.raises(aftersales.NotReturnable):
        here.plan({1: 1})
    here.stage.ship(here.order)
    assert here.plan({1: 1}).refund.points == 600


@pytest.mark.parametrize("reason", ["", "goodwill", "because"])
def test_a_return_needs_a_reason_of_a_members(here, reason):
    with pytest.raises(aftersales.NoReason):
        here.plan({1: 1}, reason=reason)


def test_anothers_order_and_return_are_not_there(here):
    tom = here.stage.member("tom")
    shown, row = here.plan({1: 1}).fingerprint, here.ask()

    with pytest.raises(NotFound):
        here.ask(shown=shown, member=tom)
    with pytest.raises(NotFound), transaction():
        aftersales.withdraw_return(row.id, member_id=tom, at=DELIVERED)
    with pytest.raises(NotFound), reading():
        aftersales.return_page(row.id, member_id=tom)


def test_a_return_is_declined_with_a_sentence(here):
    row = here.ask()

    with pytest.raises(aftersales.NoSentence), transaction():
        aftersales.decline_return(row.id, by="staff:1", words="  ", at=DELIVERED)


@pytest.mark.parametrize("state", [returns.ASKED, returns.APPROVED])
@pytest.mark.parametrize("how", ["refunded", "given back after review", "taken by the bank"])
def test_with_all_of_an_order_refunded_its_open_returns_end(desk, how, state):
    row, other = desk.brought_to(state), desk.ask()
    terms, order_id = desk.stage.terms, desk.order.id
    if how == "refunded":
        desk.stage.refund(desk.order, at=DELIVERED)
    elif how == "given back after review":
        with transaction():
            checkout.to_review(checkout.order_of(order_id), why=say("Odd"), at=DELIVERED)
        with transaction():
            aftersales.give_back(order_id, by="staff:1", reason="Odd", terms=terms, at=DELIVERED)
    else:
        with transaction():
            (payment,) = cash.payments_of(checkout.reference_of(order_id))
            lost = DisputeState("dp_1", "lost", payment.captured_cents, payment.currency, payment.cashier_id)
            aftersales.told_of_dispute(payment.id, lost, terms=terms, at=DELIVERED)

    with reading():
        after = {each.id: each.state for each in aftersales.returns_of(order_id)}
        said = [event.said.text for event in checkout.order_page(checkout.number_of(order_id)).events]
    assert desk.stage.order(desk.order).state == checkout.REFUNDED
    assert after == {row.id: returns.WITHDRAWN, other.id: returns.WITHDRAWN}
    assert said.count("Return ended: all of the order was refunded") == 2
    with pytest.raises(aftersales.ReturnMoved):
        desk.do(returns.APPROVE, row)


def test_the_return_that_brings_back_the_last_pieces_ends_those_that_are_left_without(desk):
    first = desk.do(returns.APPROVE, desk.ask({1: 3}))
    desk.do(returns.LAPSE, first)
    second = desk.ask()

    desk.do(returns.RECEIVE, first, shelved={1: 3})

    with reading():
        states = {each.id: each.state for each in aftersales.returns_of(desk.order.id)}
    assert states == {first.id: returns.REFUNDED, second.id: returns.WITHDRAWN}


def test_no_more_than_four_pictures_are_kept(here):
    pictures = [catalogue.Prepared(f"{number:032x}", 400, 300) for number in range(5)]

    with pytest.raises(aftersales.TooManyReturnPictures):
        here.ask(pictures=pictures)
    row = here.ask(pictures=pictures[:4])
    with reading():
        assert [each.file for each in aftersales.return_page(row.id).pictures] == [p.name for p in pictures[:4]]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_window_closed_under_an_open_return_and_a_note_for_other_pieces(here):
    refunded, _open = here.do(returns.WAIVE, here.ask()), here.ask()
    with transaction():
        execute(checkout.Order.__table__.update().values(window_closed_at=WINDOW_OVER))
        execute(
            aftersales.ReturnLine.__table__.update()
            .where(aftersales.ReturnLine.return_id == refunded.id)
            .values(quantity=2)
        )

    with reading():
        broken = [check.name for check in aftersales.checks() if execute(check.breaks).first()]
    assert len(broken) == 2


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (
            "UPDATE orders SET state = 'refunded'",
            "no return window was closed, and no order refunded whole, while a return was open",
        ),
        (
            "UPDATE goods_return SET member_id = (SELECT max(member_id) FROM purse)",
            "a return is of its order's member",
        ),
    ],
)
def test_the_proof_finds_a_return_that_is_not_its_orders(here, change, broken):
    here.ask()
    here.stage.member("tom")
    with transaction():
        execute(text(change))

    with reading():
        assert broken in [check.name for check in aftersales.checks() if execute(check.breaks).first()]


NOTES = "points and growth taken back are what credit notes say"
SHELVED = "what of an order went back on the shelf is what credit notes and returns say"
FORGIVEN = "no points are forgiven but where something went back"
SAME_PIECES = "a return that was refunded has a credit note for the same pieces"


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        (["UPDATE credit_note SET earned_points = earned_points + 1"], NOTES),
        (["UPDATE credit_note SET growth = growth + 1"], NOTES),
        (["UPDATE credit_line SET restocked = 0"], SHELVED),
        (["UPDATE goods_return_line SET restocked = 0"], SHELVED),
        (["UPDATE stock_move SET on_hand_change = 2 WHERE kind = 'return'"], SHELVED),
        (["UPDATE stock_move SET kind = 'adjust', reference = '' WHERE kind = 'return'"], SHELVED),
        (
            [
                "UPDATE goods_return_line SET restocked = 0",
                "DELETE FROM stock_move WHERE kind = 'return' AND id = (SELECT min(id) FROM stock_move WHERE"
                " kind = 'return')",
            ],
            SAME_PIECES,
        ),
        (["UPDATE posting SET actor = 'system' WHERE kind = 'adjust'"], FORGIVEN),
    ],
)
def test_the_proof_holds_credit_notes_against_points_growth_and_shelf(here, changes, broken):
    here.do(returns.RECEIVE, here.do(returns.APPROVE, here.ask()), shelved={1: 1})
    here.stage.refund(here.order, pieces={1: 1}, restock=True, at=DELIVERED)
    with reading():
        assert not [check.name for check in aftersales.checks() if execute(check.breaks).first()]

    with transaction():
        execute(text("PRAGMA ignore_check_constraints = ON"))
        for name in execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            execute(text(f'DROP TRIGGER "{name}"'))
        for change in changes:
            assert execute(text(change)).rowcount > 0
        found = [check.name for check in aftersales.checks() if execute(check.breaks).first()]
    assert broken in found


@pytest.mark.parametrize("state", [returns.ASKED, returns.APPROVED])
def test_returns_that_were_left_open_by_refunded_orders_end_with_a_migration(desk, state):
    row = desk.brought_to(state)
    desk.stage.refund(desk.order, at=DELIVERED)
    with transaction():
        execute(
            returns.Return.__table__.update().values(state=state, decided_at=row.decided_at, decided_by=row.decided_by)
        )
    (path,) = (ROOT / "migrations" / "versions").glob("*_open_returns_of_refunded_orders_end.py")
    migration = runpy.run_path(str(path))

    with transaction() as connection, Operations.context(MigrationContext.configure(connection)):
        migration["upgrade"]()

    with reading():
        after = returns.return_of(row.id)
    assert (after.state, after.decided_by, after.decided_at) == (returns.WITHDRAWN, "system", DELIVERED)
