"""Prices are whole figures that can be meant; a mix is per piece; dates open and close them by themselves."""

from datetime import timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.domain import audit, catalogue
from mall.domain.catalogue import cash_price, live, mix_price, points_price
from tests.domain.catalogue.conftest import NOON, OPERATOR

HOUR = timedelta(hours=1)
MIX = mix_price(1590, least=600, most=1500, step=100)


@pytest.mark.parametrize(("points", "cents"), [(600, 990), (900, 690), (1500, 90)])
def test_a_mix_takes_points_and_asks_the_rest_in_cash(terms, points, cents):
    assert catalogue.cash_part(MIX, points, terms) == cents


@pytest.mark.parametrize("points", [0, 500, 650, 1600, -600])
def test_a_mix_takes_no_other_points_than_its_steps(terms, points):
    with pytest.raises(catalogue.BadMix, match="600 to 1500 points a piece in steps of 100"):
        catalogue.cash_part(MIX, points, terms)


def test_cash_and_points_options_leave_nothing_to_choose(terms):
    assert catalogue.cash_part(cash_price(1590), 0, terms) == 1590
    assert catalogue.cash_part(points_price(1590), 1590, terms) == 0
    with pytest.raises(catalogue.BadMix):
        catalogue.cash_part(cash_price(1590), 10, terms)
    with pytest.raises(catalogue.BadMix):
        catalogue.cash_part(points_price(1590), 1580, terms)


@pytest.mark.parametrize(
    ("price", "sentence"),
    [
        (mix_price(1590, least=1500, most=600, step=100), "are more than the most"),
        (mix_price(1590, least=650, most=1500, step=100), "Steps of 100 points must meet both"),
        (mix_price(1590, least=600, most=1600, step=100), "worth more than the full price"),
        (mix_price(1590, least=0, most=600, step=100), "whole number from 1"),
        (mix_price(1590, least=600, most=1500, step=0), "whole number from 1"),
        (cash_price(0), "in cash is from 0.01"),
        (cash_price(-5), "in cash is from 0.01"),
        (cash_price(2**63), "in cash is from 0.01"),
        (cash_price(15.9), "in cash is from 0.01"),
        (cash_price(True), "in cash is from 0.01"),
        (points_price(0), "whole number from 1"),
        (points_price(10**10), "whole number from 1"),
        (cash_price(1590, old_cash_cents=1590), "must be above the new one"),
        (points_price(900, old_points=800), "must be above the new one"),
        (cash_price(1590, starts_at=NOON, ends_at=NOON), "ends after it starts"),
        (catalogue.Price("cash", cash_cents=100, points=5), "only the figures of its own form"),
        (catalogue.Price("barter"), "in cash, in points, or a mix"),
    ],
)
def test_a_price_that_cannot_be_meant_is_refused_with_a_sentence(terms, price, sentence):
    with pytest.raises((catalogue.UnsoundPrice, catalogue.BadFigure), match=sentence):
        catalogue.refuse_unsound(price, terms)


def test_the_most_points_may_be_worth_the_full_price(terms):
    price = mix_price(1500, least=500, most=1500, step=500)
    catalogue.refuse_unsound(price, terms)
    assert catalogue.cash_part(price, 1500, terms) == 0


def test_a_sale_stands_in_for_the_usual_price_while_it_lasts():
    usual = cash_price(1590)
    sale = cash_price(1290, old_cash_cents=1590, starts_at=NOON, ends_at=NOON + HOUR)

    assert live([usual, sale, MIX], NOON - HOUR) == [usual, MIX]
    assert live([usual, sale, MIX], NOON) == [sale, MIX]
    assert live([usual, sale, MIX], NOON + HOUR) == [usual, MIX]


def test_a_gift_is_had_for_points_only(make, terms):
    _, variant_id = make(kind="gift")
    with transaction(), pytest.raises(catalogue.UnsoundPrice, match="points only"):
        catalogue.set_price_options(variant_id, [cash_price(500)], terms=terms, by=OPERATOR, at=NOON)


def test_setting_prices_keeps_the_ids_of_those_that_stay(make, terms):
    product_id, variant_id = make(prices=(cash_price(1590), points_price(1590)))
    with reading():
        cash, points = catalogue.offers([variant_id], at=NOON)[0].prices

    with transaction():
        changed = cash_price(1490)
        catalogue.set_price_options(
            variant_id, [MIX, catalogue.Price("cash", cash_cents=1490, id=cash.id)], terms=terms, by=OPERATOR, at=NOON
        )

    with reading():
        offer = catalogue.offers([variant_id], at=NOON)[0]
        assert [price.form for price in offer.prices] == ["mix", "cash"]
        assert offer.option(cash.id).cash_cents == changed.cash_cents
        assert offer.option(points.id) is None
        entry = audit.entries(subject=f"product:{product_id}", act="variant.priced")[0]
        assert [price["form"] for price in entry.before["prices"]] == ["cash", "points"]


def test_a_price_of_another_variant_cannot_be_taken_over(make, terms):
    _, mine = make("Mug")
    _, other = make("Pot")
    with reading():
        foreign = catalogue.offers([other], at=NOON)[0].prices[0]
    with transaction(), pytest.raises(catalogue.UnsoundPrice, match="withdrawn meanwhile"):
        catalogue.set_price_options(mine, [foreign], terms=terms, by=OPERATOR, at=NOON)


def test_a_chosen_option_follows_into_a_sale_and_out_again(make):
    sale = cash_price(1290, old_cash_cents=1590, starts_at=NOON + HOUR, ends_at=NOON + 2 * HOUR)
    _, variant_id = make(prices=(cash_price(1590), sale, points_price(900)))
    with reading():
        usual_id, sale_id, points_id = [price.id for price in catalogue.offers([variant_id], at=NOON)[0].prices]
        before, during, after = [
            catalogue.offers([variant_id], at=at)[0] for at in (NOON, NOON + HOUR, NOON + 2 * HOUR)
        ]
    assert [offer.option(usual_id).cash_cents for offer in (before, during, after)] == [1590, 1290, 1590]
    assert [offer.option(sale_id).cash_cents for offer in (before, during, after)] == [1590, 1290, 1590]
    assert during.option(points_id).points == 900
    assert during.option(10**18) is None


def test_the_card_tells_the_price_of_its_instant(make, terms):
    sale = points_price(600, old_points=800, starts_at=NOON + HOUR, ends_at=NOON + 2 * HOUR)
    make(prices=(points_price(800), sale))

    def card(at):
        with reading():
            (found,) = catalogue.shelf(catalogue.ANYBODY, terms=terms, at=at)
        return found.points, found.old_points

    assert card(NOON) == (800, None)
    assert card(NOON + HOUR) == (600, 800)
    assert card(NOON + 2 * HOUR) == (800, None)


def test_a_product_without_a_price_at_the_moment_has_no_card(make, terms):
    make(prices=(points_price(800, starts_at=NOON + HOUR),))
    with reading():
        assert catalogue.shelf(catalogue.ANYBODY, terms=terms, at=NOON) == []
        assert len(catalogue.shelf(catalogue.ANYBODY, terms=terms, at=NOON + HOUR)) == 1


def test_a_card_shows_the_fewest_points_and_says_from_where_more_may_be_asked(make, terms):
    make(prices=(cash_price(1590), MIX, points_price(1590)))
    make("Pen", prices=(mix_price(900, least=300, most=300, step=100), cash_price(900)))
    with reading():
        pen, mug = catalogue.shelf(catalogue.ANYBODY, terms=terms, at=NOON)
    assert (mug.form, mug.points, mug.cash_cents, mug.is_from) == ("mix", 600, 990, True)
    assert (pen.form, pen.points, pen.cash_cents, pen.is_from) == ("mix", 300, 600, False)


def test_the_database_itself_refuses_a_price_without_figures(make):
    _, variant_id = make()
    with pytest.raises(IntegrityError, match="cash_has_cents"), transaction():
        execute(insert(catalogue.PriceOption).values(variant_id=variant_id, position=9, form="cash"))


@pytest.mark.parametrize(
    ("price", "field"),
    [
        (catalogue.cash_price(0), "cash_cents"),
        (catalogue.Price("cash"), "cash_cents"),
        (catalogue.cash_price(100, old_cash_cents=100), "old_cash_cents"),
        (catalogue.cash_price(100, old_cash_cents=-1), "old_cash_cents"),
        (catalogue.points_price(0), "points"),
        (catalogue.points_price(100, old_points=99), "old_points"),
        (catalogue.Price("mix", least_points=1, most_points=1, step_points=1), "full_cents"),
        (catalogue.mix_price(1_000, least=0, most=100, step=100), "least_points"),
        (catalogue.mix_price(1_000, least=200, most=100, step=100), "least_points"),
        (catalogue.mix_price(1_000, least=100, most=0, step=100), "most_points"),
        (catalogue.mix_price(1_000, least=100, most=1_100, step=100), "most_points"),
        (catalogue.mix_price(1_000, least=100, most=250, step=100), "step_points"),
        (catalogue.cash_price(100, starts_at=NOON, ends_at=NOON), "ends_at"),
    ],
)
def test_a_refused_price_names_the_figure_at_fault(terms, price, field):
    with pytest.raises(Refusal) as refused:
        catalogue.refuse_unsound(price, terms)

    assert refused.value.field == field
