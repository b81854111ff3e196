"""A return on the member's pages: what goes back and why, what it brings, pictures, and how it stands."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import aftersales, catalogue, checkout
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
    assert "Return or exchange" in till.browser.get(page_of(order)).text
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
        assert "Return or exchange" not in till.browser.get(page_of(order)).text
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


# The same again.


def test_the_same_again_is_asked_for_followed_and_its_parcel_shown(till, stage, order):
    assert "Choose money back" in words(chosen(till, order, wish="exchange", reason="changed_mind").text)
    preview = chosen(till, order, wish="exchange")
    said = words(preview.text)
    for shown in ("You get the same again", "× 1 once more", "To pay Nothing", "It is damaged"):
        assert shown in said
    assert "Cash back" not in said and "too few" not in said

    for _press in range(2):
        answer = confirm(till, order, preview)
        assert answer.status_code == 303
    (row,) = returns_of(order)
    assert (row.wish, answer.location) == (aftersales.FOR_EXCHANGE, f"{page_of(order)}/returns/{row.id}")
    page = words(till.browser.get(answer.location).text)
    assert "Exchange, being looked at" in page and "Withdraw the exchange" in page

    with transaction():
        aftersales.waive_return(row.id, by="staff:1", terms=stage.terms, shown=None, words="Keep it", at=DELIVERED)
    assert "Replacement being packed" in words(till.browser.get(answer.location).text)
    with transaction():
        aftersales.send_replacement(row.id, carrier="Swift", tracking="SW-77", by="staff:1", at=DELIVERED)

    page = words(till.browser.get(answer.location).text)
    assert "Your replacement" in page and "SW-77" in page and "Keep it" in page
    seen = words(till.browser.get(page_of(order)).text)
    for shown in (
        "SW-77 Replacement",
        "Exchange of 1 piece",
        "1 sent once more",
        "Replacement sent with Swift, SW-77",
    ):
        assert shown in seen
    assert "(Replacement)" in words(till.browser.get(f"{page_of(order)}/receipt").text)


def test_it_is_said_that_there_are_too_few_before_it_is_asked_for(till, stage, mug, order):
    with transaction():
        catalogue.adjust(mug.variant_id, -stage.stock(mug)[0], reason="Broken", by="staff:1", at=DELIVERED)

    preview = chosen(till, order, wish="exchange")

    assert "There are too few of it at the moment." in words(preview.text)
    assert confirm(till, order, preview).status_code == 303


def test_what_was_not_in_the_parcel_need_not_come_back(till, order):
    for wish in ("refund", "exchange"):
        said = words(chosen(till, order, wish=wish, reason="missing").text)
        assert "What was not in the parcel need not come back." in said
        assert "arrived" not in said

    page = confirm(till, order, chosen(till, order, wish="exchange", reason="missing")).location

    said = words(till.browser.get(page).text)
    assert "What was missing" in said and "Has it turned up?" in said
    assert "yours has arrived" not in said


def test_money_that_is_offered_instead_is_shown_before_the_goods_are_sent(till, stage, order):
    page = confirm(till, order, chosen(till, order, wish="exchange")).location
    assert "What you get when the goods have arrived" not in words(till.browser.get(page).text)
    with transaction():
        aftersales.offer_money(returns_of(order)[0].id, by="staff:1", terms=stage.terms, at=DELIVERED)

    said = words(till.browser.get(page).text)

    assert "What you get when the goods have arrived" in said
    with reading():
        row = aftersales.return_page(returns_of(order)[0].id)
        plan = aftersales.plan_receipt(row, terms=stage.terms, at=DELIVERED)
    assert f"Cash back in all ${plan.cash_cents / 100:.2f}" in said


@pytest.mark.parametrize("wish", ["", "gold"])
def test_a_wish_is_one_of_the_two(till, order, wish):
    answer = chosen(till, order, wish=wish)

    assert answer.status_code == 422
    assert returns_of(order) == []


def test_an_exchange_is_withdrawn_once_and_not_while_it_is_packed(till, stage, order):
    first, second = (confirm(till, order, chosen(till, order, wish="exchange")).location for _time in range(2))
    for _press in range(2):
        assert till.browser.post(f"{first}/withdrawal").status_code == 303
    with transaction():
        aftersales.waive_return(returns_of(order)[1].id, by="staff:1", terms=stage.terms, shown=None, at=DELIVERED)

    answer = till.browser.post(f"{second}/withdrawal")

    assert answer.status_code == 422 and "has moved on meanwhile" in answer.text
    assert "Withdraw the exchange" not in words(answer.text)
