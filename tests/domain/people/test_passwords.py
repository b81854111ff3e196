"""A password is long enough, not guessed first, kept hashed, and compared whole."""

import pytest

from mall.domain.people import passwords
from mall.domain.people.passwords import WeakPassword, matches, outdated, password_hash, refuse_weak


@pytest.fixture(autouse=True)
def cheap():
    passwords.configure_passwords(time_cost=1, memory_kib=8)


@pytest.mark.parametrize(
    "password", ["nine char", "x" * 129, "password123", "Password 123", "abababababab", "QWERTYUIOP"]
)
def test_a_weak_password_is_refused(password):
    with pytest.raises(WeakPassword):
        refuse_weak(password)


@pytest.mark.parametrize("password", ["ten chars!", "four words in a row", "七个绿色的灯笼挂在门前", "abcd9876" * 16])
def test_anything_else_is_taken(password):
    refuse_weak(password)


@pytest.mark.parametrize(
    ("password", "unlike"),
    [
        ("lantern-2026", "Lantern@tessera.example"),
        ("my TESSERA pass", "Tessera"),
        ("green shop today", "The Green Shop"),
    ],
)
def test_the_email_and_the_name_of_the_shop_are_refused(password, unlike):
    with pytest.raises(WeakPassword, match="Leave your e-mail"):
        refuse_weak(password, unlike=[unlike])


def test_a_short_name_stands_in_too_many_words_to_be_refused():
    refuse_weak("we had meiotic cells", unlike=["mei@tessera.example", "The Mall"])


def test_the_list_holds_only_what_would_else_be_taken():
    assert len(passwords.COMMON) > 1_000
    assert all(passwords.LEAST_PASSWORD <= len(word) <= passwords.LONGEST_PASSWORD for word in passwords.COMMON)
    assert all(word == word.casefold() for word in passwords.COMMON)


def test_a_hash_fits_its_password_only():
    stored = password_hash("seven green lanterns")

    assert matches(stored, "seven green lanterns")
    assert not matches(stored, "seven green lanterns ")
    assert not matches(stored, "Seven green lanterns")
    assert "lanterns" not in stored
    assert stored != password_hash("seven green lanterns")


def test_nobodys_password_never_fits():
    assert not matches(None, "nobody has this password")
    assert not matches("", "anything at all")
    assert not matches("not a hash", "anything at all")


def test_composed_and_decomposed_letters_are_one_password():
    assert matches(password_hash("caf\u00e9 at the corner"), "cafe\u0301 at the corner")


def test_a_hash_of_cheaper_days_is_outdated():
    stored = password_hash("seven green lanterns")
    assert not outdated(stored)

    passwords.configure_passwords(time_cost=2, memory_kib=16)

    assert outdated(stored)
    assert matches(stored, "seven green lanterns")
