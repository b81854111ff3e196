"""Who waits for what is sold out is told when it is back: in the order they asked, as many as there are pieces."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from mall import worker
from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, interest, notices
from tests.stage import NOON
from tests.web.store.till import words

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def lamp(stage):
    """A lamp that is sold out."""
    return stage.item("Lamp", stock=0)


@pytest.fixture
def waits(stage, lamp):
    """Let a member wait for the lamp: `waits(mei, at=NOON)`."""

    def wait(member_id, *, at=NOON):
        with transaction():
            item = catalogue.item("lamp", catalogue.Viewer(1, member_id), terms=stage.terms, at=at)
            return interest.ask_for_stock(member_id, item, variant_id=lamp.variant_id, at=at)

    return wait


def receive(item, pieces, *, at=NOON):
    with transaction():
        catalogue.receive(item.variant_id, pieces, by="staff:1", at=at)


def told():
    notice = notices.Notice
    with reading():
        rows = execute(select(notice.member_id).where(notice.kind == "back_in_stock").order_by(notice.id))
        return list(rows.scalars())


def test_a_member_asks_on_the_item_s_page_is_told_and_finds_the_item(enter, mei, lamp):
    browser = enter(mei)
    page = browser.get("/items/lamp").text
    assert "Tell me when it is back" in page
    browser.post("/wishes/waiting", data={"item": "lamp", "variant_id": lamp.variant_id})
    assert "You are told when it is back" in browser.get("/items/lamp").text

    worker.tell_of_stock(NOON)
    assert told() == []
    receive(lamp, 3)
    for minute in range(3):
        worker.tell_of_stock(NOON + minute * MINUTE)

    assert told() == [mei]
    assert "Back in stock: Lamp" in browser.get("/notices").text
    assert "Waiting to be back in stock" not in browser.get("/wishes").text


def test_as_many_are_told_as_there_are_pieces_in_the_order_they_asked(stage, lamp, waits):
    members = [stage.member(f"member{number}") for number in range(5)]
    for place, member in enumerate(reversed(members)):
        waits(member, at=NOON + place * MINUTE)
    receive(lamp, 2)
    worker.tell_of_stock(NOON + 10 * MINUTE)

    assert told() == [members[4], members[3]]
    receive(lamp, 1)
    worker.tell_of_stock(NOON + 11 * MINUTE)
    assert told() == [members[4], members[3], members[2]]


def test_who_was_told_has_a_day_s_start_then_the_next_are_told(stage, lamp, waits):
    first, second = stage.member("first"), stage.member("second")
    waits(first)
    waits(second, at=NOON + MINUTE)
    receive(lamp, 1)
    for later in (MINUTE, DAY - MINUTE):
        worker.tell_of_stock(NOON + MINUTE + later)
        assert told() == [first]
    worker.tell_of_stock(NOON + DAY + 3 * MINUTE)

    assert told() == [first, second]


def test_who_withdrew_is_not_told_and_may_ask_again(enter, stage, mei, lamp, waits):
    browser = enter(mei)
    waits(mei)
    assert not waits(mei)
    assert "Lamp" in words(browser.get("/wishes").text)
    browser.post("/wishes/waiting/withdrawal", data={"variant_id": lamp.variant_id})
    receive(lamp, 1)
    worker.tell_of_stock(NOON)

    assert told() == []
    answer = browser.post("/wishes/waiting", data={"item": "lamp", "variant_id": lamp.variant_id})
    assert "This is in stock" in browser.get(answer.headers["Location"]).text


def test_nobody_withdraws_for_another(enter, mei, tom, lamp, waits):
    waits(mei)
    answer = enter(tom).post("/wishes/waiting/withdrawal", data={"variant_id": lamp.variant_id})

    assert answer.status_code == 404
    with reading():
        assert interest.waits_for(mei) == {lamp.variant_id}


@pytest.mark.parametrize("variant", ["", "0", "-1", "999", "9" * 40])
def test_what_is_no_kind_of_the_item_cannot_be_waited_for(enter, mei, lamp, variant):
    assert enter(mei).post("/wishes/waiting", data={"item": "lamp", "variant_id": variant}).status_code == 404
    assert enter(mei).post("/wishes/waiting/withdrawal", data={"variant_id": variant}).status_code == 404


def test_what_is_not_in_the_shop_is_told_of_when_it_is_there_again(stage, mei, lamp, waits):
    waits(mei)
    receive(lamp, 5)
    with transaction():
        catalogue.delist_products([lamp.product_id], by="staff:1", at=NOON)
    worker.tell_of_stock(NOON)
    assert told() == []
    with transaction():
        catalogue.list_products([lamp.product_id], terms=stage.terms, by="staff:1", at=NOON + MINUTE)
    worker.tell_of_stock(NOON + MINUTE)

    assert told() == [mei]


def test_pieces_that_are_reserved_are_none(stage, mei, tom, waits):
    mug = stage.item("Mug", stock=1)
    stage.give(tom, 800)
    stage.put_in(tom, mug)
    stage.place(tom)
    with transaction():
        item = catalogue.item("mug", catalogue.Viewer(1, mei), terms=stage.terms, at=NOON)
        interest.ask_for_stock(mei, item, variant_id=mug.variant_id, at=NOON)
    worker.tell_of_stock(NOON)

    assert told() == []


@pytest.mark.breaks_the_books
def test_the_proof_sees_who_counts_as_told_and_was_not(stage, mei, lamp, waits):
    waits(mei)
    receive(lamp, 1)
    worker.tell_of_stock(NOON)
    (check,) = interest.checks()
    with transaction():
        assert execute(check.breaks).all() == []
        execute(notices.Notice.__table__.delete().where(notices.Notice.kind == "back_in_stock"))
        assert len(execute(check.breaks).all()) == 1


# Looked at lately


def test_what_a_visitor_looked_at_is_shown_and_comes_along_when_they_sign_in(app, stage, mei, mug, gift, enter):
    browser = app.test_client()
    for slug in ("stoneware-mugs", "pressed-flower-card"):
        browser.get(f"/items/{slug}")
    page = browser.get("/items/pressed-flower-card").text
    assert "Stoneware mugs" in page[page.index("Looked at lately") :]
    assert "Looked at lately" in browser.get("/").text

    browser.post("/sign-in", data={"email": "mei@example.com", "password": "correct horse battery"})
    with reading():
        assert set(interest.seen_lately(mei)) == {mug.product_id, gift.product_id}
    assert "Looked at lately" in enter(mei).get("/").text


def test_looking_again_within_five_minutes_writes_nothing(enter, mei, mug, count_statements):
    browser = enter(mei)
    browser.get("/items/stoneware-mugs")
    count_statements.clear()
    browser.get("/items/stoneware-mugs")
    assert not [statement for statement in count_statements if "item_view" in statement]

    other = enter(mei)  # Another device does not know of the visit; the shop does.
    other.get("/items/stoneware-mugs")
    with transaction():
        assert not interest.note_view(mei, mug.product_id, at=NOON + 4 * MINUTE)
        assert interest.note_view(mei, mug.product_id, at=NOON + 5 * MINUTE)


def test_what_somebody_looked_at_is_gone_from_the_browser_when_they_sign_out(enter, mei, mug):
    browser = enter(mei)
    browser.get("/items/stoneware-mugs")
    browser.post("/sign-out")

    assert "Looked at lately" not in browser.get("/").text


def test_what_was_looked_at_long_ago_is_forgotten(mei, mug, gift):
    with transaction():
        interest.note_view(mei, mug.product_id, at=NOON)
        interest.note_view(mei, gift.product_id, at=NOON + DAY)
    worker.of_the_house.tidy(NOON + interest.VIEWS_KEPT + MINUTE)

    with reading():
        assert list(interest.seen_lately(mei)) == [gift.product_id]
