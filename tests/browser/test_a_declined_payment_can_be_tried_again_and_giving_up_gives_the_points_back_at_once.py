"""A declined payment can be tried again. Giving up gives the points back at once, and the items to the basket."""

import pytest

from mall.domain import catalogue


@pytest.fixture(params=[True, False], ids=["script", "no_script"])
def mei(request, stage, visit):
    """Mei with 1,000 points, with script and without, at the payment page for a lamp of 600 points and 19.00."""
    member_id = stage.member("mei")
    stage.settle_down(member_id)
    stage.give(member_id, 1_000)
    lamp = stage.item("Paper lamp", prices=(catalogue.mix_price(2_500, least=600, most=600, step=100),))
    stage.put_in(member_id, lamp, "mix")
    mei = visit(script=request.param)
    mei.sign_in("mei")
    mei.open("/checkout")
    mei.press("Redeem 600 pts and pay $23.90")
    return mei


def test_a_declined_payment_is_tried_again(mei):
    mei.press("Pay with a card that is declined")
    mei.sees("Payment of $23.90 was declined")

    mei.follow("Go back without paying")
    mei.sees("Payment of $23.90 was declined.", "your 600 pts are back at once")
    mei.press("Try again")
    mei.press("Pay $23.90")

    mei.sees("Paid")
    mei.sees_not("was declined. Try again")
    mei.open("/wallet")
    mei.sees("400 pts")


def test_giving_up_gives_the_points_back_at_once(mei):
    mei.press("Pay with a card that is declined")
    mei.follow("Go back without paying")
    mei.open("/wallet")
    mei.sees("400 pts", "Held for an order", "600 pts")

    mei.page.go_back()
    mei.press("Give up")

    mei.sees("The points are back in your wallet", "Cancelled")
    mei.open("/wallet")
    mei.sees("1,000 pts")
    mei.sees_not("400 pts")
    mei.open("/basket")
    mei.sees("Paper lamp", "Your points: 1,000 − 600 = 400 left")
