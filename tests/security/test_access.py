"""Whom each page is for: every address of url_map is tried by everyone it is not for. SECURITY 24-26, 28-31, 37."""

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import people
from tests.cast import PASSWORD, sign_in, sign_in_staff
from tests.conftest import NOON
from tests.security.matrix import ADMIN, FINANCE, MEMBER, OPERATOR, PUBLIC, STAFF, pages, unclassified

LINES = people.AddressLines("Mei Lin", "Mill Lane 7", "Bath", "BA1 1AA", "GB")


@pytest.fixture
def browsers(app, mei, ops, fin, adm):
    """A browser of everyone in the cast, signed in at their own door."""
    everyone = {name: app.test_client() for name in ("visitor", "mei", "ops", "fin", "adm")}
    assert sign_in(everyone["mei"], mei).status_code == 302
    for name, staff_id in (("ops", ops), ("fin", fin), ("adm", adm)):
        assert sign_in_staff(everyone[name], staff_id).status_code == 302
    return everyone


# Whom a page answers with "there is nothing here", and whom with the way to its door.
NOT_THERE = {
    OPERATOR: ("mei", "fin"),
    FINANCE: ("mei", "ops"),
    ADMIN: ("mei", "ops", "fin"),
    STAFF: ("mei",),
}
TO_THE_DOOR = {
    MEMBER: ("visitor", "ops", "fin", "adm"),
    OPERATOR: ("visitor",),
    FINANCE: ("visitor",),
    ADMIN: ("visitor",),
    STAFF: ("visitor",),
}
WELCOME = {
    PUBLIC: ("visitor", "mei"),
    MEMBER: ("mei",),
    STAFF: ("ops", "fin", "adm"),
    OPERATOR: ("ops", "adm"),
    FINANCE: ("fin", "adm"),
    ADMIN: ("adm",),
}


def test_every_address_is_in_the_matrix(app):
    assert unclassified(app) == [], "say in tests/security/matrix.py whom these are for"


def test_sec_26_every_page_is_nothing_to_whom_it_is_not_for(app, browsers):
    complaints = [
        f"{page}: {name} got {status}"
        for page in pages(app)
        for name in NOT_THERE.get(page.whose, ())
        if (status := browsers[name].open(page.address, method=page.method).status_code) != 404
    ]

    assert complaints == []


def test_sec_26_who_has_not_signed_in_is_led_to_the_door(app, browsers):
    complaints = []
    for page in pages(app):
        door = "/sign-in" if page.whose == MEMBER else "/office/sign-in"
        for name in TO_THE_DOOR.get(page.whose, ()):
            answer = browsers[name].open(page.address, method=page.method)
            if answer.status_code != 302 or not answer.location.startswith(door):
                complaints.append(f"{page}: {name} got {answer.status_code} {answer.location}")

    assert complaints == []


def test_sec_26_everyone_comes_into_their_own(app, browsers):
    complaints = [
        f"{page}: {name} got {status}"
        for page in pages(app)
        if page.method == "GET" and page.plain and page.endpoint != "store.account.reset_password"
        for name in WELCOME.get(page.whose, ())
        if (status := browsers[name].get(page.address).status_code) not in (200, 302, 303, 410)
    ]

    assert complaints == []


def test_sec_26_a_role_taken_away_counts_from_the_next_request(browsers, ops):
    assert browsers["adm"].post(f"/office/staff/{ops}", data={"roles": ["finance"]}).status_code == 302

    assert browsers["ops"].get("/office/staff/").status_code == 404
    with reading():
        assert people.staff_of(ops).roles == ["finance"]


@pytest.mark.parametrize("path", ["", "/removal", "/default"])
def test_sec_24_another_members_address_is_not_there(app, mei, tom, path):
    with transaction():
        theirs = people.add_address(tom, LINES, at=NOON)
    client = app.test_client()
    sign_in(client, mei)
    data = {"recipient": "Thief", "line1": "Elsewhere 1", "city": "Rome", "postcode": "1", "country": "IT"}

    if not path:
        assert client.get(f"/account/addresses/{theirs}").status_code == 404
    assert client.post(f"/account/addresses/{theirs}{path}", data=data).status_code == 404

    with reading():
        assert people.address_of(tom, theirs).recipient == "Mei Lin"
        assert people.addresses_of(mei) == []


def test_sec_25_fields_nobody_asked_for_are_ignored(client, shop):
    extra = {
        "is_admin": "1",
        "roles": "admin",
        "points": "1000000",
        "verified_at": "2026-01-01",
        "number": "1",
        "id": "77",
        "member_id": "77",
        "deactivated_at": "2026-01-01",
    }
    fields = {"email": "new@tessera.example", "display_name": "New", "password": PASSWORD}
    assert client.post("/register", data=fields | extra).status_code == 302
    client.post("/sign-in", data=fields | extra)
    profile = {"display_name": "Newer", "language": "en", "email": "other@tessera.example", "email_key": "x"}
    assert client.post("/account/profile", data=profile | extra).status_code == 302

    with reading():
        member = execute(select(people.Member)).one()
    assert (member.display_name, member.email) == ("Newer", "new@tessera.example")
    assert member.number != "1"
    assert member.id != 77
    assert member.verified_at is None
    assert member.deactivated_at is None
    assert client.get("/office/staff/").status_code == 404


def test_sec_28_reading_an_address_that_works_by_a_button_is_refused(app, browsers):
    taking = {}
    for page in pages(app):
        taking.setdefault(page.address, set()).add(page.method)
    only_posted = sorted(address for address, methods in taking.items() if "GET" not in methods)

    got = {
        (address, name): browsers[name].get(address).status_code
        for address in only_posted
        for name in ("visitor", "mei", "adm")
    }

    assert {key: status for key, status in got.items() if status != 405} == {}
    assert only_posted


@pytest.mark.parametrize(
    "path",
    [
        "/static/../wsgi.py",
        "/static/..%2fwsgi.py",
        "/static/%2e%2e/wsgi.py",
        "/static/....//wsgi.py",
        "/static//etc/passwd",
        "/static/css/../../mall/config.py",
        "/static/..\\wsgi.py",
    ],
)
def test_sec_29_nothing_outside_static_is_served(client, path):
    answer = client.get(path, follow_redirects=True)

    assert answer.status_code == 404
    assert "create_app" not in answer.text
    assert "root:" not in answer.text


def test_sec_30_a_guessed_token_opens_nothing(client, mei):
    for path in (
        "/verify-email/1",
        "/reset-password/link/1",
        "/account/email/link/1",
        "/office/sign-in/set-up/1",
        f"/reset-password/link/{'A' * 43}",
        f"/verify-email/{'%00' * 3}x",
    ):
        assert client.get(path).status_code in (400, 404, 410), path


@pytest.mark.parametrize(
    "path",
    [
        "/.git/config",
        "/.git/HEAD",
        "/.env",
        "/metrics",
        "/console",
        "/debug",
        "/instance/mall.db",
        "/mall/config.py",
        "/wsgi.py",
        "/requirements.txt",
        "/templates/shared/base.html",
        "/?__debugger__=yes&cmd=resource&f=debugger.js",
    ],
)
def test_sec_31_what_belongs_to_the_machine_is_not_served(app, client, path):
    answer = client.get(path, environ_overrides={"REMOTE_ADDR": "203.0.113.9"})

    assert answer.status_code == 404 or "__debugger__" in path
    assert "Traceback" not in answer.text
    assert "EVALEX" not in answer.text
    assert not app.debug


@pytest.mark.parametrize("number", ["9223372036854775808", "99999999999999999999", "-1", "1.5", "1e3", "0x10"])
def test_sec_37_a_number_no_row_can_have_is_no_address(app, mei, number):
    client = app.test_client()
    sign_in(client, mei)

    assert client.get(f"/account/addresses/{number}").status_code == 404
    assert client.post(f"/account/addresses/{number}/removal").status_code == 404
