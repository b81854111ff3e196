"""Tasks under attack: a day is the shop's day, and a double tap is one tap (SECURITY 62)."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from mall.base.clock import moved_to
from mall.base.db import execute, reading
from mall.domain import earning, ledger
from tests.cast import sign_in
from tests.stage import NOON, PASSWORD, Stage, open_shop


@pytest.fixture
def stage(app: Flask) -> Stage:
    return open_shop(zone="America/Los_Angeles")


@pytest.fixture
def browser(app, stage):
    mei = stage.member("mei")
    mine = app.test_client()
    with moved_to(NOON):
        sign_in(mine, mei, password=PASSWORD)
    return mine


def check_ins():
    with reading():
        return execute(select(func.count()).select_from(earning.CheckIn)).scalar_one()


# Every way a browser may speak of another time or zone, none of which anything reads.
ELSEWHERE = [
    {"headers": {"Date": "Tue, 03 Mar 2026 12:00:00 GMT", "X-Timezone": "Pacific/Kiritimati"}},
    {"data": {"day": "2026-03-03", "at": "2026-03-03T12:00:00Z", "zone": "Pacific/Kiritimati", "streak": "30"}},
    {"query_string": {"day": "2026-03-03", "tz": "Pacific/Kiritimati"}},
    {"headers": {"Cookie": "tz=Pacific/Kiritimati; day=2026-03-03"}},
]


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_sec_62_another_time_zone_makes_no_other_day(browser, elsewhere):
    with moved_to(NOON):
        browser.post("/member/check-in")
        browser.post("/member/check-in", **elsewhere)
    assert check_ins() == 1


def test_sec_62_the_day_changes_at_midnight_of_the_shop_only(browser):
    # 2 March, 4 in the morning in Los Angeles; every hour of the next day is tried.
    for hour in range(24):
        with moved_to(NOON + timedelta(hours=hour)):
            browser.post("/member/check-in")
    assert check_ins() == 2


def test_sec_62_a_double_tap_is_one_check_in_with_the_points_of_one(browser, stage):
    with moved_to(NOON):
        for _tap in range(5):
            assert browser.post("/member/check-in").status_code == 303
    with reading():
        assert ledger.balances(stage.members["mei"], at=NOON).ready == 10


@pytest.mark.parametrize("profile", [{"birthday": "1990-05-17"}, {"wants_news": "y"}])
def test_telling_and_taking_back_again_and_again_is_paid_once(browser, stage, profile):
    told = {"display_name": "Mei", "birthday": "", "phone": "", "language": "en"}
    with moved_to(NOON):
        for _time in range(3):
            browser.post("/account/profile", data=told | profile)
            browser.post("/account/profile", data=told)
        assert ledger_of(stage) == 20


def ledger_of(stage):
    with reading():
        return ledger.balances(stage.members["mei"], at=NOON).ready
