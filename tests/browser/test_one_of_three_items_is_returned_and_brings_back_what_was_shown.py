"""A member returns one of three items; the desk takes it in; what comes back is what was shown."""

import re
from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image

from mall.domain import catalogue
from tests import cast
from tests.browser.visitor import DESK
from tests.stage import NOON

DELIVERED = NOON - timedelta(days=2)
SHOWN = ("Cash back in all", "Points back, to their own lots and dates", "Earned points taken back")


@pytest.fixture
def picture():
    """A picture of a crack, as a member would choose it from their telephone."""
    file = BytesIO()
    Image.new("RGB", (1_200, 900), (120, 110, 90)).save(file, "JPEG")
    return {"name": "crack.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}


@pytest.fixture(autouse=True)
def scene(stage):
    """Mei has had a mug, a lamp and a card, for points and cash, since two days; Ola runs the office."""
    cast.hire("ola", at=NOON)
    mei = stage.member("mei", at=DELIVERED)
    stage.settle_down(mei)
    stage.give(mei, 2_000, at=DELIVERED)
    prices = {
        "Stoneware mug": catalogue.mix_price(1_590, least=600, most=1_500, step=100),
        "Balance desk lamp": catalogue.cash_price(4_999),
        "Pressed-flower card": catalogue.points_price(300),
    }
    for title, price in prices.items():
        item = stage.item(title, prices=(price,), at=DELIVERED)
        stage.put_in(mei, item, price.form, points=800 if price.form == "mix" else 0, at=DELIVERED)
    order = stage.pay(stage.place(mei, at=DELIVERED), at=DELIVERED)
    stage.ship(order, at=DELIVERED)
    stage.deliver(order, at=DELIVERED)


def figures(page):
    """Return the figures of a refund that a page shows, by what they are called."""
    found = {}
    for label in SHOWN:
        row = page.locator("dl > div").filter(has=page.locator("dt", has_text=re.compile(f"^{label}$")))
        found[label] = row.locator("dd").first.inner_text().strip()
    return found


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_a_mug_goes_back_and_the_rest_is_kept(visit, picture, script):
    mei, ola = visit(script=script), visit(DESK, script=script)
    mei.sign_in("mei")
    mei.open("/orders/10001")
    mei.follow("Return or exchange")
    mei.press("Show what I get")
    mei.sees("Choose why it goes back.")
    mei.page.get_by_label("Stoneware mug").fill("1")
    mei.page.get_by_label("Why does it go back?").select_option(label="It is damaged")
    mei.page.get_by_label("What happened?").fill("There is a crack in it.")
    mei.press("Show what I get")
    mei.sees("You get back", "Stoneware mug", "good until")
    shown = figures(mei.page)
    assert shown["Points back, to their own lots and dates"].startswith("800")
    mei.page.get_by_label("Pictures: JPEG, PNG or WebP").set_input_files(picture)
    mei.press("Ask for this return")
    mei.sees("Being looked at", "There is a crack in it.")

    ola.sign_in_staff("ola")
    ola.open("/office/aftersales")
    ola.follow("Return 1 of order 10001")
    ola.sees("There is a crack in it.", "Damaged")
    assert figures(ola.page) == shown
    assert ola.page.get_by_role("img", name="Picture 1").evaluate("each => each.naturalWidth") > 0
    ola.press("Approve: the goods come back")
    ola.page.get_by_label("Stoneware mug").fill("0")
    ola.press(f"Refund {shown['Cash back in all']} and 800 pts")
    ola.sees("The goods are in.", "Refunded")
    ola.open("/office/orders/10001")
    ola.follow("Refund")

    mei.open("/orders/10001/returns/1")
    mei.sees("Refunded", shown["Cash back in all"], shown["Points back, to their own lots and dates"])
    assert mei.page.get_by_role("img", name="Picture 1").evaluate("each => each.naturalWidth") > 0
    mei.open("/orders/10001")
    mei.sees("1 given back", "Return of 1 piece")
    mei.open("/wallet")
    mei.sees("1,700", "+800")
