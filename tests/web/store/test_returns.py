"""A return on the member's pages: what goes back and why, what it brings, pictures, and how it stands."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import aftersales, checkout
from tests.stage import NOON
from tests.web.store.till import fields_of, words

DELIVERED = NOON + timedelta(days=3)
WINDOW_OVER = DELIVERED + timedelta(days=14)


@pytest.fixture(autouse=True)
def delivered():
    with moved_to(DELIVERED):
        yield


@pytest.fixture
def order(stage, mei, mug):
    """Mei's order of three mugs for cash, delivered."""
    stage.put_in(mei, mug, "cash", quantity=3)
    order = stage.pay(stage.place(mei))
    stage.ship(order)
    return stage.deliver(order, at=DELIVERED)


def page_of(order):
    return f"/orders/{checkout.number_of(order.id)}"


def returns_of(order):
    with reading():
        return aftersales.returns_of(order.id)


def chosen(till, order, **typed):
    """Choose one damaged mug, or what is typed, and press the button."""
    fields = fields_of(till.browser.get(f"{page_of(order)}/returns/new").text, "return")
    typed = {"pieces-1": "1", "reason": "damaged", "words": "A crack"} | typed
    return till.browser.post(f"{page_of(order)}/returns/new", data=fields | typed)


def picture(kind="PNG"):
    data = BytesIO()
    Image.new("RGB", (60, 40), "teal").save(data, kind)
    return data.getvalue()


def confirm(till, order, preview, *pictures):
    fields = fields_of(preview.text, "confirm") | {"confirm": "1"}
    files = [(BytesIO(data), f"{number}.png") for number, data in enumerate(pictures)]
    return till.browser.post(f"{page_of(order)}/returns/new", data=fields | {"pictures": files})


def test_what_it_brings_is_shown_before_it_is_asked_for(till, order):
    assert "Return something" in till.browser.get(page_of(order)).text
    preview = chosen(till, order)
    said = words(preview.text)

    assert preview.status_code == 200
    for shown in ("It is damaged", "× 1 $15.90", "Cash back for shipping $1.63", "Cash back in all $17.53"):
        assert shown in said
    assert returns_of(order) == []

    for _press in range(2):
        answer = confirm(till, order, preview)
        assert answer.status_code == 303
    (row,) = returns_of(order)
    assert answer.location == f"{page_of(order)}/returns/{row.id}"
    page = words(till.browser.get(answer.location).text)
    assert "Being looked at" in page and "A crack" in page
    assert "Return of 1 piece" in words(till.browser.get(page_of(order)).text)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"pieces-1": "4"}, "Write a whole number from 0 to 3."),
        ({"pieces-1": "-1"}, "Write a whole number from 0 to 3."),
        ({"pieces-1": "one"}, "Write a whole number from 0 to 3."),
        ({"pieces-1": "0"}, "Choose at least one piece that comes back."),
        ({"reason": ""}, "Choose why it goes back."),
        ({"reason": "goodwill"}, "Choose one of the list."),
        ({"words": "x" * 501}, "Use at most 500 characters."),
    ],
)
def test_what_cannot_be_stays_as_typed_with_its_sentence(till, order, typed, sentence):
    answer = chosen(till, order, **typed)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert (typed.get("words") or "A crack") in answer.text
    assert fields_of(answer.text, "return")["pieces-1"] == typed.get("pieces-1", "1")


def test_pictures_are_written_anew_and_seen_by_the_member_and_the_desk_only(app, till, stage, order):
    preview = chosen(till, order)
    location = confirm(till, order, preview, picture(), picture("JPEG")).location

    shown = till.browser.get(f"{location}/pictures/2")
    assert (shown.mimetype, shown.cache_control.no_store) == ("image/webp", True)
    assert till.browser.get(f"{location}/pictures/3").status_code == 404
    (row,) = returns_of(order)
    with reading():
        name = aftersales.return_page(row.id).pictures[0].file
    assert till.browser.get(f"/pictures/{name}-400.webp").status_code == 404
    stranger = app.test_client()
    assert stranger.get(f"{location}/pictures/1").status_code == 302


def test_a_file_that_is_no_picture_is_refused_at_its_field_and_nothing_is_left(app, till, order):
    preview = chosen(till, order)

    answer = confirm(till, order, preview, picture(), b"<svg onload=alert(1)>")

    assert answer.status_code == 422
    assert "This is not a JPEG, PNG or WebP picture." in answer.text
    assert fields_of(answer.text, "confirm")["words"] == "A crack"
    assert returns_of(order) == []
    assert list((Path(app.config["UPLOADS_DIR"]) / "returns").glob("*")) == []


def test_more_than_four_pictures_are_refused(till, order):
    answer = confirm(till, order, chosen(till, order), *[picture()] * 5)

    assert answer.status_code == 422
    assert "Send 4 pictures at most." in answer.text


def test_what_has_changed_since_it_was_shown_is_shown_anew(till, stage, order):
    preview = chosen(till, order, **{"pieces-1": "2"})
    stage.refund(order, pieces={1: 1}, at=DELIVERED)

    answer = confirm(till, order, preview)

    assert answer.status_code == 422
    assert "has changed since it was shown. Nothing was done." in words(answer.text)
    assert confirm(till, order, answer).status_code == 303


def test_a_return_is_withdrawn_once(till, order):
    location = confirm(till, order, chosen(till, order)).location
    for _press in range(2):
        assert till.browser.post(f"{location}/withdrawal").status_code == 303

    assert "Withdrawn" in words(till.browser.get(location).text)
    (row,) = returns_of(order)
    with transaction():
        aftersales.withdraw_return(row.id, member_id=till.member_id, at=DELIVERED)


def test_what_was_decided_cannot_be_withdrawn_and_says_so(till, order):
    location = confirm(till, order, chosen(till, order)).location
    (row,) = returns_of(order)
    with transaction():
        aftersales.decline_return(row.id, by="staff:1", words="It has been worn.", at=DELIVERED)

    answer = till.browser.post(f"{location}/withdrawal")

    assert answer.status_code == 422
    assert "has moved on meanwhile" in answer.text and "It has been worn." in answer.text


def test_after_the_window_nothing_can_be_returned(till, order):
    preview = chosen(till, order)
    with moved_to(WINDOW_OVER):
        assert "Return something" not in till.browser.get(page_of(order)).text
        assert till.browser.get(f"{page_of(order)}/returns/new").location == page_of(order)
        answer = confirm(till, order, preview)

    assert answer.status_code == 422
    assert "can be returned now" in answer.text
    assert returns_of(order) == []


def test_points_that_came_back_and_what_is_still_kept_are_on_the_orders_page(till, stage, mei, mug):
    stage.give(mei, 1_200)
    stage.put_in(mei, mug, "mix", points=600, quantity=2)
    order = stage.pay(stage.place(mei))
    stage.ship(order)
    stage.deliver(order, at=DELIVERED)
    stage.refund(order, pieces={1: 1}, at=DELIVERED)

    said = words(till.browser.get(page_of(order)).text)

    assert "Points, with their own last day 600" in said
    assert "99 pts, 9 growth" in said
