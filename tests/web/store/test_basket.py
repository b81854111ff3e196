"""The basket: what is put in stays, changes in place, and says line by line what stands in the way."""

import re

import pytest

from mall.base.clock import now
from mall.base.db import transaction
from mall.domain import catalogue, checkout, people
from tests.stage import NOON
from tests.web.store.till import words


def test_an_item_put_in_is_in_the_basket_with_its_price(till, mug):
    answer = till.put_in(mug, "mix", points=900)

    assert (answer.status_code, answer.location) == (303, "/basket")
    page = words(till.basket())
    assert "It is in your basket." in page
    assert "Stoneware mugs" in page
    assert "900 pts + $6.90" in page


def test_one_piece_goes_in_where_nobody_says_how_many(till, mug):
    till.browser.post("/basket", data={"variant_id": mug.variant_id, "option_id": mug.options["cash"]})

    assert [line.quantity for line in till.lines()] == [1]


def test_the_same_item_at_the_same_price_is_one_line(till, mug):
    till.put_in(mug, "cash")
    till.put_in(mug, "cash", quantity=2)

    assert [line.quantity for line in till.lines()] == [3]


def test_a_fixed_price_says_how_many_points_whatever_the_form_says(till, gift):
    till.put_in(gift, points=1)

    assert "800 pts" in words(till.basket())


def test_an_empty_basket_says_so_and_shows_the_way(till):
    page = till.basket()

    assert "Your basket is empty" in page
    assert "See the items" in page


@pytest.mark.parametrize("fields", [{"quantity_to": "3"}, {"quantity": "3"}, {"quantity_to": "", "quantity": " 3 "}])
def test_stepper_and_typed_box_change_the_quantity(till, mug, fields):
    till.put_in(mug, "cash")
    (line,) = till.lines()

    answer = till.browser.post(f"/basket/lines/{line.id}", data=fields)

    assert answer.status_code == 303
    assert till.lines()[0].quantity == 3
    assert "$47.70" in till.basket()


def test_points_a_piece_are_the_members_choice_within_the_mix(till, mug):
    till.put_in(mug, "mix", points=600, quantity=2)
    (line,) = till.lines()

    till.browser.post(f"/basket/lines/{line.id}", data={"quantity": "2", "points": "600", "points_to": "700"})

    page = words(till.basket())
    assert "1,400 pts + $17.80" in page
    assert "The price has changed" not in page


@pytest.mark.parametrize("typed", ["-1", "0.5", "abc", "100", "99999999999999999999", "1e3", "½", ""])
def test_a_quantity_that_cannot_be_is_refused_and_stays_as_typed(till, mug, typed):
    till.put_in(mug, "cash")
    (line,) = till.lines()

    answer = till.browser.post(f"/basket/lines/{line.id}", data={"quantity": typed})

    assert answer.status_code == 422
    assert "Choose a quantity from 1 to 99." in answer.text
    assert f'name="quantity" inputmode="numeric" autocomplete="off" value="{typed}"' in answer.text
    assert f'<li><a href="#quantity-{line.id}">Choose a quantity from 1 to 99.</a></li>' in answer.text
    assert till.lines()[0].quantity == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [("650", "in steps of 100"), ("1600", "600 to 1,500 points a piece"), ("-5", "Type a whole number.")],
)
def test_points_outside_the_mix_are_refused_and_stay_as_typed(till, mug, typed, said):
    till.put_in(mug, "mix", points=600)
    (line,) = till.lines()

    answer = till.browser.post(f"/basket/lines/{line.id}", data={"quantity": "1", "points": typed})

    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{typed}"' in answer.text
    assert till.lines()[0].points_each == 600


def test_a_form_that_says_nothing_changes_nothing(till, mug):
    till.put_in(mug, "cash")
    (line,) = till.lines()

    assert till.browser.post(f"/basket/lines/{line.id}").status_code == 422
    assert till.lines()[0].quantity == 1


@pytest.mark.parametrize(("page", "fields"), [("/removal", {}), ("", {"quantity": "0"})])
def test_a_line_is_taken_out_and_may_be_put_back(till, mug, page, fields):
    till.put_in(mug, "mix", points=900, quantity=2)
    (line,) = till.lines()

    answer = till.browser.post(f"/basket/lines/{line.id}{page}", data=fields, follow_redirects=True)

    assert "Removed Stoneware mugs." in answer.text
    assert "Your basket is empty" in answer.text
    hidden = dict(
        re.findall(r'type="hidden" name="(variant_id|option_id|points|quantity)" value="(\d+)"', answer.text)
    )
    assert till.lines() == []

    till.browser.post("/basket", data=hidden)
    (again,) = till.lines()
    assert (again.variant_id, again.points_each, again.quantity) == (mug.variant_id, 900, 2)
    assert "Removed" not in till.basket()


def test_only_the_field_that_is_wrong_is_marked(till, mug):
    till.put_in(mug, "mix", points=600)
    (line,) = till.lines()

    page = till.browser.post(f"/basket/lines/{line.id}", data={"quantity": "1.5", "points": "600"}).text
    assert page.count('aria-invalid="true"') == 1
    assert f'aria-describedby="quantity-{line.id}-error"' in page
    assert "field-bad" not in page

    page = till.browser.post(f"/basket/lines/{line.id}", data={"quantity": "1", "points": "650"}).text
    assert page.count('aria-invalid="true"') == 1
    assert f'id="points-{line.id}-error"' in page


@pytest.mark.parametrize("typed", ["abc", "-1", "0", "1.5", "100", "9" * 20])
def test_a_wrong_quantity_stays_on_the_items_page_and_is_said_there(till, mug, typed):
    answer = till.put_in(mug, "cash", quantity=typed)

    assert answer.status_code == 422
    assert f'value="{typed}" aria-label="Quantity" aria-invalid="true"' in answer.text
    assert 'id="quantity-error"' in answer.text
    assert '<div class="flashes">' not in answer.text


def test_more_than_a_basket_holds_of_one_item_is_said_at_the_quantity(till, stage, mug):
    many = stage.item("Tea", stock=200)
    till.put_in(many, quantity=98)

    answer = till.put_in(many, quantity=2)

    assert answer.status_code == 422
    assert "Choose a quantity from 1 to 99." in answer.text.partition('id="quantity-error"')[2]


@pytest.mark.parametrize(("typed", "said"), [("abc", "whole number"), ("-5", "whole number"), ("99999", "1,500")])
def test_points_that_cannot_be_are_said_at_their_field_on_the_items_page(till, mug, typed, said):
    chosen = {"variant_id": mug.variant_id, "option_id": mug.options["mix"], "points": typed}
    counted = till.browser.post("/items/stoneware-mugs", data=chosen, follow_redirects=True).text
    refused = till.put_in(mug, "mix", points=typed)

    assert refused.status_code == 422
    for page in (counted, refused.text):
        assert f'value="{typed}" aria-label="Points to use" aria-invalid="true"' in page
        assert said in page.partition('id="points-error"')[2][:300]
        assert '<div class="flashes">' not in page


def test_points_as_people_write_them_go_in(till, mug):
    assert till.put_in(mug, "mix", points="1,500").status_code == 303
    assert till.lines()[0].points_each == 1_500


def test_what_cannot_go_in_is_said_on_the_items_page(till, mug):
    answer = till.put_in(mug, "mix", points=650)

    assert answer.status_code == 422
    assert "in steps of 100" in answer.text
    assert "Stoneware mugs" in answer.text
    assert till.lines() == []


@pytest.mark.parametrize(
    "fields", [{"variant_id": "abc"}, {"variant_id": 2**63}, {"option_id": "-1"}, {"variant_id": 999}]
)
def test_what_is_not_there_cannot_go_in(till, mug, fields):
    assert till.put_in(mug, "cash", **fields).status_code == 404


def test_too_many_pieces_are_pointed_out_at_the_line(till, stage):
    rare = stage.item("Waxed canvas tote", stock=3)
    till.put_in(rare, quantity=4)

    page = words(till.basket())

    assert "One item needs a look first." in page
    assert "3" in page.split("Waxed canvas tote", 1)[1]
    assert till.browser.get("/basket").status_code == 200


def test_a_price_that_changed_is_pointed_out_with_the_old_one(till, stage, gift):
    till.put_in(gift)
    dearer = catalogue.points_price(900, id=gift.options["points"])
    with transaction():
        catalogue.set_price_options(gift.variant_id, [dearer], terms=stage.terms, by="staff:1", at=NOON)

    page = words(till.basket())

    assert "The price has changed since you put it in. It was 800 pts" in page
    assert page.count("900 pts") >= 2


def test_a_price_that_is_gone_asks_for_another_way_to_pay(till, stage, gift):
    till.put_in(gift)
    with transaction():
        catalogue.set_price_options(
            gift.variant_id, [catalogue.cash_price(900)], terms=stage.terms, by="staff:1", at=NOON
        )

    assert "is no longer sold at this kind of price" in words(till.basket())


def test_an_item_taken_off_the_shelf_stays_in_sight_until_removed(till, stage, gift):
    till.put_in(gift)
    with transaction():
        catalogue.delist_products([gift.product_id], by="staff:1", at=NOON)

    page = words(till.basket())

    assert "This item is no longer on offer. Remove it to go on." in page


def test_another_visitors_line_is_not_there(till, enter, tom, mug):
    till.put_in(mug, "cash")
    (line,) = till.lines()
    toms = enter(tom)

    assert toms.post(f"/basket/lines/{line.id}", data={"quantity": "2"}).status_code == 404
    assert toms.post(f"/basket/lines/{line.id}/removal").status_code == 404
    assert till.lines()[0].quantity == 1


def test_a_visitor_has_a_basket_and_takes_it_along_when_signing_in(app, stage, mei, mug, gift, enter):
    own = enter(mei)
    own.post("/basket", data={"variant_id": gift.variant_id, "option_id": gift.options["points"], "quantity": 1})
    visitor = app.test_client()
    visitor.post("/basket", data={"variant_id": mug.variant_id, "option_id": mug.options["cash"], "quantity": 2})
    assert "$31.80" in visitor.get("/basket").text

    assert 'href="/sign-in?next=/checkout"' in visitor.get("/checkout", follow_redirects=True).text
    back = visitor.post(
        "/sign-in", data={"email": "mei@example.com", "password": "correct horse battery", "next": "/checkout"}
    )

    assert back.location == "/checkout"
    page = words(visitor.get("/checkout").text)
    assert "Stoneware mugs × 2" in page
    assert "Pressed-flower card" in page
    assert "Your basket is empty" in app.test_client().get("/basket").text


@pytest.mark.parametrize("lines", [1, 12])
def test_the_page_takes_as_many_statements_for_one_line_as_for_many(till, stage, count_statements, lines):
    for number in range(lines):
        till.put_in(stage.item(f"Item {number}"))
    till.basket()
    count_statements.clear()

    till.basket()

    # The session and the strip are one more, on every page.
    assert len(count_statements) <= 5 + 1, "\n".join(count_statements)
    assert len(count_statements) == 4


def test_the_shop_says_it_in_chinese(till, mug):
    till.put_in(mug, "cash")
    till.browser.post("/language", data={"language": "zh"})

    assert 'lang="zh-Hans"' in till.basket()


def test_a_full_basket_is_refused_on_the_items_page(till, stage, mug):
    for number in range(checkout.MOST_LINES):
        till.put_in(stage.item(f"Item {number}"))

    answer = till.put_in(mug, "cash")

    assert answer.status_code == 422
    assert "A basket holds 20 different items." in answer.text


def test_delivery_that_is_free_says_why(till, gift, mug):
    till.put_in(gift)
    assert "free items for points only ship free" in words(till.basket())
    till.put_in(mug, "cash")
    assert "Delivery $4.90" in words(till.basket())


def test_one_network_begins_a_hundred_baskets_an_hour_and_goes_on_with_each(app, till, mug):
    def put_in(browser):
        fields = {"variant_id": mug.variant_id, "option_id": mug.options["cash"], "quantity": 1}
        return browser.post("/basket", data=fields).status_code

    browser = app.test_client()
    assert [put_in(browser) for _time in range(3)] == [303] * 3
    with transaction():
        for _basket in range(99):
            people.count(people.BASKETS_BY_NETWORK, "127.0.0.1", at=now())

    assert put_in(app.test_client()) == 429
    assert put_in(browser) == 303
    assert till.put_in(mug, "cash").status_code == 303
