"""A member reviews what they kept, with a picture; the shop rejects it once, publishes it then, and answers."""

from io import BytesIO

import pytest
from PIL import Image

from tests import cast
from tests.browser.visitor import DESK
from tests.domain.aftersales.kept import KEPT, keep
from tests.stage import NOON


@pytest.fixture(autouse=True)
def kept(site, stage):
    """Mei has kept a teapot that she had for points; Ola runs the office."""
    cast.hire("ola", at=NOON)
    keep(stage, stage.member("mei"), stage.item("Teapot"))
    site.at = KEPT


def picture():
    data = BytesIO()
    Image.new("RGB", (600, 400), "teal").save(data, "PNG")
    return {"name": "teapot.png", "mimeType": "image/png", "buffer": data.getvalue()}


@pytest.mark.parametrize("script", [True, False], ids=["script", "no_script"])
def test_a_review_is_written_rejected_changed_published_and_answered(visit, script):
    mei, ola, visitor = visit(script=script), visit(DESK, script=script), visit(script=script)
    mei.sign_in("mei")
    mei.open("/orders/10001")
    mei.follow("Review it Teapot")
    mei.press("Send my review")
    mei.sees("Choose how many stars.", "Write a sentence or two.")
    mei.page.get_by_role("radio", name="4 stars: good").check()
    mei.fill_in({"What do you say of it?": "Sold at another shop for less."})
    mei.press("Send my review")
    mei.sees("We look at it before it is shown", "Being looked at")
    visitor.open("/items/teapot")
    visitor.sees("No review yet")

    ola.sign_in_staff("ola")
    ola.open("/office/reviews")
    ola.follow("Teapot")
    ola.press("Reject")
    ola.sees("Say why: the member is told.")
    ola.fill_in({"To the member: why it is not shown": "Please say how the item is."})
    ola.press("Reject")
    ola.sees("It is not shown. The member has been told why.")

    mei.open("/reviews")
    mei.sees("Please say how the item is.")
    mei.follow("Change it Teapot")
    mei.fill_in({"What do you say of it?": "Pours without a drop beside it."})
    mei.page.get_by_label("Pictures: JPEG, PNG or WebP").set_input_files(picture())
    mei.press("Send my review")
    mei.sees("Being looked at")

    ola.open("/office/reviews/1")
    ola.press("Publish")
    ola.fill_in({"The shop's reply": "It was made for that."})
    ola.press("Save the reply")
    ola.sees("The reply is saved.", "Published")

    visitor.open("/items/teapot")
    visitor.sees("4.0", "1 review", "Pours without a drop beside it.", "It was made for that.", "Mei", "Ordinary")
    mei.open("/wallet")
    mei.sees("Review published on", "Review with a picture published on")
