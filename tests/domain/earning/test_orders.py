"""An order gives points on the way when paid, ready when kept, and back for what is not; growth only when kept."""

import contextlib
from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import insert, select, text

from mall.base.db import execute, reading, transaction
from mall.domain import earning, ledger, membership, notices, programme
from tests.domain.ledger.test_proof import Undone, lower_the_guards

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def with_purse(verb, sale, at=NOON, **values):
    with transaction():
        terms = programme.current(at)
        purse = ledger.lock(sale.member_id, zone=terms.zone)
        return verb(sale, purse=purse, terms=terms, at=at, **values)


def pay(sale, at=NOON):
    return with_purse(earning.order_paid, sale, at).lot_id


def keep(sale, at=NOON + 24 * DAY):
    return with_purse(earning.order_kept, sale, at)


def reduce(sale, kept_cents, *, key="order:7:refund", at=NOON + 30 * DAY):
    return with_purse(earning.order_reduced, replace(sale, kept_cents=kept_cents), at, key=key)


def spend(member_id, points, at):
    with transaction():
        ledger.redeem(ledger.lock(member_id, zone="Europe/Berlin"), points, reference="order:99", at=at)


def balances(member_id, at=NOON + 30 * DAY):
    with reading():
        now = ledger.balances(member_id, at=at)
    return now.ready, now.pending, now.held, now.owed


def growth(member_id, at=NOON + 30 * DAY):
    with reading():
        return membership.standing(member_id, terms=programme.current(at), at=at).growth


def lot(lot_id):
    with reading():
        return execute(select(ledger.Lot).where(ledger.Lot.id == lot_id)).one()


def test_a_paid_order_gives_points_that_are_on_the_way(mei, sale_of):
    pay(sale_of(mei, 1_590))

    assert balances(mei) == (0, 159, 0, 0)
    assert growth(mei) == 0


def test_the_lot_says_why_this_number(mei, sale_of):
    why = lot(pay(sale_of(mei, 1_590, multiplier=150))).why

    assert str(why) == "Order 1007: 1590 kept × 10 points per 100 × 150 % for the level = 238 points"


def test_the_lot_carries_its_version_worth_and_last_day(mei, sale_of):
    row = lot(pay(sale_of(mei, 1_590)))

    assert (row.origin, row.rule, row.version) == ("purchase", "order", 1)
    assert (row.worth_points, row.worth_cents) == (100, 100)
    assert row.expires_on == date(2027, 3, 31)


def test_rates_validity_and_worth_are_those_of_placing(mei, sale_of):
    with transaction():
        changed = programme.settings_of(programme.current(NOON)) | {"validity_months": 1, "worth_cents": 50}
        number = programme.draft(changed, based_on=1, effective_from=NOON, by="staff:1", at=NOON, reason="")
        programme.approve(number, by="staff:2", at=NOON, other_approvers=1)

    row = lot(pay(sale_of(mei, 1_590), at=NOON + DAY))
    assert (row.version, row.worth_cents, row.expires_on) == (1, 100, date(2027, 3, 31))


def test_an_order_paid_twice_over_gives_once(mei, sale_of):
    sale = sale_of(mei, 1_590)

    assert pay(sale) == pay(sale)
    assert balances(mei) == (0, 159, 0, 0)


def test_an_order_without_cash_gives_nothing_and_is_a_fact_all_the_same(mei, sale_of):
    assert pay(sale_of(mei, 0)) is None
    assert keep(sale_of(mei, 0)).points == 0

    with reading():
        kinds = select(earning.FactRow.kind).where(earning.FactRow.member_id == mei).order_by(earning.FactRow.id)
        assert execute(kinds).scalars().all() == ["signed_up", "order_paid", "order_kept"]


def test_a_kept_order_makes_the_points_ready_and_records_growth(mei, sale_of):
    sale = sale_of(mei, 1_590)
    pay(sale)
    kept = keep(sale)

    assert (kept.points, kept.growth) == (159, 15)
    assert (kept.level_change.from_rank, kept.level_change.to_rank) == (1, 2)
    assert balances(mei) == (159, 0, 0, 0)
    assert growth(mei) == 15


def test_a_member_is_told_of_unlocked_points_once(mei, sale_of):
    sale = sale_of(mei, 1_590)
    pay(sale)
    keep(sale)
    again = keep(sale)

    assert again.points == 0
    assert growth(mei) == 15
    with reading():
        told = execute(select(notices.Notice.details).where(notices.Notice.kind == "points_unlocked")).scalars().all()
    assert told == [{"number": "1007", "points": 159}]


def test_a_return_before_the_window_ends_takes_points_on_the_way_and_no_growth(mei, sale_of):
    sale = sale_of(mei, 1_590)
    pay(sale)
    taken = reduce(sale, 590, at=NOON + 5 * DAY)

    assert (taken.points, taken.growth) == (100, 0)
    assert balances(mei) == (0, 59, 0, 0)
    keep(replace(sale, kept_cents=590))
    assert balances(mei) == (59, 0, 0, 0)
    assert growth(mei) == 5


def test_a_refund_after_the_window_takes_ready_points_and_growth(mei, sale_of):
    sale = sale_of(mei, 1_590)
    pay(sale)
    keep(sale)
    taken = reduce(sale, 0)

    assert (taken.points, taken.growth) == (159, 15)
    assert balances(mei) == (0, 0, 0, 0)
    assert growth(mei) == 0


def test_growth_taken_back_counts_on_the_day_of_what_it_takes_back(mei, sale_of):
    sale = sale_of(mei, 1_590)
    pay(sale)
    keep(sale)
    reduce(sale, 0, at=NOON + 200 * DAY)

    with reading():
        days = {event.counts_on for event in membership.growth_entries(mei)}
    assert days == {date(2026, 3, 26)}


def test_what_was_spent_already_becomes_debt(mei, sale_of):
    sale = sale_of(mei, 1_590)
    pay(sale)
    keep(sale)
    spend(mei, 100, NOON + 25 * DAY)
    reduce(sale, 0)

    assert balances(mei) == (0, 0, 0, 100)


@pytest.mark.breaks_the_books  # Only a credit note forgives, and here is none.
def test_debt_above_the_cap_is_forgiven(app, open_shop, sale_of):
    mei = open_shop(debt_cap_points=30)
    sale = sale_of(mei, 1_590)
    pay(sale)
    keep(sale)
    spend(mei, 100, NOON + 25 * DAY)
    reduce(sale, 0)
    with_purse(earning.forgive_above_cap, sale, NOON + 30 * DAY, key="order:7:refund")

    assert balances(mei) == (0, 0, 0, 30)


def test_refunds_in_parts_take_what_one_refund_takes(mei, sale_of):
    sale = sale_of(mei, 1_999, multiplier=120)
    pay(sale)
    keep(sale)
    taken = [
        reduce(sale, kept_cents, key=f"order:7:refund:{step}")
        for step, kept_cents in enumerate((1_333, 667, 1, 0), start=1)
    ]

    assert sum(part.points for part in taken) == sale.points == 239
    assert sum(part.growth for part in taken) == sale.growth == 19


def test_a_refund_repeated_takes_nothing_more(mei, sale_of):
    sale = sale_of(mei, 1_590)
    pay(sale)
    keep(sale)
    reduce(sale, 590)
    again = reduce(sale, 590)

    assert (again.points, again.growth) == (0, 0)
    assert balances(mei) == (59, 0, 0, 0)
    assert growth(mei) == 5


def test_points_that_expired_are_not_taken_again(mei, sale_of):
    sale = sale_of(mei, 1_590)
    pay(sale)
    keep(sale)
    late = NOON + 400 * DAY
    taken = reduce(sale, 0, at=late)

    assert taken.points == 0
    assert balances(mei, at=late) == (0, 0, 0, 0)


def test_a_preview_gives_what_the_order_will(mei, sale_of):
    with reading():
        terms = programme.current(NOON)
    vip = terms.level(4)
    sale = sale_of(mei, 1_999, multiplier=vip.multiplier_percent)

    assert earning.rates_for(vip, terms).earned(1_999) == earning.Earned(sale.points, sale.growth)


def test_it_is_the_same_on_both_databases(either, open_shop, sale_of):
    mei = open_shop()
    sale = sale_of(mei, 1_590)
    pay(sale)
    pay(sale)
    keep(sale)
    spend(mei, 100, NOON + 25 * DAY)
    reduce(sale, 590)

    assert balances(mei) == (0, 0, 0, 41)
    assert growth(mei) == 5
    assert broken() == []


def broken():
    with reading():
        return [row for check in earning.checks() for row in execute(check.breaks)]


@pytest.mark.breaks_the_books
def test_the_proof_finds_an_order_that_kept_too_many_points(mei, sale_of):
    sale = sale_of(mei, 1_590)
    pay(sale)
    keep(sale)
    with transaction():
        earning.record(
            earning.Fact(
                "order_reduced",
                mei,
                key="order:7:refund",
                at=NOON,
                reference="order:7",
                cents=-1_000,
                attributes={"kept_cents": 590, "points": 59, "growth": 5},
            )
        )

    assert len(broken()) == 2


@pytest.mark.breaks_the_books
def test_the_proof_finds_an_order_of_which_more_was_returned_than_bought(mei, sale_of):
    pay(sale_of(mei, 1_590))
    with transaction():
        execute(
            insert(earning.FactRow).values(
                kind="order_reduced",
                member_id=mei,
                reference="order:7",
                cents=-1_591,
                attributes={"kept_cents": -1, "points": 159, "growth": 15},
                key="order:7:too-much",
                at=NOON,
            )
        )

    assert [row.cents for row in broken()] == [-1]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("DELETE FROM fact WHERE kind = 'order_paid'", "points are earned by what a member did"),
        ("UPDATE posting SET reference = 'bonus:1'", "points are earned by what a member did"),
        ("DELETE FROM level_history", "who signed up has a purse and a level"),
        (
            "UPDATE fact SET member_id = member_id + 1 WHERE kind = 'signed_up'",
            "who signed up has a purse and a level",
        ),
    ],
)
def test_the_proof_finds_points_earned_by_nothing_and_members_without_a_level(mei, sale_of, change, check):
    pay(sale_of(mei, 1_590))
    assert broken() == []

    with contextlib.suppress(Undone), transaction():
        lower_the_guards()
        execute(text(change))
        found = [each.name for each in earning.checks() if execute(each.breaks).first() is not None]
        raise Undone

    assert check in found


ORDER_TASKS = [
    {"key": "first_order", "points": 100, "growth": 0, "in_all": 1, "least_cents": 1_000},
    {"key": "every_order", "points": 20, "growth": 0, "per_month": 2},
]


def pay_and_keep(sale):
    pay(sale)
    keep(sale)


def rewards_of(member_id):
    reward = earning.TaskReward
    with reading():
        rows = execute(select(reward.task).where(reward.member_id == member_id).order_by(reward.id))
        return list(rows.scalars())


def test_tasks_pay_for_the_first_order_that_is_kept_and_for_every_one(app, open_shop, sale_of):
    mei = open_shop(tasks=ORDER_TASKS)
    pay_and_keep(sale_of(mei, 500))
    assert rewards_of(mei) == ["every_order"]  # 5.00 is less than the first order asks.
    pay_and_keep(sale_of(mei, 1_590, order=8))
    pay_and_keep(sale_of(mei, 1_590, order=9))
    assert rewards_of(mei) == ["every_order", "first_order", "every_order"]


def test_an_order_whose_goods_went_back_or_cost_only_points_is_no_first_order(app, open_shop, sale_of):
    mei = open_shop(tasks=ORDER_TASKS)
    pay_and_keep(sale_of(mei, 0))
    assert rewards_of(mei) == []


def test_orders_on_the_way_are_those_paid_and_neither_kept_nor_given_back(app, open_shop, sale_of):
    mei = open_shop()
    pay_and_keep(sale_of(mei, 1_590))
    for order in (8, 9):
        pay(sale_of(mei, 1_590, order=order))
    with_purse(earning.order_reduced, sale_of(mei, 0, order=9), key="order:9:refund")
    with reading():
        assert earning.orders_on_the_way(mei) == 1
