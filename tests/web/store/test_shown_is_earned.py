"""The price and the points a page shows a member are those the order has: at every level, with its discount."""

import re

import pytest

from mall.base.db import transaction
from mall.base.text import say
from mall.domain import catalogue, membership
from mall.domain.programme import ready_made
from tests.stage import NOON, open_shop
from tests.web.store.till import words

# Prices at which a discount taken before or after, or points rounded twice, would differ.
PRICES = (1_595, 1_049, 333)
EVERY_LEVEL = {
    f"{name}-{rank}": (levels, rank)
    for name, levels in {"pyramid": ready_made.PYRAMID, "steps": ready_made.SIX_STEPS}.items()
    for rank in range(1, len(levels) + 1)
}


@pytest.fixture(params=EVERY_LEVEL.values(), ids=list(EVERY_LEVEL))
def level(request):
    return request.param


@pytest.fixture
def stage(app, level):
    levels, _rank = level
    return open_shop(levels=[each | {"rank": rank} for rank, each in enumerate(levels, start=1)])


@pytest.fixture
def at_level(stage, mei, level):
    """Mei, raised to the level."""
    _levels, rank = level
    if rank > 1:
        with transaction():
            membership.add_growth(
                mei, stage.terms.level(rank).reach, source="order", reference="gift", version=1,
                counts_on=stage.terms.today(NOON), why=say("A gift"), key="gift", terms=stage.terms, at=NOON,
            )  # fmt: skip
    assert stage.level_of(mei).rank == rank
    return mei


@pytest.mark.parametrize("list_cents", PRICES)
def test_what_is_shown_is_what_is_paid_and_earned(till, stage, at_level, list_cents):
    item = stage.item("Lamp", prices=(catalogue.cash_price(list_cents),))

    listing, page = words(till.browser.get("/shop").text), words(till.browser.get("/items/lamp").text)
    stage.put_in(at_level, item, "cash")
    order = stage.place(at_level)
    stage.pay(order)

    (on_card,) = re.findall(r"Earn ([\d,]+) pts", listing)
    (on_page,) = re.findall(r"Earns ([\d,]+) pts", page)
    earned = stage.balances(at_level).pending
    assert int(on_card.replace(",", "")) == int(on_page.replace(",", "")) == earned
    paid = f"${order.goods_cents / 100:,.2f}"
    assert f"Lamp {paid}" in listing
    assert f"Cash only {paid}" in page
    assert (f"was ${list_cents / 100:,.2f}" in listing) == (order.goods_cents < list_cents)


def test_the_page_says_what_the_level_takes_off(till, stage, at_level):
    stage.item("Lamp", prices=(catalogue.cash_price(1_000),))

    page = words(till.browser.get("/items/lamp").text)

    level = stage.terms.level(stage.level_of(at_level).rank)
    percent = level.discount_percent
    off = f"With your level {level.name['en']} it is ${10 - percent / 10:.2f}: {percent} % off in cash."
    assert (off in page) == (percent > 0)
    assert ("off in cash" in page) == (percent > 0)
