"""Every line of a member's growth opens to why: the rule and its version, what it is taken of, its caps, its days."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, earning, membership
from tests.stage import NOON, open_shop
from tests.web.store.test_member import grow
from tests.web.store.till import words

DAY = timedelta(days=1)


def lines(member_id):
    with reading():
        event = membership.GrowthEvent
        return list(execute(select(event.id).where(event.member_id == member_id).order_by(event.id)).scalars())


def why(browser, event_id, at):
    with moved_to(at):
        return words(browser.get(f"/member/growth/{event_id}").text)


def test_growth_of_an_order_opens_to_its_arithmetic(till, stage, mei):
    grow(stage, mei, 160_000, at=NOON - 20 * DAY)
    page = till.browser.get("/member").text
    (event,) = lines(mei)
    assert f'href="/member/growth/{event}"' in page

    told = why(till.browser, event, NOON)

    assert "+1,600 growth" in told
    assert "1 growth per $1.00 = 1,600 growth" in told
    assert "Rule Growth of orders, programme version 1" in told
    assert "One growth for every $1.00" in told and "Cash kept $1,600.00" in told
    assert "Counts from 24 February 2026 Counts until 23 February 2027" in told
    assert "At most no cap" in told and "/orders/" in till.browser.get(f"/member/growth/{event}").text


def test_what_was_taken_back_opens_to_what_is_still_kept(till, stage, mei):
    at = NOON - 20 * DAY
    lamp = stage.item("Lamp", prices=(catalogue.cash_price(80_000),), at=at)
    stage.put_in(mei, lamp, "cash", quantity=2, at=at)
    order = stage.pay(stage.place(mei, at=at), at=at)
    stage.ship(order, at=at)
    stage.deliver(order, at=at)
    stage.close(order, at=at + 14 * DAY)
    stage.refund(order, pieces={1: 1}, at=NOON)

    told = why(till.browser, lines(mei)[-1], NOON)

    assert "−800 growth" in told and "is still kept, which gives 800 growth" in told
    assert "Cash kept $800.00" in told
    assert "Counts until 23 February 2027" in told


def test_growth_of_a_task_opens_to_its_caps(app, enter):
    stage = open_shop(tasks=[{"key": "add_birthday", "points": 0, "growth": 7, "in_all": 1, "per_month": 1}])
    mei = stage.member("mei")
    with transaction():
        earning.told(mei, earning.BIRTHDAY_ADDED, terms=stage.terms, at=NOON)
    with moved_to(NOON):
        told = why(enter(mei), lines(mei)[0], NOON)

    assert "+7 growth" in told and "Told us the birthday on 2 March 2026" in told
    assert "Rule Tell us your birthday, programme version 1" in told
    assert "At most 1 a month, once only" in told


def test_what_dormancy_took_off_opens_to_its_announcement(stage, mei, enter):
    grow(stage, mei, 160_000)
    for days in (76, 90):
        with transaction():
            earning.take_off_dormant(terms=stage.terms, after=0, at=NOON + days * DAY)
    at = NOON + 90 * DAY
    with moved_to(at):
        browser = enter(mei)
    told = why(browser, lines(mei)[-1], at)

    assert "−160 growth" in told
    assert "Nothing done for 90 days: 10 % of 1,600 growth, announced on 17 May 2026" in told
    assert "Taken off each month 10 %" in told
    assert "For the day 31 May 2026" in told and "At most, as announced 160" in told


def test_the_page_shows_growth_by_twenties_and_every_level_with_its_reason(till, stage, mei):
    grow(stage, mei, 160_000, at=NOON - 20 * DAY)
    with transaction():
        for number in range(22):
            membership.add_growth(
                mei, 1, source="order", reference=f"order:{number + 90}", counts_on=date(2026, 3, 2), version=1,
                why=membership.growth_entries(mei)[-1].why, key=f"x:{number}", terms=stage.terms, at=NOON,
            )  # fmt: skip
        earning.grant_level(
            membership.Grant(mei, 5, date(2026, 3, 31), "A friend", "staff:1", "once"), terms=stage.terms, at=NOON
        )
    page = till.browser.get("/member/growth").text

    assert page.count('href="/member/growth/') == 20 and "Older entries" in page
    told = words(page)
    assert "SVIP 2 March 2026 · given for a time, up to and with 31 March 2026" in told
    assert "Senior 24 February 2026 · reached, 1,600 growth" in told
    assert "A friend" not in told, "why it was granted is the desk's"
    older = till.browser.get(f"/member/growth?before={lines(mei)[3]}").text
    assert older.count('href="/member/growth/') == 3 and "Newest entries" in older

    centre = words(till.browser.get("/member").text)
    assert "SVIP since 2 March 2026" in centre
    assert "Given to you up to and with 31 March 2026. By growth you are Senior." in centre
    for shown in (centre, words(till.browser.get("/levels").text)):
        assert "There is no level above it" in shown and "reached the top" not in shown
    assert "to stay Senior" in centre or "You keep Senior" in centre


@pytest.mark.parametrize("number", ["0", "9999", "x"])
def test_a_line_that_is_not_there_is_not_found(till, number):
    assert till.browser.get(f"/member/growth/{number}").status_code == 404


def test_sec_24_anothers_growth_is_not_there(till, stage, mei, enter):
    grow(stage, mei, 160_000, at=NOON - 20 * DAY)
    (event,) = lines(mei)
    with moved_to(NOON):
        assert enter(stage.member("tom")).get(f"/member/growth/{event}").status_code == 404
    assert till.browser.get(f"/member/growth/{event}").status_code == 200
