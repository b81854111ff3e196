"""A replica that lags behind shows old shelves, and nothing else: who signs in, buys and pays is not read from it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from mall.base.clock import now
from mall.domain import catalogue, finance
from tests import cast
from tests.conftest import NOON
from tests.stage import Stage, open_shop
from tests.stripe_double import running, shop_paid_by


@pytest.fixture
def double():
    with running() as double:
        yield double


@pytest.fixture
def lagging(make_app, double) -> Iterator[Flask]:
    """A shop paid by Stripe, which is the double; its replica still is as it was before the shop was set up."""
    before = make_app()
    here = Path(before.config["SQLALCHEMY_DATABASE_URI"].removeprefix("sqlite:///"))
    replica = here.with_name("replica.db")
    shutil.copyfile(here, replica)
    app = shop_paid_by(
        double, make_app, SQLALCHEMY_DATABASE_URI=f"sqlite:///{here}", DATABASE_READ_URL=f"sqlite:///{replica}"
    )
    with app.app_context():
        yield app


@pytest.fixture
def stage(lagging: Flask) -> Stage:
    return open_shop(at=now())


def test_who_joined_a_moment_ago_signs_in(lagging):
    terms = cast.open_shop(at=NOON)
    mei = cast.join("mei", at=NOON, terms=terms)
    browser = lagging.test_client()
    cast.sign_in(browser, mei)

    assert browser.get("/account").status_code == 200


def test_what_is_in_the_basket_is_placed_and_what_the_cashier_tells_is_heard(stage, double):
    mei = stage.member("mei", at=now())
    mug = stage.item(prices=(catalogue.mix_price(1_590, least=600, most=1_500, step=100),), at=now())
    stage.give(mei, 2_000, at=now())
    stage.put_in(mei, mug, "mix", points=900, at=now())
    order = stage.place(mei, at=now())
    double.books.pay(stage.open_page(order, at=now()))

    assert set(double.outbox.deliver()) == {200}
    assert stage.order(order).state == "paid"
    assert all(result.ok for result in finance.prove())


def test_the_shelves_are_as_old_as_the_replica(lagging, stage):
    stage.item("Stoneware mugs", at=now())
    browser = lagging.test_client()

    assert "Stoneware mugs" not in browser.get("/shop").text
    assert "Stoneware mugs" not in browser.get("/").text
