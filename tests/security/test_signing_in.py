"""Attacks on the doors, SECURITY 1-22: each meets the answer that is written there."""

import re
import statistics
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from mall.base import clock
from mall.base.clock import now
from mall.base.db import execute, reading, transaction
from mall.domain import notices, people
from mall.web.shared.done import done_once
from tests import cast
from tests.cast import PASSWORD, sign_in_staff
from tests.threads import errors, race

NEW_PASSWORD = "eight copper kettles"
QUARTER = timedelta(minutes=15)
START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def body(answer) -> str:
    """The page without what differs from one request to the next: its number, the form's token, the typed e-mail."""
    text = re.sub(r"<code>\w+</code>", "", answer.text)
    text = re.sub(r'name="csrf_token"[^>]*value="[^"]*"', "", text)
    return re.sub(r"[\w.+-]+@[\w.-]+", "someone", text)


def enter(client, email="mei@tessera.example", password=PASSWORD, **kwargs):
    return client.post("/sign-in", data={"email": email, "password": password}, **kwargs)


def is_in(client) -> bool:
    return client.get("/account").status_code == 200


def register(client, email="new@tessera.example", password=PASSWORD, **fields):
    return client.post("/register", data={"email": email, "display_name": "Someone", "password": password} | fields)


def members() -> list:
    with reading():
        return list(execute(select(people.Member).order_by(people.Member.id)).all())


def written(kind) -> list:
    """The mails of a kind, in the app whose context is open."""
    with reading():
        return list(execute(select(notices.Notice).where(notices.Notice.kind == kind)).all())


def test_sec_01_an_unknown_email_and_a_wrong_password_look_alike(app, mei):
    # Hashes that take long enough to be told from the rest of the request.
    people.configure_passwords(time_cost=3, memory_kib=32 * 1024)
    sealed = people.password_hash(PASSWORD)
    with transaction():
        people.change_password(mei, sealed, at=clock.now())
    client = app.test_client()
    enter(client, "warm@tessera.example", "warm the cache up")

    def timed(email):
        started = time.process_time()  # Of work, not of waiting: others may be at work on this machine.
        answer = enter(app.test_client(), email, "not the password")
        return time.process_time() - started, answer

    known = [timed("mei@tessera.example") for _ in range(5)]
    unknown = [timed("nobody@tessera.example") for _ in range(5)]

    assert {answer.status_code for _seconds, answer in known + unknown} == {422}
    assert {body(answer) for _seconds, answer in known} == {body(answer) for _seconds, answer in unknown}
    one, other = (statistics.median(seconds for seconds, _answer in each) for each in (known, unknown))
    assert 0.5 < one / other < 2, f"{one:.3f} s for a known e-mail, {other:.3f} s for an unknown one"


def test_sec_02_registering_a_known_email_looks_like_any_other(app, client, mei, mails):
    fresh = register(client, "new@tessera.example")
    known = register(app.test_client(), "mei@tessera.example", "another good password")

    assert fresh.status_code == known.status_code == 302
    assert fresh.location == known.location
    assert body(client.get(fresh.location)) == body(app.test_client().get(known.location))
    assert [mail.member_id for mail in mails("email_known")] == [mei]
    assert mails("email_known")[0].to_address == "mei@tessera.example"
    assert len(members()) == 2
    assert enter(app.test_client(), password="another good password").status_code == 422


def test_sec_03_a_reset_of_an_unknown_email_looks_like_any_other(app, mei, mails):
    known = app.test_client().post("/reset-password", data={"email": "mei@tessera.example"})
    unknown = app.test_client().post("/reset-password", data={"email": "nobody@tessera.example"})

    assert (
        (known.status_code, known.location)
        == (unknown.status_code, unknown.location)
        == (
            302,
            "/reset-password/asked",
        )
    )
    assert [mail.to_address for mail in mails("reset_password")] == ["mei@tessera.example"]


@pytest.mark.parametrize("on", ["sqlite", "postgresql"])
def test_sec_04_of_fifty_parallel_wrong_passwords_ten_are_evaluated(request, on):
    app = request.getfixturevalue("app" if on == "sqlite" else "postgres_app")

    def attempt():
        return enter(app.test_client(), "mei@tessera.example", "not the password").status_code

    outcomes = race(app, [attempt] * 50, threads=16)

    assert errors(outcomes) == []
    assert sorted(outcomes) == [422] * 10 + [429] * 40


def test_sec_05_one_address_trying_500_accounts_is_stopped(app):
    statuses = [
        enter(app.test_client(), f"member{number}@tessera.example", "not the password").status_code
        for number in range(500)
    ]

    assert statuses == [422] * 100 + [429] * 400


def test_sec_06_an_account_tried_from_200_addresses_is_slowed_never_shut(make_app):
    app = make_app(TRUSTED_PROXIES=1)
    with app.app_context():
        mei = cast.join("mei", at=START, terms=cast.open_shop(at=START))
        with clock.moved_to(START):
            statuses = [
                enter(
                    app.test_client(),
                    password="not the password",
                    headers={"X-Forwarded-For": f"203.0.{number // 100}.{number % 100}"},
                ).status_code
                for number in range(200)
            ]
            owner = app.test_client()
            assert enter(owner).status_code == 429

        assert statuses == [422] * 100 + [429] * 100
        assert [(mail.member_id, mail.to_address) for mail in written("sign_in_slowed")] == [
            (mei, "mei@tessera.example")
        ]

        with clock.moved_to(START + timedelta(minutes=1)):
            owner.post("/reset-password", data={"email": "mei@tessera.example"})
            link = written("reset_password")[-1].details["link"].removeprefix("http://localhost")
            assert owner.post(link, data={"password": NEW_PASSWORD}).status_code == 302
            assert is_in(owner)
            assert enter(app.test_client(), password=NEW_PASSWORD).status_code == 302
        with clock.moved_to(START + QUARTER + timedelta(seconds=1)):
            assert enter(app.test_client(), password=NEW_PASSWORD).status_code == 302


def guess(app, times, *, address="203.0.113.9", door="/office/sign-in", email="ola@tessera.example"):
    """Let a stranger at another address guess at a password. Returns the statuses."""
    return [
        app.test_client()
        .post(door, data={"email": email, "password": "not the password"}, headers={"X-Forwarded-For": address})
        .status_code
        for _time in range(times)
    ]


@pytest.fixture
def behind_proxy(make_app):
    app = make_app(TRUSTED_PROXIES=1)
    with app.app_context():
        cast.open_shop(at=START)
        cast.hire("ola", at=START)
        with clock.moved_to(START):
            yield app


def enter_office(client, *, address="198.51.100.7", password=PASSWORD):
    data = {"email": "ola@tessera.example", "password": password}
    return client.post("/office/sign-in", data=data, headers={"X-Forwarded-For": address}).status_code


def test_sec_06_a_stranger_who_guesses_keeps_nobody_out_who_comes_from_elsewhere(behind_proxy):
    assert guess(behind_proxy, 50) == [422] * 10 + [429] * 40

    assert enter_office(behind_proxy.test_client()) == 302


def from_everywhere(app):
    """Let strangers at eleven addresses guess ten times each: more than an account allows in all."""
    for number in range(11):
        guess(app, 10, address=f"203.0.113.{number}")


def test_sec_06_a_browser_that_was_in_before_comes_in_while_an_account_is_guessed_at_from_everywhere(behind_proxy):
    known = behind_proxy.test_client()
    enter_office(known)
    known.post("/office/sign-out")

    from_everywhere(behind_proxy)

    assert enter_office(behind_proxy.test_client()) == 429
    assert enter_office(known) == 302


def test_sec_06_a_browser_that_was_in_before_comes_in_although_its_own_network_guesses(behind_proxy):
    known = behind_proxy.test_client()
    enter_office(known)

    guess(behind_proxy, 150, address="198.51.100.7")

    assert enter_office(behind_proxy.test_client()) == 429
    assert enter_office(known) == 302


def test_sec_06_a_known_browser_has_ten_tries_too(behind_proxy):
    known = behind_proxy.test_client()
    enter_office(known)

    tries = [enter_office(known, password="not the password") for _time in range(12)]

    assert tries == [422] * 10 + [429] * 2


def test_sec_06_ten_tries_are_forgiven_once_the_password_was_right(behind_proxy):
    client = behind_proxy.test_client()
    for _round in range(3):
        assert [enter_office(client, password="not the password") for _time in range(9)] == [422] * 9
        assert enter_office(client) == 302


@pytest.mark.parametrize("made_up", ["x", "x.y", "x." + "A" * 43, "." * 300, "\u00e9.a", "another account's"])
def test_sec_06_no_browser_is_known_by_what_it_says_of_itself(behind_proxy, made_up):
    client = behind_proxy.test_client()
    if made_up == "another account's":
        cast.hire("finn", at=START)
        client.post("/office/sign-in", data={"email": "finn@tessera.example", "password": PASSWORD})
        client.post("/office/sign-out")
    else:
        client.set_cookie("known", made_up)

    from_everywhere(behind_proxy)

    assert enter_office(client) == 429


def test_sec_06_what_a_browser_is_known_by_lets_nobody_in_and_names_nobody(behind_proxy):
    known = behind_proxy.test_client()
    enter_office(known)
    cookie = known.get_cookie("known")
    other = behind_proxy.test_client()
    other.set_cookie("known", cookie.value)

    assert other.get("/office/account").status_code == 302
    assert "ola" not in cookie.value
    assert cookie.http_only
    assert cookie.same_site == "Lax"


def test_sec_07_a_forged_forwarding_header_is_not_believed(app):
    statuses = [
        enter(
            app.test_client(),
            f"member{number}@tessera.example",
            "not the password",
            headers={"X-Forwarded-For": f"203.0.113.{number}"},
        ).status_code
        for number in range(101)
    ]

    assert statuses[-1] == 429


@pytest.mark.parametrize(
    "password",
    [
        "password123",
        "1234567890",
        "qwertyuiop",
        "Iloveyou1314",
        "PASSWORD2026",
        "aaaaaaaaaaaa",
        "short",
        "tessera rocks",
    ],
)
def test_sec_08_passwords_guessed_first_are_refused(client, shop, password):
    answer = register(client, password=password)

    assert answer.status_code == 422
    assert 'id="password-error"' in answer.text
    assert 'value="new@tessera.example"' in answer.text
    assert members() == []


@pytest.mark.parametrize("password", ["onlylowercaseletters", "correct horse staple", "七个绿色的灯笼挂在门前"])
def test_sec_08_there_are_no_rules_of_composition(client, shop, password):
    assert register(client, password=password).status_code == 302
    assert enter(client, "new@tessera.example", password).status_code == 302


def test_sec_08_the_email_is_no_password(client, shop):
    assert register(client, "lantern@tessera.example", "lantern-lantern").status_code == 422


def test_sec_09_a_password_of_4096_characters_is_not_hashed(client, mei, monkeypatch):
    hashed = []
    for name in ("hash", "verify"):
        monkeypatch.setattr(PasswordHasher, name, lambda *_args, name=name: hashed.append(name))

    assert register(client, password="x7" * 2048).status_code == 422
    assert enter(client, password="x7" * 2048).status_code == 422
    assert hashed == []


@pytest.mark.parametrize("length", [64, 128])
def test_sec_09_a_long_password_counts_to_its_last_character(app, client, shop, length):
    password = ("many words make it long " * 10)[:length]
    assert register(client, password=password).status_code == 302

    assert enter(app.test_client(), "new@tessera.example", password[:-1] + "#").status_code == 422
    assert enter(app.test_client(), "new@tessera.example", password).status_code == 302


def test_sec_10_a_session_from_before_signing_in_is_worth_nothing(app, client, mei):
    client.get("/sign-in")
    with client.session_transaction() as session:
        session["sid"] = "planted"
        session["is_admin"] = True
    before = client.get_cookie("mall").value

    enter(client)

    with client.session_transaction() as session:
        assert session["sid"] != "planted"
        assert "is_admin" not in session
    assert is_in(client)
    thief = app.test_client()
    thief.set_cookie("mall", before)
    assert not is_in(thief)


def test_sec_10_signing_in_again_ends_what_the_browser_held(app, client, mei):
    enter(client)
    first = client.get_cookie("mall").value
    client.post("/sign-in", data={"email": "mei@tessera.example", "password": PASSWORD})
    thief = app.test_client()
    thief.set_cookie("mall", first)

    assert is_in(client)
    assert not is_in(thief)


def test_sec_10_staff_signing_in_again_end_what_the_browser_held(app, client, ops):
    sign_in_staff(client, ops)
    first = client.get_cookie("mall").value
    client.post("/office/sign-in", data={"email": "ola@tessera.example", "password": PASSWORD})
    thief = app.test_client()
    thief.set_cookie("mall", first)

    assert client.get("/office/account").status_code == 200
    assert thief.get("/office/account").status_code == 302


def test_sec_11_a_cookie_replayed_after_signing_out_is_dead(app, client, mei):
    enter(client)
    cookie = client.get_cookie("mall").value
    client.post("/sign-out")
    thief = app.test_client()
    thief.set_cookie("mall", cookie)

    answer = thief.get("/account")

    assert answer.status_code == 302
    assert answer.location.startswith("/sign-in")


def test_sec_12_a_new_password_ends_every_other_session(app, client, mei):
    other = app.test_client()
    enter(client)
    enter(other)

    answer = client.post("/account/password", data={"present": PASSWORD, "password": NEW_PASSWORD})

    assert answer.status_code == 302
    assert is_in(client)
    assert not is_in(other)
    assert enter(app.test_client()).status_code == 422


def while_it_is_compared(monkeypatch, change):
    """Have a password changed, once, after it was looked up and before it is found right."""
    compare, changes = people.matches, [change]

    def slow(stored, password):
        right = compare(stored, password)
        if changes:
            changes.pop()()
        return right

    monkeypatch.setattr(people, "matches", slow)


@pytest.mark.parametrize("outdated", [False, True], ids=["hash in force", "hash to renew"])
def test_sec_12_an_old_password_does_not_slip_in_while_it_is_changed(client, mei, monkeypatch, outdated):
    def change():
        with transaction():
            people.change_password(mei, people.password_hash(NEW_PASSWORD), at=now())

    while_it_is_compared(monkeypatch, change)
    monkeypatch.setattr(people, "outdated", lambda stored: outdated)
    answer = enter(client)
    monkeypatch.undo()

    assert answer.status_code == 422
    assert not is_in(client)
    assert enter(client, password=NEW_PASSWORD).status_code == 302


def test_a_password_hashed_afresh_by_another_sign_in_meanwhile_is_still_right(client, mei, monkeypatch):
    def change():
        with transaction():
            people.keep_rehashed(mei, people.rehash(PASSWORD), instead_of=members()[0].password_hash)

    monkeypatch.setattr(people, "outdated", lambda stored: True)
    while_it_is_compared(monkeypatch, change)

    assert enter(client).status_code == 302


def test_sec_12_the_old_password_of_staff_does_not_slip_in_while_it_is_changed(client, ops, monkeypatch):
    def change():
        with transaction():
            link = people.new_set_up_token(ops, by="system", at=now())
            people.set_staff_password(link, people.password_hash(NEW_PASSWORD), at=now())

    while_it_is_compared(monkeypatch, change)
    answer = sign_in_staff(client, ops)
    monkeypatch.undo()

    assert answer.status_code == 422
    assert "do not fit" in answer.text
    assert sign_in_staff(client, ops, password=NEW_PASSWORD).status_code == 302


@pytest.mark.parametrize(
    ("page", "sent"),
    [("password", {"password": "nine silver thimbles"}), ("email", {"email": "thief@new.example"})],
    ids=["password", "e-mail"],
)
def test_sec_12_the_old_password_changes_nothing_once_another_is_set(client, mei, monkeypatch, mails, page, sent):
    def change():
        with transaction():
            people.change_password(mei, people.password_hash(NEW_PASSWORD), at=now())

    enter(client)
    while_it_is_compared(monkeypatch, change)
    answer = client.post(f"/account/{page}", data={"present": PASSWORD} | sent)
    monkeypatch.undo()

    assert answer.status_code == 422
    assert 'id="present-error"' in answer.text
    assert not is_in(client)
    assert mails("confirm_email") == []
    assert enter(client, password=NEW_PASSWORD).status_code == 302


def test_sec_12_a_new_password_takes_the_present_one(client, mei):
    enter(client)

    answer = client.post("/account/password", data={"present": "a guess of mine", "password": NEW_PASSWORD})

    assert answer.status_code == 422
    assert 'id="present-error"' in answer.text
    assert enter(client, password=NEW_PASSWORD).status_code == 422


def test_sec_13_a_reset_link_works_once(app, client, mei, link_in):
    client.post("/reset-password", data={"email": "mei@tessera.example"})
    link = link_in("reset_password")
    assert client.post(link, data={"password": NEW_PASSWORD}).status_code == 302

    again = app.test_client().post(link, data={"password": "nine silver spoons"})

    assert again.status_code == 410
    assert enter(app.test_client(), password=NEW_PASSWORD).status_code == 302


def test_sec_13_a_reset_link_works_for_thirty_minutes(client, mei, link_in):
    with clock.moved_to(START):
        client.post("/reset-password", data={"email": "mei@tessera.example"})
    link = link_in("reset_password")

    with clock.moved_to(START + timedelta(minutes=29)):
        assert client.get(link).status_code == 200
    with clock.moved_to(START + timedelta(minutes=30)):
        assert client.get(link).status_code == 410
        assert client.post(link, data={"password": NEW_PASSWORD}).status_code == 410


def test_sec_13_the_token_itself_is_stored_nowhere_but_in_the_mail(client, mei, link_in):
    client.post("/reset-password", data={"email": "mei@tessera.example"})
    token = link_in("reset_password").rpartition("/")[2]

    with reading():
        rows = execute(select(people.Token)).all()

    assert len(token) >= 43
    assert not any(token in str(tuple(row)) for row in rows)


def test_sec_14_the_reset_link_follows_the_configured_host(client, mei, mails):
    answer = client.post(
        "/reset-password", data={"email": "mei@tessera.example"}, headers={"X-Forwarded-Host": "evil.example"}
    )

    assert answer.status_code == 302
    assert mails("reset_password")[-1].details["link"].startswith("http://localhost/reset-password/link/")


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "127.0.0.1.evil"]
)
def test_sec_14_an_unknown_host_is_refused(client, mei, mails, host):
    answer = client.post("/reset-password", data={"email": "mei@tessera.example"}, headers={"Host": host})

    assert answer.status_code == 400
    assert mails("reset_password") == []


class Phone:
    """An authenticator that was shown the secret while enrolling."""

    def __init__(self, page: str) -> None:
        letters = re.search(r'class="secret">([A-Z2-7 ]+)<', page)
        assert letters
        self.totp = pyotp.TOTP(letters.group(1).replace(" ", ""))

    def code(self, at: datetime) -> str:
        return self.totp.at(at)


@pytest.fixture
def strict(make_app):
    """The mall with the second factor asked of everyone on the staff."""
    app = make_app(STAFF_TOTP_WAIVED=False)
    with app.app_context():
        yield app


@pytest.fixture
def ola(strict):
    """An operator of the strict mall."""
    cast.open_shop(at=START)
    return cast.hire("ola", at=START)


def enrolled(app, staff_id, at):
    """Enrol a phone. Returns (it, the browser, the recovery codes)."""
    client = app.test_client()
    with clock.moved_to(at):
        assert sign_in_staff(client, staff_id).location == "/office/sign-in/enrol"
        phone = Phone(client.get("/office/sign-in/enrol").text)
        answer = client.post("/office/sign-in/enrol", data={"code": phone.code(at)})
        assert answer.location == "/office/recovery-codes"
        codes = re.findall(r"<li>([A-Z2-9]{4}(?:-[A-Z2-9]{4}){3})</li>", client.get("/office/recovery-codes").text)
        client.post("/office/recovery-codes")
    return phone, client, codes


def give_code(app, staff_id, code, at):
    """Sign in with the right password and a code, in a browser of its own. Returns (it, the answer)."""
    client = app.test_client()
    with clock.moved_to(at):
        assert sign_in_staff(client, staff_id).location == "/office/sign-in/code"
        return client, client.post("/office/sign-in/code", data={"code": code})


def staff_is_in(client, at) -> bool:
    with clock.moved_to(at):
        return client.get("/office/account").status_code == 200


def test_sec_15_a_code_from_the_phone_works_once(strict, ola):
    phone, _client, _codes = enrolled(strict, ola, START)
    later = START + timedelta(minutes=5)
    first, answer = give_code(strict, ola, phone.code(later), later)
    assert answer.status_code == 302
    assert staff_is_in(first, later)

    second, answer = give_code(strict, ola, phone.code(later), later)

    assert answer.status_code == 422
    assert not staff_is_in(second, later)


def renew(client, code, at):
    with clock.moved_to(at):
        answer = client.post("/office/recovery-codes/renewal", data={"code": code} if code else {})
        return answer.status_code, client.get("/office/recovery-codes").status_code == 200


def test_sec_15_new_recovery_codes_take_a_code_from_the_phone_or_an_old_one(strict, ola):
    phone, client, codes = enrolled(strict, ola, START)
    later = START + timedelta(minutes=5)

    assert renew(client, "", later) == (422, False), "an open browser alone makes none"
    assert renew(client, "000000", later) == (422, False)
    assert give_code(strict, ola, codes[0], later)[1].status_code == 302, "the old ones are still good"
    assert renew(client, phone.code(later), later) == (302, True)
    assert give_code(strict, ola, codes[1], later)[1].status_code == 422
    with clock.moved_to(later):
        client.post("/office/recovery-codes")
    assert renew(client, phone.code(later), later) == (422, False), "and each works once"


def test_sec_15_who_guesses_codes_for_new_ones_is_stopped(strict, ola):
    _phone, client, _codes = enrolled(strict, ola, START)

    assert [renew(client, "000000", START)[0] for _try in range(12)][-1] == 429


def with_key(make_app, strict, **keys):
    """Start the strict mall once more on the same database, with other secret keys."""
    address = strict.config["SQLALCHEMY_DATABASE_URI"]
    return make_app(STAFF_TOTP_WAIVED=False, SQLALCHEMY_DATABASE_URI=address, DATABASE_READ_URL=address, **keys)


def take_along(client, app):
    """Open the mall in a browser that has the cookies of another."""
    browser, held = app.test_client(), client.get_cookie("mall")
    browser.set_cookie("mall", held.value)
    return browser


def test_after_the_secret_key_was_changed_former_ones_still_open_sign_ins_and_seals(make_app, strict, ola):
    phone, client, _codes = enrolled(strict, ola, START)
    later = START + timedelta(minutes=5)
    former, new = strict.config["SECRET_KEY"], "another secret for tests, 9876543210-zyxwv"

    forgetful = with_key(make_app, strict, SECRET_KEY=new)
    assert not staff_is_in(take_along(client, forgetful), later)
    rotated = with_key(make_app, strict, SECRET_KEY=new, SECRET_KEY_FALLBACKS=[former])
    assert staff_is_in(take_along(client, rotated), later)

    second, answer = give_code(rotated, ola, phone.code(later), later)
    assert answer.status_code == 302 and staff_is_in(second, later)


def test_sec_15_an_older_code_does_not_work_after_a_newer(strict, ola):
    phone, _client, _codes = enrolled(strict, ola, START)
    later = START + timedelta(minutes=5)
    give_code(strict, ola, phone.code(later), later)

    _second, answer = give_code(strict, ola, phone.code(later - timedelta(seconds=30)), later)

    assert answer.status_code == 422


def test_sec_16_the_sixth_wrong_code_is_not_looked_at(strict, ola):
    phone, _client, _codes = enrolled(strict, ola, START)
    later = START + timedelta(minutes=5)
    client, _answer = give_code(strict, ola, "000000", later)
    with clock.moved_to(later):
        statuses = [client.post("/office/sign-in/code", data={"code": "000000"}).status_code for _ in range(4)]
        sixth = client.post("/office/sign-in/code", data={"code": phone.code(later)})
    assert statuses == [422] * 4
    assert sixth.status_code == 429
    assert not staff_is_in(client, later)

    after = later + QUARTER
    _client, answer = give_code(strict, ola, phone.code(after), after)
    assert answer.status_code == 302


def test_sec_17_a_recovery_code_works_once_and_is_kept_hashed(strict, ola):
    _phone, _client, codes = enrolled(strict, ola, START)
    later = START + timedelta(minutes=5)
    assert len(set(codes)) == 10
    with reading():
        stored = execute(select(people.RecoveryCode.code_hash)).scalars().all()
    assert not set(stored) & {*codes, *(code.replace("-", "") for code in codes)}

    first, answer = give_code(strict, ola, codes[0].lower(), later)
    assert answer.status_code == 302
    assert staff_is_in(first, later)
    second, answer = give_code(strict, ola, codes[0], later)
    assert answer.status_code == 422
    assert not staff_is_in(second, later)


def test_sec_17_the_secret_of_a_phone_is_not_readable_in_the_table(strict, ola):
    phone, _client, _codes = enrolled(strict, ola, START)

    with reading():
        assert phone.totp.secret not in people.staff_of(ola).totp_secret


def test_sec_18_another_email_takes_the_password_and_both_mailboxes(app, client, mei, mails, link_in):
    enter(client)
    refused = client.post("/account/email", data={"email": "mei@new.example", "present": "a guess of mine"})
    assert refused.status_code == 422
    assert mails("confirm_email") == []

    client.post("/account/email", data={"email": "mei@new.example", "present": PASSWORD})

    assert [mail.to_address for mail in mails("confirm_email")] == ["mei@new.example"]
    assert [mail.to_address for mail in mails("email_changing")] == ["mei@tessera.example"]
    assert enter(app.test_client(), "mei@new.example").status_code == 422
    assert client.get(link_in("confirm_email")).status_code == 200
    assert enter(app.test_client(), "mei@new.example").status_code == 422
    assert app.test_client().post(link_in("confirm_email")).status_code == 302
    assert enter(app.test_client(), "mei@new.example").status_code == 302
    assert enter(app.test_client(), "mei@tessera.example").status_code == 422


def test_sec_18_another_members_email_is_not_given_away(client, mei, tom, mails):
    enter(client)

    free = client.post("/account/email", data={"email": "free@new.example", "present": PASSWORD})
    taken = client.post("/account/email", data={"email": "tom@tessera.example", "present": PASSWORD})

    assert (free.status_code, free.location) == (taken.status_code, taken.location)
    assert [mail.to_address for mail in mails("confirm_email")] == ["free@new.example"]
    assert [mail.to_address for mail in mails("email_known")] == ["tom@tessera.example"]


def test_sec_18_nobody_floods_strangers_with_links_to_confirm(client, mei, mails):
    enter(client)

    answers = [
        client.post("/account/email", data={"email": f"stranger{number}@new.example", "present": PASSWORD}).status_code
        for number in range(7)
    ]

    assert answers == [302] * 5 + [429] * 2
    assert len(mails("confirm_email")) == 5


ELSEWHERE = [
    "//evil.com",
    "/\\evil.com",
    "\\\\evil.com",
    "javascript:alert(1)",
    "https://evil.com/",
    "http:evil.com",
    "/\t/evil.com",
    "/%0d%0aSet-Cookie:x",
    "///evil.com",
    " //evil.com",
    "data:text/html,x",
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_sec_19_signing_in_leads_to_pages_of_ours_only(app, client, mei, ops, address):
    for path, email in (("/sign-in", "mei@tessera.example"), ("/office/sign-in", "ola@tessera.example")):
        answer = app.test_client().post(path, data={"email": email, "password": PASSWORD, "next": address})
        target = urlsplit(answer.location)
        assert answer.status_code == 302
        assert not target.scheme
        assert not target.netloc
        assert "\\" not in answer.location
        assert "\n" not in answer.location
    answer = client.post("/language", data={"language": "zh", "next": address})
    assert not urlsplit(answer.location).netloc


def test_sec_19_signing_in_leads_back_to_where_one_was(client, mei):
    led = client.get("/account/addresses?page=2")
    wanted = parse_qs(urlsplit(led.location).query)["next"][0]

    answer = client.post("/sign-in", data={"email": "mei@tessera.example", "password": PASSWORD, "next": wanted})

    assert answer.location == "/account/addresses?page=2"


def test_sec_20_a_frozen_members_session_ends_at_the_next_request(client, mei):
    enter(client)
    assert is_in(client)
    with transaction():
        people.freeze_member(mei, own_member_id=None, by="staff:1", reason="fraud", at=clock.now())

    assert not is_in(client)
    assert enter(client).status_code == 422


def test_sec_20_who_is_frozen_while_a_link_sets_their_password_does_not_come_in(client, mei, link_in, monkeypatch):
    def then_frozen(verb, *given, **named):
        answer = done_once(verb, *given, **named)
        with transaction():
            people.freeze_member(mei, own_member_id=None, by="staff:1", reason="Looked into", at=now())
        return answer

    client.post("/reset-password", data={"email": "mei@tessera.example"})
    link = link_in("reset_password")
    monkeypatch.setattr("mall.web.store.sign_in.done_once", then_frozen)

    assert client.post(link, data={"password": NEW_PASSWORD}).status_code == 422
    assert not is_in(client)


def test_sec_20_only_who_knows_the_password_is_told_that_a_member_is_frozen(client, mei):
    with transaction():
        people.freeze_member(mei, own_member_id=None, by="staff:1", reason="fraud", at=clock.now())

    wrong = client.post("/sign-in", data={"email": "mei@tessera.example", "password": "not hers, 1742"})
    right = enter(client)

    assert "do not fit together" in wrong.text and "frozen" not in wrong.text
    assert (
        "This account is frozen" in right.text
        and "Write to help@tessera.example" in right.text
        and right.status_code == 422
    )
    assert not is_in(client)


def test_sec_20_deactivated_staff_are_out_at_the_next_request(app, client, ops, adm):
    sign_in_staff(client, ops)
    admin = app.test_client()
    sign_in_staff(admin, adm)
    assert client.get("/office/account").status_code == 200

    admin.post(f"/office/staff/{ops}/deactivation", data={"reason": "left"})

    assert client.get("/office/account").location.startswith("/office/sign-in")
    assert sign_in_staff(client, ops).status_code == 422


@pytest.mark.parametrize(
    "email",
    ["MEI@Tessera.Example", "mei+shop@tessera.example", " mei@tessera.example ", "ｍｅｉ@tessera.example"],
)
def test_sec_21_another_spelling_of_an_email_is_no_other_member(client, mei, mails, email):
    answer = register(client, email)

    assert answer.status_code == 302
    assert [member.id for member in members()] == [mei]
    assert [mail.to_address for mail in mails("email_known")] == ["mei@tessera.example"]


def test_sec_21_letters_of_another_script_are_refused_before_the_at(client, mei):
    answer = register(client, "mеi@tessera.example")  # With a Cyrillic е.

    assert answer.status_code == 422
    assert 'id="email-error"' in answer.text
    assert [member.id for member in members()] == [mei]


def test_sec_21_a_reset_goes_to_the_address_on_file(client, mei, mails):
    client.post("/reset-password", data={"email": "Mei+evil@tessera.example"})

    assert [mail.to_address for mail in mails("reset_password")] == ["mei@tessera.example"]


def test_sec_22_staff_without_a_phone_are_made_to_enrol(strict, ola):
    client = strict.test_client()

    assert sign_in_staff(client, ola).location == "/office/sign-in/enrol"
    for page in ("/office/account", "/office/staff/", "/office/sign-in/go"):
        assert client.get(page).location.startswith("/office/sign-in")
    assert client.get("/office/sign-in/code").location.startswith("/office/sign-in/enrol")
    assert client.post("/office/sign-in/enrol", data={"code": "000000"}).status_code == 422
    assert client.get("/office/account").status_code == 302
