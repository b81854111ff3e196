"""The till: a member's browser, and short ways through basket and checkout by the forms of their pages."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from mall.base.db import execute, reading
from mall.domain import checkout
from tests.cast import sign_in
from tests.stage import PASSWORD, Item, Stage


@dataclass
class Till:
    """A member's browser at the till."""

    browser: FlaskClient
    stage: Stage
    member_id: int

    def put_in(self, item: Item, form: str = "points", **fields: Any) -> TestResponse:
        """Put an item in the basket as its page does."""
        return self.browser.post(
            "/basket", data={"variant_id": item.variant_id, "option_id": item.options[form], "quantity": 1} | fields
        )

    def basket(self) -> str:
        """Return the basket's page."""
        return self.browser.get("/basket").text

    def checkout(self, **choices: Any) -> str:
        """Return the checkout's page."""
        return self.browser.get("/checkout", query_string=choices).text

    def form(self, **choices: Any) -> dict[str, str]:
        """Return what the checkout's form would send now."""
        return fields_of(self.checkout(**choices), "order")

    def place(self, **choices: Any) -> TestResponse:
        """Look at the checkout with these choices, then press its button."""
        return self.browser.post("/checkout", data=self.form(**choices))

    def lines(self) -> list[Any]:
        """Return the lines of the member's basket."""
        with reading():
            return list(checkout.basket_of(checkout.Owner(member_id=self.member_id)).lines)

    def orders(self) -> list[Any]:
        """Return the member's orders, the first first."""
        with reading():
            return list(
                execute(
                    select(checkout.Order)
                    .where(checkout.Order.member_id == self.member_id)
                    .order_by(checkout.Order.id)
                )
            )

    def page_of(self, order: Any) -> str:
        """Return an order's page."""
        return self.browser.get(f"/orders/{checkout.number_of(order.id)}").text


def signed_in(app: Flask, member_id: int) -> FlaskClient:
    """Return a browser in which a member of the stage has signed in."""
    browser = app.test_client()
    assert sign_in(browser, member_id, password=PASSWORD).status_code == 302
    return browser


def till_of(app: Flask, stage: Stage, name: str, *, points: int = 0) -> Till:
    """Make a member with an address and these points, and sign them in: their browser at the till."""
    member_id = stage.member(name)
    stage.settle_down(member_id)
    if points:
        stage.give(member_id, points)
    return Till(signed_in(app, member_id), stage, member_id)


def count_orders() -> int:
    """Return how many orders there are."""
    with reading():
        return int(execute(select(func.count()).select_from(checkout.Order)).scalar_one())


def words(html: str) -> str:
    """Return what a page says, as one line of text."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.replace("&#39;", "'"))).strip()


def fields_of(html: str, form_id: str) -> dict[str, str]:
    """Return the fields a form on a page would send if its own button were pressed."""
    reader = _Fields(form_id)
    reader.feed(html)
    return reader.fields


class _Fields(HTMLParser):
    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id, self.inside, self.fields = form_id, False, {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.inside = given.get("id") == self.form_id
        if not self.inside or tag != "input" or "name" not in given or given.get("type") in ("range", "submit"):
            return
        if given.get("type") in ("radio", "checkbox") and "checked" not in given:
            return
        self.fields[given["name"]] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
