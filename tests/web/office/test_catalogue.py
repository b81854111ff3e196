"""The catalogue's list at the desk: find, list and delist many at once with an undo, set stock in the row."""

import re

import pytest

from mall.base.db import reading, transaction
from mall.domain import catalogue
from tests.stage import NOON


@pytest.fixture
def lamp(stage):
    return stage.item("Balance desk lamp", stock=3)


@pytest.fixture
def draft(stage):
    """A draft without a price."""
    with transaction():
        product_id = catalogue.create_product(title={"en": "Tea strainer"}, terms=stage.terms, by="staff:1", at=NOON)
        catalogue.add_variant(product_id, sku="TS-9", terms=stage.terms, by="staff:1", at=NOON)
    return product_id


def state(product_id):
    with reading():
        return catalogue.states_of([product_id], at=NOON)[product_id]


def delist(product_id):
    with transaction():
        catalogue.delist_products([product_id], by="staff:1", at=NOON)


def test_words_a_tab_and_an_order_narrow_the_list(desk, mug, lamp, draft):
    everything = desk.get("/office/catalogue").text
    drafts = desk.get("/office/catalogue?tab=draft").text
    lamps = desk.get("/office/catalogue?q=lamp&sort=stock").text

    assert all(title in everything for title in ("Stoneware mugs", "Balance desk lamp", "Tea strainer"))
    assert "Tea strainer" in drafts and "Balance desk lamp" not in drafts
    assert "Balance desk lamp" in lamps and "Stoneware mugs" not in lamps


def test_an_item_is_found_by_its_sku(desk, mug, lamp, draft):
    page = desk.get("/office/catalogue?q=TS-9").text

    assert "Tea strainer" in page and "Stoneware mugs" not in page


def test_too_many_words_are_refused_and_stay_as_typed(desk, mug):
    words = " ".join(f"word{number}" for number in range(12))

    answer = desk.get("/office/catalogue", query_string={"q": words})

    assert answer.status_code == 422
    assert words in answer.text and "words at most" in answer.text


@pytest.mark.parametrize("strange", ["%", "_", "'; DROP TABLE product --", "\\", '"><script>alert(1)</script>'])
def test_strange_words_find_nothing_and_break_nothing(desk, mug, strange):
    answer = desk.get("/office/catalogue", query_string={"q": strange})

    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


def test_low_and_sold_out_are_told(desk, stage, lamp):
    empty = stage.item("Storm umbrella", stock=0)
    page = desk.get("/office/catalogue?tab=low_stock").text

    assert "Balance desk lamp" in page and "Low" in page
    assert "Storm umbrella" in page and "Sold out" in page
    assert empty.product_id


def test_ticked_items_are_delisted_and_an_undo_lists_them_again(desk, mug, lamp):
    answer = desk.post(
        "/office/catalogue/delisting",
        data={"item": [mug.product_id, lamp.product_id], "list_tab": "listed"},
        follow_redirects=True,
    )
    assert "2 items delisted" in answer.text and "Undo" in answer.text
    assert answer.request.query_string == b"tab=listed"
    # Listed and delisted at the same instant, they were on no shelf.
    assert {state(mug.product_id), state(lamp.product_id)} == {"draft"}

    assert "Undo" not in desk.get("/office/catalogue").text
    undone = desk.post(
        "/office/catalogue/listing", data={"item": [mug.product_id, lamp.product_id]}, follow_redirects=True
    )
    assert "2 items listed" in undone.text
    assert {state(mug.product_id), state(lamp.product_id)} == {"listed"}


def test_a_second_press_changes_nothing(desk, mug):
    desk.post("/office/catalogue/delisting", data={"item": mug.product_id})
    answer = desk.post("/office/catalogue/delisting", data={"item": mug.product_id}, follow_redirects=True)

    assert "Nothing was changed" in answer.text


def test_listing_is_all_or_none_and_says_what_each_lacks(desk, mug, draft):
    delist(mug.product_id)

    answer = desk.post("/office/catalogue/listing", data={"item": [mug.product_id, draft]})

    assert answer.status_code == 422
    assert "Give Tea strainer at least one price before listing it." in answer.text
    assert "List the 1 that is ready" in answer.text
    assert state(mug.product_id) == "draft"


def test_nothing_ticked_is_said(desk, mug):
    refused = desk.post("/office/catalogue/listing").text
    link = re.search(r'<a href="#(item-[0-9]+)">Tick the items to list first\.</a>', refused)
    assert f'id="{link[1]}" type="checkbox"' in refused
    assert desk.post("/office/catalogue/delisting").status_code == 422


@pytest.mark.parametrize("address", ["listing", "delisting"])
@pytest.mark.parametrize("item", ["999", "9223372036854775808", "-1", "x", ""])
def test_items_there_are_not_do_no_harm(desk, mug, address, item):
    answer = desk.post(f"/office/catalogue/{address}", data={"item": item})

    assert answer.status_code in (404, 422)


def test_stock_is_set_in_the_row_and_is_a_move(desk, stage, mug):
    answer = desk.post(f"/office/catalogue/stock/{mug.variant_id}", data={"count": "1,214"}, follow_redirects=True)

    assert "1,214 pieces on hand now" in answer.text
    assert stage.stock(mug) == (1_214, 0)
    assert "+1,204" in desk.get(f"/office/stock/{mug.product_id}").text


def test_setting_the_same_stock_again_is_no_move(desk, stage, mug):
    for _press in range(2):
        desk.post(f"/office/catalogue/stock/{mug.variant_id}", data={"count": "7"})

    assert stage.stock(mug) == (7, 0)
    assert desk.get(f"/office/stock/{mug.product_id}").text.count("Counted") == 1


@pytest.mark.parametrize("typed", ["", "many", "-1", "2.5", "1000001", "9" * 30])
def test_a_count_that_is_none_stays_as_typed(desk, stage, mug, typed):
    answer = desk.post(f"/office/catalogue/stock/{mug.variant_id}", data={"count": typed})

    assert answer.status_code == 422
    assert f'value="{typed}"' in answer.text
    assert stage.stock(mug) == (10, 0)


def test_a_count_below_what_is_reserved_is_refused(desk, stage, mei, mug):
    stage.give(mei, 5_000)
    stage.put_in(mei, mug, quantity=4)
    stage.place(mei)

    answer = desk.post(f"/office/catalogue/stock/{mug.variant_id}", data={"count": "3"})

    assert answer.status_code == 422
    assert "4 pieces are reserved for orders" in answer.text


def test_stock_of_no_variant_is_not_there(desk, stage):
    assert desk.post("/office/catalogue/stock/77", data={"count": "3"}).status_code == 404


def test_the_list_costs_as_many_statements_for_many_as_for_one(desk, stage, mug, count_statements):
    desk.get("/office/catalogue")
    count_statements.clear()
    desk.get("/office/catalogue")
    for_one = len(count_statements)
    for number in range(20):
        stage.item(f"Item {number}")
    count_statements.clear()
    desk.get("/office/catalogue")

    assert len(count_statements) == for_one <= 6


def test_what_an_operator_writes_is_never_markup(desk, stage):
    stage.item("<script>alert('x')</script>", tags=["<b>tag</b>"])

    for path in (
        "/office/catalogue",
        "/office/catalogue/1",
        "/office/stock/1",
        "/office/audit",
        "/office/search?q=alert",
    ):
        page = desk.get(path, follow_redirects=True).text
        assert "<script>alert" not in page and "<b>tag" not in page


def test_the_list_is_narrowed_by_kind_and_level_and_keeps_them(desk, stage):
    stage.item("Stoneware mug")
    stage.item("Birthday card", kind="gift")
    stage.item("Tasting evening", kind="gift", buy_rank=3)

    def titles(address):
        page = desk.get(address).text
        return {title for title in ("Stoneware mug", "Birthday card", "Tasting evening") if f">{title}</a>" in page}

    assert titles("/office/catalogue?kind=gift") == {"Birthday card", "Tasting evening"}
    assert titles("/office/catalogue?level=3") == {"Tasting evening"}
    assert titles("/office/catalogue?kind=gift&level=0") == {"Birthday card"}
    assert titles("/office/catalogue?kind=goods&level=3") == set()
    page = desk.get("/office/catalogue?kind=gift&level=3").text
    assert '<option value="gift" selected>' in page
    assert '<option value="3" selected>' in page
    assert "kind=gift&amp;level=3&amp;tab=listed" in page
    assert 'name="list_kind" value="gift"' in page
    assert 'name="list_level" value="3"' in page


@pytest.mark.parametrize("query", ["kind=boat", "level=x", "level=-1", "kind=", "level="])
def test_a_kind_or_level_that_is_none_narrows_nothing(desk, stage, query):
    stage.item("Stoneware mug")

    assert "Stoneware mug" in desk.get(f"/office/catalogue?{query}").text
