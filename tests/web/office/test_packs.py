"""Packs at the desk: made of several coupons, given to a member, handed out as codes, changed while nobody has one."""

import pytest

from mall.base.db import reading
from mall.domain import coupons
from tests.web.office.forms import form_of, send


@pytest.fixture
def kinds(stage):
    """Ten off, and free delivery."""
    return stage.coupon_kind(), stage.coupon_kind(title={"en": "Free parcel"}, kind="shipping", amount_cents=None)


def make(browser, kinds, **typed):
    plain = {"title_en": "Welcome", "kind_1": str(kinds[0]), "pieces_1": "2", "kind_2": str(kinds[1]), "pieces_2": "1"}
    return send(browser, "/office/coupons/packs/new", "", **(plain | typed))


def coupons_of(member_id):
    with reading():
        return coupons.coupons_of(member_id)


def test_a_pack_is_made_and_listed(desk, kinds):
    answer = make(desk, kinds, total_limit="5", title_zh="欢迎礼包")

    assert answer.location == "/office/coupons/3"
    page = desk.get("/office/coupons/3").text
    assert "2 × Ten off" in page and "1 × Free parcel" in page and "of 5 at most" in page
    listed = desk.get("/office/coupons").text
    assert "2 × Ten off, 1 × Free parcel" in listed
    assert "Pack made" in desk.get("/office/audit").text


def test_one_kind_named_twice_is_added_up(desk, kinds):
    make(desk, kinds, kind_2=str(kinds[0]))

    with reading():
        assert [(part.id, part.pieces) for part in coupons.parts_of([3])[3]] == [(kinds[0], 3)]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"title_en": ""}, "Give the coupon a name."),
        ({"pieces_1": ""}, "Say how many."),
        ({"kind_1": "0"}, "Choose the coupon."),
        ({"kind_1": "77"}, "Choose one of the list."),
        ({"pieces_1": "two"}, "Write a whole number."),
        ({"pieces_1": "-1"}, "of each at least one"),
        ({"pieces_1": "999"}, "A pack holds 20 coupons of 6 kinds at most"),
        ({"pieces_1": "1", "kind_2": "0", "pieces_2": ""}, "Put at least two coupons in the pack."),
        ({"total_limit": "0"}, "Use a whole number from 1 to"),
        ({"member_limit": "9" * 30}, "Use a whole number from 1 to"),
        ({"ends_at": "2020-01-01T00:00"}, "That is over already. Let it end later."),
    ],
)
def test_bad_input_gets_a_sentence_and_stays_as_typed(desk, kinds, typed, sentence):
    answer = make(desk, kinds, **typed)

    assert answer.status_code == 422
    assert sentence in answer.text
    kept = form_of(answer.text, "")
    assert kept["pieces_2"] == typed.get("pieces_2", "1")
    with reading():
        assert coupons.templates()[1] == 2


def test_all_that_is_wrong_is_said_in_one_round(desk, kinds):
    answer = make(desk, kinds, title_en="", pieces_1="1", kind_2="0", pieces_2="", total_limit="0", member_limit="x")

    said = ("Give the coupon a name.", "Put at least two coupons in the pack.", "Use a whole number from 1 to",
            "Write a whole number.")  # fmt: skip
    assert answer.status_code == 422 and [words in answer.text for words in said] == [True] * len(said)


def test_a_pack_is_given_to_a_member_once(desk, stage, mei, kinds):
    make(desk, kinds)
    page = f"/office/coupons/members/{mei}"
    fields = form_of(desk.get(page).text, page) | {"template_id": "3", "reason": "A late parcel"}
    assert "Pack: Welcome" in desk.get(page).text
    for _press in range(2):
        assert desk.post(page, data=fields).status_code == 303

    assert len(coupons_of(mei)) == 3
    assert "by hand, in a pack" in " ".join(desk.get(page).text.split())


def test_a_pack_that_cannot_be_given_says_which_coupon_is_in_the_way(desk, stage, mei, kinds):
    make(desk, kinds)
    send(desk, f"/office/coupons/{kinds[1]}", f"/office/coupons/{kinds[1]}/withdrawal")

    page = f"/office/coupons/members/{mei}"
    answer = send(desk, page, page, template_id="3", reason="A late parcel")

    assert answer.status_code == 422
    assert "The coupon “Free parcel” in this pack is no longer given out" in answer.text
    assert form_of(answer.text, page)["reason"] == "A late parcel"
    assert coupons_of(mei) == []
    assert "No longer given out, so the pack is not" in desk.get("/office/coupons/3").text
    send(desk, f"/office/coupons/{kinds[1]}", f"/office/coupons/{kinds[1]}/withdrawal/end")
    assert send(desk, page, page, template_id="3", reason="Now").status_code == 303
    assert len(coupons_of(mei)) == 3


def test_codes_of_a_pack_come_as_a_file_and_each_gives_all_of_it(desk, stage, mei, kinds):
    make(desk, kinds)
    answer = send(desk, "/office/coupons/3", "/office/coupons/3/codes", count="2")
    assert answer.mimetype == "text/csv"
    wrong = send(desk, "/office/coupons/3", "/office/coupons/3/codes", count="0")
    assert wrong.status_code == 422 and "It holds" in wrong.text and "Enter a number from 1 to 5,000." in wrong.text


def test_while_nobody_has_it_what_is_in_it_may_change_then_only_when_and_how_often(desk, stage, mei, kinds):
    make(desk, kinds)
    answer = send(desk, "/office/coupons/3", "/office/coupons/packs/3", pieces_1="3", title_en="Hello")
    assert answer.status_code == 303
    page = f"/office/coupons/members/{mei}"
    send(desk, page, page, template_id="3", reason="Welcome")
    assert len(coupons_of(mei)) == 4

    fields = form_of(desk.get("/office/coupons/3").text, "/office/coupons/packs/3")
    assert "kind_1" not in fields
    assert desk.post("/office/coupons/packs/3", data=fields | {"total_limit": "9", "pieces_1": "1"}).status_code == 303
    stale = desk.post("/office/coupons/packs/3", data=fields | {"title_en": "Mine"})
    assert stale.status_code == 422 and "Somebody else changed this pack meanwhile." in stale.text
    assert 'value="Mine"' in stale.text
    with reading():
        assert (coupons.pack_of(3).total_limit, coupons.parts_of([3])[3][0].pieces) == (9, 3)


def test_what_is_no_pack_has_no_page_as_one(desk, kinds):
    assert desk.post(f"/office/coupons/packs/{kinds[0]}", data={}).status_code == 404
    assert desk.post("/office/coupons/packs/99", data={}).status_code == 404
