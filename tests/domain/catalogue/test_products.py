"""Products are written down clean, changed by one editor at a time, and every act is in the audit."""

import pytest

from mall.base.db import reading, transaction
from mall.base.errors import Refusal
from mall.domain import audit, catalogue
from mall.domain.catalogue import points_price
from tests.domain.catalogue.conftest import NOON, OPERATOR

pytestmark = pytest.mark.alone


def edit(product_id, terms, **changes):
    with transaction():
        catalogue.edit_product(product_id, terms=terms, by=OPERATOR, at=NOON, **changes)


def product(product_id, terms):
    with reading():
        return catalogue.desk_item(product_id, terms=terms, at=NOON).product


def test_what_staff_write_cannot_act(make, terms):
    product_id, _ = make(
        "Mug<script>",
        description={
            "en": "<p onclick=x()>Good <script>alert(1)</script><a href='javascript:x()'>mug</a>"
            "<img src=x onerror=alert(1)><a href='https://shop.example'>more</a></p>",
            "zh": "第一段\n\n第二段 {{ 7*7 }}",
        },
    )
    text = product(product_id, terms).description
    assert text["en"] == (
        '<p>Good <a rel="noopener nofollow">mug</a><a href="https://shop.example" rel="noopener nofollow">more</a></p>'
    )
    assert text["zh"] == "<p>第一段</p><p>第二段 {{ 7*7 }}</p>"
    assert product(product_id, terms).title == {"en": "Mug<script>"}  # Templates write it escaped.


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"title": {"en": " "}}, "Give the item a name"),
        ({"title": {"en": "x" * 121}}, "too long"),
        ({"title": {"xx": "Mug"}}, "does not speak"),
        ({"tax_class": "none"}, "tax classes"),
        ({"buy_rank": 6}, "one of the shop's levels"),
        ({"see_rank": -1}, "one of the shop's levels"),
        ({"limit_per_member": 0}, "A limit is a whole number"),
        ({"limit_per_member": 2**63}, "A limit is a whole number"),
        ({"limit_days": 30}, "how many a member may have"),
        ({"redeem_from": NOON, "redeem_until": NOON}, "Redeeming ends after it starts"),
        ({"total_quota": -1}, "A total is a whole number"),
        ({"tags": [str(number) for number in range(13)]}, "12 tags"),
        ({"categories": [99]}, "no such category"),
        ({"delivery": "by pigeon"}, "how it is delivered"),
    ],
)
def test_details_that_cannot_be_meant_are_refused_and_change_nothing(make, terms, changes, sentence):
    product_id, _ = make()
    before = product(product_id, terms)
    with pytest.raises(Refusal, match=sentence):
        edit(product_id, terms, **changes)
    assert product(product_id, terms) == before


def test_two_editors_do_not_overwrite_one_another(make, terms):
    product_id, _ = make()
    seen = product(product_id, terms).version
    edit(product_id, terms, summary={"en": "Blue"}, seen_version=seen)
    with pytest.raises(catalogue.ChangedMeanwhile, match="Somebody else"):
        edit(product_id, terms, summary={"en": "Red"}, seen_version=seen)
    assert product(product_id, terms).summary == {"en": "Blue"}


def test_an_edit_is_in_the_audit_with_before_and_after(make, terms):
    product_id, _ = make(buy_rank=1)
    edit(product_id, terms, buy_rank=4)
    with reading():
        (entry,) = audit.entries(act="product.changed")
    assert (entry.by, entry.subject) == (OPERATOR, f"product:{product_id}")
    assert (entry.before, entry.after) == ({"buy_rank": 1}, {"buy_rank": 4})


def test_addresses_are_readable_and_each_its_own(make, terms):
    for title in ("Crème & mugs!", "creme mugs", {"zh": "马克杯"}):
        make(title, listed=False)
    with reading():
        slugs = [row.row.slug for row in catalogue.office_list(catalogue.DeskWishes(sort="newest"), at=NOON).rows]
    assert slugs[1:] == ["creme-mugs-2", "creme-mugs"]
    assert slugs[0].startswith("item-")


def test_a_sku_is_taken_once(make, terms):
    product_id, _ = make()
    for sku, refusal in (("sku-1", catalogue.SkuTaken), ("", catalogue.BadSku), ("a b", catalogue.BadSku)):
        with transaction(), pytest.raises(refusal):
            catalogue.add_variant(product_id, sku=sku, terms=terms, by=OPERATOR, at=NOON)


def test_a_retired_variant_leaves_the_shop(make, terms):
    product_id, mug = make(prices=(points_price(500),))
    with transaction():
        large = catalogue.add_variant(
            product_id, sku="L", title={"en": "Large"}, prices=[points_price(900)], terms=terms, by=OPERATOR, at=NOON
        )
        catalogue.receive(large, 3, by=OPERATOR, at=NOON)
        catalogue.reserve({mug: 1}, reference="order:1", at=NOON)
    with pytest.raises(catalogue.VariantInUse, match="1 pieces"), transaction():
        catalogue.retire_variant(mug, by=OPERATOR, at=NOON)
    with transaction():
        catalogue.unreserve("order:1", at=NOON)
        catalogue.retire_variant(mug, by=OPERATOR, at=NOON)
    with reading():
        (card,) = catalogue.shelf(catalogue.ANYBODY, terms=terms, at=NOON)
        assert (card.points, card.left, card.is_from) == (900, 3, False)
        assert not catalogue.offers([mug], at=NOON)[0].may_be_seen_by(catalogue.ANYBODY)
        item = catalogue.item("mug", catalogue.ANYBODY, terms=terms, at=NOON)
        assert [variant.id for variant in item.variants] == [large]


def test_categories_have_an_order_and_names(app, terms):
    with transaction():
        home = catalogue.create_category({"en": "Home & table", "zh": "家居"}, by=OPERATOR, at=NOON)
        bags = catalogue.create_category({"en": "Bags"}, by=OPERATOR, at=NOON)
        catalogue.order_categories([bags, home], by=OPERATOR, at=NOON)
        catalogue.rename_category(bags, {"en": "Bags and travel"}, by=OPERATOR, at=NOON)
    with reading():
        assert [(row.slug, row.title["en"]) for row in catalogue.categories()] == [
            ("bags", "Bags and travel"),
            ("home-table", "Home & table"),
        ]
    with transaction(), pytest.raises(catalogue.CategoryNeedsTitle):
        catalogue.create_category({"en": " "}, by=OPERATOR, at=NOON)


def test_ids_that_no_row_can_have_are_not_there(app, terms):
    for product_id in (0, -1, 2**63, 10**30):
        with transaction(), pytest.raises(catalogue.NoSuchProduct):
            catalogue.edit_product(product_id, terms=terms, by=OPERATOR, at=NOON)
        with reading(), pytest.raises(catalogue.NoSuchProduct):
            catalogue.desk_item(product_id, terms=terms, at=NOON)
        with transaction(), pytest.raises(catalogue.NoSuchVariant):
            catalogue.retire_variant(product_id, by=OPERATOR, at=NOON)
