"""Cash that arrives for an order already given up goes back by itself, and the member can read that it does."""

from threading import Event

import pytest

from mall import worker
from mall.base.clock import moved_to
from mall.domain import catalogue
from tests.stage import NOON


@pytest.fixture(params=[True, False], ids=["script", "no_script"])
def mei(request, stage, visit):
    """Mei, with script and without, at the payment page for a lamp of 600 points and 19.00; 400 points are left."""
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


def test_what_is_paid_for_an_order_given_up_goes_back(mei, site):
    payment_page = mei.page.url
    mei.follow("Go back without paying")
    order_page = mei.page.url
    mei.press("Give up")
    mei.sees("Cancelled")

    mei.page.goto(payment_page)
    mei.press("Pay all the same, too late")
    mei.sees("Cancelled", "$23.90 came too late and is given back")
    with site.app.app_context(), moved_to(NOON):
        worker.work(Event(), once=True)

    mei.open(order_page)
    mei.sees("Cancelled", "Given back on 2 March 2026", "$23.90")
    mei.open("/wallet")
    mei.sees("1,000 pts")
