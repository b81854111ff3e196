"""A code that nobody has seen goes back into its pool with a refund; one that was shown is void, or stays bought."""

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import aftersales, catalogue, checkout
from tests.conftest import noted_statements
from tests.stage import NOON


@pytest.fixture
def ticket(stage):
    """A cinema ticket for 800 points, with five codes in its pool."""
    return stage.item("Cinema ticket", kind="code", stock=5)


def codes_of(order):
    with reading():
        return catalogue.codes_of(checkout.reference_of(order.id))


def show(order, code, member_id):
    with transaction():
        return checkout.show_code(order.id, code.id, member_id=member_id, at=NOON)


def bought(stage, member_id, item, *, quantity=1, with_item=None):
    stage.give(member_id, 5_000)
    if with_item is not None:
        stage.put_in(member_id, with_item)
    stage.put_in(member_id, item, quantity=quantity)
    return stage.place(member_id)


def plan_of(stage, order, pieces=None):
    with reading():
        return aftersales.plan_refund(
            stage.order(order), reason="goodwill", at=NOON, zone=stage.terms.zone, pieces=pieces
        )


def cancelled(stage, order, member_id):
    with transaction():
        return aftersales.cancel(order.id, by=f"member:{member_id}", terms=stage.terms, at=NOON)


def test_an_unseen_code_is_free_again_and_points_are_back(stage, mei, ticket):
    order = bought(stage, mei, ticket, quantity=2)

    plan = stage.refund(order, pieces={1: 1})

    assert (plan.codes_free, plan.codes_void, plan.points) == (1, 0, 800)
    assert stage.stock(ticket) == (4, 0)
    assert len(codes_of(order)) == 1


def test_what_nobody_has_seen_goes_back_first_and_what_was_shown_is_void(stage, mei, ticket):
    order = bought(stage, mei, ticket, quantity=3)
    show(order, codes_of(order)[0], mei)
    assert (plan_of(stage, order, {1: 2}).codes_free, plan_of(stage, order, {1: 2}).codes_void) == (2, 0)

    plan = stage.refund(order)

    assert (plan.codes_free, plan.codes_void) == (2, 1)
    assert stage.stock(ticket) == (4, 0)
    assert [code.state for code in codes_of(order)] == ["void"]
    with pytest.raises(catalogue.NoSuchCode):
        show(order, codes_of(order)[0], mei)


def test_the_goods_question_does_not_decide_over_codes(stage, mei, ticket):
    order = bought(stage, mei, ticket, quantity=2)
    show(order, codes_of(order)[0], mei)

    stage.refund(order, restock=False)

    assert stage.stock(ticket) == (4, 0)
    with reading():
        assert execute(select(aftersales.CreditLine.restocked)).scalars().all() == [1]


def test_a_code_shown_after_the_preview_makes_it_another_refund(stage, mei, ticket):
    order = bought(stage, mei, ticket)
    shown = plan_of(stage, order).fingerprint
    show(order, codes_of(order)[0], mei)

    with pytest.raises(aftersales.RefundChanged), transaction():
        aftersales.refund(
            order.id, reason="goodwill", restock=False, by="staff:1", terms=stage.terms, at=NOON, shown=shown
        )


def test_a_member_cancels_all_but_what_was_seen_and_the_order_is_complete(stage, mei, mug, ticket):
    order = bought(stage, mei, ticket, quantity=2, with_item=mug)
    show(order, codes_of(order)[0], mei)
    had = stage.balances(mei).ready
    with reading():
        plan = aftersales.plan_cancel(stage.order(order), at=NOON, zone=stage.terms.zone)

    order = cancelled(stage, order, mei)

    assert (plan.codes_free, plan.codes_void, plan.whole) == (1, 0, False)
    assert stage.balances(mei).ready - had == plan.points == 1_590 + 800
    assert order.state == checkout.COMPLETED
    assert (stage.stock(ticket), stage.stock(mug)) == ((4, 0), (10, 0))
    assert show(order, codes_of(order)[0], mei)


def test_with_nothing_seen_a_cancel_is_whole(stage, mei, mug, ticket):
    order = bought(stage, mei, ticket, quantity=2, with_item=mug)

    order = cancelled(stage, order, mei)

    assert order.state == checkout.REFUNDED
    assert (codes_of(order), stage.stock(ticket)) == ([], (5, 0))


def test_a_partial_refund_of_codes_stays_within_its_statements(stage, mei, ticket):
    order = bought(stage, mei, ticket, quantity=3)
    show(order, codes_of(order)[0], mei)

    with noted_statements() as seen, transaction():
        aftersales.refund(
            order.id, reason="goodwill", restock=False, pieces={1: 3}, by="staff:1", terms=stage.terms, at=NOON
        )

    assert len([each for each in seen if not each.startswith("BEGIN")]) <= 24, "\n".join(seen)
