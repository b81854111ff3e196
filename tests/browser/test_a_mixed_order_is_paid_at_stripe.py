"""A mixed order is paid on Stripe's page - here our double of it - and the shop hears of it by a signed webhook."""

import pytest

from mall.base.clock import now
from mall.domain import catalogue
from tests.stage import open_shop
from tests.stripe_double import running
from tests.stripe_double.hooks import by_http


@pytest.fixture
def double():
    """Stripe's double; it carries each event to the shop as it happens."""
    with running(at_once=True) as double:
        yield double


@pytest.fixture
def settings(double):
    """The shop takes money by Stripe, in test mode."""
    return {
        "CASHIER": "stripe",
        "STRIPE_SECRET_KEY": "sk_test_double",
        "STRIPE_WEBHOOK_SECRET": double.secret,
        "STRIPE_API_BASE": double.address,
        "STRIPE_PAGE_ORIGIN": double.address,
    }


@pytest.fixture(params=[True, False], ids=["script", "no_script"])
def mei(request, site, double, watch, visit):
    """Mei with 1,000 points, with script and without, before Stripe's page for a lamp of 600 points and 19.00."""
    double.outbox.post = by_http(f"{site.url}/hooks/stripe")
    watch.guests.append(double.address)
    stage, at = open_shop(at=now()), now()
    member_id = stage.member("mei", at=at)
    stage.settle_down(member_id, at=at)
    stage.give(member_id, 1_000, at=at)
    lamp = stage.item("Paper lamp", prices=(catalogue.mix_price(2_500, least=600, most=600, step=100),), at=at)
    stage.put_in(member_id, lamp, "mix", at=at)
    mei = visit(script=request.param)
    mei.sign_in("mei")
    mei.open("/checkout")
    mei.press("Redeem 600 pts and pay $23.90")
    assert mei.page.url.startswith(f"{double.address}/pay/")
    return mei


def test_paid_there_it_is_paid_here(mei, double, site):
    mei.press("Pay 23.90 USD")

    assert mei.page.url == f"{site.url}/orders/10001"
    mei.sees("Being packed", "600 pts", "$23.90")
    mei.open("/wallet")
    mei.sees("400 pts", "190 pts")
    assert double.calls["create_session"] == 1


def test_paid_and_never_come_back_the_webhook_tells(mei, double):
    session_id = mei.page.url.rpartition("/")[2]
    double.books.pay(session_id)

    mei.open("/orders")
    mei.sees_in_the_end("Being packed")
    assert set(double.outbox.answers) == {200}
    assert double.calls["retrieve_session"] <= 1


def test_a_card_declined_there_can_be_tried_again(mei):
    mei.press("Use a card that is declined")
    mei.follow("Back")
    mei.sees("Payment of $23.90 was declined.", "your 600 pts are back at once")

    mei.press("Try again")
    mei.press("Pay 23.90 USD")

    mei.sees("Being packed")
