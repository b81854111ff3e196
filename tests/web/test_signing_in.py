"""The doors and the account as people meet them: each wrong input gets a sentence at its field and loses nothing."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from mall.base import clock
from mall.base.db import execute, reading, transaction
from mall.domain import notices, people
from mall.web.shared.forms import readable
from tests.cast import PASSWORD, sign_in, sign_in_staff
from tests.conftest import NOON

ADDRESS = {
    "recipient": "Mei Lin",
    "line1": "Mill Lane 7",
    "city": "Bath",
    "postcode": "BA1 1AA",
    "country": "GB",
}


@pytest.fixture
def signed_in(client, mei):
    sign_in(client, mei)
    return client


def error_at(answer, field) -> str:
    """The sentence at a field of a refused form."""
    assert answer.status_code == 422
    found = re.search(rf'id="{field}-error">.*?</svg>\s*([^<]+)<', answer.text, re.DOTALL)
    assert found, f"no sentence at {field}"
    return found.group(1).strip()


def link_in_last_mail() -> str:
    with reading():
        rows = execute(select(notices.Notice).order_by(notices.Notice.id)).all()
    link: str = next(row.details["link"] for row in reversed(rows) if "link" in row.details)
    return link.removeprefix("http://localhost")


def test_a_new_member_registers_signs_in_and_verifies(client, shop):
    fields = {
        "email": "new@tessera.example",
        "display_name": "New",
        "password": PASSWORD,
        "next": "/account/addresses",
    }
    sent = client.post("/register", data=fields)
    assert sent.location == "/register/sent?next=/account/addresses"
    page = client.get(sent.location)
    assert 'href="/sign-in?next=/account/addresses"' in page.text
    assert 'value="new@tessera.example"' in client.get("/sign-in").text

    assert client.post("/sign-in", data=fields).location == "/account/addresses"
    assert "Not verified" in client.get("/account").text
    link = link_in_last_mail()
    assert "Verify my address" in client.get(link).text
    assert "Not verified" in client.get("/account").text
    assert client.post(link).location == "/account"
    account = client.get("/account").text
    assert "Your e-mail address is verified" in account
    assert "Not verified" not in account
    assert client.post(link).status_code == 410


def test_the_link_that_verifies_can_be_sent_again(client, shop):
    fields = {"email": "new@tessera.example", "display_name": "New", "password": PASSWORD}
    client.post("/register", data=fields)
    client.post("/sign-in", data=fields)
    first = link_in_last_mail()
    assert client.post("/account/verification").location == "/account"

    assert link_in_last_mail() != first
    statuses = [client.post("/account/verification").status_code for _ in range(5)]
    assert statuses == [302] * 4 + [429]


def test_registering_takes_a_shop(client):
    fields = {"email": "new@tessera.example", "display_name": "New", "password": PASSWORD}
    answer = client.post("/register", data=fields)

    assert answer.status_code == 422
    assert "not set up yet" in answer.text


def test_the_language_of_the_profile_is_that_of_the_next_page(signed_in):
    fields = {"display_name": "Somebody", "birthday": "", "phone": "", "language": "zh"}

    page = signed_in.post("/account/profile", data=fields, follow_redirects=True).text

    assert '<html lang="zh' in page
    assert "个人资料已保存。" in page


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("email", "", "Enter your e-mail address."),
        ("email", "nonsense", "This is not an e-mail address. Write it like name@example.com."),
        ("display_name", "  ", "Enter the name we should call you by."),
        ("display_name", "x" * 81, "Use at most 80 characters."),
        ("password", "", "Choose a password."),
        ("password", "short", "Use at least 10 characters. A few words in a row are good."),
    ],
)
def test_registering_says_at_the_field_what_is_wrong(client, shop, field, value, sentence):
    fields = {"email": "new@tessera.example", "display_name": "Newcomer", "password": PASSWORD, "wants_news": "y"}
    answer = client.post("/register", data=fields | {field: value})

    assert error_at(answer, field) == sentence
    kept = {"email": "new@tessera.example", "display_name": "Newcomer"} | {field: value}
    for name in ("email", "display_name"):
        if kept[name].strip():
            assert f'value="{kept[name]}"' in answer.text
    assert 'checked id="wants_news"' in answer.text
    assert PASSWORD not in answer.text


def test_sentences_are_in_the_readers_language_and_the_choice_stays(client, mei):
    client.post("/language", data={"language": "zh", "next": "/sign-in"})
    assert '<html lang="zh-Hans">' in client.get("/sign-in").text
    sign_in(client, mei)
    assert '<html lang="zh-Hans">' in client.get("/account").text

    client.post("/language", data={"language": "zh", "next": "/account"})
    with reading():
        assert people.member_of(mei).language == "zh"
    client.post("/language", data={"language": "xx"})
    assert '<html lang="zh-Hans">' in client.get("/account").text


def test_a_wrong_password_keeps_the_email_and_the_way_back(client, mei):
    data = {"email": "mei@tessera.example", "password": "not the password", "next": "/account/addresses"}
    answer = client.post("/sign-in", data=data)

    assert answer.status_code == 422
    assert "do not fit together" in answer.text
    assert 'value="mei@tessera.example"' in answer.text
    assert 'value="/account/addresses"' in answer.text
    assert "not the password" not in answer.text


def test_too_many_tries_say_how_long_to_wait(client, mei):
    data = {"email": "mei@tessera.example", "password": "not the password"}
    answers = [client.post("/sign-in", data=data) for _ in range(11)]

    assert answers[-1].status_code == 429
    assert "Wait 15 minutes, then try again." in answers[-1].text
    assert 'value="mei@tessera.example"' in answers[-1].text


def test_coming_in_forgets_the_wrong_tries(client, app, mei):
    data = {"email": "mei@tessera.example", "password": "not the password"}
    for _ in range(2):
        assert [client.post("/sign-in", data=data).status_code for _ in range(9)] == [422] * 9
        assert sign_in(app.test_client(), mei).status_code == 302


def test_a_hash_of_cheaper_days_is_renewed_by_signing_in(client, mei):
    with reading():
        before = people.member_of(mei).password_hash
    people.configure_passwords(time_cost=2, memory_kib=16)
    sign_in(client, mei)

    with reading():
        after = people.member_of(mei).password_hash
    assert "m=16,t=2" in after
    assert "m=16,t=2" not in before


def test_signing_in_twice_and_out_twice_is_no_mistake(client, mei):
    sign_in(client, mei)
    assert client.get("/sign-in").location == "/"
    assert sign_in(client, mei).status_code == 302
    for _ in range(2):
        assert client.post("/sign-out").location == "/"


def test_members_and_staff_sign_in_side_by_side(client, mei, ops):
    sign_in(client, mei)
    sign_in_staff(client, ops)
    assert client.get("/account").status_code == 200
    assert client.get("/office/account").status_code == 200
    client.post("/office/sign-out")

    assert client.get("/office/account").status_code == 404
    assert client.get("/account").status_code == 200


def test_a_script_that_meets_the_door_is_led_there(client, shop):
    answer = client.get("/account", headers={"HX-Request": "true"})

    assert answer.status_code == 200
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/account"


def test_a_button_pressed_after_signing_out_leads_back_to_its_page(client, shop):
    answer = client.post("/account/sign-outs", headers={"Referer": "http://localhost/account/addresses"})
    assert answer.location == "/sign-in?next=/account/addresses"

    answer = client.post("/account/sign-outs", headers={"Referer": "http://evil.example/x"})
    assert answer.location == "/sign-in"


def test_the_profile_is_saved_and_shown(signed_in, mei):
    answer = signed_in.post(
        "/account/profile",
        data={
            "display_name": "Mei Lin",
            "birthday": "1990-05-01",
            "phone": "+49 30 1234567",
            "language": "en",
            "wants_news": "y",
        },
    )

    assert answer.location == "/account"
    page = signed_in.get("/account").text
    for words in ("Mei Lin", "1 May 1990", "+49 30 1234567", "Your profile is saved."):
        assert words in page


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("display_name", "", "Enter the name we should call you by."),
        ("birthday", "2999-01-01", "Enter the day you were born, in the past."),
        ("birthday", "1899-12-31", "Enter the day you were born, in the past."),
        ("birthday", "1 May", "Write the day like 1990-05-31."),
        ("phone", "call me", "Use digits and spaces, such as +49 30 1234567."),
        ("language", "xx", "Choose one of the list."),
    ],
)
def test_the_profile_says_at_the_field_what_is_wrong(signed_in, mei, field, value, sentence):
    fields = {"display_name": "Somebody", "birthday": "1990-05-01", "phone": "030 123456", "language": "en"}
    answer = signed_in.post("/account/profile", data=fields | {field: value})

    assert error_at(answer, field) == sentence
    for name, typed in (fields | {field: value}).items():
        if typed and name != "language":
            assert f'value="{typed}"' in answer.text
    with reading():
        assert people.member_of(mei).display_name == "Mei"


def test_sec_64_a_birthday_changes_once_a_year(signed_in, mei):
    fields = {"display_name": "Mei", "phone": "", "language": "en"}
    with clock.moved_to(NOON + timedelta(days=1)):
        sign_in(signed_in, mei)
        assert signed_in.post("/account/profile", data=fields | {"birthday": "1990-05-01"}).status_code == 302
        answer = signed_in.post("/account/profile", data=fields | {"birthday": "1990-06-01"})

    assert "Yours can be changed again on 3 March 2027." in error_at(answer, "birthday")
    assert 'value="1990-06-01"' in answer.text


def test_addresses_are_added_changed_made_default_and_removed(signed_in, mei):
    assert signed_in.post("/account/addresses/new", data=ADDRESS).location == "/account/addresses"
    assert signed_in.post("/account/addresses/new", data=ADDRESS | {"line1": "Quay 1"}).status_code == 302
    with reading():
        first, second = (row.id for row in people.addresses_of(mei))
    assert "United Kingdom" in signed_in.get("/account/addresses").text
    edit = signed_in.get(f"/account/addresses/{second}")
    assert 'value="Quay 1"' in edit.text
    changed = ADDRESS | {"line1": "Quay 2", "as_default": "y"}
    assert signed_in.post(f"/account/addresses/{second}", data=changed).status_code == 302
    assert signed_in.post(f"/account/addresses/{first}/default").status_code == 302
    assert signed_in.post(f"/account/addresses/{first}/removal").status_code == 302

    with reading():
        [left] = people.addresses_of(mei)
    assert (left.line1, left.is_default) == ("Quay 2", True)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("recipient", "", "Enter who receives the parcel."),
        ("line1", "", "Enter street and number."),
        ("line1", "x" * 121, "Use at most 120 characters."),
        ("postcode", "", "Enter the postcode."),
        ("city", "", "Enter the town or city."),
        ("country", "", "Choose the country."),
        ("country", "XX", "Choose one of the list."),
        ("phone", "abc", "Use digits and spaces, such as +49 30 1234567."),
    ],
)
def test_an_address_says_at_the_field_what_is_wrong(signed_in, mei, field, value, sentence):
    fields = ADDRESS | {"line2": "2nd floor", "phone": "0117 1"}
    answer = signed_in.post("/account/addresses/new", data=fields | {field: value})

    assert error_at(answer, field) == sentence
    for name, typed in (fields | {field: value}).items():
        if typed and name != "country":
            assert f'value="{typed}"' in answer.text
    if field != "country":
        assert '<option selected value="GB">' in answer.text


def test_adding_an_address_from_checkout_leads_back_there(signed_in):
    page = signed_in.get("/account/addresses/new?next=/checkout")
    assert 'name="next" value="/checkout"' in page.text

    assert signed_in.post("/account/addresses/new", data=ADDRESS | {"next": "/checkout"}).location == "/checkout"


def test_signing_out_elsewhere_says_what_it_did(app, signed_in, mei):
    other = app.test_client()
    sign_in(other, mei)
    signed_in.post("/account/sign-outs")

    assert "You are signed out on every other device." in signed_in.get("/account").text
    assert other.get("/account").status_code == 302
    assert signed_in.get("/account").status_code == 200


def test_a_visit_is_noted_by_the_page_that_was_seen(signed_in, mei):
    later = clock.now() + timedelta(minutes=6)
    with clock.moved_to(later):
        signed_in.get("/account")

    with reading():
        assert people.member_of(mei).last_seen_at == later


def test_a_full_list_of_addresses_is_said_before_anything_is_typed_and_with_what_is_wrong(signed_in, mei, monkeypatch):
    monkeypatch.setattr(people.addresses, "MOST_ADDRESSES", 1)
    page = "/account/addresses/new"
    assert signed_in.get(page).status_code == 200
    assert signed_in.post(page, data=ADDRESS).status_code == 302

    assert "You have 1 addresses, which is the most." in signed_in.get(page, follow_redirects=True).text
    refused = signed_in.post(page, data=ADDRESS | {"postcode": ""}).text
    assert "You have 1 addresses, which is the most." in refused and "Enter the postcode." in refused


@pytest.mark.parametrize("sign", ["\0", "\x01", "\x0b", "\x1f", "\x7f"])
def test_a_sign_that_is_no_text_is_left_out_of_what_was_typed_and_nothing_else_is_lost(signed_in, sign):
    assert signed_in.post("/account/addresses/new", data=ADDRESS | {"city": f"Ba{sign}th"}).status_code == 302
    assert "Bath" in signed_in.get("/account/addresses").text

    refused = signed_in.post("/account/addresses/new", data=ADDRESS | {"city": f"Ba{sign}th", "postcode": sign})
    assert refused.status_code == 422 and "Enter the postcode." in refused.text and 'value="Bath"' in refused.text
    assert signed_in.get(f"/shop?q=lam{quote(sign)}p").status_code == 200


def test_a_password_is_what_was_typed_but_for_the_one_sign_that_no_database_keeps(app):
    typed = MultiDict({"password": "a\0b\x01c", "words": "a\0b\x01c\r\n\td"})
    assert dict(readable(typed)) == {"password": "ab\x01c", "words": "abc\r\n\td"}
    assert dict(readable(MultiDict({"words": "a\nb"}))) == {"words": "a\nb"}


def test_an_address_with_a_sign_that_is_no_text_is_none_of_ours(client):
    assert client.get("/items/%00").status_code == 400


def test_an_administrator_adds_someone_who_sets_their_password(app, client, adm):
    sign_in_staff(client, adm)
    fields = {"name": "Bea", "email": "bea@tessera.example", "roles": ["operator", "finance"]}
    added = client.post("/office/staff/", data=fields)
    page = client.get(added.location).text
    link = re.search(r"http://localhost(/office/sign-in/set-up/[\w-]+)", page)
    assert link
    newcomer = app.test_client()
    assert "bea@tessera.example" in newcomer.get(link[1]).text
    weak = newcomer.post(link[1], data={"password": "password123"})
    assert "guessed first" in error_at(weak, "password")
    assert newcomer.post(link[1], data={"password": PASSWORD}).location == "/office/sign-in"

    assert (
        newcomer.post("/office/sign-in", data={"email": "bea@tessera.example", "password": PASSWORD}).status_code
        == 302
    )
    assert newcomer.get("/office/account").status_code == 200
    assert newcomer.get(link[1]).status_code == 410
    assert link[1] not in client.get(added.location).text


def test_the_staff_page_says_what_is_wrong_and_keeps_what_was_typed(client, adm, ops):
    sign_in_staff(client, adm)
    answer = client.post("/office/staff/", data={"name": "Bea", "email": "ola@tessera.example", "roles": ["finance"]})
    assert error_at(answer, "email") == "Someone on the staff has this e-mail address already."
    assert 'value="Bea"' in answer.text
    assert re.search(r'checked[^>]*value="finance"', answer.text)
    answer = client.post("/office/staff/", data={"name": "Bea", "email": "bea@tessera.example"})
    assert error_at(answer, "roles") == "Choose at least one role."

    answer = client.post(f"/office/staff/{ops}/deactivation", data={"reason": ""})
    assert error_at(answer, "reason") == "Say why; it is kept in the audit log."
    answer = client.post(f"/office/staff/{adm}/deactivation", data={"reason": "bored"})
    assert answer.status_code == 422
    assert "Your own access is for another administrator to change." in answer.text


def test_who_may_not_change_their_own_access_is_not_asked_to(client, adm, ops):
    sign_in_staff(client, adm)
    own, other = (client.get(f"/office/staff/{who}").text for who in (adm, ops))

    assert "Your own access is for another administrator to change." in own
    for act in ("deactivation", "link", "second-factor"):
        assert f"/office/staff/{adm}/{act}" not in own
        assert f"/office/staff/{ops}/{act}" in other


def test_an_administrator_lets_someone_enrol_afresh(make_app):
    app = make_app()
    with app.app_context(), transaction():
        staff_id, _token = people.add_staff(
            people.read_email("x@tessera.example"), name="X", roles=["admin"], by="system", at=NOON
        )
        people.prepare_totp(staff_id)
        people.reset_totp(staff_id, by="staff:9", at=NOON)
        assert people.staff_of(staff_id).totp_secret is None


def test_the_password_one_has_is_no_new_one(client, mei):
    sign_in(client, mei)
    answer = client.post("/account/password", data={"present": PASSWORD, "password": PASSWORD})
    assert answer.status_code == 422
    assert error_at(answer, "password") == "This is the password you have. Choose another one."
    assert client.get("/account").status_code == 200


def test_who_was_here_is_seen_on_the_staff_page(client, adm, ops):
    sign_in_staff(client, adm)
    page = client.get("/office/staff/").text
    ada, ola = (page.partition(f"{name}@tessera")[2].partition("</tr>")[0] for name in ("ada", "ola"))
    assert "<time" in ada
    assert "<time" not in ola
    assert "<time" in client.get(f"/office/staff/{adm}").text
    assert "<time" not in client.get(f"/office/staff/{ops}").text
