"""What is put off until it is needed comes to the same as what Flask does at every start."""

import re
import time

import pytest
from flask import Flask
from itsdangerous import BadSignature, SignatureExpired
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


@pytest.fixture
def cookies():
    """Return who signs and reads the cookies of one shop."""
    app = quick.App("anywhere")
    app.secret_key = "a secret of this shop alone"
    return quick.Sessions().get_signing_serializer(app)


def test_a_cookie_read_again_says_what_it_said_whatever_was_done_to_it_before(cookies):
    cookie = cookies.dumps({"language": "zh", "seen": [1, 2], "_flashes": [("good", "Saved")]})
    first = cookies.loads(cookie, max_age=60)
    assert cookies._read.cache_info().misses == 1
    first["seen"].append(3)
    del first["language"]
    assert cookies.loads(cookie, max_age=60) == {"language": "zh", "seen": [1, 2], "_flashes": [("good", "Saved")]}
    assert cookies._read.cache_info().misses == 1


def test_a_cookie_someone_changed_is_refused_however_often_the_good_one_was_read(cookies):
    cookie = cookies.dumps({"sid": "mei"})
    changed = cookies.dumps({"sid": "sam"}).partition(".")[0] + "." + cookie.partition(".")[2]
    for _ in range(2):
        assert cookies.loads(cookie, max_age=60) == {"sid": "mei"}
        with pytest.raises(BadSignature):
            cookies.loads(changed, max_age=60)


@pytest.mark.parametrize("later_seconds", [61, -61], ids=["too old", "of the future"])
def test_a_cookie_that_was_read_before_runs_out_all_the_same(cookies, monkeypatch, later_seconds):
    cookie = cookies.dumps({"sid": "mei"})
    assert cookies.loads(cookie, max_age=60) == {"sid": "mei"}
    moment = time.time() + later_seconds
    monkeypatch.setattr(time, "time", lambda: moment)
    with pytest.raises(SignatureExpired):
        cookies.loads(cookie, max_age=60)


def test_a_cookie_of_another_secret_is_refused():
    app = quick.App("anywhere")
    sessions = quick.Sessions()
    app.secret_key = "a secret of before"
    cookie = sessions.get_signing_serializer(app).dumps({"sid": "mei"})
    assert sessions.get_signing_serializer(app).loads(cookie, max_age=60) == {"sid": "mei"}
    app.secret_key = "the secret of now"
    with pytest.raises(BadSignature):
        sessions.get_signing_serializer(app).loads(cookie, max_age=60)
