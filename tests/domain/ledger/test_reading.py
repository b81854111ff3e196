"""What a member sees: balances, history with the balance after each move, what expires when, why each number is."""

from datetime import date, timedelta

from flask import Flask

from mall.base.db import reading
from mall.domain import ledger
from tests.conftest import NOON

from .steps import (
    adjust_up,
    capture,
    earn,
    end,
    expire_due,
    give,
    give_back,
    hold,
    instant,
    owing,
    redeem,
    release,
    take_back,
    unlock,
)

SOON = date(2026, 3, 31)
AFTER = instant("2026-04-01 09:00")


def balances(member: int, at=NOON) -> ledger.Balances:
    with reading():
        return ledger.balances(member, at=at)


def history(member: int, **options) -> list[ledger.Entry]:
    with reading():
        return ledger.history(member, **options)


def test_the_four_balances_are_apart(mei):
    give(mei, 100)
    hold(mei, 30)
    earn(mei, 20, "order:2")

    assert balances(mei) == ledger.Balances(ready=70, pending=20, held=30, owed=0)


def test_what_is_owed_is_said_as_a_positive_number(mei):
    owing(mei, 50)

    assert balances(mei) == ledger.Balances(ready=0, pending=0, held=0, owed=50)


def test_balances_of_a_new_member_are_nothing(mei):
    assert balances(mei) == ledger.Balances(ready=0, pending=0, held=0, owed=0)


def test_points_are_whole_numbers_on_every_database(mei):
    give(mei, 100)
    hold(mei, 10)
    there = balances(mei)
    with reading():
        numbers = [
            there.ready,
            there.pending,
            there.held,
            there.owed,
            ledger.spendable(mei, at=NOON),
            *(points for _day, points in ledger.expiring(mei, at=NOON)),
            *(points for _reference, points in ledger.set_aside(mei)),
            *(number for entry in ledger.history(mei) for number in (entry.points, entry.balance)),
            *(part.points for part in ledger.spent_by("order:7")),
        ]

    assert {type(number) for number in numbers} == {int}


def test_history_is_one_entry_a_move_latest_first_with_the_balance_after_it(mei):
    lot = earn(mei, 100, "order:1")
    unlock(mei, lot)
    give(mei, 50, "order:2", last=date(2027, 4, 30))
    hold(mei, 120, "order:7")
    capture(mei, "order:7")
    give_back(mei, 20, "order:7")

    assert [
        (entry.kind, entry.reference, entry.points, entry.pending_points, entry.balance) for entry in history(mei)
    ] == [
        ("give_back", "order:7", 20, 0, 50),
        ("redeem", "order:7", 0, 0, 30),
        ("hold", "order:7", -120, 0, 30),
        ("unlock", "order:2", 50, -50, 150),
        ("earn", "order:2", 0, 50, 100),
        ("unlock", "order:1", 100, -100, 100),
        ("earn", "order:1", 0, 100, 0),
    ]


def test_a_move_that_repaid_shows_what_reached_the_wallet(mei):
    owing(mei, 30)
    adjust_up(mei, 50)

    entry = history(mei)[0]
    assert (entry.kind, entry.points, entry.balance, str(entry.reason)) == ("adjust", 20, 20, "Goodwill")


def test_history_comes_in_pages_that_neither_miss_nor_repeat(mei):
    for number in range(7):
        give(mei, 10, f"order:{number}")
    whole = history(mei, limit=100)

    pages, before = [], None
    while page := history(mei, limit=3, before=before):
        pages += page
        before = page[-1].last_id

    assert pages == whole
    assert [entry.balance for entry in whole if entry.kind == "unlock"] == [70, 60, 50, 40, 30, 20, 10]


def test_history_of_some_kinds_keeps_the_balances(mei):
    give(mei, 100, "order:1")
    redeem(mei, 30, "order:2")
    give(mei, 50, "order:3")

    assert [(entry.kind, entry.balance) for entry in history(mei, kinds=["unlock"])] == [
        ("unlock", 120),
        ("unlock", 100),
    ]


def test_history_is_the_members_own(mei, tom):
    give(mei, 100, "order:1")
    give(tom, 30, "order:2")

    assert {entry.reference for entry in history(tom)} == {"order:2"}
    with reading():
        assert ledger.move_of(tom, "order:1:order:earn") == []


def test_an_expiry_stands_in_history_from_its_last_instant(mei):
    give(mei, 100, last=SOON)
    expire_due(at=AFTER)

    entry = history(mei)[0]
    assert (entry.kind, entry.points, entry.balance, entry.happened_at) == ("expire", -100, 0, end(SOON))


def test_each_move_opens_to_its_lots_and_why_they_are(mei):
    soon, late = give(mei, 100, "order:1", last=date(2027, 3, 31)), give(mei, 100, "order:2", last=date(2027, 4, 30))
    redeem(mei, 150, "order:7")

    with reading():
        lines = ledger.move_of(mei, "order:7:end")

    assert [(line.line, line.lot_id, line.points, line.lot_reference, line.expires_on) for line in lines] == [
        (1, soon, 100, "order:1", date(2027, 3, 31)),
        (2, late, 50, "order:2", date(2027, 4, 30)),
    ]
    assert [(str(line.why), line.rule, line.origin, line.version, line.lot_points) for line in lines] == [
        ("100 points for a purchase", "order", "purchase", 1, 100)
    ] * 2


def test_what_expires_when_soonest_first_and_nothing_that_is_past_held_or_on_the_way(mei):
    give(mei, 10, "order:1", last=SOON)
    give(mei, 20, "order:2", last=date(2026, 6, 30))
    give(mei, 30, "order:3", last=date(2026, 6, 30))
    give(mei, 40, "order:4", last=date(2026, 5, 31))
    earn(mei, 50, "order:5", last=date(2026, 6, 30))

    with reading():
        assert ledger.expiring(mei, at=end(SOON)) == [
            (SOON, 10),
            (date(2026, 5, 31), 40),
            (date(2026, 6, 30), 50),
        ]
        assert ledger.expiring(mei, at=end(SOON) + timedelta(microseconds=1)) == [
            (date(2026, 5, 31), 40),
            (date(2026, 6, 30), 50),
        ]


def test_what_is_on_the_way_lot_by_lot(mei):
    first, second = earn(mei, 10, "order:1"), earn(mei, 20, "order:2")
    take_back(mei, {second: 15}, "order:2")
    unlock(mei, earn(mei, 30, "order:3"))

    with reading():
        waiting = ledger.waiting(mei)
        of_order = [ledger.on_the_way(mei, reference=f"order:{number}") for number in (1, 2, 3, 4)]

    assert of_order == [10, 15, 0, 0]
    assert [(due.lot_id, due.points, due.reference, str(due.why)) for due in waiting] == [
        (first, 10, "order:1", "10 points for a purchase"),
        (second, 15, "order:2", "20 points for a purchase"),
    ]


def test_what_is_set_aside_for_which_order(mei):
    give(mei, 100, "order:1", last=date(2027, 3, 31))
    give(mei, 100, "order:2", last=date(2027, 4, 30))
    for number, points in ((7, 110), (8, 20), (9, 30)):
        hold(mei, points, f"order:{number}")
    release(mei, "order:8")
    capture(mei, "order:9")

    with reading():
        assert ledger.set_aside(mei) == [("order:7", 110)]


def test_each_of_them_is_read_by_one_statement(app: Flask, count_statements):
    with reading():
        count_statements.clear()
        ledger.history(1)
        ledger.expiring(1, at=NOON)
        ledger.waiting(1)
        ledger.set_aside(1)
        ledger.spendable(1, at=NOON)

    assert len(count_statements) == 5
