"""Attacks on code goods: SECURITY 56, 60, 76, 78 and 83 where codes are uploaded, kept and shown, through HTTP."""

import io
import logging
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, table, text

from mall.base.db import execute, reading
from mall.domain import audit, catalogue, checkout
from tests import cast
from tests.stage import NOON, Item, Stage
from tests.web.store.till import signed_in

SECRET = "SECRET-GIFT-4711"


@pytest.fixture
def desk(app: Flask, stage: Stage) -> FlaskClient:
    """The browser of Ola, an operator."""
    return cast.desk_of(app, cast.hire("ola", at=NOON))


@pytest.fixture
def ticket(stage: Stage) -> Item:
    """A cinema ticket, delivered as a code; its pool is empty."""
    return stage.item("Cinema ticket", kind="code", stock=0)


def look_through(desk: FlaskClient, item: Item, content: bytes, name: str = "codes.csv") -> Any:
    data = {"variant_id": item.variant_id, "file": (io.BytesIO(content), name), "lines": "", "note": ""}
    return desk.post(f"/office/catalogue/{item.product_id}/codes/check", data=data)


def upload(desk: FlaskClient, item: Item, content: bytes) -> Any:
    page = look_through(desk, item, content)
    assert page.status_code == 200, page.text
    sealed = re.search(r'name="codes" value="([^"]+)"', page.text)
    assert sealed, page.text
    return desk.post(f"/office/catalogue/{item.product_id}/codes", data={"codes": sealed[1]}, follow_redirects=True)


def redeemed(stage: Stage, name: str, item: Item) -> tuple[str, int]:
    """Let a member redeem one piece; returns the order's number and the id of its code."""
    member_id = stage.members[name]
    stage.give(member_id, 5_000)
    stage.put_in(member_id, item)
    order = stage.place(member_id)
    with reading():
        [code] = catalogue.codes_of(checkout.reference_of(order.id))
    return checkout.number_of(order.id), code.id


def count_of_codes() -> int:
    with reading():
        return execute(select(func.count()).select_from(catalogue.PoolCode)).scalar_one()


def everything_kept() -> str:
    """Return every row of every table, as text."""
    with reading():
        names = execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
        return "\n".join(str(row) for name in names for row in execute(select(text("*")).select_from(table(name))))


def test_sec_60_a_code_is_shown_to_its_owner_by_post_and_logged(app, stage, desk, ticket):
    mei = signed_in(app, stage.member("mei"))
    upload(desk, ticket, SECRET.encode())
    number, code_id = redeemed(stage, "mei", ticket)
    assert SECRET not in mei.get(f"/orders/{number}").text

    for _time in range(2):
        page = mei.post(f"/orders/{number}/codes/{code_id}")
        assert (page.status_code, SECRET in page.text) == (200, True)
        assert page.headers["Cache-Control"] == "no-store"

    assert SECRET not in mei.get(f"/orders/{number}").text
    with reading():
        shown = execute(select(catalogue.CodeShown.by, catalogue.CodeShown.at)).all()
    assert [tuple(row) for row in shown] == [(f"member:{stage.members['mei']}", NOON)] * 2


def test_sec_60_for_anybody_else_there_is_no_such_code(app, stage, desk, ticket):
    signed_in(app, stage.member("mei"))
    tom = signed_in(app, stage.member("tom"))
    upload(desk, ticket, f"{SECRET}\nOTHER-1".encode())
    number, code_id = redeemed(stage, "mei", ticket)
    own, _own_code = redeemed(stage, "tom", ticket)

    assert tom.post(f"/orders/{number}/codes/{code_id}").status_code == 404
    assert tom.post(f"/orders/{own}/codes/{code_id}").status_code == 404
    assert tom.post(f"/orders/{own}/codes/987654321").status_code == 404
    assert desk.post(f"/orders/{number}/codes/{code_id}").status_code in (302, 404)
    assert app.test_client().post(f"/orders/{number}/codes/{code_id}").status_code == 302
    with reading():
        assert execute(select(func.count()).select_from(catalogue.CodeShown)).scalar_one() == 0


def test_sec_56_a_code_is_never_got_by_an_address(app, stage, desk, ticket):
    mei = signed_in(app, stage.member("mei"))
    upload(desk, ticket, SECRET.encode())
    number, code_id = redeemed(stage, "mei", ticket)

    assert mei.get(f"/orders/{number}/codes/{code_id}").status_code == 405
    for path in (f"/orders/{number}", f"/orders/{number}/receipt", "/orders", "/notices"):
        assert SECRET not in mei.get(path).text


def test_sec_60_staff_see_that_a_code_was_issued_and_shown_and_never_which(app, stage, desk, ticket, caplog):
    caplog.set_level(logging.DEBUG)
    mei = signed_in(app, stage.member("mei"))
    flashed = upload(desk, ticket, SECRET.encode()).text
    number, code_id = redeemed(stage, "mei", ticket)
    mei.post(f"/orders/{number}/codes/{code_id}")

    pages = [
        f"/office/orders/{number}", f"/office/catalogue/{ticket.product_id}", "/office/audit",
        f"/office/catalogue/{ticket.product_id}/codes", f"/office/stock/{ticket.product_id}", "/office/catalogue",
    ]  # fmt: skip
    texts = [desk.get(page).text for page in pages]
    assert all(SECRET not in page for page in [flashed, *texts])
    assert "Issued" in texts[0]
    with reading():
        assert SECRET not in str(audit.entries(limit=100))
    assert SECRET not in caplog.text
    assert SECRET not in everything_kept()


def test_sec_83_the_same_file_twice_adds_nothing(stage, desk, ticket):
    content = b"code\nAAAA-1\nAAAA-2\nAAAA-2\n"
    assert "2 codes are in the pool" in upload(desk, ticket, content).text

    again = look_through(desk, ticket, content)
    assert (again.status_code, "nothing to add" in again.text) == (200, True)
    assert 'name="codes"' not in again.text
    assert stage.stock(ticket) == (2, 0)


def test_sec_83_a_confirmation_pressed_twice_adds_once(stage, desk, ticket):
    page = look_through(desk, ticket, b"AAAA-1\nAAAA-2").text
    sealed = re.search(r'name="codes" value="([^"]+)"', page)
    assert sealed
    for _time in range(2):
        answer = desk.post(f"/office/catalogue/{ticket.product_id}/codes", data={"codes": sealed[1]})
        assert answer.status_code == 303

    assert stage.stock(ticket) == (2, 0)


@pytest.mark.parametrize(
    "content",
    [
        b"A" * (300 * 1024),
        b"\n".join(b"C%06d" % number for number in range(1_000_000)),
        b"\n".join(b"C%05d" % number for number in range(5_002)),
    ],
    ids=["one long row", "a million rows", "a few rows too many"],
)
def test_sec_83_a_file_too_large_gets_a_sentence(desk, ticket, content):
    page = look_through(desk, ticket, content)

    assert page.status_code == 422
    assert "Upload at most 5,000 codes and 256 KB at once" in page.text
    assert count_of_codes() == 0


def test_sec_83_the_largest_file_that_is_taken_can_be_confirmed(stage, desk, ticket):
    rows = [f"{number:04}{'券' * 31}" for number in range(256 * 1024 // 98)]

    answer = upload(desk, ticket, "\n".join(rows).encode())

    assert answer.status_code == 200
    assert stage.stock(ticket) == (len(rows), 0)


@pytest.mark.parametrize("content", [b"PK\x03\x04\xff\xfe\x00", b"\xff\xfeA\x00B\x00", b"AB\x00CD\n", b"", b"\n\n"])
def test_sec_83_what_is_no_list_of_codes_gets_a_sentence(desk, ticket, content):
    assert look_through(desk, ticket, content).status_code == 422
    assert count_of_codes() == 0


def test_sec_83_a_row_longer_than_any_code_is_named_by_its_number(stage, desk, ticket):
    page = look_through(desk, ticket, b"A" * 200_000 + b"\nGOOD-1\n")

    assert page.status_code == 200
    assert "Row 1:" in page.text
    upload(desk, ticket, b"A" * 200_000 + b"\nGOOD-1\n")
    assert stage.stock(ticket) == (1, 0)


def test_sec_83_codes_that_nobody_looked_through_are_not_taken(stage, desk, ticket):
    for made_up in ("", "AAAA-1", "gAAAAABm"):
        answer = desk.post(f"/office/catalogue/{ticket.product_id}/codes", data={"codes": made_up})
        assert (answer.status_code, "Choose the file once more" in answer.text) == (422, True)
    other = stage.item("Music voucher", kind="code", stock=0)
    sealed = re.search(r'name="codes" value="([^"]+)"', look_through(desk, ticket, b"AAAA-1").text)
    assert sealed
    assert desk.post(f"/office/catalogue/{other.product_id}/codes", data={"codes": sealed[1]}).status_code == 404
    assert count_of_codes() == 0


@pytest.mark.parametrize("cell", ["=1+1AA", "+AAAA-1", "-AAAA-1", "@AAAA-1", "\tAAAA\t1", '"=cmd|x"'])
def test_sec_78_a_cell_that_a_spreadsheet_would_compute_is_no_code(stage, desk, ticket, cell):
    page = look_through(desk, ticket, f"{cell}\nGOOD-1\n".encode())

    assert page.status_code == 200
    assert "Row 1:" in page.text
    upload(desk, ticket, f"{cell}\nGOOD-1\n".encode())
    assert stage.stock(ticket) == (1, 0)


def test_sec_76_markup_in_a_code_is_shown_as_text(app, stage, desk, ticket):
    mei = signed_in(app, stage.member("mei"))
    upload(desk, ticket, b"<script>alert(1)</script>")
    number, code_id = redeemed(stage, "mei", ticket)

    page = mei.post(f"/orders/{number}/codes/{code_id}").text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page
