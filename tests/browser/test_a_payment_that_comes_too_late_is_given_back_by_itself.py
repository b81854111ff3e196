"""Cash that arrives for an order already given up goes back by itself, and the member can read that it does."""

from threading import Event

from mall import worker
from mall.base.clock import moved_to
from tests.stage import NOON


def test_what_is_paid_for_an_order_given_up_goes_back(payer, site):
    payment_page = payer.page.url
    payer.follow("Go back without paying")
    order_page = payer.page.url
    payer.press("Give up")
    payer.sees("Cancelled")

    payer.page.goto(payment_page)
    payer.press("Pay all the same, too late")
    payer.sees("Cancelled", "$23.90 came too late and is given back")
    with site.app.app_context(), moved_to(NOON):
        worker.work(Event(), once=True)

    payer.open(order_page)
    payer.sees("Cancelled", "Given back on 2 March 2026", "$23.90")
    payer.open("/wallet")
    payer.sees("1,000 pts")
