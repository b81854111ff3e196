"""Memberships at the desk: made with their level and length, seen among granted levels, given back by the day."""

import pytest

from mall.base.db import reading
from mall.domain import catalogue, checkout
from tests.stage import NOON
from tests.web.office.forms import send
from tests.web.store.till import words

NEW = "/office/catalogue/new"


def make(desk, **typed):
    plain = {
        "title_en": "VIP for a year", "title_zh": "一年贵宾", "kind": "membership", "delivery": "digital",
        "plan_level": "vip", "plan_length": "12", "plan_unit": "months", "new__sku": "VIP-12",
        "new__prices__0__cash_cents": "79.00",
    }  # fmt: skip
    return send(desk, NEW, "", **(plain | typed))


@pytest.fixture
def bought(stage):
    mei = stage.member("mei")
    stage.put_in(mei, stage.membership(), "cash")
    return stage.pay(stage.place(mei))


def test_it_is_made_with_a_level_and_a_length_and_both_can_be_changed(desk, stage):
    assert make(desk).status_code == 302
    with reading():
        product = catalogue.desk_item(1, terms=stage.terms, at=NOON).product
    assert (product.plan_level, product.plan_length, product.plan_unit) == ("vip", 12, "months")

    page = send(
        desk, "/office/catalogue/1", "/office/catalogue/1", plan_level="svip", plan_length="90", plan_unit="days"
    )
    assert page.status_code == 303
    with reading():
        product = catalogue.desk_item(1, terms=stage.terms, at=NOON).product
    assert (product.plan_level, product.plan_length, product.plan_unit) == ("svip", 90, "days")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"plan_level": ""}, "Choose the level that the membership gives"),
        ({"plan_length": ""}, "A membership lasts a whole number from 1 to 12."),
        ({"plan_length": "13"}, "A membership lasts a whole number from 1 to 12."),
        ({"plan_length": "400", "plan_unit": "days"}, "A membership lasts a whole number from 1 to 366."),
        ({"plan_length": "many"}, "whole number"),
        ({"delivery": "shipped"}, "A membership is never shipped"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(desk, typed, said):
    page = make(desk, **typed)

    assert page.status_code == 422
    assert said in words(page.text)
    assert 'value="VIP for a year"' in page.text


def test_an_item_that_is_no_membership_has_no_such_fields_and_is_saved_without(desk, stage):
    stage.mug()

    assert "Level it gives" not in desk.get("/office/catalogue/1").text
    assert send(desk, "/office/catalogue/1", "/office/catalogue/1", title_en="Mug").status_code == 303


def test_a_level_that_was_paid_for_names_its_order_and_cannot_be_ended_by_hand(desk, stage, bought):
    page = words(desk.get(f"/office/members/{bought.member_id}/levels").text)

    assert f"Paid: Order {checkout.number_of(bought.id)}" in page.replace(" :", ":") and "End it now" not in page
    assert "Paid up to and with 31 March 2026" in words(desk.get(f"/office/members/{bought.member_id}").text)


def test_the_desk_gives_back_the_days_that_are_left_once_it_has_seen_them(desk, stage):
    mei = stage.member("mei")
    stage.put_in(mei, stage.membership(length=12, unit="months"), "cash")
    bought = stage.pay(stage.place(mei))
    stage.put_in(mei, stage.mug(), "cash")
    stage.pay(stage.place(mei))
    address = f"/office/orders/{checkout.number_of(bought.id)}/refund"
    assert "Membership given back: the days that are left" in desk.get(address).text
    shown = desk.post(address, data={"reason": "plan_ended", "pieces-1": "1"})
    assert "335 of 365 days" in words(shown.text) and "Level it gave ends at once" in words(shown.text)
    assert "freed for others" not in shown.text
    fingerprint = shown.text.split('name="shown" value="')[1].split('"')[0]
    done = {"reason": "plan_ended", "pieces-1": "1", "shown": fingerprint, "confirm": "1"}
    for _time in (1, 2):
        assert desk.post(address, data=done).status_code == 302

    assert stage.order(bought).state == checkout.COMPLETED
    levels = f"/office/members/{mei}/levels"
    assert "The membership was given back. Ola, 2 March 2026" in words(desk.get(levels).text)
    desk.post("/language", data={"language": "zh"})
    assert "会员资格已退订。" in desk.get(levels).text


def test_the_desk_is_told_that_a_membership_that_was_used_stays_paid_for_its_least_days(desk, stage):
    mei = stage.member("mei")
    stage.put_in(mei, stage.membership(), "cash")
    bought = stage.pay(stage.place(mei))
    stage.put_in(mei, stage.mug(), "cash")
    stage.pay(stage.place(mei))

    page = desk.post(
        f"/office/orders/{checkout.number_of(bought.id)}/refund", data={"reason": "plan_ended", "pieces-1": "1"}
    )

    assert "stays paid for 30 days at least" in page.text and "the days that are left" in page.text


def test_the_reason_is_offered_only_where_there_is_a_membership_and_refused_for_other_pieces(desk, stage):
    mei = stage.member("mei")
    stage.settle_down(mei)
    stage.put_in(mei, stage.mug(), "cash")
    goods = stage.pay(stage.place(mei))
    assert "the days that are left" not in desk.get(f"/office/orders/{checkout.number_of(goods.id)}/refund").text

    stage.put_in(mei, stage.mug(), "cash")
    stage.put_in(mei, stage.membership(), "cash")
    both = stage.pay(stage.place(mei))
    page = desk.post(
        f"/office/orders/{checkout.number_of(both.id)}/refund", data={"reason": "plan_ended", "pieces-1": "1"}
    )
    assert "This is no membership" in words(page.text)
