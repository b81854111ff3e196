"""Terms follow from a version by arithmetic alone: worth, last days, levels, tax."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from mall.domain import programme
from mall.domain.programme.settings import terms_of


def terms(**changes):
    settings = programme.default_settings(shop_name="Tessera", currency="EUR", zone="Europe/Berlin")
    return terms_of(1, settings | changes)


def test_a_hundred_points_are_worth_one_of_the_currency():
    assert terms().worth_of(100) == 100
    assert terms().worth_of(1) == 1
    assert terms(worth_points=1_000, worth_cents=333).worth_of(10) == Fraction(333, 100)


@pytest.mark.parametrize(
    ("earned", "last_day"),
    [
        (date(2026, 3, 2), date(2027, 3, 31)),
        (date(2026, 3, 31), date(2027, 3, 31)),
        (date(2027, 2, 1), date(2028, 2, 29)),
        (date(2026, 12, 31), date(2027, 12, 31)),
    ],
)
def test_points_last_twelve_months_rounded_up_to_the_end_of_a_month(earned, last_day):
    assert terms().expiry_of(earned)[0] == last_day


def test_points_end_with_their_last_day_by_the_shop_s_clock():
    _last_day, ends_at = terms().expiry_of(date(2026, 3, 2))

    assert ends_at == datetime(2027, 3, 31, 21, 59, 59, 999_999, tzinfo=UTC)


def test_a_day_is_a_day_in_the_shop_s_zone():
    assert terms().today(datetime(2026, 3, 1, 23, 30, tzinfo=UTC)) == date(2026, 3, 2)


def test_the_pyramid_has_five_steps():
    assert [(level.name["en"], level.reach) for level in terms().levels] == [
        ("Registered", 0),
        ("Ordinary", 1),
        ("Senior", 1_500),
        ("VIP", 5_000),
        ("SVIP", 15_000),
    ]


def test_a_ready_made_set_has_six():
    value = terms_of(1, programme.default_settings(shop_name="Tessera", levels="six_steps"))

    assert [(level.name["zh"], level.reach) for level in value.levels] == [
        ("V1", 0),
        ("V2", 500),
        ("V3", 1_000),
        ("V4", 2_000),
        ("V5", 5_000),
        ("V6", 12_000),
    ]


@pytest.mark.parametrize(
    ("growth", "rank"),
    [(-5, 1), (0, 1), (1, 2), (1_499, 2), (1_500, 3), (4_999, 3), (5_000, 4), (14_999, 4), (15_000, 5), (10**9, 5)],
)
def test_the_level_reached_is_the_highest_whose_reach_is_met(growth, rank):
    assert terms().level_reached(growth).rank == rank


def test_a_rank_above_the_top_is_the_top():
    assert terms().level(6).key == "svip"
    assert terms().level_after(5) is None
    assert terms().level_after(6) is None
    assert terms().level_after(1).key == "ordinary"


def test_tax_changes_with_the_day():
    value = terms(
        tax_classes={"books": {"name": {"en": "Books"}, "rates": [["2027-01-01", 500], ["2026-01-01", 700]]}}
    )

    assert value.tax_rate("books", date(2025, 12, 31)) == 0
    assert value.tax_rate("books", date(2026, 12, 31)) == 700
    assert value.tax_rate("books", date(2027, 1, 1)) == 500


def test_settings_and_terms_are_the_same_thing_twice():
    value = terms(tax_classes={"books": {"name": {"en": "Books"}, "rates": [["2026-01-01", 700]]}})

    assert terms_of(1, programme.settings_of(value)) == value


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("shop_name", {"en": ""}),
        ("currency", "JPY"),
        ("currency", "XQQ"),
        ("zone", "Mars/Olympus"),
        ("language", "fr"),
        ("worth_points", 0),
        ("worth_cents", 0),
        ("earn_per_cents", 0),
        ("earn_points", -1),
        ("earn_points", 1.5),
        ("earn_points", True),
        ("points_cap_percent", 101),
        ("pay_within_minutes", 30),
        ("levels", []),
        ("tax_classes", {}),
        ("tax_classes", {"a": {"name": {"en": "A"}, "rates": [["2026-01-01", 10_001]]}}),
        ("tax_classes", {"a": {"name": {"en": "A"}, "rates": [["2026-01-01", 1], ["2026-01-01", 2]]}}),
        ("shipping_methods", []),
    ],
)
def test_what_makes_no_programme_is_refused_by_name(setting, value):
    with pytest.raises(programme.BadSetting) as refusal:
        terms(**{setting: value})

    assert refusal.value.setting.split(".")[0] == setting


@pytest.mark.parametrize(
    ("rank", "change"),
    [
        (1, {"reach": 1}),
        (3, {"reach": 1}),
        (3, {"keep": 1_501}),
        (3, {"rank": 4}),
        (3, {"key": "vip"}),
        (3, {"name": {"en": " "[:0]}}),
        (3, {"discount_percent": 101}),
        (3, {"free_shipping_from_cents": -1}),
        (3, {"reach": 1_500.5}),
        (3, {"redemptions_per_month": -1}),
        (3, {"redemptions_per_month": "many"}),
        (3, {"upgrade_points": -1}),
        (3, {"upgrade_points": True}),
        (3, {"upgrade_coupon": 0}),
        (3, {"birthday_coupon": "ten"}),
        (3, {"birthday_points": 1.5}),
        (3, {"question_priority": 1}),
        (3, {"event_notice_days": 366}),
    ],
)
def test_levels_that_make_no_pyramid_are_refused(rank, change):
    levels = programme.default_settings(shop_name="Tessera")["levels"]
    levels[rank - 1] |= change

    with pytest.raises(programme.BadSetting) as refusal:
        terms(levels=levels)

    assert refusal.value.setting.startswith("levels")


@pytest.mark.parametrize("name", ["zone", "levels"])
def test_a_setting_that_is_missing_or_unknown_is_named(name):
    settings = programme.default_settings(shop_name="Tessera")
    del settings[name]
    with pytest.raises(programme.BadSetting, match=name):
        terms_of(1, settings)
    with pytest.raises(programme.BadSetting, match="colour"):
        terms_of(1, programme.default_settings(shop_name="Tessera") | {"colour": "red"})


def test_settings_of_the_wrong_shape_are_refused_not_a_fault():
    with pytest.raises(programme.BadSetting):
        terms(levels=[{"rank": 1}])
    with pytest.raises(programme.BadSetting):
        terms(tax_classes={"a": {"name": {"en": "A"}, "rates": [["yesterday", 1]]}})


@pytest.mark.parametrize(
    "typed",
    [
        "call us",
        "help@b.example\n",
        "help@b.example, me@b.example",
        "Help <help@b.example>",
        "@b.example",
        "帮助@b.example",
        "a@b@c.example",
    ],
)
def test_a_support_email_that_is_no_address_is_refused(settings, typed):
    with pytest.raises(programme.BadSetting, match="The support e-mail must be an address"):
        programme.terms_of(2, settings | {"support_email": typed})


@pytest.mark.parametrize("typed", ["", "help@shop.example", "o'hara+help@shop.co.example"])
def test_a_support_email_is_an_address_or_not_given(settings, typed):
    assert programme.terms_of(2, settings | {"support_email": typed}).support_email == typed
