"""Levels are designed as drafts: begun from what holds, kept side by side, sent, and approved by another."""

from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import approvals, audit, coupons, programme
from mall.web.office.level_forms import FIGURES, PRIORITY
from tests.stage import NOON
from tests.web.office.conftest import hire
from tests.web.office.forms import form_of, send
from tests.web.store.till import words

PAGE, NEW = "/office/levels", "/office/levels/drafts/new"


@pytest.fixture
def ada(stage, enter):
    """An administrator's browser."""
    return enter(hire("ada", "admin"))


@pytest.fixture
def abe(stage, enter):
    """Another administrator's."""
    return enter(hire("abe", "admin"))


def levels_of(number):
    with reading():
        return programme.version(number).levels


def kept(answer):
    assert answer.status_code == 303, words(answer.text)
    return int(answer.headers["Location"].rpartition("/")[2])


def draft(browser, **typed):
    return kept(send(browser, NEW, "", act="save", **({"reason": "Spring"} | typed)))


def test_a_draft_begins_with_what_holds_and_keeps_what_is_not_shown(ada):
    number = draft(
        ada, levels__2__reach="1,800", levels__2__name_en="Gold", levels__3__free_shipping_from_cents="12.50"
    )

    before, after = levels_of(1), levels_of(number)
    assert (after[2].reach, after[2].name, after[2].key) == (1_800, {"en": "Gold", "zh": "高级会员"}, "senior")
    assert after[3].free_shipping_from_cents == 1_250
    assert after[4] == before[4] and after[2].sentences == before[2].sentences
    with reading():
        assert programme.current(NOON).version == 1
        assert approvals.waiting("programme") == []


def test_a_draft_shows_what_it_changes(ada, desk):
    number = draft(ada, levels__2__reach="1800", earn_points="12")

    for browser in (ada, desk):
        page = words(browser.get(f"{PAGE}/drafts/{number}").text)
        assert "was 1,500" in page and "Points earned" in page and "Spring" in page
    assert f"drafts/{number}" in desk.get(PAGE).text
    # An operator reads; nothing there is theirs to press.
    assert "Send for approval" not in desk.get(f"{PAGE}/drafts/{number}").text
    assert desk.get(NEW).status_code == desk.post(f"{PAGE}/drafts/{number}/request").status_code == 404


def test_a_level_is_added_and_taken_out_without_script_and_nothing_typed_is_lost(ada):
    fields = form_of(ada.get(NEW).text, "") | {"reason": "More steps", "levels-1-name_en": "Friend"}
    fields["act"] = "add"
    answer = ada.post(NEW, data=fields)
    assert answer.status_code == 200
    fields = form_of(answer.text, "")
    assert fields["levels-1-name_en"] == "Friend" and fields["reason"] == "More steps"
    assert fields["levels-5-multiplier_percent"] == "200" and fields["levels-5-reach"] == ""

    fields |= {"levels-5-name_en": "Between", "levels-5-reach": "9000", "levels-5-keep": "8000", "act": "remove-2"}
    fields = form_of(ada.post(NEW, data=fields).text, "")
    assert "levels-2-reach" not in fields

    number = kept(ada.post(NEW, data=fields | {"act": "save"}))
    assert [(level.rank, level.name.get("en"), level.reach) for level in levels_of(number)] == [
        (1, "Registered", 0), (2, "Friend", 1), (3, "VIP", 5_000), (4, "Between", 9_000), (5, "SVIP", 15_000),
    ]  # fmt: skip
    page = words(ada.get(f"{PAGE}/drafts/{number}").text)
    assert "Senior is taken out" in page and "New" in page


def test_the_coupon_of_a_level_is_chosen_by_its_name(ada):
    with reading():
        terms = programme.current(NOON)
    with transaction():
        ten, old = [
            coupons.make_template(
                key=name, title={"en": name}, kind="amount", amount_cents=1_000, valid_days=30, terms=terms,
                by="staff:1", at=NOON,
            )
            for name in ("Ten off", "Old one")
        ]  # fmt: skip
    number = draft(ada, levels__3__upgrade_coupon=str(ten), levels__4__birthday_coupon=str(old))
    assert (levels_of(number)[3].upgrade_coupon, levels_of(number)[4].birthday_coupon) == (ten, old)
    assert "Ten off" in words(ada.get(f"{PAGE}/drafts/{number}").text)

    # What a level gives already stays, also where it is no longer given out; nothing else of that kind is offered.
    with transaction():
        coupons.withdraw_template(old, by="staff:1", at=NOON)
    again = kept(send(ada, f"{NEW}?start={number}", "", act="save", reason="Again"))
    assert levels_of(again)[4].birthday_coupon == old
    assert "Old one" in words(ada.get(f"{NEW}?start={number}").text)
    assert "Old one" not in words(ada.get(NEW).text)
    # A level that is added has the choice, too.
    assert ada.post(NEW, data=form_of(ada.get(NEW).text, "") | {"act": "add"}).text.count("Ten off") == 12


def test_a_ready_made_set_or_another_draft_is_a_beginning(ada):
    six = kept(send(ada, f"{NEW}?start=six_steps", "", act="save", reason="Six"))
    assert [level.key for level in levels_of(six)] == ["v1", "v2", "v3", "v4", "v5", "v6"]

    again = kept(send(ada, f"{NEW}?start={six}", "", act="save", reason="Six, dearer", levels__5__reach="20000"))
    assert levels_of(again)[5].reach == 20_000 and levels_of(six)[5].reach == 12_000
    assert ada.get(f"{NEW}?start=99").status_code == 404


@pytest.mark.parametrize(
    ("typed", "box", "says"),
    [
        ({"levels__2__keep": "1600"}, "levels-2-keep", "Level 3 cannot take more growth to keep than to reach"),
        ({"levels__2__reach": "1"}, "levels-2-reach", "must take more growth to reach"),
        ({"levels__0__reach": "5"}, "levels-1-reach", "must be reached at growth 0"),
        ({"levels__3__discount_percent": "101"}, "levels-3-discount_percent", "Choose from 0 to 100"),
        ({"levels__3__multiplier_percent": "x"}, "levels-3-multiplier_percent", "Write a whole number"),
        ({"levels__3__instant_refund_cents": ""}, "levels-3-instant_refund_cents", "Enter an amount"),
        ({"levels__1__name_en": "", "levels__1__name_zh": ""}, "levels-1-name_en", "Level 2 needs a name"),
        ({"levels__3__upgrade_coupon": "77"}, "levels-3-upgrade_coupon", "Choose one of"),
        ({"earn_points": "-1"}, "earn_points", "Choose from 0 to"),
        ({"begins_at": "2026-03-01T12:00"}, "begins_at", "That has passed"),
        ({"begins_at": "2027-02-31T12:00"}, "begins_at", "Write day and time like"),
        ({"levels__2__reach": "-5"}, "levels-2-reach", "Choose from 0 to 1,000,000,000"),
        ({"levels__2__reach": "9" * 20}, "levels-2-reach", "Choose from 0 to 1,000,000,000"),
        ({"levels__3__redemptions_per_month": "-1"}, "levels-3-redemptions_per_month", "Choose from 0 to 10,000."),
        ({"reason": ""}, "reason", "Say why"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_all_that_was_typed_stays(ada, typed, box, says):
    answer = send(ada, NEW, "", act="save", **({"reason": "Spring", "levels__4__name_en": "Diamond"} | typed))

    assert answer.status_code == 422
    assert says in words(answer.text)
    assert form_of(answer.text, "")["levels-4-name_en"] == "Diamond"
    assert f'href="#{box}"' in answer.text
    with reading():
        assert programme.sketches() == []


def test_faults_of_levels_of_rates_and_what_is_missing_are_said_in_one_round(ada):
    typed = {"levels__2__keep": "1600", "levels__3__discount_percent": "101", "earn_points": "-1"}
    typed |= {"earn_per_cents": "", "validity_months": "500", "reason": ""}
    page = send(ada, NEW, "", act="save", **typed).text

    for box in ("levels-2-keep", "levels-3-discount_percent", "earn_points", "earn_per_cents", "validity_months",
                "reason"):  # fmt: skip
        assert page.count(f'<a href="#{box}">') == 1, box


def test_a_draft_in_which_levels_change_places_says_so(ada):
    number = draft(ada, levels__2__reach="6000", levels__2__keep="4000")

    page = words(ada.get(f"{PAGE}/drafts/{number}").text)
    assert "The levels change places" in page
    assert "it is to be Registered → Ordinary → VIP → Senior → SVIP." in page
    plain = draft(ada, levels__2__reach="1800")
    assert "change places" not in ada.get(f"{PAGE}/drafts/{plain}").text


def test_nothing_changed_no_levels_and_an_old_page_are_refused(ada, abe):
    assert "Nothing is changed yet" in send(ada, NEW, "", act="save", reason="None").text
    fields = form_of(ada.get(NEW).text, "") | {"reason": "Late", "earn_points": "11"}
    bare = {name: value for name, value in fields.items() if not name.startswith("levels-")}
    assert ada.post(NEW, data=bare | {"act": "save"}).status_code == 422

    other = draft(ada, earn_points="12")
    ada.post(f"{PAGE}/drafts/{other}/request")
    abe.post(f"/office/programme/drafts/{other}/approval")
    late = ada.post(NEW, data=fields | {"act": "save"})
    assert late.status_code == 422 and "The programme has changed since" in late.text


def test_two_drafts_stand_side_by_side_and_the_same_one_twice_is_one(ada):
    first, second = draft(ada, levels__2__reach="1800"), draft(ada, levels__2__reach="1200", levels__2__keep="1000")
    assert draft(ada, levels__2__reach="1800") == first

    with reading():
        assert [row.id for row in programme.sketches()] == [second, first]
    ada.post(f"{PAGE}/drafts/{first}/removal")
    ada.post(f"{PAGE}/drafts/{first}/removal")
    with reading():
        assert [row.id for row in programme.sketches()] == [second]
        assert programme.waiting() == []


def test_a_draft_is_sent_once_and_approved_by_another_from_its_date(ada, abe):
    number = draft(ada, levels__2__reach="1800", begins_at="2026-03-09T09:00")
    for refused in ("request", "removal"):
        answer = abe.post(f"{PAGE}/drafts/{number}/{refused}")
        assert answer.status_code == 422 and "Somebody else drafted this" in answer.text
    assert abe.post(f"/office/programme/drafts/{number}/approval").status_code == 404
    for _press in range(2):
        assert ada.post(f"{PAGE}/drafts/{number}/request").status_code == 303
    with reading():
        assert programme.waiting() == [number]

    assert "Another person has to approve it" in ada.post(f"/office/programme/drafts/{number}/approval").text
    assert abe.post(f"/office/programme/drafts/{number}/approval").status_code == 303
    with reading():
        assert programme.current(NOON).version == 1
        assert programme.current(NOON + timedelta(days=7)).version == number
        acts = {entry.act for entry in audit.entries(subject=f"programme:{number}", limit=10)}
    assert acts == {"programme.asked", "programme.approved", "programme.changed"}


def test_a_draft_of_an_older_version_is_not_sent_but_can_be_begun_anew(ada, abe):
    old, new = draft(ada, levels__2__reach="1800"), draft(ada, earn_points="12")
    ada.post(f"{PAGE}/drafts/{new}/request")
    abe.post(f"/office/programme/drafts/{new}/approval")

    with moved_to(NOON + timedelta(minutes=1)):
        assert "The programme has changed since" in ada.post(f"{PAGE}/drafts/{old}/request").text
        page = ada.get(f"{PAGE}/drafts/{old}").text
        assert "Send for approval" not in page and f"start={old}" in page
        again = kept(send(ada, f"{NEW}?start={old}", "", act="save", reason="Up to date", earn_points="12"))
    with reading():
        terms = programme.version(again)
    assert (terms.levels[2].reach, terms.earn_points) == (1_800, 12)


def test_what_is_no_draft_is_nothing_there(ada):
    for path in ("1", "99"):
        assert ada.get(f"{PAGE}/drafts/{path}").status_code == 404
        assert ada.post(f"{PAGE}/drafts/99/request").status_code == 404


def test_every_setting_of_a_level_can_be_designed_or_is_its_place_and_name():
    shown = {*FIGURES, PRIORITY, "key", "name", "sentences"}
    assert set(programme.Level.__struct_fields__) - {"rank"} == shown
