"""Search finds items by their words in English and Chinese, forgives a slip, and refuses to be worn out."""

import time

import pytest

from mall.base.db import reading, transaction
from mall.domain import catalogue, programme
from tests.domain.catalogue.conftest import NOON, OPERATOR, maker


@pytest.fixture
def find(terms):
    def find(words, **wishes):
        with reading():
            page = catalogue.listing(catalogue.ANYBODY, catalogue.Wishes(words=words, **wishes), terms=terms, at=NOON)
        assert page.total == len(page.cards)
        return [card.title["en"] for card in page.cards]

    return find


@pytest.fixture
def shelves(make):
    make({"en": "Stoneware mugs, pair", "zh": "炻器马克杯一对"}, description={"en": "Dishwasher safe celadon glaze"})
    make({"en": "Celadon vase", "zh": "青瓷花瓶"}, tags=["Home", "gift idea"])
    make({"en": "Spring sencha, 100 g", "zh": "春季煎茶"}, summary={"en": "First flush", "zh": "头采绿茶"})
    make({"en": "Mug tree"})


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("vase", ["Celadon vase"]),
        ("VASE", ["Celadon vase"]),
        ("mug", ["Mug tree", "Stoneware mugs, pair"]),
        ("mug pair", ["Stoneware mugs, pair"]),
        ("stonware", ["Stoneware mugs, pair"]),
        ("ceramic", []),
        ("dishwasher", ["Stoneware mugs, pair"]),
        ("idea", ["Celadon vase"]),
        ("100", ["Spring sencha, 100 g"]),
        ("g", ["Spring sencha, 100 g"]),
        ("马克杯", ["Stoneware mugs, pair"]),
        ("杯", ["Stoneware mugs, pair"]),
        ("花瓶 青瓷", ["Celadon vase"]),
        ("绿茶", ["Spring sencha, 100 g"]),
        ("ｖａｓｅ", ["Celadon vase"]),
        ("汽车", []),
    ],
)
def test_words_find_items(shelves, find, words, titles):
    assert find(words) == titles


def test_a_name_counts_more_than_a_description(shelves, find):
    assert find("celadon") == ["Celadon vase", "Stoneware mugs, pair"]


def test_what_is_renamed_is_found_by_its_new_name_only(make, find, terms):
    product_id, _ = make("Mug")
    with transaction():
        catalogue.edit_product(product_id, title={"en": "Beaker"}, terms=terms, by=OPERATOR, at=NOON)
    assert find("mug") == []
    assert find("beaker") == ["Beaker"]


def test_words_of_nothing_find_nothing_and_no_words_find_everything(shelves, find):
    assert find("  ,.!?  ") == []
    assert len(find("   ")) == 4


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("' OR 1=1 --", 0), ('"; DROP TABLE gram; --', 0), ("a' UNION SELECT 1", 0), ("{{7*7}}", 0),
        ("%", 0), ("_", 0), ("\\", 0), ("\x00", 0),
    ],
)  # fmt: skip
def test_sec_80_a_probe_is_only_words(shelves, find, words, count):
    assert len(find(words)) == count
    assert len(find("vase")) == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [("a b c d e f g h i", "8 words"), ("word " * 10_000, "100 letters"), ("x" * 100_000, "100 letters")],
)
def test_sec_90_a_search_of_ten_thousand_words_is_refused_at_once(shelves, find, count_statements, words, why):
    count_statements.clear()
    began = time.thread_time()  # Of work, not of waiting: others may be at work on this machine.
    with pytest.raises(catalogue.TooManyWords, match=why):
        find(words)
    assert time.thread_time() - began < 0.05
    assert count_statements == []


def test_the_same_question_has_the_same_answer_on_both_databases(either):
    with transaction():
        terms = programme.establish(programme.default_settings(shop_name="Tessera"), by="system", at=NOON)
    make = maker(terms)
    make({"en": "Stoneware mugs, pair", "zh": "炻器马克杯一对"})
    make("Mug tree")
    make("Celadon vase")
    with reading():
        for words, count in (("mug", 2), ("stonware mugs", 1), ("马克杯", 1), ("zebra", 0), ("", 3)):
            assert (
                catalogue.listing(catalogue.ANYBODY, catalogue.Wishes(words=words), terms=terms, at=NOON).total
                == count
            )
            assert catalogue.office_list(catalogue.DeskWishes(words=words), at=NOON).total == count
        assert catalogue.office_list(catalogue.DeskWishes(words="sku-3"), at=NOON).rows[0].row.title == {
            "en": "Celadon vase"
        }
