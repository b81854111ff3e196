"""My points: four figures kept apart, what expires when, and a history in which every line opens to why."""

import csv
import io
from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import transaction
from mall.base.text import say
from mall.domain import catalogue, ledger, programme
from tests.cast import note_adjustment
from tests.stage import NOON, open_shop
from tests.web.store.till import Till, words


@pytest.fixture
def earned(till, stage, mug):
    """An order paid with $15.90 of cash for goods: 159 points on the way."""
    till.put_in(mug, "cash")
    till.place()
    (order,) = till.orders()
    stage.pay(order)
    return order


def wallet(till, **choices):
    return till.browser.get("/wallet", query_string=choices).text


def test_ready_on_the_way_and_held_are_three_figures(till, stage, mei, mug, earned):
    stage.give(mei, 1_000)
    till.put_in(mug, "mix", points=900)
    till.place()

    page = words(wallet(till))

    assert "Ready to use 100 pts On the way 159 pts Held for an order 900 pts" in page
    assert "Expire on 31 March 2027 100 pts" in page


def test_points_on_the_way_say_when_they_are_ready_in_days_then_by_date(till, stage, earned):
    assert "159 pts 14 days after delivery Order 10001" in words(wallet(till))

    stage.ship(earned)
    stage.deliver(earned)
    assert "159 pts 16 March 2026 Order 10001" in words(wallet(till))

    stage.close(earned, at=NOON + timedelta(days=14))
    assert "Ready to use 159 pts On the way 0 pts" in words(wallet(till))


def test_the_days_are_those_agreed_when_it_was_placed_whatever_the_programme_says_since(till, stage, earned):
    settings = programme.default_settings(shop_name="Tessera") | {"return_window_days": 30}
    with transaction():
        number = programme.draft(settings, based_on=1, effective_from=NOON, by="staff:1", at=NOON, reason="")
        programme.approve(number, by="staff:2", at=NOON, other_approvers=1)

    order_page = words(till.browser.get("/orders/10001").text)
    assert "159 pts 14 days after delivery Order 10001" in words(wallet(till))
    assert "14 days after delivery: 159 pts" in order_page and "30 days" not in order_page


def test_without_a_return_window_points_are_ready_at_delivery(app, enter):
    stage = open_shop(return_window_days=0)
    mei = stage.member("mei")
    stage.settle_down(mei)
    till = Till(enter(mei), stage, mei)
    till.put_in(stage.item("Mug", prices=(catalogue.cash_price(1_590),)), "cash")
    till.place()
    (order,) = till.orders()
    stage.pay(order)

    assert "159 pts at delivery Order 10001" in words(wallet(till))
    assert "At delivery: 159 pts" in words(till.browser.get("/orders/10001").text)


def test_what_expires_soon_is_said_with_the_days_left(till, stage, mei):
    stage.give(mei, 320, at=NOON.replace(year=2025, month=3))

    page = words(wallet(till))

    assert "320 pts expire on 31 March 2026, in 29 days" in page


def test_what_is_past_its_last_day_is_not_ready_even_before_any_job_has_run(till, stage, mei):
    stage.give(mei, 320, at=NOON.replace(year=2025, month=3))

    with moved_to(NOON + timedelta(days=29, hours=13)):
        page = words(wallet(till))

    assert "Ready to use 0 pts" in page


def test_what_is_owed_is_said_with_the_reason(till, stage, mei, gift, earned):
    stage.ship(earned)
    stage.deliver(earned)
    stage.close(earned, at=NOON + timedelta(days=14))
    stage.give(mei, 700)
    till.put_in(gift)
    till.place()
    stage.refund(earned)

    page = words(wallet(till))

    assert "Owed 100 pts" in page
    assert "You owe 100 pts" in page


def test_every_line_opens_to_why_it_is_so(till, earned):
    page = wallet(till)
    assert "Earned, on the way" in page
    link = page.split('href="/wallet/moves/', 1)[1].split('"', 1)[0]

    why = words(till.browser.get(f"/wallet/moves/{link}").text)

    assert "Order 10001: $15.90 kept × 10 points per $1.00 × 100 % for the level = 159 points" in why
    assert "31 March 2027" in why
    assert "Points on orders, programme version 1" in why
    assert "newly given on the way" in why


def test_anothers_line_is_not_there(till, stage, tom, enter, earned):
    link = wallet(till).split('href="/wallet/moves/', 1)[1].split('"', 1)[0]

    assert Till(enter(tom), stage, tom).browser.get(f"/wallet/moves/{link}").status_code == 404
    assert till.browser.get("/wallet/moves/no/such/move").status_code == 404


def test_the_tabs_show_a_part_of_the_history(till, stage, mei, gift):
    stage.give(mei, 800)
    till.put_in(gift)
    till.place()

    spent = words(wallet(till, show="spent"))
    assert "Redeemed Order 10001 −800 0" in spent
    assert "A gift" not in spent
    assert "Nothing here yet" in wallet(till, show="expired")
    assert "A gift" in wallet(till, show="nonsense")


def test_the_history_is_paged_by_a_cursor_with_the_balance_after_each_line(till, stage, mei):
    for _number in range(25):
        stage.give(mei, 10)

    first = wallet(till)
    assert first.count("A gift") == 20
    assert ">250<" in first
    older = first.split("before=", 1)[1].split('"', 1)[0].split("#")[0]

    second = wallet(till, before=older)
    assert second.count("A gift") == 5
    assert ">50<" in second
    assert "Newest entries" in second


@pytest.mark.parametrize("before", ["abc", "-1", "9" * 30, ""])
def test_any_cursor_can_be_asked_for(till, before):
    assert till.browser.get(f"/wallet?before={before}").status_code == 200


def test_the_history_can_be_downloaded_and_no_cell_is_a_formula(till, stage, mei):
    with transaction():
        ledger.adjust_up(
            ledger.lock(mei, zone=stage.terms.zone), 70, key="gift:evil", reference="gift",
            expiry=stage.terms.expiry_of(stage.terms.today(NOON)), version=1, worth=stage.terms.worth,
            why=say("=HYPERLINK(\"http://evil.example\")"), by="staff:1", at=NOON,
        )  # fmt: skip
        note_adjustment(mei, 70, at=NOON)

    answer = till.browser.get("/wallet/history.csv")

    assert answer.mimetype == "text/csv"
    assert answer.headers["Cache-Control"] == "no-store"
    heading, row = list(csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
    assert heading == ["Date", "What happened", "Order", "Points", "On the way", "Balance"]
    assert row[1] == '\'=HYPERLINK("http://evil.example")'
    assert row[3:] == ["70", "0", "70"]


def test_the_history_is_downloaded_by_the_shops_clock(app, enter):
    stage = open_shop(zone="Asia/Shanghai")
    mei = stage.member("mei")
    stage.give(mei, 70)

    table = csv.reader(io.StringIO(enter(mei).get("/wallet/history.csv").text.lstrip("\ufeff")))
    _heading, row = list(table)
    assert row[0] == "2026-03-02T20:00:00+08:00"


def test_a_new_member_sees_an_empty_purse(till):
    page = words(wallet(till))

    assert "Ready to use 0 pts" in page
    assert "No points are ready, so none expire." in page


def give(stage, member_id, points, *, days):
    with transaction():
        day = stage.terms.today(NOON) + timedelta(days=days)
        ledger.adjust_up(
            ledger.lock(member_id, zone=stage.terms.zone), points, key=f"gift:{days}", reference="gift",
            expiry=ledger.last_day(day, stage.terms.zone), version=stage.terms.version, worth=stage.terms.worth,
            why=say("A gift"), by="staff:1", at=NOON,
        )  # fmt: skip
        note_adjustment(member_id, points, at=NOON)


def test_months_that_would_say_the_days_again_are_not_shown(till, stage, mei):
    for days, points in ((30, 200), (70, 5_000)):
        give(stage, mei, points, days=days)
    assert "By month" not in words(wallet(till))


def test_the_planner_says_what_goes_soon_by_month_and_what_that_could_get(till, stage, mei):
    stage.item("Dear lamp", prices=(catalogue.points_price(5_000),))
    stage.item("Tea", prices=(catalogue.points_price(400),))
    stage.item("Bowl", prices=(catalogue.points_price(550),))
    stage.item("Sold-out tin", prices=(catalogue.points_price(600),), stock=0)
    stage.item("Gated vase", prices=(catalogue.points_price(600),), buy_rank=4)
    for days, points in ((3, 200), (20, 400), (70, 5_000), (72, 50)):
        give(stage, mei, points, days=days)

    page = words(wallet(till))
    planner = page[page.index("When points expire") :]

    assert "600 points in the next 30 days" in planner
    assert "By month March 2026 600 pts 600 points May 2026 5,050 pts" in planner
    goods = planner[planner.index("What they could get you now") :]
    assert "For the 600 points of the next 30 days." in goods
    assert goods.index("Bowl") < goods.index("Tea")
    assert not any(name in goods for name in ("Dear lamp", "Sold-out tin", "Gated vase"))


def test_where_nothing_goes_soon_the_planner_looks_at_what_goes_first(till, stage, mei):
    stage.item("Tea", prices=(catalogue.points_price(400),))
    give(stage, mei, 450, days=60)
    page = words(wallet(till))

    assert "None in the next 30 days." in page
    assert "For the 450 points that expire on 1 May 2026, the first to go." in page


def test_the_wallet_takes_as_many_statements_however_much_expires(till, stage, mei, count_statements):
    stage.item("Tea", prices=(catalogue.points_price(400),))
    give(stage, mei, 450, days=20)
    wallet(till)
    count_statements.clear()
    wallet(till)
    one = len(count_statements)
    for days in range(30, 90, 7):
        give(stage, mei, 100, days=days)
    count_statements.clear()
    wallet(till)

    assert len(count_statements) <= one <= 8, "\n".join(count_statements)
