"""One person's e-mail has one key, however it is spelled; what is no address is refused."""

import pytest

from mall.domain.people.emails import BadEmail, read_email


@pytest.mark.parametrize(
    ("typed", "address", "key"),
    [
        ("mei@tessera.example", "mei@tessera.example", "mei@tessera.example"),
        ("  Mei@Tessera.Example ", "Mei@tessera.example", "mei@tessera.example"),
        ("mei+shop@tessera.example", "mei+shop@tessera.example", "mei@tessera.example"),
        ("m.ei@tessera.example", "m.ei@tessera.example", "m.ei@tessera.example"),
        ("M.e.i+x@GoogleMail.com", "M.e.i+x@googlemail.com", "mei@gmail.com"),
        ("ｍｅｉ@ｔｅｓｓｅｒａ.example", "mei@tessera.example", "mei@tessera.example"),
        ("mei@münchen.example", "mei@xn--mnchen-3ya.example", "mei@xn--mnchen-3ya.example"),
    ],
)
def test_an_address_and_its_key(typed, address, key):
    email = read_email(typed)

    assert (email.address, email.key) == (address, key)
    assert read_email(email.address).key == key


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "mei",
        "mei@",
        "@tessera.example",
        "mei@localhost",
        "a b@c.example",
        "mеi@tessera.example",
        "x" * 250 + "@c.de",
    ],
)
def test_what_is_no_address_is_refused(typed):
    with pytest.raises(BadEmail, match=r"name@example\.com"):
        read_email(typed)
