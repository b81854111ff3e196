"""What the desk reads, on both databases: queues with the oldest first, members, the day's figures."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, checkout, coupons, insight, ledger
from tests.stage import NOON, open_shop

LATER = NOON + timedelta(hours=3)


@pytest.fixture
def stage(either):
    with moved_to(NOON):
        yield open_shop()


@pytest.fixture
def orders(stage):
    """Two orders of Mei's, three hours apart, the first paid in cash, the second by points."""
    mei = stage.member("mei")
    mug = stage.item(prices=(catalogue.cash_price(1_590), catalogue.points_price(800)))
    stage.put_in(mei, mug, "cash", quantity=2)
    first = stage.pay(stage.place(mei))
    stage.give(mei, 900)
    stage.put_in(mei, mug, at=LATER)
    return mei, first, stage.place(mei, at=LATER)


def test_a_queue_knows_how_many_wait_and_since_when(stage, orders):
    _mei, first, second = orders
    stage.ship(first, at=LATER)
    with reading():
        queues = insight.queues()

    assert queues["to_ship"] == insight.Queue(1, second.paid_at)
    assert queues["with_carrier"] == insight.Queue(1, LATER)
    assert queues["review"] == insight.Queue(0, None)


@pytest.mark.parametrize("words", ["Mei", "mei@EXAMPLE", "10001", "T1"])
def test_an_order_is_found_by_whose_it_is_and_by_its_numbers(stage, orders, words):
    _mei, first, _second = orders
    stage.ship(first)
    with reading():
        found = insight.orders_in("with_carrier", words=words)

    (row,) = found.rows
    assert (row.id, row.quantity, row.line_count, row.display_name, found.total) == (first.id, 2, 1, "Mei", 1)


@pytest.mark.parametrize("words", ["%", "_", "10001x", "999999999999999", "\\"])
def test_nothing_in_the_words_stands_for_anything_else(stage, orders, words):
    with reading():
        assert insight.orders_in("all", words=words).total == 0


def test_only_refunds_the_cashier_refused_are_in_that_queue(stage, orders):
    stage.refund(orders[1])
    with reading():
        assert insight.orders_in(insight.REFUSED_REFUNDS).total == 0


def test_members_come_with_what_they_have_and_spent(stage, orders):
    mei, *_orders = orders
    with reading():
        found = insight.members(at=LATER, words="mei", rank=1)
        nobody = insight.members(at=LATER, rank=4)
        long_after = insight.members(at=NOON + timedelta(days=800))

    (row,) = found.rows
    assert (row.id, row.ready, row.owed, row.orders, row.spent_cents) == (mei, 100, 0, 2, 3_180)
    assert nobody.total == 0
    assert long_after.rows[0].ready == 0


def spent(stage, mei):
    """Return what the list, the portrait and the dashboard say of orders, cash and points."""
    with reading():
        (row,) = insight.members(at=LATER).rows
        portrait = insight.portrait(mei)
        seen = insight.dashboard(terms=stage.terms, at=LATER)
    assert (row.orders, row.spent_cents) == (portrait.orders, portrait.spent_cents)
    assert (seen.orders_today, seen.points_today) == (portrait.orders, portrait.redeemed_points)
    return portrait.orders, portrait.spent_cents, seen.cash_today_cents, portrait.redeemed_points


def test_what_nobody_has_paid_is_not_spent(stage):
    mei = stage.member("mei")
    stage.put_in(mei, stage.mug(), "cash", quantity=2)
    order = stage.place(mei)
    unpaid = spent(stage, mei)
    stage.pay(order)

    assert unpaid == (0, 0, 0, 0)
    assert spent(stage, mei) == (1, 3_180, 3_180 + 490, 0)


def test_what_went_back_is_not_spent(stage, orders):
    mei, first, second = orders
    stage.refund(first, pieces={1: 1})
    a_half = spent(stage, mei)
    stage.refund(first)
    stage.refund(second)

    assert a_half == (2, 1_590, 3_180 + 490 - 1_590 - 245, 800)
    assert spent(stage, mei) == (0, 0, 0, 0)


def test_what_stayed_paid_for_a_used_coupon_is_redeemed(stage):
    mei, kind = stage.member("mei"), stage.coupon_kind(amount_cents=300)
    voucher = stage.item("Voucher", kind="coupon", prices=(catalogue.points_price(500),))
    with transaction():
        coupons.sell(kind, voucher.product_id, by="staff:1", at=NOON)
    stage.give(mei, 500)
    stage.put_in(mei, voucher)
    had = stage.place(mei)
    with reading():
        (given,) = coupons.coupons_of(mei)
    stage.put_in(mei, stage.mug(), "cash")
    stage.pay(stage.place(mei, use=(given.id,)))
    stage.refund(had)

    assert spent(stage, mei)[3] == 300


def test_what_waits_for_a_second_person_comes_with_what_is_there_now(stage, orders):
    mei, *_orders = orders
    with transaction():
        ledger.ask_adjustment(
            mei, 5_000, reason="goodwill", document="", key="a", own_member_id=None, terms=stage.terms, by="staff:1",
            at=LATER,
        )  # fmt: skip
    with reading():
        (asked,) = insight.asked_adjustments(at=LATER)
        to_do = insight.to_do()

    assert (asked.member.display_name, asked.ready, asked.request.what["points"]) == ("Mei", 100, 5_000)
    assert to_do == insight.ToDo(orders=2, adjustments=1, returns=0, reviews=0, suspects=0, questions=0)


def test_the_dashboard_tells_the_day(stage, orders):
    with reading():
        seen = insight.dashboard(terms=stage.terms, at=LATER)
        portrait = insight.portrait(orders[0])

    assert (seen.orders_today, seen.cash_today_cents, seen.points_today) == (2, 3_180 + 490, 800)
    assert seen.queues["to_ship"].count == 2 and seen.adjustments == insight.Queue(0, None)
    assert (seen.earned[-1], seen.redeemed[-1]) == (318, 800)
    assert (portrait.orders, portrait.spent_cents, portrait.redeemed_points) == (2, 3_180, 800)
    assert checkout.number_of(orders[1].id) == "10001"


def test_goods_that_arrive_are_booked_once_for_a_key(stage):
    mug = stage.item()
    for _press in range(2):
        with transaction():
            catalogue.receive(mug.variant_id, 5, by="staff:1", at=NOON, key="desk:1:a")
        with transaction():
            catalogue.adjust(mug.variant_id, -2, reason="Broken", by="staff:1", at=NOON, key="desk:1:b")

    assert stage.stock(mug) == (13, 0)


def test_the_dashboard_does_not_look_through_all_postings_and_lots(app, count_statements):
    terms = open_shop(at=NOON).terms
    count_statements.clear()
    with reading():
        insight.dashboard(terms=terms, at=LATER)
        asked = [sql for sql in count_statements if "posting" in sql or " lot" in sql]
        plans = [
            step.detail
            for sql in asked
            for step in execute(text("EXPLAIN QUERY PLAN " + re.sub(r"\?", "'2026-03-01'", sql)))
        ]

    assert asked
    assert [plan for plan in plans if plan.split()[:2] in (["SCAN", "posting"], ["SCAN", "lot"])] == []


def test_what_members_spent_is_found_by_index(app, count_statements):
    stage = open_shop(at=NOON)
    mei = stage.member("mei")
    count_statements.clear()
    with reading():
        insight.members(at=LATER)
        insight.portrait(mei)
        insight.dashboard(terms=stage.terms, at=LATER)
        asked = [sql for sql in count_statements if "credit_note" in sql]
        plans = [
            step.detail
            for sql in asked
            for step in execute(text("EXPLAIN QUERY PLAN " + re.sub(r"\?", "'2026-03-01'", sql)))
        ]

    assert len(asked) == 3
    scanned = {plan.split()[1] for plan in plans if plan.startswith("SCAN")}
    assert scanned.isdisjoint({"orders", "credit_note", "coupon"})
