"""A membership that is given back brings the share of its whole days that are left, and its level ends at once."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from mall.base.cashier import DisputeState
from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import aftersales, cash, checkout, coupons, ledger, membership
from mall.domain.aftersales import returns
from tests.stage import NOON, Stage, open_shop

DAY = timedelta(days=1)


@pytest.fixture
def stage(app) -> Stage:
    """A shop where every day counts from the first, and nothing goes back whole once it has begun."""
    return open_shop(membership_least_days=1, return_window_days=0)


def standing(stage, member_id, *, at=NOON):
    with reading():
        return membership.standing(member_id, terms=stage.terms, at=at)


def buy(stage, member_id, item, form="cash", *, at=NOON, use=(), **more):
    stage.put_in(member_id, item, form, at=at, **more)
    order = stage.place(member_id, at=at, use=use)
    return stage.pay(order, at=at) if order.state == checkout.AWAITING else order


def plan_of(stage, order, *, at, line=1):
    with reading():
        return aftersales.plan_refund(
            stage.order(order), reason=aftersales.PLAN_ENDED, at=at, zone=stage.terms.zone, pieces={line: 1}
        )


def give_back(stage, order, member_id, *, at, line=1, shown=None):
    with transaction():
        return aftersales.refund(
            order.id,
            reason=aftersales.PLAN_ENDED,
            restock=False,
            pieces={line: 1},
            by=f"member:{member_id}",
            shown=shown,
            terms=stage.terms,
            at=at,
        )


def asked_back(order):
    with reading():
        return [row.amount_cents for row in cash.refunds_of(checkout.reference_of(order.id))]


def broken():
    with reading():
        rooms = (checkout, aftersales, membership)
        return [check.name for room in rooms for check in room.checks() if execute(check.breaks).first()]


def test_the_share_of_the_days_that_are_left_goes_back_and_the_level_ends_at_once(stage, mei):
    order = buy(stage, mei, stage.membership())
    at = NOON + 9 * DAY  # The tenth day counts as used: 20 of 30 are left.
    shown = plan_of(stage, order, at=at)
    assert (shown.cash_cents, shown.points, shown.lines[0].days_left, shown.whole) == (2_000, 0, 20, False)

    give_back(stage, order, mei, at=at, shown=shown.fingerprint)

    assert asked_back(order) == [2_000]
    assert standing(stage, mei, at=at).rank == 1
    assert stage.order(order).state == checkout.COMPLETED  # A part of it is kept.
    with reading():
        assert [line.used_days for line in checkout.lines_of(order.id)] == [10]


def test_points_go_back_to_the_lots_they_came_from(stage, mei):
    stage.give(mei, 3_000)
    order = buy(stage, mei, stage.membership(), "points")

    give_back(stage, order, mei, at=NOON + 19 * DAY)

    assert stage.balances(mei, at=NOON + 19 * DAY).ready == 1_000


def test_of_a_mix_cash_and_points_go_back_by_the_same_share_each_rounded_down_once(stage, mei):
    stage.give(mei, 3_000)
    order = buy(stage, mei, stage.membership(), "mix", points=1_000)

    plan = give_back(stage, order, mei, at=NOON + 3 * DAY)

    assert (plan.points, plan.cash_cents) == (1_000 * 26 // 30, 2_000 * 26 // 30)


def test_confirmed_twice_it_goes_back_once(stage, mei):
    order = buy(stage, mei, stage.membership())
    shown = plan_of(stage, order, at=NOON + DAY).fingerprint

    assert give_back(stage, order, mei, at=NOON + DAY, shown=shown) is not None
    assert give_back(stage, order, mei, at=NOON + DAY, shown=shown) is None
    with pytest.raises(aftersales.TooManyPieces):
        give_back(stage, order, mei, at=NOON + DAY)
    assert asked_back(order) == [2_800]


def test_confirmed_the_day_after_it_was_shown_it_is_shown_again(stage, mei):
    order = buy(stage, mei, stage.membership())
    shown = plan_of(stage, order, at=NOON + DAY).fingerprint

    with pytest.raises(aftersales.RefundChanged):
        give_back(stage, order, mei, at=NOON + 2 * DAY, shown=shown)


def test_on_its_last_day_nothing_is_left(stage, mei):
    order = buy(stage, mei, stage.membership())

    for at in (NOON + 29 * DAY, NOON + 40 * DAY):
        with pytest.raises(aftersales.TimeOver):
            give_back(stage, order, mei, at=at)


def test_of_two_periods_the_later_goes_first_and_whole_since_it_has_not_begun(stage, mei):
    plan = stage.membership()
    first, second = buy(stage, mei, plan), buy(stage, mei, plan)
    with pytest.raises(aftersales.LaterFirst, match=f"Order {checkout.number_of(second.id)} lengthens"):
        give_back(stage, first, mei, at=NOON)
    with pytest.raises(aftersales.LaterFirst):
        stage.refund(first)

    give_back(stage, second, mei, at=NOON)
    assert (asked_back(second), stage.order(second).state) == ([2_850], checkout.REFUNDED)  # VIP has 5 % off.
    assert (standing(stage, mei).rank, standing(stage, mei).granted_until) == (4, date(2026, 3, 31))
    give_back(stage, first, mei, at=NOON)
    assert (asked_back(first), standing(stage, mei).rank) == ([2_900], 1)


def test_two_of_one_order_go_back_together(stage, mei):
    stage.put_in(mei, stage.membership(), "cash")
    stage.put_in(mei, stage.membership(length=10), "cash")
    order = stage.pay(stage.place(mei))
    with pytest.raises(aftersales.LaterFirst):
        give_back(stage, order, mei, at=NOON)

    with transaction():
        plan = aftersales.refund(
            order.id, reason=aftersales.PLAN_ENDED, restock=False, pieces={1: 1, 2: 1}, by=f"member:{mei}",
            terms=stage.terms, at=NOON,
        )  # fmt: skip
    assert (plan.cash_cents, plan.whole) == (5_900, False)
    assert standing(stage, mei).rank == 1


def test_any_other_refund_gives_all_of_it_back_and_ends_the_level(stage, mei):
    order = buy(stage, mei, stage.membership())

    stage.refund(order, reason="goodwill", at=NOON + 9 * DAY)

    assert (asked_back(order), stage.order(order).state) == ([3_000], checkout.REFUNDED)
    assert standing(stage, mei, at=NOON + 9 * DAY).rank == 1


def test_only_a_membership_can_be_given_back_like_that(stage, mei):
    order = buy(stage, mei, stage.mug())

    with pytest.raises(aftersales.NoMembership):
        give_back(stage, order, mei, at=NOON)


def test_a_coupon_used_for_it_does_not_come_back_with_a_part(stage, mei):
    coupon = stage.coupon(mei)
    order = buy(stage, mei, stage.membership(), use=[coupon])

    give_back(stage, order, mei, at=NOON + 9 * DAY)

    assert asked_back(order) == [2_000 * 20 // 30]
    assert stage.coupon_state(coupon) == coupons.USED


def test_one_that_was_had_together_with_a_coupon_can_be_given_back_all_the_same(stage, mei):
    stage.give(mei, 800)
    voucher, kind = stage.item("Voucher", kind="coupon", delivery="digital"), stage.coupon_kind()
    with transaction():
        coupons.sell(kind, voucher.product_id, by="staff:1", at=NOON)
    stage.put_in(mei, stage.membership(), "cash")
    stage.put_in(mei, voucher, "points")
    order = stage.pay(stage.place(mei))
    assert order.gives_coupons

    give_back(stage, order, mei, at=NOON + 9 * DAY)

    assert asked_back(order) == [2_000]
    assert (standing(stage, mei, at=NOON + 9 * DAY).rank, broken()) == (1, [])


def test_what_earned_is_untouched_by_it(stage, mei):
    stage.put_in(mei, stage.membership(), "cash")
    stage.put_in(mei, stage.mug(delivery="digital"), "cash")
    order = stage.pay(stage.place(mei))

    plan = give_back(stage, order, mei, at=NOON + 9 * DAY)

    assert (plan.earned_points, plan.growth) == (0, 0)
    with reading():
        assert [lot.taken_back for lot in ledger.lots_earned(checkout.reference_of(order.id), at=NOON)] == [0]


def dispute(stage, order, status, *, amount=None, at=NOON + 9 * DAY):
    """The bank disputes the payment of an order, or has decided about it."""
    with transaction():
        [payment] = cash.payments_of(checkout.reference_of(order.id))
        state = DisputeState("du_1", status, amount or payment.captured_cents, "USD", payment.cashier_id, "fraudulent")
        aftersales.told_of_dispute(payment.id, state, terms=stage.terms, at=at)


def test_while_the_bank_decides_it_goes_on_and_is_not_given_back_and_a_lost_dispute_ends_it(stage, mei):
    order = buy(stage, mei, stage.membership())
    dispute(stage, order, "open")
    assert standing(stage, mei, at=NOON + 9 * DAY).rank == 4
    with pytest.raises(checkout.UnderDispute):
        give_back(stage, order, mei, at=NOON + 9 * DAY)

    dispute(stage, order, "lost")
    assert (standing(stage, mei, at=NOON + 9 * DAY).rank, stage.order(order).state) == (1, checkout.REFUNDED)


def test_a_dispute_that_is_lost_after_a_part_went_back_takes_the_rest(stage, mei):
    order = buy(stage, mei, stage.membership())
    give_back(stage, order, mei, at=NOON + 9 * DAY)
    dispute(stage, order, "open", amount=1_000)

    dispute(stage, order, "lost", amount=1_000)

    with reading():
        [payment] = cash.payments_of(checkout.reference_of(order.id))
    assert payment.refunded_cents == 3_000
    assert stage.order(order).disputed_at is None


def test_cancelling_the_goods_of_an_order_leaves_its_membership(stage, mei):
    stage.put_in(mei, stage.membership(), "cash")
    stage.put_in(mei, stage.mug(), "cash")
    order = stage.pay(stage.place(mei))

    with transaction():
        aftersales.cancel(order.id, by=f"member:{mei}", terms=stage.terms, at=NOON)

    assert (standing(stage, mei).rank, stage.order(order).state) == (4, checkout.COMPLETED)


def test_what_is_given_back_in_part_then_all_the_goods_leaves_the_order_with_what_is_kept(stage, mei):
    stage.put_in(mei, stage.membership(), "cash")
    stage.put_in(mei, stage.mug(), "cash")
    order = stage.pay(stage.place(mei))
    give_back(stage, order, mei, at=NOON)

    plan = stage.refund(order)

    assert (plan.whole, stage.order(order).state) == (False, checkout.COMPLETED)


@pytest.fixture
def with_returns(app) -> Stage:
    """A shop where goods can be sent back for some days."""
    return open_shop(membership_least_days=1)


LATE = NOON + 20 * DAY  # Of 30 days 9 are left.


def in_part_and_a_mug_going_back(stage, member_id):
    """An order of a membership, given back in part, and two mugs, of which one is in an open return: (order, return).

    9.00 of the membership's 30.00 went back.
    """
    stage.put_in(member_id, stage.membership(), "cash")
    stage.put_in(member_id, stage.mug(), "cash", quantity=2)
    order = stage.deliver(stage.ship(stage.pay(stage.place(member_id))), at=LATE)
    give_back(stage, order, member_id, at=LATE)
    asked = {"pieces": {2: 1}, "reason": "damaged", "level": stage.terms.level(1), "terms": stage.terms, "at": LATE}
    with transaction():
        plan = aftersales.plan_return(checkout.order_of(order.id), **asked)
        row, _new = aftersales.ask_return(
            order.id, member_id=member_id, words="", pictures=(), shown=plan.fingerprint, **asked
        )
    return order, row


def test_a_dispute_that_is_lost_over_an_open_return_ends_it_though_a_part_stays_paid(with_returns):
    stage, mei = with_returns, with_returns.member("mei")
    order, going_back = in_part_and_a_mug_going_back(stage, mei)
    left_cents = checkout.cash_cents_of(order) - 900
    dispute(stage, order, "open", amount=left_cents, at=LATE)

    dispute(stage, order, "lost", amount=left_cents, at=LATE)

    with reading():
        assert returns.return_of(going_back.id).state == returns.WITHDRAWN
        [payment] = cash.payments_of(checkout.reference_of(order.id))
    assert payment.refunded_cents == payment.captured_cents
    assert stage.order(order).state == checkout.COMPLETED  # Some days of the membership were used.
    assert not broken()


def test_all_that_is_left_given_back_ends_an_open_return_though_a_part_stays_paid(with_returns):
    stage, mei = with_returns, with_returns.member("mei")
    order, going_back = in_part_and_a_mug_going_back(stage, mei)
    with transaction():
        checkout.to_review(checkout.order_of(order.id), why=say("Odd"), at=LATE)

    with transaction():
        order = aftersales.give_back(order.id, by="staff:1", reason="As they wished", terms=stage.terms, at=LATE)

    with reading():
        assert returns.return_of(going_back.id).state == returns.WITHDRAWN
        assert [line.refunded for line in checkout.lines_of(order.id)] == [1, 2]
    assert (order.state, order.state_before_review) == (checkout.COMPLETED, None)  # Nothing is left to decide.
    assert not broken()


def test_given_back_in_review_goods_not_yet_sent_are_waited_for_no_more(stage, mei):
    stage.put_in(mei, stage.membership(), "cash")
    stage.put_in(mei, stage.mug(), "cash", quantity=2)
    order = stage.pay(stage.place(mei))
    give_back(stage, order, mei, at=NOON + 9 * DAY)
    with transaction():
        checkout.to_review(checkout.order_of(order.id), why=say("Odd"), at=NOON + 10 * DAY)

    with transaction():
        order = aftersales.give_back(
            order.id, by="staff:1", reason="As they wished", terms=stage.terms, at=NOON + 10 * DAY
        )

    assert (order.state, order.completed_at) == (checkout.COMPLETED, NOON + 10 * DAY)
    assert not broken()


def test_the_desk_refunds_all_that_is_left_over_an_open_return_though_a_part_stays_paid(with_returns):
    stage, mei = with_returns, with_returns.member("mei")
    order, going_back = in_part_and_a_mug_going_back(stage, mei)

    stage.refund(order, at=LATE)

    with reading():
        assert returns.return_of(going_back.id).state == returns.WITHDRAWN
    assert not broken()


@given(
    amount=st.integers(0, 10**9),
    days=st.integers(1, 366),
    data=st.data(),
)
def test_what_goes_back_is_never_above_the_unused_share_and_less_than_a_unit_below(amount, days, data):
    used = data.draw(st.integers(0, days))
    back = checkout.back_of_plan(amount, days=days, used=used)

    assert 0 <= amount * (days - used) - back * days < days


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"used_days": 9}, "no more of a membership is given back than its unused days"),
        ({"used_days": 9}, "what credit notes say of a line is its cumulative share of the pieces refunded"),
        (
            {"used_days": None, "refunded": 0, "called_off": 0},
            "a level ends when its membership is given back, and goes on where it is not",
        ),
    ],
)
def test_the_proof_finds_more_given_back_than_is_unused(stage, mei, values, found):
    order = buy(stage, mei, stage.membership())
    give_back(stage, order, mei, at=NOON + 9 * DAY)
    assert broken() == []

    with transaction():
        execute(update(checkout.OrderLine).values(**values))

    assert found in broken()
