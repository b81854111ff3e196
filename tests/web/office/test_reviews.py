"""Reviews at the desk: the queue, what looks farmed, publish, reject with a reason, answer, take down - each once."""

from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import reading
from mall.domain import aftersales, audit, checkout
from tests.domain.aftersales.kept import KEPT, WORDS, keep, publish, write
from tests.web.office.forms import form_of, send
from tests.web.store.till import words


@pytest.fixture(autouse=True)
def kept_it(noon):
    with moved_to(KEPT):
        yield


@pytest.fixture
def row(stage, mei):
    """Mei's review of a bowl, which waits."""
    return write(stage, keep(stage, mei, stage.item("Bowl"))).row


def page_of(row):
    return f"/office/reviews/{row.id}"


def now(row):
    with reading():
        return aftersales.product_review(row.id)


def order_of(row):
    with reading():
        return checkout.order_of(row.order_id)


def test_the_queue_shows_what_waits_and_the_menu_counts_it(desk, row):
    page = desk.get("/office/reviews").text
    said = words(page)
    assert "Bowl" in said and WORDS in said and "Mei" in said
    assert page_of(row) in page
    assert "1 waiting" in words(desk.get("/office/").text)
    assert "Nothing waits here" in desk.get("/office/reviews?queue=published").text
    assert desk.get("/office/reviews?queue=nonsense").status_code == 200


def test_it_is_published_once_and_everybody_reads_it(desk, app, row):
    fields = form_of(desk.get(page_of(row)).text, f"{page_of(row)}/rejection")
    for _press in range(2):
        assert desk.post(f"{page_of(row)}/publication", data=fields).status_code == 303
    assert now(row).state == aftersales.PUBLISHED
    assert WORDS in app.test_client().get("/items/bowl").text
    with reading():
        assert len(audit.entries(act="review.published")) == 1
    assert "Review published" in words(desk.get("/office/audit").text)


def test_it_is_rejected_with_a_reason_only(desk, row):
    answer = send(desk, page_of(row), f"{page_of(row)}/rejection")
    assert answer.status_code == 422 and "Say why: the member is told." in answer.text
    assert send(desk, page_of(row), f"{page_of(row)}/rejection", reason="x" * 501).status_code == 422

    assert send(desk, page_of(row), f"{page_of(row)}/rejection", reason="It is of a cup.").status_code == 303
    assert (now(row).state, now(row).reason) == (aftersales.REJECTED, "It is of a cup.")
    assert "It is of a cup." in desk.get(page_of(row)).text


def test_what_was_written_anew_meanwhile_is_read_before_it_is_decided_on(desk, stage, row):
    fields = form_of(desk.get(page_of(row)).text, f"{page_of(row)}/rejection")
    write(stage, order_of(row), words="Quite other words")

    answer = desk.post(f"{page_of(row)}/publication", data=fields)
    assert answer.status_code == 422 and "written it anew meanwhile" in answer.text
    assert "Quite other words" in answer.text


def test_it_is_answered_and_taken_down(desk, app, stage, row):
    publish(stage, row)
    assert send(desk, page_of(row), f"{page_of(row)}/reply", reply="Thank you, Mei.").status_code == 303
    assert "Thank you, Mei." in app.test_client().get("/items/bowl").text

    answer = send(desk, page_of(row), f"{page_of(row)}/removal")
    assert answer.status_code == 422 and "Say why" in answer.text
    assert send(desk, page_of(row), f"{page_of(row)}/removal", reason="It names a person.").status_code == 303
    assert "Thank you, Mei." not in app.test_client().get("/items/bowl").text
    assert desk.post(f"{page_of(row)}/reply", data={"reply": "Too late"}).status_code == 422


def test_the_same_text_again_is_marked_and_has_a_tab(desk, stage, mei, row):
    assert "The same text stands in other reviews" not in desk.get(page_of(row)).text
    assert "Nothing waits here" in desk.get("/office/reviews?queue=suspicious").text
    write(stage, keep(stage, mei, stage.item("Cup")), words=WORDS.upper())

    assert "1 more by this member, 0 by others" in words(desk.get(page_of(row)).text)
    listed = words(desk.get("/office/reviews?queue=suspicious").text)
    assert "Bowl" in listed and "Cup" in listed


def test_what_was_refunded_is_said_and_cannot_be_published(desk, stage, row):
    stage.refund(order_of(row), at=KEPT)
    page = desk.get(page_of(row)).text
    assert "All of it was refunded" in page and f"{page_of(row)}/publication" not in page
    answer = desk.post(f"{page_of(row)}/publication", data={"revision": row.revision})
    assert answer.status_code == 422 and "Reject it." in answer.text


def test_one_that_is_not_there_is_a_404(desk):
    for address in ("/office/reviews/77", "/office/reviews/77/pictures/1"):
        assert desk.get(address).status_code == 404
    for act in ("publication", "rejection", "removal", "reply"):
        assert desk.post(f"/office/reviews/77/{act}", data={"reason": "x", "reply": "y"}).status_code == 404


def test_one_whose_pieces_all_went_back_after_it_was_taken_down_leaves_nothing_to_decide(desk, stage, row):
    address = f"/office/reviews/{row.id}"
    desk.post(f"{address}/publication", data={"revision": "1"})
    desk.post(f"{address}/removal", data={"reason": "It names a person."})
    assert "Decide</h2>" in desk.get(address).text
    stage.refund(order_of(row), at=KEPT + timedelta(hours=1))

    assert "Decide</h2>" not in desk.get(address).text


def test_what_was_refused_names_the_page_whose_form_it_was_so_that_back_leads_there(desk, row):
    page = f"/office/reviews/{row.id}"
    refused = desk.post(f"{page}/rejection", data={"revision": "1"}, headers={"Referer": f"http://localhost{page}"})
    assert refused.status_code == 422 and f'<main id="main" tabindex="-1" data-page-of-form="{page}">' in refused.text

    elsewhere = desk.post(f"{page}/rejection", data={"revision": "1"}, headers={"Referer": "https://evil.example/x"})
    assert "data-page-of-form" not in elsewhere.text and "data-page-of-form" not in desk.get(page).text
