"""My stamp cards: how full each is, in marks and in words, what a full one gave, and what came and went."""

from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import catalogue, checkout, coupons, earning
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


ITEM = "/items/stoneware-mugs"
FIELDS = "Each piece that is paid in cash fills one of 3 fields. A full card gives “Ten off”."


def mug_of(stage, *, least_cents=0, **card):
    """Put a mug on a shelf, with a card for all that stands there."""
    mug = stage.mug()
    with transaction():
        shelf = catalogue.create_category({"en": "Pottery"}, by="staff:1", at=NOON)
        catalogue.edit_product(mug.product_id, categories=[shelf], terms=stage.terms, by="staff:1", at=NOON)
    stage.stamp_card(scope="category", scope_ids=[shelf], least_cents=least_cents, **card)
    return mug


def test_an_item_says_which_card_it_fills_and_how_many_stamps_are_there(app, stage, mei, browser):
    mug = mug_of(stage)
    assert f"Buy three {FIELDS} You have 0. My stamp cards" in words(seen(browser, ITEM, NOON))
    keep(stage, mei, mug, quantity=2)

    assert f"Buy three {FIELDS} You have 2. My stamp cards" in words(seen(browser, ITEM))
    visitor = words(app.test_client().get(ITEM).text)
    assert f"Buy three {FIELDS}" in visitor and "You have" not in visitor and "My stamp cards" not in visitor


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ({"least_cents": 1_590}, "Each piece of $15.90 or more in cash fills one of 3 fields."),
        ({"counts": "order"}, "An order that is paid in cash fills one of 3 fields."),
        ({"counts": "order", "least_cents": 5_000}, "An order of $50.00 or more in cash fills one of 3 fields."),
        ({"least_cents": 1_591}, None),
        ({"min_rank": 4}, None),
        ({"approved": False}, None),
        ({"starts_at": NOON + timedelta(minutes=1)}, None),
    ],
)
def test_an_item_speaks_only_of_cards_that_a_piece_of_it_fills_now(stage, browser, card, said):
    mug_of(stage, **card)

    page = words(seen(browser, ITEM, NOON))

    assert said in page if said else "Buy three" not in page


def test_items_for_points_alone_or_on_another_shelf_say_nothing_of_it(stage, browser):
    mug_of(stage)
    stage.item("Bowl", prices=(catalogue.cash_price(900),))
    stage.stamp_card(title={"en": "For all"})
    stage.item("Gift", prices=(catalogue.points_price(900),))

    bowl = words(seen(browser, "/items/bowl", NOON))
    assert "For all" in bowl and "Buy three" not in bowl
    assert "For all" not in seen(browser, "/items/gift", NOON)


def test_who_has_filled_as_many_as_one_may_is_told_of_no_field(stage, mei, browser):
    keep(stage, mei, mug_of(stage, member_limit=1), quantity=3)

    assert "Buy three" not in seen(browser, ITEM)


def test_a_card_that_all_members_have_used_up_or_that_was_ended_is_gone_at_once(app, stage, mei, tom):
    visitor = app.test_client()
    mug = mug_of(stage, total_limit=1)
    other = stage.stamp_card(title={"en": "Another"})
    assert "Buy three" in seen(visitor, ITEM) and "Another" in seen(visitor, ITEM)
    keep(stage, mei, mug, quantity=3)
    with transaction():
        earning.end_stamp_card(other, by="staff:1", at=KEPT, reason="Too many")

    assert "Buy three" not in seen(visitor, ITEM) and "Another" not in seen(visitor, ITEM)


def test_basket_and_checkout_say_what_the_order_will_bring_and_the_order_what_it_brought(stage, mei, browser):
    mug = mug_of(stage)
    keep(stage, mei, mug)
    stage.put_in(mei, mug, "cash", quantity=1, at=KEPT)
    for page in ("/basket", "/checkout"):
        assert "Buy three : 1 stamp when it is kept. You have 1 of 3." in words(seen(browser, page))
    stage.put_in(mei, mug, "cash", quantity=5, at=KEPT)
    for page in ("/basket", "/checkout"):
        assert (
            "Buy three : 6 stamps when it is kept. You have 1 of 3."
            " 2 cards are full then, and each gives “Ten off”." in words(seen(browser, page))
        )

    order = stage.deliver(stage.ship(stage.pay(stage.place(mei, at=KEPT), at=KEPT), at=KEPT), at=KEPT)
    assert "Buy three 6 stamps when it is kept." in words(seen(browser, "/orders/10002"))
    later = KEPT + timedelta(days=15)
    stage.close(order, at=later)
    assert "Buy three It brought 6 stamps." in words(seen(browser, "/orders/10002", later))
    stage.refund(order, pieces={1: 2}, at=later)
    assert "Buy three It brought 6 stamps. 2 of them went back." in words(seen(browser, "/orders/10002", later))


def test_where_all_together_fill_so_many_that_is_said_before_it_is_hoped_for(stage, mei, browser):
    mug = mug_of(stage, total_limit=5)
    bound = "All members together can fill 5: the first ones have them."
    assert f"A full card gives “Ten off”. {bound} You have 0." in words(seen(browser, ITEM, NOON))
    stage.put_in(mei, mug, "cash", quantity=2)
    assert bound not in seen(browser, "/basket", NOON)  # It fills none yet.
    stage.put_in(mei, mug, "cash")

    for page in ("/basket", "/checkout"):
        assert f"The card is full then, and gives “Ten off”. {bound}" in words(seen(browser, page, NOON))


def test_a_visitor_and_a_newcomer_are_told_what_comes_without_a_count(app, stage, mug):
    stage.stamp_card()
    visitor = app.test_client()
    visitor.post("/basket", data={"variant_id": mug.variant_id, "option_id": mug.options["cash"], "quantity": 3})

    for page in ("/basket", "/checkout/join"):
        shown = words(visitor.get(page, follow_redirects=True).text)
        assert "Buy three : 3 stamps when it is kept. The card is full then, and gives “Ten off”." in shown


def test_an_order_for_points_or_given_back_before_it_is_kept_brings_none(stage, mei, browser):
    stage.stamp_card()
    stage.give(mei, 5_000)
    stage.put_in(mei, stage.mug(), "points")
    assert "Buy three" not in seen(browser, "/basket", NOON) + seen(browser, "/checkout", NOON)
    stage.put_in(mei, stage.mug(), "cash")
    order = stage.pay(stage.place(mei))
    assert "Buy three" in seen(browser, "/orders/10001", NOON)

    stage.refund(order)

    assert "Buy three" not in seen(browser, "/orders/10001", NOON)


def test_pages_ask_no_more_with_cards_than_without(stage, mei, browser, count_statements):
    def asked(address):
        seen(browser, address)
        count_statements.clear()
        seen(browser, address)
        return len(count_statements)

    mug = stage.mug()
    pages = (ITEM, "/basket", "/checkout", "/shop", "/")
    stage.put_in(mei, mug, "cash")
    without = {address: asked(address) for address in pages}
    with transaction():
        shelf = catalogue.create_category({"en": "Pottery"}, by="staff:1", at=NOON)
        catalogue.edit_product(mug.product_id, categories=[shelf], terms=stage.terms, by="staff:1", at=NOON)
    stage.stamp_card(scope="category", scope_ids=[shelf])
    stage.stamp_card(scope="product", scope_ids=[mug.product_id])
    keep(stage, mei, mug)  # With the one that was in the basket.
    stage.put_in(mei, mug, "cash", at=KEPT)
    assert words(seen(browser, ITEM)).count("You have 2.") == 2

    assert {address: asked(address) for address in pages} == without


def test_a_coupon_that_is_called_otherwise_is_named_so_at_once(stage, browser):
    mug_of(stage)
    assert "Ten off" in seen(browser, ITEM, NOON)
    with transaction():
        row = coupons.template_of(1)
        coupons.edit_template(
            1, seen_version=row.version, title={"en": "A tenner"}, terms=stage.terms, by="staff:1", at=NOON
        )

    assert "A full card gives “A tenner”." in words(seen(browser, ITEM, NOON))


def test_a_used_coupon_for_which_stamps_are_owed_is_said_to_be_void_before_its_order_is_cancelled(stage, mei, browser):
    stage.stamp_card()
    mug = stage.mug()
    order = keep(stage, mei, mug, quantity=3)
    with reading():
        [mine] = coupons.coupons_of(mei)
    stage.put_in(mei, mug, "cash", at=KEPT)
    used_for = stage.pay(stage.place(mei, use=[mine.id], at=KEPT), at=KEPT)
    page = f"/orders/{checkout.number_of(used_for.id)}"
    assert "Yours to use again, until" in words(seen(browser, f"{page}/cancellation"))
    stage.refund(order, at=KEPT)

    assert "Void: goods went back that its stamp card was filled with" in words(seen(browser, f"{page}/cancellation"))
    stage.refund(used_for, at=KEPT)
    assert "Void: goods went back that its stamp card was filled with" in words(seen(browser, page))
