"""A level that is bought: had at once, announced before its end, lengthened, and given back by the day."""

from datetime import date, datetime, timedelta

import pytest

from mall import worker
from tests.browser.visitor import DESK, PHONE
from tests.stage import NOON, open_shop


@pytest.fixture
def stage(site):
    """A shop, set up a quarter ago, where every day counts from the first."""
    site.at = NOON
    return open_shop(at=NOON - timedelta(days=90), membership_least_days=1)


@pytest.fixture(autouse=True)
def scene(stage):
    """VIP for 30 days is on the shelf, at 30.00."""
    stage.membership()
    stage.settle_down(stage.member("mei"))


def night_before(day):
    """Do the rounds of the night in which a day begins, and return its noon."""
    at = datetime.combine(day, NOON.timetz()) - timedelta(hours=9)
    worker.tell_of_levels(at)
    worker.review_levels(at)
    return at + timedelta(hours=9)


@pytest.mark.parametrize(
    ("size", "script"), [(PHONE, True), (DESK, True), (PHONE, False)], ids=["phone", "desk", "no_script"]
)
def test_from_the_shelf_to_its_end(visit, site, stage, size, script):
    mei = visit(size, script=script)
    site.at = NOON
    mei.sign_in("mei")
    buy(mei, "$30.00")
    mei.open("/member")
    mei.sees("VIP since 2 March 2026", "Paid up to and with 31 March 2026. By growth you are Registered.")

    def comes_by(morning):
        site.at = morning
        mei.sign_in("mei")

    comes_by(night_before(date(2026, 3, 17)))
    mei.open("/notices")
    mei.sees("Your membership as VIP ends on 31 March 2026")
    mei.follow("Your membership as VIP ends on 31 March 2026")
    mei.follow("Lengthen it")
    mei.sees("Have a level at once", "VIP for 30 days, after 31 March 2026")
    buy(mei, "$28.50", first="You are VIP up to and with 31 March 2026: it goes on after that day.")
    mei.sees("VIP from 1 April 2026 to 30 April 2026, paid")

    comes_by(night_before(date(2026, 4, 10)))
    mei.open("/orders/10001")
    mei.sees("It was over with 31 March 2026.")
    mei.open("/orders/10002")
    mei.sees("20 whole days are left. It ends by itself.")
    mei.follow("Give it back Membership")
    mei.sees("20 of 30", "$19.00", "Your level VIP by this membership ends at once; today counts as used.")
    mei.press("Give it back")
    mei.sees("The membership is given back.", "Given back: 20 of 30 days are refunded.", "$19.00")
    mei.open("/member")
    mei.sees("Registered since 2 March 2026")
    mei.open("/notices")
    mei.sees("Your time as VIP is over")


def buy(mei, cash, *, first="VIP for 30 days, from the moment it is paid"):
    """Buy the membership in cash, and come back to its order."""
    mei.open("/items/membership")
    mei.sees(first, "Earns no points")
    mei.choose("Cash only")
    mei.put_in_basket()
    mei.follow("Go to checkout")
    mei.press(f"Pay {cash}")
    mei.press(f"Pay {cash}")
    mei.sees("Paid, thank you")
