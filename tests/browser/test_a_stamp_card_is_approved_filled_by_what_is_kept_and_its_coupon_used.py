"""A stamp card from its draft to its coupon: one drafts it, another lets it run, a member fills it and uses it."""

from datetime import timedelta

import pytest

from mall.base.db import reading
from mall.domain import catalogue, checkout
from tests.browser.visitor import DESK
from tests.stage import NOON
from tests.web.office.conftest import hire

DAY = timedelta(days=1)
OPENS = NOON + 2 * DAY  # Nobody approves in the first day of their access.
LASTS = OPENS + 60 * DAY
CARD = "Three mugs, then ten off"


@pytest.fixture(autouse=True)
def scene(stage):
    """Mugs stand on the shelf, and a coupon may be promised; Ola and Otto run the office, Mei is a member."""
    for name in ("ola", "otto"):
        hire(name, "operator")
    stage.coupon_kind()
    stage.item("Stoneware mug", prices=(catalogue.cash_price(1_590),))
    stage.settle_down(stage.member("mei"))


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_from_the_draft_to_the_coupon(visit, site, stage, script):
    ola, otto, mei = visit(DESK, script=script), visit(DESK, script=script), visit(script=script)
    site.at = OPENS
    draft(ola)
    approve(otto)
    mei.sign_in("mei")
    first = buy(mei, has=0, cash="$20.80")
    site.at = keep(stage, first, at=site.at)
    mei.sign_in("mei")
    second = buy(mei, has=1, pieces=2, cash="$36.70")
    site.at = keep(stage, second, at=site.at)
    mei.sign_in("mei")
    have_the_coupon(mei)
    use_it(mei)
    otto.sign_in_staff("otto")
    otto.open("/office/stamp-cards")
    otto.follow(CARD)
    otto.sees("Stamps given", "3", "Full cards", "1")


def draft(ola):
    ola.sign_in_staff("ola")
    ola.open("/office/stamp-cards")
    ola.sees("No stamp card yet")
    ola.open("/office/stamp-cards/new")
    ola.fill_in({"Name in English": CARD, "Stamps on a full card": "1"})
    ola.page.get_by_label("Begins", exact=True).fill(f"{OPENS:%Y-%m-%dT%H:%M}")
    ola.page.get_by_label("Ends", exact=True).fill(f"{LASTS:%Y-%m-%dT%H:%M}")
    ola.page.get_by_label("Coupon that a full card gives").select_option(label="Ten off")
    ola.page.get_by_label("What it is to bring").fill("Mugs for the spring")
    ola.press("Draft the stamp card")
    ola.sees("Use a whole number from 2 to 50.")
    ola.fill_in({"Stamps on a full card": "3"})
    ola.press("Draft the stamp card")
    ola.sees("The stamp card is drafted.", "Nobody approves their own", "Mugs for the spring")


def approve(otto):
    otto.sign_in_staff("otto")
    otto.open("/office/stamp-cards")
    otto.follow(CARD)
    otto.sees("Needs a second person", "Mugs for the spring")
    otto.press("Approve the stamp card")
    otto.sees("Approved.", "Running")


def buy(mei, *, has, pieces=1, cash):
    """Let Mei buy mugs at the shelf, told on the way what they bring. Returns the order's number."""
    mei.open("/items/stoneware-mug")
    mei.sees(CARD, "Each piece that is paid in cash fills one of 3 fields.", f"You have {has}.")
    mei.page.get_by_role("textbox", name="Quantity").fill(str(pieces))
    mei.put_in_basket()
    comes = f"{pieces} stamp{'s' if pieces > 1 else ''} when it is kept."
    mei.sees(comes, f"You have {has} of 3.")
    mei.follow("Go to checkout")
    mei.sees(comes, f"You have {has} of 3.")
    if has + pieces == 3:
        mei.sees("The card is full then, and gives “Ten off”.")
    mei.press(f"Pay {cash}")
    mei.press(f"Pay {cash}")
    mei.sees("Stamp cards", CARD, comes)
    return mei.page.url.rpartition("/")[2]


def keep(stage, number, *, at):
    """Let an order arrive and its return window end. Returns the instant."""
    with reading():
        order = checkout.order_of(checkout.id_of(number))
    stage.deliver(stage.ship(order, at=at), at=at)
    kept_at = at + 15 * DAY
    assert stage.close(order, at=kept_at)
    return kept_at


def have_the_coupon(mei):
    mei.open("/orders/10002")
    mei.sees("It brought 2 stamps.")
    mei.open("/notices")
    mei.follow(f"Your card “{CARD}” is full: “Ten off” is yours")
    mei.open("/member/stamps")
    mei.sees("Full cards", "Ten off · Coupon ready to use", "0 of 3", "3 stamps to go")


def use_it(mei):
    mei.open("/items/stoneware-mug")
    mei.sees("You have 0.")
    mei.put_in_basket()
    mei.follow("Go to checkout")
    mei.sees("Ten off", "−$10.00")
    mei.press("Pay $10.80")
    mei.press("Pay $10.80")
    mei.open("/member/stamps")
    mei.sees("Ten off · Coupon used")
