"""A membership at the till: what it gives is said before, its end and what is left after; it is given back once."""

from datetime import date, timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import cash, catalogue, checkout, membership
from mall.web.shared.letters import page_of
from tests.stage import NOON, open_shop
from tests.web.store.test_member import grow
from tests.web.store.till import words

DAY = timedelta(days=1)


@pytest.fixture
def stage(app):
    """A shop where every day counts from the first, and nothing goes back whole once it has begun."""
    return open_shop(membership_least_days=1, return_window_days=0)


@pytest.fixture
def plan(stage):
    return stage.membership(length=30)


@pytest.fixture
def bought(till, stage, mei, plan):
    till.put_in(plan, "cash")
    till.place()
    return stage.pay(till.orders()[0])


def page_for(till, order, page=""):
    return f"/orders/{checkout.number_of(order.id)}{page}"


def open_at(till, address, *, at=NOON):
    with moved_to(at):
        return till.browser.get(address)


def test_its_page_says_which_level_for_how_long_and_what_that_brings(till, plan):
    page = words(till.browser.get("/items/membership").text)

    assert "VIP for 30 days, from the moment it is paid" in page
    assert "Points on orders ×1.5" in page and "Level discount 5 %" in page
    assert "Earns no points" in page
    assert "Otherwise at least 1 day stays paid, and the days that are left after that are refunded." in page
    assert "What the level brought goes back with it" in page


def test_a_visitor_reads_it_too_and_finds_it_among_the_levels(app, plan):
    browser = app.test_client()

    assert "VIP for 30 days" in words(browser.get("/items/membership").text)
    assert "Have a level at once VIP Membership VIP for 30 days From 1,000 pts + $20.00" in words(
        browser.get("/levels").text
    )


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ((catalogue.cash_price(3_000),), "VIP for 30 days $30.00"),
        ((catalogue.points_price(3_000),), "VIP for 30 days 3,000 pts"),
        ((catalogue.points_price(3_000), catalogue.cash_price(3_000)), "VIP for 30 days 3,000 pts or $30.00"),
    ],
)
def test_the_levels_page_says_what_it_is_had_for_and_asks_no_more_for_it(app, stage, count_statements, prices, said):
    browser = app.test_client()

    def asked():
        browser.get("/levels")
        count_statements.clear()
        page = words(browser.get("/levels").text)
        return page, len(count_statements)

    _before, without = asked()
    stage.membership(prices=prices)

    page, statements = asked()

    assert said in page and statements == without


def test_it_is_described_as_what_it_is_and_not_as_goods(till, plan):
    page = words(till.browser.get("/items/membership").text)
    listing = words(till.browser.get("/shop").text)

    assert "Begins at once, lasts 30 days" in page and "It is had one at a time" in page
    for word in ("In stock", "Digital", "One more", "Quantity"):
        assert word not in page.split("More like this")[0]
    assert "Begins at once" in listing and "Digital, sent at once" not in listing


@pytest.mark.parametrize(
    ("cents", "said"), [(1_500_000, "It brings you nothing now: by growth you are SVIP already."), (160_000, None)]
)
def test_who_has_it_all_already_is_warned_by_the_button(till, stage, mei, plan, cents, said):
    grow(stage, mei, cents, at=NOON - 20 * DAY)

    page = words(till.browser.get("/items/membership").text)

    assert said in page if said else "brings you nothing" not in page


def test_who_was_given_a_higher_level_is_warned_too(till, stage, mei, plan):
    with transaction():
        membership.write_grant(
            membership.Grant(mei, rank=5, last_day=date(2026, 6, 30), reason="A friend", by="staff:1", key="g"),
            terms=stage.terms, at=NOON,
        )  # fmt: skip

    page = words(till.browser.get("/items/membership").text)

    assert "It brings you nothing now: you are SVIP up to and with 30 June 2026." in page


def test_two_of_it_are_refused_beside_the_line(till, plan):
    till.put_in(plan, "cash", quantity="2")

    assert "Membership is had one at a time." in words(till.basket()) or till.lines()[0].quantity == 1


def test_who_has_it_reads_until_when_and_that_it_was_paid(till, bought):
    assert "Paid up to and with 31 March 2026. By growth you are Registered." in words(
        till.browser.get("/member").text
    )
    assert "Paid up to and with 31 March 2026." in words(till.browser.get("/levels").text)
    assert "VIP for 30 days, after 31 March 2026" in words(till.browser.get("/levels").text)
    assert "paid, up to and with 31 March 2026" in words(till.browser.get("/member/growth").text)
    order = words(till.browser.get(page_for(till, bought)).text)
    assert "VIP up to and with 31 March 2026, paid" in order and "29 whole days are left. It ends by itself." in order
    assert "it goes on after that day" in words(till.browser.get("/items/membership").text)


def test_giving_it_back_shows_the_days_and_the_cash_first_and_does_it_once(till, bought):
    address, at = page_for(till, bought, "/memberships/1"), NOON + 9 * DAY
    shown = open_at(till, address, at=at)
    assert "Days that go back 20 of 30" in words(shown.text) and "$20.00" in shown.text

    form = {"shown": shown.text.split('name="shown" value="')[1].split('"')[0]}
    with moved_to(at):
        first = till.browser.post(address, data=form, follow_redirects=True)
        again = till.browser.post(address, data=form, follow_redirects=True)

    for page in (first, again):
        assert page.status_code == 200
        assert "Given back: 20 of 30 days are refunded." in words(page.text)
        assert "It was given back Paid back: $20.00" in words(page.text) and "cancelled" not in words(page.text)
    with reading():
        assert [row.amount_cents for row in cash.refunds_of(checkout.reference_of(bought.id))] == [2_000]


def test_given_back_whole_before_it_begins_it_was_not_cancelled(till, stage, plan, bought):
    till.put_in(plan, "cash")
    till.place()
    after = stage.pay(till.orders()[-1] if till.orders()[0].id == bought.id else till.orders()[0])
    address = page_for(till, after, "/memberships/1")
    shown = open_at(till, address, at=NOON).text.split('name="shown" value="')[1].split('"')[0]
    with moved_to(NOON):
        page = words(till.browser.post(address, data={"shown": shown}, follow_redirects=True).text)
        listed = words(till.browser.get("/orders").text)

    assert "It was given back Paid back: $28.50" in page and "Given back, all of it." in page
    assert "ancelled" not in page + listed and "Refunded" in listed


def test_confirmed_the_day_after_it_is_shown_anew_and_nothing_is_done(till, bought):
    address = page_for(till, bought, "/memberships/1")
    shown = open_at(till, address, at=NOON + 9 * DAY).text.split('name="shown" value="')[1].split('"')[0]
    with moved_to(NOON + 10 * DAY):
        page = till.browser.post(address, data={"shown": shown})

    assert page.status_code == 422
    assert "has changed since it was shown" in words(page.text) and "19 of 30" in words(page.text)


@pytest.mark.parametrize("shown", ["", "nonsense", "x" * 500])
def test_what_was_not_shown_is_not_done(till, bought, shown):
    page = till.browser.post(page_for(till, bought, "/memberships/1"), data={"shown": shown})

    assert page.status_code == 422
    with reading():
        assert cash.refunds_of(checkout.reference_of(bought.id)) == []


def test_on_its_last_day_its_order_says_that_nothing_is_left(till, bought):
    page = open_at(till, page_for(till, bought, "/memberships/1"), at=NOON + 29 * DAY)

    assert page.status_code == 422
    assert "No whole day is left of this membership" in words(page.text)


def test_a_line_that_is_no_membership_and_anothers_order_are_not_there(till, stage, bought, tom):
    assert till.browser.get(page_for(till, bought, "/memberships/2")).status_code == 422
    stage.put_in(tom, stage.membership(), "cash")
    others = stage.place(tom)

    assert till.browser.get(page_for(till, others, "/memberships/1")).status_code == 404
    assert till.browser.post(page_for(till, others, "/memberships/1")).status_code == 404


def test_the_mail_that_it_ends_leads_to_where_it_can_be_had_again():
    assert page_of("level_ending", {}) == ("store.levels.show", {})
