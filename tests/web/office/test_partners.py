"""The desk's partners: one administrator proposes, another approves, the key is shown once to who did not approve."""

import re

import pytest
from sqlalchemy import text

from mall.base.db import execute, reading, transaction
from mall.domain import partners
from tests import cast
from tests.domain.ledger.test_proof import lower_the_guards
from tests.stage import NOON

NEW = {
    "name": "Rides",
    "earn_points": "1",
    "earn_per_cents": "0.10",
    "with_level": "y",
    "growth_per_cents": "",
    "ready_after_days": "3",
    "purchase_points": "400",
    "member_day_points": "1,000",
    "month_points": "50,000",
    "reason": "Agreed with Rides",
    "key": "form-1",
}
PAGE = "/office/partners/1"


@pytest.fixture
def ada(adm, enter):
    """Ada's browser; Bea is there as well."""
    return enter(adm)


@pytest.fixture
def bea(ada, enter):
    return enter(cast.hire("bea", at=NOON))


def add(desk, **changes):
    return desk.post("/office/partners/new", data=NEW | changes)


def change(desk, seen, **changes):
    return desk.post(PAGE, data=NEW | {"seen_version": str(seen)} | changes)


def approve(desk, seen=1):
    return desk.post(f"{PAGE}/approval", data={"seen_version": str(seen)})


def shown_key(page):
    found = re.search(r'<p class="secret">([\w-]{43})</p>', page)
    return found and found[1]


def holder(key):
    with reading():
        return partners.key_holder(key)


def test_a_partner_is_proposed_approved_by_another_and_its_key_is_shown_once(ada, bea):
    assert add(ada).status_code == add(ada).status_code == 303
    assert "Nobody approves their own" in ada.get(PAGE).text
    assert approve(ada).status_code == 422
    assert ada.post(f"{PAGE}/key").status_code == 422
    assert "Agreed with Rides" in bea.get(PAGE).text

    assert approve(bea).status_code == approve(bea).status_code == 303
    assert ada.post(f"{PAGE}/key").status_code == 303
    first, again = ada.get(PAGE).text, ada.get(PAGE).text

    partner = holder(shown_key(first))
    assert (partner.name, partner.earn_per_cents, partner.with_level) == ("Rides", 10, True)
    assert (partner.ready_after_days, partner.member_day_points, partner.month_points) == (3, 1_000, 50_000)
    assert partner.purchase_points == 400
    assert shown_key(again) is None
    assert "Rides" in ada.get("/office/partners").text


def test_who_approved_sees_no_way_to_the_key_and_is_refused_it(ada, bea):
    add(ada)
    approve(bea)

    page = bea.get(PAGE).text
    assert "Make its key" not in page
    assert "Make its key" in ada.get(PAGE).text
    answer = bea.post(f"{PAGE}/key")
    assert answer.status_code == 422
    assert "You approved what this partner gives, so you cannot have its key." in " ".join(answer.text.split())
    assert shown_key(bea.get(PAGE).text) is None


def test_the_key_is_shown_to_nobody_else(ada, bea):
    add(ada)
    approve(bea)
    ada.post(f"{PAGE}/key")
    assert shown_key(bea.get(PAGE).text) is None
    assert shown_key(ada.get(PAGE).text)


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(ada):
    answer = add(ada, earn_per_cents="0", ready_after_days="many", name="", reason="")

    assert answer.status_code == 422
    assert "Enter the name that members will read." in answer.text
    assert "Say why; it is kept with the request to approve it." in answer.text
    assert 'value="many"' in answer.text
    answer = add(ada, earn_per_cents="0")
    assert "Choose from $0.01 to $10,000.00." in answer.text
    assert 'value="1,000"' in answer.text


def test_all_figures_that_are_out_of_bounds_are_said_with_what_is_missing(ada):
    answer = add(ada, earn_points="-1", earn_per_cents="0", ready_after_days="9999", reason="")
    assert answer.status_code == 422
    wrong = ("earn_points", "earn_per_cents", "ready_after_days", "reason")
    assert [f'id="{name}-error"' in answer.text for name in wrong] == [True] * 4


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("member_day_points", "", "Enter a limit: it bounds what a key can do."),
        ("month_points", "", "Enter a limit: it bounds what a key can do."),
        ("purchase_points", "", "Enter a limit: it bounds what a key can do."),
        ("purchase_points", "0", "Choose a whole number from 1 to 10,000,000."),
        ("month_points", "0", "Choose a whole number from 1 to 1,000,000,000."),
        ("month_points", "9" * 40, "Choose a whole number from 1 to 1,000,000,000."),
        ("member_day_points", "-5", "Choose a whole number from 1 to 10,000,000."),
        ("member_day_points", "plenty", "Write a whole number."),
        ("earn_points", "-1", "Choose a whole number from 0 to 1,000,000."),
        ("earn_points", "9" * 40, "Choose a whole number from 0 to 1,000,000."),
        ("earn_points", "1.5", "Write a whole number."),
        ("earn_per_cents", "-1", "Write an amount like 15.90."),
        ("earn_per_cents", "lots", "Write an amount like 15.90."),
        ("earn_per_cents", "9" * 40, "Choose from $0.01 to $10,000.00."),
        ("growth_per_cents", "0", "Choose from $0.01 to $10,000.00."),
        ("ready_after_days", "400", "Choose a whole number from 0 to 365."),
        ("ready_after_days", "soon", "Write a whole number."),
    ],
)
def test_whatever_is_typed_into_a_field_gets_a_sentence_there(ada, field, typed, sentence):
    answer = add(ada, **{field: typed})

    assert answer.status_code == 422
    wrong = answer.text.split(f'id="{field}-error"')[1].split("</p>")[0]
    assert sentence in wrong
    assert ada.get(PAGE).status_code == 404


def test_the_form_proposes_limits(ada):
    page = ada.get("/office/partners/new").text

    assert 'value="2000"' in page and 'value="200000"' in page


def test_every_version_says_all_it_gives_and_what_it_changed(ada, bea):
    add(ada)
    approve(bea)
    change(ada, 1, earn_points="5", member_day_points="800", growth_per_cents="1.00")

    rows = re.findall(r'<ul class="outcomes change">(.*?)</ul>', ada.get(PAGE).text, re.DOTALL)
    newest, first = (" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows)
    assert "Most points a member may earn here a day: before 1,000 → 800" in newest
    assert "One growth for every: before – → $1.00" in newest
    assert "Days until the points are ready: 3" in newest
    assert "Most points all members may earn here a month: 50,000" in first and "→" not in first


def test_a_new_key_is_shown_and_a_revoked_one_is_said_so(ada, bea):
    add(ada)
    approve(bea)
    for _twice in range(2):
        ada.post(f"{PAGE}/key")
        key = shown_key(ada.get(PAGE).text)
    assert holder(key).name == "Rides"

    ada.post(f"{PAGE}/key/end")

    assert "No key" in ada.get(PAGE).text
    assert holder(key) is None


def test_a_change_of_rates_waits_for_another_and_says_what_it_changes(ada, bea):
    add(ada)
    approve(bea)
    assert change(ada, 1, earn_points="5", growth_per_cents="1.00").status_code == 303
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", bea.get(PAGE).text)
    assert cells[:4] == ["1 for every $0.10", "5 for every $0.10", "–", "$1.00"]
    with reading():
        assert partners.partner_of(1).earn_points == 1

    assert approve(bea, 2).status_code == 303

    with reading():
        partner = partners.partner_of(1)
    assert (partner.version, partner.earn_points, partner.growth_per_cents) == (2, 5, 100)
    assert ada.get("/office/partners/99").status_code == 404


def test_what_a_colleague_changed_meanwhile_is_not_written_over(ada, bea):
    add(ada)
    approve(bea)
    change(bea, 1, earn_points="5")

    answer = change(ada, 1, earn_points="7")

    assert answer.status_code == 422
    assert "Somebody else changed this partner meanwhile." in answer.text
    assert 'value="7"' in answer.text


def test_it_is_declined_with_a_reason_and_not_without(ada, bea):
    add(ada)
    assert "Say why; it is kept in the audit log." in bea.post(f"{PAGE}/refusal").text
    assert bea.post(f"{PAGE}/refusal", data={"why-reason": "Too much"}).status_code == 303
    assert "Declined" in ada.get(PAGE).text
    assert approve(bea).status_code == 422


def test_what_was_approved_before_one_purchase_had_a_limit_is_said_on_its_page(ada, bea):
    ada.post("/office/partners/new", data=NEW)
    approve(bea)
    sentence = "What holds here was approved before one purchase had a limit"
    assert sentence not in ada.get(PAGE).text

    with transaction():
        lower_the_guards()
        execute(text("UPDATE partner SET purchase_points = NULL"))
        execute(text("UPDATE partner_version SET purchase_points = NULL"))

    assert sentence in ada.get(PAGE).text
    assert change(ada, 1, purchase_points="").status_code == 422
    change(ada, 1, purchase_points="300", reason="A limit")
    approve(bea, seen=2)
    assert sentence not in ada.get(PAGE).text
