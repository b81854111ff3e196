"""What is put off until it is needed comes to the same as what Flask does at every start."""

import re

import pytest
from flask import Flask
from werkzeug.routing import BuildError

from mall.web.shared import quick

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture(params=[Flask, quick.App], ids=["flask", "ours"])
def builds(request):
    """Build an address, by Flask's rules and by ours."""
    app = request.param("anywhere")
    app.add_url_rule("/items/<slug>", endpoint="item")
    app.add_url_rule("/parcels/<int:order>/<int:number>", endpoint="parcel")

    def build(endpoint: str, **values: object) -> str:
        with app.test_request_context("/"):
            return app.url_for(endpoint, **values)

    return build


def test_an_address_is_built_alike_the_first_time_and_later(builds):
    assert [builds("item", slug="mug blue?") for _ in range(3)] == ["/items/mug%20blue%3F"] * 3


def test_what_is_no_part_of_an_address_is_asked_behind_it(builds):
    assert builds("item", slug="mug", page=2) == "/items/mug?page=2"
    assert builds("parcel", order=7, number=1, _external=False) == "/parcels/7/1"


def test_an_address_without_what_it_needs_is_an_error(builds):
    with pytest.raises(BuildError):
        builds("parcel", order=7)


def test_a_link_is_compiled_when_it_is_first_made(monkeypatch):
    made = []
    compiled = quick.routing.Rule._compile_builder
    monkeypatch.setattr(
        quick.routing.Rule,
        "_compile_builder",
        lambda rule, *given: made.append(rule.endpoint) or compiled(rule, *given),
    )
    app = quick.App("anywhere")
    app.add_url_rule("/items/<slug>", endpoint="item")
    assert made == []
    with app.test_request_context("/"):
        addresses = [app.url_for("item", slug=slug) for slug in ("mug", "pen")]
    assert (addresses, made) == (["/items/mug", "/items/pen"], ["item"])


def test_a_browser_keeps_one_token_for_its_forms_and_anothers_is_refused(make_app):
    app = make_app(WTF_CSRF_ENABLED=True)
    mine, other = app.test_client(), app.test_client()
    pages = [client.get("/shop").text for client in (mine, mine, other)]
    first, again, of_other = (set(TOKEN.findall(page)) for page in pages)

    assert first == again and len(first) == 1 and not first & of_other
    form = {"csrf_token": first.pop(), "language": "zh", "next": "/shop"}
    assert mine.post("/language", data=form).status_code == 302
    assert other.post("/language", data=form).status_code == 400
