"""Reviews under attack: of what was not bought, or bought and refunded, twice, at once, and the same text for points
(SECURITY 63); markup and files that are no pictures in them (76, 82).
"""

from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select

from mall.base.clock import moved_to
from mall.base.db import execute, reading
from mall.domain import aftersales, catalogue, checkout, earning
from tests import cast
from tests.domain.aftersales.kept import KEPT, WORDS, buy, keep, publish, write
from tests.stage import NOON, Stage
from tests.threads import race
from tests.web.store.till import Till, till_of


@pytest.fixture(autouse=True)
def kept_it(noon):
    with moved_to(KEPT):
        yield


@pytest.fixture
def till(app: Flask, stage: Stage) -> Till:
    """Mei's browser."""
    return till_of(app, stage, "mei")


@pytest.fixture
def desk(app: Flask, stage: Stage) -> FlaskClient:
    """Ola's browser."""
    return cast.desk_of(app, cast.hire("ola", at=NOON))


def form_of(order: Any, line: int = 1) -> str:
    return f"/reviews/orders/{checkout.number_of(order.id)}/{line}"


def send(till: Till, order: Any, **said: Any) -> Any:
    return till.browser.post(form_of(order), data={"rating": "5", "words": WORDS, "key": "form-1"} | said)


def reviews() -> list[Any]:
    with reading():
        return list(execute(select(aftersales.ProductReview)))


def paid(member_id: int) -> list[str]:
    reward = earning.TaskReward
    with reading():
        kept = select(reward.task).where(reward.member_id == member_id, reward.task.like("review%"))
        return list(execute(kept).scalars())


def test_sec_63_what_was_not_bought_is_not_reviewed(till, stage):
    toms = keep(stage, stage.member("tom"), stage.item())
    own = keep(stage, till.member_id, stage.item("Bowl"))

    assert send(till, toms).status_code == 404
    assert till.browser.get(form_of(toms)).status_code == 404
    for line in (0, 2, 2**63 - 1):
        assert till.browser.post(form_of(own, line), data={"rating": "5", "words": WORDS}).status_code == 404
    assert till.browser.post("/reviews/orders/99999999/1", data={"rating": "5", "words": WORDS}).status_code == 404
    assert reviews() == []


def test_sec_63_what_may_still_go_back_is_not_reviewed(till, stage):
    assert send(till, buy(stage, till.member_id, stage.item())).status_code == 422
    assert reviews() == []


def test_sec_63_bought_reviewed_and_refunded_is_neither_shown_nor_paid(till, stage, desk):
    order = keep(stage, till.member_id, stage.item())
    send(till, order)
    stage.refund(order, at=KEPT)
    (row,) = reviews()

    answer = desk.post(f"/office/reviews/{row.id}/publication", data={"revision": row.revision})
    assert answer.status_code == 422
    assert (reviews()[0].state, paid(till.member_id)) == (aftersales.WAITING, [])
    assert send(till, order, key="form-2").status_code == 422


def test_sec_63_an_item_is_reviewed_and_paid_once_however_often_it_is_bought(till, stage):
    item = stage.item()
    orders = [keep(stage, till.member_id, item) for _time in range(3)]
    for number, order in enumerate(orders):
        send(till, order, key=f"form-{number}")
    (row,) = reviews()
    publish(stage, row)
    for number, order in enumerate(orders):
        assert send(till, order, key=f"later-{number}").status_code == 422
    assert (len(reviews()), paid(till.member_id)) == (1, ["review"])


def test_sec_63_two_at_once_are_one_review(app, till, stage):
    order = keep(stage, till.member_id, stage.item())

    def press(key: str):
        def job() -> int:
            with moved_to(KEPT):
                return send(till, order, key=key).status_code

        return job

    answers = race(app, [press(f"form-{number}") for number in range(4)], threads=4)
    assert 303 in answers and set(answers) <= {303, 422}, "who came later is told that there is one by now"
    assert len(reviews()) == 1


def test_sec_63_the_same_text_many_times_waits_with_a_mark_and_is_not_paid_by_itself(till, stage, desk):
    for number in range(4):
        order = keep(stage, till.member_id, stage.item(f"Item {number}"))
        text = "Great product" + "!" * number
        assert send(till, order, key=f"form-{number}", words=text).status_code == 303

    assert [row.state for row in reviews()] == [aftersales.WAITING] * 4
    assert paid(till.member_id) == []
    listed = desk.get("/office/reviews?queue=suspicious").text
    for row in reviews():
        assert f"/office/reviews/{row.id}" in listed
        assert "The same text stands in other reviews" in desk.get(f"/office/reviews/{row.id}").text


def test_sec_63_many_reviews_of_a_day_are_paid_up_to_the_cap(till, stage):
    for number in range(6):
        order = keep(stage, till.member_id, stage.item(f"Item {number}"))
        publish(stage, write(stage, order, words=f"Number {number} of them").row)
    assert paid(till.member_id) == ["review"] * 3
    with reading():
        assert len(aftersales.reviews_by(till.member_id)) == 6


def test_sec_25_extra_fields_publish_nothing(till, stage):
    order = keep(stage, till.member_id, stage.item())
    send(till, order, state="published", published_at="2026-01-01", member_id="2", reply="Bought by the shop")
    (row,) = reviews()
    assert (row.state, row.member_id, row.reply) == (aftersales.WAITING, till.member_id, "")


def test_sec_76_markup_in_a_review_or_a_reply_stays_text(app, till, stage, desk):
    order = keep(stage, till.member_id, stage.item())
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    send(till, order, words=evil)
    (row,) = reviews()
    publish(stage, row)
    assert desk.post(f"/office/reviews/{row.id}/reply", data={"reply": evil}).status_code == 303
    pages = [
        app.test_client().get("/items/stoneware-mugs"),
        app.test_client().get("/items/stoneware-mugs/reviews"),
        till.browser.get("/reviews"),
        *(desk.get(f"/office/{page}") for page in ("reviews?queue=published", f"reviews/{row.id}", "audit")),
    ]
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.text and "<img src=x" not in page.text


def png(size: tuple[int, int] = (60, 40)) -> bytes:
    data = BytesIO()
    Image.new("RGB", size, "teal").save(data, "PNG")
    return data.getvalue()


BAD = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "polyglot": png() + b"<script>alert(1)</script>",
    "html": b"<!doctype html><script>alert(1)</script>",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", BAD)
def test_sec_82_only_pictures_are_kept_of_a_review(app, till, stage, kind):
    order = keep(stage, till.member_id, stage.item())
    answer = send(till, order, pictures=[(BytesIO(BAD[kind]), "a.png")])
    assert answer.status_code == 422
    assert reviews() == []


def test_sec_82_the_position_in_a_picture_is_not_kept(app, till, stage):
    order = keep(stage, till.member_id, stage.item())
    data, exif = BytesIO(), Image.Exif()
    exif[0x8825] = {1: "N", 2: (31.0, 12.0, 0.0)}
    Image.new("RGB", (60, 40), "teal").save(data, "JPEG", exif=exif)
    assert send(till, order, pictures=[(BytesIO(data.getvalue()), "a.jpg")]).status_code == 303
    (row,) = reviews()
    kept = till.browser.get(f"/reviews/{row.id}/pictures/1").data
    assert not Image.open(BytesIO(kept)).getexif()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How large each picture was that was read."""
    sizes: list[int] = []
    prepare = catalogue.prepare_picture

    def noted(data: bytes, **given: Any) -> catalogue.Prepared:
        sizes.append(len(data))
        return prepare(data, **given)

    monkeypatch.setattr(catalogue, "prepare_picture", noted)
    return sizes


def test_sec_82_to_leave_one_picture_out_many_times_makes_no_room_for_many(app, till, stage, read):
    order = keep(stage, till.member_id, stage.item())
    assert send(till, order, pictures=[(BytesIO(png()), "a.png")]).status_code == 303
    (row,), [first] = reviews(), list(read)
    many = [(BytesIO(png()), "a.png") for _number in range(9)]

    answer = send(till, order, key="form-2", remove=[row.pictures[0]["file"]] * 9, pictures=many)

    assert answer.status_code == 422
    assert read == [first]


def test_sec_82_a_member_sends_pictures_so_often_and_no_more(app, till, stage, read):
    order = keep(stage, till.member_id, stage.item())

    answers = [
        send(till, order, rating="5", words="", pictures=[(BytesIO(png()), "a.png")]).status_code,
        *(send(till, order, key=f"form-{n}", pictures=[(BytesIO(b"none"), "a.png")]).status_code for n in range(31)),
    ]

    assert answers == [422] * 31 + [429]
    assert len(read) == 30
    assert send(till, order).status_code == 303
