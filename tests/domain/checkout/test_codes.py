"""Codes are issued when an order is paid, one for each piece, and shown to who bought them - logged each time."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import catalogue, checkout, finance
from tests.stage import NOON

OTHER = "a code was issued when its piece left the shelf, and shown to whose order it is"


@pytest.fixture
def ticket(stage):
    """A cinema ticket for 800 points or 20.00, with five codes in its pool."""
    prices = (catalogue.points_price(800), catalogue.cash_price(2_000))
    return stage.item("Cinema ticket", prices=prices, kind="code", stock=5)


def codes_of(order):
    with reading():
        return catalogue.codes_of(checkout.reference_of(order.id))


def show(order, code, member_id):
    with transaction():
        return checkout.show_code(order.id, code.id, member_id=member_id, at=NOON)


def bought(stage, member_id, item, *, quantity=1, form="points"):
    stage.give(member_id, 5_000)
    stage.put_in(member_id, item, form, quantity=quantity)
    return stage.place(member_id)


def broken():
    return {result.name for result in finance.prove() if not result.ok}


def test_for_points_codes_are_issued_at_once_and_the_order_is_complete_without_a_window(stage, mei, ticket):
    order = bought(stage, mei, ticket, quantity=2)

    assert order.state == checkout.COMPLETED
    assert order.window_ends_at == NOON
    assert [(code.line, code.state, code.shown_at) for code in codes_of(order)] == [(1, "issued", None)] * 2
    assert stage.stock(ticket) == (3, 0)


def test_for_cash_codes_are_reserved_first_and_issued_when_it_is_paid(stage, mei, ticket):
    order = bought(stage, mei, ticket, form="cash")
    assert (codes_of(order), stage.stock(ticket)) == ([], (5, 1))

    order = stage.pay(order)

    assert order.state == checkout.COMPLETED
    assert len(codes_of(order)) == 1
    assert stage.stock(ticket) == (4, 0)


def test_an_order_not_paid_frees_its_codes(stage, mei, ticket):
    order = bought(stage, mei, ticket, form="cash")
    checkout.give_up(order.id, by=f"member:{mei}", cashier=stage.cashier, terms=stage.terms, site="http://localhost")

    assert (codes_of(order), stage.stock(ticket)) == ([], (5, 0))


def test_with_goods_codes_come_at_once_and_the_goods_are_still_to_be_sent(stage, mei, mug, ticket):
    stage.give(mei, 5_000)
    stage.put_in(mei, mug, "points")
    order = bought(stage, mei, ticket)

    assert (order.state, len(codes_of(order))) == (checkout.PAID, 1)
    assert (stage.stock(ticket), stage.stock(mug)) == ((4, 0), (10, 1))
    assert stage.ship(order).state == checkout.SHIPPED
    assert (stage.stock(ticket), stage.stock(mug)) == ((4, 0), (9, 0))


def test_no_more_are_sold_than_the_pool_holds(stage, mei, ticket):
    stage.give(mei, 5_000)
    stage.put_in(mei, ticket, quantity=5)
    stage.place(mei)
    stage.put_in(mei, ticket)

    with pytest.raises(catalogue.OutOfStock):
        stage.place(mei)


def test_a_code_is_shown_to_its_member_as_often_as_wanted_and_to_nobody_else(stage, mei, ticket):
    tom = stage.member("tom")
    order, other = bought(stage, mei, ticket), bought(stage, tom, ticket)
    [code] = codes_of(order)
    for wrong in (lambda: show(order, code, tom), lambda: show(other, code, tom), lambda: show(other, code, mei)):
        with pytest.raises(catalogue.NoSuchCode):
            wrong()

    assert show(order, code, mei) == show(order, code, mei) == "CODE-0001-0000"
    with reading():
        log = execute(select(catalogue.CodeShown.by, catalogue.CodeShown.at)).all()
    assert [tuple(row) for row in log] == [(f"member:{mei}", NOON)] * 2


def test_while_the_order_is_looked_at_only_what_was_seen_is_shown(stage, mei, ticket):
    order = bought(stage, mei, ticket, quantity=2)
    seen, unseen = codes_of(order)
    show(order, seen, mei)
    with transaction():
        checkout.to_review(checkout.order_of(order.id), why=say("A test"), at=NOON)

    with pytest.raises(checkout.NotShownNow):
        show(order, unseen, mei)
    assert show(order, seen, mei) == "CODE-0001-0000"


@pytest.mark.breaks_the_books
def test_the_proof_sees_codes_missing_or_too_many_or_of_no_line(stage, mei, ticket):
    order = bought(stage, mei, ticket)
    of_line = "of every line of codes as many are issued as are kept, and none before it is paid"
    with transaction():
        execute(update(catalogue.PoolCode).where(catalogue.PoolCode.state == "issued").values(line=2))
    assert broken() == {of_line, "a code is issued for one line that bought its item"}
    with transaction():
        execute(update(catalogue.PoolCode).where(catalogue.PoolCode.line == 2).values(line=1))
    assert broken() == set()

    with transaction():
        execute(update(checkout.Order).where(checkout.Order.id == order.id).values(gives_codes=False))
    of_order = "an order that needs no parcel has no line that does, and codes are of an order with codes"
    assert broken() == {of_line, of_order}


@pytest.mark.breaks_the_books
def test_the_proof_sees_a_code_that_took_the_place_of_the_one_that_was_issued(stage, mei, ticket):
    order = bought(stage, mei, ticket)
    [code] = codes_of(order)
    pool = catalogue.PoolCode
    with transaction():
        nothing = {"state": "free", "reference": None, "line": None, "issued_at": None}
        execute(update(pool).where(pool.id == code.id).values(nothing))
        later = {"state": "issued", "reference": f"order:{order.id}", "line": 1, "issued_at": NOON + timedelta(1)}
        execute(update(pool).where(pool.id == code.id + 1).values(later))

    assert broken() == {OTHER}


@pytest.mark.breaks_the_books
def test_the_proof_sees_codes_of_two_members_that_changed_places(stage, mei, ticket):
    tom = stage.member("tom")
    orders = [bought(stage, mei, ticket), bought(stage, tom, ticket)]
    for order, member_id in zip(orders, (mei, tom), strict=True):
        show(order, codes_of(order)[0], member_id)
    assert broken() == set()
    first, second = (codes_of(order)[0].id for order in orders)
    pool = catalogue.PoolCode
    with transaction():
        for code_id, order in ((first, orders[1]), (second, orders[0])):
            execute(update(pool).where(pool.id == code_id).values(reference=f"order:{order.id}"))

    assert broken() == {OTHER}


ALIKE = "no code is kept under the seal of another"
POOL = "a code is in the pool that its upload filled"


@pytest.mark.breaks_the_books
def test_a_code_that_was_put_under_the_seal_of_another_is_shown_to_nobody(stage, mei, ticket):
    order = bought(stage, mei, ticket)
    [code] = codes_of(order)
    pool = catalogue.PoolCode
    with transaction():
        mine, other = execute(select(pool.sealed).order_by(pool.id).limit(2)).scalars()
        execute(update(pool).where(pool.id == code.id).values(sealed=other))
    assert broken() == {ALIKE}
    with pytest.raises(catalogue.CodeNotReadable):
        show(order, code, mei)

    # Changed for one another there is none twice, and whoever is to see it is told.
    with transaction():
        execute(update(pool).where(pool.id == code.id + 1).values(sealed=mine))
    assert broken() == set()
    with pytest.raises(catalogue.CodeNotReadable):
        show(order, code, mei)
    with transaction():
        execute(update(pool).where(pool.id == code.id).values(sealed=mine))
        execute(update(pool).where(pool.id == code.id + 1).values(sealed=other))
    assert show(order, code, mei) == "CODE-0001-0000"


@pytest.mark.breaks_the_books
def test_the_proof_sees_a_code_in_the_pool_of_another_item(stage, mei, ticket):
    other = stage.item("Opera ticket", prices=(catalogue.points_price(900),), kind="code", stock=5)
    pool = catalogue.PoolCode
    with transaction():
        first, last = (execute(select(each(pool.id))).scalar_one() for each in (func.min, func.max))
        execute(update(pool).where(pool.id == first).values(variant_id=other.variant_id))
        execute(update(pool).where(pool.id == last).values(variant_id=ticket.variant_id))
    assert broken() == {POOL}
