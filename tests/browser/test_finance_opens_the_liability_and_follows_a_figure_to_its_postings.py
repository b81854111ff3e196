"""Finance opens the liability, follows a figure to its postings, runs the proofs, and takes the table along."""

from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.domain import catalogue
from tests import cast
from tests.browser.visitor import DESK
from tests.stage import NOON

JANUARY, KEPT, TODAY = NOON - timedelta(days=40), NOON - timedelta(days=25), NOON - timedelta(hours=1)


@pytest.fixture(autouse=True)
def scene(stage):
    """Mei bought for 100.00 in January and kept it, and redeemed a card of 800 points today; Finn is of finance."""
    with moved_to(JANUARY):
        mei = stage.member("mei", at=JANUARY)
        vase = stage.item("Vase", prices=(catalogue.cash_price(10_000),), at=JANUARY)
        card = stage.item("Pressed-flower card", at=JANUARY)
        stage.put_in(mei, vase, "cash", at=JANUARY)
        bought = stage.pay(stage.place(mei, at=JANUARY), at=JANUARY)
        stage.deliver(stage.ship(bought, at=JANUARY), at=JANUARY)
        cast.hire("finn", at=JANUARY)
    with moved_to(KEPT):
        stage.close(bought, at=KEPT)
    with moved_to(TODAY):
        stage.put_in(mei, card, at=TODAY)
        stage.place(mei, at=TODAY)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_a_figure_opens_to_its_postings(visit, script):
    finn = visit(DESK, script=script)
    finn.sign_in_staff("finn")
    finn.open("/finance/")
    finn.sees("Points liability", "March 2026", "Not proven yet")
    roll_forward = finn.page.get_by_role("table").filter(has_text="Opening")
    for words, points, money in (("Opening", "1,000", "$10.00"), ("Closing", "200", "$2.00")):
        finn.row_says(roll_forward, words, points, money)
    finn.row_says(roll_forward, "Redeemed", "(800)", "($8.00)")

    finn.follow("(800)", within=roll_forward)

    finn.sees("Entries", "March 2026")
    entries = finn.page.get_by_role("table")
    finn.row_says(entries, "10002", "800 pts, ready to use → redeemed", "(800)", "($8.00)")

    table = finn.download("Export CSV")
    assert table[0][0] == "Entry"
    assert [row for row in table[1:] if "-800" in row]

    finn.page.go_back()
    finn.follow("Open the checks")
    finn.press("Run all checks")
    finn.sees("Every check passed.", "Nothing to mend")
    finn.open("/finance/")
    finn.sees("Proven")
    assert finn.download("Export CSV")[-1] == ["Closing", "1", "200", "2.00"]
