"""A member checks in on seven days in a row: the points, the bonuses, the first growth; a missed day begins anew."""

from datetime import timedelta

import pytest

from tests.browser.visitor import DESK, PHONE
from tests.stage import NOON

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("size", "script"), [(PHONE, True), (DESK, True), (PHONE, False)], ids=["phone", "desk", "no_script"]
)
def test_seven_days_in_a_row(visit, site, stage, size, script):
    stage.member("mei")
    mei = visit(size, script=script)
    site.at = NOON
    mei.sign_in("mei")
    for day in range(7):
        site.at = NOON + day * DAY
        mei.open("/member")
        mei.press(f"Check in: +{[10, 10, 20, 10, 10, 10, 50][day]} points")
    mei.sees("Checked in: 7 days in a row. +50 points · +5 growth", "7 days in a row", "Ordinary")
    mei.sees("You have checked in today.")

    mei.open("/wallet")
    mei.sees("7 days in a row, up to 8 March 2026", "Checked in on 2 March 2026", "120")

    site.at = NOON + 8 * DAY  # The ninth day: one was missed.
    mei.open("/member")
    mei.press("Check in: +10 points")
    mei.sees("Checked in: 1 day in a row. +10 points")
