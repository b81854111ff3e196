"""What every answer of the mall has and has not, whatever the page: SECURITY 75-77, 79, 84-89."""

import re
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.config import UnsafeSettings, settings_from
from mall.domain import people
from tests.cast import PASSWORD, sign_in, sign_in_staff
from tests.conftest import NOON
from tests.security.matrix import ADMIN, FINANCE, MACHINE, MEMBER, OPERATOR, STAFF, pages

HTTPS = "https://shop.example.com"
SCRIPT = "<script>alert(1)</script>"
GOOD_SECRET = "k3Jx-0p9_Qw7ErT5yUi1OaSd8FgH2jKl4ZxCv6Bn"


@pytest.fixture
def secure(make_app):
    """The mall as a real shop runs it: under HTTPS."""
    environ = {"PUBLIC_URL": HTTPS, "SECRET_KEY": GOOD_SECRET}
    taken = {
        name: value
        for name, value in settings_from(environ).items()
        if name.startswith("SESSION_COOKIE") or name in ("PUBLIC_URL", "SECRET_KEY")
    }
    app = make_app(**taken)
    with app.app_context():
        yield app


@pytest.fixture
def signed_in(app, mei):
    """A browser in which Mei has signed in."""
    client = app.test_client()
    sign_in(client, mei)
    return client


def test_sec_75_every_form_needs_its_token(make_app):
    app = make_app(WTF_CSRF_ENABLED=True)
    client = app.test_client()

    got = {
        str(page): client.open(page.address, method=page.method).status_code
        for page in pages(app)
        if page.method != "GET" and page.whose != MACHINE
    }

    assert len(got) > 20
    assert {page: status for page, status in got.items() if status != 400} == {}


def test_sec_75_a_token_of_another_browser_does_not_fit(make_app):
    app = make_app(WTF_CSRF_ENABLED=True)
    with app.app_context():
        mine, theirs = app.test_client(), app.test_client()
        theirs.get("/sign-in")
        token = token_in(mine.get("/sign-in"))
        fields = {"email": "mei@tessera.example", "password": PASSWORD, "csrf_token": token}

        assert theirs.post("/sign-in", data=fields).status_code == 400
        assert mine.post("/sign-in", data=fields).status_code == 422


def token_in(answer) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.text)
    assert found
    return found.group(1)


def test_sec_76_script_in_a_name_or_an_address_is_text(app, client, shop, adm):
    fields = {"email": "new@tessera.example", "display_name": SCRIPT, "password": PASSWORD}
    client.post("/register", data=fields)
    client.post("/sign-in", data=fields)
    lines = {"recipient": SCRIPT, "line1": SCRIPT, "city": SCRIPT, "postcode": "'\"><b>", "country": "GB"}
    assert client.post("/account/addresses/new", data=lines).status_code == 302

    for page in ("/account", "/account/profile", "/account/addresses"):
        text = client.get(page).text
        assert SCRIPT not in text
        assert "&lt;script&gt;" in text

    with transaction():
        people.add_staff(people.read_email("s@tessera.example"), name=SCRIPT, roles=["finance"], by="system", at=NOON)
    admin = app.test_client()
    sign_in_staff(admin, adm)
    assert SCRIPT not in admin.get("/office/staff/").text


def test_sec_76_what_was_typed_comes_back_as_text(client, shop):
    answer = client.post("/register", data={"email": f'"><{SCRIPT}', "display_name": SCRIPT, "password": "short"})

    assert answer.status_code == 422
    assert SCRIPT not in answer.text


def test_sec_77_no_page_carries_script_or_style_of_its_own(app, signed_in, adm):
    staff = app.test_client()
    sign_in_staff(staff, adm)
    seen = 0
    for page in pages(app):
        if page.method == "GET" and page.plain and page.endpoint != "static":
            browser = staff if page.whose in (STAFF, OPERATOR, FINANCE, ADMIN) else signed_in
            answer = browser.get(page.address, follow_redirects=True)
            if answer.mimetype != "text/html":
                continue
            seen += 1
            policy = answer.headers["Content-Security-Policy"]
            for part in (
                "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "default-src 'self'",
                "object-src 'none'", "frame-src 'none'",
            ):  # fmt: skip
                assert part in policy, page
            assert "unsafe" not in policy, page
            assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text), page
            assert not re.search(r"<[^>]+\s(style|on\w+|hx-on[\w:-]*)\s*=", answer.text), page
            assert not re.search(r"<style", answer.text), page
    assert seen > 8


@pytest.mark.parametrize("email", ["new@tessera.example\r\nBcc: all@evil.example", "new@tessera.example\nX: y"])
def test_sec_79_a_line_break_makes_no_second_header(client, shop, email):
    answer = client.post("/register", data={"email": email, "display_name": "New", "password": PASSWORD})

    assert answer.status_code == 422
    assert 'id="email-error"' in answer.text


def test_sec_79_a_name_is_one_line(client, shop):
    fields = {"email": "new@tessera.example", "display_name": "New\r\nBcc: all@evil.example", "password": PASSWORD}
    client.post("/register", data=fields)

    with reading():
        assert people.member_of(1).display_name == "New Bcc: all@evil.example"


def test_sec_84_pages_of_the_signed_in_are_not_stored(app, signed_in, adm):
    staff = app.test_client()
    sign_in_staff(staff, adm)
    complaints = []
    for page in pages(app):
        if page.method == "GET" and page.plain and page.whose in (MEMBER, STAFF, OPERATOR, FINANCE, ADMIN):
            answer = (signed_in if page.whose == MEMBER else staff).get(page.address)
            if answer.headers.get("Cache-Control") != "no-store":
                complaints.append(f"{page}: {answer.headers.get('Cache-Control')}")

    assert complaints == []


def test_sec_84_two_members_alternating_never_see_each_other(app, mei, tom):
    one, other = app.test_client(), app.test_client()
    sign_in(one, mei)
    sign_in(other, tom)

    for _ in range(3):
        for path in ("/account", "/account/profile", "/"):
            hers, his = one.get(path), other.get(path)
            assert "tom@tessera.example" not in hers.text
            assert "mei@tessera.example" not in his.text
            assert "Tom" not in hers.text
            assert "Mei" not in his.text
    assert "Mei" in one.get("/account").text


def test_sec_85_no_other_site_may_read_us(app, signed_in):
    for path in ("/account", "/sign-in", "/no-such-page"):
        for method in ("GET", "OPTIONS"):
            answer = signed_in.open(
                path,
                method=method,
                headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
            )
            assert not [name for name, _value in answer.headers if name.startswith("Access-Control")]


def test_sec_86_the_cookie_is_bound_to_the_host_and_out_of_scripts_reach(secure):
    client = secure.test_client()
    answer = client.get("/sign-in", base_url=HTTPS)
    cookies = answer.headers.getlist("Set-Cookie")

    assert cookies
    for cookie in cookies:
        name, attributes = cookie.partition("=")[0], cookie.lower()
        assert name.startswith("__Host-")
        for part in ("; secure", "; httponly", "; path=/", "; samesite=lax"):
            assert part in attributes, cookie
        assert "domain=" not in attributes


def test_sec_86_the_cookie_tells_nothing_of_who_is_signed_in(app, signed_in):
    with signed_in.session_transaction() as session:
        assert len(session["sid"]) >= 43
        with reading():
            stored = execute(select(people.SignIn.token_hash)).scalars().all()
        assert set(session) <= {"sid", "_permanent", "language", "basket"}
    assert session["sid"] not in stored


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/sign-in", "GET", 200),
        ("/account", "GET", 302),
        ("/no-such-page", "GET", 404),
        ("/sign-out", "GET", 405),
        ("/static/css/tokens.css", "GET", 200),
        ("/static/none.css", "GET", 404),
        ("/sign-in", "POST", 422),
        ("/broken", "GET", 500),
    ],
)
def test_sec_87_every_answer_has_its_headers(secure, monkeypatch, path, method, status):
    secure.add_url_rule("/broken", "broken", broken)
    answer = secure.test_client().open(path, method=method, base_url=HTTPS)

    assert answer.status_code == status
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Request-Id"]


def test_sec_87_a_refused_host_gets_them_too(secure):
    answer = secure.test_client().get("/sign-in", base_url="https://evil.example")

    assert answer.status_code == 400
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_sec_88_a_fault_shows_its_number_and_no_trace(app, client):
    app.add_url_rule("/broken", "broken", broken)
    answer = client.get("/broken")

    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in answer.text
    for word in ("Traceback", "RuntimeError", "the vault", ".py"):
        assert word not in answer.text


@pytest.mark.breaks_the_books
def test_sec_88_a_fault_has_its_page_even_without_a_database(app, signed_in):
    with transaction() as connection:
        connection.exec_driver_sql("DROP TABLE sign_in")
        connection.exec_driver_sql("DROP TABLE programme_approval")
    answer = signed_in.get("/account")

    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in answer.text
    assert "sign_in" not in answer.text


def broken():
    raise RuntimeError("the combination of the vault")


@pytest.mark.parametrize(
    "secret", ["", "short", "a" * 64, "abababababababababababababababababababab", "change-me", "secret"]
)
def test_sec_89_a_shop_with_a_weak_secret_does_not_start(make_app, secret):
    with pytest.raises(UnsafeSettings, match="SECRET_KEY"):
        make_app(DEMO=False, CASHIER="none", SECRET_KEY=secret)


def test_sec_89_a_shop_without_a_secret_does_not_start(make_app):
    with pytest.raises(UnsafeSettings, match="SECRET_KEY"):
        make_app(DEMO=False, CASHIER="none", SECRET_KEY=settings_from({})["SECRET_KEY"])


def test_sec_89_the_demo_makes_its_own_secret_and_keeps_it(tmp_path):
    environ = {"DEMO": "1", "INSTANCE_DIR": str(tmp_path)}
    first, second = settings_from(environ)["SECRET_KEY"], settings_from(environ)["SECRET_KEY"]

    assert first == second
    assert len(first) >= 43
    assert (tmp_path / "demo-secret").stat().st_mode & 0o077 == 0


def test_sec_26_the_demos_cast_is_not_there_in_a_real_shop(make_app, tmp_path):
    app = make_app(DEMO=False, CASHIER="none", SECRET_KEY=GOOD_SECRET)
    (tmp_path / "demo-cast.json").write_text(
        '[{"door": "member", "email": "mei@tessera.example", "name": "Mei", "blurb": ""},'
        ' {"door": "staff", "email": "ola@tessera.example", "name": "Ola", "blurb": ""}]'
    )
    client = app.test_client()

    assert client.post("/sign-in/demo/mei").status_code == 404
    assert client.post("/office/sign-in/demo/ola").status_code == 404
    assert "/sign-in/demo/" not in client.get("/sign-in").text


def test_the_demos_cast_comes_in_with_one_click(app, mei, ops, tmp_path):
    (tmp_path / "demo-cast.json").write_text(
        '[{"door": "member", "email": "mei@tessera.example", "name": "Mei", "blurb": "Senior"},'
        ' {"door": "staff", "email": "ola@tessera.example", "name": "Ola", "blurb": "Operator"}]'
    )
    client = app.test_client()
    assert 'action="/sign-in/demo/mei"' in client.get("/sign-in").text
    assert urlsplit(client.post("/sign-in/demo/mei").location).path == "/"
    assert client.get("/account").status_code == 200

    assert client.post("/office/sign-in/demo/ola").status_code == 302
    assert client.get("/office/account").status_code == 200
    assert client.get("/account").status_code == 200
    assert client.post("/sign-in/demo/ola").status_code == 404
