"""Code goods revealed: an operator uploads a CSV, a member redeems and sees the code, another member finds nothing."""

import os
from pathlib import Path

import pytest

from mall.base.clock import moved_to
from tests import cast
from tests.browser.visitor import DESK
from tests.stage import NOON

FILE = b"code\nCINE-AAAA-0001\nCINE-AAAA-0002\nCINE-AAAA-0002\nx\n=SUM(A1)\nCINE-AAAA-0003\n"
FIRST = "CINE-AAAA-0001"


@pytest.fixture(autouse=True)
def scene(stage):
    """A cinema ticket for 800 points, with an empty pool; Mei has points, Tom is there; Ola runs the office."""
    stage.item("Cinema ticket", kind="code", stock=0)
    stage.give(stage.member("mei"), 2_000)
    stage.member("tom")
    cast.hire("ola", at=NOON)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_from_the_file_to_the_owner(visit, site, script):
    with moved_to(site.at):
        upload(visit(DESK, script=script))
        mei = visit(script=script)
        mei.sign_in("mei")
        redeem_and_reveal(mei, script=script)
        find_nothing(visit(script=script))
        look_and_withdraw(visit(DESK, script=script))


def upload(ola):
    ola.sign_in_staff("ola")
    ola.open("/office/catalogue/1")
    ola.follow("Gift codes")
    ola.sees("No codes yet: upload some, and the item can be had.")
    ola.press("Look it through")
    ola.sees("There is no code in it. Put one code in each row.")
    file = {"name": "codes.csv", "mimeType": "text/csv", "buffer": FILE}
    ola.page.get_by_label("CSV file, one code in each row (optional)").set_input_files(file)
    ola.press("Look it through")
    ola.sees("New codes", "Row 5:", "Row 6:", "Nothing is added yet.")
    shot(ola, "dry-run")
    ola.press("Add 3 codes")
    ola.sees("3 codes are in the pool.")
    ola.sees_not(FIRST)
    shot(ola, "pool")


def redeem_and_reveal(mei, *, script):
    mei.open("/items/cinema-ticket")
    mei.sees("You get a code, to be shown on the page of your order as soon as it is paid.")
    mei.put_in_basket()
    mei.follow("Go to checkout")
    mei.press("Redeem 800 pts")
    mei.sees("Complete", "Not shown yet. Once it is, it cannot be given back.")
    mei.sees_not(FIRST)
    shot(mei, "not-shown")
    mei.press("Show code Cinema ticket 1")
    mei.sees(FIRST, "First shown")
    copy = mei.page.get_by_role("button", name="Copy", exact=True)
    if script:
        mei.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        copy.click()
        mei.sees("Copied")
        assert mei.page.evaluate("navigator.clipboard.readText()") == FIRST
    else:
        assert not copy.is_visible()
    shot(mei, "shown")
    mei.open("/orders/10001")
    mei.sees_not(FIRST)
    mei.press("Show code Cinema ticket 1")
    mei.sees(FIRST)


def find_nothing(tom):
    tom.sign_in("tom")
    assert tom.open("/orders/10001") == 404
    tom.open("/orders")
    token = tom.page.locator("input[name=csrf_token]").first.get_attribute("value")
    answer = tom.page.request.post("/orders/10001/codes/1", form={"csrf_token": token or ""})
    assert answer.status == 404
    assert FIRST not in answer.text()


def look_and_withdraw(ola):
    ola.sign_in_staff("ola")
    ola.open("/office/orders/10001")
    ola.sees("Codes", "Issued")
    ola.sees_not(FIRST)
    shot(ola, "order")
    ola.open("/office/catalogue/1/codes")
    ola.page.get_by_label("The faulty codes, one a line (optional)").fill(f"{FIRST}\nCINE-AAAA-0002")
    ola.press("Withdraw")
    ola.sees("Say why the codes are withdrawn.")
    ola.fill_in({"Reason": "The cinema cannot read it"})
    ola.press("Withdraw")
    ola.sees("1 code has left the pool.", "Issued already: 1. Refund these orders instead: 10001")
    shot(ola, "withdrawn")


def shot(someone, name):
    """Keep a picture of the page where SHOTS names a folder."""
    if folder := os.environ.get("SHOTS"):
        width = someone.page.viewport_size["width"]
        someone.page.screenshot(path=Path(folder) / f"codes-{name}-{width}.png", full_page=True)
