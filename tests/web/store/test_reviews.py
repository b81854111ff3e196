"""Reviewing on the member's pages: from the order and a list, with pictures, and as everybody then reads it."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from mall.base.clock import moved_to
from mall.base.db import reading
from mall.domain import aftersales, checkout
from tests.domain.aftersales.kept import KEPT, WORDS, keep, picture, publish, reject, reply, take_down, write
from tests.web.store.till import words

LATER = KEPT + timedelta(days=1)


@pytest.fixture(autouse=True)
def kept_it(noon):
    with moved_to(KEPT):
        yield


@pytest.fixture
def order(stage, mei, mug):
    return keep(stage, mei, mug)


def form_of(order):
    return f"/reviews/orders/{checkout.number_of(order.id)}/1"


def sent(till, order, *files, **said):
    pictures = [(BytesIO(data), f"{number}.png") for number, data in enumerate(files)]
    plain = {"rating": "4", "words": WORDS, "key": "form-1", "pictures": pictures}
    return till.browser.post(form_of(order), data=plain | said)


def png(color="teal"):
    data = BytesIO()
    Image.new("RGB", (60, 40), color).save(data, "PNG")
    return data.getvalue()


def written(till):
    with reading():
        return aftersales.reviews_by(till.member_id)


def files(app):
    return list((Path(app.config["UPLOADS_DIR"]) / "reviews").glob("*"))


def test_the_order_and_a_list_say_what_can_be_reviewed(till, order):
    for page in (f"/orders/{checkout.number_of(order.id)}", "/reviews"):
        shown = till.browser.get(page).text
        assert "Review it" in words(shown) and form_of(order) in shown
    assert "How many stars?" in words(till.browser.get(form_of(order)).text)

    assert sent(till, order).location == "/reviews"

    said = words(till.browser.get("/reviews").text)
    assert WORDS in said and "Being looked at" in said and "Review it" not in said
    assert "Being looked at" in words(till.browser.get(f"/orders/{checkout.number_of(order.id)}").text)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"rating": ""}, "Choose how many stars."),
        ({"rating": "6"}, "Choose one of the list."),
        ({"rating": "1.5"}, "Choose one of the list."),
        ({"words": ""}, "Write a sentence or two."),
        ({"words": " ab "}, "Write at least 5 characters"),
        ({"words": "x" * 1_001}, "Use at most 1000 characters."),
        ({"remove": "0" * 32}, "Choose among those of the list."),
    ],
)
def test_what_makes_no_review_stays_as_typed_with_its_sentence(till, order, said, sentence):
    answer = sent(till, order, **said)

    assert answer.status_code == 422
    assert sentence in words(answer.text)
    assert (said.get("words", WORDS)) in answer.text
    assert written(till) == []


def test_before_the_return_window_is_over_it_says_when(till, stage, mei, mug):
    stage.give(mei, 2_000)
    stage.put_in(mei, mug)
    order = stage.place(mei)

    answer = till.browser.get(form_of(order), follow_redirects=True)
    assert "as soon as the days for returning it are over" in answer.text
    assert sent(till, order).status_code == 422
    assert "Review it" not in till.browser.get(f"/orders/{checkout.number_of(order.id)}").text


def test_pictures_are_written_anew_and_its_members_only_until_it_is_published(app, till, stage, order):
    assert sent(till, order, png(), png("red")).status_code == 303
    (row,) = written(till)
    stranger, address = app.test_client(), f"/items/{row.slug}/reviews/{row.id}/pictures/2"
    assert till.browser.get(f"/reviews/{row.id}/pictures/2").mimetype == "image/webp"
    assert stranger.get(address).status_code == 404
    assert till.browser.get(f"/reviews/{row.id}/pictures/3").status_code == 404

    publish(stage, row)
    shown = stranger.get(address)
    assert (shown.status_code, shown.mimetype, shown.cache_control.public) == (200, "image/webp", True)
    assert f"{address}?large=1" in stranger.get(f"/items/{row.slug}").text
    stage.item("Teapot")  # Another item's address does not lead to it.
    assert stranger.get(f"/items/{row.slug}").status_code == stranger.get("/items/teapot").status_code == 200
    assert stranger.get(f"/items/teapot/reviews/{row.id}/pictures/2").status_code == 404
    assert stranger.get(f"/items/nothing-of-ours/reviews/{row.id}/pictures/2").status_code == 404
    take_down(stage, row)
    assert stranger.get(address).status_code == 404


def test_sent_twice_it_is_written_once_and_leaves_no_files(app, till, order):
    for _press in range(2):
        assert sent(till, order, png()).status_code == 303
    assert [len(row.pictures) for row in written(till)] == [1]
    assert len(files(app)) == 2  # Both sizes of the one picture.


def test_a_picture_is_left_out_and_its_files_are_gone(app, till, order):
    sent(till, order, png())
    (row,) = written(till)
    assert row.pictures[0]["file"] in till.browser.get(form_of(order)).text

    sent(till, order, key="form-2", remove=row.pictures[0]["file"], words="Without its picture")
    (row,) = written(till)
    assert (row.pictures, row.words, files(app)) == ([], "Without its picture", [])


@pytest.mark.parametrize(
    ("pictures", "sentence"),
    [
        ([png(), b"<svg onload=alert(1)>"], "This is not a JPEG, PNG or WebP picture."),
        ([png()] * 5, "Send 4 pictures at most."),
    ],
)
def test_files_that_are_refused_are_said_at_their_field_and_nothing_is_left(app, till, order, pictures, sentence):
    answer = sent(till, order, *pictures)
    assert answer.status_code == 422
    assert sentence in answer.text and WORDS in answer.text and "Choose the pictures again" in answer.text
    assert (written(till), files(app)) == ([], [])


def test_one_that_was_rejected_says_why_and_can_be_changed(till, stage, order):
    sent(till, order)
    reject(written(till)[0], reason="It names another shop.")

    assert "It names another shop." in till.browser.get("/reviews").text
    page = till.browser.get(form_of(order)).text
    assert "It names another shop." in page and WORDS in page
    assert sent(till, order, key="form-2", words="Of this one only").status_code == 303
    assert written(till)[0].state == aftersales.WAITING


def test_a_second_tab_does_not_write_over_what_the_first_wrote(app, till, stage, order):
    first = till.browser.get(form_of(order)).text
    assert 'name="revision" type="hidden" value="0"' in first
    sent(till, order, revision="0")
    old = sent(till, order, key="another", words="Of the second tab, typed earlier", revision="0")

    assert old.status_code == 422
    assert "You have written this review anew meanwhile" in old.text and "As you wrote it meanwhile" in old.text
    assert "Of the second tab, typed earlier</textarea>" in old.text
    assert 'name="revision" type="hidden" value="1"' in old.text  # The next press is about what is seen now.
    assert sent(till, order, key="third", words="Of the second tab, typed earlier", revision="1").status_code == 303
    assert written(till)[0].words == "Of the second tab, typed earlier"


def test_one_that_is_published_can_no_longer_be_changed(till, stage, order):
    sent(till, order)
    publish(stage, written(till)[0])
    assert "stays as it is" in till.browser.get(form_of(order), follow_redirects=True).text
    assert sent(till, order, key="form-1").status_code == 303  # What was sent before is answered as then.
    answer = sent(till, order, key="form-2")
    assert answer.status_code == 422 and "stays as it is" in answer.text


def test_the_item_shows_average_count_and_the_latest_with_first_name_and_level_only(app, till, stage, mug, order):
    profile = {"display_name": "Mei Chen", "birthday": "", "phone": "", "language": "en"}
    assert till.browser.post("/account/profile", data=profile).status_code in (302, 303)
    publish(stage, write(stage, order, rating=4, words="<b>Warm</b>\nand light").row)
    tom = stage.member("tom")
    publish(stage, write(stage, keep(stage, tom, mug), rating=5, words="Good in the hand").row, at=LATER)
    page = app.test_client().get("/items/stoneware-mugs").text
    said = words(page)

    assert "4.5" in said and "2 reviews" in said
    assert "&lt;b&gt;Warm&lt;/b&gt;" in page and "<b>Warm" not in page
    assert said.index("Good in the hand") < said.index("and light")
    assert "Tom" in said and "Mei" in said and "Chen" not in said and "Ordinary" in said
    assert "4.5" in words(app.test_client().get("/shop").text)


def test_what_changes_is_shown_at_once(app, stage, order):
    browser = app.test_client()
    assert "No review yet" in browser.get("/items/stoneware-mugs").text
    row = publish(stage, write(stage, order).row)
    assert WORDS in browser.get("/items/stoneware-mugs").text
    reply(row, "Glad it does.")
    assert "Glad it does." in browser.get("/items/stoneware-mugs").text
    take_down(stage, row)
    assert WORDS not in browser.get("/items/stoneware-mugs").text


def test_reviews_cost_an_item_page_no_statement_more(app, stage, order, count_statements):
    browser = app.test_client()

    def statements():
        browser.get("/items/stoneware-mugs")
        count_statements.clear()
        browser.get("/items/stoneware-mugs")
        return len(count_statements)

    without = statements()
    publish(stage, write(stage, order).row)
    assert statements() == without


def test_all_reviews_stand_on_pages_of_their_own(app, stage, mei):
    bowl = stage.item("Stoneware mugs", stock=20)
    publish(stage, write(stage, keep(stage, mei, bowl)).row)
    for number in range(11):
        member = stage.member(f"member{number}")
        row = write(stage, keep(stage, member, bowl), words=f"Number {number:02} of many").row
        publish(stage, row, at=KEPT + timedelta(minutes=number + 1))
    browser = app.test_client()
    assert "Read all 12 reviews" in browser.get("/items/stoneware-mugs").text

    first = browser.get("/items/stoneware-mugs/reviews").text
    last = browser.get("/items/stoneware-mugs/reviews?page=2").text
    assert "Number 10" in first and "Number 01" in first and "Number 00" not in first
    assert "Number 00" in last and WORDS in last
    assert browser.get("/items/stoneware-mugs/reviews?page=99").status_code == 200
    assert browser.get("/items/nothing/reviews").status_code == 404


def test_pictures_of_others_reviews_are_not_there(app, till, stage, mug):
    tom = stage.member("tom")
    row = write(stage, keep(stage, tom, mug), pictures=[picture()]).row
    assert till.browser.get(f"/reviews/{row.id}/pictures/1").status_code == 404
