"""Who was refused something at checkout and went on comes back to it, and not to a question of the browser."""

import re

import pytest

from mall.domain import catalogue


@pytest.fixture
def mei(stage, visit):
    """Mei at the checkout, with a lamp for cash."""
    member_id = stage.member("mei")
    stage.settle_down(member_id)
    lamp = stage.item("Paper lamp", prices=(catalogue.cash_price(2_500),))
    stage.put_in(member_id, lamp, "cash")
    mei = visit(script=True)
    mei.sign_in("mei")
    mei.open("/checkout")
    return mei


def test_back_after_a_refusal_is_the_checkout_with_what_was_chosen(mei):
    mei.page.locator("[name=shown]").evaluate("box => { box.value = 'of yesterday'; }")
    mei.page.get_by_role("button", name=re.compile("^Pay ")).click()
    mei.sees("That did not go through")
    assert "/checkout?" in mei.page.url

    mei.open("/wallet")
    mei.page.go_back()

    mei.sees("Checkout", "Paper lamp")
    mei.sees_not("That did not go through")
