"""A member who stays away is told before growth is taken off and before the review, and loses one level on its day."""

from datetime import UTC, datetime, timedelta

import pytest

from mall import worker
from tests.browser.visitor import DESK, PHONE
from tests.stage import NOON
from tests.web.store.test_member import grow


def night_of(year, month, day):
    """Do the rounds of a night that are about growth and levels, and return its morning."""
    at = datetime(year, month, day, 3, tzinfo=UTC)
    worker.take_off_dormant(at)
    worker.review_levels(at)
    return at + timedelta(hours=6)


@pytest.mark.parametrize(
    ("size", "script"), [(PHONE, True), (DESK, True), (PHONE, False)], ids=["phone", "desk", "no_script"]
)
def test_who_stays_away_loses_a_level_and_was_told_each_time(visit, site, stage, size, script):
    # Paid on 10 February 2026, kept from 24 February on.
    begin = NOON - timedelta(days=20)
    grow(stage, stage.member("mei", at=begin), 160_000, at=begin)
    mei = visit(size, script=script)

    def comes_by(morning):
        site.at = morning
        mei.sign_in("mei")

    comes_by(NOON)
    mei.open("/member")
    mei.sees("Senior since 24 February 2026", "1,500 growth by 24 February 2027 to stay Senior")

    comes_by(night_of(2026, 4, 27))
    mei.open("/notices")
    mei.sees("160 growth is taken off on 11 May 2026 unless you come by")
    mei.open("/member")
    mei.sees("160 growth is taken off on 11 May 2026", "Check in or place an order before 11 May 2026")

    comes_by(night_of(2026, 5, 11))
    mei.open("/member")
    mei.sees("1,440 of 5,000 growth in the last 365 days", "Senior since 24 February 2026")
    mei.follow("Nothing done for 90 days: 10 % of 1,600 growth, announced on 27 April 2026")
    mei.sees("−160 growth", "The rule behind it", "Announced on", "At most, as announced")
    mei.open("/member")
    mei.press("Check in: +10 points")

    comes_by(night_of(2027, 1, 25))
    mei.open("/notices")
    mei.sees("1,660 growth by 24 February 2027 to stay Senior")
    mei.open("/member")
    mei.sees("Senior since 24 February 2026", "1,660 growth by 24 February 2027 to stay Senior")

    comes_by(night_of(2027, 2, 24))
    mei.open("/notices")
    mei.sees("You are Ordinary now")
    mei.open("/member/growth")
    mei.sees("Ordinary", "lowered", "Senior", "reached, 1,600 growth")
