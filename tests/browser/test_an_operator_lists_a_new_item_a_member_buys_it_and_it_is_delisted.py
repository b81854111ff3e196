"""An operator makes an item with picture, price and stock and lists it; a member finds and buys it; it is delisted."""

from io import BytesIO

import pytest
from PIL import Image

from tests import cast
from tests.browser.visitor import DESK
from tests.stage import NOON


@pytest.fixture
def picture():
    """A picture of a lamp, as an operator would choose it from their disk."""
    file = BytesIO()
    Image.new("RGB", (900, 900), (20, 90, 70)).save(file, "JPEG")
    return {"name": "lamp.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}


@pytest.fixture(autouse=True)
def scene(stage):
    """Ola runs the office; Mei has an address and 2,000 points. Nothing is on the shelf."""
    cast.hire("ola", at=NOON)
    mei = stage.member("mei")
    stage.settle_down(mei)
    stage.give(mei, 2_000)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_a_new_item_comes_sells_and_goes(visit, picture, script):
    ola, mei = visit(DESK, script=script), visit(script=script)
    ola.sign_in_staff("ola")
    make_and_list(ola, picture)

    mei.sign_in("mei")
    mei.open("/shop")
    mei.follow("Balance desk lamp")
    mei.sees("Only 4 left", "1,500")
    assert mei.page.get_by_role("img", name="A green lamp, from the side").evaluate("each => each.naturalWidth") > 0
    mei.put_in_basket()
    mei.follow("Go to checkout")
    mei.press("Redeem 1,500 pts")
    mei.sees("Being packed", "Balance desk lamp")

    ola.open("/office/catalogue")
    ola.row_says(ola.page.get_by_role("table"), "Balance desk lamp", "LAMP-1", "Listed", "1,500")
    free = ola.page.get_by_role("link", name="3 free of Balance desk lamp")
    assert free.is_visible()
    ola.follow("Balance desk lamp")
    ola.press("Delist")
    ola.sees("1 item delisted", "It no longer shows in the shop.")

    mei.open("/shop")
    mei.sees_not("Balance desk lamp")
    mei.open("/items/balance-desk-lamp")
    mei.sees("There is nothing at this address")
    mei.open("/orders/10001")
    mei.sees("Balance desk lamp")


def make_and_list(ola, picture):
    ola.open("/office/catalogue")
    ola.follow("Add item", within=ola.region("Catalogue"))
    ola.fill_in({"Name in English": "Balance desk lamp", "SKU": "LAMP-1", "Pieces on hand (optional)": "4"})
    ola.fill_in({"Points": "1500"})
    ola.press("Show what members will see")
    ola.sees("Members will see 1,500 pts")
    ola.press("Make the draft")
    ola.sees("The item is made, as a draft.", "No picture yet.")
    ola.page.get_by_label("Picture: JPEG, PNG or WebP, at most 10 MB").set_input_files(picture)
    ola.page.locator("#pictures").get_by_label("What it shows, in English").fill("A green lamp, from the side")
    ola.press("Add the picture")
    ola.sees("The picture is added.")
    ola.sees_not("No picture yet.")
    ola.press("List now")
    ola.sees("1 item listed")
