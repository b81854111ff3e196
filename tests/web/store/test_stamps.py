"""My stamp cards: how full each is, in marks and in words, what a full one gave, and what came and went."""

from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import transaction
from mall.domain import catalogue, earning
from tests.stage import NOON
from tests.web.store.till import words

PAGE, CENTRE = "/member/stamps", "/member"
KEPT = NOON + timedelta(days=15)


@pytest.fixture
def browser(enter, mei):
    return enter(mei)


def keep(stage, member_id, item, *, quantity=1):
    stage.put_in(member_id, item, "cash", quantity=quantity)
    order = stage.deliver(stage.ship(stage.pay(stage.place(member_id))))
    assert stage.close(order, at=KEPT)
    return order


def seen(browser, page=PAGE, at=KEPT):
    with moved_to(at):
        return browser.get(page).text


def test_a_card_shows_its_stamps_in_marks_and_in_words(stage, mei, browser):
    stage.stamp_card(least_cents=500)
    keep(stage, mei, stage.mug(), quantity=2)

    for page in (PAGE, CENTRE):
        html = seen(browser, page)
        assert html.count('<i class="on"></i>') == 2 and html.count("<i></i>") == 1
        assert 'aria-label="2 of 3 stamps"' in html
        shown = words(html)
        assert "Buy three 2 of 3 Each piece of $5.00 or more in cash that is kept is a stamp." in shown
        assert "A full card gives “Ten off”. 1 stamp to go; until 1 April 2026" in shown


def test_a_full_card_leads_to_its_coupon_and_the_history_to_the_orders(stage, mei, browser):
    stage.stamp_card()
    order = keep(stage, mei, stage.mug(), quantity=4)
    stage.refund(order, pieces={1: 1}, at=KEPT)

    shown = words(seen(browser))

    assert "Full cards My coupons Buy three Ten off · Coupon ready to use, until 16 April 2026" in shown
    assert "Order 10001 Buy three · went back, 17 March 2026 −1" in shown
    assert "Order 10001 Buy three · kept, 17 March 2026 +4" in shown

    stage.refund(order, pieces={1: 1}, at=KEPT)
    assert "Void since 17 March 2026: goods it was filled with went back" in words(seen(browser))


def test_without_any_card_the_page_says_so_and_the_centre_nothing(browser):
    assert "No stamp card runs now" in words(seen(browser))
    assert "Stamp cards" not in words(seen(browser, CENTRE))


def test_a_card_for_a_higher_level_is_not_shown(stage, browser):
    stage.stamp_card(min_rank=4)

    assert "Buy three" not in seen(browser)


def test_items_that_a_member_may_not_see_are_not_named(stage, browser):
    mug = stage.mug()
    secret = stage.item("Secret bowl", prices=(catalogue.cash_price(900),))
    with transaction():
        catalogue.edit_product(secret.product_id, see_rank=4, terms=stage.terms, by="staff:1", at=NOON)
    stage.stamp_card(scope="product", scope_ids=[mug.product_id, secret.product_id])

    shown = words(seen(browser, at=NOON))

    assert "For Stoneware mugs" in shown and "Secret bowl" not in shown


def test_a_card_that_is_over_or_filled_as_often_as_may_be_says_so(stage, mei, browser):
    stage.stamp_card(member_limit=1)
    keep(stage, mei, stage.mug(), quantity=4)
    assert "You have filled as many as one member may." in words(seen(browser))
    assert "Buy three" not in words(seen(browser, CENTRE, at=NOON + timedelta(days=60)))

    other = stage.stamp_card(starts_at=NOON + timedelta(minutes=1))
    with transaction():
        earning.end_stamp_card(other, by="staff:1", at=NOON + timedelta(hours=1), reason="Too many")
    assert "Over since" not in words(seen(browser))  # Nothing of it was the member's.


def test_in_chinese_it_is_chinese(stage, mei, browser):
    stage.stamp_card()
    keep(stage, mei, stage.mug(), quantity=2)
    browser.post("/language", data={"language": "zh"})

    shown = words(seen(browser))

    assert "买三赠一" in shown and "2/3" in shown and "还差 1 个印章" in shown


def test_the_centre_with_cards_takes_as_few_statements(stage, mei, browser, count_statements):
    for _card in range(3):
        stage.stamp_card()
    keep(stage, mei, stage.mug(), quantity=4)
    seen(browser, CENTRE)
    count_statements.clear()
    seen(browser, CENTRE)

    assert len(count_statements) <= 8, "\n".join(count_statements)
