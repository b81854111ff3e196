"""No page without parameters is inaccessible, wider than a telephone, or noisy: of a member, an operator, finance."""

import pytest

from mall.domain import catalogue
from tests import cast
from tests.browser.visitor import DESK
from tests.stage import NOON

# What is shown once, sends somebody away, or is no page.
NO_PAGES = ("/hooks", "/static", "/sandbox", "/healthz", "/readyz", "/metrics", "/sign-out")


@pytest.fixture(autouse=True)
def scene(stage):
    """A shop with something on each page: an order on its way, one unpaid, points, an adjustment that waits."""
    mei = stage.member("mei")
    stage.settle_down(mei)
    stage.give(mei, 3_000)
    mug = stage.item("Stoneware mug", prices=(catalogue.cash_price(1_590), catalogue.points_price(1_590)))
    stage.put_in(mei, mug, "cash")
    stage.ship(stage.pay(stage.place(mei)))
    stage.put_in(mei, mug, "cash")
    stage.place(mei, points=500)
    stage.put_in(mei, mug)
    for name in ("ada", "ola"):
        cast.hire(name, at=NOON)


def pages(app, *, within=""):
    """Return the addresses under one that need no parameter and answer with a page."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments]
    found = sorted({rule.rule for rule in rules if rule.rule.startswith(within) and "." not in rule.rule})
    return [address for address in found if not address.startswith(NO_PAGES)]


def look_at(visitor, addresses):
    """Open every page, and say at the end which were not fit to be read."""
    faults = []
    for address in addresses:
        try:
            assert visitor.open(address) == 200, f"{address} is not there"
        except AssertionError as fault:
            faults.append(str(fault))
    assert not faults, "\n".join(faults)


def test_the_pages_of_a_member(visit, site):
    mei = visit()
    mei.sign_in("mei", by_hand=True)
    outside = [each for each in pages(site.app) if not each.startswith(("/office", "/finance"))]
    look_at(
        mei, [*outside, "/shop", "/orders/10001", "/orders/10001/receipt", "/orders/10002", "/items/stoneware-mug"]
    )


def test_the_pages_of_the_office(visit, site):
    ada = visit(DESK)
    ada.sign_in_staff("ada", by_hand=True)
    look_at(ada, [*pages(site.app, within="/office"), "/office/orders/10001", "/office/orders/10001/refund"])
    look_at(ada, ["/office/catalogue/1", "/office/stock/1", "/office/members/1", "/office/members/1/levels"])


def test_the_pages_of_finance(visit, site):
    ada = visit(DESK)
    ada.sign_in_staff("ada")
    look_at(ada, pages(site.app, within="/finance"))


UNDER_SOMETHING = """() => {
    window.scrollTo(0, document.documentElement.scrollHeight);
    return [...document.querySelectorAll('.site-foot :is(a, button)')].filter((part) => {
        const box = part.getBoundingClientRect();
        const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
        return !top || !(top === part || part.contains(top));
    }).map((part) => part.textContent);
}"""


def test_every_link_of_the_foot_can_be_tapped_on_a_telephone(visit):
    mei = visit()
    mei.sign_in("mei")

    for address in ("/", "/wallet", "/items/stoneware-mug"):
        assert mei.open(address) == 200
        assert mei.page.evaluate(UNDER_SOMETHING) == [], address
