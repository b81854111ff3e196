"""The shop's pages: home, listing, item and pictures say what is there, what it costs and what is still missing."""

import re
from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image

from mall.base.clock import moved_to
from mall.base.db import transaction
from mall.domain import catalogue
from mall.domain.catalogue import cash_price, mix_price, points_price
from tests.stage import NOON, open_shop
from tests.web.store.till import words

OPERATOR = "staff:1"
HOUR = timedelta(hours=1)


@pytest.fixture
def shop(stage):
    """The shop's terms."""
    return stage.terms


@pytest.fixture
def put(app, shop):
    """Put an item on the shelf; returns (product_id, variant_id)."""
    made = []

    def put(title="Stoneware mugs", *, prices=(points_price(800),), stock=10, pictured=True, **details):
        made.append(title)
        titles = title if isinstance(title, dict) else {"en": title}
        with transaction():
            product_id = catalogue.create_product(title=titles, terms=shop, by=OPERATOR, at=NOON, **details)
            variant_id = catalogue.add_variant(
                product_id, sku=f"S{len(made)}", prices=prices, terms=shop, by=OPERATOR, at=NOON
            )
            if stock:
                catalogue.receive(variant_id, stock, by=OPERATOR, at=NOON)
            if pictured:
                catalogue.add_art(product_id, "mug-celadon.svg", alt={"en": "A green mug"}, by=OPERATOR, at=NOON)
            catalogue.list_products([product_id], terms=shop, by=OPERATOR, at=NOON)
        return product_id, variant_id

    return put


@pytest.fixture
def see(client):
    """Fetch a page an hour after noon."""

    def see(address, status=200, browser=client, **how):
        with moved_to(NOON + HOUR):
            answer = browser.get(address, **how)
        assert answer.status_code == status, answer.text[:2000]
        return answer.text

    return see


@pytest.fixture
def as_mei(mei, enter):
    """A browser in which Mei has signed in."""
    return enter(mei)


def test_an_empty_shop_says_so(shop, see):
    for page in ("/", "/shop"):
        assert "The shelves are still empty" in see(page)
    for filtered in ("/shop?in_stock=1", "/shop?q=mug", "/shop?pay=cash"):
        assert "Take a filter off" in see(filtered) and "still empty" not in see(filtered)
    assert "Take a filter off" not in see("/shop")


def test_the_home_page_shows_what_there_is_and_what_levels_open(put, see):
    put()
    put("Teapot", buy_rank=4)
    page = see("/")
    assert "Stoneware mugs" in page
    assert "Kept for higher levels" in page
    assert "/items/teapot" in page
    assert "mug-celadon.svg" in page


def test_a_member_sees_balance_and_level_on_the_home_page(put, see, as_mei):
    put()
    page = see("/", browser=as_mei)
    assert "Ready to use" in page
    assert "1 growth to Ordinary" in page


@pytest.mark.parametrize("page", ["/", "/shop", "/shop?q=mug", "/items/stoneware-mugs"])
def test_pages_read_chinese(put, see, page):
    put({"en": "Stoneware mugs", "zh": "炻器马克杯"})
    assert "炻器马克杯" in see(page, headers={"Accept-Language": "zh-CN"})


def test_the_listing_filters_by_its_address(put, shop, see):
    with transaction():
        table = catalogue.create_category({"en": "Home & table"}, by=OPERATOR, at=NOON)
    put(categories=[table])
    put("Radio", prices=(cash_price(2400),), stock=0)
    assert see("/shop").count('class="card-item') == 2
    assert see("/shop/home-table").count('class="card-item') == 1
    assert see("/shop?q=radio").count('class="card-item') == 1
    assert see("/shop?pay=points").count('class="card-item') == 1
    assert see("/shop?in_stock=1").count('class="card-item') == 1
    assert see("/shop?affordable=1").count('class="card-item') == 2, "without a balance there is nothing to compare"
    see("/shop/nowhere", 404)


@pytest.mark.parametrize(
    "query", ["page=0", "page=99999999", "page=-1", "page=x", "sort=%27", "pay=zz", "affordable=2", "q=%25"]
)
def test_odd_addresses_still_give_a_page(put, see, query):
    put()
    see(f"/shop?{query}")


def test_sec_90_ten_thousand_words_are_refused_and_the_shop_stays(put, see):
    put()
    page = see("/shop?q=" + "word+" * 10_000, 422)
    assert "Search for 100 letters at most." in page
    assert "Stoneware mugs" in page


def test_sec_76_what_staff_write_is_shown_as_text(put, see):
    put("<script>alert(1)</script>", summary={"en": "<img src=x onerror=alert(1)>"}, slug="evil",
        description={"en": "<p>Good</p><script>alert(2)</script>"}, tags=["{{ 7*7 }}"])  # fmt: skip
    for address in ("/", "/shop", "/items/evil"):
        page = see(address)
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    assert "<p>Good</p>" in see("/items/evil")
    assert "alert(2)" not in see("/items/evil")


def test_the_listing_takes_two_statements_beside_the_strip(put, see, as_mei, count_statements):
    for number in range(12):
        put(f"Mug {number}")
    see("/", browser=as_mei)  # Notes that she was here.
    count_statements.clear()
    see("/shop?q=mug&in_stock=1")
    assert len(count_statements) <= 2 + 1
    count_statements.clear()
    see("/shop?q=mug", browser=as_mei)
    assert len(count_statements) <= 2 + 1


@pytest.mark.parametrize("signed_in", [False, True])
def test_a_listing_that_is_kept_takes_the_one_statement_that_tells_who_is_here(
    put, see, client, as_mei, count_statements, signed_in
):
    put()
    browser = as_mei if signed_in else client
    see("/shop", browser=browser)
    see("/shop", browser=browser)
    count_statements.clear()

    see("/shop", browser=browser)

    assert len(count_statements) == 1, "\n".join(count_statements)


def test_an_item_without_a_picture_has_the_shops_mark(put, see):
    put()
    put("Bare", pictured=False)

    for address in ("/", "/shop"):
        pictures = {title: picture for picture, title in CARD.findall(see(address))}
        assert pictures["Bare"] == "/static/img/mark.svg"
        assert pictures["Stoneware mugs"] == "/static/art/mug-celadon.svg"


# A card: its picture, then the title that leads to the item.
CARD = re.compile(r'<li class="card-item[^>]*><img class="pic" src="([^"]*)".*?<a [^>]*>([^<]+)</a>', re.DOTALL)


def test_a_listing_that_is_kept_is_made_anew_when_an_item_changes(put, see, as_mei, shop):
    product_id, _variant_id = put()
    assert "Stoneware mugs" in see("/shop", browser=as_mei)

    with transaction():
        catalogue.edit_product(product_id, title={"en": "Porcelain mugs"}, terms=shop, by=OPERATOR, at=NOON)

    assert "Porcelain mugs" in see("/shop", browser=as_mei)


NOTED = 2  # The transaction that notes that an item was looked at: once in five minutes.


def test_the_item_page_takes_four_statements_beside_the_strip(put, see, as_mei, count_statements):
    put()
    put("Teapot", buy_rank=4)
    see("/items/teapot", browser=as_mei)  # Notes that she was here.
    for slug in ("stoneware-mugs", "teapot"):
        see(f"/items/{slug}", browser=as_mei)
        count_statements.clear()
        see(f"/items/{slug}", browser=as_mei)
        assert len(count_statements) <= 4 + 2


def test_a_first_look_at_an_item_takes_no_more_than_its_note(put, see, as_mei, count_statements):
    put()
    put("Teapot")
    see("/items/teapot", browser=as_mei)
    count_statements.clear()
    see("/items/stoneware-mugs", browser=as_mei)

    assert len(count_statements) <= 4 + 1 + NOTED


def test_the_item_page_offers_every_way_to_pay(put, see):
    put(prices=(cash_price(1590), mix_price(1590, least=600, most=1500, step=100), points_price(1590)))
    page = see("/items/stoneware-mugs")
    assert page.count('name="option_id"') == 3
    assert 'formaction="/basket"' in page
    assert 'alt="A green mug"' in page
    assert "$9.90" in page
    assert "600 to 1,500, in steps of 100" in page
    assert "Earns 159 pts, yours 14 days after delivery" in page


def test_without_script_a_choice_is_counted_by_the_server(put, see, client):
    _, variant_id = put(prices=(cash_price(1590), mix_price(1590, least=600, most=1500, step=100)))
    page = see("/items/stoneware-mugs")
    option_id = page.split('name="option_id" value="')[1].split('"')[0]

    with moved_to(NOON + HOUR):
        answer = client.post(
            "/items/stoneware-mugs",
            data={"variant_id": variant_id, "option_id": option_id, "points": "600", "points_to": "900",
                  "quantity": "2", "quantity_to": ""},
        )  # fmt: skip

    assert answer.status_code == 303
    assert answer.location == (
        f"/items/stoneware-mugs?variant_id={variant_id}&option_id={option_id}&points=900&quantity=2"
    )
    page = see(answer.location)
    assert "$6.90" in page
    assert 'id="quantity" name="quantity" inputmode="numeric" autocomplete="off" value="2"' in page


@pytest.mark.parametrize(
    "query",
    ["points=1", "points=99999", "points=-5", "quantity=0", "quantity=1.5", "quantity=1000000000", "option_id=x",
     "option_id=99999999999999999999", "variant_id=9223372036854775808", "variant_id=7", "picture=0", "picture=99"],
)  # fmt: skip
def test_sec_34_odd_choices_become_possible_ones(put, see, query):
    put(prices=(mix_price(1590, least=600, most=1500, step=100),), limit_per_member=3)
    page = see(f"/items/stoneware-mugs?{query}")
    assert 'name="quantity"' in page
    assert "$0.90" in page or "$9.90" in page


@pytest.mark.parametrize("typed", ["0", "-2", "1.5", "lots", "4", "1000000000"])
def test_a_quantity_that_cannot_be_had_is_said_and_stays_as_typed(put, see, client, typed):
    _, variant_id = put(limit_per_member=3)

    with moved_to(NOON + HOUR):
        counted = client.post("/items/stoneware-mugs", data={"variant_id": variant_id, "quantity": typed})
    page = see(counted.location)

    assert "Choose a quantity from 1 to 3." in page
    assert f'autocomplete="off" value="{typed}" aria-label="Quantity" aria-invalid="true"' in page
    assert '<li><a href="#quantity">Choose a quantity from 1 to 3.</a></li>' in page
    assert 'aria-describedby="quantity-error" autofocus>' in page


def test_two_boxes_that_are_wrong_are_both_named_at_the_top_and_the_page_opens_at_the_first(put, see):
    put(prices=(mix_price(1590, least=600, most=1500, step=100),))

    page = see("/items/stoneware-mugs?points=1&quantity=0")

    assert page.index('class="error-summary"') < page.index('href="#points"') < page.index('href="#quantity"')
    assert page.count(" autofocus") == 1
    assert 'aria-describedby="points-error" autofocus>' in page


def test_a_quantity_that_can_be_had_is_no_trouble(put, see):
    put(limit_per_member=3)

    for query in ("", "?quantity=", "?quantity=1", "?quantity=3"):
        assert "Choose a quantity" not in see(f"/items/stoneware-mugs{query}")


def test_an_item_goes_into_the_basket_from_its_page(put, client):
    _, variant_id = put()
    with moved_to(NOON + HOUR):
        page = client.get("/items/stoneware-mugs").text
        option_id = page.split('name="option_id" value="')[1].split('"')[0]
        answer = client.post(
            "/basket", data={"variant_id": variant_id, "option_id": option_id, "points": "800", "quantity": "1"}
        )
    assert (answer.status_code, answer.location) == (303, "/basket")


def test_a_gated_item_says_what_is_missing(put, see, as_mei):
    put("Teapot", buy_rank=4)
    put("Pen", prices=(points_price(100),))
    page = see("/items/teapot", browser=as_mei)
    assert "For VIP members and above" in page
    assert "You need 5,000 more growth and 800 more points to redeem this." in page
    assert "Growth: 0 of 5,000" in page
    assert 'name="option_id"' not in page
    assert "Sign in" in see("/items/teapot")


def test_what_a_level_hides_is_not_there(put, see, as_mei):
    put("Secret", see_rank=4)
    see("/items/secret", 404)
    see("/items/secret", 404, browser=as_mei)
    assert "Secret" not in see("/shop", browser=as_mei)


def test_a_launch_tells_when_it_opens(put, see):
    put("Radio", public_from=NOON + timedelta(days=3))
    page = see("/items/radio")
    assert "Opens on 5 March 2026" in page
    assert "From 5 March 2026" in see("/shop")


def test_what_is_sold_out_keeps_its_price_and_its_page(put, see):
    put(stock=0)
    page = see("/items/stoneware-mugs")
    assert "Sold out" in page
    assert "800" in page
    assert "Put in basket" not in page
    assert "is-out" in see("/shop")


@pytest.mark.parametrize(("stock", "told"), [(6, False), (5, True), (1, True)])
def test_that_few_are_left_is_told_on_the_card_on_its_page_and_in_the_basket(put, see, client, stock, told):
    _, variant_id = put(stock=stock)
    page = see("/items/stoneware-mugs")
    option_id = page.split('name="option_id" value="')[1].split('"')[0]
    with moved_to(NOON + HOUR):
        client.post(
            "/basket", data={"variant_id": variant_id, "option_id": option_id, "points": "800", "quantity": "1"}
        )

    for told_by in (see("/shop"), page, see("/basket")):
        assert (f"Only {stock} left" in told_by) == told


def test_without_a_cashier_cash_is_shown_but_not_taken(make_app):
    app = make_app(CASHIER="none", DEMO=True)
    with app.app_context():
        stage = open_shop()
        stage.item("Plant", prices=(cash_price(2400),))
        with moved_to(NOON + HOUR):
            page = app.test_client().get("/items/plant").text
    assert "$24.00" in page
    assert "Cash is not taken here at the moment" in page
    assert "Put in basket" not in page


def test_an_uploaded_picture_is_served_for_good(app, put, see, client):
    product_id, _ = put()
    out = BytesIO()
    Image.new("RGB", (500, 300)).save(out, "PNG")
    prepared = catalogue.prepare_picture(out.getvalue(), folder=app.config["UPLOADS_DIR"])
    with transaction():
        uploaded = catalogue.add_picture(product_id, prepared, alt={"en": "A mug"}, by=OPERATOR, at=NOON)
        first = next(row.id for row in catalogue.pictures_of(product_id) if row.id != uploaded)
        catalogue.order_pictures(product_id, [uploaded, first], by=OPERATOR, at=NOON)

    address = f"/pictures/{prepared.name}-400.webp"
    assert address in see("/shop")
    assert f"/pictures/{prepared.name}-1200.webp" in see("/items/stoneware-mugs")
    answer = client.get(address)
    assert (answer.status_code, answer.mimetype) == (200, "image/webp")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert {"immutable", "public", "max-age=31536000"} <= set(answer.headers["Cache-Control"].split(", "))


@pytest.mark.parametrize(
    "name", ["..%2Fmall.db", "mall.db", "x.webp", "0" * 32 + "-399.webp", "0" * 32 + "-400.webp", "%2e%2e/secret"]
)
def test_sec_29_no_other_file_is_served(shop, client, name):
    assert client.get(f"/pictures/{name}").status_code == 404


@pytest.mark.alone
def test_a_kept_listing_changes_as_soon_as_the_shelves_do(put, shop, see, count_statements):
    product_id, variant_id = put()
    assert "Only" not in see("/shop")
    count_statements.clear()
    assert "Stoneware mugs" in see("/shop")
    assert len(count_statements) <= 1 + 1  # The strip, and whether anything changed.

    with transaction():
        catalogue.reserve({variant_id: 8}, reference="order:1", at=NOON)
    assert "Only 2 left" in see("/shop")
    with transaction():
        catalogue.delist_products([product_id], by=OPERATOR, at=NOON + HOUR)
    assert "Stoneware mugs" not in see("/shop")


def test_a_kept_listing_is_not_shown_to_another_level_or_in_another_language(put, see, as_mei):
    put({"en": "Teapot", "zh": "茶壶"}, buy_rank=1)
    assert "level-1" in see("/shop")
    assert "level-1" not in see("/shop", browser=as_mei)
    assert "茶壶" in see("/shop", headers={"Accept-Language": "zh-CN"})


def test_what_only_time_changes_shows_within_half_a_minute(put, client):
    put(prices=(points_price(800), points_price(500, old_points=800, starts_at=NOON + HOUR)))
    for seconds, points in ((-1, "800"), (30, "500")):
        with moved_to(NOON + HOUR + timedelta(seconds=seconds)):
            assert f"{points} <abbr" in client.get("/shop").text


def test_signs_alone_find_nothing_and_the_page_says_so(put, see):
    put()
    for signs in ("%25", "_", "!?"):
        page = see(f"/shop?q={signs}")
        assert "Nothing here matches" in page
        assert "signs alone find nothing" in page


def test_a_search_that_is_too_long_is_told_how_long_it_may_be(put, see):
    put()
    assert "Search for 100 letters at most." in see("/shop?q=" + "x" * 3_000, status=422)


def test_a_name_in_another_language_is_found(put, see):
    put({"en": "Stoneware mugs", "zh": "炻器马克杯"})
    assert "Stoneware mugs" in see("/shop?q=马克杯")


def test_what_is_digital_is_not_said_to_go_back(put, see):
    put("Stoneware mugs", slug="mugs")
    put("Film voucher", slug="film", delivery="digital")
    assert "Returns within 14 days" in see("/items/mugs")
    assert "14-day return" in see("/items/mugs")
    page = see("/items/film")
    assert "14" not in words(page.partition('id="buy"')[2].partition("</footer>")[0])  # Not in the form's token.
    assert "cannot be returned" in page


def test_a_price_that_begins_somewhere_says_so_in_one_sentence(put, see, client):
    put(prices=(mix_price(1_590, least=600, most=1_500, step=100),))
    starting = see("/shop").partition('<span class="starting">')[2]
    assert starting.startswith("From <span")


def test_robots_are_kept_from_what_is_somebodys_own(see):
    told = see("/robots.txt").splitlines()
    assert "Allow: /" in told
    assert {"Disallow: /account", "Disallow: /orders", "Disallow: /office"} <= set(told)
