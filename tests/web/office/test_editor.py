"""The item editor: a new item is made, priced, pictured and listed; what is typed is never lost; two editors meet."""

from datetime import datetime
from io import BytesIO

import pytest
from PIL import Image

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import catalogue
from tests import cast
from tests.stage import NOON, open_shop
from tests.web.office.conftest import hire
from tests.web.office.forms import form_of, send

NEW = "/office/catalogue/new"


@pytest.fixture
def hired_in_shanghai(app):
    """Ola's browser at a shop whose clock is eight hours ahead, and the shop."""
    stage, browser = open_shop(zone="Asia/Shanghai"), app.test_client()
    assert cast.sign_in_staff(browser, hire("ola", "operator")).status_code == 302
    return browser, stage


def item(stage, product_id=1, at=NOON):
    with reading():
        return catalogue.desk_item(product_id, terms=stage.terms, at=at)


def make(desk, **typed):
    """Send the new item's form with these words."""
    return send(
        desk, NEW, "",
        **{"title_en": "Tea strainer", "title_zh": "茶漏", "new__sku": "TS-9", "new__prices__1__points": "1,200"}
        | typed,
    )  # fmt: skip


def picture(size=(64, 48), kind="PNG"):
    file = BytesIO()
    Image.new("RGB", size, "teal").save(file, kind)
    file.seek(0)
    return file


def test_a_new_item_is_a_draft_with_its_words_prices_and_stock(desk, stage):
    answer = make(
        desk, tags="tea, steel，gift", new__on_hand="40", new__prices__0__cash_cents="12.90",
        new__prices__0__old_cash_cents="15", new__prices__2__full_cents="12.90", new__prices__2__least_points="300",
        new__prices__2__most_points="900", new__prices__2__step_points="100", limit_per_member="2", limit_days="30",
        total_quota="500", buy_rank="3",
    )  # fmt: skip
    made = item(stage)

    assert answer.status_code == 302
    assert made.product.title == {"en": "Tea strainer", "zh": "茶漏"} and made.state == "draft"
    assert made.product.tags == ["tea", "steel", "gift"]
    assert (made.product.limit_per_member, made.product.limit_days, made.product.total_quota) == (2, 30, 500)
    assert made.product.buy_rank == 3
    assert [
        (price.form, price.cash_cents, price.old_cash_cents, price.points) for price in made.variants[0].prices
    ] == [
        ("cash", 1_290, 1_500, None),
        ("points", None, None, 1_200),
        ("mix", None, None, None),
    ]
    assert made.variants[0].stock.on_hand == 40


def test_a_form_sent_twice_makes_one_item(desk, stage):
    fields = form_of(desk.get(NEW).text, "") | {
        "title_en": "Tea strainer",
        "new-sku": "TS-9",
        "new-prices-1-points": "9",
    }
    first, second = desk.post(NEW, data=fields), desk.post(NEW, data=fields)

    assert first.location == second.location
    with reading():
        assert catalogue.office_list(at=NOON).total == 1


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"title_en": "", "title_zh": ""}, "Give the item a name."),
        ({"title_en": "x" * 121}, "Use at most 120 characters."),
        ({"new__sku": "with spaces"}, "Give the variant a SKU"),
        ({"new__sku": ""}, "Give the variant a SKU"),
        ({"new__on_hand": "-3"}, "Enter a number from 0 to 1,000,000."),
        ({"new__prices__0__cash_cents": "cheap"}, "Write an amount like 15.90."),
        ({"new__prices__0__cash_cents": "0"}, "A price in cash is from 0.01"),
        ({"new__prices__1__points": "12.5"}, "Write a whole number."),
        ({"new__prices__1__old_points": "100"}, "The old price is shown struck through"),
        ({"new__prices__2__least_points": "600", "new__prices__2__step_points": "70"}, "A price in cash is from"),
        (
            {
                "new__prices__2__full_cents": "15.90",
                "new__prices__2__least_points": "600",
                "new__prices__2__most_points": "1500",
                "new__prices__2__step_points": "70",
            },
            "Steps of 70 points must meet both 600 and 1,500.",
        ),
        ({"limit_days": "30"}, "Say how many a member may have in these days."),
        ({"limit_per_member": "0"}, "A limit is a whole number"),
        ({"redeem_from": "2026-05-02T10:00", "redeem_until": "2026-05-01T10:00"}, "Redeeming ends after it starts."),
        ({"public_from": "soon"}, "Write day and time like"),
        ({"public_from": "9999-12-31T23:59"}, "Choose a year from"),
        ({"tags": ",".join(f"t{n}" for n in range(20))}, "Use 12 tags at most."),
        ({"kind": "spaceship"}, "Choose one of the list."),
        ({"tax_class": "none"}, "Choose one of the list."),
        ({"buy_rank": "77"}, "Choose one of the list."),
        ({"kind": "gift", "new__prices__0__cash_cents": "3.00"}, "A gift is had for points only."),
    ],
)
def test_bad_input_gets_a_sentence_and_stays_as_typed(desk, stage, typed, sentence):
    answer = make(desk, **typed)

    assert answer.status_code == 422
    assert sentence in answer.text
    kept = form_of(answer.text, "")
    for name, value in typed.items():
        if name not in ("kind", "tax_class", "buy_rank"):
            assert kept[name.replace("__", "-")] == value
    with reading():
        assert catalogue.office_list(at=NOON).total == 0


def test_a_sku_that_is_taken_is_told_at_its_field(desk, stage, mug):
    answer = make(desk, new__sku="sku-1")

    assert answer.status_code == 422
    assert "The SKU sku-1 belongs to another variant." in answer.text


def test_prices_are_restated_as_members_will_see_them_and_nothing_is_saved(desk, stage, mug):
    page = f"/office/catalogue/{mug.product_id}"
    fields = form_of(desk.get(page).text, f"{page}/variants/{mug.variant_id}")
    row = max(int(name.split("-")[2]) for name in fields if "-prices-" in name)
    answer = desk.post(
        f"{page}/variants/{mug.variant_id}",
        data=fields
        | {
            f"v1-prices-{row}-full_cents": "15.90",
            f"v1-prices-{row}-least_points": "600",
            f"v1-prices-{row - 2}-cash_cents": "15.90",
            "preview": "1",
        },
    )

    assert answer.status_code == 200
    said = " ".join(answer.text.split("Members will see", 1)[1].split("</div>")[0].split())
    assert "800" in said and "$9.90" in said and "$15.90 earning 159 pts" in said
    assert len(item(stage).variants[0].prices) == 1


def test_a_price_is_added_changed_and_removed_without_script(desk, stage, mug):
    page = f"/office/catalogue/{mug.product_id}"
    form = f"{page}/variants/{mug.variant_id}"

    send(desk, page, form, **{"v1-prices-1-cash_cents": "15.90"})
    assert [price.form for price in item(stage).variants[0].prices] == ["points", "cash"]

    kept = item(stage).variants[0].prices[0].id
    send(desk, page, form, **{"v1-prices-0-points": "900", "v1-prices-1-remove": "y"})
    (price,) = item(stage).variants[0].prices
    assert (price.id, price.points) == (kept, 900)


def test_a_dated_price_is_by_the_shops_clock(desk, stage, mug):
    page = f"/office/catalogue/{mug.product_id}"
    send(desk, page, f"{page}/variants/1", **{
        "v1-prices-1-cash_cents": "9.90", "v1-prices-1-starts_at": "2026-07-01T09:00",
        "v1-prices-1-ends_at": "2026-07-02T09:00",
    })  # fmt: skip

    sale = item(stage).variants[0].prices[1]
    assert (sale.ends_at - sale.starts_at).days == 1
    again = form_of(desk.get(page).text, f"{page}/variants/1")
    assert again["v1-prices-1-starts_at"] == "2026-07-01T09:00"


def test_bad_prices_of_a_variant_stay_as_typed(desk, stage, mug):
    page = f"/office/catalogue/{mug.product_id}"
    answer = send(desk, page, f"{page}/variants/1", **{"v1-prices-0-points": "none", "v1-sku": "NEW-1"})

    assert answer.status_code == 422
    assert form_of(answer.text, f"{page}/variants/1")["v1-prices-0-points"] == "none"
    assert item(stage).variants[0].row.sku == "SKU-1"


def test_details_are_changed_and_what_is_not_shown_stays(desk, stage, mug):
    page = f"/office/catalogue/{mug.product_id}"
    answer = send(desk, page, page, title_zh="马克杯", description_en="Reactive glaze.\n\nNo two alike.")

    assert answer.status_code == 303
    product = item(stage).product
    assert product.title == {"en": "Stoneware mugs", "zh": "马克杯"}
    assert product.description == {"en": "<p>Reactive glaze.</p><p>No two alike.</p>"}
    assert product.kind == "goods"


def test_the_kind_is_chosen_once(desk, stage, mug):
    page = f"/office/catalogue/{mug.product_id}"
    send(desk, page, page, kind="gift", title_en="Mugs")

    assert (item(stage).product.kind, item(stage).product.title["en"]) == ("goods", "Mugs")


def test_two_editors_the_later_sees_what_the_first_wrote_and_keeps_what_they_typed(desk, stage, mug):
    page = f"/office/catalogue/{mug.product_id}"
    mine = form_of(desk.get(page).text, page) | {"title_en": "My mugs"}
    send(desk, page, page, title_en="Their mugs")

    answer = desk.post(page, data=mine)
    assert answer.status_code == 422
    assert "Somebody else changed this item meanwhile." in answer.text
    assert "Their mugs" in answer.text and form_of(answer.text, page)["title_en"] == "My mugs"
    assert item(stage).product.title["en"] == "Their mugs"

    assert desk.post(page, data=form_of(answer.text, page)).status_code == 303
    assert item(stage).product.title["en"] == "My mugs"


@pytest.mark.parametrize("version", ["", "x", "-1", "99999999999999999999"])
def test_a_strange_version_is_refused(desk, stage, mug, version):
    page = f"/office/catalogue/{mug.product_id}"

    assert send(desk, page, page, seen_version=version).status_code == 422


def test_html_is_cleaned(desk, stage, mug):
    page = f"/office/catalogue/{mug.product_id}"
    send(desk, page, page, description_en="<p onclick=x()>Fine<script>alert(1)</script><img src=x onerror=y></p>")

    assert item(stage).product.description == {"en": "<p>Fine</p>"}


def test_an_item_is_listed_and_delisted_with_an_undo(desk, stage):
    make(desk)
    assert "Undo" in desk.post("/office/catalogue/1/listing", follow_redirects=True).text
    assert item(stage).state == "listed"
    with moved_to(datetime(2026, 3, 2, 13, tzinfo=NOON.tzinfo)):
        assert "1 item delisted" in desk.post("/office/catalogue/1/delisting", follow_redirects=True).text
        assert item(stage, at=datetime(2026, 3, 2, 14, tzinfo=NOON.tzinfo)).state == "delisted"


def test_an_item_without_a_price_is_not_listed_and_says_why(desk, stage):
    make(desk, new__prices__1__points="")
    answer = desk.post("/office/catalogue/1/listing")

    assert answer.status_code == 422
    assert "Give Tea strainer at least one price before listing it." in answer.text


def test_dates_list_and_delist_by_themselves(desk, stage):
    make(desk)
    page = "/office/catalogue/1"
    answer = send(desk, page, f"{page}/schedule", listed_from="2026-03-10T08:00", listed_until="2026-03-20T08:00")

    assert answer.status_code == 303
    assert item(stage).state == "scheduled"
    assert item(stage, at=datetime(2026, 3, 15, tzinfo=NOON.tzinfo)).state == "listed"
    assert item(stage, at=datetime(2026, 3, 25, tzinfo=NOON.tzinfo)).state == "delisted"


def test_dates_are_read_and_shown_by_the_shops_clock_and_saving_moves_none(hired_in_shanghai):
    desk, stage = hired_in_shanghai
    make(desk)
    page = "/office/catalogue/1"
    send(desk, page, f"{page}/schedule", listed_from="2026-03-10T08:00")
    assert item(stage).product.listed_from == datetime(2026, 3, 10, 0, tzinfo=NOON.tzinfo)

    send(desk, page, f"{page}/schedule")

    assert item(stage).product.listed_from == datetime(2026, 3, 10, 0, tzinfo=NOON.tzinfo)
    assert form_of(desk.get(page).text, f"{page}/schedule")["listed_from"] == "2026-03-10T08:00"


@pytest.mark.parametrize(
    ("dates", "sentence"),
    [
        ({"listed_from": ""}, "Say when it is to be listed."),
        ({"listed_from": "2026-03-10T08:00", "listed_until": "2026-03-09T08:00"}, "An item is delisted after"),
        ({"listed_from": "tomorrow"}, "Write day and time like"),
    ],
)
def test_dates_that_cannot_be_meant_stay_as_typed(desk, stage, dates, sentence):
    make(desk)
    answer = send(desk, "/office/catalogue/1", "/office/catalogue/1/schedule", **dates)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert form_of(answer.text, "/office/catalogue/1/schedule")["listed_from"] == dates["listed_from"]


def test_a_variant_is_added_and_retired(desk, stage, mug):
    page = f"/office/catalogue/{mug.product_id}"
    send(desk, page, f"{page}/variants", **{
        "new-sku": "MUG-ASH", "new-title_en": "Ash", "new-on_hand": "7", "new-prices-1-points": "850",
    })  # fmt: skip
    added = item(stage).variants[1]
    assert (added.row.sku, added.row.title, added.stock.on_hand) == ("MUG-ASH", {"en": "Ash"}, 7)

    for _press in range(2):
        assert desk.post(f"{page}/variants/{added.row.id}/retirement").status_code == 303
    assert [each.row.sku for each in item(stage).variants] == ["SKU-1"]


def test_a_variant_that_orders_wait_for_is_not_retired(desk, stage, mei, mug):
    stage.give(mei, 5_000)
    stage.put_in(mei, mug)
    stage.place(mei)
    answer = desk.post(f"/office/catalogue/{mug.product_id}/variants/{mug.variant_id}/retirement")

    assert answer.status_code == 422
    assert "Orders still wait for 1 pieces of this variant." in answer.text


def test_a_picture_is_uploaded_described_ordered_and_removed(desk, stage, mug):
    page = f"/office/catalogue/{mug.product_id}"
    for words in ("A mug", "Its handle"):
        fields = form_of(desk.get(page).text, f"{page}/pictures") | {"alt_en": words}
        answer = desk.post(
            f"{page}/pictures", data=fields | {"picture": (picture(), "mug.png")}, content_type="multipart/form-data"
        )
        assert answer.status_code == 303
    first, second = item(stage).pictures
    assert desk.get(f"/pictures/{second.file}-400.webp").status_code in (200, 404)

    desk.post(f"{page}/pictures/{second.id}/front")
    send(desk, page, f"{page}/pictures/{first.id}", **{f"p{first.id}-alt_zh": "杯子"})
    assert [(row.id, row.alt) for row in item(stage).pictures] == [
        (second.id, {"en": "Its handle"}),
        (first.id, {"en": "A mug", "zh": "杯子"}),
    ]

    for _press in range(2):
        assert desk.post(f"{page}/pictures/{second.id}/removal").status_code == 303
    assert [row.id for row in item(stage).pictures] == [first.id]


def test_an_upload_sent_twice_is_one_picture(desk, stage, mug):
    page = f"/office/catalogue/{mug.product_id}"
    fields = form_of(desk.get(page).text, f"{page}/pictures") | {"alt_en": "A mug"}
    for _press in range(2):
        desk.post(f"{page}/pictures", data=fields | {"picture": (picture(), "mug.png")})

    assert len(item(stage).pictures) == 1


@pytest.mark.parametrize(
    ("upload", "alt", "sentence"),
    [
        (b"GIF89a not a picture", "A mug", "This is not a JPEG, PNG or WebP picture."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "A mug", "This is not a JPEG"),
        (b"", "A mug", "This is not a JPEG"),
        (None, "A mug", "Choose a picture to upload."),
        (b"GIF89a", "", "Say in words what the picture shows"),
    ],
)
def test_what_is_no_picture_is_refused_and_the_words_stay(desk, stage, mug, upload, alt, sentence):
    page = f"/office/catalogue/{mug.product_id}"
    fields = form_of(desk.get(page).text, f"{page}/pictures") | {"alt_en": alt, "alt_zh": "杯" if alt else ""}
    files = {} if upload is None else {"picture": (BytesIO(upload), "mug.png")}
    answer = desk.post(f"{page}/pictures", data=fields | files)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert form_of(answer.text, f"{page}/pictures")["alt_en"] == alt
    assert not item(stage).pictures


@pytest.mark.parametrize(
    "address",
    [
        "/office/catalogue/77",
        "/office/catalogue/77/listing",
        "/office/catalogue/77/delisting",
        "/office/catalogue/77/schedule",
        "/office/catalogue/77/variants",
        "/office/catalogue/1/variants/77",
        "/office/catalogue/77/variants/1",
        "/office/catalogue/77/variants/1/retirement",
        "/office/catalogue/77/pictures",
        "/office/catalogue/1/pictures/77",
        "/office/catalogue/1/pictures/77/front",
        "/office/catalogue/9223372036854775807/listing",
        "/office/catalogue/9223372036854775808",
        "/office/stock/77",
        "/office/stock/77/variants/1/moves",
        "/office/stock/1/variants/77/low-water",
    ],
)
def test_what_there_is_not_is_not_there(desk, stage, mug, address):
    fields = {"listed_from": "2026-03-10T08:00", "seen_version": "1", "title_en": "x", "new-sku": "X-1"}

    assert desk.post(address, data=fields).status_code in (404, 405)
    assert desk.get(address).status_code in (404, 405)


def test_the_page_costs_as_many_statements_for_many_variants(desk, stage, mug, count_statements):
    page = f"/office/catalogue/{mug.product_id}"
    desk.get(page)
    count_statements.clear()
    desk.get(page)
    for_one = len(count_statements)
    for number in range(6):
        with transaction():
            catalogue.add_variant(
                mug.product_id, sku=f"V-{number}", prices=(catalogue.cash_price(900), catalogue.points_price(900)),
                terms=stage.terms, by="staff:1", at=NOON,
            )  # fmt: skip
    count_statements.clear()
    desk.get(page)

    assert len(count_statements) == for_one <= 16


def test_categories_are_opened_renamed_and_put_in_order(desk, stage):
    page = "/office/catalogue/categories"
    send(desk, page, page, title_en="Tea", title_zh="茶")
    send(desk, page, page, title_en="Tools")
    send(desk, page, f"{page}/1", **{"c1-title_en": "Tea and coffee"})
    desk.post(f"{page}/2/front")
    with reading():
        rows = catalogue.categories()

    assert [(row.title["en"], row.slug) for row in rows] == [("Tools", "tools"), ("Tea and coffee", "tea")]


def test_a_category_opened_twice_is_one(desk, stage):
    page = "/office/catalogue/categories"
    desk.post(page, data={"title_en": "Tea"})
    answer = desk.post(page, data={"title_en": "Tea"})

    assert answer.status_code == 422
    assert "There is a category of this name already." in answer.text


def test_a_category_needs_a_name(desk, stage):
    page = "/office/catalogue/categories"

    assert "Give the category a name." in desk.post(page, data={"title_en": " "}).text
    assert desk.post(f"{page}/7", data={"c7-title_en": "Tea"}).status_code == 404
    assert desk.post(f"{page}/7/front").status_code == 404


def test_everything_wrong_with_a_new_item_is_said_at_once(desk):
    answer = make(
        desk,
        title_en=" ",
        title_zh="",
        new__sku="a b",
        new__prices__1__points="0",
        new__on_hand="abc",
        limit_days="99999999999999999999",
    )

    assert answer.status_code == 422
    assert answer.text.count('class="error-summary"') == 1
    for field in ("title_en", "limit_per_member", "limit_days", "new-sku", "new-on_hand", "new-prices-1-points"):
        assert f'id="{field}-error"' in answer.text, field
    assert "Days are a whole number from 1 to 3,660." in answer.text
    assert answer.text.count("Write a whole number.") == 2  # In the summary, and at the field.


def test_a_picture_without_words_that_is_none_is_told_both_at_once(desk, mug):
    page = f"/office/catalogue/{mug.product_id}"
    fields = form_of(desk.get(page).text, f"{page}/pictures")

    answer = desk.post(f"{page}/pictures", data=fields | {"picture": (BytesIO(b"no picture"), "mug.png")})

    assert answer.status_code == 422
    assert 'id="alt_en-error"' in answer.text
    assert 'id="picture-error"' in answer.text


def test_a_picture_that_is_far_too_large_leads_back_to_the_item(desk, mug):
    page = f"/office/catalogue/{mug.product_id}"
    large = BytesIO(b"x" * (13 * 2**20))

    answer = desk.post(
        f"{page}/pictures", data={"picture": (large, "mug.png")}, headers={"Referer": f"http://localhost{page}"}
    )

    assert answer.status_code == 413
    assert "A picture may have 10 MB" in answer.text
    assert f'href="{page}"' in answer.text
