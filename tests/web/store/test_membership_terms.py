"""How long a membership stays paid once it was used is said before it is bought, and where it is given back."""

from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.domain import checkout
from tests.stage import NOON
from tests.web.store.till import words

DAY = timedelta(days=1)


@pytest.fixture
def year(till, stage, mei):
    """The page on which a year's membership of Mei's, paid at noon, is given back."""
    till.put_in(stage.membership(length=12, unit="months"), "cash")
    till.place()
    order = stage.pay(till.orders()[0])
    return f"/orders/{checkout.number_of(order.id)}/memberships/1"


def open_at(till, address, *, at):
    with moved_to(at):
        return till.browser.get(address)


def test_the_item_says_how_much_of_it_stays_paid_and_until_when_nothing_does(till, stage):
    stage.membership(length=12, unit="months")

    page = words(till.browser.get("/items/membership").text)

    assert "Within 14 days all of it can be given back, as long as nothing was bought with it." in page
    assert "Otherwise at least 30 days stay paid, and the days that are left after that are refunded." in page


def test_unused_all_of_it_goes_back(till, year):
    page = words(open_at(till, year, at=NOON + DAY).text)

    assert "Days that go back 365 of 365" in page and "$30.00" in page
    assert "Nothing was bought with it, so all of it goes back." in page


def test_used_the_least_term_stays_paid_and_is_said(till, stage, mei, mug, year):
    stage.put_in(mei, mug, "cash")
    stage.pay(stage.place(mei))

    page = words(open_at(till, year, at=NOON + DAY).text)

    assert "Days that go back 335 of 365" in page
    assert "A membership that was used stays paid for 30 days at least." in page


def test_a_month_that_was_used_has_nothing_to_give_back_and_its_order_says_so(till, stage, mei, mug):
    till.put_in(stage.membership(length=30), "cash")
    till.place()
    order = stage.pay(till.orders()[0])
    stage.put_in(mei, mug, "cash")
    stage.pay(stage.place(mei))

    page = open_at(till, f"/orders/{checkout.number_of(order.id)}/memberships/1", at=NOON + DAY)

    assert page.status_code == 422
    assert "A membership that was used stays paid for 30 days at least" in words(page.text)
