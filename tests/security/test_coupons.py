"""Attacks on coupons and their codes: SECURITY 55-59 and 39, through HTTP. Parallel takers: tests/concurrency."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import catalogue, coupons
from tests.stage import NOON, Stage
from tests.threads import race
from tests.web.store.till import Till, fields_of, signed_in, words

HOUR = timedelta(hours=1)


@pytest.fixture
def enter(app: Flask, stage: Stage) -> Callable[[str], FlaskClient]:
    """Make a member and sign them in: `enter("mei")`."""

    return lambda name: signed_in(app, stage.member(name))


def codes(stage: Stage, count: int = 1, **details: Any) -> list[str]:
    kind = stage.coupon_kind(**details)
    with transaction():
        return coupons.make_codes(kind, count=count, key=f"k{kind}", by="staff:1", at=NOON)


def type_in(browser: FlaskClient, code: str, network: str = "203.0.113.9") -> int:
    return browser.post("/coupons", data={"code": code}, environ_base={"REMOTE_ADDR": network}).status_code


def count_of(member_id: int) -> int:
    with reading():
        return len(coupons.coupons_of(member_id))


def test_sec_55_ten_wrong_codes_an_hour_then_none_is_looked_at(stage, enter):
    mei, [good] = enter("mei"), codes(stage)

    assert [type_in(mei, f"WRONG{number}", f"203.0.113.{number}") for number in range(10)] == [422] * 10
    assert type_in(mei, good, "203.0.113.99") == 429
    assert count_of(stage.members["mei"]) == 0
    with moved_to(NOON + HOUR):
        assert type_in(mei, good) == 303


def test_sec_55_right_codes_are_not_counted_and_do_not_forgive_wrong_ones(stage, enter):
    mei, good = enter("mei"), codes(stage, 20)

    for code in good[:15]:
        assert type_in(mei, code) == 303
    for number in range(10):
        assert type_in(mei, f"WRONG{number}") == 422
        if number < 9:
            assert type_in(mei, good[0]) == 303  # One's own code again: neither counted nor a way to try on.
    assert type_in(mei, good[16]) == 429


def test_sec_55_thirty_wrong_codes_an_hour_from_one_address(stage, enter):
    [good] = codes(stage)
    for name in ("ann", "bea", "cat"):
        browser = enter(name)
        assert [type_in(browser, f"{name}{number}") for number in range(10)] == [422] * 10

    dan = enter("dan")
    assert type_in(dan, good) == 429
    assert type_in(dan, good, "198.51.100.7") == 303


def test_sec_55_one_who_goes_on_guessing_keeps_nobody_out_who_shares_their_address(stage, enter):
    ann, dan, [good] = enter("ann"), enter("dan"), codes(stage)

    assert [type_in(ann, f"WRONG{number}") for number in range(35)] == [422] * 10 + [429] * 25
    assert type_in(dan, good) == 303


def test_sec_55_fifty_guesses_at_once_are_ten(app, stage, enter):
    mei = enter("mei")
    cookie = mei.get_cookie("mall")
    assert cookie is not None

    def guess(number: int) -> int:
        with moved_to(NOON):
            tab = app.test_client()
            tab.set_cookie("mall", cookie.value)
            return type_in(tab, f"GUESS{number}")

    answers = race(app, [lambda n=n: guess(n) for n in range(50)])

    assert sorted(answers) == [422] * 10 + [429] * 40


def test_sec_55_all_wrong_answers_look_alike(stage, enter):
    mei, tom = enter("mei"), enter("tom")
    [taken], [over] = codes(stage), codes(stage, valid_days=None, ends_at=NOON + HOUR)
    assert type_in(tom, taken) == 303

    with moved_to(NOON + 2 * HOUR):
        answers = [
            mei.post("/coupons", data={"code": code})
            for code in (taken, over, "0000-0000-0000-0000", "<b>'\";--", "券")
        ]

    assert {answer.status_code for answer in answers} == {422}
    assert len({words(answer.text) for answer in answers}) == 1


def test_sec_56_a_code_in_an_address_does_nothing(stage, enter):
    mei, [good] = enter("mei"), codes(stage)

    answer = mei.get("/coupons", query_string={"code": good})

    assert answer.status_code == 200
    assert fields_of(answer.text, "code-form")["code"] == ""
    assert count_of(stage.members["mei"]) == 0
    assert mei.get(f"/coupons/{good}").status_code == 404


def shopping(stage: Stage, browser: FlaskClient, name: str) -> Till:
    till = Till(browser, stage, stage.members[name])
    card = stage.item("Card", prices=(catalogue.cash_price(6_000),), delivery="digital")
    till.put_in(card, "cash")
    return till


def test_sec_57_coupons_that_do_not_stack_are_not_stacked_by_hand(stage, enter):
    till = shopping(stage, enter("mei"), "mei")
    one, other = stage.coupon(till.member_id), stage.coupon(till.member_id)

    for together in ([other], [one], [other, one, other]):
        till.browser.post("/checkout", data=till.form() | {"coupon": one, "together": together})

    assert all(order.goods_cents >= 5_000 for order in till.orders())
    assert sum(order.coupon_count for order in till.orders()) <= 1


def test_sec_57_one_coupon_in_a_burst_of_orders_takes_off_once(app, stage, enter):
    till = shopping(stage, enter("mei"), "mei")
    stage.coupon(till.member_id)
    form = till.form()
    cookie = till.browser.get_cookie("mall")
    assert cookie is not None

    def press() -> int:
        with moved_to(NOON):
            tab = app.test_client()
            tab.set_cookie("mall", cookie.value)
            return tab.post("/checkout", data=form).status_code

    race(app, [press] * 20)

    [order] = till.orders()
    assert (order.goods_cents, order.coupon_count) == (5_000, 1)


def test_sec_58_a_code_for_one_is_for_one(stage, enter):
    [code] = codes(stage)

    assert [type_in(enter(name), code) for name in ("ann", "bea", "cat")] == [303, 422, 422]


def test_sec_59_a_code_is_the_same_however_it_is_written(stage, enter):
    mei, tom = enter("mei"), enter("tom")
    [code] = codes(stage)

    for written in (code.lower(), code.replace("-", " "), code.replace("0", "o").replace("1", "l"), f"\t{code} "):
        assert type_in(mei, written) == 303
        assert type_in(tom, written) == 422
    assert count_of(stage.members["mei"]) == 1


def test_sec_39_another_members_coupon_is_not_there(stage, enter):
    till = shopping(stage, enter("mei"), "mei")
    enter("tom")
    theirs = stage.coupon(stage.members["tom"])

    answer = till.browser.post("/checkout", data=till.form() | {"coupon": theirs})

    assert answer.status_code == 422
    assert till.orders() == []
    assert stage.coupon_state(theirs) == "usable"
