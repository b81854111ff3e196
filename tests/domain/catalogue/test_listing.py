"""The listing filters, counts, sorts and pages, in three statements however many cards; the item page in four."""

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, programme
from mall.domain.catalogue import DeskWishes, Viewer, cash_price, mix_price, points_price
from tests.domain.catalogue.conftest import NOON, OPERATOR, maker

pytestmark = pytest.mark.alone

MEMBER = Viewer(rank=2, member_id=1, ready_points=700)


def names(page):
    return [card.title["en"] for card in page.cards]


@pytest.fixture
def look(terms):
    def look(viewer=MEMBER, page=1, per_page=24, **wishes):
        wishes = catalogue.Wishes(**wishes)
        with reading():
            return catalogue.listing(viewer, wishes, terms=terms, at=NOON, page=page, per_page=per_page)

    return look


@pytest.fixture
def shop(make, terms):
    with transaction():
        table = catalogue.create_category({"en": "Table"}, by=OPERATOR, at=NOON)
        desk = catalogue.create_category({"en": "Desk"}, by=OPERATOR, at=NOON)
    make("Mug", prices=(cash_price(1590), mix_price(1590, least=600, most=1500, step=100)), categories=[table])
    make("Pen", prices=(points_price(700),), categories=[desk], stock=2)
    make("Vase", prices=(points_price(2400),), categories=[table, desk], buy_rank=4)
    make("Plant", prices=(cash_price(2400),), stock=0)
    make("Hidden", see_rank=5)


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({}, ["Plant", "Vase", "Pen", "Mug"]),
        ({"category": "table"}, ["Vase", "Mug"]),
        ({"category": "nowhere"}, []),
        ({"affordable": True}, ["Pen", "Mug"]),
        ({"my_level": True}, ["Plant", "Pen", "Mug"]),
        ({"form": "points"}, ["Vase", "Pen"]),
        ({"form": "mix"}, ["Mug"]),
        ({"form": "cash"}, ["Plant", "Mug"]),
        ({"form": "'; DROP"}, ["Plant", "Vase", "Pen", "Mug"]),
        ({"in_stock": True}, ["Vase", "Pen", "Mug"]),
        ({"in_stock": True, "affordable": True, "category": "desk", "form": "points"}, ["Pen"]),
        ({"words": "vase"}, ["Vase"]),
        ({"words": "vase", "affordable": True}, []),
        ({"sort": "points"}, ["Mug", "Pen", "Vase", "Plant"]),
        ({"sort": "cash"}, ["Mug", "Plant", "Vase", "Pen"]),
        ({"sort": "1; DROP TABLE product"}, ["Plant", "Vase", "Pen", "Mug"]),
    ],
)
def test_each_filter_leaves_what_it_says(shop, look, wishes, expected):
    page = look(**wishes)
    assert names(page) == expected
    assert page.total == len(expected)


def test_who_has_no_points_can_afford_none(shop, look):
    assert names(look(catalogue.ANYBODY, affordable=True)) == []


def test_counts_say_what_each_filter_would_leave(shop, look):
    facets = look(category="table").facets
    assert [(count.slug, count.count) for count in facets.categories] == [("table", 2), ("desk", 2)]
    assert [count.count for count in look(words="mug").facets.categories] == [1, 0]
    assert facets.forms == {"cash": 1, "points": 1, "mix": 1}
    assert (facets.affordable, facets.my_level) == (1, 1)
    assert look(form="mix").facets.forms == {"cash": 2, "points": 2, "mix": 1}


def test_a_card_says_how_many_are_left_and_what_its_gate_asks(shop, look):
    cards = {card.title["en"]: card for card in look().cards}
    assert (cards["Pen"].left, cards["Pen"].few_left, cards["Pen"].sold_out) == (2, True, False)
    assert cards["Plant"].sold_out
    assert cards["Vase"].gate.required_rank == 4
    assert cards["Mug"].gate.is_open


def test_a_total_that_is_used_up_is_sold_out(make, look):
    product_id, _ = make(total_quota=1)
    with transaction():
        catalogue.draw_quota({product_id: 1}, reference="order:1", at=NOON)
    assert look().cards[0].sold_out
    assert look(in_stock=True).total == 0


def test_paging_is_stable_and_ends_at_the_last_page(make, look):
    for number in range(25):
        make(f"Item {number:02}", prices=(points_price(100),))
    for sort in ("", "points", "cash"):
        pages = [look(page=page, per_page=10, sort=sort) for page in (1, 2, 3)]
        seen = [name for page in pages for name in names(page)]
        assert len(seen) == len(set(seen)) == 25
        assert seen == [f"Item {number:02}" for number in range(24, -1, -1)]
    assert (pages[2].first, pages[2].last, pages[2].pages) == (21, 25, 3)
    assert names(look(page=10**9, per_page=10)) == names(look(page=3, per_page=10))
    assert names(look(page=-5, per_page=10)) == names(look(page=1, per_page=10))


@pytest.mark.parametrize("count", [12, 48])
def test_the_listing_takes_three_statements_however_many_cards(make, look, count_statements, count):
    for number in range(count):
        product_id, _ = make(f"Mug {number}", prices=(cash_price(1590), points_price(1590)), total_quota=9)
        with transaction():
            catalogue.add_art(product_id, "mug.svg", alt={"en": "Mug"}, by=OPERATOR, at=NOON)
    count_statements.clear()
    page = look(words="mug", affordable=False, in_stock=True, per_page=48)
    assert len(page.cards) == count
    assert len(count_statements) <= 3


def test_the_item_page_takes_four_statements(make, terms, count_statements):
    with transaction():
        ids = [catalogue.create_category({"en": name}, by=OPERATOR, at=NOON) for name in ("A", "B", "C")]
    product_id, _ = make("Mug", categories=ids, prices=(cash_price(1590), points_price(1590)))
    with transaction():
        for number in range(10):
            catalogue.add_variant(
                product_id, sku=f"V{number}", prices=[cash_price(99)], terms=terms, by=OPERATOR, at=NOON
            )
            catalogue.add_art(product_id, "mug.svg", alt={"en": "Mug"}, by=OPERATOR, at=NOON)
    count_statements.clear()
    with reading():
        item = catalogue.item("mug", MEMBER, terms=terms, at=NOON)
    assert len(count_statements) == 2  # The page may add what a gate asks for, and a shelf of other items.
    assert (len(item.variants), len(item.pictures), item.product.category_slug) == (11, 10, "a")


def test_the_item_offers_its_ways_to_pay(make, terms):
    make("Mug", prices=(cash_price(1590), mix_price(1590, least=600, most=1500, step=100), points_price(1590)))
    with reading():
        item = catalogue.item("mug", MEMBER, terms=terms, at=NOON)
    (variant,) = item.variants
    assert [(choice.form, choice.least, choice.cash_cents) for choice in variant.choices] == [
        ("points", 1590, 0),
        ("mix", 600, 990),
        ("cash", 0, 1590),
    ]
    mix = variant.choices[1]
    assert (mix.nearest(950), mix.nearest(0), mix.nearest(9_999)) == (900, 600, 1500)
    assert mix.at(900) == 690
    assert item.cheapest is mix
    assert item.least_points == 600


def test_the_home_shelves_show_what_a_level_would_open(shop, terms, count_statements):
    count_statements.clear()
    with reading():
        above = catalogue.shelf(MEMBER, catalogue.Wishes(above_my_level=True), terms=terms, at=NOON)
        within = catalogue.shelf(
            MEMBER, catalogue.Wishes(affordable=True, my_level=True), terms=terms, at=NOON, limit=1
        )
    assert [card.title["en"] for card in above] == ["Vase"]
    assert [card.title["en"] for card in within] == ["Pen"]
    assert len(count_statements) == 2


def test_the_desk_sorts_into_tabs_with_counts(make, terms, look):
    make("Listed", stock=50)
    make("Low", stock=3)
    make("Draft", listed=False)
    gone, _ = make("Gone")
    with transaction():
        catalogue.delist_products([gone], by=OPERATOR, at=NOON.replace(hour=13))
    later = NOON.replace(hour=14)
    with reading():
        page = catalogue.office_list(at=later)
        assert page.counts == {
            "all": 4, "listed": 2, "draft": 1, "scheduled": 0, "delisted": 1, "low_stock": 1,
        }  # fmt: skip
        assert [row.row.title["en"] for row in page.rows] == ["Draft", "Gone", "Listed", "Low"]
        for tab, titles in (("low_stock", ["Low"]), ("delisted", ["Gone"]), ("listed", ["Listed", "Low"])):
            assert [row.row.title["en"] for row in catalogue.office_list(DeskWishes(tab=tab), at=later).rows] == titles
        found = catalogue.office_list(DeskWishes(words="sku-2"), at=later)
        assert [row.row.title["en"] for row in found.rows] == ["Low"]
        assert found.counts["all"] == 1
        by_stock = catalogue.office_list(DeskWishes(sort="stock"), at=later, per_page=2)
        assert [row.free for row in by_stock.rows] == [3, 10]
        assert by_stock.pages == 2


def test_the_desk_is_filtered_by_kind_and_level_and_its_tabs_count_what_is_left(make, terms, count_statements):
    make("Mug")
    make("Voucher", kind="coupon")
    make("Code", kind="coupon", buy_rank=3, listed=False)
    make("Vase", buy_rank=3)

    def seen(**wishes):
        with reading():
            page = catalogue.office_list(DeskWishes(**wishes), at=NOON)
        assert page.total == len(page.rows)
        return [row.row.title["en"] for row in page.rows], page.counts["all"], page.counts["draft"]

    count_statements.clear()
    assert seen(kind="coupon") == (["Code", "Voucher"], 2, 1)
    assert len(count_statements) == 2
    assert seen(level=3) == (["Code", "Vase"], 2, 1)
    assert seen(level=0) == (["Mug", "Voucher"], 2, 0)
    assert seen(kind="coupon", level=3) == (["Code"], 1, 1)
    assert seen(kind="coupon", level=3, tab="listed") == ([], 1, 1)
    assert seen(kind="coupon", words="vouch") == (["Voucher"], 1, 0)
    # What is no kind, and no level there is.
    assert seen(kind="spaceship")[1] == 4
    assert seen(level=2**62) == ([], 0, 0)


def test_the_desk_takes_two_statements_at_48_products(make, terms, count_statements):
    for number in range(48):
        make(f"Mug {number}")
    count_statements.clear()
    with reading():
        assert len(catalogue.office_list(DeskWishes(words="mug"), at=NOON).rows) == 48
    assert len(count_statements) == 2


def test_everything_is_the_same_on_both_databases(either):
    with transaction():
        terms = programme.establish(programme.default_settings(shop_name="Tessera"), by="system", at=NOON)
        table = catalogue.create_category({"en": "Table"}, by=OPERATOR, at=NOON)
    make = maker(terms)
    product_id, variant_id = make(
        "Mug",
        prices=(cash_price(1590), mix_price(1590, least=600, most=1500, step=100)),
        categories=[table],
        total_quota=5,
        tags=["gift"],
    )
    make("Pen", prices=(points_price(700, old_points=900),), buy_rank=3)
    with transaction():
        catalogue.add_art(product_id, "mug.svg", alt={"en": "Mug"}, by=OPERATOR, at=NOON)
        catalogue.reserve({variant_id: 2}, reference="order:1", at=NOON)
        catalogue.draw_quota({product_id: 2}, reference="order:1", at=NOON)
        catalogue.ship("order:1", {variant_id: 1}, at=NOON)
        catalogue.unreserve("order:1", at=NOON)
        catalogue.return_quota("order:1", {product_id: 1})
        catalogue.set_on_hand(variant_id, 8, by=OPERATOR, at=NOON)
        catalogue.edit_product(product_id, summary={"en": "Blue"}, terms=terms, by=OPERATOR, at=NOON)
    with reading():
        for wishes in (
            {"category": "table"}, {"affordable": True}, {"my_level": True, "in_stock": True},
            {"form": "mix", "sort": "cash"}, {"sort": "points"}, {"words": "mug", "category": "table"},
        ):  # fmt: skip
            page = catalogue.listing(MEMBER, catalogue.Wishes(**wishes), terms=terms, at=NOON)
            assert names(page)[0] in ("Mug", "Pen")
            assert page.total == len(page.cards)
        mug = next(card for card in catalogue.shelf(MEMBER, terms=terms, at=NOON) if card.id == product_id)
        assert (mug.left, mug.points, mug.cash_cents, mug.art) == (4, 600, 990, "mug.svg")
        assert catalogue.item("mug", MEMBER, terms=terms, at=NOON).left == 4
        assert catalogue.offers([variant_id], at=NOON)[0].left == 4
        for sort in catalogue.DESK_SORTS:
            assert len(catalogue.office_list(DeskWishes(sort=sort), at=NOON, language="zh").rows) == 2
        assert len(catalogue.office_list(DeskWishes(kind="goods", level=3), at=NOON).rows) == 1
        for tab in catalogue.TABS:
            catalogue.office_list(DeskWishes(tab=tab), at=NOON)
        assert [move.kind for move in catalogue.stock_history(product_id)] == [
            "stocktake", "unreserve", "ship", "reserve", "receive",
        ]  # fmt: skip
    with pytest.raises(catalogue.OutOfStock), transaction():
        catalogue.reserve({variant_id: 9}, reference="order:2", at=NOON)


def test_the_mark_of_the_shelves_changes_with_products_and_stock(make, terms):
    def mark():
        with reading():
            return tuple(execute(select(*catalogue.shelf_mark())).one())

    product_id, variant_id = make()
    first = mark()
    assert mark() == first
    with transaction():
        catalogue.edit_product(product_id, summary={"en": "Blue"}, terms=terms, by=OPERATOR, at=NOON)
    second = mark()
    with transaction():
        catalogue.reserve({variant_id: 1}, reference="order:1", at=NOON)
    assert len({first, second, mark()}) == 3
