"""A form that is sent again does nothing more: the same has the first answer, another is told what was done.

What is given back then is a new form: sent as it stands, it is done.
"""

import html
import io

import pytest
from sqlalchemy import func, select

from mall.base.db import execute, reading
from mall.domain import audit, coupons, ledger
from tests.domain.consultation.asked import ask as ask_a_question
from tests.web.office.forms import form_of
from tests.web.office.test_campaigns import PLAIN as CAMPAIGN
from tests.web.office.test_partners import NEW as PARTNER
from tests.web.office.test_stamp_cards import PLAIN as STAMP_CARD
from tests.web.office.test_task_drafts import fields_of

NOTHING_MORE = "Nothing more was done."


@pytest.fixture
def ada(adm, enter):
    """An administrator's browser."""
    return enter(adm)


def acts():
    """Return how many entries and postings there are: whatever a form does leaves one of them."""
    with reading():
        entries = execute(select(func.count()).select_from(audit.Entry)).scalar_one()
        return entries, execute(select(func.count()).select_from(ledger.Posting)).scalar_one()


def is_done_once(browser, address, fields, other, said, *, same=(302, 303), at=None, then=None):
    """Send a form twice, then with other values: it is done once, and the last is told what was done.

    The form that is given back then is sent as it stands, with what it is to say besides (`then`): that is done, too.
    `at` is where the page says it is sent to, if not to the page itself.
    """
    first = browser.post(address, data=fields)
    assert first.status_code in (302, 303), first.text
    done = acts()

    again = browser.post(address, data=fields)
    assert (again.status_code in same, again.location) == (True, first.location)
    assert acts() == done

    otherwise = browser.post(address, data=fields | other)
    assert otherwise.status_code == 422
    page = html.unescape(otherwise.text)
    assert said in page and NOTHING_MORE in page
    assert acts() == done

    given_back = form_of(otherwise.text, "" if at is None else at)
    key = next(name for name in given_back if name.endswith("key") and name in fields)
    assert given_back[key] not in ("", fields[key])
    assert other.items() <= given_back.items()
    anew = browser.post(address, data=given_back | (then or {}))
    assert anew.status_code in (302, 303), anew.text
    assert acts() != done
    return otherwise.text


@pytest.mark.parametrize(
    ("points", "other", "said"),
    [
        ("500", {"points": "400"}, "it has adjusted points by 500 (“Goodwill”)"),
        ("500", {"direction": "take"}, "it has adjusted points by 500 (“Goodwill”)"),
        ("500", {"document": "T-18"}, "it has adjusted points by 500 (“Goodwill”)"),
        ("2,000", {"reason": "misuse"}, "an adjustment by 2,000 points (“Goodwill”) was asked for with it"),
    ],
)
def test_an_adjustment(desk, stage, mei, points, other, said):
    page = f"/office/adjustments/members/{mei}"
    fields = form_of(desk.get(page).text, "") | {"points": points, "reason": "goodwill"}
    is_done_once(desk, page, fields, other, said)


@pytest.mark.parametrize("other", [{"rank": "4"}, {"last_day": "2026-07-01"}, {"reason": "Twice"}], ids=str)
def test_a_granted_level(desk, mei, other):
    page = f"/office/members/{mei}/levels"
    fields = form_of(desk.get(page).text, page) | {"rank": "3", "last_day": "2026-06-30", "reason": "Once"}
    is_done_once(desk, page, fields, other, "until 30 June 2026", at=page)


@pytest.mark.parametrize("other", [{"multiplier_percent": "300"}, {"title_zh": "双倍"}, {"reason": "Other"}], ids=str)
def test_a_campaign(desk, other):
    page = "/office/campaigns/new"
    fields = form_of(desk.get(page).text, "") | CAMPAIGN
    text = is_done_once(desk, page, fields, other, "it has drafted the campaign “Double points Saturday”")
    assert next(iter(other.values())) in text


@pytest.mark.parametrize("other", [{"stamps_needed": "12"}, {"least_cents": "6.00"}], ids=str)
def test_a_stamp_card(desk, stage, other):
    stage.coupon_kind()
    page = "/office/stamp-cards/new"
    fields = form_of(desk.get(page).text, "") | STAMP_CARD
    is_done_once(desk, page, fields, other, "it has drafted the stamp card “Buy ten”")


def test_a_campaign_that_was_changed_since_is_still_the_first_forms(desk):
    page = "/office/campaigns/new"
    fields = form_of(desk.get(page).text, "") | CAMPAIGN
    desk.post(page, data=fields)
    shown = form_of(desk.get("/office/campaigns/1").text, "/office/campaigns/1") | {
        "multiplier_percent": "400",
        "reason": "More",
    }
    assert desk.post("/office/campaigns/1", data=shown).status_code == 303

    assert desk.post(page, data=fields).location == "/office/campaigns/1"


@pytest.mark.parametrize("other", [{"amount_cents": "11.00"}, {"title_en": "Eleven off"}], ids=str)
def test_a_kind_of_coupon(desk, other):
    page = "/office/coupons/new"
    ten = {"title_en": "Ten off", "kind": "amount", "amount_cents": "10.00", "valid_days": "30"}
    fields = form_of(desk.get(page).text, "") | ten
    is_done_once(desk, page, fields, other, "it has made the coupon “Ten off”")


def test_a_pack(desk, stage):
    kinds = [str(stage.coupon_kind()), str(stage.coupon_kind(title={"en": "Free parcel"}))]
    page = "/office/coupons/packs/new"
    pack = {"title_en": "Welcome", "kind_1": kinds[0], "pieces_1": "2", "kind_2": kinds[1], "pieces_2": "1"}
    fields = form_of(desk.get(page).text, "") | pack
    is_done_once(desk, page, fields, {"pieces_1": "3"}, "it has made the pack “Welcome”")


@pytest.mark.parametrize("other", [{"template_id": "2"}, {"reason": "Another"}], ids=str)
def test_a_coupon_given_by_hand(desk, stage, mei, other):
    stage.coupon_kind()
    stage.coupon_kind(title={"en": "Free parcel"})
    page = f"/office/coupons/members/{mei}"
    fields = form_of(desk.get(page).text, page) | {"template_id": "1", "reason": "A late parcel"}
    is_done_once(desk, page, fields, other, "it has given “Ten off”", at=page)


def test_a_coupon_given_by_hand_is_not_taken_for_another_members(desk, stage, mei):
    stage.coupon_kind()
    page = f"/office/coupons/members/{mei}"
    fields = form_of(desk.get(page).text, page) | {"template_id": "1", "reason": "A late parcel"}
    desk.post(page, data=fields)
    tom = stage.member("tom")

    answer = desk.post(f"/office/coupons/members/{tom}", data=fields)

    assert answer.status_code == 422 and "it has given “Ten off”" in answer.text
    with reading():
        assert coupons.coupons_of(tom) == []


def test_codes_of_a_coupon(desk, stage):
    """The same again makes none either, since their file was handed out; what is given back makes as many more."""
    page = f"/office/coupons/{stage.coupon_kind()}"
    fields = form_of(desk.get(page).text, f"{page}/codes") | {"count": "3", "each_for": "1"}
    assert desk.post(f"{page}/codes", data=fields).status_code == 200
    done = acts()

    for other, said in (({}, "made already"), ({"count": "4"}, "it has made 3 codes, each for so many members: 1")):
        answer = desk.post(f"{page}/codes", data=fields | other)
        assert answer.status_code == 422 and said in answer.text
        given_back = form_of(answer.text, f"{page}/codes")
        assert given_back["key"] not in ("", fields["key"])
    assert acts() == done
    assert desk.post(f"{page}/codes", data=given_back).text.count("\n") == 5


def test_coupons_given_from_a_file(desk, stage, mei):
    """Another file under the form of the first gives nobody anything before it was looked at."""
    tom = stage.member("tom")
    page = f"/office/coupons/{stage.coupon_kind()}/list"
    file = {"file": (io.BytesIO(b"member\nmei@example.com\n"), "members.csv"), "reason": "A late parcel"}
    shown = desk.post(page, data=form_of(desk.get(page).text, "") | file)
    fields = form_of(shown.text, "") | {"confirm": "1"}
    other, said = {"text": "member\ntom@example.com\n"}, "with a file that gives to so many members: 1"
    text = is_done_once(desk, page, fields, other, said, then={"confirm": "1"})
    assert "tom@example.com" in text
    with reading():
        assert [len(coupons.coupons_of(who)) for who in (mei, tom)] == [1, 1]


@pytest.mark.parametrize("other", [{"name": "Rides & Co"}, {"month_points": "9"}, {"reason": "Other"}], ids=str)
def test_a_partner(ada, other):
    page = "/office/partners/new"
    fields = form_of(ada.get(page).text, "") | PARTNER
    is_done_once(
        ada,
        page,
        fields,
        other,
        "it has proposed the partner “Rides”",
        then={"name": "More rides"} if "name" not in other else None,
    )


@pytest.mark.parametrize("other", [{"check_in-points": "13"}, {"reason": "Other"}], ids=str)
def test_a_draft_of_the_tasks(ada, other):
    page = "/office/programme/drafts/tasks"
    fields = fields_of(ada.get(page).text) | {"reason": "Twice", "check_in-points": "12"}
    is_done_once(ada, page, fields, other, "it has drafted version 2")


@pytest.mark.parametrize("act", ["receive", "add", "take"])
@pytest.mark.parametrize("other", [{"m1-pieces": "4"}, {"m1-reason": "Other"}], ids=str)
def test_a_move_of_stock(desk, stage, mug, act, other):
    page = f"/office/stock/{mug.product_id}"
    address = f"{page}/variants/{mug.variant_id}/moves"
    fields = form_of(desk.get(page).text, address) | {"m1-act": act, "m1-pieces": "3", "m1-reason": "Because"}
    said = f"it has changed the stock by {'-3' if act == 'take' else '3'}"
    is_done_once(desk, address, fields, other, said, at=address)


@pytest.mark.parametrize(
    "other", [{"title_en": "Tea sieve"}, {"new-sku": "TS-10"}, {"new-prices-1-points": "8"}], ids=str
)
def test_a_new_item(desk, other):
    page = "/office/catalogue/new"
    item = {"title_en": "Tea strainer", "new-sku": "TS-9", "new-prices-1-points": "9"}
    fields = form_of(desk.get(page).text, "") | item
    is_done_once(desk, page, fields, other, "it has made the item “Tea strainer”", then={"new-sku": "TS-11"})


def test_an_answer_to_a_question(desk, stage, mei, mug):
    page = f"/office/questions/{ask_a_question(stage, mei, mug).id}"
    fields = form_of(desk.get(page).text, f"{page}/answers") | {"words": "Yes, in the dishwasher too."}
    address = f"{page}/answers"
    is_done_once(desk, address, fields, {"words": "No."}, "its answer has gone to the member", at=address)
