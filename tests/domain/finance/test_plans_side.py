"""Cash for a membership is owed as days to come, and becomes revenue by the days that are over; refunds settle it."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from mall.base.clock import moved_to
from mall.base.db import execute, transaction
from mall.domain import aftersales, catalogue, checkout
from mall.domain.finance.plans_side import PlanSale
from tests.stage import open_shop

from .conftest import ZONE, Books, instant
from .test_journal import bean_check, hledger, text_of

PAID = instant("2026-01-10 12:00")


@pytest.fixture
def sold(app):
    """A shop in Berlin where Mei has bought VIP for 100 days at 119.00."""
    stage = open_shop(PAID, zone=ZONE, currency="EUR")
    mei = stage.member("mei", at=PAID)
    plan = stage.membership(length=100, prices=(catalogue.cash_price(11_900),), at=PAID)
    stage.put_in(mei, plan, "cash", at=PAID)
    stage.pay(stage.place(mei, at=PAID), at=PAID)
    return stage


def give_back(stage, at, *, reason=aftersales.PLAN_ENDED):
    with moved_to(at), transaction():
        order_id = execute(select(checkout.Order.id)).scalar_one()
        aftersales.refund(
            order_id, reason=reason, restock=False, pieces={1: 1}, by="staff:1", terms=stage.terms, at=at
        )


def totals(stage, last, at, folder):
    books = Books(stage.terms)
    text = text_of(books, "hledger", last=last, at=at)
    hledger(text, "check")
    assert bean_check(text_of(books, "beancount", last=last, at=at), folder) == ""
    shown = hledger(text, "balance", "-N", "--flat")
    return {line.split()[-1]: line.split()[0] for line in shown.splitlines() if "EUR" in line}


def test_it_is_earned_at_the_end_of_each_month_by_the_days_that_are_over(sold, tmp_path):
    then = totals(sold, date(2026, 1, 30), instant("2026-01-31 12:00"), tmp_path)
    assert (then["Liabilities:Memberships"], "Income:Sales:Memberships" in then) == ("-119.00", False)

    then = totals(sold, date(2026, 2, 10), instant("2026-02-11 12:00"), tmp_path)
    # 22 of 100 days.
    assert (then["Liabilities:Memberships"], then["Income:Sales:Memberships"]) == ("-92.82", "-26.18")

    then = totals(sold, date(2026, 4, 30), instant("2026-05-02 12:00"), tmp_path)
    assert ("Liabilities:Memberships" in then, then["Income:Sales:Memberships"]) == (False, "-119.00")


def test_given_back_in_part_the_rest_of_it_is_earned_that_day_and_nothing_is_owed(sold, tmp_path):
    january = text_of(Books(sold.terms), "hledger", last=date(2026, 1, 31), at=instant("2026-02-02 12:00"))
    give_back(sold, instant("2026-02-18 12:00"))  # The fortieth day.

    then = totals(sold, date(2026, 2, 28), instant("2026-03-02 12:00"), tmp_path)
    assert ("Liabilities:Memberships" in then, then["Income:Sales:Memberships"]) == (False, "-47.60")
    assert then["Liabilities:Payments"] == "-71.40"
    assert text_of(Books(sold.terms), "hledger", last=date(2026, 1, 31), at=instant("2026-02-02 12:00")) == january


def test_given_back_whole_nothing_of_it_is_revenue(sold, tmp_path):
    give_back(sold, instant("2026-02-18 12:00"), reason="goodwill")

    then = totals(sold, date(2026, 4, 10), instant("2026-04-12 12:00"), tmp_path)
    assert not {"Liabilities:Memberships", "Income:Sales:Memberships"} & then.keys()
    assert then["Liabilities:Payments"] == "-119.00"


def test_given_back_whole_after_its_end_its_revenue_is_taken_back(sold, tmp_path):
    give_back(sold, instant("2026-05-05 12:00"), reason="goodwill")

    then = totals(sold, date(2026, 5, 10), instant("2026-05-12 12:00"), tmp_path)
    assert not {"Liabilities:Memberships", "Income:Sales:Memberships"} & then.keys()


def test_a_journal_that_begins_later_brings_over_what_is_still_owed(sold, tmp_path):
    books, at = Books(sold.terms), instant("2026-03-12 12:00")
    text = text_of(books, "hledger", first=date(2026, 2, 1), last=date(2026, 3, 10), at=at)

    hledger(text, "check")
    assert (
        bean_check(text_of(books, "beancount", first=date(2026, 2, 1), last=date(2026, 3, 10), at=at), tmp_path) == ""
    )


@given(cents=st.integers(1, 10**7), days=st.integers(1, 366), start=st.integers(0, 400), until=st.integers(0, 900))
def test_what_is_booked_is_what_is_earned_and_all_of_it_in_the_end(cents, days, start, until):
    first = date(2026, 1, 1) + timedelta(days=start)
    sale = PlanSale(1, cents, first, first + timedelta(days=days - 1))
    day = date(2026, 1, 1) + timedelta(days=until)

    booked = list(sale.bookings(day))
    assert sum(each for _day, each in booked) == sale.earned_by(day)
    assert all(each > 0 and when <= day for when, each in booked)
    assert sale.earned_by(sale.last) == cents
