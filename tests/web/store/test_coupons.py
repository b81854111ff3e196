"""My coupons and the checkout: what fits is proposed, what does not says why, what was used comes back in words."""

from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import catalogue, checkout, coupons
from tests.stage import NOON
from tests.web.store.till import fields_of, words

DAY = timedelta(days=1)


@pytest.fixture
def lamp(stage):
    return stage.item("Lamp", prices=(catalogue.cash_price(6_000),))


def code_of(kind):
    with transaction():
        [code] = coupons.make_codes(kind, count=1, key=f"k{kind}", by="staff:1", at=NOON)
    return code


# My coupons.


def test_without_a_coupon_the_page_says_how_to_get_one(till):
    assert "No coupon to use" in till.browser.get("/coupons").text


def test_coupons_stand_under_what_they_are(till, stage, mei, lamp):
    stage.coupon(mei, title={"en": "Spring"}, threshold_cents=6_000)
    stage.coupon(mei, title={"en": "Old"}, valid_days=None, ends_at=NOON + DAY)
    used = stage.coupon(mei, title={"en": "Gone"})
    till.put_in(lamp, "cash")
    order = stage.place(mei, use=[used])
    with moved_to(NOON + 2 * DAY):
        usable, spent, ended = (words(till.browser.get(f"/coupons?show={tab}").text) for tab in ("", "used", "ended"))

    assert "Spring" in usable and "$10.00 off" in usable and "from $60.00 in cash" in usable and "Old" not in usable
    assert "Gone" in spent and f"Order {checkout.number_of(order.id)}" in spent
    assert "Old" in ended and "Ended on 3 March 2026, not used" in ended


def test_what_ends_soon_says_in_how_many_days(till, stage, mei):
    stage.coupon(mei, valid_days=3)

    assert "Ends 5 March 2026, in 3 days" in words(till.browser.get("/coupons").text)


def test_what_cannot_be_used_yet_says_from_when(till, stage, mei):
    stage.coupon(mei, starts_at=NOON + 5 * DAY)

    assert "Can be used from 7 March 2026" in words(till.browser.get("/coupons").text)


def test_a_code_becomes_a_coupon(till, stage, mei):
    code = code_of(stage.coupon_kind(title={"en": "From a card"}))

    answer = till.browser.post("/coupons", data={"code": f" {code.lower()} "})

    assert answer.status_code == 303
    page = till.browser.get("/coupons").text
    assert "From a card" in page and "The coupon is yours" in page


def test_a_wrong_code_stays_as_typed_with_a_sentence_at_its_field(till):
    answer = till.browser.post("/coupons", data={"code": "ABCD-EFGH"})

    assert answer.status_code == 422
    assert "This code gives no coupon here." in answer.text
    assert fields_of(answer.text, "code-form")["code"] == "ABCD-EFGH"


@pytest.mark.parametrize("typed", ["", "   "])
def test_an_empty_code_asks_for_one(till, typed):
    answer = till.browser.post("/coupons", data={"code": typed})

    assert answer.status_code == 422 and "Type the code of your coupon." in answer.text


def test_the_page_costs_as_many_statements_for_many_as_for_one(till, stage, mei, count_statements):
    stage.coupon(mei)
    till.browser.get("/coupons")
    count_statements.clear()
    till.browser.get("/coupons")
    for_one = len(count_statements)
    for _number in range(5):
        stage.coupon(mei)
    count_statements.clear()
    till.browser.get("/coupons")

    assert len(count_statements) == for_one <= 4


def test_the_home_page_says_how_many_there_are(till, stage, mei):
    assert "checkout proposes the best one" not in till.browser.get("/").text
    stage.coupon(mei)
    stage.coupon(mei)

    assert "2 to use" in words(till.browser.get("/").text)


# At checkout.


def test_the_best_is_chosen_until_something_else_is(till, stage, mei, lamp):
    stage.coupon(mei, title={"en": "Five off"}, amount_cents=500)
    best = stage.coupon(mei, title={"en": "Ten off"})
    till.put_in(lamp, "cash")

    page = till.checkout()

    assert fields_of(page, "order")["coupon"] == str(best)
    assert "Best for you" in page and "−$10.00" in page and "−$5.00" in page
    assert "Pay $54.90" in words(page)


def test_another_can_be_chosen_and_none(till, stage, mei, lamp):
    five = stage.coupon(mei, amount_cents=500)
    stage.coupon(mei)
    till.put_in(lamp, "cash")

    assert "Pay $59.90" in words(till.checkout(coupon=five))
    page = till.checkout(coupon="none")
    assert "Pay $64.90" in words(page)
    assert fields_of(page, "order")["coupon"] == "none"


def test_choosing_by_the_button_keeps_everything_else(till, stage, mei, lamp):
    five = stage.coupon(mei, amount_cents=500)
    stage.coupon(mei)
    stage.give(mei, 5_000)
    till.put_in(lamp, "cash")

    answer = till.browser.post(
        "/checkout", data=till.form(points=100) | {"coupon": five, "look": "1"}, follow_redirects=True
    )

    assert answer.status_code == 200
    fields = fields_of(answer.text, "order")
    assert (fields["coupon"], fields["points"]) == (str(five), "100")
    assert "Redeem 100 pts and pay $58.90" in words(answer.text)


def test_the_order_uses_what_was_shown(till, stage, mei, lamp):
    coupon = stage.coupon(mei)
    till.put_in(lamp, "cash")

    assert till.place().status_code == 303

    [order] = till.orders()
    assert (order.goods_cents, stage.coupon_state(coupon)) == (5_000, "used")
    page = words(till.page_of(order))
    assert "− $10.00 coupon" in page and "Ten off −$10.00" in page
    stage.pay(order)
    receipt = words(till.browser.get(f"/orders/{checkout.number_of(order.id)}/receipt").text)
    assert receipt.index("Coupon Ten off −$10.00") < receipt.index("Delivery $4.90")


def test_another_coupon_than_the_one_shown_is_a_new_total_first(till, stage, mei, lamp):
    stage.coupon(mei)
    five = stage.coupon(mei, amount_cents=500)
    till.put_in(lamp, "cash")

    answer = till.browser.post("/checkout", data=till.form() | {"coupon": five})

    assert answer.status_code == 422
    assert "The total has changed since you saw it." in answer.text
    assert till.orders() == []
    assert fields_of(answer.text, "order")["coupon"] == str(five)


def test_what_does_not_fit_says_why(till, stage, mei, lamp, mug):
    stage.coupon(mei, title={"en": "Big"}, threshold_cents=7_000)
    stage.coupon(mei, title={"en": "Mugs"}, scope="product", scope_ids=[mug.product_id])
    stage.coupon(mei, title={"en": "Top"}, min_rank=5)
    till.put_in(lamp, "cash")

    page = words(till.checkout())

    assert "None of your coupons fits this basket." in page and "3 coupons that do not fit" in page
    assert "This coupon needs $70.00 in cash of the items it is for; $10.00 is missing." in page
    assert "This coupon is for other items, or for items paid in cash." in page
    assert "This coupon is for a higher level." in page


def test_one_that_no_longer_fits_says_so_and_the_total_is_without_it(till, stage, mei, lamp):
    coupon = stage.coupon(mei, threshold_cents=12_000)
    till.put_in(lamp, "cash", quantity=2)
    form = till.form()
    assert form["coupon"] == str(coupon)
    till.browser.post(f"/basket/lines/{till.lines()[0].id}", data={"quantity": 1})

    answer = till.browser.post("/checkout", data=form)

    assert answer.status_code == 422
    assert "$60.00 is missing" in answer.text and "Pay $64.90" in words(answer.text)


def test_those_that_stack_are_offered_together(till, stage, mei, lamp):
    stage.coupon(mei, stackable=True, title={"en": "Ten off"})
    parcel = stage.coupon(mei, kind="shipping", stackable=True, title={"en": "Parcel"})
    stage.coupon(mei, amount_cents=900, title={"en": "Alone"})
    till.put_in(lamp, "cash")

    form = till.form()
    page = till.browser.post("/checkout", data=form | {"together": parcel, "look": "1"}, follow_redirects=True).text
    assert "Use together with it" in page and "Pay $50.00" in words(page)
    till.browser.post("/checkout", data=fields_of(page, "order"))

    [order] = till.orders()
    assert (order.coupon_count, order.shipping_cents, order.goods_cents) == (2, 0, 5_000)


def test_one_that_does_not_stack_leaves_the_others_out(till, stage, mei, lamp):
    stage.coupon(mei, stackable=True)
    parcel = stage.coupon(mei, kind="shipping", stackable=True)
    alone = stage.coupon(mei, amount_cents=900)
    till.put_in(lamp, "cash")

    page = till.browser.post(
        "/checkout", data=till.form() | {"coupon": alone, "together": parcel, "look": "1"}, follow_redirects=True
    ).text

    assert "Pay $55.90" in words(page)


def test_a_coupon_that_pays_for_everything_places_the_order(till, stage, mei):
    card = stage.item("Card", prices=(catalogue.cash_price(900),), delivery="digital")
    stage.coupon(mei)
    till.put_in(card, "cash")

    assert "Place the order" in till.checkout()
    till.place()

    [order] = till.orders()
    assert order.state == "completed"
    assert "Order placed; nothing to pay" in till.page_of(order)


def test_cancelling_says_before_and_after_what_becomes_of_it(till, stage, mei, lamp):
    stage.coupon(mei)
    till.put_in(lamp, "cash")
    till.place()
    [order] = till.orders()
    stage.pay(order)
    address = f"/orders/{checkout.number_of(order.id)}/cancellation"

    assert "Yours to use again, until 1 April 2026" in words(till.browser.get(address).text)
    till.browser.post(address)

    assert "Yours to use again, until 1 April 2026" in words(till.page_of(order))
    with reading():
        assert [row.state for row in coupons.coupons_of(mei)] == ["usable"]


@pytest.mark.parametrize("typed", ["x", "-1", "9" * 30, "1.5", "'; --"])
def test_what_is_no_coupon_is_refused_and_nothing_placed(till, stage, lamp, typed):
    till.put_in(lamp, "cash")

    answer = till.browser.post("/checkout", data=till.form() | {"coupon": typed})

    assert answer.status_code == 422
    assert till.orders() == []


def test_an_item_bought_with_points_is_a_coupon_at_once(till, stage, mei):
    voucher = stage.item("Voucher", kind="coupon", prices=(catalogue.points_price(800),))
    kind = stage.coupon_kind(title={"en": "Ten off everything"})
    with transaction():
        coupons.sell(kind, voucher.product_id, by="staff:1", at=NOON)
    stage.give(mei, 800)
    till.put_in(voucher)

    till.place()

    assert "Ten off everything" in till.browser.get("/coupons").text
    [order] = till.orders()
    assert order.state == "completed"


def test_a_gift_is_put_in_the_basket_and_costs_nothing(till, stage, mei, lamp):
    gift = stage.coupon(mei, kind="gift", scope="product", scope_ids=[lamp.product_id], title={"en": "A lamp"})
    page = words(till.browser.get("/coupons").text)
    assert "Gift free A lamp" in page and "Put it in the basket" in page

    assert till.browser.post(f"/coupons/{gift}/basket").location == "/basket"

    page = till.checkout()
    assert fields_of(page, "order")["coupon"] == str(gift)
    assert "Coupon A lamp −$60.00" in words(page) and "Pay $4.90" in words(page)
    till.place()
    [order] = till.orders()
    assert (order.goods_cents, order.points) == (0, 0)
    assert till.browser.post(f"/coupons/{gift}/basket").status_code == 404  # It is used.


def test_a_gift_with_a_choice_leads_to_its_page(till, stage, mei):
    cards = stage.item("Card", prices=(catalogue.points_price(300),))
    gift = stage.coupon(mei, kind="gift", scope="product", scope_ids=[cards.product_id])

    assert till.browser.post(f"/coupons/{gift}/basket").location == "/items/card"
    assert till.lines() == []


def test_anothers_gift_and_what_is_no_gift_are_not_there(till, stage, mei, tom, lamp):
    theirs = stage.coupon(tom, kind="gift", scope="product", scope_ids=[lamp.product_id])

    for coupon in (theirs, stage.coupon(mei), 987_654):
        assert till.browser.post(f"/coupons/{coupon}/basket").status_code == 404
    assert till.lines() == []


# Packs, and coupons to be had.


def pack_of(stage):
    ten, parcel = (
        stage.coupon_kind(),
        stage.coupon_kind(title={"en": "Free parcel"}, kind="shipping", amount_cents=None),
    )
    with transaction():
        return coupons.make_pack(key="pack", title={"en": "Welcome"}, parts={ten: 2, parcel: 1}, by="staff:1", at=NOON)


def test_a_code_of_a_pack_gives_all_of_it(till, stage, mei):
    code = code_of(pack_of(stage))

    assert till.browser.post("/coupons", data={"code": code}).status_code == 303

    page = words(till.browser.get("/coupons").text)
    assert "3 coupons are yours" in page and page.count("Ten off") >= 2 and "Free parcel" in page


def test_what_can_be_had_for_points_is_listed_with_what_is_in_it_and_its_page_says_so_too(till, stage, mei):
    voucher = stage.item("Welcome pack", kind="coupon", delivery="digital")
    pack = pack_of(stage)
    assert "Welcome pack" not in till.browser.get("/coupons").text
    with transaction():
        coupons.sell(pack, voucher.product_id, by="staff:1", at=NOON)

    page = words(till.browser.get("/coupons").text)
    assert "Welcome pack" in page and "2 × Ten off, 1 × Free parcel" in page and "800" in page
    item = words(till.browser.get("/items/welcome-pack").text)
    assert "What you get" in item and "2 × Ten off" in item and "good for 30 days" in item


def test_the_page_of_an_order_says_where_its_coupons_are(till, stage, mei):
    voucher = stage.item("Welcome pack", kind="coupon", delivery="digital")
    pack = pack_of(stage)
    with transaction():
        coupons.sell(pack, voucher.product_id, by="staff:1", at=NOON)
    stage.give(mei, 800)
    till.put_in(voucher, "points")
    order = stage.place(mei)
    address = f"/orders/{checkout.number_of(order.id)}"

    page = till.browser.get(address).text
    assert "2 × Ten off" in words(page) and "Among your coupons, until" in words(page)
    assert 'href="/coupons"' in page.partition('id="gifts"')[2].partition("</section>")[0]

    stage.refund(order)
    assert "Among your coupons" not in words(till.browser.get(address).text)


def test_the_page_of_an_order_leads_to_codes_that_were_not_seen(till, stage, mei):
    item = stage.item("Coffee", kind="code", stock=3)
    stage.give(mei, 1_600)
    till.put_in(item, "points", quantity=2)
    order = stage.place(mei)

    assert "2 codes are yours" in words(till.browser.get(f"/orders/{checkout.number_of(order.id)}").text)
