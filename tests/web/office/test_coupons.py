"""Coupons at the desk: made, changed while nobody has one, handed out as codes, given, taken back for a reason."""

import csv
import io

import pytest

from mall.base.db import reading, transaction
from mall.domain import catalogue, coupons
from tests.stage import NOON
from tests.web.office.forms import form_of, send

TEN = {"title_en": "Ten off", "kind": "amount", "amount_cents": "10.00", "valid_days": "30"}


def make(browser, **typed):
    return send(browser, "/office/coupons/new", "", **(TEN | typed))


def template(number=1):
    with reading():
        return coupons.template_of(number)


def coupons_of(member_id):
    with reading():
        return coupons.coupons_of(member_id)


def test_a_coupon_is_made_and_listed(desk, stage):
    answer = make(desk, threshold_cents="60", member_limit="2", min_rank="3", stackable="y")

    assert answer.location == "/office/coupons/1"
    row = template()
    assert (row.amount_cents, row.threshold_cents, row.member_limit, row.min_rank, row.stackable) == (
        1_000, 6_000, 2, 3, True,
    )  # fmt: skip
    page = desk.get("/office/coupons").text
    assert "Ten off" in page and "$10.00 off" in page and "from $60.00 in cash" in page
    assert "Coupon made" in desk.get("/office/audit").text


def test_a_form_sent_twice_makes_one(desk, stage):
    fields = form_of(desk.get("/office/coupons/new").text, "") | TEN
    for _press in range(2):
        assert desk.post("/office/coupons/new", data=fields).status_code == 302

    with reading():
        assert coupons.templates()[1] == 1


def test_it_may_be_for_categories_or_for_items(desk, stage, mug):
    with transaction():
        category = catalogue.create_category({"en": "Table"}, by="staff:1", at=NOON)
    make(desk, scope="category", categories=[str(category)])
    make(desk, scope="product", skus=" SKU-1 ，SKU-1")

    with reading():
        assert (coupons.scope_of(1), coupons.scope_of(2)) == ([category], [mug.product_id])
    assert form_of(desk.get("/office/coupons/2").text, "/office/coupons/2")["skus"] == "SKU-1"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"title_en": ""}, "Give the coupon a name."),
        ({"amount_cents": ""}, "Say how much the coupon takes off."),
        ({"amount_cents": "ten"}, "Write an amount like 15.90."),
        ({"amount_cents": "0"}, "Write an amount from $0.01 to $10,000,000.00."),
        ({"amount_cents": "1" + "0" * 20}, "Write an amount from $0.01 to $10,000,000.00."),
        ({"kind": "percent", "percent": "101"}, "Use a whole number from 1 to 100."),
        ({"kind": "percent"}, "Say how many per cent the coupon takes off."),
        ({"kind": "gold"}, "Choose one of the list."),
        ({"valid_days": ""}, "Say until when the coupon can be used, or for how many days."),
        ({"valid_days": "1.5"}, "Write a whole number."),
        ({"starts_at": "2026-05-02T00:00", "ends_at": "2026-05-01T00:00"}, "It must end after it starts."),
        ({"ends_at": "2020-01-01T00:00"}, "That is over already. Let it end later."),
        ({"scope": "product", "skus": "NONE"}, "There is no item with the SKU NONE."),
        ({"scope": "product"}, "Choose what the coupon is for."),
        ({"scope": "category"}, "Choose what the coupon is for."),
        ({"total_limit": "0"}, "Use a whole number from 1 to 1,000,000,000."),
        ({"total_limit": "9" * 18}, "Use a whole number from 1 to 1,000,000,000."),
        ({"min_rank": "77"}, "Choose one of the list."),
    ],
)
def test_bad_input_gets_a_sentence_and_stays_as_typed(desk, stage, typed, sentence):
    answer = make(desk, **typed)

    assert answer.status_code == 422
    assert sentence in answer.text
    kept = form_of(answer.text, "")
    assert kept["valid_days"] == typed.get("valid_days", "30")
    with reading():
        assert coupons.templates()[1] == 0


def test_all_that_is_wrong_is_said_in_one_round(desk, stage):
    wrong = {"title_en": "", "amount_cents": "", "valid_days": "", "scope": "product"}
    answer = make(desk, **wrong, total_limit="many", min_rank="77")

    said = (
        "Give the coupon a name.", "Say how much the coupon takes off.", "Write a whole number.",
        "Say until when the coupon can be used", "Choose what the coupon is for.", "Choose one of the list.",
    )  # fmt: skip
    assert answer.status_code == 422
    assert [words in answer.text for words in said] == [True] * len(said)
    assert answer.text.count('aria-invalid="true"') == len(said)


def test_what_a_change_cannot_be_is_said_with_what_is_wrong_else(desk, stage, mei):
    make(desk, total_limit="5")
    stage.coupon(mei, of=1)

    answer = send(desk, "/office/coupons/1", "/office/coupons/1", total_limit="", title_en="")

    assert answer.status_code == 422
    assert "Give the coupon a name." in answer.text and "Members have this coupon already" in answer.text


def test_why_a_coupon_cannot_be_given_is_said_with_a_missing_reason(desk, stage, mei):
    make(desk, member_limit="1")
    page = f"/office/coupons/members/{mei}"
    assert send(desk, page, page, template_id="1", reason="First").status_code == 303

    answer = send(desk, page, page, template_id="1", reason="")

    assert answer.status_code == 422
    assert "Say why." in answer.text and 'id="template_id-error"' in answer.text


def test_while_nobody_has_it_everything_may_change(desk, stage):
    make(desk)

    answer = send(desk, "/office/coupons/1", "/office/coupons/1", amount_cents="12.50", title_en="More off")

    assert answer.status_code == 303
    assert (template().amount_cents, template().title) == (1_250, {"en": "More off"})


def test_once_somebody_has_it_only_name_and_total_may(desk, stage, mei):
    make(desk, total_limit="5")
    stage.coupon(mei, of=1)
    page = desk.get("/office/coupons/1").text
    assert "Members have this coupon, or can have it." in page
    assert "amount_cents" not in form_of(page, "/office/coupons/1")

    answer = send(desk, "/office/coupons/1", "/office/coupons/1", total_limit="9", title_en="Ten", amount_cents="1.00")

    assert answer.status_code == 303
    assert (template().amount_cents, template().total_limit, template().title) == (1_000, 9, {"en": "Ten"})


def test_two_who_change_one_see_each_other(desk, stage):
    make(desk)
    mine = form_of(desk.get("/office/coupons/1").text, "/office/coupons/1")
    send(desk, "/office/coupons/1", "/office/coupons/1", title_en="Theirs")

    answer = desk.post("/office/coupons/1", data=mine | {"title_en": "Mine"})

    assert answer.status_code == 422
    assert "Somebody else changed this coupon meanwhile." in answer.text and 'value="Mine"' in answer.text
    assert template().title == {"en": "Theirs"}


def test_codes_come_as_a_file_once(desk, stage):
    make(desk)
    fields = form_of(desk.get("/office/coupons/1").text, "/office/coupons/1/codes") | {"count": "3"}

    answer = desk.post("/office/coupons/1/codes", data=fields)

    assert answer.mimetype == "text/csv"
    assert "attachment; filename=coupon-1-codes.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert rows[0] == ["Coupon code"] and len(rows) == 4 and len(rows[1][0]) == 19
    again = desk.post("/office/coupons/1/codes", data=fields)
    assert again.status_code == 422 and "These codes were made already" in again.text
    page = desk.get("/office/coupons/1").text
    assert "Codes made" in page and rows[1][0] not in page
    assert rows[1][0] not in desk.get("/office/audit").text


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"count": ""}, "Say how many codes."),
        ({"count": "5001"}, "Enter a number from 1 to 5,000."),
        ({"count": "1", "each_for": "0"}, "Enter a number from 1 to 1,000,000."),
    ],
)
def test_numbers_of_codes_have_bounds(desk, stage, typed, sentence):
    make(desk)

    answer = send(desk, "/office/coupons/1", "/office/coupons/1/codes", **typed)

    assert answer.status_code == 422 and sentence in answer.text
    assert form_of(answer.text, "/office/coupons/1/codes")["count"] == typed["count"]


def test_what_is_withdrawn_makes_no_codes(desk, stage):
    make(desk)
    fields = form_of(desk.get("/office/coupons/1").text, "/office/coupons/1/codes") | {"count": "3"}
    for _press in range(2):
        assert desk.post("/office/coupons/1/withdrawal").status_code == 303

    answer = desk.post("/office/coupons/1/codes", data=fields)

    assert answer.status_code == 422 and "This kind of coupon is no longer given out." in answer.text
    assert "Withdrawn" in desk.get("/office/coupons").text


def test_an_item_can_give_it(desk, stage, mei):
    voucher = stage.item("Voucher", kind="coupon")
    make(desk)

    send(desk, "/office/coupons/1", "/office/coupons/1/items", product_id=str(voucher.product_id))

    assert "Voucher" in desk.get("/office/coupons/1").text
    stage.give(mei, 800)
    stage.put_in(mei, voucher)
    stage.place(mei)
    assert len(coupons_of(mei)) == 1


def test_one_with_a_limit_of_its_own_is_not_sold(desk, stage):
    voucher = stage.item("Voucher", kind="coupon")
    make(desk, total_limit="5")

    answer = send(desk, "/office/coupons/1", "/office/coupons/1/items", product_id=str(voucher.product_id))

    assert answer.status_code == 422 and "Limit the item instead." in answer.text


@pytest.mark.parametrize("typed", ["", "x", "0", "999999"])
def test_what_is_no_item_gives_nothing(desk, stage, typed):
    make(desk)

    assert desk.post("/office/coupons/1/items", data={"product_id": typed}).status_code == 422


def test_a_member_is_given_one_once_for_a_reason(desk, stage, mei):
    make(desk)
    page = f"/office/coupons/members/{mei}"
    fields = form_of(desk.get(page).text, page) | {"template_id": "1", "reason": "A late parcel"}
    for _press in range(2):
        assert desk.post(page, data=fields).status_code == 303

    assert [(row.source, row.state) for row in coupons_of(mei)] == [("operator", "usable")]
    assert "A late parcel" in desk.get("/office/audit").text
    assert f"/office/coupons/members/{mei}" in desk.get(f"/office/members/{mei}").text


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"reason": ""}, "Say why."),
        ({"reason": "x" * 201}, "Use at most 200"),
        ({"template_id": "9"}, "Choose one of"),
    ],
)
def test_giving_needs_a_coupon_and_a_reason(desk, stage, mei, typed, sentence):
    make(desk)
    page = f"/office/coupons/members/{mei}"

    answer = send(desk, page, page, **({"template_id": "1", "reason": "Why not"} | typed))

    assert answer.status_code == 422 and sentence in answer.text
    assert coupons_of(mei) == []


def test_one_that_was_not_used_is_taken_back_for_a_reason(desk, stage, mei):
    coupon = stage.coupon(mei)
    address = f"/office/coupons/members/{mei}/{coupon}/revocation"
    bare = desk.post(address, data={f"c{coupon}-reason": " "})
    assert bare.status_code == 422 and "Say why." in bare.text

    assert desk.post(address, data={f"c{coupon}-reason": "A mistake"}).status_code == 303

    assert stage.coupon_state(coupon) == "revoked"
    assert "A mistake" in desk.get("/office/audit").text
    again = desk.post(address, data={f"c{coupon}-reason": "Again"})
    assert again.status_code == 422 and "can no longer be used" in again.text


def test_what_there_is_not_is_not_there(desk, stage, mei):
    tom = stage.member("tom")
    coupon = stage.coupon(tom)
    for address in ("/office/coupons/77", "/office/coupons/members/77"):
        assert desk.get(address).status_code == 404
    for address in ("77/withdrawal", "77/codes", "77/items", "77", f"members/{mei}/{coupon}/revocation"):
        data = TEN | {"count": "1", "each_for": "1", "product_id": "1", f"c{coupon}-reason": "Why"}
        assert desk.post(f"/office/coupons/{address}", data=data).status_code == 404, address
    assert stage.coupon_state(coupon) == "usable"


def test_the_list_costs_as_many_statements_for_many_as_for_one(desk, stage, count_statements):
    make(desk)
    desk.get("/office/coupons")
    count_statements.clear()
    desk.get("/office/coupons")
    for_one = len(count_statements)
    for _time in range(4):
        make(desk)
    count_statements.clear()
    desk.get("/office/coupons")

    assert len(count_statements) == for_one <= 6
